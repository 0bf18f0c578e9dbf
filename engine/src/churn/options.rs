//! What `rs_train_churn` takes: the algorithm, its parameters, and the frames to train on.

use serde_json::{Map, Value, json};

use super::logistic::{LogisticParams, Solver};
use super::threshold;
use crate::calendar::day_text;
use crate::error::{Class, Classified};
use crate::names::{did_you_mean, listed, shown};
use crate::params::{ParamError, Params, wrong};
use crate::trees::adaboost::AdaBoostParams;
use crate::trees::boosting::{BoostingParams, Objective};
use crate::trees::forest::{ForestParams, MaxFeatures};

/// The algorithms, in the order in which `auto` tries them: of equals the first is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// [`super::logistic`].
    LogisticRegression,
    /// [`crate::trees::forest`].
    RandomForest,
    /// [`crate::trees::adaboost`].
    AdaBoost,
    /// [`crate::trees::boosting`].
    Xgboost,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Algorithm; 4] = [
        Algorithm::LogisticRegression,
        Algorithm::RandomForest,
        Algorithm::AdaBoost,
        Algorithm::Xgboost,
    ];

    /// Its name in SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::LogisticRegression => "logistic_regression",
            Algorithm::RandomForest => "random_forest",
            Algorithm::AdaBoost => "adaboost",
            Algorithm::Xgboost => "xgboost",
        }
    }

    fn keys(self) -> &'static [&'static str] {
        match self {
            Algorithm::LogisticRegression => &LogisticParams::KEYS,
            Algorithm::RandomForest => &FOREST_KEYS,
            Algorithm::AdaBoost => &ADABOOST_KEYS,
            Algorithm::Xgboost => &XGBOOST_KEYS,
        }
    }
}

/// No algorithm of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown algorithm: {}{near}", shown(name))]
pub struct UnknownAlgorithm {
    name: String,
    near: String,
}

impl Classified for UnknownAlgorithm {
    fn class(&self) -> Class {
        Class::InvalidParameter
    }

    fn hint(&self) -> Option<String> {
        Some(format!("The algorithms are {}.", listed(&names())))
    }
}

fn names() -> Vec<&'static str> {
    let mut names = vec!["auto"];
    names.extend(Algorithm::ALL.map(Algorithm::name));
    names
}

/// The algorithms to try: one, or all for `auto`.
///
/// # Errors
/// [`UnknownAlgorithm`].
pub fn algorithms(name: &str) -> Result<Vec<Algorithm>, UnknownAlgorithm> {
    if name == "auto" {
        return Ok(Algorithm::ALL.to_vec());
    }
    match Algorithm::ALL.into_iter().find(|a| a.name() == name) {
        Some(algorithm) => Ok(vec![algorithm]),
        None => Err(UnknownAlgorithm {
            name: name.chars().take(60).collect(),
            near: did_you_mean(name, &names()),
        }),
    }
}

/// The parameters of a learner.
#[derive(Debug, Clone, PartialEq)]
pub enum LearnerParams {
    /// Of a logistic regression.
    Logistic(LogisticParams),
    /// Of a random forest.
    Forest(ForestParams),
    /// Of AdaBoost.
    AdaBoost(AdaBoostParams),
    /// Of gradient boosting.
    Boosting(BoostingParams),
}

const FOREST_KEYS: [&str; 4] = [
    "n_estimators",
    "max_depth",
    "min_samples_leaf",
    "max_features",
];
const ADABOOST_KEYS: [&str; 2] = ["n_estimators", "learning_rate"];
const XGBOOST_KEYS: [&str; 7] = [
    "n_estimators",
    "max_depth",
    "learning_rate",
    "subsample",
    "colsample_bytree",
    "reg_lambda",
    "min_child_weight",
];

/// More trees take more memory than a model may.
const TREES: std::ops::RangeInclusive<u64> = 1..=5000;

