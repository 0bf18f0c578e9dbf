//! Ingest: a file or a relation becomes batches of raw lines.
//!
//! Every reader fills the same [`RawBatch`]: the text of each field, the line's number, and the line as it came, so that a
//! refused line can be shown to its owner.
//!
//! A file passes `format` (name and first bytes agree), `stored` (hash, `unpack`), `text` (UTF-8), `window` (physical lines),
//! `quoted` (records with quotes) and `rows` (columns onto fields); Parquet has its own reader.

pub mod batch;
mod csv;
mod encoding;
mod error;
mod format;
mod header;
mod mapping;
#[cfg(test)]
mod memory_tests;
mod options;
mod parquet;
mod quoted;
mod rows;
pub mod sample;
mod stored;
mod suggest;
#[cfg(test)]
mod testing;
mod text;
mod unpack;
mod window;

use std::fs::File;

pub use batch::{
    ABSENT, BATCH_BYTES, BATCH_ROWS, FIELDS, Field, MAX_RAW, MAX_REASON, RawBatch, Reject, Span,
};
pub use error::IngestError;
pub use mapping::{Columns, Mapping, Source, Typed};
pub use options::Options;

use crate::control::Control;

/// The most columns of a source: what a table may have.
pub const MAX_COLUMNS: usize = 1_600;

/// A source of raw lines.
pub trait RawSource: Send {
    /// The source's columns that map onto no field, in the order of [`RawBatch::extra_fields`].
    fn extra_columns(&self) -> &[String];

    /// Clears `batch` and fills it until it [`RawBatch::is_full`]; false when nothing is left.
    ///
    /// # Errors
    /// [`IngestError`] when the source cannot be read on; the batch is then not to be used.
    fn next_batch(
        &mut self,
        batch: &mut RawBatch,
        control: &dyn Control,
    ) -> Result<bool, IngestError>;

    /// How much of the source has been read, and all of it (0: not known): stored bytes, or rows.
    fn position(&self) -> (u64, u64);

    /// SHA-256 of the source's bytes as they are stored; complete once [`RawSource::next_batch`] gave false.
    fn content_hash(&self) -> [u8; 32];
}

/// Opens a file that the caller has opened and checked; `name` says its format by its ending and stands in messages.
///
/// # Errors
/// [`IngestError`] when the file is not what its name says, has no header, or lacks a required field.
pub fn open_file(
    mut file: File,
    name: &str,
    mapping: &Mapping,
    options: &Options,
    control: &dyn Control,
) -> Result<Box<dyn RawSource>, IngestError> {
    match format::detect(&mut file, name)? {
        format::Format::Parquet => Ok(Box::new(parquet::ParquetSource::open(
            file, name, mapping, options, control,
        )?)),
        format::Format::Text(packing) => {
            let stored = stored::Stored::new(file, name)?;
            let unpacked = stored::Unpacked::new(stored, packing, control)?;
            let text = text::Text::new(unpacked, options.encoding, control)?;
            Ok(Box::new(csv::CsvSource::open(
                text, mapping, options, control,
            )?))
        }
    }
}
