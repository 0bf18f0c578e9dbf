//! Demand with many zeros: slow products.
//!
//! Croston (Operational Research Quarterly 23, 1972) smooths the sizes of demands and the steps between them; their ratio is the
//! demand per step. It is too high by half of the smoothing weight, which the correction of Syntetos and Boylan (International
//! Journal of Forecasting 21, 2005) takes off. Neither notices that a product is no longer sold: the method of Teunter, Syntetos and
//! Babai (European Journal of Operational Research 214, 2011) smooths the probability of a demand at every step instead.

use serde::{Deserialize, Serialize};

use super::{Ahead, Fitted, ForecastError, Input, Path};
use crate::control::Control;

/// The usual weight of the newest demand.
const ALPHA: f64 = 0.1;
/// Weights that are tried out.
const WEIGHTS: [f64; 6] = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3];
/// More steps than this between demands, on average, make a series intermittent (Syntetos, Boylan and Croston, Journal of the
/// Operational Research Society 56, 2005).
const INTERMITTENT: f64 = 1.32;

/// Which method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum IntermittentKind {
    /// Croston's.
    Croston,
    /// With the correction of Syntetos and Boylan.
    Sba,
    /// That of Teunter, Syntetos and Babai.
    Tsb,
}

/// The method and its weight.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct IntermittentParams {
    /// The method.
    pub kind: IntermittentKind,
    /// The weight of the newest demand, over 0 and at most 1; where it is not given, that of the least squared error within the series.
    pub alpha: Option<f64>,
}

impl IntermittentParams {
    /// A method whose weight is found.
    #[must_use]
    pub fn of(kind: IntermittentKind) -> IntermittentParams {
        IntermittentParams { kind, alpha: None }
    }
}

/// A fitted method.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Intermittent {
    kind: IntermittentKind,
    alpha: f64,
    /// The smoothed size of a demand.
    size: f64,
    /// The smoothed steps between demands.
    interval: f64,
    /// The smoothed probability of a demand.
    probability: f64,
    /// Steps since the last demand, and itself.
    since: f64,
    /// Whether a demand was seen.
    started: bool,
}

/// Fits. Missing values are no demand that is known of: their steps count for nothing.
///
/// # Errors
/// [`ForecastError::Empty`] without values.
pub fn fit(
    input: &Input<'_>,
    params: &IntermittentParams,
    control: &dyn Control,
) -> Result<Intermittent, ForecastError> {
    let known: Vec<f64> = input.y.iter().copied().filter(|v| !v.is_nan()).collect();
    if known.is_empty() {
        return Err(ForecastError::Empty);
    }
    let run = |alpha: f64| -> Result<(f64, Intermittent), ForecastError> {
        control.check()?;
        let mut fitted = Intermittent::new(params.kind, alpha, &known);
        let mut loss = 0.0;
        for value in &known {
            loss += (value - fitted.rate()).powi(2);
            fitted.step(*value);
        }
        Ok((loss, fitted))
    };
    if let Some(alpha) = params.alpha {
        return Ok(run(alpha)?.1);
    }
    let mut best = run(ALPHA)?;
    for alpha in WEIGHTS {
        let tried = run(alpha)?;
        if tried.0 < best.0 {
            best = tried;
        }
    }
    Ok(best.1)
}

impl Intermittent {
    /// Before the first step. The probability begins as the share of steps with a demand, the size as the mean demand; for Croston's
    /// method both begin with the first demand.
    fn new(kind: IntermittentKind, alpha: f64, known: &[f64]) -> Intermittent {
        let demands: Vec<f64> = known.iter().copied().filter(|v| *v != 0.0).collect();
        let n = demands.len() as f64;
        let probability = n / known.len() as f64;
        Intermittent {
            kind,
            alpha,
            size: if n > 0.0 {
                demands.iter().sum::<f64>() / n
            } else {
                0.0
            },
            interval: 1.0,
            probability,
            since: 1.0,
            started: kind == IntermittentKind::Tsb,
        }
    }

    /// The demand per step.
    fn rate(&self) -> f64 {
        match self.kind {
            IntermittentKind::Tsb => self.probability * self.size,
            _ if !self.started => 0.0,
            IntermittentKind::Croston => self.size / self.interval,
            IntermittentKind::Sba => (1.0 - self.alpha / 2.0) * self.size / self.interval,
        }
    }

    fn step(&mut self, value: f64) {
        let demand = value != 0.0;
        let smooth = |old: f64, new: f64| old + self.alpha * (new - old);
        self.probability = smooth(self.probability, f64::from(u8::from(demand)));
        if !demand {
            self.since += 1.0;
            return;
        }
        if self.started {
            (self.size, self.interval) =
                (smooth(self.size, value), smooth(self.interval, self.since));
        } else {
            (self.size, self.interval, self.started) = (value, self.since, true);
        }
        self.since = 1.0;
    }

