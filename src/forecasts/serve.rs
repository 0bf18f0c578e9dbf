//! The forecasts that serve: of a stored model, brought up to the last day that the marts know.

use crate::forecasts::series::Series;
use crate::forecasts::{coverage, day_of, figures, steps_ahead};
use crate::models::{Cache, Stored, bytes_of, forecast_model, serving, serving_or_hint};
use crate::pg::error::{Failure, Outcome};
use crate::pg::interrupt::OnMainThread;
use crate::pg::rowset::{Call, Cell, RowSet};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::forecasts::ForecastModel;
use std::rc::Rc;

thread_local! {
    static MODELS: Cache<ForecastModel> = const { Cache::new() };
}

/// A stored model, decoded, checked, and kept for the next call.
///
/// # Errors
/// XX001 when it is damaged, 55000 when it is no forecast.
pub fn load(stored: &Stored) -> Outcome<Rc<ForecastModel>> {
    MODELS.with(|cache| cache.get(stored, |stored| forecast_model(&bytes_of(stored)?)))
}

/// Revenue of the coming days.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_forecast_revenue(horizon integer DEFAULT 30, level float8 DEFAULT 0.95)
RETURNS TABLE(date date, forecast float8, lower float8, upper float8, model text, model_id bigint)
LANGUAGE c STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
pub fn rs_forecast_revenue(
    call: Call,
    horizon: Option<i32>,
    level: Option<f64>,
) -> Result<(), ErrorReport> {
    forecast(&call, Series::parse("revenue")?, horizon, level)?;
    Ok(())
}

/// Units of a product that the coming days will sell.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_forecast_demand(stock_code text, horizon integer DEFAULT 30, level float8 DEFAULT 0.95)
RETURNS TABLE(date date, forecast float8, lower float8, upper float8, model text, model_id bigint)
LANGUAGE c STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
pub fn rs_forecast_demand(
    call: Call,
    stock_code: Option<&str>,
    horizon: Option<i32>,
    level: Option<f64>,
) -> Result<(), ErrorReport> {
    let Some(code) = stock_code else {
        return Err(Failure::invalid("stock_code must not be NULL")
            .hint("All products at once: SELECT * FROM rs_forecast_products();")
            .into());
    };
    forecast(&call, Series::of_product(code), horizon, level)?;
    Ok(())
}

/// Any series of the warehouse.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_forecast_series(series text, horizon integer DEFAULT 30, level float8 DEFAULT 0.95)
RETURNS TABLE(date date, forecast float8, lower float8, upper float8, model text, model_id bigint)
LANGUAGE c STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
pub fn rs_forecast_series(
    call: Call,
    series: Option<&str>,
    horizon: Option<i32>,
    level: Option<f64>,
) -> Result<(), ErrorReport> {
    forecast(
        &call,
        Series::parse(series.unwrap_or("revenue"))?,
        horizon,
        level,
    )?;
    Ok(())
}

fn forecast(call: &Call, series: Series, horizon: Option<i32>, level: Option<f64>) -> Outcome<()> {
    let (horizon, level) = (steps_ahead(horizon)?, coverage(level, 0.95)?);
    let mut out = RowSet::begin(call)?;
    let current = Current::of(series)?;
    let label = current.model.label();
    for point in current
        .model
        .forecast(horizon, level, &OnMainThread::new()?)?
    {
        let [forecast, lower, upper] = figures(&point);
        out.put(&[
            Cell::Date(day_of(point.stamp)),
            forecast,
            lower,
            upper,
            Cell::Text(&label),
            Cell::Big(current.model_id),
        ])?;
    }
    Ok(())
}

/// The model that serves a series, having seen all days that the marts know.
pub struct Current {
    /// Its number.
    pub model_id: i64,
    /// The model.
    pub model: Rc<ForecastModel>,
}

impl Current {
    /// The one of a series.
    ///
    /// # Errors
    /// 55000 without one, 22023 for a product or country that does not exist, XX001 when it is damaged.
    pub fn of(series: Series) -> Outcome<Current> {
        let (stored, series) = find(series)?;
        let mut model = load(&stored)?;
        if let Some(newer) = series.since(day_of(model.end()).saturating_add(1))? {
            Rc::make_mut(&mut model).append(&newer, &OnMainThread::new()?)?;
        }
        Ok(Current {
            model_id: stored.model_id,
            model,
        })
    }
}

/// What serves a series. Names are looked up only where the name as it was given has no model.
fn find(series: Series) -> Outcome<(Stored, Series)> {
    if let Some(stored) = serving(&series.task())? {
        return Ok((stored, series));
    }
    let known = series.known()?;
    let hint = match &known {
        Series::Kpi(0) => "SELECT * FROM rs_train_forecast();".to_owned(),
        other => format!(
            "SELECT * FROM rs_train_forecast({});",
            pgrx::spi::quote_literal(other.name())
        ),
    };
    Ok((serving_or_hint(&known.task(), &hint)?, known))
}
