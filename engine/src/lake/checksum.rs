//! The checksum of a file's bytes, while writing and afterwards.

use std::io::{Read, Write};

use super::LakeError;
use crate::control::Control;

/// Counts the bytes that pass through and their CRC-32C.
#[derive(Debug)]
pub struct Counted<W> {
    inner: W,
    bytes: u64,
    crc32c: u32,
}

impl<W> Counted<W> {
    /// Counts what is written to `inner`, which is still empty.
    pub fn new(inner: W) -> Self {
        Counted {
            inner,
            bytes: 0,
            crc32c: 0,
        }
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// CRC-32C of the bytes so far.
    pub fn crc32c(&self) -> u32 {
        self.crc32c
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.inner
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        let n = self.inner.write(buf)?;
        self.crc32c = crc32c::crc32c_append(self.crc32c, buf.get(..n).unwrap_or(buf));
        self.bytes += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

/// Reads to the end and returns the number of bytes and their CRC-32C.
///
/// # Errors
/// [`LakeError::Io`] when reading fails, [`LakeError::Stopped`] when the work is cancelled.
pub fn checksum(mut reader: impl Read, control: &dyn Control) -> Result<(u64, u32), LakeError> {
    let mut buffer = vec![0; 1 << 18];
    let (mut bytes, mut crc) = (0, 0);
    loop {
        control.check()?;
        let n = match reader.read(&mut buffer) {
            Ok(0) => return Ok((bytes, crc)),
            Ok(n) => n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(source) => {
                return Err(LakeError::Io {
                    doing: "cannot read a lake file",
                    source,
                });
            }
        };
        crc = crc32c::crc32c_append(crc, buffer.get(..n).unwrap_or(&buffer));
        bytes += n as u64;
    }
}
