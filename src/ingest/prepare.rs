//! First half of an ingest: the source is read, cleaned and laid out by month in a temporary file.

use crate::ingest::batch::Batch;
use crate::pg::error::{Failure, Outcome};
use crate::pg::files;
use crate::pg::interrupt::{Crew, Watch, cancelled, cause};
use pgrx::prelude::*;
use retailscope_engine::clean::line::LineBatch;
use retailscope_engine::clean::spill::{Spill, Spilled};
use retailscope_engine::clean::{Cleaner, Formats, Rules};
use retailscope_engine::control::{Charge, Control};
use retailscope_engine::ingest::{Options, RawBatch, RawSource, Reject};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Lines at the beginning which, when every one of them is refused, show that the options do not fit the source.
const HOPELESS: u64 = 1000;

/// Batches that the cleaner may be ahead of the main thread, which stores the refused lines.
const AHEAD: usize = 2;

/// The phase in which a batch of cleaned lines is held.
const CLEANING: &str = "cleaning";

/// What the cleaner tells the main thread.
struct Cleaned {
    rows: u64,
    rejects: Vec<Reject>,
    _charge: Charge,
}

/// What was read.
pub struct Prepared {
    /// The lines by month.
    pub spilled: Spilled,
    /// Lines read, refused ones among them.
    pub rows_read: u64,
    /// Lines refused.
    pub rows_rejected: u64,
    /// SHA-256 of the source.
    pub content_hash: Option<[u8; 32]>,
}

/// What every kind of source needs to be cleaned.
pub struct Cleaning {
    cleaner: Cleaner,
    spill: Spill,
}

impl Cleaning {
    /// Sets the cleaner up from the rules in the database.
    ///
    /// # Errors
    /// A rule or a date format that is not valid.
    pub fn new(options: &Options, extra_columns: &[String]) -> Outcome<Cleaning> {
        let rules = if options.rules {
            crate::ingest::rules::read()?
        } else {
            Rules::none()
        };
        let formats = Formats {
            date_formats: options.date_formats.clone(),
            decimal_comma: options.decimal_comma,
        };
        Ok(Cleaning {
            cleaner: Cleaner::new(rules, &formats, extra_columns)?,
            spill: Spill::new(
                files::temporary()?,
                crate::pg::settings::temporary_file_limit(),
            ),
        })
    }

    fn run(
        mut self,
        from: &Receiver<RawBatch>,
        to: &SyncSender<Cleaned>,
        control: &Watch,
    ) -> Outcome<Spilled> {
        let mut lines = LineBatch::default();
        let mut charge = Charge::default();
        while let Ok(mut raw) = control.idle(|| from.recv()) {
            let mut rejects = std::mem::take(&mut raw.rejects);
            let rows = (raw.rows() + rejects.len()) as u64;
            lines.clear();
            // The cleaner asks for as much as the batch may come to.
            charge.set(0, CLEANING, control)?;
            self.cleaner
                .clean(&raw, &mut lines, &mut rejects, control)?;
            drop(raw);
            charge.set(lines.bytes() as u64, CLEANING, control)?;
            let refused: usize = rejects.iter().map(Reject::bytes).sum();
            let held = refused + rejects.capacity() * size_of::<Reject>();
            let refused = Charge::new(held as u64, "refused lines", control)?;
            self.spill.push(&lines, control)?;
            let cleaned = Cleaned {
                rows,
                rejects,
                _charge: refused,
            };
            if control.idle(|| to.send(cleaned)).is_err() {
                return Err(cancelled());
            }
        }
        control.check()?;
        Ok(self.spill.finish()?)
    }
}

