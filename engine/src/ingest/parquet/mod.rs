//! The Parquet reader.

mod cells;
mod distrust;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field as ArrowField, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};

use self::cells::{Cells, Wrote};
use self::distrust::damaged;
use super::batch::{ABSENT, BATCH_ROWS, Field, RawBatch, Reject};
use super::mapping::{Columns, Source, Typed};
use super::rows::{Layout, narrow};
use super::stored::{Stored, check_ratio};
use super::{IngestError, Mapping, Options, RawSource};
use crate::control::{Charge, Control, Stop};

/// The longest value of a fixed-length column; it is copied for each row, so that it counts 65,536 times.
const FIXED_BYTES: i32 = 1_024;
/// Values decoded at once, some 10 ms of work: of a wide source, fewer rows.
const CELLS: usize = 4 * BATCH_ROWS;
/// Values between two looks at the control.
const LOOK: usize = 65_536;
/// Bytes hashed at a time.
const BLOCK: usize = 256 * 1024;

/// A Parquet file as a source of raw lines.
pub(super) struct ParquetSource {
    stored: Stored,
    reader: Option<ParquetRecordBatchReader>,
    /// What the reader gave and is not yet used up, and its next row.
    current: Option<(RecordBatch, usize)>,
    layout: Layout,
    names: Vec<String>,
    limit: usize,
    rows_read: u64,
    rows: u64,
    /// Bytes that the rows so far would take as lines of text.
    given: u64,
    /// What the crate holds: the footer, and the pages of the present rows.
    _charge: Charge,
}

/// Calls the parquet crate: it may panic on a file that lies.
fn guarded<T>(name: &str, call: impl FnOnce() -> Result<T, IngestError>) -> Result<T, IngestError> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(damaged(name, "it is no valid Parquet")))
}

fn refused(name: &str, error: &dyn std::fmt::Display) -> IngestError {
    damaged(
        name,
        error.to_string().chars().take(300).collect::<String>(),
    )
}

