//! The theta method: a line through all values, and a level that follows them.
//!
//! Assimakopoulos and Nikolopoulos, International Journal of Forecasting 16 (2000), as R's `thetaf()`; and the optimised theta model
//! of Fiorucci, Pellegrini, Louzada, Petropoulos and Koehler, International Journal of Forecasting 32 (2016), whose line has
//! the weight that forecast best. A season is taken out first where there is one.

mod level;
mod season;

use serde::{Deserialize, Serialize};

use super::numeric::normal_quantile;
use super::{Ahead, Fitted, ForecastError, Input, Path, filled};
use crate::control::Control;

const NAME: &str = "theta";

/// The least values: three parameters, and an error.
const LEAST: usize = 4;

/// A phase's factor below which values are not divided by it.
const SMALL_FACTOR: f64 = 0.01;

/// Steps between two looks at the control.
const BETWEEN_LOOKS: usize = 1 << 16;

/// How the season is taken out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Decomposition {
    /// By factors where all values are above 0, by terms otherwise.
    #[default]
    Auto,
    /// By terms.
    Additive,
    /// By factors.
    Multiplicative,
}

/// Parameters of theta.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThetaParams {
    /// Whether the line's weight is chosen; half of the forecast is the line's otherwise.
    pub optimised: bool,
    /// How the season is taken out.
    pub decomposition: Decomposition,
}

impl Default for ThetaParams {
    fn default() -> ThetaParams {
        ThetaParams {
            optimised: true,
            decomposition: Decomposition::Auto,
        }
    }
}

/// What each phase of the season is.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Season {
    phases: Vec<f64>,
    multiplicative: bool,
}

impl Season {
    fn at(&self, step: usize) -> f64 {
        let phase = self.phases.get(step % self.phases.len().max(1));
        phase
            .copied()
            .unwrap_or(f64::from(u8::from(self.multiplicative)))
    }

    fn without(&self, value: f64, step: usize) -> f64 {
        let phase = self.at(step);
        if self.multiplicative {
            value / phase
        } else {
            value - phase
        }
    }
}

/// A fitted theta model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Theta {
    optimised: bool,
    season: Option<Season>,
    /// Steps seen.
    steps: u64,
    /// The smoothing parameter.
    alpha: f64,
    /// The level after the last step.
    level: f64,
    /// The line at 0 and its slope, times its weight.
    line: (f64, f64),
    omega: f64,
    /// The variance of an error of one step.
    variance: f64,
}

/// Fits theta. Missing values are filled as [`filled`] does.
///
/// # Errors
/// [`ForecastError::TooShort`] for fewer than four values, [`ForecastError::NotPositive`] where factors are asked for and a value is
/// not above 0, [`ForecastError::Infinite`], [`ForecastError::Stopped`].
pub fn fit(
    input: &Input<'_>,
    params: &ThetaParams,
    control: &dyn Control,
) -> Result<Theta, ForecastError> {
    let known = input.y.iter().filter(|v| !v.is_nan()).count();
    if known < LEAST {
        return Err(ForecastError::TooShort {
            method: NAME,
            needed: LEAST,
            found: known,
        });
    }
    if input.y.iter().any(|v| v.is_infinite()) {
        return Err(ForecastError::Infinite);
    }
    control.check()?;
    control.budget(NAME, (input.y.len() as u64).saturating_mul(32))?;
    let mut y = filled(input.y, input.season);
    let season = season_of(&y, input.season, params.decomposition)?;
    if let Some(season) = &season {
        for (at, value) in y.iter_mut().enumerate() {
            *value = season.without(*value, at);
        }
    }
    let (start, slope) = level::line(&y);
    let n = y.len() as f64;
    let (level, omega, variance) = if params.optimised {
        let level = level::optimised(&y, slope, control)?;
        (level, level.omega, level.squares / (n - 3.0).max(1.0))
    } else {
        let level = level::smoothed(&y, control)?;
        (level, 0.5, level.squares / (n - 2.0).max(1.0))
    };
    let theta = Theta {
        optimised: params.optimised,
        season,
        steps: y.len() as u64,
        alpha: level.alpha,
        level: level.last,
        line: (omega * start, omega * slope),
        omega,
        variance,
    };
    theta
        .check()
        .map_err(|_| ForecastError::NoFit { method: NAME })?;
    Ok(theta)
}

