//! The lake's share of a batch: data files by month, the refused lines, and the manifest.

use crate::ingest::book::{Book, Stored};
use crate::lake::sweep;
use crate::pg::cursor::for_each_batch;
use crate::pg::error::{Failure, Outcome, spi};
use crate::pg::files::Folder;
use crate::pg::interrupt::Crew;
use crate::pg::pending;
use pgrx::prelude::*;
use retailscope_engine::clean::decimal::format_decimal;
use retailscope_engine::clean::line::AMOUNT_SCALE;
use retailscope_engine::clean::spill::Month;
use retailscope_engine::ingest::Reject;
use retailscope_engine::lake::{
    BatchRecord, FileRecord, LAKE_FORMAT, Manifest, RejectsRecord, data_path, manifest_path,
    rejects_path, write_rejects,
};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::sync_channel;

/// A batch's files on their way to the lake. They show when the transaction commits and vanish when it does not.
pub struct LakeOutput {
    folder: Folder,
    batch_id: i64,
    files: Vec<FileRecord>,
}

impl LakeOutput {
    /// Prepares the lake of `retailscope.lake_dir` for a batch; `None` when no lake is to be written. Mends what a crash
    /// left behind.
    ///
    /// # Errors
    /// When the folder is not there, or belongs to another warehouse.
    pub fn begin(batch_id: i64) -> Outcome<Option<LakeOutput>> {
        let Some(folder) = Folder::lake()? else {
            return Ok(None);
        };
        sweep::sweep(&folder)?;
        Ok(Some(LakeOutput {
            folder,
            batch_id,
            files: Vec::new(),
        }))
    }

    /// Output of a batch into any folder.
    pub fn into_folder(folder: Folder, batch_id: i64) -> LakeOutput {
        LakeOutput {
            folder,
            batch_id,
            files: Vec::new(),
        }
    }

    /// Creates the file for the lines of a month.
    ///
    /// # Errors
    /// As the system says.
    pub fn open_month(&mut self, month: Month, part: u32) -> Outcome<Book> {
        let path = data_path(month.year(), month.month(), self.batch_id, part);
        let file = self.create(&path)?;
        Ok(Book::File {
            file,
            path,
            year: month.year(),
            month: month.month(),
        })
    }

    fn create(&self, path: &str) -> Outcome<File> {
        create_hidden(&self.folder, path)
    }

    /// Takes note of data files that are complete.
    pub fn record(&mut self, stored: Vec<Stored>) {
        self.files.extend(stored.into_iter().map(|s| FileRecord {
            path: s.path,
            year: s.year,
            month: s.month,
            rows: s.written.rows,
            amount: format_decimal(s.written.amount, AMOUNT_SCALE),
            bytes: s.written.bytes,
            crc32c: s.written.crc32c,
        }));
    }

    /// Number of data files.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// What was written: files, rows, bytes.
    pub fn summary(&self) -> (i64, i64, i64) {
        let sum = |of: fn(&FileRecord) -> u64| {
            i64::try_from(self.files.iter().map(of).sum::<u64>()).unwrap_or(i64::MAX)
        };
        (
            self.files.len().try_into().unwrap_or(i64::MAX),
            sum(|f| f.rows),
            sum(|f| f.bytes),
        )
    }

    /// Writes refused lines and manifest, and where `registered` enters the files into `retailscope.lake_file`. The batch's
    /// record must be complete.
    ///
    /// # Errors
    /// As the system says; PostgreSQL's own unwind.
    pub fn finish(self, crew: &Crew<'_, '_>, registered: bool) -> Outcome<(i64, i64, i64)> {
        let summary = self.summary();
        if registered {
            register_files(self.batch_id, &self.files)?;
        }
        let batch = batch_record(self.batch_id)?;
        let rejects = if batch.rows_rejected > 0 {
            Some(self.write_rejects(crew)?)
        } else {
            None
        };
        let path = manifest_path(self.batch_id);
        let mut file = self.create(&path)?;
        let manifest = Manifest {
            format: LAKE_FORMAT,
            batch,
            files: self.files,
            rejects,
        };
        file.write_all(&manifest.to_json())
            .and_then(|()| file.sync_all())
            .map_err(|e| Failure::io("write the manifest", Path::new(&path), &e))?;
        Ok(summary)
    }

