//! What can go wrong between a file and its raw lines.

use crate::control::Stop;
use crate::error::{Class, Classified};

/// Why a source cannot be read. A bad line is not an error: it becomes a [`crate::ingest::Reject`].
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// Cancelled, or over the memory limit.
    #[error(transparent)]
    Stopped(#[from] Stop),
    /// The operating system could not read the file.
    #[error("could not read \"{name}\": {error}")]
    Io {
        /// The file, as the caller named it.
        name: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// No bytes, or nothing but blank lines.
    #[error("\"{name}\" is empty")]
    Empty {
        /// The file, as the caller named it.
        name: String,
    },
    /// The name's ending is none that is known.
    #[error("\"{name}\" has no ending that says its format")]
    UnknownEnding {
        /// The file, as the caller named it.
        name: String,
    },
    /// The first bytes are not what the name promises.
    #[error("\"{name}\" is not {claimed}: it looks like {found}")]
    NotAsNamed {
        /// The file, as the caller named it.
        name: String,
        /// The format that the name promises.
        claimed: &'static str,
        /// The format that the bytes have.
        found: &'static str,
    },
    /// A compressed stream or a Parquet file is damaged.
    #[error("\"{name}\" is damaged: {detail}")]
    Damaged {
        /// The file, as the caller named it.
        name: String,
        /// What is wrong, in a few words.
        detail: String,
    },
    /// A compressed stream grows beyond reason.
    #[error(
        "\"{name}\" expands to more than {out} bytes from {stored}, over the limit of {ratio} to 1"
    )]
    Explodes {
        /// The file, as the caller named it.
        name: String,
        /// Bytes that came out so far.
        out: u64,
        /// Compressed bytes read so far.
        stored: u64,
        /// The most that is allowed, as a ratio.
        ratio: u64,
    },
    /// A zstd stream looks back further than may be kept of it.
    #[error("\"{name}\" needs a zstd window of more than {limit} bytes")]
    Window {
        /// The file, as the caller named it.
        name: String,
        /// The largest window that the memory allows.
        limit: u64,
        /// The largest that is allowed at all.
        most: u64,
    },
    /// The header line cannot be understood.
    #[error("the header of \"{name}\" {problem}")]
    Header {
        /// The file, as the caller named it.
        name: String,
        /// What is wrong with it.
        problem: String,
        /// What the user can do.
        hint: &'static str,
    },
    /// More columns than a table can have.
    #[error("{columns} columns, the limit is {limit}")]
    TooManyColumns {
        /// Columns found.
        columns: usize,
        /// The most that are read.
        limit: usize,
    },
    /// A part of a Parquet file would not fit the memory.
    #[error("{what} of \"{name}\" needs {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// The file, as the caller named it.
        name: String,
        /// Which part.
        what: String,
        /// Bytes that it says it needs.
        bytes: u64,
        /// Bytes that it may take.
        limit: u64,
        /// What the user can do.
        hint: &'static str,
    },
    /// A mapped Parquet column is a list, a struct or a map.
    #[error("column \"{column}\" is nested ({kind}) and cannot be read as {field}")]
    Nested {
        /// The column.
        column: String,
        /// Its type.
        kind: String,
        /// The field that it is mapped onto.
        field: &'static str,
    },
    /// A Parquet column is stored in a way that cannot be checked before it is read.
    #[error("column \"{column}\" of \"{name}\" uses a delta encoding for text, which is not read")]
    Encoding {
        /// The file, as the caller named it.
        name: String,
        /// The column.
        column: String,
    },
    /// A timestamp column has a time zone whose rules are not known.
    #[error("column \"{column}\" is in time zone \"{zone}\", which is not known")]
    Zone {
        /// The column.
        column: String,
        /// The zone.
        zone: String,
    },
    /// The mapping is not of the right shape.
    #[error("mapping: {problem}")]
    Mapping {
        /// What is wrong with it.
        problem: String,
    },
    /// The mapping names a column that the source does not have.
    #[error("mapping: there is no column \"{column}\"{near}; the columns are {columns}")]
    NoSuchColumn {
        /// The name in the mapping.
        column: String,
        /// `, did you mean "x"?` or nothing.
        near: String,
        /// The columns that exist.
        columns: String,
    },
    /// A column would be two fields, or a field two columns.
    #[error("mapping: {problem}")]
    Twice {
        /// What collides.
        problem: String,
    },
    /// Required fields have no column.
    #[error("no column for {fields}; the columns are {columns}")]
    MissingField {
        /// The fields, separated by commas.
        fields: String,
        /// The columns that exist.
        columns: String,
        /// A mapping that would do, with the source's own names.
        example: String,
    },
    /// An option's value is of the wrong type or out of range.
    #[error("option {key}: {problem}")]
    Option {
        /// The option.
        key: &'static str,
        /// What is wrong with its value.
        problem: String,
    },
    /// An option that does not exist.
    #[error("unknown option \"{key}\"{near}; the options are {options}")]
    UnknownOption {
        /// The key as given.
        key: String,
        /// `, did you mean "x"?` or nothing.
        near: String,
        /// The options that exist.
        options: String,
    },
    /// The options are not a JSON object.
    #[error("options must be a JSON object, not {found}")]
    OptionsShape {
        /// The JSON type found.
        found: &'static str,
    },
}

