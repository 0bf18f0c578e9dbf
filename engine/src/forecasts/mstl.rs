//! Several seasons: each is taken out by loess, the rest is forecast by exponential smoothing, and the last of each season repeated.
//!
//! Bandara, Hyndman and Bergmeir: MSTL, a seasonal-trend decomposition algorithm for time series with multiple seasonal patterns
//! (2021). The decomposition is that of the crate augurs, in the double precision of the library under its model (the model itself computes
//! in single); windows are R's (`mstl()`), as is the forecast (`stlf()`).

use std::panic::catch_unwind;

use augurs_mstl::stlrs::MstlParams as Decomposition;
use serde::{Deserialize, Serialize};

use super::ets::{self, Ets, EtsParams};
use super::{Ahead, Fitted, ForecastError, Input, Path, filled};
use crate::control::Control;

const NAME: &str = "mstl";

/// The most steps that are looked at, the newest ones: the crate cannot be stopped, and takes some 50 ms for so many.
const LONGEST: usize = 20_000;

/// The exponential smoothing of what is left: any error and trend, and no season.
const REST: &str = "ZZN";

/// Parameters of MSTL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MstlParams {
    /// Seasons that tell what one is like, for each season of the input from the shortest on; the usual 11, 15, 19, ... for those that have
    /// none here.
    pub windows: Vec<usize>,
}

/// A fitted MSTL model.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mstl {
    rest: Ets,
    /// The last of each season, beginning with the first step after those that were fitted.
    seasons: Vec<Vec<f64>>,
    /// Steps taken in since.
    later: u64,
}

/// Fits to a series with the seasons of `input.seasons`, or with `input.season` where there are none. Seasons that the series
/// does not hold twice are left out; without any it is exponential smoothing. Of a series over 20,000 steps the newest are taken.
///
/// # Errors
/// [`ForecastError::Range`] for a window below 3, [`ForecastError::Empty`], [`ForecastError::Infinite`], what exponential smoothing
/// gives for short series, [`ForecastError::Stopped`].
pub fn fit(
    input: &Input<'_>,
    params: &MstlParams,
    control: &dyn Control,
) -> Result<Mstl, ForecastError> {
    if let Some(window) = params.windows.iter().find(|w| !(3..=LONGEST).contains(*w)) {
        return Err(ForecastError::Range {
            what: "a window of mstl",
            least: 3.0,
            most: LONGEST as f64,
            given: *window as f64,
        });
    }
    if input.y.iter().any(|v| v.is_infinite()) {
        return Err(ForecastError::Infinite);
    }
    if input.y.iter().all(|v| v.is_nan()) {
        return Err(ForecastError::Empty);
    }
    control.check()?;
    let newest = input.y.len().saturating_sub(LONGEST);
    let y = input.y.get(newest..).unwrap_or_default();
    let periods = periods(input, y.len());
    let parts = (periods.len() as u64)
        .saturating_add(8)
        .saturating_mul(y.len() as u64 * 8);
    control.budget(NAME, parts)?;
    let mut rest = y.to_vec();
    let mut seasons = Vec::with_capacity(periods.len());
    if !periods.is_empty() {
        let whole = filled(y, periods.first().copied().unwrap_or(1));
        for (component, period) in decomposed(whole, &periods, &params.windows)?
            .iter()
            .zip(&periods)
        {
            for (value, part) in rest.iter_mut().zip(component) {
                *value -= part;
            }
            let last = component.len().saturating_sub(*period);
            seasons.push(component.get(last..).unwrap_or_default().to_vec());
        }
    }
    control.check()?;
    let smoothing = EtsParams {
        model: EtsParams::parse_model(REST)?,
        ..EtsParams::default()
    };
    let mstl = Mstl {
        rest: ets::fit(
            &Input {
                y: &rest,
                ..alone(input)
            },
            &smoothing,
            control,
        )?,
        seasons,
        later: 0,
    };
    mstl.check()
        .map_err(|_| ForecastError::NoFit { method: NAME })?;
    Ok(mstl)
}

