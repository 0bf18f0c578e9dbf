//! Many series at once: each on its own, so that one that cannot be forecast costs the others nothing.

use super::calibrate::{Calibration, calibrate};
use super::forecaster::{Forecaster, Point};
use super::observed::Observed;
use super::options::ForecastParams;
use super::plan::{least_known, origins};
use super::select::choose;
use super::stored::check_level;
use super::timeline::{Timeline, check_horizon};
use super::walk::Walk;
use super::{ForecastError, Method};
use crate::control::{Control, Stop};

/// Origins by which a method is chosen where there are thousands of series.
const FOLDS: usize = 3;

/// What is asked for each series.
#[derive(Debug, Clone, Copy)]
pub struct BatchRequest<'a> {
    /// How it is to be forecast.
    pub params: &'a ForecastParams,
    /// Steps to forecast.
    pub horizon: usize,
    /// What intervals are to cover.
    pub level: f64,
    /// What random draws come from.
    pub seed: i64,
}

impl BatchRequest<'_> {
    /// Verifies the arguments that hold for all series.
    ///
    /// # Errors
    /// [`ForecastError::Range`].
    pub fn check(&self) -> Result<(), ForecastError> {
        check_horizon(self.horizon)?;
        check_level(self.level)
    }
}

/// The forecast of one series.
#[derive(Debug, Clone, Default)]
pub struct SeriesForecast {
    /// The coming steps; none when it could not be forecast.
    pub points: Vec<Point>,
    /// What was fitted.
    pub model: String,
    /// What was done to the data, or why there is no forecast.
    pub note: Option<String>,
}

/// Forecasts one series.
///
/// # Errors
/// [`Stop`]; all else becomes the note.
pub fn forecast_series(
    observed: Result<Observed, ForecastError>,
    request: &BatchRequest<'_>,
    control: &dyn Control,
) -> Result<SeriesForecast, Stop> {
    let outcome = observed.and_then(|observed| one(&observed, request, control));
    match outcome {
        Ok(forecast) => Ok(forecast),
        Err(ForecastError::Stopped(stop)) => Err(stop),
        Err(why) => Ok(SeriesForecast {
            note: Some(why.to_string()),
            ..SeriesForecast::default()
        }),
    }
}

fn one(
    observed: &Observed,
    request: &BatchRequest<'_>,
    control: &dyn Control,
) -> Result<SeriesForecast, ForecastError> {
    let params = request.params;
    let horizon = request.horizon;
    let (timeline, _) = Timeline::learn(observed, params.timeline())?;
    let least = least_known(timeline.season);
    let mut recipe = params.recipe(params.method, horizon);
    if params.method.is_choice() {
        let folds = params.folds.min(FOLDS);
        let cutoffs = origins(observed.len(), horizon, folds, horizon, least);
        let walk = Walk {
            observed,
            options: params.timeline(),
            cutoffs: &cutoffs,
            horizon,
            gap: 0,
            window: None,
            level: request.level,
            refit: false,
            seed: request.seed,
        };
        recipe = if cutoffs.is_empty() {
            params.recipe(Method::Ets, horizon)
        } else {
            choose(&walk, params, false, control)?.recipe(params, horizon)
        };
    }
    let fitted = Forecaster::fit(observed, &recipe, params.timeline(), request.seed, control);
    let mut notes = observed.notes.clone();
    let mut forecaster = match fitted {
        Err(ForecastError::TooShort { .. }) if params.method.is_choice() => {
            // What nothing can be learnt from goes on as it is.
            notes.push("too short for anything but its last value".into());
            recipe = params.recipe(Method::Naive, horizon);
            Forecaster::fit(observed, &recipe, params.timeline(), request.seed, control)?
        }
        fitted => fitted?,
    };
    if !params.wants_analytic(recipe.method) {
        let calibration = Calibration {
            options: params.timeline(),
            horizon,
            least,
            seed: request.seed,
        };
        forecaster.conformal = calibrate(observed, &recipe, &calibration, control)?;
    }
    Ok(SeriesForecast {
        points: forecaster.forecast(observed, horizon, request.level, control)?,
        model: forecaster.fit.label(),
        note: (!notes.is_empty()).then(|| notes.join("; ")),
    })
}
