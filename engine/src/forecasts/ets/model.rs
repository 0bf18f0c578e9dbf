//! A fitted model: its forecasts, and how it goes on.

use serde::{Deserialize, Serialize};

use super::form::{Form, Kind, MOST_SEASON};
use super::moments::moments;
use super::paths::bounds;
use super::recursion::{LOOK, State, Sums, Weights, filter};
use super::search::aicc;
use crate::control::Control;
use crate::forecasts::numeric::normal_quantile;
use crate::forecasts::{Ahead, Fitted, ForecastError, Input, Path};

/// The largest value of a series.
const LARGEST: f64 = 1e15;
/// What no number of a model exceeds.
const BOUND: f64 = 1e30;

/// An exponential smoothing model that was fitted to a series.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ets {
    pub(super) form: Form,
    pub(super) weights: Weights,
    /// Before the first value.
    pub(super) first: State,
    /// After the last value.
    pub(super) last: State,
    pub(super) fit: Quality,
    /// Of the simulated paths.
    pub(super) seed: i64,
}

/// How a model fits the series that it was fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Values, without missing ones.
    pub values: u64,
    /// Estimated numbers, the variance among them.
    pub size: u64,
    /// The log-likelihood, without its constants: R's `ets` leaves out the same.
    pub loglik: f64,
    /// Variance of the errors (relative ones where they are multiplicative), with the degrees of freedom taken off.
    pub sigma2: f64,
    /// Mean square of value less one-step forecast.
    pub mse: f64,
}

impl Quality {
    /// Akaike's information criterion.
    #[must_use]
    pub fn aic(&self) -> f64 {
        2.0 * self.size as f64 - 2.0 * self.loglik
    }

    /// The same, corrected for the number of values; infinite where there are too few.
    #[must_use]
    pub fn aicc(&self) -> f64 {
        aicc(-2.0 * self.loglik, self.size as usize, self.values as f64)
    }

    /// The Bayesian information criterion.
    #[must_use]
    pub fn bic(&self) -> f64 {
        self.size as f64 * (self.values as f64).ln() - 2.0 * self.loglik
    }
}

impl Ets {
    /// The model's usual name, such as `ETS(M,Ad,M)`.
    #[must_use]
    pub fn label(&self) -> String {
        self.form.label()
    }

    /// Which model it is.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// The smoothing parameters.
    #[must_use]
    pub fn weights(&self) -> Weights {
        self.weights
    }

    /// The state before the first value.
    #[must_use]
    pub fn first(&self) -> &State {
        &self.first
    }

    /// The state after the last value.
    #[must_use]
    pub fn last(&self) -> &State {
        &self.last
    }

    /// How well the model fitted, with all that is counted by it; values that were appended later do not change it.
    #[must_use]
    pub fn quality(&self) -> &Quality {
        &self.fit
    }

    /// One-step forecasts of the series that the model was fitted to (and of what was appended): of each value from those before
    /// it. NaN before the first value.
    ///
    /// # Errors
    /// [`ForecastError::Stopped`].
    pub fn one_step(&self, y: &[f64], control: &dyn Control) -> Result<Vec<f64>, ForecastError> {
        let (missing, y) = trimmed(y);
        let mut means = vec![f64::NAN; missing];
        let mut state = self.first.clone();
        self.walk(&mut state, y, control, &mut |mean| means.push(mean))?;
        Ok(means)
    }

    fn walk(
        &self,
        state: &mut State,
        y: &[f64],
        control: &dyn Control,
        each: &mut impl FnMut(f64),
    ) -> Result<(), ForecastError> {
        let mut each = |mean: f64, _: f64| each(mean);
        let mut sums = Sums::default();
        for y in y.chunks(LOOK) {
            control.check()?;
            filter(self.form, &self.weights, state, y, &mut sums, &mut each);
        }
        Ok(())
    }
}

/// How many values are missing before the first one, and the series from there on.
pub(super) fn trimmed(y: &[f64]) -> (usize, &[f64]) {
    let missing = y.iter().take_while(|v| v.is_nan()).count();
    (missing, y.get(missing..).unwrap_or_default())
}