/// The same steps without seasons and regressors.
fn alone<'a>(input: &Input<'a>) -> Input<'a> {
    Input {
        season: 1,
        seasons: &[],
        regressors: &[],
        ..*input
    }
}

/// The seasons that a series of so many steps holds twice, ascending.
fn periods(input: &Input<'_>, steps: usize) -> Vec<usize> {
    let mut periods = if input.seasons.is_empty() {
        vec![input.season]
    } else {
        input.seasons.to_vec()
    };
    periods.retain(|p| *p >= 2 && p.saturating_mul(2) < steps);
    periods.sort_unstable();
    periods.dedup();
    periods
}

/// The seasonal components.
fn decomposed(
    y: Vec<f64>,
    periods: &[usize],
    windows: &[usize],
) -> Result<Vec<Vec<f64>>, ForecastError> {
    let usual = (1..=periods.len()).map(|place| 7 + 4 * place);
    let given = windows.iter().map(|w| w | 1);
    let lengths: Vec<usize> = given
        .chain(usual.skip(windows.len()))
        .take(periods.len())
        .collect();
    let periods = periods.to_vec();
    let parts = catch_unwind(move || {
        let mut params = Decomposition::new();
        params.seasonal_lengths(&lengths);
        let parts = params.fit(&y, &periods);
        parts.map(|parts| parts.into_parts().0)
    });
    match parts {
        Ok(Ok(seasonal)) => Ok(seasonal),
        _ => Err(ForecastError::NoFit { method: NAME }),
    }
}

impl Mstl {
    /// The seasons and the model of the rest, such as `MSTL(6, 26) with ETS(A,N,N)`.
    #[must_use]
    pub fn label(&self) -> String {
        let seasons: Vec<String> = self.seasons.iter().map(|s| s.len().to_string()).collect();
        format!("MSTL({}) with {}", seasons.join(", "), self.rest.label())
    }

    /// The sum of the seasons at so many steps after the last one.
    fn season(&self, ahead: u64) -> f64 {
        let step = self.later.saturating_add(ahead);
        let parts = self.seasons.iter().map(|season| {
            let phase = step % (season.len().max(1) as u64);
            let phase = usize::try_from(phase).unwrap_or(0);
            season.get(phase).copied().unwrap_or(0.0)
        });
        parts.sum()
    }
}

impl Fitted for Mstl {
    /// Intervals are those of the rest: seasons are taken to be known.
    fn forecast(&self, ahead: &Ahead<'_>, control: &dyn Control) -> Result<Path, ForecastError> {
        let plain = Ahead {
            regressors: &[],
            ..*ahead
        };
        let mut path = self.rest.forecast(&plain, control)?;
        let add = |values: &mut Vec<f64>| {
            for (step, value) in values.iter_mut().enumerate() {
                *value += self.season(step as u64);
            }
        };
        add(&mut path.mean);
        if let Some((low, high)) = &mut path.bounds {
            add(low);
            add(high);
        }
        Ok(path)
    }

    fn append(&mut self, newer: &Input<'_>, control: &dyn Control) -> Result<(), ForecastError> {
        let steps = newer.y.iter().enumerate();
        let rest: Vec<f64> = steps
            .map(|(step, y)| y - self.season(step as u64))
            .collect();
        self.rest.append(
            &Input {
                y: &rest,
                ..alone(newer)
            },
            control,
        )?;
        self.later = self.later.saturating_add(newer.y.len() as u64);
        Ok(())
    }

    fn check(&self) -> Result<(), &'static str> {
        self.rest.check()?;
        let mut values = self.seasons.iter().flatten();
        if self.seasons.iter().any(|s| s.len() < 2) || values.any(|v| !v.is_finite()) {
            return Err("mstl has an impossible season");
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "mstl_tests.rs"]
mod tests;
