//! Demand with many zeros: how much is asked for when something is, and how often that is.
//!
//! Croston, Operational Research Quarterly 23 (1972), as R's `croston()`; the correction of its bias by Syntetos and Boylan,
//! International Journal of Forecasting 21 (2005); Teunter, Syntetos and Babai, European Journal of Operational Research 214 (2011), whose
//! forecast falls while nothing is sold.

use serde::{Deserialize, Serialize};

use super::{Ahead, Fitted, ForecastError, Input, Path};
use crate::control::Control;

/// Steps between two looks at the control.
const BETWEEN_LOOKS: usize = 1 << 16;

/// Hundredths that are tried when the smoothing parameter is chosen.
const TRIED: std::ops::RangeInclusive<u8> = 2..=30;

/// A method for intermittent demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntermittentKind {
    /// Mean size by mean interval.
    Croston,
    /// The same, without its bias.
    Sba,
    /// Mean size times the probability of a demand.
    Tsb,
}

/// Parameters of a method for intermittent demand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IntermittentParams {
    /// The method.
    pub kind: IntermittentKind,
    /// The smoothing parameter, over 0 to 1, or `None` for the one from 0.02 to 0.3 whose squared one-step errors are least.
    pub alpha: Option<f64>,
}

impl IntermittentParams {
    /// A method whose smoothing is found.
    #[must_use]
    pub fn of(kind: IntermittentKind) -> IntermittentParams {
        IntermittentParams { kind, alpha: None }
    }
}

/// A fitted method for intermittent demand.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Intermittent {
    kind: IntermittentKind,
    alpha: f64,
    /// Demands seen.
    demands: u64,
    /// Steps seen that have a value.
    steps: u64,
    /// Steps since the last demand, or since the beginning.
    since: u64,
    /// The smoothed size of a demand.
    size: f64,
    /// The smoothed interval between demands.
    interval: f64,
    /// The smoothed probability of a demand.
    probability: f64,
}

/// Fits a method for intermittent demand. Values of 0 and below are steps without demand; missing ones are no steps.
/// A series without any demand is forecast as 0.
///
/// # Errors
/// [`ForecastError::Range`] for the smoothing parameter, [`ForecastError::Empty`] without any value,
/// [`ForecastError::Infinite`], [`ForecastError::Stopped`].
pub fn fit(
    input: &Input<'_>,
    params: &IntermittentParams,
    control: &dyn Control,
) -> Result<Intermittent, ForecastError> {
    if let Some(alpha) = params.alpha
        && !(alpha > 0.0 && alpha <= 1.0)
    {
        return Err(ForecastError::Range {
            what: "the smoothing parameter",
            least: 0.0,
            most: 1.0,
            given: alpha,
        });
    }
    if input.y.iter().any(|v| v.is_infinite()) {
        return Err(ForecastError::Infinite);
    }
    if input.y.iter().all(|v| v.is_nan()) {
        return Err(ForecastError::Empty);
    }
    if let Some(alpha) = params.alpha {
        return Ok(follow(input.y, params.kind, alpha, control)?.0);
    }
    let mut best: Option<(Intermittent, f64)> = None;
    for hundredths in TRIED {
        let tried = follow(input.y, params.kind, f64::from(hundredths) / 100.0, control)?;
        if best.is_none_or(|b| tried.1 < b.1) {
            best = Some(tried);
        }
    }
    best.map(|b| b.0).ok_or(ForecastError::Empty)
}

/// The state after the last value, and the sum of the squared one-step errors from the first demand on.
fn follow(
    y: &[f64],
    kind: IntermittentKind,
    alpha: f64,
    control: &dyn Control,
) -> Result<(Intermittent, f64), ForecastError> {
    let mut state = Intermittent {
        kind,
        alpha,
        demands: 0,
        steps: 0,
        since: 0,
        size: 0.0,
        interval: 0.0,
        probability: 0.0,
    };
    let mut squares = 0.0;
    for some in y.chunks(BETWEEN_LOOKS) {
        control.check()?;
        for value in some {
            if state.demands > 0 && !value.is_nan() {
                let error = value.max(0.0) - state.rate();
                squares += error * error;
            }
            state.step(*value);
        }
    }
    Ok((state, squares))
}

