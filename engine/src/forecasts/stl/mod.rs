//! STL: a series as the sum of a trend, a season and a remainder, by local regression.
//!
//! Cleveland, Cleveland, McRae, Terpenning: STL, a seasonal-trend decomposition procedure based on loess, Journal of Official
//! Statistics 6 (1990); windows, degrees and rounds as R's `stl()` chooses them.

mod loess;

pub(super) use loess::bisquare;
use loess::{Loess, Patience, moving_means};

use super::{ForecastError, filled};
use crate::control::Control;

const NAME: &str = "stl";

/// The widest window that can be asked for, in steps.
const WIDEST: usize = 1_000_000;

/// How smooth the parts are to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StlParams {
    /// Seasons (odd, at least 3; an even number is taken as the next odd one) that tell what one season is like; `None` for a
    /// season that never changes.
    pub seasonal: Option<usize>,
    /// Steps that tell the trend; `None` for the usual 1.5 periods and more.
    pub trend: Option<usize>,
    /// Steps of the filter that keeps the trend out of the season; `None` for the usual one period.
    pub low_pass: Option<usize>,
    /// Whether values that stand out count less: 15 rounds of weights, and one inner round each.
    pub robust: bool,
}

impl StlParams {
    /// A season that changes slowly.
    #[must_use]
    pub fn window(seasonal: usize) -> StlParams {
        StlParams {
            seasonal: Some(seasonal),
            ..StlParams::default()
        }
    }

    /// The same, with values that stand out counting less.
    #[must_use]
    pub fn robust(self) -> StlParams {
        StlParams {
            robust: true,
            ..self
        }
    }
}

/// The parts of a series; each has a value for every step.
#[derive(Debug, Clone, PartialEq)]
pub struct Stl {
    /// The trend.
    pub trend: Vec<f64>,
    /// The season.
    pub seasonal: Vec<f64>,
    /// What is left; NaN where the value is missing.
    pub remainder: Vec<f64>,
}

/// Decomposes a series whose season has `period` steps. Missing values (NaN) are filled:
/// first as [`filled`] does, then with what each round finds. Takes O(n) time for a round: windows are long, but the wider one is the fewer places it is
/// computed at.
///
/// # Errors
/// [`ForecastError::Range`] for a period below 2 or a window out of 3 to a million, [`ForecastError::TooShort`] for two
/// periods or less, [`ForecastError::Empty`] without any value, [`ForecastError::Infinite`], [`ForecastError::Stopped`].
pub fn stl(
    y: &[f64],
    period: usize,
    params: &StlParams,
    control: &dyn Control,
) -> Result<Stl, ForecastError> {
    let n = y.len();
    let spans = Spans::of(n, period, params)?;
    if period >= n || n <= 2 * period {
        return Err(ForecastError::TooShort {
            method: NAME,
            needed: period.saturating_mul(2).saturating_add(1),
            found: n,
        });
    }
    check_values(y)?;
    control.check()?;
    control.budget(NAME, (n as u64).saturating_mul(16 * 8))?;
    let holes: Vec<usize> = (0..n)
        .filter(|at| y.get(*at).is_some_and(|v| v.is_nan()))
        .collect();
    let mut smoother = Smoother {
        y: filled(y, period),
        holes,
        period,
        spans,
        weights: None,
        trend: vec![0.0; n],
        seasonal: vec![0.0; n],
        patience: Patience::new(control),
    };
    let (inner, outer) = if params.robust { (1, 15) } else { (2, 0) };
    for round in 0..=outer {
        for _ in 0..inner {
            smoother.step()?;
        }
        if round < outer {
            control.check()?;
            smoother.weigh();
        }
    }
    let Smoother {
        trend,
        mut seasonal,
        ..
    } = smoother;
    if params.seasonal.is_none() {
        average_phases(&mut seasonal, period);
    }
    let remainder = y.iter().zip(&seasonal).zip(&trend);
    Ok(Stl {
        remainder: remainder.map(|((y, s), t)| y - s - t).collect(),
        trend,
        seasonal,
    })
}

/// A smooth of a series without a season: local lines through `window` steps (an odd number is taken), where `robust` with values that
/// stand out counting less. Missing values are filled on lines.
///
/// # Errors
/// As [`stl()`], without those of a period.
pub fn smooth(
    y: &[f64],
    window: usize,
    robust: bool,
    control: &dyn Control,
) -> Result<Vec<f64>, ForecastError> {
    let n = y.len();
    check_values(y)?;
    control.check()?;
    control.budget(NAME, (n as u64).saturating_mul(8 * 8))?;
    let whole = filled(y, 1);
    let span = Span::of(window);
    let mut patience = Patience::new(control);
    let mut out = vec![0.0; n];
    let mut weights: Option<Vec<f64>> = None;
    for _ in 0..=if robust { 5 } else { 0 } {
        let loess = Loess {
            y: &whole,
            weights: weights.as_deref(),
            window: span.window,
            line: true,
        };
        loess.all(span.jump, &mut out, &mut patience)?;
        control.check()?;
        let distances = whole.iter().zip(&out).map(|(y, s)| (y - s).abs());
        weights = Some(bisquare(distances.collect()));
    }
    Ok(out)
}

fn check_values(y: &[f64]) -> Result<(), ForecastError> {
    if y.iter().all(|v| v.is_nan()) {
        return Err(ForecastError::Empty);
    }
    if y.iter().any(|v| v.is_infinite()) {
        return Err(ForecastError::Infinite);
    }
    Ok(())
}

