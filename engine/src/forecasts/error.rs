//! Why a series cannot be forecast.

use crate::control::Stop;
use crate::error::{Class, Classified};
use crate::names::{did_you_mean, listed, shown};
use crate::params::ParamError;

/// Why a forecast is refused or ended early. In a batch all but [`ForecastError::Stopped`] become the note of their series.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ForecastError {
    /// A parameter is wrong.
    #[error(transparent)]
    Params(#[from] ParamError),
    /// A name that does not exist.
    #[error("unknown {what} {}{near}", shown(given))]
    Unknown {
        /// What it is a name of.
        what: &'static str,
        /// The name as given.
        given: String,
        /// `, did you mean "x"?` or nothing.
        near: String,
        /// The names that exist.
        known: String,
    },
    /// An argument out of its range.
    #[error("{what} must be from {least} to {most}, not {given}")]
    Range {
        /// The argument.
        what: &'static str,
        /// The least value.
        least: f64,
        /// The greatest value.
        most: f64,
        /// The value as given.
        given: f64,
    },
    /// A series without any value.
    #[error("the series has no values")]
    Empty,
    /// Fewer values than the method needs.
    #[error("{method} needs at least {needed} values, the series has {found}")]
    TooShort {
        /// The method.
        method: &'static str,
        /// Values needed.
        needed: usize,
        /// Values that are there.
        found: usize,
    },
    /// A value that is infinite or too large to compute with.
    #[error("a value of the series is infinite or larger than 1e15")]
    Infinite,
    /// A method for positive values, on others.
    #[error("{method} needs values above 0")]
    NotPositive {
        /// The method.
        method: &'static str,
    },
    /// Regressors that do not tell what they explain.
    #[error("regressor {}: {problem}", shown(name))]
    Regressor {
        /// The column.
        name: String,
        /// What is wrong, as the rest of a sentence.
        problem: &'static str,
    },
    /// The optimiser found no usable parameters.
    #[error("{method} found no usable parameters for the series")]
    NoFit {
        /// The method.
        method: &'static str,
    },
    /// A row, matrix or column of another size than expected.
    #[error("{what}: {found} values given, {wanted} expected")]
    Shape {
        /// What has the wrong size.
        what: &'static str,
        /// Values given.
        found: usize,
        /// Values expected.
        wanted: usize,
    },
    /// Cancelled, or short of memory.
    #[error(transparent)]
    Stopped(#[from] Stop),
}

impl Classified for ForecastError {
    fn class(&self) -> Class {
        match self {
            ForecastError::Params(error) => error.class(),
            ForecastError::Stopped(stop) => stop.class(),
            ForecastError::Unknown { .. } | ForecastError::Range { .. } => Class::InvalidParameter,
            ForecastError::Empty | ForecastError::TooShort { .. } | ForecastError::NoFit { .. } => {
                Class::WrongState
            }
            ForecastError::Infinite
            | ForecastError::NotPositive { .. }
            | ForecastError::Regressor { .. }
            | ForecastError::Shape { .. } => Class::BadData,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            ForecastError::Params(error) => error.hint(),
            ForecastError::Stopped(stop) => stop.hint(),
            ForecastError::Unknown { known, .. } => Some(format!("There are {known}.")),
            ForecastError::Empty | ForecastError::TooShort { .. } => Some(
                "Load more sales, or take a model that needs fewer values, such as naive.".into(),
            ),
            ForecastError::NotPositive { .. } => Some(
                "Take an additive model, or one without a logarithm: the series has values of 0 or below."
                    .into(),
            ),
            _ => None,
        }
    }
}

impl ForecastError {
    /// A name that is not among those that there are.
    pub(crate) fn unknown(what: &'static str, given: &str, known: &[&str]) -> ForecastError {
        ForecastError::Unknown {
            what,
            given: given.to_owned(),
            near: did_you_mean(given, known),
            known: listed(known),
        }
    }
}