impl LearnerParams {
    fn read(algorithm: Algorithm, params: &Params<'_>) -> Result<LearnerParams, ParamError> {
        let count = |key, range, default: usize| -> Result<usize, ParamError> {
            let given = params.integer(key, range)?;
            Ok(given.map_or(default, |n| usize::try_from(n).unwrap_or(default)))
        };
        let trees = |default| count("n_estimators", TREES, default);
        let depth = |default: u32, most: u64| -> Result<u32, ParamError> {
            let given = params.integer("max_depth", 1..=most)?;
            Ok(given.map_or(default, |n| u32::try_from(n).unwrap_or(default)))
        };
        Ok(match algorithm {
            Algorithm::LogisticRegression => LearnerParams::Logistic(LogisticParams::read(params)?),
            Algorithm::RandomForest => LearnerParams::Forest(ForestParams {
                n_estimators: trees(300)?,
                max_depth: Some(depth(10, 64)?),
                min_samples_leaf: count("min_samples_leaf", 1..=1_000_000, 10)?,
                max_features: max_features(params)?,
                bootstrap: true,
            }),
            Algorithm::AdaBoost => LearnerParams::AdaBoost(AdaBoostParams {
                n_estimators: trees(100)?,
                learning_rate: params.number("learning_rate", 1e-4..=10.0)?.unwrap_or(1.0),
            }),
            Algorithm::Xgboost => LearnerParams::Boosting(BoostingParams {
                n_estimators: trees(200)?,
                max_depth: depth(4, 16)?,
                learning_rate: params.number("learning_rate", 1e-4..=1.0)?.unwrap_or(0.05),
                subsample: params.number("subsample", 0.01..=1.0)?.unwrap_or(0.8),
                colsample_bytree: params
                    .number("colsample_bytree", 0.01..=1.0)?
                    .unwrap_or(0.8),
                reg_lambda: params.number("reg_lambda", 0.0..=1e9)?.unwrap_or(1.0),
                min_child_weight: params.number("min_child_weight", 0.0..=1e9)?.unwrap_or(1.0),
                objective: Objective::Logistic,
                ..BoostingParams::default()
            }),
        })
    }

    /// The algorithm that they are for.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self {
            LearnerParams::Logistic(_) => Algorithm::LogisticRegression,
            LearnerParams::Forest(_) => Algorithm::RandomForest,
            LearnerParams::AdaBoost(_) => Algorithm::AdaBoost,
            LearnerParams::Boosting(_) => Algorithm::Xgboost,
        }
    }

    /// All of them, as `params` would give them.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let all = match self {
            LearnerParams::Logistic(p) => {
                json!({"c": p.c, "l1_ratio": p.l1_ratio, "solver": match p.solver { Solver::Newton => "newton", Solver::Lbfgs => "lbfgs" }})
            }
            LearnerParams::Forest(p) => json!({
                "n_estimators": p.n_estimators, "max_depth": p.max_depth, "min_samples_leaf": p.min_samples_leaf,
                "max_features": match p.max_features {
                    MaxFeatures::Sqrt => json!("sqrt"),
                    MaxFeatures::Log2 => json!("log2"),
                    MaxFeatures::All => json!("all"),
                    MaxFeatures::Fraction(share) => json!(share),
                },
            }),
            LearnerParams::AdaBoost(p) => {
                json!({"n_estimators": p.n_estimators, "learning_rate": p.learning_rate})
            }
            LearnerParams::Boosting(p) => json!({
                "n_estimators": p.n_estimators, "max_depth": p.max_depth, "learning_rate": p.learning_rate,
                "subsample": p.subsample, "colsample_bytree": p.colsample_bytree, "reg_lambda": p.reg_lambda,
                "min_child_weight": p.min_child_weight,
            }),
        };
        match all {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }
}

