//! Many series at once: each on its own, so that one that cannot be forecast costs the others nothing.

use super::calibrate::{Calibration, calibrate};
use super::forecaster::{Forecaster, Point};
use super::observed::Observed;
use super::options::ForecastParams;
use super::plan::{least_known, origins};
use super::recipe::Recipe;
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
    let fitting = fitted(observed, request, control)?;
    let forecaster = &fitting.forecaster;
    Ok(SeriesForecast {
        points: forecaster.forecast(observed, request.horizon, request.level, control)?,
        model: forecaster.fit.label(),
        note: fitting.note(),
    })
}

/// What was fitted to a series.
#[derive(Debug)]
pub(super) struct Fitting {
    /// With its intervals.
    pub(super) forecaster: Forecaster,
    /// What it was made by.
    pub(super) recipe: Recipe,
    /// What was done to the data.
    pub(super) notes: Vec<String>,
}

impl Fitting {
    /// Fits a recipe.
    ///
    /// # Errors
    /// What [`Forecaster::fit`] gives.
    pub(super) fn of(
        observed: &Observed,
        recipe: Recipe,
        request: &BatchRequest<'_>,
        control: &dyn Control,
    ) -> Result<Fitting, ForecastError> {
        let options = request.params.timeline();
        let mut forecaster = Forecaster::fit(observed, &recipe, options, request.seed, control)?;
        if !request.params.wants_analytic(recipe.method) {
            let calibration = Calibration {
                options,
                horizon: request.horizon,
                least: least_known(forecaster.timeline.season),
                seed: request.seed,
            };
            forecaster.conformal = calibrate(observed, &recipe, &calibration, control)?;
        }
        Ok(Fitting {
            forecaster,
            recipe,
            notes: observed.notes.clone(),
        })
    }

    /// The notes as one.
    pub(super) fn note(&self) -> Option<String> {
        (!self.notes.is_empty()).then(|| self.notes.join("; "))
    }
}

/// Chooses a method, where it is to be chosen, and fits it.
///
/// # Errors
/// What the choice and the method give.
pub(super) fn fitted(
    observed: &Observed,
    request: &BatchRequest<'_>,
    control: &dyn Control,
) -> Result<Fitting, ForecastError> {
    let params = request.params;
    let horizon = request.horizon;
    let mut recipe = params.recipe(params.method, horizon);
    if params.method.is_choice() {
        let (timeline, _) = Timeline::learn(observed, params.timeline())?;
        let least = least_known(timeline.season);
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
    match Fitting::of(observed, recipe, request, control) {
        Err(ForecastError::TooShort { .. }) if params.method.is_choice() => {
            // What nothing can be learnt from goes on as it is.
            let naive = params.recipe(Method::Naive, horizon);
            let mut fitting = Fitting::of(observed, naive, request, control)?;
            let note = "too short for anything but its last value";
            fitting.notes.push(note.to_owned());
            Ok(fitting)
        }
        fitting => fitting,
    }
}
