//! Parameters of boosted forecasts.

use super::layout::LONGEST;
use crate::params::{ParamError, Params, wrong};
use crate::trees::boosting::{self, BoostingParams, Objective};

/// The most lags.
const MOST_LAGS: usize = 64;
/// The most windows.
const MOST_WINDOWS: usize = 16;
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

/// Parameters of [`fit`](super::fit).
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
    /// The keys that [`BoostedParams::read`] knows.
    pub const KEYS: [&str; 10] = [
        "lags",
        "windows",
        "strategy",
        "n_estimators",
        "max_depth",
        "learning_rate",
        "subsample",
        "colsample_bytree",
        "reg_lambda",
        "min_child_weight",
    ];

    /// Reads the parameters that are given; the others keep their defaults.
    ///
    /// # Errors
    /// [`ParamError::Value`] for one of the wrong type or out of its range.
    pub fn read(params: &Params<'_>) -> Result<BoostedParams, ParamError> {
        let steps = |key, least, most| -> Result<Option<Vec<usize>>, ParamError> {
            let given = params.integers(key, least..=LONGEST as u64, most)?;
            Ok(given.map(|list| list.into_iter().map(|n| n as usize).collect()))
        };
        let mut read = BoostedParams {
            lags: steps("lags", 1, MOST_LAGS)?,
            windows: steps("windows", 2, MOST_WINDOWS)?,
            ..BoostedParams::default()
        };
        if params.choice("strategy", &["direct", "recursive"])? == Some("recursive") {
            read.strategy = Strategy::Recursive;
        }
        let trees = &mut read.boosting;
        if let Some(n) = params.integer("n_estimators", 1..=5_000)? {
            trees.n_estimators = n as usize;
        }
        if let Some(depth) = params.integer("max_depth", 1..=u64::from(boosting::MAX_DEPTH))? {
            trees.max_depth = depth as u32;
        }
        for (key, range, number) in [
            ("learning_rate", 0.0..=1.0, &mut trees.learning_rate),
            ("subsample", 0.0..=1.0, &mut trees.subsample),
            ("colsample_bytree", 0.0..=1.0, &mut trees.colsample_bytree),
            ("reg_lambda", 0.0..=1e9, &mut trees.reg_lambda),
            ("min_child_weight", 0.0..=1e9, &mut trees.min_child_weight),
        ] {
            if let Some(given) = params.number(key, range)? {
                *number = given;
            }
        }
        read.check()?;
        Ok(read)
    }

    /// Verifies the ranges.
    ///
    /// # Errors
    /// [`ParamError::Value`] for the first parameter that is out of its range.
    pub fn check(&self) -> Result<(), ParamError> {
        for (key, steps, least, most) in [
            ("lags", &self.lags, 1, MOST_LAGS),
            ("windows", &self.windows, 2, MOST_WINDOWS),
        ] {
            let Some(steps) = steps else {
                continue;
            };
            let mut sorted = steps.clone();
            sorted.sort_unstable();
            sorted.dedup();
            if steps.is_empty() || steps.len() > most || sorted.len() < steps.len() {
                return Err(wrong(
                    key,
                    format!("must have 1 to {most} entries, none twice"),
                ));
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