/// Refuses values that cannot be computed with.
pub(super) fn usable(y: &[f64]) -> Result<(), ForecastError> {
    if y.iter().any(|v| v.abs() > LARGEST) {
        return Err(ForecastError::Infinite);
    }
    Ok(())
}

impl Fitted for Ets {
    fn forecast(&self, ahead: &Ahead<'_>, control: &dyn Control) -> Result<Path, ForecastError> {
        if !(ahead.level > 0.0 && ahead.level < 1.0) {
            return Err(ForecastError::Range {
                what: "level",
                least: 0.0,
                most: 1.0,
                given: ahead.level,
            });
        }
        let horizon = ahead.horizon;
        let mut state = self.last.clone();
        if self.form.trend == Kind::Multiplicative {
            let mut mean = Vec::with_capacity(horizon);
            let nothing = vec![f64::NAN; horizon];
            self.walk(&mut state, &nothing, control, &mut |m| mean.push(finite(m)))?;
            let (lower, upper) = bounds(
                self.form,
                &self.weights,
                &self.last,
                self.fit.sigma2,
                (horizon, ahead.level),
                self.seed,
                control,
            )?;
            return Ok(Path {
                mean,
                bounds: Some((lower, upper)),
            });
        }
        let sigma2 = self.fit.sigma2;
        let moments = moments(self.form, &self.weights, &state, sigma2, horizon, control)?;
        let z = normal_quantile(0.5 + ahead.level / 2.0);
        let bound = |sign: f64| {
            let each = moments.means.iter().zip(&moments.variances);
            each.map(|(mean, variance)| finite(mean + sign * z * variance.max(0.0).sqrt()))
                .collect()
        };
        Ok(Path {
            bounds: Some((bound(-1.0), bound(1.0))),
            mean: moments.means.iter().map(|m| finite(*m)).collect(),
        })
    }

    fn append(&mut self, newer: &Input<'_>, control: &dyn Control) -> Result<(), ForecastError> {
        usable(newer.y)?;
        let mut state = self.last.clone();
        self.walk(&mut state, newer.y, control, &mut |_| {})?;
        if !sane(&state) {
            return Err(ForecastError::NoFit { method: "ets" });
        }
        self.last = state;
        Ok(())
    }

    fn check(&self) -> Result<(), &'static str> {
        let Weights {
            alpha,
            beta,
            gamma,
            phi,
        } = self.weights;
        if !self.form.admitted() {
            return Err("the model is not admitted");
        }
        let shares = [alpha, beta, gamma, phi];
        if !shares.iter().all(|w| (0.0..=1.0).contains(w)) || phi == 0.0 {
            return Err("a weight is out of its range");
        }
        let seasonal = self.form.season != Kind::None;
        for state in [&self.first, &self.last] {
            let period = state.season.len();
            let fits = if seasonal {
                (2..=MOST_SEASON).contains(&period)
            } else {
                period == 0
            };
            if !fits || period != self.first.season.len() {
                return Err("the season does not fit the model");
            }
            if !sane(state) {
                return Err("the state is not finite");
            }
        }
        let fit = &self.fit;
        let numbers = [fit.loglik, fit.sigma2, fit.mse];
        if !numbers.iter().all(|v| v.is_finite()) || fit.sigma2 < 0.0 || fit.sigma2 > BOUND * BOUND
        {
            return Err("the fit is not finite");
        }
        if fit.values == 0 || fit.size == 0 || fit.size > 64 {
            return Err("the size does not fit the model");
        }
        Ok(())
    }
}

fn sane(state: &State) -> bool {
    let numbers = state.season.iter().chain([&state.level, &state.trend]);
    numbers.into_iter().all(|v| v.abs() <= BOUND)
}

/// A number that can be stored: what has no bounds ends at the largest one.
fn finite(value: f64) -> f64 {
    if value.is_nan() {
        return f64::MAX;
    }
    value.clamp(f64::MIN, f64::MAX)
}