impl Intermittent {
    /// The method's name.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self.kind {
            IntermittentKind::Croston => "croston",
            IntermittentKind::Sba => "sba",
            IntermittentKind::Tsb => "tsb",
        }
    }

    /// The smoothing parameter.
    #[must_use]
    pub fn alpha(&self) -> f64 {
        self.alpha
    }

    fn step(&mut self, value: f64) {
        if value.is_nan() {
            return;
        }
        let first_step = self.steps == 0;
        self.steps = self.steps.saturating_add(1);
        self.since = self.since.saturating_add(1);
        let demand = value > 0.0;
        let happened = f64::from(u8::from(demand));
        if first_step {
            self.probability = happened;
        } else {
            self.probability += self.alpha * (happened - self.probability);
        }
        if !demand {
            return;
        }
        let waited = self.since as f64;
        if self.demands == 0 {
            (self.size, self.interval) = (value, waited);
        } else {
            self.size += self.alpha * (value - self.size);
            self.interval += self.alpha * (waited - self.interval);
        }
        self.demands = self.demands.saturating_add(1);
        self.since = 0;
    }

    /// What is expected of a step.
    fn rate(&self) -> f64 {
        if self.demands == 0 {
            return 0.0;
        }
        match self.kind {
            IntermittentKind::Croston => self.size / self.interval,
            IntermittentKind::Sba => (1.0 - self.alpha / 2.0) * self.size / self.interval,
            IntermittentKind::Tsb => self.size * self.probability,
        }
    }
}

impl Fitted for Intermittent {
    fn forecast(&self, ahead: &Ahead<'_>, control: &dyn Control) -> Result<Path, ForecastError> {
        control.check()?;
        Ok(Path::of(vec![self.rate(); ahead.horizon]))
    }

    fn append(&mut self, newer: &Input<'_>, control: &dyn Control) -> Result<(), ForecastError> {
        if newer.y.iter().any(|v| v.is_infinite()) {
            return Err(ForecastError::Infinite);
        }
        for some in newer.y.chunks(BETWEEN_LOOKS) {
            control.check()?;
            for value in some {
                self.step(*value);
            }
        }
        Ok(())
    }

    fn check(&self) -> Result<(), &'static str> {
        let sound = self.alpha > 0.0
            && self.alpha <= 1.0
            && (0.0..=1e15).contains(&self.size)
            && (0.0..=1e18).contains(&self.interval)
            && (0.0..=1.0).contains(&self.probability)
            && (self.demands == 0 || self.interval >= 1.0);
        if sound {
            Ok(())
        } else {
            Err("intermittent demand has impossible values")
        }
    }
}

/// What kind of demand a series is (Syntetos, Boylan and Croston, Journal of the Operational Research Society 56, 2005).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DemandClass {
    /// Often, and much the same.
    Smooth,
    /// Often, of very different sizes.
    Erratic,
    /// Seldom, and much the same.
    Intermittent,
    /// Seldom, of very different sizes.
    Lumpy,
}

/// How often something is asked for, and how different the sizes are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Demand {
    /// The mean interval between demands: steps by demands.
    pub adi: f64,
    /// The squared coefficient of variation of their sizes.
    pub cv2: f64,
    /// The class: seldom from an interval of 1.32 on, very different from 0.49 on.
    pub class: DemandClass,
}

/// Classifies demand; `None` for a series without any. Missing values are no steps; values below 0 are none either, as they
/// are returns.
#[must_use]
pub fn classify(y: &[f64]) -> Option<Demand> {
    let steps = y.iter().filter(|v| **v >= 0.0).count();
    let sizes = || y.iter().copied().filter(|v| *v > 0.0 && v.is_finite());
    let demands = sizes().count();
    if demands == 0 {
        return None;
    }
    let n = demands as f64;
    let mean = sizes().sum::<f64>() / n;
    let variance = sizes().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0).max(1.0);
    let adi = steps as f64 / n;
    let cv2 = variance / (mean * mean);
    let class = match (adi >= 1.32, cv2 >= 0.49) {
        (false, false) => DemandClass::Smooth,
        (false, true) => DemandClass::Erratic,
        (true, false) => DemandClass::Intermittent,
        (true, true) => DemandClass::Lumpy,
    };
    Some(Demand { adi, cv2, class })
}

/// True for demand that is seldom: intermittent or lumpy.
#[must_use]
pub fn is_intermittent(y: &[f64]) -> bool {
    classify(y).is_some_and(|d| matches!(d.class, DemandClass::Intermittent | DemandClass::Lumpy))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "intermittent_tests.rs"]
mod tests;
