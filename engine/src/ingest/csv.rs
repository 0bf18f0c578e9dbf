//! The CSV reader.

use memchr::{memchr, memchr_iter};

use super::batch::{RawBatch, Reject, printable};
use super::header::{Header, read_header};
use super::quoted::{Quoted, Record};
use super::rows::{Layout, append, narrow};
use super::text::Text;
use super::window::{Physical, Window};
use super::{IngestError, Mapping, Options, RawSource};
use crate::control::{Control, no_memory};

/// Bytes of a line that is too long which are kept in its reject.
const SHOWN: usize = 1_000;
/// Bytes worked on between two looks at the control: far less than 50 ms of work.
const LOOK: usize = 1 << 20;

/// A CSV file as a source of raw lines.
pub(super) struct CsvSource {
    window: Window,
    layout: Layout,
    quoted: Quoted,
    delimiter: u8,
    width: usize,
    limit: usize,
    /// The number of the physical line at the beginning of the window.
    line_no: u64,
    encoding_given: bool,
    /// Bytes worked on since the last look at the control.
    work: usize,
}

impl CsvSource {
    pub(super) fn open(
        text: Text,
        mapping: &Mapping,
        options: &Options,
        control: &dyn Control,
    ) -> Result<CsvSource, IngestError> {
        // One line of that length: the window and the unescaped record, each with half as much to spare, both in the batch,
        // and one of them twice while it grows. What is held in truth is charged where it is.
        control.budget("reading lines", 6 * options.max_line_bytes as u64)?;
        let mut window = Window::new(text);
        let Header {
            names,
            delimiter,
            line_no,
        } = read_header(&mut window, options, control)?;
        let columns = mapping.resolve(&names)?;
        Ok(CsvSource {
            window,
            layout: Layout::new(columns, names.len()),
            quoted: Quoted::new(delimiter),
            delimiter,
            width: names.len(),
            limit: options.max_line_bytes,
            line_no,
            encoding_given: options.encoding.is_some(),
            work: 0,
        })
    }

    /// Reads one line or record into the batch; false at the end.
    fn next_record(
        &mut self,
        batch: &mut RawBatch,
        control: &dyn Control,
    ) -> Result<bool, IngestError> {
        let (length, total) = match self.window.line(self.limit, control)? {
            Physical::End => return Ok(false),
            Physical::TooLong => {
                let line = self.window.data();
                let start = line.get(..SHOWN.min(self.limit)).unwrap_or(line);
                let reject = Reject {
                    line_no: self.line_no,
                    reason: format!("the line is longer than {} bytes", self.limit),
                    raw: printable(start),
                };
                batch.refuse(reject);
                self.window.skip_line(control)?;
                self.line_no += 1;
                return Ok(true);
            }
            Physical::Line { length, total } => (length, total),
        };
        self.work += total;
        if self.work > LOOK {
            self.work = 0;
            control.check()?;
        }
        let line = self.window.data().get(..length).unwrap_or(&[]);
        if line.is_empty() {
            self.window.consume(total);
            self.line_no += 1;
            return Ok(true);
        }
        make_room(batch, total)?;
        if memchr(b'"', line).is_some() {
            self.quoted_record(batch, total, length, control)?;
            return Ok(true);
        }
        if let Some(reason) = unreadable(line, &self.window, self.encoding_given) {
            let reject = Reject {
                line_no: self.line_no,
                reason,
                raw: printable(line),
            };
            batch.refuse(reject);
        } else if let Some(found) =
            plain_line(&self.layout, line, self.delimiter, self.line_no, batch)
        {
            let reject = Reject {
                line_no: self.line_no,
                reason: miscounted(self.width, found),
                raw: printable(line),
            };
            batch.refuse(reject);
        }
        self.window.consume(total);
        self.line_no += 1;
        Ok(true)
    }

