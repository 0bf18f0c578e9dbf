//! One face for the learners: fit, score, explain.

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::FitError;
use super::calibration::sigmoid;
use super::logistic::{self, LogisticModel};
use super::options::{ClassWeight, LearnerParams};
use super::prepare::Preparation;
use crate::control::{Control, Stop, reserve};
use crate::trees::{Binned, Bins, Ensemble, adaboost, boosting, forest};

/// What a score is, before calibration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scale {
    /// The logarithm of the odds.
    LogOdds,
    /// A share of churned training customers, 0 to 1.
    Probability,
    /// A weighted vote, -1 to 1.
    Vote,
}

impl Scale {
    /// The probability that a score stands for by itself.
    #[must_use]
    pub fn probability(self, score: f64) -> f64 {
        match self {
            Scale::Probability => score.clamp(0.0, 1.0),
            // scikit-learn's AdaBoost takes its vote for log-odds too.
            Scale::LogOdds | Scale::Vote => sigmoid(score),
        }
    }
}

/// A fitted learner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Learner {
    /// A logistic regression on prepared columns.
    Linear {
        /// From columns to prepared columns.
        preparation: Preparation,
        /// On these.
        model: LogisticModel,
    },
    /// Trees.
    Trees {
        /// The trees.
        ensemble: Ensemble,
        /// What their sum is.
        scale: Scale,
    },
}

/// The quantile bins of some rows, made once for all trees that are fitted on them.
pub struct Codes(Binned);

/// Quantile bins of a feature.
const BINS: usize = 255;

impl Codes {
    /// Bins rows x columns.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn of(x: ArrayView2<'_, f64>, control: &dyn Control) -> Result<Codes, Stop> {
        Ok(Codes(Bins::fit(x, None, BINS, control)?.apply(x, control)?))
    }
}

/// The weight of each row; `None` when all are alike.
fn weights(labels: &[bool], by: ClassWeight) -> Result<Option<Vec<f64>>, Stop> {
    let churned = labels.iter().filter(|l| **l).count() as f64;
    let rows = labels.len() as f64;
    let (of_churned, of_others) = match by {
        ClassWeight::None => return Ok(None),
        ClassWeight::Balanced => (
            rows / (2.0 * churned).max(1.0),
            rows / (2.0 * (rows - churned)).max(1.0),
        ),
        ClassWeight::Churned(weight) => (weight, 1.0),
    };
    let mut weights = Vec::new();
    reserve(&mut weights, labels.len(), "weighing customers")?;
    weights.extend(
        labels
            .iter()
            .map(|l| if *l { of_churned } else { of_others }),
    );
    Ok(Some(weights))
}

impl Learner {
    /// Fits on rows x columns with both labels among them. `codes` are those of `x`; trees use them, a linear model does not.
    ///
    /// # Errors
    /// [`FitError`].
    #[allow(clippy::too_many_arguments)]
    pub fn fit(
        params: &LearnerParams,
        x: ArrayView2<'_, f64>,
        codes: Option<&Codes>,
        names: &[String],
        labels: &[bool],
        class_weight: ClassWeight,
        seed: i64,
        control: &dyn Control,
    ) -> Result<Learner, FitError> {
        let weights = weights(labels, class_weight)?;
        let weights = weights.as_deref();
        if let LearnerParams::Logistic(params) = params {
            let (preparation, prepared) = Preparation::fit_apply(x, names, true, control)?;
            let fitted = logistic::fit(prepared.view(), labels, weights, params, control)?;
            return Ok(Learner::Linear {
                preparation,
                model: fitted.model,
            });
        }
        let own;
        let binned = match codes {
            Some(codes) => &codes.0,
            None => {
                own = Codes::of(x, control)?;
                &own.0
            }
        };
        let (ensemble, scale) = match params {
            LearnerParams::Forest(p) => (
                forest::fit(binned, labels, weights, p, seed, control)?,
                Scale::Probability,
            ),
            LearnerParams::AdaBoost(p) => (
                adaboost::fit(binned, labels, weights, p, control)?,
                Scale::Vote,
            ),
            LearnerParams::Boosting(p) => {
                let targets: Vec<f64> = labels.iter().map(|l| f64::from(u8::from(*l))).collect();
                (
                    boosting::fit(binned, &targets, weights, p, seed, control)?,
                    Scale::LogOdds,
                )
            }
            LearnerParams::Logistic(_) => return Err(FitError::Data("not a tree learner".into())),
        };
        Ok(Learner::Trees { ensemble, scale })
    }

