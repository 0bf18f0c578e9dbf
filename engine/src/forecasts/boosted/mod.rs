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
mod params;
mod rows;
mod train;

use serde::{Deserialize, Serialize};

pub use explain::Explained;
pub use layout::{Feature, Role};
pub use params::{BoostedParams, Strategy};

use super::{Ahead, Fitted, ForecastError, Input, Path};
use crate::control::Control;
use crate::trees::{Bins, Ensemble, MAX_BINS, boosting};
use history::{History, LARGEST};
use layout::Layout;
use rows::Rows;
use train::Training;

/// The name in messages.
const METHOD: &str = "xgboost";
/// The fewest known values.
const LEAST: usize = 20;
const PHASE: &str = "boosted forecast";

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
    /// What was fitted.
    #[must_use]
    pub fn label(&self) -> &'static str {
        if self.layout.recursive {
            "xgboost (recursive)"
        } else {
            METHOD
        }
    }

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