    /// Reads a record that begins with a line of `length` bytes (`total` with its end) in which a quote stands.
    fn quoted_record(
        &mut self,
        batch: &mut RawBatch,
        first: usize,
        length: usize,
        control: &dyn Control,
    ) -> Result<(), IngestError> {
        let record = self.quoted.record(
            &mut self.window,
            first,
            Some(self.width),
            self.limit,
            control,
        )?;
        self.work += self.quoted.scanned;
        let (total, fields) = match record {
            Record::Whole { total, fields } => (total, fields),
            Record::Unbalanced(how) => {
                let line = self.window.data().get(..length).unwrap_or(&[]);
                let reject = Reject {
                    line_no: self.line_no,
                    reason: format!("unbalanced quote: {how}"),
                    raw: printable(line),
                };
                batch.refuse(reject);
                self.window.consume(first);
                self.line_no += 1;
                return Ok(());
            }
        };
        let whole = self.window.data().get(..total).unwrap_or(&[]);
        let lines = memchr_iter(b'\n', whole).count().max(1) as u64;
        let raw = whole.strip_suffix(b"\n").unwrap_or(whole);
        let raw = raw.strip_suffix(b"\r").unwrap_or(raw);
        let refused = if fields != self.width {
            Some(miscounted(self.width, fields))
        } else {
            unreadable(raw, &self.window, self.encoding_given)
        };
        if let Some(reason) = refused {
            let reject = Reject {
                line_no: self.line_no,
                reason,
                raw: printable(raw),
            };
            batch.refuse(reject);
        } else {
            // as it came, and unescaped
            make_room(batch, 2 * total)?;
            let raw_span = append(batch, raw);
            let row = self.layout.open(batch);
            for (column, field) in self.quoted.fields().enumerate() {
                let span = append(batch, field);
                self.layout.set(batch, row, column, span);
            }
            batch.raw.push(raw_span);
            batch.line_no.push(self.line_no);
        }
        self.window.consume(total);
        self.line_no += lines;
        Ok(())
    }
}

impl RawSource for CsvSource {
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
        while !batch.is_full() && self.next_record(batch, control)? {}
        batch.settle(control)?;
        Ok(batch.rows() + batch.rejects.len() > 0)
    }

    fn position(&self) -> (u64, u64) {
        let stored = &self.window.text.unpacked.stored;
        (stored.read, stored.total)
    }

    fn content_hash(&self) -> [u8; 32] {
        self.window.text.unpacked.stored.sha256()
    }
}

/// Makes room for a line's text. A long one gets just what it needs, not as much again to grow into.
fn make_room(batch: &mut RawBatch, bytes: usize) -> Result<(), IngestError> {
    let made = if bytes > LOOK {
        batch.bytes.try_reserve_exact(bytes)
    } else {
        batch.bytes.try_reserve(bytes)
    };
    Ok(made.map_err(no_memory("reading lines", bytes as u64))?)
}

fn miscounted(expected: usize, found: usize) -> String {
    format!("expected {expected} fields, found {found}")
}

/// Why a line is not text, if it is not.
fn unreadable(line: &[u8], window: &Window, encoding_given: bool) -> Option<String> {
    // Where it breaks stands as \xHH in the reject's raw text; without it, reasons can be counted.
    if std::str::from_utf8(line).is_err() {
        let encoding = window.text.encoding.name();
        let hint = if encoding_given {
            ""
        } else {
            " (give options encoding)"
        };
        return Some(format!("not valid {encoding}{hint}"));
    }
    if window.nul_seen && memchr(0, line).is_some() {
        return Some("the line holds a NUL byte".into());
    }
    None
}

/// Splits a line without quotes into the batch; the number of its fields when it is not that of the layout.
fn plain_line(
    layout: &Layout,
    line: &[u8],
    delimiter: u8,
    line_no: u64,
    batch: &mut RawBatch,
) -> Option<usize> {
    let rollback = batch.bytes.len();
    let raw = append(batch, line);
    let row = layout.open(batch);
    let mut start = raw.0;
    let mut column = 0;
    let mut fits = true;
    for at in memchr_iter(delimiter, line) {
        let end = raw.0 + narrow(at);
        fits = layout.set(batch, row, column, (start, end));
        if !fits {
            break;
        }
        start = end + 1;
        column += 1;
    }
    fits = fits && layout.set(batch, row, column, (start, raw.1));
    if fits && column + 1 == layout.places.len() {
        batch.raw.push(raw);
        batch.line_no.push(line_no);
        return None;
    }
    layout.undo(batch, row);
    batch.bytes.truncate(rollback);
    // to count is much faster than to split
    Some(memchr_iter(delimiter, line).count() + 1)
}

#[cfg(test)]
#[path = "csv_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "csv_hostile_tests.rs"]
mod hostile_tests;
