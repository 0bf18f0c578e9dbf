//! Why a forecast is what it is.

use crate::forecasts::series::Series;
use crate::forecasts::serve::Current;
use crate::forecasts::{day_of, steps_ahead};
use crate::pg::error::Outcome;
use crate::pg::interrupt::OnMainThread;
use crate::pg::rowset::{Call, Cell, RowSet};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// The parts of the forecast of a series by the model that serves it.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_explain_forecast(series text DEFAULT 'revenue', horizon integer DEFAULT 30)
RETURNS TABLE(date date, forecast float8, level float8, trend float8, season float8, holidays float8, regressors float8, remainder float8,
              model text, model_id bigint)
LANGUAGE c STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
pub fn rs_explain_forecast(
    call: Call,
    series: Option<&str>,
    horizon: Option<i32>,
) -> Result<(), ErrorReport> {
    let series = Series::parse(series.unwrap_or("revenue"))?;
    let horizon = steps_ahead(horizon)?;
    explain(RowSet::begin(&call)?, series, horizon)?;
    Ok(())
}

fn explain(mut out: RowSet, series: Series, horizon: usize) -> Outcome<()> {
    let current = Current::of(series)?;
    let label = current.model.label();
    for (point, parts) in current.model.explain(horizon, &OnMainThread::new()?)? {
        out.put(&[
            Cell::Date(day_of(point.stamp)),
            Cell::Float(point.forecast),
            Cell::Float(parts.level),
            Cell::Float(parts.trend),
            Cell::Float(parts.season),
            Cell::Float(parts.holidays),
            Cell::Float(parts.regressors),
            Cell::Float(parts.remainder),
            Cell::Text(&label),
            Cell::Big(current.model_id),
        ])?;
    }
    Ok(())
}