    /// What its scores are.
    #[must_use]
    pub fn scale(&self) -> Scale {
        match self {
            Learner::Linear { .. } => Scale::LogOdds,
            Learner::Trees { scale, .. } => *scale,
        }
    }

    /// Verifies a learner that was read from bytes, for matrices with `columns` columns.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, columns: usize) -> Result<(), &'static str> {
        match self {
            Learner::Linear { preparation, model } => {
                preparation.check()?;
                if preparation.features().len() != columns {
                    return Err("its preparation is for other columns");
                }
                model.check(preparation.columns())
            }
            Learner::Trees { ensemble, .. } => {
                ensemble.check()?;
                if ensemble.features() != columns {
                    return Err("its trees are for other columns");
                }
                Ok(())
            }
        }
    }

    /// The score of each row.
    ///
    /// # Errors
    /// [`FitError`].
    pub fn score(
        &self,
        x: ArrayView2<'_, f64>,
        control: &dyn Control,
    ) -> Result<Vec<f64>, FitError> {
        let mut scores = Vec::new();
        reserve(&mut scores, x.nrows(), "scoring customers")?;
        scores.resize(x.nrows(), 0.0);
        match self {
            Learner::Linear { preparation, model } => {
                let prepared = preparation.apply(x, control)?;
                model.score(prepared.view(), &mut scores, control)?;
            }
            Learner::Trees { ensemble, .. } => ensemble.score(x, &mut scores, control)?,
        }
        Ok(scores)
    }

    /// The score of one row, to the same bits.
    #[must_use]
    pub fn score_row(&self, row: &[f64]) -> f64 {
        match self {
            Learner::Linear { preparation, model } => model.score_row(&preparation.apply_row(row)),
            Learner::Trees { ensemble, .. } => ensemble.score_row(row),
        }
    }

    /// What the average customer scores, and what each column of a row adds to it: exact, their sum is the row's score.
    #[must_use]
    pub fn contributions(&self, row: &[f64]) -> (f64, Vec<f64>) {
        match self {
            Learner::Linear { preparation, model } => {
                let prepared = preparation.apply_row(row);
                (model.intercept, model.contributions(&prepared, preparation))
            }
            Learner::Trees { ensemble, .. } => ensemble.shap(row),
        }
    }

    /// What a score costs, in those of a hundred trees; at least 1.
    #[must_use]
    pub fn cost(&self) -> usize {
        match self {
            Learner::Linear { .. } => 1,
            Learner::Trees { ensemble, .. } => ensemble.trees().div_ceil(100).max(1),
        }
    }

    /// How much each column matters to the model itself: the method's name and a value per column.
    #[must_use]
    pub fn importance(&self, columns: usize) -> (&'static str, Vec<f64>) {
        match self {
            Learner::Linear { preparation, model } => {
                // Columns are in units of their standard deviation, so their coefficients compare. That of an indicator
                // belongs to no direction of its feature and is left out.
                let own = model.coefficients.iter().zip(preparation.sources());
                let mut all = vec![0.0; columns];
                for (coefficient, source) in own.take(columns) {
                    if let Some(slot) = all.get_mut(source) {
                        *slot = *coefficient;
                    }
                }
                ("coefficient", all)
            }
            Learner::Trees { ensemble, .. } => ("gain", ensemble.gain_importance()),
        }
    }
}
