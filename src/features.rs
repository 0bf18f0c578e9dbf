//! Features: set-wise SQL, point in time by construction.

use pgrx::prelude::*;

extension_sql_file!(
    "../sql/features.sql",
    name = "features",
    requires = ["schema"]
);
