//! What a file claims to be by its name, and what it is by its first bytes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use super::IngestError;
use super::stored::Packing;

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Text(Packing),
    Parquet,
}

/// First bytes that tell a format. A skippable frame may also begin a zstd file.
const MAGIC: [(&[u8], &str); 13] = [
    (b"\x1f\x8b", GZIP),
    (b"\x28\xb5\x2f\xfd", ZSTD),
    (b"PAR1", PARQUET),
    (b"PARE", ENCRYPTED),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook (.xlsx)"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)"),
    (b"\xfd7zXZ", "xz"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"%PDF", "PDF"),
    (b"SQLite format 3", "an SQLite database"),
    (b"PGDMP", "a PostgreSQL dump"),
    (b"\x7fELF", "a program"),
    (b"ORC", ORC),
];
/// Formats whose first bytes are letters, with which the name of a column may begin: `PARENT_ID`.
const LETTERS: [&str; 3] = [PARQUET, ENCRYPTED, ORC];
const ENCRYPTED: &str = "encrypted Parquet";
const ORC: &str = "ORC";
const GZIP: &str = "gzip";
const ZSTD: &str = "zstd";
const PARQUET: &str = "Parquet";

/// The format that the name promises.
fn claimed(name: &str) -> Option<(Format, &'static str)> {
    let name = name.to_ascii_lowercase();
    let is_text = |stem: &str| [".csv", ".tsv", ".txt"].iter().any(|e| stem.ends_with(e));
    if name.ends_with(".parquet") {
        return Some((Format::Parquet, PARQUET));
    }
    if let Some(stem) = name.strip_suffix(".gz") {
        return is_text(stem).then_some((Format::Text(Packing::Gzip), GZIP));
    }
    if let Some(stem) = name.strip_suffix(".zst") {
        return is_text(stem).then_some((Format::Text(Packing::Zstd), ZSTD));
    }
    is_text(&name).then_some((Format::Text(Packing::Plain), "a text file"))
}

/// The format that the first bytes have; `None` for what may be text.
fn found(first: &[u8]) -> Option<&'static str> {
    if matches!(first, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]) {
        return Some(ZSTD);
    }
    // Its first three bytes could be a word; those of its first block, or of its end where there is none, could not.
    if let [b'B', b'Z', b'h', b'1'..=b'9', block @ ..] = first
        && (block.starts_with(b"1AY&SY") || block.starts_with(b"\x17\x72\x45\x38\x50\x90"))
    {
        return Some("bzip2");
    }
    MAGIC
        .iter()
        .find(|(magic, _)| first.starts_with(magic))
        .map(|(_, what)| *what)
}

/// Whether a byte stands in no text of one-byte units.
fn is_control(byte: &u8) -> bool {
    byte.is_ascii_control() && !byte.is_ascii_whitespace()
}

