//! The bytes of a file: hashed as they are stored, unpacked as they are read.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};

use sha2::{Digest, Sha256};

use super::IngestError;
use super::unpack::{Fault, Gzip, Unpack, WINDOW_LOG, Zstd};
use crate::control::{Charge, Control, Stop};

/// Compressed bytes read at a time.
const INPUT: usize = 64 * 1024;
/// Below this much output, a high ratio proves nothing.
const FREE_OUTPUT: u64 = 256 << 20;
/// The most that a byte may expand to, on average; real sales expand 10 to 30 times.
const RATIO: u64 = 200;

/// Refuses when `stored` bytes of a file have become `out` bytes of text and that is beyond reason.
pub(super) fn check_ratio(name: &str, out: u64, stored: u64) -> Result<(), IngestError> {
    if out > FREE_OUTPUT && out / RATIO > stored {
        return Err(IngestError::Explodes {
            name: name.to_owned(),
            out,
            stored,
            ratio: RATIO,
        });
    }
    Ok(())
}

/// The phase in which the window of a packed file is held.
const UNPACKING: &str = "unpacking the file";
/// Bytes of a zstd decompressor before it has a window, about.
const ZSTD_STATE: u64 = 96 << 10;

/// How the bytes of a file are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packing {
    Plain,
    Gzip,
    Zstd,
}

/// A file that is read from its beginning, with the SHA-256 of what was read.
pub(super) struct Stored {
    pub name: String,
    file: File,
    hash: Sha256,
    pub read: u64,
    pub total: u64,
}

impl Stored {
    pub(super) fn new(mut file: File, name: &str) -> Result<Stored, IngestError> {
        let io = |error| IngestError::Io {
            name: name.to_owned(),
            error,
        };
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        let total = file.metadata().map_err(io)?.len();
        Ok(Stored {
            name: name.to_owned(),
            file,
            hash: Sha256::new(),
            read: 0,
            total,
        })
    }

    /// Reads some bytes; 0 at the end.
    pub(super) fn read(&mut self, out: &mut [u8]) -> Result<usize, IngestError> {
        loop {
            match self.file.read(out) {
                Ok(n) => {
                    self.hash.update(out.get(..n).unwrap_or(&[]));
                    self.read += n as u64;
                    return Ok(n);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(IngestError::Io {
                        name: self.name.clone(),
                        error,
                    });
                }
            }
        }
    }

    /// Goes back to the beginning, for a hash of the whole.
    pub(super) fn rewind(&mut self) -> Result<(), IngestError> {
        self.hash.reset();
        self.read = 0;
        self.file
            .seek(SeekFrom::Start(0))
            .map_err(|error| IngestError::Io {
                name: self.name.clone(),
                error,
            })?;
        Ok(())
    }

    pub(super) fn sha256(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }
}

/// The unpacked bytes of a file.
pub(super) struct Unpacked {
    pub stored: Stored,
    unpack: Option<Box<dyn Unpack>>,
    charge: Charge,
    input: Vec<u8>,
    at: usize,
    end: usize,
    given: u64,
}

impl Unpacked {
    pub(super) fn new(
        stored: Stored,
        packing: Packing,
        control: &dyn Control,
    ) -> Result<Unpacked, IngestError> {
        let unpack: Option<Box<dyn Unpack>> = match packing {
            Packing::Plain => None,
            Packing::Gzip => Some(Box::new(Gzip::new())),
            Packing::Zstd => {
                let made = Zstd::new(control.memory_limit());
                Some(Box::new(made.ok_or(Stop::NoMemory {
                    phase: UNPACKING,
                    bytes: ZSTD_STATE,
                })?))
            }
        };
        let input = if unpack.is_some() {
            vec![0; INPUT]
        } else {
            Vec::new()
        };
        Ok(Unpacked {
            stored,
            unpack,
            charge: Charge::default(),
            input,
            at: 0,
            end: 0,
            given: 0,
        })
    }

    /// Reads some bytes; 0 at the end. A stream that stops in the middle is an error, not an end.
    pub(super) fn read(
        &mut self,
        out: &mut [u8],
        control: &dyn Control,
    ) -> Result<usize, IngestError> {
        let Some(unpack) = &mut self.unpack else {
            control.check()?;
            return self.stored.read(out);
        };
        let mut ended = false;
        loop {
            control.check()?;
            if self.at == self.end && !ended {
                (self.at, self.end) = (0, self.stored.read(&mut self.input)?);
                ended = self.end == 0;
            }
            let input = self.input.get(self.at..self.end).unwrap_or(&[]);
            let name = &self.stored.name;
            let damaged = |detail: String| IngestError::Damaged {
                name: name.clone(),
                detail,
            };
            let step = unpack.step(input, out).map_err(|fault| match fault {
                Fault::Wrong(what) => damaged(what),
                Fault::Window(limit) => IngestError::Window {
                    name: name.clone(),
                    limit,
                    most: 1 << WINDOW_LOG,
                },
            })?;
            self.at += step.taken;
            self.given += step.given as u64;
            self.charge.set(unpack.held() as u64, UNPACKING, control)?;
            check_ratio(name, self.given, self.stored.read)?;
            if step.given > 0 {
                return Ok(step.given);
            }
            if ended {
                return if unpack.complete() {
                    Ok(0)
                } else {
                    Err(damaged("the compressed stream is cut off".into()))
                };
            }
            if step.taken == 0 && self.at < self.end {
                return Err(damaged("the compressed stream makes no sense".into()));
            }
        }
    }
}

#[cfg(test)]
#[path = "stored_tests.rs"]
mod tests;
