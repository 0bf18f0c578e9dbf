//! Logistic regression with two classes, for prepared features.
//!
//! It minimises what scikit-learn's `LogisticRegression` minimises: C sum_i w_i loss_i + (1 - l1_ratio) / 2 |b|^2 + l1_ratio |b|_1,
//! with loss_i the logarithmic loss of row i, w_i its weight, b the coefficients; the intercept is not penalised.

mod lbfgs;
mod newton;
mod objective;

use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use self::objective::Problem;
use super::FitError;
use super::prepare::Preparation;
use crate::control::{Control, Stop};
use crate::params::{ParamError, Params, wrong};

/// Rows that are scored together.
const CHUNK: usize = 16_384;

/// The method that finds the minimum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Solver {
    /// Newton's method (iteratively reweighted least squares); with an l1 penalty proximal Newton by coordinate descent.
    Newton,
    /// L-BFGS of the crate `linfa-logistic`: slower, l2 only, no weights, at most 4 million values.
    Lbfgs,
}

/// The parameters of a logistic regression.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LogisticParams {
    /// Inverse of the strength of the penalty, above 0.
    pub c: f64,
    /// The share of l1 in the penalty, 0 to 1.
    pub l1_ratio: f64,
    /// The method.
    pub solver: Solver,
}

impl Default for LogisticParams {
    fn default() -> Self {
        LogisticParams {
            // scikit-learn's default is 1. Features of customers are many and alike: on Online Retail II a tenth has the
            // lowest log loss on customers held out from the fit, and more AUC on later frames (docs/decisions.md).
            c: 0.1,
            l1_ratio: 0.0,
            solver: Solver::Newton,
        }
    }
}

impl LogisticParams {
    /// The keys that [`LogisticParams::read`] knows.
    pub const KEYS: [&'static str; 3] = ["c", "l1_ratio", "solver"];

    /// Reads `c` (1e-8 to 1e8, default 0.1), `l1_ratio` (0 to 1, default 0) and `solver` (`newton`, the default, or `lbfgs`).
    ///
    /// # Errors
    /// [`ParamError`] for a wrong type, a value out of its range, and for `lbfgs` with an l1 penalty.
    pub fn read(params: &Params<'_>) -> Result<LogisticParams, ParamError> {
        let default = LogisticParams::default();
        let read = LogisticParams {
            c: params.number("c", 1e-8..=1e8)?.unwrap_or(default.c),
            l1_ratio: params
                .number("l1_ratio", 0.0..=1.0)?
                .unwrap_or(default.l1_ratio),
            solver: match params.choice("solver", &["newton", "lbfgs"])? {
                Some("lbfgs") => Solver::Lbfgs,
                _ => Solver::Newton,
            },
        };
        read.fits(false)?;
        Ok(read)
    }

    fn fits(&self, weights: bool) -> Result<(), ParamError> {
        if !(self.c.is_finite() && self.c > 0.0) {
            return Err(wrong("c", "must be above 0"));
        }
        if !(0.0..=1.0).contains(&self.l1_ratio) {
            return Err(wrong("l1_ratio", "must be from 0 to 1"));
        }
        if self.solver == Solver::Lbfgs && (self.l1_ratio > 0.0 || weights) {
            let what = if weights {
                "class weights"
            } else {
                "an l1 penalty"
            };
            let problem = format!("\"lbfgs\" knows no {what}: use \"newton\"");
            return Err(wrong("solver", problem));
        }
        Ok(())
    }
}

/// A logistic regression: margin = intercept + coefficients . prepared row, probability = 1 / (1 + exp(-margin)).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogisticModel {
    /// The margin of a row of zeros: of a customer who is average in everything.
    pub intercept: f64,
    /// One for each prepared column.
    pub coefficients: Vec<f64>,
}

/// A fitted model and how the fit went.
#[derive(Debug, Clone, PartialEq)]
pub struct LogisticFit {
    /// The model.
    pub model: LogisticModel,
    /// Iterations of the solver over all rows; of `lbfgs`, which does not tell, those that it was allowed.
    pub iterations: u32,
    /// False when the solver ran out of iterations before the gradient was small.
    pub converged: bool,
    /// The objective at the model.
    pub objective: f64,
}

/// Fits on `x` (rows x columns, prepared, finite, standard layout), `labels` (true = churned) and positive `weights`.
///
/// # Errors
/// [`FitError::Data`] for no rows, one class only, lengths that differ, values that are not finite; [`FitError::Param`] for
/// what the solver does not know; [`FitError::Library`]; [`FitError::Stopped`].
pub fn fit(
    x: ArrayView2<'_, f64>,
    labels: &[bool],
    weights: Option<&[f64]>,
    params: &LogisticParams,
    control: &dyn Control,
) -> Result<LogisticFit, FitError> {
    params.fits(weights.is_some())?;
    let problem = Problem::new(&x, labels, weights, params.c, control)?;
    match params.solver {
        Solver::Newton => newton::minimise(&problem, params.l1_ratio, control),
        Solver::Lbfgs => lbfgs::minimise(&problem, x, control),
    }
}

impl LogisticModel {
    /// Verifies a model that was read from bytes; it is meant for `columns` prepared columns.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, columns: usize) -> Result<(), &'static str> {
        if self.coefficients.len() != columns {
            return Err("a logistic regression has another number of coefficients than columns");
        }
        if !self.intercept.is_finite() || !self.coefficients.iter().all(|c| c.is_finite()) {
            return Err("a logistic regression has coefficients that are no numbers");
        }
        Ok(())
    }

    /// Writes the margins of `x` (rows x columns, prepared, standard layout) to `out`, one for each row.
    ///
    /// # Errors
    /// [`FitError::Data`] when shapes differ; [`FitError::Stopped`].
    pub fn score(
        &self,
        x: ArrayView2<'_, f64>,
        out: &mut [f64],
        control: &dyn Control,
    ) -> Result<(), FitError> {
        let columns = self.coefficients.len();
        let values = x
            .as_slice()
            .filter(|_| x.ncols() == columns && x.nrows() == out.len());
        let values =
            values.ok_or_else(|| FitError::data("the rows to score do not fit the model"))?;
        if columns == 0 {
            out.fill(self.intercept);
            return Ok(());
        }
        out.par_chunks_mut(CHUNK)
            .zip(values.par_chunks(CHUNK * columns))
            .try_for_each(|(out, chunk)| {
                control.check()?;
                for (out, row) in out.iter_mut().zip(chunk.chunks_exact(columns)) {
                    *out = self.score_row(row);
                }
                Ok::<(), Stop>(())
            })?;
        Ok(())
    }

    /// The margin of one prepared row, to the same bits as [`LogisticModel::score`].
    #[must_use]
    pub fn score_row(&self, row: &[f64]) -> f64 {
        let terms = row.iter().zip(&self.coefficients).map(|(x, b)| x * b);
        terms.fold(self.intercept, |sum, term| sum + term)
    }

    /// What each feature adds to the margin of one prepared row, relative to a customer who is average in everything: with
    /// the intercept they sum to the margin. An indicator of missing values counts for its feature. One value for each
    /// feature of `preparation`.
    #[must_use]
    pub fn contributions(&self, row: &[f64], preparation: &Preparation) -> Vec<f64> {
        let mut sums = vec![0.0; preparation.features().len()];
        let terms = row.iter().zip(&self.coefficients).map(|(x, b)| x * b);
        for (feature, term) in preparation.sources().zip(terms) {
            if let Some(sum) = sums.get_mut(feature) {
                *sum += term;
            }
        }
        sums
    }
}
