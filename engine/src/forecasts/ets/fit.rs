//! Fitting: what a series allows, and the best model for it.

use super::descent::Data;
use super::form::{Form, Kind, MOST_SEASON, Pattern};
use super::model::{Ets, Quality, trimmed, usable};
use super::recursion::{LOOK, State, Sums, Weights, filter};
use super::search;
use crate::control::{Control, Stop};
use crate::forecasts::{Fitted, ForecastError, Input};
use crate::params::ParamError;

/// What is called in messages.
const METHOD: &str = "ets";
/// The fewest values that are fitted.
const LEAST_VALUES: usize = 3;
/// A sum of squares counts as that of errors of this size at least, relative to the largest value.
const PRECISION: f64 = 1e-12;

/// Parameters of [`fit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EtsParams {
    /// The models that are tried; all by default.
    pub model: Pattern,
    /// Only damped trends, or none; by default both where the trend is open, and none where its letter is given without a d.
    pub damped: Option<bool>,
}

impl EtsParams {
    /// Reads letters for error, trend and season: `ZZZ`, `MAM`, `AAdN`.
    ///
    /// # Errors
    /// [`ParamError::Value`] when there is no such model.
    pub fn parse_model(text: &str) -> Result<Pattern, ParamError> {
        Pattern::parse(text)
    }

    /// Verifies that both leave a model, and gives the pattern of both.
    ///
    /// # Errors
    /// [`ParamError::Value`] when they contradict each other.
    pub fn check(&self) -> Result<Pattern, ParamError> {
        self.model.with_damped(self.damped)
    }
}

/// Fits the best of the models that `params` names to a series.
///
/// # Errors
/// [`ForecastError::Params`], [`ForecastError::Empty`], [`ForecastError::TooShort`], [`ForecastError::Infinite`];
/// [`ForecastError::NotPositive`] and [`ForecastError::Range`] when only models are named that need values above 0 or a season;
/// [`ForecastError::NoFit`], [`ForecastError::Stopped`].
pub fn fit(
    input: &Input<'_>,
    params: &EtsParams,
    control: &dyn Control,
) -> Result<Ets, ForecastError> {
    let pattern = params.check()?;
    usable(input.y)?;
    let (_, y) = trimmed(input.y);
    let n = y.iter().filter(|v| !v.is_nan()).count();
    let Some(first) = y.first() else {
        return Err(ForecastError::Empty);
    };
    let too_short = |needed| ForecastError::TooShort {
        method: METHOD,
        needed,
        found: n,
    };
    if n < LEAST_VALUES {
        return Err(too_short(LEAST_VALUES));
    }
    let season = input.season;
    let seasonal = (2..=MOST_SEASON).contains(&season) && n / 2 >= season;
    if pattern.seasonal() && !seasonal {
        if (2..=MOST_SEASON).contains(&season) {
            return Err(too_short(2 * season));
        }
        return Err(ForecastError::Range {
            what: "the season of a seasonal ets model",
            least: 2.0,
            most: MOST_SEASON as f64,
            given: season as f64,
        });
    }
    if y.iter().all(|v| v.is_nan() || v == first) {
        return Ok(simple(y, *first, 0.0, input.seed, control)?);
    }
    let mut forms = pattern.forms(seasonal);
    if y.iter().any(|v| *v <= 0.0) {
        forms.retain(|f| !f.positive());
        if forms.is_empty() {
            return Err(ForecastError::NotPositive { method: METHOD });
        }
    }
    // One value more than the criterion needs to be finite.
    let needed = |form: &Form| form.size(season) + 2;
    let least = forms.iter().map(needed).min().unwrap_or(usize::MAX);
    let plain = forms.contains(&Form::SIMPLE);
    forms.retain(|f| needed(f) <= n);
    if forms.is_empty() {
        if plain {
            let mean = y.iter().filter(|v| !v.is_nan()).sum::<f64>() / n as f64;
            return Ok(simple(y, mean, 0.5, input.seed, control)?);
        }
        return Err(too_short(least));
    }
    let largest = y.iter().fold(0.0_f64, |m, v| m.max(v.abs()));
    let floor = |scale: f64| n as f64 * (PRECISION * scale) * (PRECISION * scale);
    let data = Data {
        y,
        n: n as f64,
        floor: [floor(largest).max(f64::MIN_POSITIVE), floor(1.0)],
    };
    let Some((space, point)) = search::best(&forms, season, &data, control)? else {
        return Err(ForecastError::NoFit { method: METHOD });
    };
    let mut start = State::default();
    space.start(&point, &mut start);
    let found = Found {
        form: space.form,
        weights: space.weights(&point),
        start,
        size: space.form.size(season),
        floor: data.floor(space.form.positive()),
    };
    let ets = found.over(y, input.seed, control)?;
    // Some series drive a multiplicative trend out of all bounds.
    if ets.check().is_err() {
        return Err(ForecastError::NoFit { method: METHOD });
    }
    Ok(ets)
}

