//! Reading a data file.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use parquet::file::reader::Length;

use super::LakeError;
use super::digest::Digest;
use super::pages::{Checked, PHASE, check_footer, check_pages};
use super::rows::{LakeBatch, append, fitting};
use super::schema::{KEY_CONTENT, KEY_FORMAT, LAKE_FORMAT, parquet_schema, read_schema};
use super::source::Source;
use crate::control::{Charge, Control, no_memory};

/// Rows decoded between two looks at the control.
const STEP: usize = 16_384;
/// Rows of a [`LakeBatch`], about.
const BATCH_ROWS: usize = 65_536;
/// A batch also ends at this many bytes, or at this part of the memory: several are under way at once.
const BATCH_BYTES: usize = 32 << 20;
const BATCH_SHARE: u64 = 64;
/// Bytes of the footer: 64 KiB and a sixteenth of the file, but never more than this.
const MAX_FOOTER: u64 = 16 << 20;
/// Bytes that a byte of the footer may become in memory, at most.
const FOOTER_GROWTH: u64 = 32;
/// Magic number at both ends of a Parquet file.
const MAGIC: &[u8] = b"PAR1";

/// Reads the rows of one data file, in the order in which they were written.
pub struct LakeReader {
    batches: ParquetRecordBatchReader,
    source: Source,
    /// Decoded rows that did not fit the batch before.
    pending: Option<RecordBatch>,
    rows: u64,
    read: u64,
    content: String,
    digest: Digest,
    done: bool,
    /// What the library holds: the footer, and the pages of the rows that are decoded.
    _charge: Charge,
}

impl LakeReader {
    /// Opens a file: it must be a lake file of a known format version, and its pages may not claim more than they can hold.
    ///
    /// # Errors
    /// [`LakeError::NotALakeFile`], [`LakeError::UnknownVersion`], [`LakeError::Corrupted`], [`LakeError::Io`], and
    /// [`LakeError::Stopped`] when the rows would not fit into the memory limit or the work is cancelled.
    pub fn open(file: File, control: &dyn Control) -> Result<LakeReader, LakeError> {
        control.check()?;
        let source = Source::new(file).map_err(LakeError::io("cannot read a lake file"))?;
        let (footer, footer_start, mut charge) = read_footer(&source, control)?;
        let expected = parquet_schema().map_err(|e| LakeError::corrupted(e.to_string()))?;
        check_footer(&footer, expected.num_columns())?;
        let metadata = guarded(&source, || ParquetMetaDataReader::decode_metadata(&footer))?;
        drop(footer);
        let content = check_identity(&metadata)?;
        if metadata.file_metadata().schema() != expected.root_schema() {
            return Err(LakeError::NotALakeFile("its columns are others".into()));
        }
        let Checked { rows, step, bytes } =
            check_pages(&metadata, &source, footer_start, STEP, control)?;
        charge.set(charge.bytes() + bytes, PHASE, control)?;
        let batches = guarded(&source, || {
            let options = ArrowReaderOptions::new().with_schema(read_schema());
            let metadata = ArrowReaderMetadata::try_new(Arc::new(metadata), options)?;
            ParquetRecordBatchReaderBuilder::new_with_metadata(source.clone(), metadata)
                .with_batch_size(step)
                .build()
        })?;
        let (pending, digest) = (None, Digest::default());
        Ok(LakeReader {
            batches,
            source,
            pending,
            rows,
            read: 0,
            content,
            digest,
            done: false,
            _charge: charge,
        })
    }

    /// Rows of the file.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Replaces `out` by the next rows, about 65,536 of them; false when there are no more.
    ///
    /// The checksum over all values is checked before the last rows are handed out. After an error the rows that came
    /// before are not to be trusted.
    ///
    /// # Errors
    /// [`LakeError::Corrupted`], [`LakeError::Io`], and [`LakeError::Stopped`] when cancelled.
    pub fn next(&mut self, out: &mut LakeBatch, control: &dyn Control) -> Result<bool, LakeError> {
        out.clear();
        if self.done {
            return Ok(false);
        }
        let share = usize::try_from(control.memory_limit() / BATCH_SHARE).unwrap_or(usize::MAX);
        let room = share.min(BATCH_BYTES);
        while out.rows() < BATCH_ROWS && out.lines.bytes() < room {
            control.check()?;
            let Some(batch) = self.step()? else { break };
            let take = fitting(&batch, room.saturating_sub(out.lines.bytes()))?;
            if take < batch.num_rows() {
                self.pending = Some(batch.slice(take, batch.num_rows() - take));
            }
            append(&batch.slice(0, take), out)?;
        }
        self.digest.add(&out.lines, &out.keys(), &out.batch_id);
        self.read += out.rows() as u64;
        if self.read == self.rows {
            if self.digest.text() != self.content {
                return Err(LakeError::corrupted(
                    "its values do not have the checksum that its footer states",
                ));
            }
            self.done = true;
        } else if self.read > self.rows || out.rows() == 0 {
            return Err(LakeError::corrupted(format!(
                "{} rows came out, its footer says {}",
                self.read, self.rows
            )));
        }
        Ok(out.rows() > 0)
    }