    /// What was fitted.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self.kind {
            IntermittentKind::Croston => "croston",
            IntermittentKind::Sba => "sba",
            IntermittentKind::Tsb => "tsb",
        }
    }
}

impl Fitted for Intermittent {
    fn forecast(&self, ahead: &Ahead<'_>, control: &dyn Control) -> Result<Path, ForecastError> {
        control.check()?;
        Ok(Path::of(vec![self.rate(); ahead.horizon]))
    }

    fn append(&mut self, newer: &Input<'_>, control: &dyn Control) -> Result<(), ForecastError> {
        control.check()?;
        for value in newer.y.iter().filter(|v| !v.is_nan()) {
            self.step(*value);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), &'static str> {
        let numbers = [self.size, self.interval, self.probability, self.since];
        let usable = numbers.iter().all(|v| v.is_finite())
            && self.interval > 0.0
            && self.alpha > 0.0
            && self.alpha <= 1.0;
        if usable {
            Ok(())
        } else {
            Err("a demand has impossible values")
        }
    }
}

/// True for a series with many zeros: over [`INTERMITTENT`] steps from one demand to the next, and none below 0.
#[must_use]
pub fn is_intermittent(y: &[f64]) -> bool {
    let known = || y.iter().filter(|v| !v.is_nan());
    let demands = known().filter(|v| **v != 0.0).count();
    let steps = known().count();
    demands > 0 && known().all(|v| *v >= 0.0) && steps as f64 > INTERMITTENT * demands as f64
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::control::Free;
    use crate::forecasts::oracle;

    fn fitted(y: &[f64], kind: IntermittentKind, alpha: Option<f64>) -> Intermittent {
        fit(
            &Input::plain(y, 1),
            &IntermittentParams { kind, alpha },
            &Free,
        )
        .unwrap()
    }

    #[test]
    fn croston_is_that_of_r() {
        let y = oracle::series("intermittent");
        let theirs = oracle::r("croston_a01").many("fc");
        let croston = fitted(&y, IntermittentKind::Croston, Some(0.1));
        let path = croston
            .forecast(&Ahead::plain(theirs.len(), 0.9), &Free)
            .unwrap();
        for (our, their) in path.mean.iter().zip(&theirs) {
            assert!((our - their).abs() < 1e-9, "{our} {their}");
        }
        let sba = fitted(&y, IntermittentKind::Sba, Some(0.1));
        assert!((sba.rate() - 0.95 * croston.rate()).abs() < 1e-12);
    }

    #[test]
    fn a_product_that_is_no_longer_sold_fades() {
        let mut y: Vec<f64> = (0..60)
            .map(|i| f64::from(u8::from(i % 3 == 0)) * 4.0)
            .collect();
        let rate = |y: &[f64], kind| fitted(y, kind, Some(0.1)).rate();
        // A demand of 4 every third step; the last step with one lies two steps back.
        let tsb = rate(&y, IntermittentKind::Tsb);
        assert!((tsb - 4.0 / 3.0).abs() < 0.15, "{tsb}");
        y.extend([0.0; 60]);
        assert!(rate(&y, IntermittentKind::Tsb) < 0.01);
        // The first interval, 1, still counts for a part of it.
        assert!((rate(&y, IntermittentKind::Croston) - 4.0 / 3.0).abs() < 0.2);
        assert!(is_intermittent(&y));
        assert!(!is_intermittent(&[1.0, 2.0, 0.0, 4.0, 5.0]));
    }

    #[test]
    fn odd_series_are_answered() {
        for kind in [
            IntermittentKind::Croston,
            IntermittentKind::Sba,
            IntermittentKind::Tsb,
        ] {
            let none = fitted(&[0.0, 0.0, f64::NAN, 0.0], kind, None);
            assert_eq!((none.rate(), none.check()), (0.0, Ok(())));
            let one = fitted(&[5.0], kind, None);
            assert!(one.rate() > 4.0 && one.check().is_ok());
            let whole = fitted(&[0.0, 3.0, 0.0, 0.0, 2.0, 0.0], kind, Some(0.2));
            let mut parts = Intermittent {
                ..Intermittent::new(kind, 0.2, &[0.0, 3.0, 0.0, 0.0, 2.0, 0.0])
            };
            for part in [&[0.0, 3.0][..], &[0.0, 0.0, 2.0, 0.0]] {
                parts.append(&Input::plain(part, 1), &Free).unwrap();
            }
            assert_eq!(whole.rate(), parts.rate());
        }
        let empty = fit(
            &Input::plain(&[], 1),
            &IntermittentParams::of(IntermittentKind::Sba),
            &Free,
        );
        assert!(matches!(empty, Err(ForecastError::Empty)));
    }
}
