//! Unpacked bytes as UTF-8: byte order marks and other encodings.

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use super::IngestError;
use super::stored::Unpacked;
use crate::control::Control;

/// Bytes read at a time when they have to be decoded.
const INPUT: usize = 64 * 1024;

/// Stands for bytes that the encoding does not have: no UTF-8 holds it, so the line that it stands in is refused later.
const UNREADABLE: u8 = 0xFF;

/// The text of a file.
///
/// Encodings other than UTF-8 are decoded before lines and fields are split: in several of them (UTF-16, ISO-2022-JP, and
/// `|` in Shift_JIS, GBK and Big5) the bytes of a delimiter also occur inside characters.
pub(super) struct Text {
    pub unpacked: Unpacked,
    /// What the text is written in, by its byte order mark or else the option.
    pub encoding: &'static Encoding,
    decoder: Option<Decoder>,
    /// Bytes read ahead and not yet decoded or given away.
    input: Vec<u8>,
    at: usize,
    end: usize,
    ended: bool,
    finished: bool,
}

impl Text {
    pub(super) fn new(
        mut unpacked: Unpacked,
        given: Option<&'static Encoding>,
        control: &dyn Control,
    ) -> Result<Text, IngestError> {
        let mut input = vec![0; INPUT];
        let mut end = 0;
        // three bytes decide; a pipe or a decompressor may give them one by one
        while end < 3 {
            let n = unpacked.read(input.get_mut(end..).unwrap_or(&mut []), control)?;
            if n == 0 {
                break;
            }
            end += n;
        }
        // a mark is part of the file and outranks what a user believes about it
        let (encoding, at) = match Encoding::for_bom(input.get(..end).unwrap_or(&[])) {
            Some((encoding, length)) => (encoding, length),
            None => (given.unwrap_or(UTF_8), 0),
        };
        let decoder = (encoding != UTF_8).then(|| encoding.new_decoder_without_bom_handling());
        Ok(Text {
            unpacked,
            encoding,
            decoder,
            input,
            at,
            end,
            ended: false,
            finished: false,
        })
    }

    /// Whether the text comes in units of two bytes.
    pub(super) fn is_wide(&self) -> bool {
        self.encoding == UTF_16LE || self.encoding == UTF_16BE
    }

    /// Reads some text; 0 at the end. `out` has room for at least 16 bytes.
    pub(super) fn read(
        &mut self,
        out: &mut [u8],
        control: &dyn Control,
    ) -> Result<usize, IngestError> {
        let Some(decoder) = &mut self.decoder else {
            let ahead = self.input.get(self.at..self.end).unwrap_or(&[]);
            if ahead.is_empty() {
                return self.unpacked.read(out, control);
            }
            let n = ahead.len().min(out.len());
            if let (Some(to), Some(from)) = (out.get_mut(..n), ahead.get(..n)) {
                to.copy_from_slice(from);
            }
            self.at += n;
            return Ok(n);
        };
        let mut given = 0;
        while !self.finished {
            if self.at == self.end && !self.ended {
                (self.at, self.end) = (0, self.unpacked.read(&mut self.input, control)?);
                self.ended = self.end == 0;
            }
            let from = self.input.get(self.at..self.end).unwrap_or(&[]);
            // the last byte is kept for the mark of an unreadable sequence
            let room = out.len().saturating_sub(1);
            let to = out.get_mut(given..room).unwrap_or(&mut []);
            let (result, taken, written) =
                decoder.decode_to_utf8_without_replacement(from, to, self.ended);
            self.at += taken;
            given += written;
            match result {
                // a decoder must not be asked again after its last input
                DecoderResult::InputEmpty if self.ended => self.finished = true,
                DecoderResult::InputEmpty if given > 0 => break,
                DecoderResult::InputEmpty => {}
                DecoderResult::OutputFull => break,
                DecoderResult::Malformed(..) => {
                    if let Some(slot) = out.get_mut(given) {
                        *slot = UNREADABLE;
                        given += 1;
                    }
                    if given + 8 > room {
                        break;
                    }
                }
            }
        }
        Ok(given)
    }
}
