//! A total and its parts, forecast each on its own and then made to add up.

use rayon::prelude::*;

use super::batch::{BatchRequest, Fitting, fitted};
use super::forecaster::Point;
use super::observed::Observed;
use super::plan::least_known;
use super::recipe::{Recipe, TransformChoice};
use super::reconcile::{Reconcile, Reconciliation, Structure, reconcile};
use super::walk::Walk;
use super::{ForecastError, Method};
use crate::control::Control;

/// Times at which errors one step ahead are taken: what the correlations between series are told from.
const TIMES: usize = 300;

/// One series of a hierarchy.
#[derive(Debug, Clone, Default)]
pub struct HierarchyForecast {
    /// The coming steps, made to add up.
    pub points: Vec<Point>,
    /// The forecasts before that.
    pub base: Vec<f64>,
    /// What was fitted.
    pub model: String,
    /// What was done to the data.
    pub note: Option<String>,
}

/// A series, what was fitted to it, and its errors.
struct Member {
    fitting: Fitting,
    points: Vec<Point>,
    errors: Vec<f64>,
}

/// Forecasts the sum of series of one grid, and each of them, so that they add up: the total first, then the parts in their order.
/// A part that the method cannot be fitted to has its mean as the forecast before. No forecast is below 0 where no value was.
///
/// # Errors
/// [`ForecastError::Empty`] without parts, [`ForecastError::Shape`] for parts of different grids; what the total and [`reconcile`] give.
pub fn forecast_hierarchy(
    parts: &[Observed],
    request: &BatchRequest<'_>,
    method: Reconciliation,
    control: &dyn Control,
) -> Result<Vec<HierarchyForecast>, ForecastError> {
    request.check()?;
    let total = total_of(parts)?;
    let all: Vec<&Observed> = std::iter::once(&total).chain(parts).collect();
    let members: Vec<Member> = all
        .par_iter()
        .enumerate()
        .map(|(at, observed)| member(observed, at == 0, request, control))
        .collect::<Result<_, _>>()?;
    let mut base = Vec::with_capacity(members.len());
    let mut residuals = Vec::with_capacity(members.len());
    for member in &members {
        base.push(
            member
                .points
                .iter()
                .map(|p| p.forecast)
                .collect::<Vec<f64>>(),
        );
        residuals.push(member.errors.clone());
    }
    let structure = Structure::total_of(parts.len())?;
    let what = Reconcile {
        structure: &structure,
        method,
        non_negative: total.values.iter().all(|v| v.is_nan() || *v >= 0.0),
    };
    let reconciled = reconcile(&what, &base, &residuals, control)?;
    let rows = reconciled.forecasts.iter().zip(&reconciled.spread);
    Ok(members
        .into_iter()
        .zip(base)
        .zip(rows)
        .map(|((member, base), (row, spread))| HierarchyForecast {
            points: moved(&member.points, row, *spread, what.non_negative),
            base,
            model: member.fitting.forecaster.fit.label(),
            note: member.fitting.note(),
        })
        .collect())
}

fn total_of(parts: &[Observed]) -> Result<Observed, ForecastError> {
    let mut total = parts.first().ok_or(ForecastError::Empty)?.clone();
    for part in parts.iter().skip(1) {
        if (part.first, part.frequency, part.len()) != (total.first, total.frequency, total.len()) {
            return Err(ForecastError::Shape {
                what: "the steps of a part",
                found: part.len(),
                wanted: total.len(),
            });
        }
        for (sum, value) in total.values.iter_mut().zip(&part.values) {
            *sum += value;
        }
    }
    total.check()?;
    Ok(total)
}

fn member(
    observed: &Observed,
    is_total: bool,
    request: &BatchRequest<'_>,
    control: &dyn Control,
) -> Result<Member, ForecastError> {
    let fitting = match fitted(observed, request, control) {
        Ok(fitting) => fitting,
        Err(ForecastError::Stopped(stop)) => return Err(stop.into()),
        Err(why) if is_total => return Err(why),
        Err(why) => {
            let mean = Recipe {
                transform: TransformChoice::None,
                ..request.params.recipe(Method::Mean, request.horizon)
            };
            let mut fitting = Fitting::of(observed, mean, request, control)?;
            fitting.notes.push(format!("{why}: its mean"));
            fitting
        }
    };
    let forecaster = &fitting.forecaster;
    Ok(Member {
        points: forecaster.forecast(observed, request.horizon, request.level, control)?,
        errors: errors(observed, &fitting.recipe, request, control)?,
        fitting,
    })
}

/// The errors one step ahead at the last steps, of a method that was fitted before them; NaN where there is no value.
fn errors(
    observed: &Observed,
    recipe: &Recipe,
    request: &BatchRequest<'_>,
    control: &dyn Control,
) -> Result<Vec<f64>, ForecastError> {
    let steps = observed.len();
    let season = observed.frequency.season();
    // The same times for all series, whatever the season of each.
    let first = (steps / 2)
        .max(steps.saturating_sub(TIMES))
        .max(least_known(season));
    let cutoffs: Vec<usize> = (first..steps).collect();
    let walk = Walk {
        observed,
        options: request.params.timeline(),
        cutoffs: &cutoffs,
        horizon: 1,
        gap: 0,
        window: None,
        level: request.level,
        refit: false,
        seed: request.seed,
    };
    let error = |run: &super::walk::Run| {
        let outcome = run.outcomes.first();
        outcome.map_or(f64::NAN, |o| o.forecast - o.actual)
    };
    match walk.run(recipe, control) {
        Ok(runs) => Ok(runs.iter().map(error).collect()),
        Err(ForecastError::Stopped(stop)) => Err(stop.into()),
        // What cannot be fitted to its first half errs as if the last value were to stay.
        Err(_) => Ok(cutoffs
            .iter()
            .map(|at| {
                let value = |at: usize| observed.values.get(at).copied();
                let before = at.checked_sub(1).and_then(value);
                before.zip(value(*at)).map_or(f64::NAN, |(a, b)| a - b)
            })
            .collect()),
    }
}

/// Points at their reconciled forecasts, with intervals as much wider or narrower as the errors are.
fn moved(points: &[Point], forecasts: &[f64], spread: f64, floor: bool) -> Vec<Point> {
    points
        .iter()
        .zip(forecasts)
        .map(|(point, forecast)| {
            let at = |bound: f64| {
                let moved = forecast + (bound - point.forecast) * spread;
                if floor { moved.max(0.0) } else { moved }
            };
            Point {
                forecast: *forecast,
                bounds: point.bounds.map(|(lower, upper)| (at(lower), at(upper))),
                ..*point
            }
        })
        .collect()
}

#[cfg(test)]
#[path = "hierarchy_tests.rs"]
mod tests;