    fn write_rejects(&self, crew: &Crew<'_, '_>) -> Outcome<RejectsRecord> {
        let path = rejects_path(self.batch_id);
        let file = self.create(&path)?;
        let (to, from) = sync_channel::<Vec<Reject>>(2);
        let control = crew.watch();
        let writer = crew.spawn("rejects", move || {
            let packets = std::iter::from_fn(|| control.idle(|| from.recv()).ok());
            let (file, written) = write_rejects(file, &mut packets.flatten(), control)?;
            Ok((file.sync_all(), written))
        })?;
        let text =
            |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        for_each_batch(
            "SELECT r.line_no, r.reason, r.raw FROM retailscope.etl_reject r
             WHERE r.batch_id = $1 ORDER BY r.line_no, r.reason, r.raw",
            &[self.batch_id.into()],
            |rows| {
                let packet = (0..rows.len())
                    .map(|row| Reject {
                        line_no: rows
                            .i64(row, 0)
                            .and_then(|n| u64::try_from(n).ok())
                            .unwrap_or(0),
                        reason: text(rows.text(row, 1)),
                        raw: text(rows.text(row, 2)),
                    })
                    .collect();
                // A closed queue: joining the writer tells why.
                let _sent = crew.send(&to, packet);
                Ok(())
            },
        )?;
        drop(to);
        let (synced, written) = crew.join(writer)?;
        synced.map_err(|e| Failure::io("write", Path::new(&path), &e))?;
        Ok(RejectsRecord {
            path,
            rows: written.rows,
            bytes: written.bytes,
            crc32c: written.crc32c,
        })
    }
}

/// Creates a lake file under its hidden name; it shows when the transaction commits.
///
/// # Errors
/// As the system says.
pub fn create_hidden(folder: &Folder, path: &str) -> Outcome<File> {
    let place = folder.join(path)?;
    let hidden = pending::hidden_name(&place);
    let relative = hidden
        .strip_prefix(folder.path())
        .unwrap_or(Path::new(path));
    let file = folder.create(relative)?;
    // Only now: a file of this name that was there before is another's, and no rollback of ours may delete it.
    pending::register(hidden, place);
    Ok(file)
}

/// Enters a batch's data files into `retailscope.lake_file`.
///
/// # Errors
/// PostgreSQL's own unwind.
pub fn register_files(batch_id: i64, files: &[FileRecord]) -> Outcome<()> {
    for file in files {
        Spi::run_with_args(
            "INSERT INTO retailscope.lake_file (path, batch_id, year, month, rows, amount, bytes, crc32c)
             VALUES ($1, $2, $3, $4, $5, $6::numeric, $7, $8)",
            &[
                file.path.as_str().into(),
                batch_id.into(),
                file.year.into(),
                i32::try_from(file.month).unwrap_or(0).into(),
                i64::try_from(file.rows).unwrap_or(i64::MAX).into(),
                file.amount.as_str().into(),
                i64::try_from(file.bytes).unwrap_or(i64::MAX).into(),
                i64::from(file.crc32c).into(),
            ],
        )
        .map_err(spi)?;
    }
    Ok(())
}

/// A batch's record as the manifest keeps it.
fn batch_record(batch_id: i64) -> Outcome<BatchRecord> {
    let json = Spi::get_one_with_args::<pgrx::JsonB>(
        include_str!("../../sql/batch_record.sql"),
        &[batch_id.into()],
    )
    .map_err(spi)?
    .ok_or_else(|| Failure::internal(format!("batch {batch_id} has no record")))?;
    serde_json::from_value(json.0)
        .map_err(|e| Failure::internal(format!("the record of batch {batch_id}: {e}")))
}
