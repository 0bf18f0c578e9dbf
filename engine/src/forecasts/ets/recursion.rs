//! The recursion of the innovations state space models (Hyndman, Koehler, Ord and Snyder, 2008, tables 2.2 and 2.3), once per kind of
//! trend and season, so that no step asks what it is.

use serde::{Deserialize, Serialize};

use super::form::Form;

/// Steps between looks at the control: well below a millisecond.
pub(super) const LOOK: usize = 1 << 12;

/// A component's kind, where code is made for each.
pub(super) const NONE: u8 = 0;
pub(super) const ADDITIVE: u8 = 1;
pub(super) const MULTIPLICATIVE: u8 = 2;

/// Smoothing parameters; those of absent components are 0, and `phi` is 1 where a trend is not damped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Weights {
    /// Of the level.
    pub alpha: f64,
    /// Of the trend: what it takes of an error, not of the level's change.
    pub beta: f64,
    /// Of the season.
    pub gamma: f64,
    /// What is left of the trend after a step.
    pub phi: f64,
}

/// What a model knows after a step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The level.
    pub level: f64,
    /// The trend; 0 where there is none.
    pub trend: f64,
    /// The season's effects, that of the next step first; empty where there is none.
    pub season: Vec<f64>,
}

impl State {
    /// True when every number is finite.
    #[must_use]
    pub fn finite(&self) -> bool {
        let season = self.season.iter().all(|s| s.is_finite());
        self.level.is_finite() && self.trend.is_finite() && season
    }
}

/// What is known of a step before its value: trend and level carried on, and the mean.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prior {
    pub trend: f64,
    pub level: f64,
    pub mean: f64,
}

/// The step that comes after a level and a trend, with its season's effect.
#[inline(always)]
pub(super) fn prior<const T: u8, const S: u8>(
    level: f64,
    trend: f64,
    season: f64,
    phi: f64,
) -> Prior {
    let trend = match T {
        NONE => 0.0,
        ADDITIVE => phi * trend,
        _ if phi == 1.0 => trend,
        _ => trend.powf(phi),
    };
    let level = match T {
        NONE => level,
        ADDITIVE => level + trend,
        _ => level * trend,
    };
    let mean = match S {
        NONE => level,
        ADDITIVE => level + season,
        _ => level * season,
    };
    Prior { trend, level, mean }
}

/// A share, or 0 of a whole that is not positive: a component that has come to 0 is not moved on.
#[inline(always)]
pub(super) fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Level, trend and seasonal effect once the error of a step is known; `last` is the level before it.
#[inline(always)]
pub(super) fn posterior<const T: u8, const S: u8>(
    weights: &Weights,
    prior: &Prior,
    last: f64,
    season: f64,
    error: f64,
) -> (f64, f64, f64) {
    let adjusted = match S {
        MULTIPLICATIVE => share(error, season),
        _ => error,
    };
    let level = prior.level + weights.alpha * adjusted;
    let trend = match T {
        NONE => 0.0,
        ADDITIVE => prior.trend + weights.beta * adjusted,
        _ => prior.trend + weights.beta * share(adjusted, last),
    };
    let season = match S {
        NONE => 0.0,
        ADDITIVE => season + weights.gamma * error,
        _ => season + weights.gamma * share(error, prior.level),
    };
    (level, trend, season)
}

/// Calls a function made for the kinds of a form's trend and season.
macro_rules! by_kind {
    ($form:expr, $function:ident $(, $generic:tt)* => $arguments:tt) => {{
        use $crate::forecasts::ets::form::Kind::{Additive, Multiplicative, None as Absent};
        use $crate::forecasts::ets::recursion::{ADDITIVE as A, MULTIPLICATIVE as M, NONE as N};
        match ($form.trend, $form.season) {
            (Absent, Absent) => $function::<N, N $(, $generic)*>$arguments,
            (Absent, Additive) => $function::<N, A $(, $generic)*>$arguments,
            (Absent, Multiplicative) => $function::<N, M $(, $generic)*>$arguments,
            (Additive, Absent) => $function::<A, N $(, $generic)*>$arguments,
            (Additive, Additive) => $function::<A, A $(, $generic)*>$arguments,
            (Additive, Multiplicative) => $function::<A, M $(, $generic)*>$arguments,
            (Multiplicative, Absent) => $function::<M, N $(, $generic)*>$arguments,
            // Not admitted with an additive season.
            (Multiplicative, _) => $function::<M, M $(, $generic)*>$arguments,
        }
    }};
}
pub(super) use by_kind;

