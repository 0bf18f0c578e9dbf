//! Models: the registry in which trained models are stored, and from which they serve.

mod cache;
mod open;
mod registry;

pub use cache::Cache;
pub use open::{churn_model, forecast_model, rule_model, segment_model};
pub use registry::{
    NewModel, Stored, bytes_of, lock, promote, serving, serving_or_hint, store, stored,
};

use crate::pg::error::{Failure, Outcome};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// Reads a stored model and checks it: its pieces, its length, its checksum, its form. Anything wrong is an ERROR.
#[pg_extern(stable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
fn rs_verify_model(model_id: i64) -> Result<(), ErrorReport> {
    verify(model_id)?;
    Ok(())
}

fn verify(model_id: i64) -> Outcome<()> {
    let stored = stored(model_id)?.ok_or_else(|| no_model(model_id))?;
    open::verify(&bytes_of(&stored)?)
}

/// There is no model of this number.
pub fn no_model(model_id: i64) -> Failure {
    Failure::new(
        PgSqlErrorCode::ERRCODE_UNDEFINED_OBJECT,
        format!("there is no model {model_id}"),
    )
    .hint("SELECT * FROM rs_models();")
}

extension_sql_file!(
    "../../sql/models.sql",
    name = "models",
    requires = ["schema", rs_verify_model]
);
