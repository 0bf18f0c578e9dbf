//! Forecasts by gradient-boosted trees on lags, rolling statistics, the season, the calendar and regressors.
//!
//! Values are told relative to the recent level (the mean of the last four weeks or so) and in units of it, so that trees, which cannot
//! extrapolate, follow a level that they have never seen. The direct strategy trains one model for all steps ahead, with the step
//! as a feature, on rows of many origins; the recursive one trains for the next step and feeds its forecasts back (Ben Taieb and
//! Hyndman, A gradient boosting approach to the Kaggle load forecasting competition, 2014, compare the two).
//! The trees are those of [`crate::trees::boosting`], with XGBoost's algorithm and parameters.

mod explain;
mod history;
mod layout;
mod rows;
mod train;

use serde::{Deserialize, Serialize};

pub use explain::Explained;
pub use layout::{Feature, Role};

use super::{Ahead, Fitted, ForecastError, Input, Path};
use crate::control::Control;
use crate::params::{ParamError, wrong};
use crate::trees::boosting::{self, BoostingParams, Objective};
use crate::trees::{Bins, Ensemble, MAX_BINS};
use history::{History, LARGEST};
use layout::{LONGEST, Layout};
use rows::Rows;
use train::Training;

/// The name in messages.
const METHOD: &str = "xgboost";
/// The fewest known values.
const LEAST: usize = 20;
const PHASE: &str = "boosted forecast";
/// The most lags, and the most windows.
const MOST_LAGS: usize = 64;
/// The farthest step ahead that a model can be trained for.
const MOST_AHEAD: usize = 1_000;

/// How several steps are forecast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Each by itself, from what is known.
    Direct,
    /// One after the other, from those before.
    Recursive,
}

/// Parameters of [`fit`].
#[derive(Debug, Clone, PartialEq)]
pub struct BoostedParams {
    /// Steps back of which the value is a feature, each 1 to 10,000; chosen by season when not given.
    pub lags: Option<Vec<usize>>,
    /// Last steps of which mean, standard deviation, minimum and maximum are features, each 2 to 10,000; chosen by season when not
    /// given.
    pub windows: Option<Vec<usize>>,
    /// How several steps are forecast.
    pub strategy: Strategy,
    /// The farthest step that the direct strategy is trained for, 1 to 1,000; later ones are forecast as if they were that far
    /// ahead. At most a third of the series is used.
    pub max_horizon: usize,
    /// Parameters of the trees.
    pub boosting: BoostingParams,
}

impl Default for BoostedParams {
    fn default() -> Self {
        BoostedParams {
            lags: None,
            windows: None,
            strategy: Strategy::Direct,
            max_horizon: 28,
            boosting: BoostingParams {
                n_estimators: 100,
                max_depth: 4,
                learning_rate: 0.05,
                subsample: 0.8,
                colsample_bytree: 0.8,
                min_child_weight: 20.0,
                objective: Objective::Squared,
                ..BoostingParams::default()
            },
        }
    }
}

impl BoostedParams {
    /// Verifies the ranges.
    ///
    /// # Errors
    /// [`ParamError::Value`] for the first parameter that is out of its range.
    pub fn check(&self) -> Result<(), ParamError> {
        for (key, steps, least) in [("lags", &self.lags, 1), ("windows", &self.windows, 2)] {
            let Some(steps) = steps else {
                continue;
            };
            let mut sorted = steps.clone();
            sorted.sort_unstable();
            sorted.dedup();
            if steps.is_empty() || steps.len() > MOST_LAGS || sorted.len() < steps.len() {
                return Err(wrong(key, "must have 1 to 64 entries, none twice"));
            }
            if !steps.iter().all(|s| (least..=LONGEST).contains(s)) {
                return Err(wrong(
                    key,
                    format!("must have whole numbers from {least} to {LONGEST}"),
                ));
            }
        }
        if !(1..=MOST_AHEAD).contains(&self.max_horizon) {
            return Err(wrong("max_horizon", "must be from 1 to 1000"));
        }
        if self.boosting.objective != Objective::Squared {
            return Err(wrong("objective", "must be the squared error"));
        }
        self.boosting.check()
    }
}

/// A fitted model: trees, and as much of the series as its features look at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boosted {
    layout: Layout,
    trees: Ensemble,
    series: History,
}

