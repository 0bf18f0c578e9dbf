//! Intervals from the errors of the past.

use super::ForecastError;
use super::conformal::{Conformal, local_level};
use super::observed::Observed;
use super::plan::origins;
use super::recipe::Recipe;
use super::timeline::TimelineOptions;
use super::walk::{Run, Walk};
use crate::control::Control;

/// Origins whose errors make intervals.
const ORIGINS: usize = 40;

/// Shares of the series that are known at the first origin: more where a method cannot be fitted to less.
const KNOWN: [f64; 3] = [0.5, 0.67, 0.8];

/// What a calibration needs besides the series and the recipe.
#[derive(Debug, Clone, Copy)]
pub struct Calibration {
    /// How steps are chosen.
    pub options: TimelineOptions,
    /// Steps of the grid to forecast.
    pub horizon: usize,
    /// The least steps that are known at the first origin.
    pub least: usize,
    /// What random draws come from.
    pub seed: i64,
}

/// Forecasts from many origins of the newer part of the series, by one fit at the first of them, and keeps the errors of each
/// step ahead. `None` for a series that is too short to tell.
///
/// # Errors
/// [`ForecastError::Stopped`]; a method that cannot be fitted to the older part has no intervals.
pub fn calibrate(
    observed: &Observed,
    recipe: &Recipe,
    calibration: &Calibration,
    control: &dyn Control,
) -> Result<Option<Conformal>, ForecastError> {
    let horizon = calibration.horizon;
    let steps = observed.len();
    for share in KNOWN {
        let least = calibration.least.max((steps as f64 * share) as usize);
        let room = steps.saturating_sub(horizon).saturating_sub(least);
        let stride = (room / ORIGINS).max(1);
        let cutoffs = origins(steps, horizon, ORIGINS, stride, least);
        if cutoffs.len() < 2 {
            return Ok(None);
        }
        let walk = Walk {
            observed,
            options: calibration.options,
            cutoffs: &cutoffs,
            horizon,
            gap: 0,
            window: None,
            level: 0.5,
            refit: false,
            seed: calibration.seed,
        };
        match walk.run(recipe, control) {
            Ok(runs) => return intervals(&runs),
            Err(ForecastError::Stopped(stop)) => return Err(stop.into()),
            // It may need more.
            Err(_) => {}
        }
    }
    Ok(None)
}

fn intervals(runs: &[Run]) -> Result<Option<Conformal>, ForecastError> {
    let steps = runs.iter().flat_map(|run| &run.outcomes);
    let longest = steps.filter_map(|o| o.step).max().map_or(0, |s| s + 1);
    let mut errors: Vec<Vec<f64>> = vec![vec![f64::NAN; runs.len()]; longest];
    for (origin, run) in runs.iter().enumerate() {
        for outcome in &run.outcomes {
            let cell = outcome
                .step
                .and_then(|step| errors.get_mut(step)?.get_mut(origin));
            if let Some(cell) = cell {
                *cell = outcome.forecast - outcome.actual;
            }
        }
    }
    let levels: Vec<f64> = runs
        .iter()
        .map(|run| local_level(&run.known, run.season))
        .collect();
    match Conformal::fit(&errors, &levels, None) {
        Ok(conformal) => Ok(Some(conformal)),
        Err(ForecastError::Stopped(stop)) => Err(stop.into()),
        Err(_) => Ok(None),
    }
}