/// Reads a source that worker threads can read by themselves.
///
/// # Errors
/// What the source, the cleaner or the storing of rejects gives.
pub fn from_source(
    crew: &Crew<'_, '_>,
    mut source: Box<dyn RawSource>,
    options: &Options,
    batch: &mut Batch,
) -> Outcome<Prepared> {
    let cleaning = Cleaning::new(options, source.extra_columns())?;
    let control = crew.watch();
    let (raw_to, raw_from) = sync_channel::<RawBatch>(1);
    let (cleaned_to, cleaned_from) = sync_channel(AHEAD);
    let reader = crew.spawn("reader", move || {
        let extras = source.extra_columns().len();
        loop {
            let mut raw = RawBatch::new(extras);
            let more = source.next_batch(&mut raw, control)?;
            let (done, total) = source.position();
            control.progress("reading", done, total);
            if !more {
                return Ok(source.content_hash());
            }
            if control.idle(|| raw_to.send(raw)).is_err() {
                // The cleaner has ended early; its own result says why.
                return Err(cancelled());
            }
        }
    })?;
    let cleaner = crew.spawn("cleaner", move || {
        cleaning.run(&raw_from, &cleaned_to, control)
    })?;
    let mut tally = Tally::default();
    while let Some(cleaned) = crew.receive(&cleaned_from) {
        tally.take(cleaned, batch)?;
    }
    let (spilled, content_hash) = match (crew.join(cleaner), crew.join(reader)) {
        (Ok(spilled), Ok(hash)) => (spilled, hash),
        (cleaned, read) => return Err(cause([cleaned.err(), read.err()])),
    };
    Ok(Prepared {
        spilled,
        rows_read: tally.rows,
        rows_rejected: tally.rejected,
        content_hash: Some(content_hash),
    })
}

/// Reads a source that only the main thread can read: `produce` gives batches to the sink it is handed.
///
/// # Errors
/// As [`from_source`].
pub fn from_main_thread(
    crew: &Crew<'_, '_>,
    extra_columns: &[String],
    options: &Options,
    batch: &mut Batch,
    produce: impl FnOnce(&mut dyn FnMut(RawBatch) -> Outcome<()>) -> Outcome<Option<[u8; 32]>>,
) -> Outcome<Prepared> {
    let cleaning = Cleaning::new(options, extra_columns)?;
    let control = crew.watch();
    let (raw_to, raw_from) = sync_channel::<RawBatch>(2);
    let (cleaned_to, cleaned_from) = sync_channel(AHEAD);
    let cleaner = crew.spawn("cleaner", move || {
        cleaning.run(&raw_from, &cleaned_to, control)
    })?;
    let mut tally = Tally::default();
    let content_hash = {
        let raw_to: SyncSender<RawBatch> = raw_to;
        produce(&mut |raw| {
            // The cleaner may itself be waiting to be heard, so it is listened to while its queue is full.
            let sent = crew.send_while(&raw_to, raw, || {
                while let Ok(cleaned) = cleaned_from.try_recv() {
                    tally.take(cleaned, batch)?;
                }
                Ok(())
            })?;
            // A closed queue: the cleaner's own result, taken below, says why.
            if sent { Ok(()) } else { Err(cancelled()) }
        })
    };
    while let Some(cleaned) = crew.receive(&cleaned_from) {
        tally.take(cleaned, batch)?;
    }
    let (spilled, content_hash) = match (crew.join(cleaner), content_hash) {
        (Ok(spilled), Ok(hash)) => (spilled, hash),
        (cleaned, produced) => return Err(cause([cleaned.err(), produced.err()])),
    };
    Ok(Prepared {
        spilled,
        rows_read: tally.rows,
        rows_rejected: tally.rejected,
        content_hash,
    })
}

#[derive(Default)]
struct Tally {
    rows: u64,
    rejected: u64,
}

impl Tally {
    fn take(&mut self, cleaned: Cleaned, batch: &mut Batch) -> Outcome<()> {
        self.rows += cleaned.rows;
        self.rejected += cleaned.rejects.len() as u64;
        if self.rejected == self.rows
            && self.rows >= HOPELESS
            // Lines that could not be split come before the others, so the first is looked for.
            && let Some(first) = cleaned.rejects.iter().min_by_key(|r| r.line_no)
        {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_BAD_COPY_FILE_FORMAT,
                format!(
                    "all of the first {} lines were refused; line {}: {}",
                    self.rows, first.line_no, first.reason
                ),
            )
            .detail(first.raw.chars().take(500).collect::<String>())
            .hint("Check mapping and options (delimiter, encoding, date_format, decimal_comma)."));
        }
        cleaned
            .rejects
            .into_iter()
            .try_for_each(|reject| batch.rejects.push(reject))
    }
}