/// The format of a file; its name and its bytes must agree.
pub(super) fn detect(file: &mut File, name: &str) -> Result<Format, IngestError> {
    let Some((format, claim)) = claimed(name) else {
        return Err(IngestError::UnknownEnding {
            name: name.to_owned(),
        });
    };
    let io = |error| IngestError::Io {
        name: name.to_owned(),
        error,
    };
    let mut first = Vec::with_capacity(16);
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    file.take(16).read_to_end(&mut first).map_err(io)?;
    if first.is_empty() {
        return Err(IngestError::Empty {
            name: name.to_owned(),
        });
    }
    let is = found(&first);
    let agrees = match format {
        Format::Text(Packing::Plain) => {
            is.is_none_or(|is| LETTERS.contains(&is) && !first.iter().any(is_control))
        }
        _ => is == Some(claim),
    };
    if agrees {
        return Ok(format);
    }
    let found = is.unwrap_or(if first.contains(&0) {
        "binary data"
    } else {
        "plain text"
    });
    Err(IngestError::NotAsNamed {
        name: name.to_owned(),
        claimed: claim,
        found,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::error::{Class, Classified};

    fn of(name: &str, bytes: &[u8]) -> Result<Format, IngestError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        detect(&mut file, name)
    }

    #[test]
    fn name_and_bytes_agree() {
        for (name, bytes, format) in [
            ("a.csv", &b"a,b"[..], Format::Text(Packing::Plain)),
            ("A.TSV", b"a\tb", Format::Text(Packing::Plain)),
            ("x.y.txt", b"x", Format::Text(Packing::Plain)),
            ("orc.csv", b"ORCHID,COUNT", Format::Text(Packing::Plain)),
            (
                "a.csv",
                b"PARENT_ID,Invoice,StockCode",
                Format::Text(Packing::Plain),
            ),
            ("a.csv", b"PAR1\tInvoice", Format::Text(Packing::Plain)),
            ("a.csv", b"PARE;\r\n1;2", Format::Text(Packing::Plain)),
            ("a.csv", b"BZh9,Invoice,Sto", Format::Text(Packing::Plain)),
            ("a.csv.gz", b"\x1f\x8b\x08", Format::Text(Packing::Gzip)),
            (
                "a.tsv.zst",
                b"\x28\xb5\x2f\xfd",
                Format::Text(Packing::Zstd),
            ),
            (
                "a.csv.zst",
                b"\x50\x2a\x4d\x18",
                Format::Text(Packing::Zstd),
            ),
            ("a.parquet", b"PAR1", Format::Parquet),
        ] {
            assert_eq!(of(name, bytes).unwrap(), format, "{name}");
        }
    }

    #[test]
    fn what_is_not_as_named_is_told_apart() {
        for (name, bytes, message) in [
            (
                "a.csv",
                &b"\x1f\x8b\x08"[..],
                "\"a.csv\" is not a text file: it looks like gzip",
            ),
            (
                "a.parquet",
                b"Invoice,Stock",
                "\"a.parquet\" is not Parquet: it looks like plain text",
            ),
            (
                "a.csv.gz",
                b"\x28\xb5\x2f\xfd",
                "\"a.csv.gz\" is not gzip: it looks like zstd",
            ),
            (
                "a.csv.zst",
                b"a,b",
                "\"a.csv.zst\" is not zstd: it looks like plain text",
            ),
            (
                "a.txt",
                b"PK\x03\x04..",
                "\"a.txt\" is not a text file: it looks like a ZIP archive or an Excel workbook (.xlsx)",
            ),
            (
                "a.parquet",
                b"\x00\x01",
                "\"a.parquet\" is not Parquet: it looks like binary data",
            ),
            (
                "a.csv",
                b"PAR1\x15\x04\x15\x40\x15\x20\x4c\x15\x08\x15\x00\x12",
                "\"a.csv\" is not a text file: it looks like Parquet",
            ),
            (
                "a.csv",
                b"PARE\x30\x00\x00\x00abcdefgh",
                "\"a.csv\" is not a text file: it looks like encrypted Parquet",
            ),
            (
                "a.csv",
                b"ORC\x11\x00\x00\x0a\x12\x0a",
                "\"a.csv\" is not a text file: it looks like ORC",
            ),
            // python3 -c 'import bz2; print(bz2.compress(b"a,b\n1,2\n")[:16])'
            (
                "a.csv",
                b"BZh91AY&SY\xbf\x87\x40\x7f\x00\x00",
                "\"a.csv\" is not a text file: it looks like bzip2",
            ),
            (
                "a.csv",
                b"BZh9\x17rE8P\x90\x00\x00\x00\x00",
                "\"a.csv\" is not a text file: it looks like bzip2",
            ),
            ("a.csv", b"", "\"a.csv\" is empty"),
        ] {
            let error = of(name, bytes).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert_eq!(error.class(), Class::BadData);
        }
        for name in ["a", "a.xlsx", "a.gz", "a.parquet.gz", "csv"] {
            let error = of(name, b"x").unwrap_err();
            assert_eq!(error.class(), Class::InvalidParameter);
            assert!(error.hint().unwrap().contains(".parquet"));
        }
    }
}
