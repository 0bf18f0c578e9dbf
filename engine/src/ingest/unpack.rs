//! Gzip and zstd, one bounded step at a time.
//!
//! The usual reader adapters may loop inside one call (a gigabyte of empty gzip members gives no byte), where a cancel
//! cannot reach them. Here every step takes a bounded input and gives a bounded output, and the caller looks up between.

use flate2::{Crc, Decompress, FlushDecompress, Status};
use zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode::ZSTD_error_frameParameter_windowTooLarge;
use zstd::zstd_safe::{DCtx, DParameter, InBuffer, OutBuffer, get_error_name};

/// What one step did.
pub(super) struct Step {
    /// Bytes taken from the input.
    pub taken: usize,
    /// Bytes written to the output.
    pub given: usize,
}

/// Why a step failed.
#[derive(Debug)]
pub(super) enum Fault {
    /// What is wrong with the stream.
    Wrong(String),
    /// The stream may be sound, but looks back further than this many bytes, the most that may be kept for it.
    Window(u64),
}

impl From<String> for Fault {
    fn from(what: String) -> Fault {
        Fault::Wrong(what)
    }
}

/// A decompressor.
pub(super) trait Unpack: Send {
    /// Unpacks some of `input` into `output`.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault>;

    /// Whether the stream may end here.
    fn complete(&self) -> bool;

    /// Bytes that the decompressor holds; what never exceeds some kB is not counted.
    fn held(&self) -> usize {
        0
    }
}

/// zstd, any number of frames one after the other.
pub(super) struct Zstd {
    context: DCtx<'static>,
    window: u64,
    complete: bool,
}

/// The largest window: 128 MB, what `zstd` itself takes without being told.
pub(super) const WINDOW_LOG: u32 = 27;
/// Of the memory, a window may take this part.
const SHARE: u64 = 2;

impl Zstd {
    /// A decompressor whose window stays within half of `memory` bytes and 128 MB; `None` when there is not even memory for
    /// its state.
    pub(super) fn new(memory: u64) -> Option<Zstd> {
        let mut context = DCtx::try_create()?;
        let log = (memory / SHARE).checked_ilog2().unwrap_or(0);
        let log = log.clamp(10, WINDOW_LOG);
        context.set_parameter(DParameter::WindowLogMax(log)).ok()?;
        Some(Zstd {
            context,
            window: 1 << log,
            complete: false,
        })
    }
}

impl Unpack for Zstd {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        if self.complete && input.is_empty() {
            return Ok(Step { taken: 0, given: 0 });
        }
        let mut from = InBuffer::around(input);
        let mut to = OutBuffer::around(output);
        // The library gives its error codes as negative numbers.
        let too_large = (ZSTD_error_frameParameter_windowTooLarge as usize).wrapping_neg();
        let hint =
            self.context
                .decompress_stream(&mut to, &mut from)
                .map_err(|code| match code {
                    code if code == too_large => Fault::Window(self.window),
                    code => Fault::Wrong(format!("zstd: {}", get_error_name(code))),
                })?;
        // 0: a frame ended and all of it came out; the next byte begins another
        self.complete = hint == 0;
        Ok(Step {
            taken: from.pos(),
            given: to.pos(),
        })
    }

    fn complete(&self) -> bool {
        self.complete
    }

    fn held(&self) -> usize {
        self.context.sizeof()
    }
}

/// gzip (RFC 1952), any number of members one after the other.
pub(super) struct Gzip {
    state: State,
    inflate: Decompress,
    crc: Crc,
    /// The flags of the member whose header is being read.
    flags: u8,
    /// Bytes of a small number that is being read.
    number: [u8; 8],
    filled: usize,
    members: u64,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// The ten bytes that every member begins with; the value counts them.
    Fixed(u8),
    ExtraLength,
    Extra(u16),
    Name,
    Comment,
    HeaderCrc,
    Body,
    /// CRC-32 and length of what came out.
    Trailer,
    /// Zeros after the last member, as tapes and some archivers leave them.
    Padding,
}

const EXTRA: u8 = 4;
const NAME: u8 = 8;
const COMMENT: u8 = 16;
const HEADER_CRC: u8 = 2;
const RESERVED: u8 = 0xE0;

