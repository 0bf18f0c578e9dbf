//! What the readers' tests share.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::batch::ABSENT;
use super::*;
use crate::control::Free;

/// Everything that a source gave.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// Per line: its number, its fields ("~" for an absent one), and its extras.
    pub rows: Vec<(u64, Vec<String>)>,
    pub raws: Vec<String>,
    pub rejects: Vec<Reject>,
    pub extras: Vec<String>,
    pub hash: [u8; 32],
    pub batches: usize,
}

impl Read {
    /// The rejects as `line: reason`.
    pub fn reasons(&self) -> Vec<String> {
        self.rejects
            .iter()
            .map(|r| format!("{}: {}", r.line_no, r.reason))
            .collect()
    }
}

pub(super) fn file_of(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file
}

pub(super) fn open(
    name: &str,
    bytes: &[u8],
    mapping: &Value,
    options: &Value,
) -> Result<Box<dyn RawSource>, IngestError> {
    open_file(
        file_of(bytes),
        name,
        &Mapping::parse(mapping)?,
        &Options::parse(options)?,
        &Free,
    )
}

/// Reads a source to its end and checks what holds of every batch.
pub(super) fn drain(source: &mut dyn RawSource) -> Result<Read, IngestError> {
    let mut read = Read {
        extras: source.extra_columns().to_vec(),
        ..Read::default()
    };
    let mut batch = RawBatch::new(0);
    while source.next_batch(&mut batch, &Free)? {
        let rows = batch.rows();
        assert!(rows + batch.rejects.len() > 0 && rows + batch.rejects.len() <= 65_536);
        assert_eq!((batch.fields.len(), batch.raw.len()), (rows * FIELDS, rows));
        assert_eq!(batch.extras, read.extras.len());
        assert_eq!(batch.extra_fields.len(), rows * batch.extras);
        assert!(std::str::from_utf8(&batch.bytes).is_ok());
        for row in 0..rows {
            let spans = batch.fields[row * FIELDS..(row + 1) * FIELDS]
                .iter()
                .chain(batch.extra(row));
            let text = spans.map(|&s| match batch.slice(s) {
                Some(bytes) => std::str::from_utf8(bytes).unwrap().to_owned(),
                None => {
                    assert_eq!(s, ABSENT);
                    "~".to_owned()
                }
            });
            read.rows.push((batch.line_no[row], text.collect()));
            read.raws.push(batch.raw_text(row));
        }
        read.rejects.append(&mut batch.rejects);
        read.batches += 1;
    }
    assert!(
        !source.next_batch(&mut batch, &Free)?,
        "the end stays the end"
    );
    assert_eq!(batch.rows() + batch.rejects.len(), 0);
    read.hash = source.content_hash();
    Ok(read)
}

pub(super) fn read_with(name: &str, bytes: &[u8], options: Value) -> Result<Read, IngestError> {
    drain(&mut *open(name, bytes, &json!({}), &options)?)
}

pub(super) fn read(bytes: impl AsRef<[u8]>) -> Read {
    read_with("t.csv", bytes.as_ref(), json!({})).unwrap()
}

/// The folder of the real data; `None`, with a note, when it is not set.
pub(super) fn real_data(file: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("RETAILSCOPE_DATA") else {
        println!("RETAILSCOPE_DATA is not set: skipped");
        return None;
    };
    Some(PathBuf::from(folder).join(file))
}
