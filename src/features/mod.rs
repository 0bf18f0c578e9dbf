//! Features: set-wise SQL, point in time by construction, and the queries that models read them with.

mod catalog;
pub mod day;
mod query;

pub use catalog::{Known, check, known, meaning};
pub use day::day_after_newest;
pub use query::{of_all, of_one, of_one_day, of_truncated_facts, unknown_customer, values};

use pgrx::prelude::*;

extension_sql_file!(
    "../../sql/features.sql",
    name = "features",
    requires = ["schema"]
);
extension_sql_file!(
    "../../sql/churn_frame.sql",
    name = "churn_frame",
    requires = ["features", day::rs_default_as_of]
);
