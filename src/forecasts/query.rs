//! Forecasts of any query's series, thousands in one call.

use crate::forecasts::batch::{self, TOGETHER};
use crate::forecasts::groups::{self, Group};
use crate::forecasts::{DAY, coverage, day_of, figures, holidays, json_of, steps_ahead, text};
use crate::pg::error::{Failure, Outcome};
use crate::pg::interrupt::with_crew;
use crate::pg::json::Document;
use crate::pg::query::UserQuery;
use crate::pg::rowset::{Call, Cell, RowSet};
use crate::pg::settings::locally;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::control::{Control, Stop};
use retailscope_engine::forecasts::{
    BatchRequest, ForecastError, ForecastParams, Frequency, Observed, SeriesForecast,
    forecast_series,
};
use serde_json::Value;

/// What random draws come from.
pub const SEED: i64 = 42;

/// What is asked for, of every series.
pub struct Request {
    pub params: ForecastParams,
    pub horizon: usize,
    pub level: f64,
    pub frequency: Option<Frequency>,
    /// Days since 1970, ascending.
    pub holidays: Vec<i32>,
}

/// Forecasts the series of a query. Without a search path of its own: the query is the caller's.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_forecast(query text, horizon integer, model text DEFAULT 'auto', level float8 DEFAULT 0.95,
                                        freq text DEFAULT 'auto', season_length integer DEFAULT NULL, params jsonb DEFAULT '{}')
RETURNS TABLE(unique_id text, ds timestamp, forecast float8, lower float8, upper float8, model text, note text)
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
#[allow(clippy::too_many_arguments)]
pub fn rs_forecast(
    call: Call,
    query: Option<&str>,
    horizon: Option<i32>,
    model: Option<&str>,
    level: Option<f64>,
    freq: Option<&str>,
    season_length: Option<i32>,
    params: Option<Document>,
) -> Result<(), ErrorReport> {
    let json = with_season(json_of(params)?, season_length)?;
    let Some(query) = query else {
        return Err(Failure::invalid("query must not be NULL")
            .hint(format!("It is a query of series, such as {EXAMPLE}."))
            .into());
    };
    let Some(horizon) = horizon else {
        return Err(Failure::invalid("horizon must not be NULL")
            .hint("It is the number of steps to forecast.")
            .into());
    };
    let mut request = Request::checked(model, Some(horizon), level, &json)?;
    request.frequency = Frequency::parse(freq.unwrap_or("auto")).map_err(Failure::from)?;
    let query = UserQuery {
        text: query,
        argument: "query",
        example: EXAMPLE,
    };
    forecast(RowSet::begin(&call)?, &query, request)?;
    Ok(())
}

const EXAMPLE: &str =
    "SELECT shop AS unique_id, day AS ds, sum(price) AS y FROM orders GROUP BY 1, 2";

/// `season_length` is the key `season` of `params`.
fn with_season(mut json: Value, season_length: Option<i32>) -> Outcome<Value> {
    if let (Some(length), Some(all)) = (season_length, json.as_object_mut()) {
        if length < 1 {
            return Err(Failure::invalid(format!(
                "season_length must be 1 or more, not {length}"
            ))
            .hint("It is the number of steps after which a pattern comes again; 1 is for none, NULL for the usual one."));
        }
        all.insert("season".to_owned(), length.into());
    }
    Ok(json)
}

impl Request {
    /// The arguments that hold for all series.
    ///
    /// # Errors
    /// 22023.
    pub fn checked(
        model: Option<&str>,
        horizon: Option<i32>,
        level: Option<f64>,
        json: &Value,
    ) -> Outcome<Request> {
        let params = ForecastParams::parse(model.unwrap_or("auto"), json)?;
        let request = Request {
            horizon: steps_ahead(horizon)?,
            level: coverage(level, 0.95)?,
            frequency: None,
            holidays: match &params.holidays {
                Some(region) => holidays::days_of(region)?,
                None => Vec::new(),
            },
            params,
        };
        Ok(request)
    }

    /// Forecasts one series.
    ///
    /// # Errors
    /// Those that end the call: cancelled, or short of memory.
    pub fn forecast(
        &self,
        observed: Result<Observed, ForecastError>,
        control: &dyn Control,
    ) -> Result<SeriesForecast, Stop> {
        let observed = observed.map(|mut series| {
            let end = series.stamp(series.len()).unwrap_or(series.first);
            series.holidays = holidays::around(&self.holidays, day_of(series.first), day_of(end));
            series
        });
        let request = BatchRequest {
            params: &self.params,
            horizon: self.horizon,
            level: self.level,
            seed: SEED,
        };
        forecast_series(observed, &request, control)
    }

    /// The series of a group of rows.
    fn observed(
        &self,
        group: &Group,
        control: &dyn Control,
    ) -> Outcome<Result<Observed, ForecastError>> {
        let (mut rows, undated) = group.rows(control)?;
        if let Some(day) = self.params.as_of {
            let end = i64::from(day) * DAY;
            for row in rows.iter_mut().filter(|row| row.0 >= end) {
                // What explains it may be known in advance.
                if let Some(y) = row.1.first_mut() {
                    *y = f64::NAN;
                }
            }
        }
        let mut observed = Observed::on_grid(rows, &self.params.xreg, self.frequency, control);
        if let Ok(series) = &mut observed
            && undated > 0
        {
            series
                .notes
                .push(format!("{undated} rows without a ds were left out"));
        }
        Ok(observed)
    }
}

fn forecast(mut out: RowSet, query: &UserQuery<'_>, request: Request) -> Outcome<()> {
    let xreg = request.params.xreg.clone();
    // Compiling the query takes longer than it saves, and hears no cancel.
    locally(&[(c"jit", c"off")], || {
        with_crew(|crew| {
            let watch = crew.watch();
            batch::run(
                crew,
                move |group: Group| {
                    let observed = request.observed(&group, watch)?;
                    let found = request.forecast(observed, watch)?;
                    Ok((group.id, found))
                },
                |send| groups::read(query, &xreg, TOGETHER, crew, send),
                |(id, found)| put(&mut out, id.as_deref(), &found),
            )
        })
    })
}

fn put(out: &mut RowSet, id: Option<&str>, found: &SeriesForecast) -> Outcome<()> {
    let (id, note) = (text(id), text(found.note.as_deref()));
    let nothing = Cell::Null;
    if found.points.is_empty() {
        return out.put(&[id, nothing, nothing, nothing, nothing, nothing, note]);
    }
    for point in &found.points {
        let [forecast, lower, upper] = figures(point);
        let ds = Cell::Timestamp(point.stamp);
        out.put(&[
            id,
            ds,
            forecast,
            lower,
            upper,
            Cell::Text(&found.model),
            note,
        ])?;
    }
    Ok(())
}
