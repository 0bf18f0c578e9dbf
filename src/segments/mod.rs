//! Segments at the boundary: customers are read, grouped, and told their group.

mod assign;
mod train;

use pgrx::prelude::*;

/// The name of the task in the registry.
const TASK: &str = "segments";

extension_sql_file!(
    "../../sql/segments.sql",
    name = "segments",
    requires = [
        "models",
        "features",
        "churn_comments",
        train::rs_train_segments,
        assign::rs_segment_customers,
        assign::rs_segment_customer_id,
        assign::rs_segment_customer_rfm
    ]
);