impl ParquetSource {
    pub(super) fn open(
        file: File,
        name: &str,
        mapping: &Mapping,
        options: &Options,
        control: &dyn Control,
    ) -> Result<ParquetSource, IngestError> {
        let io = |error| IngestError::Io {
            name: name.to_owned(),
            error,
        };
        let stored = Stored::new(file.try_clone().map_err(io)?, name)?;
        let mut charge = distrust::footer(&file, name, stored.total, control)?;
        guarded(name, || {
            let plain = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
            let metadata =
                ArrowReaderMetadata::load(&file, plain.clone()).map_err(|e| refused(name, &e))?;
            let header: Vec<String> = metadata
                .schema()
                .fields()
                .iter()
                .map(|f| f.name().trim().to_owned())
                .collect();
            let mut columns = mapping.resolve(&header)?;
            // the embedded Arrow schema is only asked for time zones
            let zoned = ArrowReaderMetadata::try_new(
                Arc::clone(metadata.metadata()),
                ArrowReaderOptions::new(),
            )
            .map_err(|e| refused(name, &e))?;
            check_types(
                name,
                &header,
                metadata.schema(),
                zoned.schema(),
                &mut columns,
            )?;

            let roots: Vec<usize> = used(&columns, header.len());
            let mask = ProjectionMask::roots(metadata.parquet_schema(), roots.iter().copied());
            let leaves: Vec<usize> = (0..metadata.parquet_schema().num_columns())
                .filter(|&leaf| mask.leaf_included(leaf))
                .collect();
            let (step, bytes) = distrust::pages(
                &file,
                name,
                stored.total,
                metadata.metadata(),
                &leaves,
                (CELLS / leaves.len().max(1)).min(BATCH_ROWS),
                control,
            )?;
            charge.set(charge.bytes() + bytes, distrust::PHASE, control)?;

            // text stays in its pages and is looked up from there: a dictionary of long texts is not multiplied by the rows
            let schema = Arc::new(viewed(metadata.schema(), zoned.schema()));
            let metadata = ArrowReaderMetadata::try_new(
                Arc::clone(metadata.metadata()),
                plain.with_schema(schema),
            )
            .map_err(|e| refused(name, &e))?;
            let rows = u64::try_from(metadata.metadata().file_metadata().num_rows())
                .map_err(|_| damaged(name, "its number of rows is negative"))?;
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata)
                .with_projection(mask)
                .with_batch_size(step)
                .build()
                .map_err(|e| refused(name, &e))?;
            let names = roots
                .iter()
                .filter_map(|&i| header.get(i).cloned())
                .collect();
            Ok(ParquetSource {
                stored,
                reader: Some(reader),
                current: None,
                layout: Layout::new(projected(columns, &roots), roots.len()),
                names,
                limit: options.max_line_bytes,
                rows_read: 0,
                rows,
                given: 0,
                _charge: charge,
            })
        })
    }

    /// Makes sure that there are rows to use; false at the end of the file.
    fn advance(&mut self) -> Result<bool, IngestError> {
        while self
            .current
            .as_ref()
            .is_none_or(|(rows, at)| *at >= rows.num_rows())
        {
            self.current = None;
            // a reader that failed is gone: it must not be asked again
            let Some(mut reader) = self.reader.take() else {
                return Ok(false);
            };
            let name = &self.stored.name;
            let (next, reader) = guarded(name, || Ok((reader.next(), reader)))?;
            let Some(next) = next else { return Ok(false) };
            self.current = Some((next.map_err(|e| refused(name, &e))?, 0));
            self.reader = Some(reader);
        }
        Ok(true)
    }

    /// Moves rows from the current record batch into the raw one until either ends.
    fn convert(&mut self, batch: &mut RawBatch, control: &dyn Control) -> Result<(), IngestError> {
        let Some((rows, at)) = &mut self.current else {
            return Ok(());
        };
        let name = &self.stored.name;
        check_ratio(name, self.given, self.stored.total)?;
        let cells: Vec<Cells<'_>> = rows
            .columns()
            .iter()
            .map(|c| Cells::new(c.as_ref()))
            .collect::<Result<_, _>>()
            .map_err(|e| refused(name, &e))?;
        let look = (LOOK / cells.len().max(1)).max(1);
        while *at < rows.num_rows() && !batch.is_full() {
            if at.is_multiple_of(look) {
                control.check()?;
            }
            let start = batch.bytes.len();
            let row = self.layout.open(batch);
            let mut reason = None;
            for (column, cell) in cells.iter().enumerate() {
                let from = batch.bytes.len();
                let left = self.limit.saturating_sub(from - start);
                let wrote = cell
                    .write(*at, left, &mut batch.bytes)
                    .map_err(|e| refused(name, &e))?;
                let value = batch.bytes.get(from..).unwrap_or(&[]);
                let called = || {
                    self.names
                        .get(column)
                        .map(String::as_str)
                        .unwrap_or_default()
                };
                if wrote == Wrote::NoRoom {
                    return Err(Stop::NoMemory {
                        phase: distrust::PHASE,
                        bytes: left as u64,
                    }
                    .into());
                } else if wrote == Wrote::TooLong {
                    reason = Some(format!("the row is longer than {} bytes", self.limit));
                } else if value.contains(&0) {
                    reason = Some(format!("column \"{}\" holds a NUL byte", called()));
                } else if matches!(cell, Cells::Bytes(_)) && std::str::from_utf8(value).is_err() {
                    reason = Some(format!("column \"{}\" is not valid UTF-8", called()));
                }
                let span = match wrote {
                    Wrote::Value => (narrow(from), narrow(batch.bytes.len())),
                    Wrote::Null | Wrote::TooLong | Wrote::NoRoom => ABSENT,
                };
                self.layout.set(batch, row, column, span);
            }
            *at += 1;
            self.rows_read += 1;
            self.given += (batch.bytes.len() - start + cells.len()) as u64;
            let Some(reason) = reason else {
                batch.raw.push(ABSENT);
                batch.line_no.push(self.rows_read);
                continue;
            };
            let mut raw = batch.raw_text(batch.rows());
            if raw.len() > 1_000 && reason.starts_with("the row") {
                raw = raw.chars().take(1_000).collect();
            }
            self.layout.undo(batch, row);
            batch.bytes.truncate(start);
            batch.refuse(Reject {
                line_no: self.rows_read,
                reason,
                raw,
            });
        }
        Ok(())
    }
}

impl RawSource for ParquetSource {
    fn extra_columns(&self) -> &[String] {
        &self.layout.extra_names
    }

    fn next_batch(
        &mut self,
        batch: &mut RawBatch,
        control: &dyn Control,
    ) -> Result<bool, IngestError> {
        control.check()?;
        self.layout.begin(batch, control);
        while !batch.is_full() && self.advance()? {
            self.convert(batch, control)?;
        }
        if batch.rows() + batch.rejects.len() > 0 {
            batch.settle(control)?;
            return Ok(true);
        }
        // the rows came from all over the file; its hash is of the bytes in their order
        self.stored.rewind()?;
        let mut block = vec![0; BLOCK];
        while self.stored.read(&mut block)? > 0 {
            control.check()?;
        }
        Ok(false)
    }

    fn position(&self) -> (u64, u64) {
        (self.rows_read, self.rows)
    }

    fn content_hash(&self) -> [u8; 32] {
        self.stored.sha256()
    }
}

