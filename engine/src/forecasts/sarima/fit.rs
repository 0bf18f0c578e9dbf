//! From a series to a fitted model.

use super::estimate::{Care, Estimate, determined, estimate, standard_errors, usual_starts};
use super::model::Sarima;
use super::params::{Orders, SarimaParams};
use super::problem::{Problem, Terms};
use super::search::{Found, search};
use super::settle::settle;
use crate::control::{Charge, Control};
use crate::forecasts::{ForecastError, Input};

const NAME: &str = "sarima";
/// The fewest values from which a model is made.
const FEWEST: usize = 3;

/// Fits a SARIMA model, with the input's regressors where it has any, by exact maximum likelihood: Harvey's state space form of the
/// differenced series with its stationary start, coefficients of the regression and the variance concentrated out. Where
/// `params` does not give the orders, they are found by the stepwise search of Hyndman and Khandakar (2008).
///
/// Missing values before the first one are left out; later ones are stepped over by the filter, also where there are
/// differences, so that nothing else is lost with them. Memory: about 40 numbers for each value and regressor, and three for each pair
/// of lags.
///
/// # Errors
/// [`ForecastError::Params`], [`ForecastError::Empty`], [`ForecastError::TooShort`], [`ForecastError::Infinite`],
/// [`ForecastError::Shape`] when a regressor has not a value for each step, [`ForecastError::Regressor`] when one is constant, depends on the
/// others or is no finite number, [`ForecastError::NoFit`], [`ForecastError::Stopped`].
pub fn fit(
    input: &Input<'_>,
    params: &SarimaParams,
    control: &dyn Control,
) -> Result<Sarima, ForecastError> {
    params.check(input.season)?;
    check_values(input)?;
    let Some(first) = input.y.iter().position(|v| !v.is_nan()) else {
        return Err(ForecastError::Empty);
    };
    let y = &input.y[first..];
    let seen = y.iter().filter(|v| !v.is_nan()).count();
    if seen < FEWEST {
        return Err(ForecastError::TooShort {
            method: NAME,
            needed: FEWEST,
            found: seen,
        });
    }
    let numbers = y.len().saturating_mul(40 + 4 * input.regressors.len());
    let _charge = Charge::new(8 * numbers as u64, NAME, control)?;
    let regressors: Vec<Vec<f64>> = input
        .regressors
        .iter()
        .map(|x| x[first..].to_vec())
        .collect();
    let found = match params.given(input.season) {
        Some(orders) => with_orders(y, &regressors, orders, params, control)?,
        None => found(y, &regressors, input.season, params, control)?,
    };
    finished(y, &regressors, &found, control)
}

/// Refuses what cannot be computed with.
pub(super) fn check_values(input: &Input<'_>) -> Result<(), ForecastError> {
    if input.y.iter().any(|v| v.is_infinite() || v.abs() > 1e15) {
        return Err(ForecastError::Infinite);
    }
    for (i, x) in input.regressors.iter().enumerate() {
        if x.len() != input.y.len() {
            return Err(ForecastError::Shape {
                what: "values of a regressor",
                found: x.len(),
                wanted: input.y.len(),
            });
        }
        if x.iter().any(|v| v.is_nan() || v.abs() > 1e15) {
            return Err(ForecastError::Regressor {
                name: format!("x{}", i + 1),
                problem: "has a value that is missing, infinite or larger than 1e15",
            });
        }
    }
    Ok(())
}

/// The model with given orders.
fn with_orders(
    y: &[f64],
    regressors: &[Vec<f64>],
    orders: Orders,
    params: &SarimaParams,
    control: &dyn Control,
) -> Result<Found, ForecastError> {
    orders.check_season()?;
    let terms = Terms {
        mean: orders.differences() == 0 && params.mean != Some(false),
        drift: orders.differences() < 2 && params.drift == Some(true),
    };
    let problem = Problem::new(y, regressors, &orders, terms)?;
    if !determined(&problem, &orders) {
        return Err(ForecastError::TooShort {
            method: NAME,
            needed: orders.lost() + orders.coefficients() + problem.columns() + 2,
            found: problem.used + orders.lost(),
        });
    }
    let starts = usual_starts(&problem, &orders);
    let estimate = estimate(&problem, &orders, &starts, Care::FINE, control)?
        .ok_or(ForecastError::NoFit { method: NAME })?;
    Ok(Found { problem, estimate })
}

/// The model with orders that suit the series.
fn found(
    y: &[f64],
    regressors: &[Vec<f64>],
    season: usize,
    params: &SarimaParams,
    control: &dyn Control,
) -> Result<Found, ForecastError> {
    let wanted = params.seasonal_order.unwrap_or_default();
    Orders::new([0; 3], wanted, season).check_season()?;
    // Less than one season tells nothing of it.
    let season = if season >= y.len() && wanted == [0; 3] {
        1
    } else {
        season
    };
    search(y, regressors, season, params, control)
}

fn finished(
    y: &[f64],
    regressors: &[Vec<f64>],
    found: &Found,
    control: &dyn Control,
) -> Result<Sarima, ForecastError> {
    let Found { problem, estimate } = found;
    let errors = standard_errors(problem, estimate, control)?;
    let left = without_regression(y, regressors, problem.terms, 0, &estimate.regression);
    let none = ForecastError::NoFit { method: NAME };
    let Estimate {
        orders,
        coefficients,
        ..
    } = estimate;
    let kalman = settle(&left, orders, coefficients, control)?.ok_or(none.clone())?;
    let model = Sarima::new(
        problem.terms,
        regressors.len(),
        estimate,
        errors,
        (&kalman, y.len()),
    );
    // What a hostile model would be refused for must not come out of a fit either.
    if crate::forecasts::Fitted::check(&model).is_err() {
        return Err(none);
    }
    Ok(model)
}

/// Values without what the regression explains, from step `from` on.
pub(super) fn without_regression(
    y: &[f64],
    regressors: &[Vec<f64>],
    terms: Terms,
    from: usize,
    regression: &[f64],
) -> Vec<f64> {
    let one = |(at, y): (usize, &f64)| {
        let row = terms.row(from.saturating_add(at), regressors, at);
        y - row.zip(regression).map(|(x, b)| x * b).sum::<f64>()
    };
    y.iter().enumerate().map(one).collect()
}
