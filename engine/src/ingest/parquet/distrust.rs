//! What is checked of a Parquet file before the parquet crate allocates by it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use parquet::file::metadata::ParquetMetaData;

use super::super::IngestError;
use crate::control::Control;
use crate::thrift::{self, Fault, Origin, PageFault, Pages};

/// The crate's structure for the largest element of a footer's lists takes less than this; in bytes.
const ELEMENT_BYTES: u64 = 1024;
/// Groups within groups of a schema; the crate recurses that deep.
const SCHEMA_DEPTH: usize = 64;
/// Encodings whose decoder in the crate allocates by a number inside the compressed page, where no check can see it.
const DELTA_LENGTH_BYTE_ARRAY: i32 = 6;
const DELTA_BYTE_ARRAY: i32 = 7;

pub(super) fn damaged(name: &str, detail: impl Into<String>) -> IngestError {
    IngestError::Damaged {
        name: name.to_owned(),
        detail: detail.into(),
    }
}

fn read_at(mut file: &File, at: u64, bytes: usize) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at))?;
    let mut out = Vec::with_capacity(bytes);
    file.take(bytes as u64).read_to_end(&mut out)?;
    Ok(out)
}

fn io_error(name: &str, error: io::Error) -> IngestError {
    IngestError::Io {
        name: name.to_owned(),
        error,
    }
}

/// Checks the footer.
pub(super) fn footer(
    file: &File,
    name: &str,
    size: u64,
    control: &dyn Control,
) -> Result<(), IngestError> {
    let tail = if size < 12 {
        Vec::new()
    } else {
        read_at(file, size - 8, 8).map_err(|e| io_error(name, e))?
    };
    let [a, b, c, d, b'P', b'A', b'R', b'1'] = tail.as_slice() else {
        return Err(damaged(
            name,
            "it does not end as Parquet does; it may be cut off",
        ));
    };
    let length = u64::from(u32::from_le_bytes([*a, *b, *c, *d]));
    if length > size - 12 {
        return Err(damaged(name, "its footer is longer than the file"));
    }
    let limit = control.memory_limit() / 8;
    let too_large = |bytes| IngestError::TooLarge {
        name: name.to_owned(),
        what: "the footer".into(),
        bytes,
        limit,
    };
    if length > limit {
        return Err(too_large(length));
    }
    let bytes = read_at(
        file,
        size - 8 - length,
        usize::try_from(length).unwrap_or(usize::MAX),
    )
    .map_err(|e| io_error(name, e))?;
    sound_footer(&bytes, limit / ELEMENT_BYTES).map_err(|fault| match fault {
        Fault::Short => damaged(name, "its footer is cut off"),
        Fault::Wrong(what) => damaged(name, format!("its footer makes no sense: {what}")),
        Fault::TooMany => too_large(limit.saturating_add(1)),
    })
}

/// A footer that is whole, whose lists have at most `elements` elements together, and whose schema is not too deep.
fn sound_footer(bytes: &[u8], elements: u64) -> Result<(), Fault> {
    // the open groups of the tree that the list spells out depth first: how many children each still waits for
    let mut open: Vec<i32> = Vec::new();
    thrift::footer(bytes, elements, Origin::Foreign, |children| {
        while open.last().is_some_and(|left| *left <= 0) {
            open.pop();
        }
        if let Some(left) = open.last_mut() {
            *left -= 1;
        }
        if children > 0 {
            open.push(children);
        }
        if open.len() > SCHEMA_DEPTH {
            return Err(Fault::Wrong("the schema is nested too deeply"));
        }
        Ok(())
    })
}

/// Checks the column chunks that will be read (`leaves`, indexes of leaf columns), and the header of each of their pages.
pub(super) fn pages(
    file: &File,
    name: &str,
    size: u64,
    metadata: &ParquetMetaData,
    leaves: &[usize],
    control: &dyn Control,
) -> Result<(), IngestError> {
    for group in metadata.row_groups() {
        for chunk in leaves.iter().filter_map(|&leaf| group.columns().get(leaf)) {
            let column = chunk.column_path().string();
            let wrong = |what: &str| damaged(name, format!("column \"{column}\" {what}"));
            let unpacked = u64::try_from(chunk.uncompressed_size())
                .map_err(|_| wrong("has a negative size"))?;
            let limit = control.memory_limit();
            if unpacked > limit {
                let what = format!("column \"{column}\"");
                return Err(IngestError::TooLarge {
                    name: name.to_owned(),
                    what,
                    bytes: unpacked,
                    limit,
                });
            }
            let mut pages = Pages::new(chunk, size, Origin::Foreign).map_err(wrong)?;
            loop {
                control.check()?;
                let page = match pages.next(|at, bytes| read_at(file, at, bytes)) {
                    Ok(Some(page)) => page,
                    Ok(None) => break,
                    Err(PageFault::Io(error)) => return Err(io_error(name, error)),
                    Err(PageFault::Wrong(what)) => return Err(wrong(what)),
                };
                let page_unpacked = u64::try_from(page.uncompressed)
                    .map_err(|_| wrong("has a page of negative size"))?;
                if page_unpacked > unpacked {
                    return Err(wrong("has a page that is larger than the column"));
                }
                // every value of a dictionary takes a byte at least
                let entries = page.dictionary.map_or(0, |d| d.count);
                if u64::try_from(entries).map_or(true, |n| n > page_unpacked) {
                    return Err(wrong("has a dictionary with more values than bytes"));
                }
                let delta = [DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY];
                if [page.data, page.data_v2]
                    .iter()
                    .flatten()
                    .any(|d| delta.contains(&d.encoding))
                {
                    return Err(IngestError::Encoding {
                        name: name.to_owned(),
                        column,
                    });
                }
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_that_are_too_deep_are_refused() {
        // field 2, a list of 200 groups: a chain, one child each
        let mut chain = vec![0x29, 0xfc, 0xc8, 1];
        for _ in 0..200 {
            chain.extend([0x55, 2, 0]);
        }
        chain.push(0);
        assert_eq!(
            sound_footer(&chain, 1_000_000),
            Err(Fault::Wrong("the schema is nested too deeply"))
        );
        // the same number of elements side by side
        let mut flat = vec![0x29, 0xfc, 0xc8, 1, 0x55, 0x8e, 3, 0];
        flat.extend([0; 199]);
        flat.push(0);
        assert_eq!(sound_footer(&flat, 1_000_000), Ok(()));
        assert_eq!(sound_footer(&flat, 199), Err(Fault::TooMany));
    }
}
