//! Features: set-wise SQL, point in time by construction.

use pgrx::prelude::*;

extension_sql_file!(
    "../sql/features.sql",
    name = "features",
    requires = ["schema"]
);
extension_sql_file!(
    "../sql/churn_frame.sql",
    name = "churn_frame",
    requires = ["features"]
);
