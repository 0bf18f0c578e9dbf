//! Why baskets cannot be mined.

use crate::control::Stop;
use crate::error::{Class, Classified};
use crate::names::shown;
use crate::params::ParamError;

/// Why mining is refused or ended early.
#[derive(Debug, thiserror::Error)]
pub enum BasketError {
    /// A key of the options is wrong.
    #[error("{}", .0.said_of("options"))]
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
    /// An argument out of its range.
    #[error("{name} must be {range}, not {given}")]
    Argument {
        /// The argument.
        name: &'static str,
        /// What is allowed, as the rest of a sentence.
        range: &'static str,
        /// The value.
        given: String,
    },
    /// There is nothing to mine.
    #[error("there are no baskets")]
    NoBaskets,
    /// More baskets, items or pairs than numbers of 32 bits count.
    #[error("more than {0} {1}")]
    TooMany(u32, &'static str),
    /// The work was cancelled or would take too much memory.
    #[error(transparent)]
    Stopped(#[from] Stop),
}

impl Classified for BasketError {
    fn class(&self) -> Class {
        match self {
            BasketError::Params(error) => error.class(),
            BasketError::Algorithm { .. } | BasketError::Argument { .. } => Class::InvalidParameter,
            BasketError::NoBaskets => Class::WrongState,
            BasketError::TooMany(..) => Class::LimitExceeded,
            BasketError::Stopped(stop) => stop.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            BasketError::Params(ParamError::Shape { .. }) => {
                Some("Options look like '{\"max_itemsets\": 2000000}'.".into())
            }
            BasketError::Params(error) => error.hint(),
            BasketError::Algorithm { known, .. } => Some(format!("The algorithms are {known}.")),
            BasketError::Argument { .. } => None,
            BasketError::NoBaskets => {
                Some("Load sales first, or choose wider dates, countries or segments.".into())
            }
            BasketError::TooMany(..) => Some("Mine a shorter time, or fewer items.".into()),
            BasketError::Stopped(stop) => stop.hint(),
        }
    }
}