fn max_features(params: &Params<'_>) -> Result<MaxFeatures, ParamError> {
    if params.is_number("max_features") {
        let share = params.number("max_features", 0.001..=1.0)?;
        return Ok(share.map_or(MaxFeatures::Sqrt, MaxFeatures::Fraction));
    }
    Ok(
        match params.choice("max_features", &["sqrt", "log2", "all"])? {
            Some("log2") => MaxFeatures::Log2,
            Some("all") => MaxFeatures::All,
            _ => MaxFeatures::Sqrt,
        },
    )
}

/// How much more than another a churned customer counts in training.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClassWeight {
    /// All alike.
    None,
    /// Both classes weigh the same in sum.
    Balanced,
    /// A churned customer weighs this much, another 1.
    Churned(f64),
}

/// What an offer costs and what it brings, in the money of the facts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    /// Of contacting a customer.
    pub offer_cost: f64,
    /// Of a customer who would have churned and was contacted.
    pub saved_margin: f64,
    /// From this probability on a contact pays.
    pub threshold: f64,
}

impl Costs {
    fn read(params: &Params<'_>) -> Result<Option<Costs>, ParamError> {
        let cost = params.number("offer_cost", 0.0..=1e12)?;
        let margin = params.number("saved_margin", 0.0..=1e12)?;
        match (cost, margin) {
            (None, None) => Ok(None),
            (Some(offer_cost), Some(saved_margin)) => Ok(Some(Costs {
                offer_cost,
                saved_margin,
                threshold: threshold::by_costs(offer_cost, saved_margin)?,
            })),
            (Some(_), None) => Err(wrong("offer_cost", "needs \"saved_margin\" beside it")),
            (None, Some(_)) => Err(wrong("saved_margin", "needs \"offer_cost\" beside it")),
        }
    }
}

/// How scores become probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CalibrationMethod {
    /// By the learner's own link.
    None,
    /// A logistic curve (Platt).
    Platt,
    /// A monotone step curve (isotonic regression).
    Isotonic,
}

impl CalibrationMethod {
    const ALL: [CalibrationMethod; 3] = [
        CalibrationMethod::None,
        CalibrationMethod::Platt,
        CalibrationMethod::Isotonic,
    ];

    /// Its name in SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            CalibrationMethod::None => "none",
            CalibrationMethod::Platt => "platt",
            CalibrationMethod::Isotonic => "isotonic",
        }
    }
}

/// All that `rs_train_churn` is asked for, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidChurnParams {
    /// What to try, at least one.
    pub learners: Vec<LearnerParams>,
    /// The days of the training frames, ascending; `None` for the usual ones.
    pub cutoffs: Option<Vec<i32>>,
    /// The day of the holdout; `None` for the last whose window is fully observed.
    pub holdout: Option<i32>,
    /// The features; `None` for all.
    pub features: Option<Vec<String>>,
    /// Weights of the classes.
    pub class_weight: ClassWeight,
    /// `None` for what suits the algorithm.
    pub calibration: Option<CalibrationMethod>,
    /// What an offer costs and what a saved customer brings.
    pub costs: Option<Costs>,
    /// Whether the model may come to serve.
    pub promote: bool,
    /// Whether to fail rather than wait for another training.
    pub nowait: bool,
    /// Other settings to try of each algorithm.
    pub search: u32,
    /// Milliseconds after which no further setting is tried.
    pub time_budget_ms: Option<u64>,
}

const KEYS: [&str; 11] = [
    "cutoffs",
    "holdout",
    "features",
    "class_weight",
    "calibration",
    "offer_cost",
    "saved_margin",
    "promote",
    "nowait",
    "search",
    "time_budget_ms",
];

