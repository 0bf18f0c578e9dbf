//! A sliding window over text, in which physical lines are found.

use memchr::memchr;

use super::IngestError;
use super::text::Text;
use crate::control::{Charge, Control};

/// Text read at a time.
const BLOCK: usize = 256 * 1024;

/// The part of a text that has been read and not yet consumed.
pub(super) struct Window {
    pub text: Text,
    buf: Vec<u8>,
    charge: Charge,
    start: usize,
    end: usize,
    ended: bool,
    /// Whether a NUL was ever seen: as long as not, lines need not be searched for one.
    pub nul_seen: bool,
}

/// A physical line at the beginning of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Physical {
    /// Bytes of the line without, and with, its end (`\n` or `\r\n`).
    Line { length: usize, total: usize },
    /// Longer than the limit; its end has not been looked for.
    TooLong,
    /// Nothing is left.
    End,
}

impl Window {
    pub(super) fn new(text: Text) -> Window {
        Window {
            text,
            buf: Vec::new(),
            charge: Charge::default(),
            start: 0,
            end: 0,
            ended: false,
            nul_seen: false,
        }
    }

    /// What has been read and not yet consumed.
    pub(super) fn data(&self) -> &[u8] {
        self.buf.get(self.start..self.end).unwrap_or(&[])
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        self.start = (self.start + bytes).min(self.end);
    }

    /// Reads more; false at the end of the text.
    pub(super) fn fill(&mut self, control: &dyn Control) -> Result<bool, IngestError> {
        if self.ended {
            return Ok(false);
        }
        if self.start > 0 {
            self.buf.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        self.charge
            .lengthen(&mut self.buf, self.end + BLOCK, "reading lines", control)?;
        // no more than a block, so that unpacking it takes no longer
        let room = self.buf.get_mut(self.end..self.end + BLOCK);
        let room = room.unwrap_or(&mut []);
        let n = self.text.read(room, control)?;
        self.nul_seen = self.nul_seen || memchr(0, room.get(..n).unwrap_or(&[])).is_some();
        self.end += n;
        self.ended = n == 0;
        Ok(n > 0)
    }

    /// Finds the line at the beginning of the window, reading on where its end is not there yet.
    pub(super) fn line(
        &mut self,
        limit: usize,
        control: &dyn Control,
    ) -> Result<Physical, IngestError> {
        let mut searched = 0;
        loop {
            let data = self.data();
            let found = memchr(b'\n', data.get(searched..).unwrap_or(&[])).map(|i| searched + i);
            searched = data.len();
            if found.is_none() && searched <= limit + 1 && self.fill(control)? {
                continue;
            }
            let data = self.data();
            let (end, total) = match found {
                Some(i) => (i, i + 1),
                None if data.is_empty() => return Ok(Physical::End),
                None => (data.len(), data.len()),
            };
            let length = end - usize::from(end > 0 && data.get(end - 1) == Some(&b'\r'));
            return Ok(if length > limit {
                Physical::TooLong
            } else {
                Physical::Line { length, total }
            });
        }
    }

    /// Consumes everything up to and with the next line end, however far it is.
    pub(super) fn skip_line(&mut self, control: &dyn Control) -> Result<(), IngestError> {
        loop {
            if let Some(i) = memchr(b'\n', self.data()) {
                self.consume(i + 1);
                return Ok(());
            }
            self.consume(self.data().len());
            if !self.fill(control)? {
                return Ok(());
            }
        }
    }
}