/// A window and how many places further the next one is computed.
#[derive(Clone, Copy)]
struct Span {
    window: usize,
    jump: usize,
}

impl Span {
    fn of(window: usize) -> Span {
        let window = window.max(3) | 1;
        Span {
            window,
            jump: window.div_ceil(10),
        }
    }
}

struct Spans {
    seasonal: Span,
    trend: Span,
    low_pass: Span,
}

impl Spans {
    fn of(n: usize, period: usize, params: &StlParams) -> Result<Spans, ForecastError> {
        let within = |what, given: usize, least: usize| {
            if (least..=WIDEST).contains(&given) {
                return Ok(given);
            }
            Err(ForecastError::Range {
                what,
                least: least as f64,
                most: WIDEST as f64,
                given: given as f64,
            })
        };
        within("the period", period, 2)?;
        let seasonal = match params.seasonal {
            Some(window) => within("the seasonal window", window, 3)?,
            None => n.saturating_mul(10).saturating_add(1),
        };
        let seasonal = Span::of(seasonal);
        let usual = (1.5 * period as f64 / (1.0 - 1.5 / seasonal.window as f64)).ceil();
        let trend = match params.trend {
            Some(window) => within("the trend's window", window, 3)?,
            None => usual as usize,
        };
        let low_pass = match params.low_pass {
            Some(window) => within("the filter's window", window, 3)?,
            None => period,
        };
        Ok(Spans {
            seasonal,
            trend: Span::of(trend),
            low_pass: Span::of(low_pass),
        })
    }
}

/// The inner loop and its state.
struct Smoother<'a> {
    y: Vec<f64>,
    /// Places of missing values: there `y` is what the parts say.
    holes: Vec<usize>,
    period: usize,
    spans: Spans,
    /// How much each value counts.
    weights: Option<Vec<f64>>,
    trend: Vec<f64>,
    seasonal: Vec<f64>,
    patience: Patience<'a>,
}

impl Smoother<'_> {
    /// One round: the season of what the trend leaves, then the trend of what the season leaves.
    fn step(&mut self) -> Result<(), ForecastError> {
        let cycles = self.cycles()?;
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        moving_means(&cycles, self.period, &mut once);
        moving_means(&once, self.period, &mut twice);
        moving_means(&twice, 3, &mut once);
        let low = Loess {
            y: &once,
            weights: None,
            window: self.spans.low_pass.window,
            line: true,
        };
        let mut drift = vec![0.0; self.y.len()];
        low.all(self.spans.low_pass.jump, &mut drift, &mut self.patience)?;
        for ((season, cycle), drift) in self
            .seasonal
            .iter_mut()
            .zip(cycles.iter().skip(self.period))
            .zip(&drift)
        {
            *season = cycle - drift;
        }
        let rest: Vec<f64> = self
            .y
            .iter()
            .zip(&self.seasonal)
            .map(|(y, s)| y - s)
            .collect();
        let trend = Loess {
            y: &rest,
            weights: self.weights.as_deref(),
            window: self.spans.trend.window,
            line: true,
        };
        trend.all(self.spans.trend.jump, &mut self.trend, &mut self.patience)?;
        for hole in &self.holes {
            let parts = self.trend.get(*hole).zip(self.seasonal.get(*hole));
            if let (Some((trend, season)), Some(slot)) = (parts, self.y.get_mut(*hole)) {
                *slot = trend + season;
            }
        }
        Ok(())
    }

    /// The values of each phase, smoothed over the seasons and continued by one at both ends.
    fn cycles(&mut self) -> Result<Vec<f64>, ForecastError> {
        let (n, period, span) = (self.y.len(), self.period, self.spans.seasonal);
        let mut out = vec![0.0; n + 2 * period];
        let mut scratch = Vec::new();
        for phase in 0..period {
            let of_phase = self.y.iter().zip(&self.trend).skip(phase).step_by(period);
            let values: Vec<f64> = of_phase.map(|(y, t)| y - t).collect();
            let weights: Option<Vec<f64>> = self
                .weights
                .as_ref()
                .map(|w| w.iter().copied().skip(phase).step_by(period).collect());
            let k = values.len();
            let smooth = Loess {
                y: &values,
                weights: weights.as_deref(),
                window: span.window,
                line: false,
            };
            let mut inside = vec![0.0; k];
            smooth.all(span.jump, &mut inside, &mut self.patience)?;
            let near = span.window.min(k);
            self.patience.spend(2 * near)?;
            let before = smooth.at(-1, 0, near, &mut scratch);
            let after = smooth.at(k as isize, k - near, k, &mut scratch);
            let before = before.or(inside.first().copied());
            let after = after.or(inside.last().copied());
            let all = before
                .into_iter()
                .chain(inside.iter().copied())
                .chain(after);
            for (slot, value) in out.iter_mut().skip(phase).step_by(period).zip(all) {
                *slot = value;
            }
        }
        Ok(out)
    }

    /// Weights by how far the values lie from trend and season.
    fn weigh(&mut self) {
        let fit = self.trend.iter().zip(&self.seasonal);
        let distances = self.y.iter().zip(fit).map(|(y, (t, s))| (y - t - s).abs());
        self.weights = Some(bisquare(distances.collect()));
    }
}

/// Each phase's mean in place of its values.
fn average_phases(values: &mut [f64], period: usize) {
    for phase in 0..period {
        let of_phase = || values.iter().skip(phase).step_by(period);
        let n = of_phase().count();
        let mean = of_phase().sum::<f64>() / n.max(1) as f64;
        for value in values.iter_mut().skip(phase).step_by(period) {
            *value = mean;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
