//! A model as plain SQL.

use crate::churn::serving;
use crate::models::{no_model, stored};
use crate::pg::error::Outcome;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::churn::expression;

/// A model of churn as an SQL expression over the columns of `rs_customer_features`: the same numbers without the extension.
#[pg_extern(stable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
pub fn rs_model_to_sql(model_id: i64) -> Result<String, ErrorReport> {
    Ok(expression_of(model_id)?)
}

fn expression_of(model_id: i64) -> Outcome<String> {
    let stored = stored(model_id)?.ok_or_else(|| no_model(model_id))?;
    let serving = serving::load(&stored)?;
    Ok(expression::of(&serving.model)?)
}
