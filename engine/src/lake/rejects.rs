//! Rejected lines as zstd-compressed JSON lines.

use std::borrow::Cow;
use std::io::{BufRead, BufReader, Read, Write};

use serde::{Deserialize, Serialize};

use super::LakeError;
use super::checksum::Counted;
use crate::control::Control;
use crate::ingest::{MAX_RAW, MAX_REASON, Reject};

/// Compression level: rejects are few, and read once.
const LEVEL: i32 = 3;
/// A reader refuses windows over 2^23 bytes; level 3 uses 2^21.
const WINDOW_LOG_MAX: u32 = 23;
/// Lines between two looks at the control.
const STEP: u64 = 1024;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row<'a> {
    line_no: u64,
    reason: Cow<'a, str>,
    raw: Cow<'a, str>,
}

/// What a finished file of rejects holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RejectsWritten {
    /// Lines.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// CRC-32C of the file.
    pub crc32c: u32,
}

/// Writes all rejects, each within its limits ([`Reject::bounded`]), and returns the stream, which the caller syncs and
/// closes.
///
/// # Errors
/// [`LakeError::Io`] when the stream fails, [`LakeError::Stopped`] when cancelled.
pub fn write_rejects<W: Write>(
    out: W,
    rejects: &mut impl Iterator<Item = Reject>,
    control: &dyn Control,
) -> Result<(W, RejectsWritten), LakeError> {
    let io = LakeError::io("cannot write the rejected lines");
    let mut encoder = zstd::Encoder::new(Counted::new(out), LEVEL).map_err(&io)?;
    encoder.include_checksum(true).map_err(&io)?;
    let mut rows = 0;
    let mut line = Vec::new();
    for reject in rejects {
        // What a row of etl_reject has been changed to by hand may be of any length.
        let reject = reject.bounded();
        if rows % STEP == 0 {
            control.check()?;
        }
        line.clear();
        let row = Row {
            line_no: reject.line_no,
            reason: reject.reason.into(),
            raw: reject.raw.into(),
        };
        serde_json::to_writer(&mut line, &row).map_err(|e| LakeError::BadData(e.to_string()))?;
        line.push(b'\n');
        encoder.write_all(&line).map_err(&io)?;
        rows += 1;
    }
    let mut counted = encoder.finish().map_err(&io)?;
    counted.flush().map_err(&io)?;
    let written = RejectsWritten {
        rows,
        bytes: counted.bytes(),
        crc32c: counted.crc32c(),
    };
    Ok((counted.into_inner(), written))
}

/// Bytes of a rejected line in the lake: JSON may write six bytes for one, and the names of the fields come to it.
pub const REJECT_LINE: usize = 6 * (MAX_RAW + MAX_REASON) + 256;

/// Reads rejects one by one.
pub struct RejectReader<R: Read> {
    input: BufReader<zstd::Decoder<'static, BufReader<R>>>,
    max_line: usize,
    line: Vec<u8>,
    rows: u64,
}

impl<R: Read> RejectReader<R> {
    /// Begins to read; a line of the unpacked file may have `max_line` bytes (a raw line can take six times its length
    /// there, since JSON writes some characters as `\u0000`).
    ///
    /// # Errors
    /// [`LakeError::Io`] when the decoder cannot be made, [`LakeError::Stopped`] when such a line is over the memory limit.
    pub fn new(input: R, max_line: usize, control: &dyn Control) -> Result<Self, LakeError> {
        control.budget("reading rejected lines", max_line as u64)?;
        let io = LakeError::io("cannot read the rejected lines");
        let mut decoder = zstd::Decoder::new(input).map_err(&io)?;
        decoder.window_log_max(WINDOW_LOG_MAX).map_err(&io)?;
        Ok(RejectReader {
            input: BufReader::new(decoder),
            max_line,
            line: Vec::new(),
            rows: 0,
        })
    }

    /// The next reject; `None` at the end of the file.
    ///
    /// # Errors
    /// [`LakeError::Corrupted`] for bytes that [`write_rejects`] did not write, [`LakeError::Io`], [`LakeError::Stopped`].
    pub fn next(&mut self, control: &dyn Control) -> Result<Option<Reject>, LakeError> {
        if self.rows.is_multiple_of(STEP) {
            control.check()?;
        }
        let bad = |rows: u64, what: String| {
            LakeError::corrupted(format!("rejected line {}: {what}", rows + 1))
        };
        self.line.clear();
        let limit = self.max_line as u64 + 1;
        // The decoder gives its own complaints as errors of the kind `Other`; all other kinds are the file's.
        let read = (&mut self.input)
            .take(limit)
            .read_until(b'\n', &mut self.line)
            .map_err(|source| match source.kind() {
                std::io::ErrorKind::Other | std::io::ErrorKind::UnexpectedEof => {
                    bad(self.rows, source.to_string())
                }
                _ => LakeError::Io {
                    doing: "cannot read the rejected lines",
                    source,
                },
            })?;
        if read == 0 {
            // A file without rejects is never written, so this one was cut off at its first byte.
            return if self.rows == 0 {
                Err(bad(0, "the file is empty".into()))
            } else {
                Ok(None)
            };
        }
        if self.line.pop() != Some(b'\n') {
            return Err(bad(
                self.rows,
                format!("it does not end within {} bytes", self.max_line),
            ));
        }
        let row: Row<'_> =
            serde_json::from_slice(&self.line).map_err(|e| bad(self.rows, e.to_string()))?;
        if row.reason.contains('\0') || row.raw.contains('\0') {
            return Err(bad(self.rows, "a NUL character".into()));
        }
        self.rows += 1;
        Ok(Some(Reject {
            line_no: row.line_no,
            reason: row.reason.into_owned(),
            raw: row.raw.into_owned(),
        }))
    }
}