impl Gzip {
    pub(super) fn new() -> Gzip {
        Gzip {
            state: State::Fixed(0),
            inflate: Decompress::new(false),
            crc: Crc::new(),
            flags: 0,
            number: [0; 8],
            filled: 0,
            members: 0,
        }
    }

    /// Collects a little-endian number of `size` bytes; `Some` once it is whole.
    fn collect(&mut self, byte: u8, size: usize) -> Option<u64> {
        if let Some(slot) = self.number.get_mut(self.filled) {
            *slot = byte;
        }
        self.filled += 1;
        if self.filled < size {
            return None;
        }
        let value = u64::from_le_bytes(self.number);
        self.number = [0; 8];
        self.filled = 0;
        Some(value)
    }

    /// The next optional part of the header after those up to the flag `done`.
    fn after(&self, done: u8) -> State {
        // in the order of the format, which is not the order of the bits
        let parts = [
            (EXTRA, State::ExtraLength),
            (NAME, State::Name),
            (COMMENT, State::Comment),
            (HEADER_CRC, State::HeaderCrc),
        ];
        let from = parts
            .iter()
            .position(|(flag, _)| *flag == done)
            .map_or(0, |i| i + 1);
        parts
            .iter()
            .skip(from)
            .find(|(flag, _)| self.flags & flag != 0)
            .map_or(State::Body, |(_, state)| *state)
    }

    /// One byte outside the compressed body.
    fn frame(&mut self, byte: u8) -> Result<(), String> {
        self.state = match self.state {
            State::Fixed(0) if byte == 0 && self.members > 0 => State::Padding,
            State::Fixed(at) => {
                let fits = match at {
                    0 => byte == 0x1f,
                    1 => byte == 0x8b,
                    2 => byte == 8,
                    3 => {
                        self.flags = byte;
                        byte & RESERVED == 0
                    }
                    _ => true,
                };
                if !fits {
                    return Err(if at < 2 && self.members > 0 {
                        "there are bytes after the end of the gzip stream".into()
                    } else {
                        "not a valid gzip header".into()
                    });
                }
                if at == 9 {
                    self.after(0)
                } else {
                    State::Fixed(at + 1)
                }
            }
            State::ExtraLength => match self.collect(byte, 2) {
                None => State::ExtraLength,
                Some(0) => self.after(EXTRA),
                Some(length) => State::Extra(length as u16),
            },
            State::Extra(1) => self.after(EXTRA),
            State::Extra(left) => State::Extra(left.saturating_sub(1)),
            State::Name if byte == 0 => self.after(NAME),
            State::Comment if byte == 0 => self.after(COMMENT),
            State::HeaderCrc => self
                .collect(byte, 2)
                .map_or(State::HeaderCrc, |_| State::Body),
            State::Trailer => match self.collect(byte, 8) {
                None => State::Trailer,
                Some(sums) => {
                    if sums != u64::from(self.crc.sum()) | u64::from(self.crc.amount()) << 32 {
                        return Err("the gzip checksum does not match".into());
                    }
                    self.crc.reset();
                    self.inflate.reset(false);
                    self.members += 1;
                    State::Fixed(0)
                }
            },
            State::Padding if byte != 0 => {
                return Err("there are bytes after the end of the gzip stream".into());
            }
            same @ (State::Name | State::Comment | State::Body | State::Padding) => same,
        };
        Ok(())
    }
}

impl Unpack for Gzip {
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Step, Fault> {
        let mut taken = 0;
        for &byte in input {
            if self.state == State::Body {
                break;
            }
            self.frame(byte)?;
            taken += 1;
        }
        if self.state != State::Body {
            return Ok(Step { taken, given: 0 });
        }
        let (in_before, out_before) = (self.inflate.total_in(), self.inflate.total_out());
        let rest = input.get(taken..).unwrap_or(&[]);
        let status = self
            .inflate
            .decompress(rest, output, FlushDecompress::None)
            .map_err(|e| format!("gzip: {e}"))?;
        taken += usize::try_from(self.inflate.total_in() - in_before).unwrap_or(0);
        let given = usize::try_from(self.inflate.total_out() - out_before).unwrap_or(0);
        self.crc.update(output.get(..given).unwrap_or(&[]));
        if status == Status::StreamEnd {
            self.state = State::Trailer;
        }
        Ok(Step { taken, given })
    }

    fn complete(&self) -> bool {
        self.members > 0 && matches!(self.state, State::Fixed(0) | State::Padding)
    }
}
