//! Writing a data file.

use std::io::Write;

use arrow_schema::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::file::metadata::KeyValue;

use super::LakeError;
use super::checksum::Counted;
use super::columns::{Keys, record_batch};
use super::digest::Digest;
use super::schema::{KEY_CONTENT, properties, write_schema};
use crate::clean::line::LineBatch;
use crate::control::{Charge, Control};

/// Rows encoded between two looks at the control: some 15 ms.
const STEP: usize = 16_384;
/// The phase in which a row group is held.
const PHASE: &str = "writing the lake";

/// What a finished file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Rows.
    pub rows: u64,
    /// Sum of the amounts, with [`crate::clean::line::AMOUNT_SCALE`] decimals.
    pub amount: i128,
    /// Bytes of the file.
    pub bytes: u64,
    /// CRC-32C of the file's bytes, counted while they were written.
    pub crc32c: u32,
    /// The smallest sale_id; 0 in a file without rows.
    pub min_sale_id: i64,
    /// The largest sale_id; 0 in a file without rows.
    pub max_sale_id: i64,
}

/// Writes lines to one data file. The same batches in the same order give the same bytes.
///
/// Holds the encoded row group that it is at: at most 131,072 rows or about 24 MiB.
pub struct LakeWriter<W: Write + Send> {
    writer: ArrowWriter<Counted<W>>,
    schema: SchemaRef,
    digest: Digest,
    rows: u64,
    amount: i128,
    sale_ids: Option<(i64, i64)>,
    charge: Charge,
}

impl<W: Write + Send> LakeWriter<W> {
    /// Begins a file; `batch_id` is noted in its footer (each row carries its own).
    ///
    /// # Errors
    /// [`LakeError::Io`] when `out` does not take the first bytes.
    pub fn new(out: W, batch_id: i64) -> Result<Self, LakeError> {
        let schema = write_schema();
        let options = ArrowWriterOptions::new()
            .with_properties(properties(batch_id).map_err(LakeError::from_writing)?)
            // The Parquet types say all; arrow's own copy of the schema would only be one more thing to check.
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(Counted::new(out), schema.clone(), options)
            .map_err(LakeError::from_writing)?;
        Ok(LakeWriter {
            writer,
            schema,
            digest: Digest::default(),
            rows: 0,
            amount: 0,
            sale_ids: None,
            charge: Charge::default(),
        })
    }

    /// Appends the rows of `lines`; `batch_id` has one value per row, since an export mixes batches.
    ///
    /// After an error the file is of no use.
    ///
    /// # Errors
    /// [`LakeError::OutOfRange`] and [`LakeError::BadData`] for values that the columns cannot hold, [`LakeError::Io`]
    /// when the stream fails, [`LakeError::Stopped`] when cancelled or over the memory limit.
    pub fn write(
        &mut self,
        lines: &LineBatch,
        keys: &Keys<'_>,
        batch_id: &[i64],
        control: &dyn Control,
    ) -> Result<(), LakeError> {
        control.check()?;
        // The arrays are about a copy of the batch; the amounts and names of kinds come to it.
        self.charge.set(
            (self.writer.memory_size() + 2 * lines.bytes() + 64 * lines.rows()) as u64,
            PHASE,
            control,
        )?;
        let batch = record_batch(&self.schema, lines, keys, batch_id)?;
        let amount = lines.add_amounts(self.amount)?;
        for start in (0..batch.num_rows()).step_by(STEP) {
            control.check()?;
            let step = batch.slice(start, STEP.min(batch.num_rows() - start));
            self.writer.write(&step).map_err(LakeError::from_writing)?;
        }
        self.charge
            .set(self.writer.memory_size() as u64, PHASE, control)?;
        self.digest.add(lines, keys, batch_id);
        self.amount = amount;
        self.rows += batch.num_rows() as u64;
        for &id in keys.sale_id {
            let (min, max) = self.sale_ids.unwrap_or((id, id));
            self.sale_ids = Some((min.min(id), max.max(id)));
        }
        Ok(())
    }

    /// Writes the footer and returns the stream, which the caller syncs and closes, with what the file holds.
    ///
    /// # Errors
    /// [`LakeError::Io`] when the stream fails.
    pub fn finish(mut self) -> Result<(W, Written), LakeError> {
        self.writer
            .append_key_value_metadata(KeyValue::new(KEY_CONTENT.into(), self.digest.text()));
        let mut out = self.writer.into_inner().map_err(LakeError::from_writing)?;
        out.flush()
            .map_err(LakeError::io("cannot write a lake file"))?;
        let (min_sale_id, max_sale_id) = self.sale_ids.unwrap_or((0, 0));
        let written = Written {
            rows: self.rows,
            amount: self.amount,
            bytes: out.bytes(),
            crc32c: out.crc32c(),
            min_sale_id,
            max_sale_id,
        };
        Ok((out.into_inner(), written))
    }
}
