//! What can be wrong with the bytes of a model.

use crate::control::Stop;
use crate::error::{Class, Classified};

/// Why a model could not be stored or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The bytes are no model, or not as they were written.
    #[error("the stored model is damaged: {0}")]
    Corrupted(&'static str),
    /// A newer release wrote it.
    #[error("the model has format version {found}, this release reads versions up to {known}")]
    NewerFormat {
        /// The version in the bytes.
        found: u16,
        /// The newest version known here.
        known: u16,
    },
    /// It is a model of another kind than the one asked for.
    #[error("the stored model is one of {found}, not of {wanted}")]
    OtherKind {
        /// What the bytes hold.
        found: &'static str,
        /// What was to be read.
        wanted: &'static str,
    },
    /// It does not fit the format.
    #[error("the model cannot be stored: {0}")]
    Unstorable(&'static str),
    /// The work was cancelled or would take too much memory.
    #[error(transparent)]
    Stopped(#[from] Stop),
}

impl Classified for ModelError {
    fn class(&self) -> Class {
        match self {
            ModelError::Corrupted(_) => Class::Corrupted,
            ModelError::NewerFormat { .. } | ModelError::OtherKind { .. } => Class::WrongState,
            ModelError::Unstorable(_) => Class::LimitExceeded,
            ModelError::Stopped(stop) => stop.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            ModelError::Corrupted(_) => Some(
                "Train it again, or let another one serve: SELECT * FROM rs_models(); SELECT rs_promote(model_id)."
                    .into(),
            ),
            ModelError::NewerFormat { .. } => {
                Some("Install the release that wrote it, or a newer one.".into())
            }
            ModelError::OtherKind { .. } => Some("SELECT * FROM rs_models();".into()),
            ModelError::Unstorable(_) => None,
            ModelError::Stopped(stop) => stop.hint(),
        }
    }
}