/// Trains on a series. Missing values are no target, and a feature that needs one is missing (trees take that).
///
/// # Errors
/// [`ForecastError::Params`], [`ForecastError::Infinite`], [`ForecastError::Shape`], [`ForecastError::TooShort`] for less than 20 known
/// values, [`ForecastError::Stopped`].
pub fn fit(
    input: &Input<'_>,
    params: &BoostedParams,
    control: &dyn Control,
) -> Result<Boosted, ForecastError> {
    params.check()?;
    let mut series = History::new(input)?;
    let layout = Layout::new(input, params);
    let too_short = |found| ForecastError::TooShort {
        method: METHOD,
        needed: LEAST,
        found,
    };
    let known = input.y.iter().filter(|v| !v.is_nan()).count();
    if known < LEAST {
        return Err(too_short(known));
    }
    let training = Training::new(&layout, &series, input.seed, control)?;
    if training.targets.is_empty() {
        return Err(too_short(0));
    }
    let bins = Bins::fit(training.x.view(), None, MAX_BINS, control)?;
    let binned = bins.apply(training.x.view(), control)?;
    let trees = boosting::fit(
        &binned,
        &training.targets,
        None,
        &params.boosting,
        input.seed,
        control,
    )?;
    series.trim(&layout);
    Ok(Boosted {
        layout,
        trees,
        series,
    })
}

/// A step ahead, in the model's own terms.
struct Step {
    level: f64,
    unit: f64,
    row: Vec<f64>,
}

impl Step {
    fn forecast(&self, trees: &Ensemble) -> f64 {
        let value = self.level + self.unit * trees.score_row(&self.row);
        value.clamp(-LARGEST, LARGEST)
    }
}

impl Boosted {
    /// The features and the share of each in the gain of all splits; the shares add up to 1, or are all 0.
    #[must_use]
    pub fn importance(&self) -> Vec<(Feature, f64)> {
        let gains = self.trees.gain_importance();
        self.layout.features.iter().copied().zip(gains).collect()
    }

    fn steps(&self, ahead: &Ahead<'_>, control: &dyn Control) -> Result<Vec<Step>, ForecastError> {
        let known = self.series.y.len();
        let features = self.layout.features.len();
        let bytes = ahead
            .horizon
            .saturating_mul((features + 4) * size_of::<f64>());
        control.budget(PHASE, bytes as u64)?;
        let mut series = self.series.with_ahead(ahead, self.is_dated())?;
        // What one origin tells is the same for all steps of the direct strategy.
        let origins = if self.layout.recursive {
            ahead.horizon
        } else {
            1
        };
        let mut steps = Vec::new();
        for origin in 0..origins {
            let rows = Rows::new(&self.layout, &series);
            let of_origin = rows
                .origin(known + origin)
                .ok_or(ForecastError::NoFit { method: METHOD })?;
            let farthest = if self.layout.recursive {
                1
            } else {
                ahead.horizon
            };
            for ahead in 1..=farthest {
                control.check()?;
                let mut row = vec![f64::NAN; features];
                rows.write(&of_origin, ahead, &mut row);
                steps.push(Step {
                    level: of_origin.level,
                    unit: of_origin.unit,
                    row,
                });
            }
            if let (true, Some(step)) = (self.layout.recursive, steps.last()) {
                series.y.push(step.forecast(&self.trees));
            }
        }
        Ok(steps)
    }

    fn is_dated(&self) -> bool {
        self.layout.pace.is_some()
    }
}

impl Fitted for Boosted {
    fn forecast(&self, ahead: &Ahead<'_>, control: &dyn Control) -> Result<Path, ForecastError> {
        let steps = self.steps(ahead, control)?;
        let mean = steps.iter().map(|step| step.forecast(&self.trees));
        Ok(Path::of(mean.collect()))
    }

    fn append(&mut self, newer: &Input<'_>, _control: &dyn Control) -> Result<(), ForecastError> {
        self.series.extend(newer, self.is_dated())?;
        self.series.trim(&self.layout);
        Ok(())
    }

    fn check(&self) -> Result<(), &'static str> {
        self.layout.check()?;
        self.series.check(&self.layout)?;
        self.trees.check()?;
        if self.trees.features() != self.layout.features.len() {
            return Err("the trees have other features than the rows");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
