//! The forecast of a model, taken apart.

use super::explain::{Background, Explanation, explain};
use super::forecaster::{Forecaster, Point};
use super::observed::Observed;
use super::stored::ForecastModel;
use super::{Ahead, ForecastError};
use crate::control::Control;

impl Forecaster {
    /// The next `horizon` steps of the grid, each with the parts that add up to its forecast; all of them are 0 on a closed day. `known` tells the
    /// regressors of coming steps, `usual` the usual value of each.
    ///
    /// # Errors
    /// What [`Forecaster::forecast`] and [`explain`] give.
    pub fn explain(
        &self,
        known: &Observed,
        usual: &[f64],
        horizon: usize,
        level: f64,
        control: &dyn Control,
    ) -> Result<Vec<(Point, Explanation)>, ForecastError> {
        let points = self.forecast(known, horizon, level, control)?;
        let coming = self.timeline.coming(known, horizon)?;
        let steps = coming.steps.stamps.len();
        let mut parts = Vec::new();
        if steps > 0 {
            let ahead = Ahead {
                horizon: steps,
                level,
                stamps: &coming.steps.stamps,
                regressors: &coming.steps.regressors,
            };
            let background = Background {
                recent: self.recent(),
                season: self.timeline.season,
                usual,
            };
            parts = explain(&self.fit, &ahead, &background, control)?;
        }
        let of = |point: &Point| {
            let parts = point.step.and_then(|step| parts.get(step));
            parts.map_or(Explanation::default(), |parts| parts.of(point.forecast))
        };
        Ok(points.into_iter().map(|point| (point, of(&point))).collect())
    }
}

impl ForecastModel {
    /// The next `horizon` days, each with the parts that add up to its forecast.
    ///
    /// # Errors
    /// As [`Forecaster::explain`].
    pub fn explain(
        &self,
        horizon: usize,
        control: &dyn Control,
    ) -> Result<Vec<(Point, Explanation)>, ForecastError> {
        // A stored model has no regressors but holidays; its intervals are not asked for.
        self.forecaster.explain(&self.known(), &[], horizon, 0.5, control)
    }
}
