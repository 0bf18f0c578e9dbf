//! Demand for all products, each on its own, without stored models.

use crate::forecasts::batch::{self, TOGETHER};
use crate::forecasts::query::Request;
use crate::forecasts::{DAY, day_of, figures, json_of, series, text};
use crate::pg::cursor::{Snapshot, for_each_batch_in};
use crate::pg::datum::date;
use crate::pg::error::{Failure, Outcome};
use crate::pg::interrupt::{Crew, with_crew};
use crate::pg::json::Document;
use crate::pg::rowset::{Call, Cell, RowSet};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::control::Control;
use retailscope_engine::forecasts::{Frequency, Observed, SeriesForecast};

const PHASE: &str = "reading sales";

/// Forecasts the demand for every product, the best sellers first.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_forecast_products(horizon integer DEFAULT 30, n integer DEFAULT NULL, model text DEFAULT 'auto',
                                                 level float8 DEFAULT 0.95, params jsonb DEFAULT '{}')
RETURNS TABLE(stock_code text, date date, forecast float8, lower float8, upper float8, model text, note text)
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
pub fn rs_forecast_products(
    call: Call,
    horizon: Option<i32>,
    n: Option<i32>,
    model: Option<&str>,
    level: Option<f64>,
    params: Option<Document>,
) -> Result<(), ErrorReport> {
    if let Some(n) = n.filter(|n| *n < 0) {
        return Err(Failure::invalid(format!("n must be 0 or more, not {n}"))
            .hint("NULL is for all products.")
            .into());
    }
    let request = Request::checked(model, horizon, level, &json_of(params)?)?;
    forecast(RowSet::begin(&call)?, n, request)?;
    Ok(())
}

/// The days that the shop was open.
struct Calendar {
    /// Days since 1970.
    first: i32,
    open: Vec<bool>,
}

/// Units sold of a product, by day.
struct Product {
    code: String,
    days: Vec<(i32, f64)>,
}

fn forecast(mut out: RowSet, n: Option<i32>, request: Request) -> Outcome<()> {
    let shop = series::Series::parse("units")?.read(request.params.as_of)?;
    let calendar = Calendar {
        first: day_of(shop.first),
        open: shop.open,
    };
    with_crew(|crew| {
        let watch = crew.watch();
        let end = calendar.end();
        batch::run(
            crew,
            move |product: Product| {
                let found = request.forecast(Ok(calendar.observed(&product)), watch)?;
                Ok((product.code, found))
            },
            |send| read(n, end, crew, send),
            |(code, found)| put(&mut out, &code, &found),
        )
    })
}

impl Calendar {
    /// The day after its last one.
    fn end(&self) -> i32 {
        let days = i32::try_from(self.open.len()).unwrap_or(i32::MAX);
        self.first.saturating_add(days)
    }

    /// The days of a product from its first sale on.
    fn observed(&self, product: &Product) -> Observed {
        let first = product
            .days
            .first()
            .map_or(self.first, |d| d.0)
            .max(self.first);
        let place = |day: i32| usize::try_from(day.saturating_sub(first)).ok();
        let open: Vec<bool> = self
            .open
            .iter()
            .skip(usize::try_from(first.saturating_sub(self.first)).unwrap_or(0))
            .copied()
            .collect();
        let mut values = vec![0.0; open.len()];
        for (day, units) in &product.days {
            if let Some(value) = place(*day).and_then(|at| values.get_mut(at)) {
                *value += units;
            }
        }
        let mut observed = Observed::new(Frequency::DAY, i64::from(first) * DAY, values);
        observed.open = open;
        observed
    }
}

/// The products by the units that they sold in the last year, and their days.
const SALES: &str = "
    WITH sold AS MATERIALIZED (
        SELECT f.product_key, f.date, sum(f.quantity) AS units
        FROM retailscope.fact_sales AS f
        WHERE f.line_kind = 'sale' AND f.date < $1
        GROUP BY f.product_key, f.date
    ),
    best AS (
        SELECT p.product_key, p.stock_code,
               row_number() OVER (ORDER BY coalesce(sum(s.units) FILTER (WHERE s.date >= $1 - 365), 0) DESC, p.stock_code COLLATE \"C\") AS place
        FROM sold AS s
        JOIN retailscope.dim_product AS p ON p.product_key = s.product_key
        WHERE p.is_merchandise
        GROUP BY p.product_key, p.stock_code
        ORDER BY place
        LIMIT $2
    )
    SELECT b.stock_code, s.date - date '1970-01-01', s.units::float8
    FROM best AS b
    JOIN sold AS s ON s.product_key = b.product_key
    ORDER BY b.place, s.date";

fn read(
    n: Option<i32>,
    end: i32,
    crew: &Crew<'_, '_>,
    send: &mut dyn FnMut(Vec<Product>) -> Outcome<()>,
) -> Outcome<()> {
    crew.announce(PHASE);
    let limit = n.map(i64::from);
    let mut products: Vec<Product> = Vec::new();
    let mut read = 0;
    for_each_batch_in(
        Snapshot::Statement,
        SALES,
        &[date(end), limit.into()],
        |rows| {
            for row in 0..rows.len() {
                let code = rows.text(row, 0).unwrap_or_default();
                if products.last().is_none_or(|p| p.code.as_bytes() != code) {
                    if products.len() >= TOGETHER {
                        send(std::mem::take(&mut products))?;
                    }
                    products.push(Product {
                        code: String::from_utf8_lossy(code).into_owned(),
                        days: Vec::new(),
                    });
                }
                if let (Some(product), Some(day), Some(units)) =
                    (products.last_mut(), rows.i32(row, 1), rows.f64(row, 2))
                {
                    product.days.push((day, units));
                }
            }
            read += rows.len() as u64;
            crew.watch().progress(PHASE, read, 0);
            crew.poll();
            Ok(())
        },
    )?;
    send(products)
}

fn put(out: &mut RowSet, code: &str, found: &SeriesForecast) -> Outcome<()> {
    let (code, note) = (Cell::Text(code), text(found.note.as_deref()));
    let nothing = Cell::Null;
    if found.points.is_empty() {
        return out.put(&[code, nothing, nothing, nothing, nothing, nothing, note]);
    }
    for point in &found.points {
        let [forecast, lower, upper] = figures(point);
        let day = Cell::Date(day_of(point.stamp));
        out.put(&[
            code,
            day,
            forecast,
            lower,
            upper,
            Cell::Text(&found.model),
            note,
        ])?;
    }
    Ok(())
}