/// Sums over steps that have a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums {
    /// Squares of the model's errors, relative ones for a model with multiplicative errors.
    pub squares: f64,
    /// Squares of values less means.
    pub plain: f64,
    /// Logarithms of means, without `product`.
    logs: f64,
    /// Means that are not yet in `logs`: logarithms of products are cheaper.
    product: f64,
    /// Whether a mean was not positive where errors are relative.
    pub broken: bool,
}

impl Default for Sums {
    fn default() -> Self {
        Sums {
            squares: 0.0,
            plain: 0.0,
            logs: 0.0,
            product: 1.0,
            broken: false,
        }
    }
}

impl Sums {
    /// Takes in a mean and an error, and gives the model's error.
    #[inline(always)]
    pub fn add<const RELATIVE: bool>(&mut self, mean: f64, error: f64) -> f64 {
        self.plain += error * error;
        if !RELATIVE {
            self.squares += error * error;
            return error;
        }
        self.broken |= mean.is_nan() || mean <= 0.0;
        let relative = error / mean;
        self.squares += relative * relative;
        self.product *= mean;
        if !(1e-150..1e150).contains(&self.product) {
            self.logs += self.product.ln();
            self.product = 1.0;
        }
        relative
    }

    /// Minus twice the log-likelihood of `n` values without its constants (as R's `ets` has it), the variance concentrated out.
    /// A sum of squares below `floor` counts as that.
    pub fn deviance(&self, relative: bool, n: f64, floor: f64) -> f64 {
        let logs = if relative {
            2.0 * (self.logs + self.product.ln())
        } else {
            0.0
        };
        let deviance = n * self.squares.max(floor).ln() + logs;
        if self.broken || !deviance.is_finite() {
            return f64::INFINITY;
        }
        deviance
    }
}

/// Moves a state over values (NaN where one is missing: the state goes on as if the value had been as expected) and calls `each`
/// with the mean and the error of each step, NaN where the value is missing.
pub(super) fn filter(
    form: Form,
    weights: &Weights,
    state: &mut State,
    y: &[f64],
    sums: &mut Sums,
    each: &mut impl FnMut(f64, f64),
) {
    if form.positive() {
        by_kind!(form, run, true, _ => (weights, state, y, sums, each));
    } else {
        by_kind!(form, run, false, _ => (weights, state, y, sums, each));
    }
}

fn run<const T: u8, const S: u8, const RELATIVE: bool, F: FnMut(f64, f64)>(
    weights: &Weights,
    state: &mut State,
    y: &[f64],
    sums: &mut Sums,
    each: &mut F,
) {
    let (mut level, mut trend) = (state.level, state.trend);
    let mut step = |value: f64, season: &mut f64| {
        let prior = prior::<T, S>(level, trend, *season, weights.phi);
        let mut error = 0.0;
        if value.is_nan() {
            each(prior.mean, value);
        } else {
            error = value - prior.mean;
            sums.add::<RELATIVE>(prior.mean, error);
            each(prior.mean, error);
        }
        (level, trend, *season) = posterior::<T, S>(weights, &prior, level, *season, error);
    };
    if S == NONE {
        let mut none = 0.0;
        for value in y {
            step(*value, &mut none);
        }
    } else {
        let period = state.season.len().max(1);
        for cycle in y.chunks(period) {
            for (value, season) in cycle.iter().zip(&mut state.season) {
                step(*value, season);
            }
        }
        state.season.rotate_left(y.len() % period);
    }
    (state.level, state.trend) = (level, trend);
}
