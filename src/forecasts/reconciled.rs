//! Revenue by country, and the total, forecast so that they add up.

use crate::forecasts::query::{Request, SEED};
use crate::forecasts::series::Series;
use crate::forecasts::{day_of, figures, holidays, json_of, text};
use crate::pg::cursor::{Rows, Snapshot, for_each_batch_in};
use crate::pg::datum::date;
use crate::pg::error::{Failure, Outcome};
use crate::pg::interrupt::{Crew, Watch, with_crew};
use crate::pg::json::Document;
use crate::pg::rowset::{Call, Cell, RowSet};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::control::{Charge, Control, reserve};
use retailscope_engine::forecasts::{
    BatchRequest, HierarchyForecast, Observed, Reconciliation, forecast_hierarchy,
};

const PHASE: &str = "reading sales";

/// Forecasts revenue by country and in total, so that the countries add up to the total.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_forecast_reconciled(horizon integer DEFAULT 30, method text DEFAULT 'mint_shrink', level float8 DEFAULT 0.95,
                                                   model text DEFAULT 'auto', params jsonb DEFAULT '{}')
RETURNS TABLE(series text, date date, forecast float8, base_forecast float8, lower float8, upper float8, model text, note text)
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
pub fn rs_forecast_reconciled(
    call: Call,
    horizon: Option<i32>,
    method: Option<&str>,
    level: Option<f64>,
    model: Option<&str>,
    params: Option<Document>,
) -> Result<(), ErrorReport> {
    let method = Reconciliation::parse(method.unwrap_or("mint_shrink")).map_err(Failure::from)?;
    let request = Request::checked(model, horizon, level, &json_of(params)?)?;
    forecast(RowSet::begin(&call)?, method, request)?;
    Ok(())
}

fn forecast(mut out: RowSet, method: Reconciliation, request: Request) -> Outcome<()> {
    let mut shop = Series::parse("revenue")?.read(request.params.as_of)?;
    let end = shop.stamp(shop.len()).unwrap_or(shop.first);
    shop.holidays = holidays::around(&request.holidays, day_of(shop.first), day_of(end));
    let (names, found) = with_crew(|crew| {
        let countries = read(shop, crew)?;
        let watch = crew.watch();
        let worker = crew.spawn("forecasts", move || {
            watch.in_parallel(|| {
                let found = compute(&countries.parts, method, &request, watch)?;
                Ok((countries.names, found))
            })
        })?;
        crew.join(worker)
    })?;
    let all = std::iter::once("revenue").chain(names.iter().map(String::as_str));
    for (name, found) in all.zip(&found) {
        put(&mut out, name, found)?;
    }
    Ok(())
}

fn compute(
    parts: &[Observed],
    method: Reconciliation,
    request: &Request,
    watch: &Watch,
) -> Outcome<Vec<HierarchyForecast>> {
    let batch = BatchRequest {
        params: &request.params,
        horizon: request.horizon,
        level: request.level,
        seed: SEED,
    };
    Ok(forecast_hierarchy(parts, &batch, method, watch)?)
}

/// Revenue by country, each for all days of the shop.
#[derive(Default)]
struct Countries {
    /// Names of series.
    names: Vec<String>,
    parts: Vec<Observed>,
    charge: Charge,
}

impl Countries {
    fn add(&mut self, rows: &Rows<'_>, shop: &Observed, control: &dyn Control) -> Outcome<()> {
        for row in 0..rows.len() {
            let country = rows.text(row, 0).unwrap_or_default();
            let name = format!("country:{}", String::from_utf8_lossy(country));
            if self.names.last() != Some(&name) {
                // The values, and a forecast's copies of them.
                let bytes = shop.len() as u64 * 4 * size_of::<f64>() as u64;
                self.charge
                    .set(self.charge.bytes() + bytes, PHASE, control)?;
                reserve(&mut self.parts, 1, PHASE)?;
                let mut part = shop.clone();
                part.values.fill(0.0);
                self.parts.push(part);
                self.names.push(name);
            }
            let (Some(day), Some(amount)) = (rows.i32(row, 1), rows.f64(row, 2)) else {
                continue;
            };
            let place = usize::try_from(day.saturating_sub(day_of(shop.first))).ok();
            let part = self.parts.last_mut();
            if let Some(value) = part
                .zip(place)
                .and_then(|(part, at)| part.values.get_mut(at))
            {
                *value = amount;
            }
        }
        Ok(())
    }
}

fn read(shop: Observed, crew: &Crew<'_, '_>) -> Outcome<Countries> {
    crew.announce(PHASE);
    let mut countries = Countries::default();
    let end = shop.stamp(shop.len()).unwrap_or(shop.first);
    for_each_batch_in(
        Snapshot::Statement,
        "SELECT f.country, f.date - date '1970-01-01', sum(f.amount)::float8
         FROM retailscope.fact_sales AS f
         JOIN retailscope.dim_product AS p ON p.product_key = f.product_key
         WHERE p.is_merchandise AND f.line_kind = 'sale' AND f.date >= $1 AND f.date < $2
         GROUP BY f.country, f.date ORDER BY f.country COLLATE \"C\", f.date",
        &[date(day_of(shop.first)), date(day_of(end))],
        |rows| {
            countries.add(rows, &shop, crew.watch())?;
            crew.poll();
            Ok(())
        },
    )?;
    Ok(countries)
}

fn put(out: &mut RowSet, name: &str, found: &HierarchyForecast) -> Outcome<()> {
    for (point, base) in found.points.iter().zip(&found.base) {
        let [forecast, lower, upper] = figures(point);
        out.put(&[
            Cell::Text(name),
            Cell::Date(day_of(point.stamp)),
            forecast,
            Cell::Float(*base),
            lower,
            upper,
            Cell::Text(&found.model),
            text(found.note.as_deref()),
        ])?;
    }
    Ok(())
}