    fn step(&mut self) -> Result<Option<RecordBatch>, LakeError> {
        if let Some(batch) = self.pending.take() {
            return Ok(Some(batch));
        }
        let batches = &mut self.batches;
        guarded(&self.source, || {
            batches.next().transpose().map_err(ParquetError::from)
        })
    }
}

/// Runs the Parquet library, which may panic on a hostile file, and tells the disk's errors from the file's.
fn guarded<T>(
    source: &Source,
    work: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, LakeError> {
    let result = catch_unwind(AssertUnwindSafe(work));
    if let Some(failure) = source.take_failure() {
        return Err(LakeError::Io {
            doing: "cannot read a lake file",
            source: failure,
        });
    }
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(LakeError::corrupted(error.to_string())),
        Err(_) => Err(LakeError::corrupted("the Parquet decoder gave up on it")),
    }
}

/// The footer's bytes, where they begin, and the charge for what the library makes of them.
fn read_footer(
    source: &Source,
    control: &dyn Control,
) -> Result<(Vec<u8>, u64, Charge), LakeError> {
    let io = LakeError::io("cannot read a lake file");
    let not_parquet = || LakeError::NotALakeFile("it is not a Parquet file".into());
    let len = source.len();
    let mut magic = [0_u8; 4];
    let mut tail = [0_u8; 8];
    source.read_at(&mut magic, 0).map_err(&io)?;
    let at = len.checked_sub(12).map(|n| n + 4).ok_or_else(not_parquet)?;
    source.read_at(&mut tail, at).map_err(&io)?;
    let [a, b, c, d, end @ ..] = tail;
    match (magic == MAGIC, end == MAGIC) {
        (true, true) => {}
        (true, false) => return Err(LakeError::corrupted("the end of the file is missing")),
        (false, _) => return Err(not_parquet()),
    }
    let size = u64::from(u32::from_le_bytes([a, b, c, d]));
    if size > at - 4 || size > (len / 16 + (64 << 10)).min(MAX_FOOTER) {
        return Err(LakeError::corrupted(format!(
            "a footer of {size} bytes in a file of {len}"
        )));
    }
    let charge = Charge::new(size * FOOTER_GROWTH, PHASE, control)?;
    let length = usize::try_from(size).unwrap_or(0);
    let mut footer = Vec::new();
    footer
        .try_reserve_exact(length)
        .map_err(no_memory(PHASE, size))?;
    footer.resize(length, 0_u8);
    let start = at - size;
    if source.read_at(&mut footer, start).map_err(&io)? < footer.len() {
        return Err(LakeError::corrupted("the end of the file is missing"));
    }
    Ok((footer, start, charge))
}

/// The format version must be known; returns the checksum that the footer states.
fn check_identity(metadata: &ParquetMetaData) -> Result<String, LakeError> {
    let pairs = metadata.file_metadata().key_value_metadata();
    let value = |key: &str| {
        pairs
            .into_iter()
            .flatten()
            .find(|p| p.key == key)
            .and_then(|p| p.value.as_deref())
    };
    let version = value(KEY_FORMAT)
        .ok_or_else(|| LakeError::NotALakeFile(format!("its footer has no {KEY_FORMAT}")))?;
    if version != LAKE_FORMAT.to_string() {
        let found = version.chars().take(20).collect();
        return Err(LakeError::UnknownVersion {
            found,
            known: LAKE_FORMAT,
        });
    }
    value(KEY_CONTENT)
        .map(str::to_owned)
        .ok_or_else(|| LakeError::corrupted(format!("its footer has no {KEY_CONTENT}")))
}
