//! Churn at the boundary: frames are read, models trained, stored, asked and explained.

mod explain;
mod export;
mod frames;
mod leak;
mod plan;
mod predict;
mod serving;
mod train;

use pgrx::prelude::*;

/// The name of the task in the registry.
const TASK: &str = "churn";

extension_sql_file!(
    "../../sql/churn_comments.sql",
    name = "churn_comments",
    requires = [
        train::rs_train_churn,
        predict::rs_predict_churn_all,
        predict::rs_predict_churn_one,
        predict::rs_predict_churn_features,
        explain::rs_explain_churn,
        leak::rs_verify_no_leak,
        export::rs_model_to_sql,
        "churn_frame"
    ]
);
