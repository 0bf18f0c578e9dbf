//! What can go wrong with the lake.

use parquet::errors::ParquetError;

use crate::clean::line::SumOutOfRange;
use crate::control::Stop;
use crate::error::{Class, Classified};

/// Why a lake file could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The file is something else: no Parquet, or Parquet that RetailScope did not write.
    #[error("not a lake file: {0}")]
    NotALakeFile(String),
    /// The file or manifest is of a format version that this release does not know.
    #[error("lake format version {found} is not known, only version {known} is")]
    UnknownVersion {
        /// The version that the file states.
        found: String,
        /// The version that this release reads and writes.
        known: u32,
    },
    /// Stored bytes fail their own checks.
    #[error("the lake is damaged: {0}")]
    Corrupted(String),
    /// Lines that the format cannot hold; nothing of theirs was stored.
    #[error("cannot be stored in the lake: {0}")]
    BadData(String),
    /// A number that does not fit its column.
    #[error("{column} {value} of line {line_no} does not fit the lake's column")]
    OutOfRange {
        /// The column's name.
        column: &'static str,
        /// The value.
        value: String,
        /// The line's number in its source.
        line_no: u64,
    },
    /// The sum of the amounts does not fit 128 bits.
    #[error(transparent)]
    SumOutOfRange(#[from] SumOutOfRange),
    /// The disk or the stream failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// The work was cancelled or would take too much memory.
    #[error(transparent)]
    Stopped(#[from] Stop),
}

impl LakeError {
    pub(super) fn io(doing: &'static str) -> impl Fn(std::io::Error) -> LakeError {
        move |source| LakeError::Io { doing, source }
    }

    pub(super) fn corrupted(what: impl Into<String>) -> LakeError {
        LakeError::Corrupted(what.into())
    }

    /// An error of the Parquet library while writing: the stream failed, or it refuses the data.
    pub(super) fn from_writing(error: ParquetError) -> LakeError {
        match error {
            ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
                Ok(source) => LakeError::Io {
                    doing: "cannot write a lake file",
                    source: *source,
                },
                Err(other) => LakeError::BadData(other.to_string()),
            },
            other => LakeError::BadData(other.to_string()),
        }
    }
}

impl Classified for LakeError {
    fn class(&self) -> Class {
        match self {
            LakeError::NotALakeFile(_)
            | LakeError::UnknownVersion { .. }
            | LakeError::BadData(_) => Class::BadData,
            LakeError::Corrupted(_) => Class::Corrupted,
            LakeError::OutOfRange { .. } | LakeError::SumOutOfRange(_) => Class::OutOfRange,
            LakeError::Io { .. } => Class::Io,
            LakeError::Stopped(stop) => stop.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        let text = match self {
            LakeError::NotALakeFile(_) => {
                "This is not a lake file of RetailScope; rs_ingest_file() reads other Parquet files."
            }
            LakeError::UnknownVersion { .. } => {
                "It was written by another release of RetailScope; read it with that release or a later one."
            }
            LakeError::Corrupted(_) => {
                "The file was changed after it was written, or the disk is at fault. Restore it from a copy, or write the \
                 lake anew with rs_export_lake()."
            }
            LakeError::OutOfRange { .. } => {
                "Quantities hold 14 digits before the decimal point, prices 12, line numbers 63 bits."
            }
            LakeError::SumOutOfRange(sum) => return sum.hint(),
            LakeError::Stopped(stop) => return stop.hint(),
            LakeError::BadData(_) | LakeError::Io { .. } => return None,
        };
        Some(text.into())
    }
}
