//! A forecast model as it is stored.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::forecaster::{Forecaster, Point};
use super::observed::Observed;
use super::options::ForecastParams;
use super::recipe::{MOST_MEMBERS, Recipe};
use super::{ForecastError, Frequency, Method};
use crate::control::Control;

/// A forecaster of a series of the warehouse, and how it came to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ForecastModel {
    pub(super) series: String,
    pub(super) method: Method,
    /// The members of the median.
    pub(super) members: Vec<Method>,
    /// The parameters as they were given for `asked`.
    pub(super) asked: Method,
    pub(super) params: String,
    pub(super) horizon: usize,
    pub(super) forecaster: Forecaster,
}

impl ForecastModel {
    /// The series, such as `revenue`.
    #[must_use]
    pub fn series(&self) -> &str {
        &self.series
    }

    /// The method's name.
    #[must_use]
    pub fn method(&self) -> &'static str {
        self.method.name()
    }

    /// What was fitted, such as `SARIMA(1,1,1)(0,1,1)[6]`.
    #[must_use]
    pub fn label(&self) -> String {
        self.forecaster.fit.label()
    }

    /// The horizon that it was trained for, in days.
    #[must_use]
    pub fn horizon(&self) -> usize {
        self.horizon
    }

    /// The moment of the last step that it has seen.
    #[must_use]
    pub fn end(&self) -> i64 {
        self.forecaster.timeline.end()
    }

    /// The gain of each feature, of boosted trees.
    #[must_use]
    pub fn importance(&self) -> Vec<(String, f64)> {
        self.forecaster.fit.importance()
    }

    /// Takes in what came after [`ForecastModel::end`].
    ///
    /// # Errors
    /// What [`Forecaster::append`] gives.
    pub fn append(&mut self, newer: &Observed, control: &dyn Control) -> Result<(), ForecastError> {
        self.forecaster.append(newer, control)
    }

    /// The next `horizon` days.
    ///
    /// # Errors
    /// [`ForecastError::Range`] for a horizon or level out of range; [`ForecastError::Stopped`].
    pub fn forecast(
        &self,
        horizon: usize,
        level: f64,
        control: &dyn Control,
    ) -> Result<Vec<Point>, ForecastError> {
        check_level(level)?;
        self.forecaster
            .forecast(&self.known(), horizon, level, control)
    }

    /// What is known of coming days: nothing but what the timeline keeps.
    pub(super) fn known(&self) -> Observed {
        Observed::new(
            self.forecaster.timeline.frequency,
            self.forecaster.timeline.first,
            Vec::new(),
        )
    }

    /// What was fitted, to be fitted again.
    ///
    /// # Errors
    /// What [`ForecastParams::parse`] gives, of a model of an older version whose parameters are no longer known.
    pub fn recipe(&self) -> Result<(Recipe, ForecastParams), ForecastError> {
        let json: Value = serde_json::from_str(&self.params).unwrap_or_default();
        let params = ForecastParams::parse(self.asked.name(), &json)?;
        let recipe = if self.method == Method::Ensemble {
            params.median_of(&self.members, self.horizon)
        } else {
            params.recipe(self.method, self.horizon)
        };
        Ok((recipe, params))
    }

    /// Verifies what was read from bytes.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.method == Method::Auto {
            return Err("it was never chosen");
        }
        if self.members.len() > MOST_MEMBERS || self.members.iter().any(|m| m.is_choice()) {
            return Err("it has impossible members");
        }
        if self.forecaster.timeline.frequency != Frequency::DAY {
            return Err("its steps are no days");
        }
        if !self.forecaster.timeline.names.is_empty() {
            return Err("it needs regressors that nobody keeps");
        }
        self.forecaster.check()
    }
}

/// Verifies what an interval is to cover.
///
/// # Errors
/// [`ForecastError::Range`].
pub fn check_level(level: f64) -> Result<(), ForecastError> {
    if level > 0.0 && level < 1.0 {
        return Ok(());
    }
    Err(ForecastError::Range {
        what: "level",
        least: 0.0,
        most: 1.0,
        given: level,
    })
}
