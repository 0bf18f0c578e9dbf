//! Simulated paths, for models whose trend is multiplied: their moments have no formula.

use super::form::Form;
use super::recursion::{Prior, State, Weights, by_kind, posterior, prior};
use crate::control::{Charge, Control};
use crate::forecasts::ForecastError;
use crate::forecasts::numeric::normal_quantile;
use crate::random::Stream;

/// Paths; as many as R takes.
const PATHS: usize = 5000;
const PHASE: &str = "simulating an exponential smoothing model";

/// The quantiles `(1 - level) / 2` and `(1 + level) / 2` of each step, over paths with normal errors (none below -1: values stay
/// positive). The same seed gives the same paths.
///
/// # Errors
/// [`ForecastError::Stopped`].
pub(super) fn bounds(
    form: Form,
    weights: &Weights,
    state: &State,
    sigma2: f64,
    (horizon, level): (usize, f64),
    seed: i64,
    control: &dyn Control,
) -> Result<(Vec<f64>, Vec<f64>), ForecastError> {
    let each = size_of::<State>() + (state.season.len() + 1) * size_of::<f64>();
    let _charge = Charge::new((PATHS * each) as u64, PHASE, control)?;
    let mut stream = Stream::new(seed, "ets paths", 0);
    let mut paths = vec![state.clone(); PATHS];
    let mut values = vec![0.0; PATHS];
    let (mut lower, mut upper) = (Vec::new(), Vec::new());
    let sigma = sigma2.sqrt();
    for step in 0..horizon {
        control.check()?;
        for (path, value) in paths.iter_mut().zip(&mut values) {
            // Away from 0, where the quantile is infinite.
            let error = sigma * normal_quantile(stream.unit() + 1e-17);
            *value = by_kind!(form, advance => (weights, path, step, error.max(-1.0)));
        }
        values.sort_unstable_by(f64::total_cmp);
        lower.push(quantile(&values, (1.0 - level) / 2.0));
        upper.push(quantile(&values, (1.0 + level) / 2.0));
    }
    Ok((lower, upper))
}

/// The next value of a path whose season is not turned: its effects stay where they are.
fn advance<const T: u8, const S: u8>(
    weights: &Weights,
    path: &mut State,
    step: usize,
    relative: f64,
) -> f64 {
    let place = step % path.season.len().max(1);
    let season = path.season.get(place).copied().unwrap_or(0.0);
    let known: Prior = prior::<T, S>(path.level, path.trend, season, weights.phi);
    let error = known.mean * relative;
    let (level, trend, season) = posterior::<T, S>(weights, &known, path.level, season, error);
    // What has come to nothing stays there, and what has no bounds stays a number.
    path.level = level.clamp(0.0, 1e100);
    path.trend = trend.clamp(0.0, 1e100);
    if let Some(effect) = path.season.get_mut(place) {
        *effect = season;
    }
    (known.mean + error).min(1e100)
}

/// A quantile of sorted values, median-unbiased (type 8 of Hyndman and Fan, 1996).
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = (sorted.len() as f64 + 1.0 / 3.0) * p + 1.0 / 3.0;
    let below = at.floor().max(1.0);
    let get = |rank: f64| {
        let rank = (rank as usize).min(sorted.len()).max(1);
        sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
    };
    let (low, high) = (get(below), get(below + 1.0));
    low + (at - below).clamp(0.0, 1.0) * (high - low)
}
