//! L-BFGS of the crate `linfa-logistic`, in slices between which the control is consulted.
//!
//! The library cannot be interrupted, and every slice starts anew with a long line search: a slice of one iteration took 1.2
//! s for a million rows of 12 columns, 0.06 s for 100,000. Matrices above [`LARGEST`] are therefore refused, so that a cancel
//! waits for less than half a second.

use std::panic::{AssertUnwindSafe, catch_unwind};

use linfa::traits::Fit;
use linfa::{DatasetBase, ParamGuard};
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, ArrayView2};

use super::newton::Penalty;
use super::objective::Problem;
use super::{FitError, LogisticFit, LogisticModel};
use crate::control::{Charge, Control, reserve};
use crate::params::wrong;

const PHASE: &str = "fitting logistic regression";

/// Iterations in all.
const ITERATIONS: u32 = 1000;

/// The largest gradient that counts as none, relative to C times the number of rows.
const FLAT: f64 = 1e-7;

/// The most cells of a matrix, and the most cells x iterations of one slice.
const LARGEST: usize = 4_000_000;

/// Minimises from 0.
pub(super) fn minimise(
    problem: &Problem<'_>,
    x: ArrayView2<'_, f64>,
    control: &dyn Control,
) -> Result<LogisticFit, FitError> {
    let rows = problem.labels.len();
    let width = problem.columns + 1;
    let cells = rows.saturating_mul(width);
    if cells > LARGEST {
        let problem = format!(
            "\"lbfgs\" takes {LARGEST} values (rows x columns) at most, not {cells}: use \"newton\""
        );
        return Err(wrong("solver", problem).into());
    }
    // The library's targets and the vectors of one evaluation.
    let _charge = Charge::new((rows as u64).saturating_mul(41), PHASE, control)?;
    let mut labels = Vec::new();
    reserve(&mut labels, rows, PHASE)?;
    labels.extend_from_slice(problem.labels);
    let data = DatasetBase::new(x, Array1::from_vec(labels));
    let penalty = Penalty::new(0.0);
    let scale = problem.c * rows as f64;
    let slice = (LARGEST / cells.max(1)).clamp(1, 100) as u32;
    let mut iterations = 0;
    let mut at = vec![0.0; width];
    let mut objective = f64::INFINITY;
    // 1 when the library's positive class is true, else -1.
    let mut sign = 1.0;
    loop {
        control.check()?;
        control.progress(PHASE, u64::from(iterations), 0);
        let start: Array1<f64> = at.iter().map(|b| sign * b).collect();
        let params = LogisticRegression::default()
            .alpha(1.0 / problem.c)
            .gradient_tolerance(FLAT * rows as f64)
            .max_iterations(u64::from(slice))
            .initial_params(start);
        let fitted = catch_unwind(AssertUnwindSafe(|| {
            params.check().and_then(|params| params.fit(&data))
        }))
        .map_err(|_| FitError::Library("it panicked".into()))?
        .map_err(|error| FitError::Library(error.to_string()))?;
        iterations += slice;
        // Its positive class is the more frequent one, so its signs are for that class.
        sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
        let mut next: Vec<f64> = fitted.params().iter().map(|b| sign * b).collect();
        next.push(sign * fitted.intercept());
        let mut terms = problem.evaluate(&next, 1, false, control)?;
        let reached = terms.loss + penalty.of(&next);
        penalty.smooth(&next, &mut terms);
        if !reached.is_finite() {
            return Err(FitError::Library(
                "it gave coefficients that are no numbers".into(),
            ));
        }
        let stalled = reached >= objective;
        let converged = penalty.slope(&next, &terms.gradient) <= FLAT * scale * 10.0;
        if !stalled {
            (at, objective) = (next, reached);
        }
        if converged || stalled || iterations >= ITERATIONS {
            let intercept = at.pop().unwrap_or_default();
            return Ok(LogisticFit {
                model: LogisticModel {
                    intercept,
                    coefficients: at,
                },
                iterations,
                converged,
                objective,
            });
        }
    }
}
