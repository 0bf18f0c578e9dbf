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
                recent: &self.recent,
                season: self.timeline.season,
                usual,
            };
            parts = explain(&self.fit, &ahead, &background, control)?;
        }
        let of = |point: &Point| {
            let parts = point.step.and_then(|step| parts.get(step));
            parts.map_or(Explanation::default(), |parts| parts.of(point.forecast))
        };
        Ok(points
            .into_iter()
            .map(|point| (point, of(&point)))
            .collect())
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
        self.forecaster
            .explain(&self.known(), &[], horizon, 0.5, control)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::super::frequency::DAY;
    use super::super::{ForecastParams, Frequency, TrainRequest, train};
    use super::*;
    use crate::control::Free;

    #[test]
    fn parts_add_up_to_what_is_forecast() {
        // Closed on Sundays; 2020-01-06 was a Monday.
        let value = |d: usize| match d % 7 {
            6 => 0.0,
            day => 20.0 + 4.0 * day as f64 + (d * 37 % 11) as f64 + d as f64 / 10.0,
        };
        let mut observed =
            Observed::new(Frequency::DAY, 18_267 * DAY, (0..200).map(value).collect());
        observed.open = (0..200).map(|d| d % 7 != 6).collect();
        for model in ["seasonal_naive", "ets", "drift"] {
            let params = ForecastParams::parse(model, &json!({})).unwrap();
            let request = TrainRequest {
                series: "revenue",
                observed: &observed,
                params: &params,
                horizon: 14,
                seed: 42,
                champion: None,
            };
            let model = train(&request, &Free).unwrap().model;
            let points = model.forecast(14, 0.9, &Free).unwrap();
            let explained = model.explain(14, &Free).unwrap();
            assert_eq!(explained.len(), 14);
            for (point, (again, parts)) in points.iter().zip(&explained) {
                assert_eq!((point.stamp, point.forecast), (again.stamp, again.forecast));
                assert!((parts.sum() - point.forecast).abs() < 1e-9);
                if point.step.is_none() {
                    assert_eq!(*parts, Explanation::default());
                } else {
                    assert!(parts.level > 20.0 && parts.holidays == 0.0);
                }
            }
        }
    }
}
