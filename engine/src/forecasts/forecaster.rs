//! A fitted method with its steps and its intervals: what is stored, and what forecasts.

use serde::{Deserialize, Serialize};

use super::conformal::{Conformal, local_level};
use super::observed::Observed;
use super::recipe::{Fit, Recipe};
use super::timeline::{Timeline, TimelineOptions};
use super::{Ahead, Fitted, ForecastError};
use crate::control::Control;

/// A forecast of one step of the grid.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Its moment, in microseconds since 1970.
    pub stamp: i64,
    /// The forecast; 0 on a day that is expected to be closed.
    pub forecast: f64,
    /// The interval; none on a closed day, and none where nothing is known of past errors.
    pub bounds: Option<(f64, f64)>,
    /// The step of the model; `None` on a closed day.
    pub step: Option<usize>,
}

/// A fitted method, the steps that it knows, and the errors that its intervals are made of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Forecaster {
    pub(super) timeline: Timeline,
    pub(super) fit: Fit,
    /// Intervals from past errors; they come before the method's own.
    pub(super) conformal: Option<Conformal>,
    /// The newest values, for the level that such intervals go by.
    pub(super) recent: Vec<f64>,
}

/// Values that tell the level: two seasons, or this many.
const RECENT: usize = 40;

impl Forecaster {
    /// Fits to a series.
    ///
    /// # Errors
    /// What [`Timeline::learn`] and the method give.
    pub fn fit(
        observed: &Observed,
        recipe: &Recipe,
        options: TimelineOptions,
        seed: i64,
        control: &dyn Control,
    ) -> Result<Forecaster, ForecastError> {
        let (timeline, steps) = Timeline::learn(observed, options)?;
        let fit = recipe.fit(&steps.input(&timeline, seed), control)?;
        let timeline_season = timeline.season;
        Ok(Forecaster {
            timeline,
            fit,
            conformal: None,
            recent: recent(&steps.y, timeline_season),
        })
    }

    /// The next `horizon` steps of the grid. `known` tells the regressors of coming steps.
    ///
    /// # Errors
    /// What [`Timeline::coming`] and the method give.
    pub fn forecast(
        &self,
        known: &Observed,
        horizon: usize,
        level: f64,
        control: &dyn Control,
    ) -> Result<Vec<Point>, ForecastError> {
        let coming = self.timeline.coming(known, horizon)?;
        let steps = coming.steps.stamps.len();
        let path = if steps == 0 {
            super::Path::default()
        } else {
            let ahead = Ahead {
                horizon: steps,
                level,
                stamps: &coming.steps.stamps,
                regressors: &coming.steps.regressors,
            };
            self.fit.forecast(&ahead, control)?
        };
        let bounds = match &self.conformal {
            Some(conformal) => {
                let local = local_level(&self.recent, self.timeline.season);
                Some(conformal.bounds(&path.mean, local, level))
            }
            None => path.bounds,
        };
        let mut points = Vec::with_capacity(horizon);
        let mut next = 0;
        for ((stamp, in_model), open) in
            coming.stamps.iter().zip(&coming.in_model).zip(&coming.open)
        {
            let step = next;
            next += usize::from(*in_model);
            let mean = path.mean.get(step).copied().filter(|_| *open);
            let Some(mean) = mean else {
                points.push(Point {
                    stamp: *stamp,
                    forecast: 0.0,
                    bounds: None,
                    step: None,
                });
                continue;
            };
            let bounds = bounds
                .as_ref()
                .and_then(|(lower, upper)| lower.get(step).copied().zip(upper.get(step).copied()));
            let floor = |v: f64| if self.timeline.floor { v.max(0.0) } else { v };
            points.push(Point {
                stamp: *stamp,
                forecast: floor(mean),
                bounds: bounds.map(|(lower, upper)| (floor(lower), floor(upper))),
                step: Some(step),
            });
        }
        Ok(points)
    }

    /// Takes in the steps that came after the last one that it has seen: `newer` begins with the step after it.
    ///
    /// # Errors
    /// [`ForecastError::Shape`] when it begins elsewhere; what the method gives.
    pub fn append(&mut self, newer: &Observed, control: &dyn Control) -> Result<(), ForecastError> {
        let next = self
            .timeline
            .frequency
            .after(self.timeline.first, self.timeline.seen);
        if newer.frequency != self.timeline.frequency || next != Some(newer.first) {
            return Err(ForecastError::Shape {
                what: "steps after those that the model has seen",
                found: 0,
                wanted: newer.len(),
            });
        }
        let steps = self.timeline.steps(newer, 0)?;
        if !steps.y.is_empty() {
            self.fit.append(&steps.input(&self.timeline, 0), control)?;
        }
        self.recent.extend(&steps.y);
        self.recent = recent(&self.recent, self.timeline.season);
        self.timeline.seen = self.timeline.seen.saturating_add(newer.len());
        Ok(())
    }

    /// Verifies what was read from bytes.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self) -> Result<(), &'static str> {
        self.timeline.check()?;
        self.fit.check()?;
        if self.recent.iter().any(|v| v.is_infinite()) {
            return Err("its newest values are impossible");
        }
        self.conformal.as_ref().map_or(Ok(()), Conformal::check)
    }
}

fn recent(y: &[f64], season: usize) -> Vec<f64> {
    let kept = season.saturating_mul(2).max(RECENT);
    y.iter()
        .skip(y.len().saturating_sub(kept))
        .copied()
        .collect()
}
