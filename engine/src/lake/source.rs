//! A file as the Parquet library reads it: by position, never past its end.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// Bytes fetched to look at a page's header.
const HEAD_BYTES: usize = 4096;

struct Inner {
    file: File,
    len: u64,
    failure: Mutex<Option<io::Error>>,
}

/// Shared by the columns of a file. Keeps the system's error, which the library would only pass on as text.
#[derive(Clone)]
pub(super) struct Source(Arc<Inner>);

impl Source {
    pub(super) fn new(file: File) -> io::Result<Source> {
        let len = file.metadata()?.len();
        Ok(Source(Arc::new(Inner {
            file,
            len,
            failure: Mutex::new(None),
        })))
    }

    /// Reads up to `buf.len()` bytes, fewer only at the end of the file.
    pub(super) fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while let Some(rest) = buf.get_mut(done..).filter(|r| !r.is_empty()) {
            match self
                .0
                .file
                .read_at(rest, offset.saturating_add(done as u64))
            {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(done)
    }

    /// The bytes at a position, fewer than `length` only at the end of the file.
    pub(super) fn bytes_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let n = self.read_at(&mut bytes, offset)?;
        bytes.truncate(n);
        Ok(bytes)
    }

    /// The error of the system that a read met, if one did.
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        self.0
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    fn note(&self, error: io::Error) -> io::Error {
        let shown = io::Error::new(error.kind(), error.to_string());
        *self
            .0
            .failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(error);
        shown
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        self.0.len
    }
}

impl ChunkReader for Source {
    type T = BufReader<Rest>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::with_capacity(
            HEAD_BYTES,
            Rest {
                source: self.clone(),
                at: start,
            },
        ))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        if start
            .checked_add(length as u64)
            .is_none_or(|end| end > self.0.len)
        {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at {start} are beyond the end of the file"
            )));
        }
        let bytes = self.bytes_at(start, length).map_err(|e| self.note(e))?;
        if bytes.len() < length {
            return Err(ParquetError::EOF(format!(
                "{} of {length} bytes at {start}",
                bytes.len()
            )));
        }
        Ok(bytes.into())
    }
}

/// The file from a position on.
pub(super) struct Rest {
    source: Source,
    at: u64,
}

impl Read for Rest {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self
            .source
            .read_at(buf, self.at)
            .map_err(|e| self.source.note(e))?;
        self.at += n as u64;
        Ok(n)
    }
}