/// Simple smoothing with a given weight, of which only the level counts as estimated.
fn simple(
    y: &[f64],
    level: f64,
    alpha: f64,
    seed: i64,
    control: &dyn Control,
) -> Result<Ets, Stop> {
    Found {
        form: Form::SIMPLE,
        weights: Weights {
            alpha,
            beta: 0.0,
            gamma: 0.0,
            phi: 1.0,
        },
        start: State {
            level,
            ..State::default()
        },
        size: 2,
        floor: f64::MIN_POSITIVE,
    }
    .over(y, seed, control)
}

/// A model before it has seen its series.
pub(super) struct Found {
    pub form: Form,
    pub weights: Weights,
    pub start: State,
    /// Estimated numbers, the variance among them.
    pub size: usize,
    /// What the sum of squares counts at least.
    pub floor: f64,
}

impl Found {
    /// The model after its series.
    ///
    /// # Errors
    /// [`Stop::Cancelled`].
    pub fn over(self, y: &[f64], seed: i64, control: &dyn Control) -> Result<Ets, Stop> {
        let (last, sums, n) = pass(self.form, &self.weights, &self.start, y, control)?;
        let degrees = (n - (self.size as f64 - 1.0)).max(1.0);
        Ok(Ets {
            form: self.form,
            weights: self.weights,
            first: self.start,
            last,
            fit: Quality {
                values: n as u64,
                size: self.size as u64,
                loglik: -sums.deviance(self.form.positive(), n, self.floor) / 2.0,
                sigma2: sums.squares / degrees,
                mse: sums.plain / n,
            },
            seed,
        })
    }
}

/// The state after the values, sums, and how many there are.
fn pass(
    form: Form,
    weights: &Weights,
    start: &State,
    y: &[f64],
    control: &dyn Control,
) -> Result<(State, Sums, f64), Stop> {
    let mut state = start.clone();
    let mut sums = Sums::default();
    let mut n = 0.0;
    for y in y.chunks(LOOK) {
        control.check()?;
        let mut count = |_: f64, error: f64| n += f64::from(u8::from(!error.is_nan()));
        filter(form, weights, &mut state, y, &mut sums, &mut count);
    }
    Ok((state, sums, n))
}

/// The log-likelihood (without its constants, as R's `ets` has it) of a model at given parameters and the state before the first
/// value, the variance concentrated out; minus infinity where the model does not hold.
///
/// # Errors
/// [`ForecastError::Shape`] when the state has no season and the form has one, or the other way round; [`ForecastError::Stopped`].
pub fn likelihood(
    form: Form,
    weights: &Weights,
    start: &State,
    y: &[f64],
    control: &dyn Control,
) -> Result<f64, ForecastError> {
    if start.season.is_empty() != (form.season == Kind::None) {
        return Err(ForecastError::Shape {
            what: "effects of the season",
            found: start.season.len(),
            wanted: usize::from(form.season != Kind::None),
        });
    }
    let (_, sums, n) = pass(form, weights, start, y, control)?;
    Ok(-sums.deviance(form.positive(), n, f64::MIN_POSITIVE) / 2.0)
}