impl ValidChurnParams {
    /// Checks `params`: a JSON object with the keys that are common to all algorithms, and those of the algorithm. When
    /// several are to be tried, each one's own are an object under its name.
    ///
    /// # Errors
    /// [`ParamError`].
    pub fn parse(algorithms: &[Algorithm], json: &Value) -> Result<ValidChurnParams, ParamError> {
        let own: &[&str] = match algorithms {
            [one] => one.keys(),
            _ => &[],
        };
        let several = algorithms.len() > 1;
        let nested = Algorithm::ALL.map(Algorithm::name);
        let keys: Vec<&'static str> = KEYS
            .into_iter()
            .chain(own.iter().copied())
            .chain(nested.into_iter().filter(|_| several))
            .collect();
        let params = Params::parse(json, &keys)?;
        let learners = algorithms
            .iter()
            .map(|a| match params.object(a.name())? {
                Some(object) if several => {
                    LearnerParams::read(*a, &Params::parse(object, a.keys())?)
                }
                _ => LearnerParams::read(*a, &params),
            })
            .collect::<Result<Vec<_>, _>>()?;
        let valid = ValidChurnParams {
            learners,
            cutoffs: params.dates("cutoffs")?,
            holdout: params.date("holdout")?,
            features: params
                .texts("features")?
                .map(|all| all.into_iter().map(str::to_owned).collect()),
            class_weight: class_weight(&params)?,
            calibration: params
                .choice(
                    "calibration",
                    &CalibrationMethod::ALL.map(CalibrationMethod::name),
                )?
                .and_then(|name| {
                    CalibrationMethod::ALL
                        .into_iter()
                        .find(|m| m.name() == name)
                }),
            costs: Costs::read(&params)?,
            promote: params.boolean("promote")?.unwrap_or(true),
            nowait: params.boolean("nowait")?.unwrap_or(false),
            search: params
                .integer("search", 0..=100)?
                .map_or(0, |n| u32::try_from(n).unwrap_or(0)),
            time_budget_ms: params.integer("time_budget_ms", 1..=86_400_000)?,
        };
        valid.check_days()?;
        Ok(valid)
    }

    fn check_days(&self) -> Result<(), ParamError> {
        let last = self.cutoffs.as_ref().and_then(|c| c.last());
        match (last, self.holdout) {
            (Some(last), Some(holdout)) if *last >= holdout => Err(wrong(
                "holdout",
                format!(
                    "must be later than all cutoffs, {} is not later than {}",
                    day_text(holdout),
                    day_text(*last)
                ),
            )),
            _ => Ok(()),
        }
    }

    /// All parameters of a training, as `params` would give them, and the algorithm and horizon that they go with.
    #[must_use]
    pub fn to_json(
        &self,
        learner: &LearnerParams,
        calibration: CalibrationMethod,
        horizon_days: i32,
        (cutoffs, holdout): (&[i32], i32),
    ) -> Value {
        let mut all = learner.to_json();
        let days: Vec<String> = cutoffs.iter().map(|d| day_text(*d)).collect();
        all.insert("algorithm".into(), json!(learner.algorithm().name()));
        all.insert("horizon_days".into(), json!(horizon_days));
        all.insert("cutoffs".into(), json!(days));
        all.insert("holdout".into(), json!(day_text(holdout)));
        all.insert("calibration".into(), json!(calibration.name()));
        if let Some(features) = &self.features {
            all.insert("features".into(), json!(features));
        }
        let weight = match self.class_weight {
            ClassWeight::None => json!("none"),
            ClassWeight::Balanced => json!("balanced"),
            ClassWeight::Churned(weight) => json!(weight),
        };
        all.insert("class_weight".into(), weight);
        if let Some(costs) = &self.costs {
            all.insert("offer_cost".into(), json!(costs.offer_cost));
            all.insert("saved_margin".into(), json!(costs.saved_margin));
        }
        Value::Object(all)
    }
}

fn class_weight(params: &Params<'_>) -> Result<ClassWeight, ParamError> {
    if params.is_number("class_weight") {
        let weight = params.number("class_weight", 1e-3..=1e3)?;
        return Ok(weight.map_or(ClassWeight::None, ClassWeight::Churned));
    }
    Ok(
        match params.choice("class_weight", &["none", "balanced"])? {
            Some("balanced") => ClassWeight::Balanced,
            _ => ClassWeight::None,
        },
    )
}