fn season_of(
    y: &[f64],
    season: usize,
    decomposition: Decomposition,
) -> Result<Option<Season>, ForecastError> {
    let positive = y.iter().all(|v| *v > 0.0);
    if decomposition == Decomposition::Multiplicative && !positive {
        return Err(ForecastError::NotPositive {
            method: "theta with a multiplicative season",
        });
    }
    if !season::is_seasonal(y, season) {
        return Ok(None);
    }
    if decomposition != Decomposition::Additive && positive {
        let phases = season::classical(y, season, true);
        if phases.iter().all(|p| *p >= SMALL_FACTOR) {
            return Ok(Some(Season {
                phases,
                multiplicative: true,
            }));
        }
    }
    Ok(Some(Season {
        phases: season::classical(y, season, false),
        multiplicative: false,
    }))
}

impl Theta {
    /// The method and its season, such as `theta 2.31 (multiplicative season)`.
    #[must_use]
    pub fn label(&self) -> String {
        let theta = if self.omega < 1.0 {
            1.0 / (1.0 - self.omega)
        } else {
            f64::INFINITY
        };
        let season = match &self.season {
            None => "",
            Some(season) if season.multiplicative => " (multiplicative season)",
            Some(_) => " (additive season)",
        };
        format!("theta {theta:.2}{season}")
    }

    /// What the line adds to the level at the next step, and for each step more.
    fn drift(&self) -> (f64, f64) {
        let (start, slope) = self.line;
        let faded = (1.0 - self.alpha).powf(self.steps as f64);
        if self.optimised {
            let grown = (1.0 - faded * (1.0 - self.alpha)) / self.alpha;
            (start * faded + slope * grown, slope)
        } else {
            (slope * (1.0 - faded) / self.alpha, slope)
        }
    }
}

impl Fitted for Theta {
    /// Intervals are those of exponential smoothing around the line. As in R's `thetaf()` the season does not scale those
    /// of the model that is not optimised.
    fn forecast(&self, ahead: &Ahead<'_>, control: &dyn Control) -> Result<Path, ForecastError> {
        let (next, slope) = self.drift();
        let wide = normal_quantile(f64::midpoint(1.0, ahead.level));
        let seen = usize::try_from(self.steps).unwrap_or(usize::MAX);
        let mut path = Path::default();
        let (mut low, mut high) = (Vec::new(), Vec::new());
        for step in 0..ahead.horizon {
            if step % BETWEEN_LOOKS == 0 {
                control.check()?;
            }
            let later = step as f64;
            let mut mean = self.level + next + slope * later;
            let mut reach = wide * (self.variance * (1.0 + later * self.alpha * self.alpha)).sqrt();
            if let Some(season) = &self.season {
                let phase = season.at(seen.wrapping_add(step));
                if season.multiplicative {
                    mean *= phase;
                    reach *= if self.optimised { phase } else { 1.0 };
                } else {
                    mean += phase;
                }
            }
            path.mean.push(mean);
            low.push(mean - reach);
            high.push(mean + reach);
        }
        path.bounds = Some((low, high));
        Ok(path)
    }

    /// A missing value is taken to be what was forecast.
    fn append(&mut self, newer: &Input<'_>, control: &dyn Control) -> Result<(), ForecastError> {
        if newer.y.iter().any(|v| v.is_infinite()) {
            return Err(ForecastError::Infinite);
        }
        for (at, value) in newer.y.iter().enumerate() {
            if at % BETWEEN_LOOKS == 0 {
                control.check()?;
            }
            let step = usize::try_from(self.steps).unwrap_or(0);
            let expected = self.level + if self.optimised { self.drift().0 } else { 0.0 };
            let value = match &self.season {
                _ if value.is_nan() => expected,
                Some(season) => season.without(*value, step),
                None => *value,
            };
            self.level += self.alpha * (value - self.level);
            self.steps = self.steps.saturating_add(1);
        }
        Ok(())
    }

    fn check(&self) -> Result<(), &'static str> {
        let numbers = [self.level, self.line.0, self.line.1, self.variance];
        let shares = (1e-5..=1.0).contains(&self.alpha) && (0.0..=1.0).contains(&self.omega);
        if !shares || self.variance < 0.0 || numbers.iter().any(|v| !v.is_finite()) {
            return Err("theta has impossible parameters");
        }
        match &self.season {
            Some(season)
                if season.phases.len() < 2
                    || season.phases.iter().any(|p| !p.is_finite())
                    || season.multiplicative && season.phases.iter().any(|p| *p <= 0.0) =>
            {
                Err("theta has an impossible season")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