impl Classified for IngestError {
    fn class(&self) -> Class {
        match self {
            IngestError::Stopped(stop) => stop.class(),
            IngestError::Io { .. } => Class::Io,
            IngestError::Empty { .. }
            | IngestError::NotAsNamed { .. }
            | IngestError::Damaged { .. }
            | IngestError::Encoding { .. }
            | IngestError::Zone { .. }
            | IngestError::Header { .. } => Class::BadData,
            IngestError::Explodes { .. }
            | IngestError::Window { .. }
            | IngestError::TooManyColumns { .. }
            | IngestError::TooLarge { .. } => Class::LimitExceeded,
            IngestError::UnknownEnding { .. }
            | IngestError::Nested { .. }
            | IngestError::Mapping { .. }
            | IngestError::NoSuchColumn { .. }
            | IngestError::Twice { .. }
            | IngestError::MissingField { .. }
            | IngestError::Option { .. }
            | IngestError::UnknownOption { .. }
            | IngestError::OptionsShape { .. } => Class::InvalidParameter,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            IngestError::Stopped(stop) => return stop.hint(),
            IngestError::Io { .. } => return None,
            IngestError::Option { .. }
            | IngestError::OptionsShape { .. }
            | IngestError::UnknownOption { .. } => {
                "Options look like '{\"delimiter\": \";\", \"decimal_comma\": true}'."
            }
            IngestError::Empty { .. } => "The first line must be a header that names the columns.",
            IngestError::UnknownEnding { .. } => {
                "Name the file .csv, .tsv or .txt (also with .gz or .zst after it), or .parquet."
            }
            IngestError::NotAsNamed { .. } => {
                "Give the file the ending of its true format, or export it again."
            }
            IngestError::Damaged { .. } => {
                "Copy or export the file again; nothing of it was loaded."
            }
            IngestError::Explodes { .. } => {
                "If the file is genuine, unpack it first (Parquet: write it as CSV) and ingest that."
            }
            IngestError::Window { limit, most, .. } if limit < most => {
                "Raise retailscope.max_memory, of which a window may take half, or unpack the file first."
            }
            IngestError::Window { .. } => "Unpack the file first, or pack it without --long.",
            IngestError::Header { hint, .. } => hint,
            IngestError::TooManyColumns { .. } => {
                "Check the option delimiter, or drop columns from the export."
            }
            IngestError::TooLarge { hint, .. } => hint,
            IngestError::Nested { .. } => "Map a plain column, or flatten the file first.",
            IngestError::Encoding { .. } => {
                "Write the file with dictionary or plain encoding (data pages of version 1)."
            }
            IngestError::Zone { .. } => {
                "Write the column as local time without a zone, or with UTC or a fixed offset."
            }
            IngestError::Mapping { .. } => {
                "A mapping looks like '{\"Order ID\": \"invoice_no\", \"country\": {\"value\": \"Germany\"}, \"exported_at\": null}'."
            }
            IngestError::NoSuchColumn { .. } => {
                "Column names are compared without case, blanks, underscores and hyphens."
            }
            IngestError::Twice { .. } => "Name each column and each field at most once.",
            IngestError::MissingField { example, .. } => {
                return Some(format!(
                    "Say which columns they are: mapping => '{example}'"
                ));
            }
        };
        Some(hint.to_owned())
    }
}