/// The columns that are read, in the order of the file: that is the order in which the crate gives them.
fn used(columns: &Columns, width: usize) -> Vec<usize> {
    (0..width)
        .filter(|i| columns.extras.contains(i) || columns.field.contains(&Source::Column(*i)))
        .collect()
}

/// Columns of the file as columns of what is read of it.
fn projected(columns: Columns, roots: &[usize]) -> Columns {
    let place = |i: usize| roots.iter().position(|r| *r == i);
    let field = columns.field.map(|source| match source {
        Source::Column(i) => place(i).map_or(Source::Missing, Source::Column),
        other => other,
    });
    let extras = columns.extras.iter().filter_map(|&i| place(i)).collect();
    Columns {
        field,
        extras,
        extra_names: columns.extra_names,
        typed: columns.typed,
    }
}

/// Refuses types that are no text when they are mapped, and drops them from the extras.
fn check_types(
    name: &str,
    header: &[String],
    plain: &Schema,
    zoned: &Schema,
    columns: &mut Columns,
) -> Result<(), IngestError> {
    let kinds: Vec<&DataType> = plain.fields().iter().map(|f| f.data_type()).collect();
    for (source, field) in columns.field.iter().zip(Field::ALL) {
        let Source::Column(i) = source else { continue };
        let column = header.get(*i).cloned().unwrap_or_default();
        if let Some(kind) = kinds.get(*i).filter(|k| k.is_nested()) {
            let kind = kind.to_string().chars().take(100).collect();
            return Err(IngestError::Nested {
                column,
                kind,
                field: field.name(),
            });
        }
    }
    columns.note_types(|i| typed(kinds.get(i)?, zoned.fields().get(i)?.data_type()));
    let flat = |i: &usize| kinds.get(*i).is_some_and(|k| !k.is_nested());
    let extras = columns
        .extras
        .iter()
        .zip(&columns.extra_names)
        .filter(|(i, _)| flat(i));
    (columns.extras, columns.extra_names) = extras.map(|(i, n)| (*i, n.clone())).unzip();
    for i in used(columns, header.len()) {
        let column = header.get(i).map(String::as_str).unwrap_or_default();
        if let Some(DataType::FixedSizeBinary(bytes)) = kinds.get(i)
            && *bytes > FIXED_BYTES
        {
            return Err(IngestError::TooLarge {
                name: name.to_owned(),
                what: format!("a value of column \"{column}\""),
                bytes: u64::from(bytes.unsigned_abs()),
                limit: u64::from(FIXED_BYTES.unsigned_abs()),
                hint: "Write the column as text or binary of variable length, or leave it out.",
            });
        }
        if let Some(DataType::Timestamp(_, Some(zone))) =
            zoned.fields().get(i).map(|f| f.data_type())
            && cells::offset(zone).is_none()
        {
            return Err(IngestError::Zone {
                column: column.to_owned(),
                zone: zone.chars().take(60).collect(),
            });
        }
    }
    Ok(())
}

/// Whether a column holds numbers or times; seconds are stored as numbers, and only the embedded schema tells.
fn typed(plain: &DataType, zoned: &DataType) -> Option<Typed> {
    match (plain, zoned) {
        (DataType::Date32 | DataType::Date64 | DataType::Timestamp(..), _)
        | (DataType::Int64, DataType::Timestamp(..)) => Some(Typed::Moment),
        _ => plain.is_numeric().then_some(Typed::Number),
    }
}

/// The schema with texts read as views, and timestamps in their own zones.
fn viewed(plain: &Schema, zoned: &Schema) -> Schema {
    let view = |(field, zoned): (&Arc<ArrowField>, &Arc<ArrowField>)| -> Arc<ArrowField> {
        let kind = match (field.data_type(), zoned.data_type()) {
            (DataType::Utf8, _) => DataType::Utf8View,
            (DataType::Binary, _) => DataType::BinaryView,
            // Parquet has no seconds; they are stored as numbers
            (DataType::Int64, kind @ DataType::Timestamp(..)) => kind.clone(),
            (DataType::Timestamp(unit, Some(_)), DataType::Timestamp(same, Some(zone)))
                if unit == same =>
            {
                DataType::Timestamp(*unit, Some(Arc::clone(zone)))
            }
            _ => return Arc::clone(field),
        };
        Arc::new(field.as_ref().clone().with_data_type(kind))
    };
    let fields: Vec<_> = plain
        .fields()
        .iter()
        .zip(zoned.fields())
        .map(view)
        .collect();
    Schema::new_with_metadata(fields, plain.metadata().clone())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;

#[cfg(test)]
#[path = "hostile_tests.rs"]
mod hostile_tests;

#[cfg(test)]
#[path = "memory_tests.rs"]
mod memory_tests;
