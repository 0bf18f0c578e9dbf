//! Why segments cannot be found.

use crate::control::Stop;
use crate::error::{Class, Classified};
use crate::names::shown;
use crate::params::ParamError;

/// Why a segmentation is refused or ended early.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// A parameter is wrong.
    #[error(transparent)]
    Params(#[from] ParamError),
    /// An algorithm that does not exist.
    #[error("unknown algorithm {}{near}", shown(given))]
    Algorithm {
        /// The name as given.
        given: String,
        /// `, did you mean "x"?` or nothing.
        near: String,
        /// The algorithms that exist.
        known: String,
    },
    /// A number of segments out of its range.
    #[error("k must be from 2 to 50, not {0}")]
    Segments(i64),
    /// A feature that does not exist.
    #[error("unknown feature {}{near}", shown(given))]
    Feature {
        /// The name as given.
        given: String,
        /// `, did you mean "x"?` or nothing.
        near: String,
        /// The features that exist.
        known: String,
    },
    /// There are no customers.
    #[error("there are no customers to segment")]
    NoRows,
    /// Fewer different customers than segments.
    #[error(
        "{k} segments need at least {k} customers that differ in the features, there are {distinct}"
    )]
    TooFew {
        /// Segments asked for.
        k: usize,
        /// Customers that differ.
        distinct: usize,
    },
    /// A value that is infinite or too large to compute with.
    #[error("{}: a value is infinite or too large", shown(feature))]
    Infinite {
        /// The feature that has it.
        feature: String,
    },
    /// A row, matrix or column of another size than the model's.
    #[error("{what}: {found} values given, {wanted} expected")]
    Shape {
        /// What has the wrong size.
        what: &'static str,
        /// Its size.
        found: usize,
        /// The size that fits.
        wanted: usize,
    },
    /// The covariance of a component is not positive definite, also with what is added to its diagonal.
    #[error(
        "the Gaussian mixture with {k} components cannot be fitted: a covariance is not positive definite"
    )]
    Degenerate {
        /// Components.
        k: usize,
    },
    /// The work was cancelled or would take too much memory.
    #[error(transparent)]
    Stopped(#[from] Stop),
}

impl Classified for SegmentError {
    fn class(&self) -> Class {
        match self {
            SegmentError::Params(error) => error.class(),
            SegmentError::Algorithm { .. }
            | SegmentError::Segments(_)
            | SegmentError::Feature { .. }
            | SegmentError::Shape { .. } => Class::InvalidParameter,
            SegmentError::NoRows
            | SegmentError::TooFew { .. }
            | SegmentError::Degenerate { .. } => Class::WrongState,
            SegmentError::Infinite { .. } => Class::OutOfRange,
            SegmentError::Stopped(stop) => stop.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            SegmentError::Params(error) => error.hint(),
            SegmentError::Algorithm { known, .. } => Some(format!("The algorithms are {known}.")),
            SegmentError::Segments(_) => {
                Some("Leave k out, or NULL, to have the number of segments chosen.".into())
            }
            SegmentError::Feature { known, .. } => Some(format!("The features are {known}.")),
            SegmentError::NoRows => {
                Some("Load sales of known customers first, and refresh the marts.".into())
            }
            SegmentError::TooFew { .. } => {
                Some("Ask for fewer segments, or use more features.".into())
            }
            SegmentError::Infinite { .. } => {
                Some("Leave the feature out, or correct the sales that it comes from.".into())
            }
            SegmentError::Shape { .. } => None,
            SegmentError::Degenerate { .. } => {
                Some("Use fewer segments or features, or algorithm => 'kmeans'.".into())
            }
            SegmentError::Stopped(stop) => stop.hint(),
        }
    }
}
