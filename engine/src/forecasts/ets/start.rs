//! Where the search begins: a classical decomposition of the first seasons.

use super::form::{Form, Kind};
use super::recursion::State;
use crate::forecasts::filled;

/// Seasons that the start is taken from, and the least steps.
const SEASONS: usize = 30;
const STEPS: usize = 100;

/// A starting state from the first values, as R's `ets` takes it (Hyndman et al., 2008, section 2.6.1): effects of the season from a
/// decomposition with moving averages, level and trend from a line through the first two seasons (at least ten steps) of what is left.
pub(super) fn start(form: Form, season: usize, y: &[f64]) -> State {
    let seasonal = form.season != Kind::None;
    let period = if seasonal { season } else { 1 };
    let head = STEPS.max(SEASONS * period).min(y.len());
    let mut y = filled(y.get(..head).unwrap_or_default(), period);
    let mut state = State::default();
    if seasonal {
        let multiplied = form.season == Kind::Multiplicative;
        state.season = effects(&y, period, multiplied);
        for (value, effect) in y.iter_mut().zip(state.season.iter().cycle()) {
            if multiplied {
                *value /= effect;
            } else {
                *value -= effect;
            }
        }
    }
    let window = y
        .get(..(2 * period).max(10).min(y.len()))
        .unwrap_or_default();
    let n = window.len().max(1) as f64;
    let mean = window.iter().sum::<f64>() / n;
    if form.trend == Kind::None {
        state.level = mean;
        return state;
    }
    // Time from 1, so that the line at 0 is the state before the first step.
    let middle = (n + 1.0) / 2.0;
    let (mut cross, mut square) = (0.0, 0.0);
    let mut time = 1.0;
    for value in window {
        cross += (time - middle) * (value - mean);
        square += (time - middle) * (time - middle);
        time += 1.0;
    }
    let slope = if square > 0.0 { cross / square } else { 0.0 };
    state.level = mean - slope * middle;
    state.trend = slope;
    if form.trend == Kind::Multiplicative {
        state.level = state.level.max(1e-3 * mean);
        state.trend = (1.0 + slope / mean).clamp(0.5, 2.0);
    } else if form.positive() && state.level + slope <= 0.0 {
        state.level = mean;
        state.trend = 0.0;
    }
    state
}

/// Effects of the season, from its first step on, with a sum of 0 or, for multiplied ones, of their number.
fn effects(y: &[f64], period: usize, multiplied: bool) -> Vec<f64> {
    let mut sums = vec![(0.0, 0u32); period];
    let half = period / 2;
    for (at, window) in y.windows(2 * half + 1).enumerate() {
        // An even season takes half of each end.
        let ends = window
            .first()
            .zip(window.last())
            .map_or(0.0, |(a, b)| a + b);
        let whole: f64 = window.iter().sum();
        let (sum, weight) = if period.is_multiple_of(2) {
            (whole - ends / 2.0, period as f64)
        } else {
            (whole, window.len() as f64)
        };
        let level = sum / weight;
        let place = at + half;
        if let (Some(value), Some(sum)) = (y.get(place), sums.get_mut(place % period)) {
            sum.0 += if multiplied {
                value / level
            } else {
                value - level
            };
            sum.1 += 1;
        }
    }
    let absent = if multiplied { 1.0 } else { 0.0 };
    let mut effects: Vec<f64> = sums
        .iter()
        .map(|(sum, n)| if *n > 0 { sum / f64::from(*n) } else { absent })
        .collect();
    if multiplied {
        for effect in &mut effects {
            *effect = effect.max(0.01);
        }
        let scale = period as f64 / effects.iter().sum::<f64>();
        effects.iter_mut().for_each(|e| *e *= scale);
    } else {
        let mean = effects.iter().sum::<f64>() / period as f64;
        effects.iter_mut().for_each(|e| *e -= mean);
    }
    effects
}
