//! What can go wrong when a building block of churn is fitted.

use crate::control::Stop;
use crate::error::{Class, Classified};
use crate::params::ParamError;

/// Why a preparation, a logistic regression or a calibration could not be fitted.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The data do not allow it: no rows, one class only, lengths that differ, values that are not finite.
    #[error("{0}")]
    Data(String),
    /// The model is too large to be written as an expression.
    #[error("{0}")]
    TooLarge(String),
    /// A parameter does not fit the data or another parameter.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The solver of the library `linfa-logistic` gave up.
    #[error("the solver \"lbfgs\" failed: {0}")]
    Library(String),
    /// The work was cancelled or would take too much memory.
    #[error(transparent)]
    Stopped(#[from] Stop),
}

impl FitError {
    pub(super) fn data(what: impl Into<String>) -> FitError {
        FitError::Data(what.into())
    }
}

impl Classified for FitError {
    fn class(&self) -> Class {
        match self {
            FitError::Data(_) | FitError::Library(_) => Class::WrongState,
            FitError::TooLarge(_) => Class::LimitExceeded,
            FitError::Param(error) => error.class(),
            FitError::Stopped(stop) => stop.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            FitError::Data(_) => Some(
                "Load more sales, or choose another horizon_days, or cutoffs and holdout in params.".into(),
            ),
            FitError::TooLarge(_) => Some(
                "Train one with fewer or shallower trees, or with params => '{\"calibration\": \"platt\"}'.".into(),
            ),
            FitError::Param(error) => error.hint(),
            FitError::Library(_) => {
                Some("Use the solver \"newton\": it finds the same model.".into())
            }
            FitError::Stopped(stop) => stop.hint(),
        }
    }
}
