//! What is checked of a Parquet file before the parquet crate allocates by it.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use parquet::file::metadata::ParquetMetaData;

use super::super::IngestError;
use crate::control::{Charge, Control, Stop, no_memory};
use crate::thrift::window::{Column, Demand};
use crate::thrift::{self, Fault, Origin, PageFault, PageHeader, Pages};

/// The phase in which what a file needs to be read is held.
pub(super) const PHASE: &str = "reading Parquet";
/// Of the memory, a footer may take this part.
const FOOTER_SHARE: u64 = 8;
/// Of the memory, the rows that are decoded at once may take this part.
const SHARE: u64 = 2;
/// Rows that take no more than this are soon decoded, which cannot be interrupted.
const ENOUGH: u64 = 32 << 20;
/// Groups within groups of a schema; the crate recurses that deep.
const SCHEMA_DEPTH: usize = 64;
/// Encodings whose decoder in the crate allocates by a number inside the compressed page, where no check can see it.
const DELTA_LENGTH_BYTE_ARRAY: i32 = 6;
const DELTA_BYTE_ARRAY: i32 = 7;

const SMALLER_GROUPS: &str =
    "Raise retailscope.max_memory, or write the file with smaller pages and row groups.";
const FEWER_GROUPS: &str =
    "Raise retailscope.max_memory, or write the file with fewer columns or larger row groups.";

pub(super) fn damaged(name: &str, detail: impl Into<String>) -> IngestError {
    IngestError::Damaged {
        name: name.to_owned(),
        detail: detail.into(),
    }
}

fn read_at(mut file: &File, at: u64, bytes: usize) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(at))?;
    let mut out = Vec::new();
    out.try_reserve_exact(bytes)?;
    file.take(bytes as u64).read_to_end(&mut out)?;
    Ok(out)
}

fn io_error(name: &str, bytes: u64, error: io::Error) -> IngestError {
    if error.kind() == io::ErrorKind::OutOfMemory {
        return no_memory(PHASE, bytes)(error).into();
    }
    IngestError::Io {
        name: name.to_owned(),
        error,
    }
}

/// Checks the footer; the charge is for what the crate makes of it.
pub(super) fn footer(
    file: &File,
    name: &str,
    size: u64,
    control: &dyn Control,
) -> Result<Charge, IngestError> {
    let tail = if size < 12 {
        Vec::new()
    } else {
        read_at(file, size - 8, 8).map_err(|e| io_error(name, 8, e))?
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
    let limit = control.memory_limit() / FOOTER_SHARE;
    let fits = |bytes| {
        if bytes <= limit {
            return Ok(());
        }
        Err(IngestError::TooLarge {
            name: name.to_owned(),
            what: "the footer".into(),
            bytes,
            limit,
            hint: FEWER_GROUPS,
        })
    };
    fits(length)?;
    let mut charge = Charge::new(length, PHASE, control)?;
    let bytes = read_at(
        file,
        size - 8 - length,
        usize::try_from(length).unwrap_or(usize::MAX),
    )
    .map_err(|e| io_error(name, length, e))?;
    let lists = sound_footer(&bytes).map_err(|fault| match fault {
        Fault::Short => damaged(name, "its footer is cut off"),
        Fault::TooMany => damaged(name, "its footer makes no sense"),
        Fault::Wrong(what) => damaged(name, format!("its footer makes no sense: {what}")),
    })?;
    // What is no list element are strings and numbers, which are as large in memory, about.
    let held = lists.saturating_add(length);
    fits(held)?;
    charge.set(held, PHASE, control)?;
    Ok(charge)
}

/// Bytes for the lists of a footer that is whole, and whose schema is not too deep.
fn sound_footer(bytes: &[u8]) -> Result<u64, Fault> {
    // the open groups of the tree that the list spells out depth first: how many children each still waits for
    let mut open: Vec<i32> = Vec::new();
    thrift::footer(bytes, Origin::Foreign, |children| {
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
///
/// Gives how many rows may be decoded at once, up to `most`, and the bytes that they take: over all columns, and wherever
/// the rows lie, since texts keep their pages in memory and the crate fills a batch from several row groups.
pub(super) fn pages(
    file: &File,
    name: &str,
    size: u64,
    metadata: &ParquetMetaData,
    leaves: &[usize],
    most: usize,
    control: &dyn Control,
) -> Result<(usize, u64), IngestError> {
    let limit = control.memory_limit() / SHARE;
    let too_large = |what: String, bytes| IngestError::TooLarge {
        name: name.to_owned(),
        what,
        bytes,
        limit,
        hint: SMALLER_GROUPS,
    };
    let mut demand = Demand::default();
    let mut largest = (0, String::new());
    for &leaf in leaves {
        let mut column = Column::default();
        let mut path = String::new();
        for chunk in metadata
            .row_groups()
            .iter()
            .filter_map(|group| group.columns().get(leaf))
        {
            path = chunk.column_path().string();
            let wrong = |what: &str| damaged(name, format!("column \"{path}\" {what}"));
            let unpacked = u64::try_from(chunk.uncompressed_size())
                .map_err(|_| wrong("has a negative size"))?;
            column.chunk(PHASE)?;
            let mut pages = Pages::new(chunk, size, Origin::Foreign).map_err(wrong)?;
            loop {
                control.check()?;
                let page = match pages.next(|at, bytes| read_at(file, at, bytes)) {
                    Ok(Some(page)) => page,
                    Ok(None) => break,
                    Err(PageFault::Io(error)) => return Err(io_error(name, unpacked, error)),
                    Err(PageFault::Wrong(what)) => return Err(wrong(what)),
                };
                let delta = [DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY];
                if [page.data, page.data_v2]
                    .iter()
                    .flatten()
                    .any(|d| delta.contains(&d.encoding))
                {
                    return Err(IngestError::Encoding {
                        name: name.to_owned(),
                        column: path,
                    });
                }
                count(&page, unpacked, &mut column, control).map_err(|fault| match fault {
                    Miscount::Wrong(what) => wrong(what),
                    Miscount::Stopped(stop) => stop.into(),
                })?;
            }
        }
        let alone = column.least();
        if alone > largest.0 {
            largest = (alone, path);
        }
        demand.add(&column, control)?;
    }
    let least = demand.bytes(1);
    if largest.0 > limit {
        return Err(too_large(format!("column \"{}\"", largest.1), largest.0));
    }
    if least > limit {
        let what = format!("a row in the pages of {} columns", leaves.len());
        return Err(too_large(what, least));
    }
    // Where a single row lies in large pages, few rows at a time would only decode them again and again for nothing.
    let wanted = (2 * least).max(ENOUGH).min(limit / 2).max(least);
    let rows = demand.rows(most, wanted);
    Ok((rows, demand.bytes(rows)))
}

/// What is wrong with a page.
enum Miscount {
    Wrong(&'static str),
    Stopped(Stop),
}

impl From<Stop> for Miscount {
    fn from(stop: Stop) -> Miscount {
        Miscount::Stopped(stop)
    }
}

/// Checks what the header of a page says of its sizes, and counts them; `chunk` is the size that the column chunk claims.
fn count(
    page: &PageHeader,
    chunk: u64,
    column: &mut Column,
    control: &dyn Control,
) -> Result<(), Miscount> {
    let unpacked = u32::try_from(page.uncompressed)
        .map_err(|_| Miscount::Wrong("has a page of negative size"))?;
    if u64::from(unpacked) > chunk {
        return Err(Miscount::Wrong("has a page that is larger than the column"));
    }
    let packed = page.compressed.unsigned_abs();
    if let Some(dictionary) = page.dictionary {
        // every value of a dictionary takes a byte at least
        let entries = u32::try_from(dictionary.count).unwrap_or(u32::MAX);
        if entries > unpacked {
            return Err(Miscount::Wrong(
                "has a dictionary with more values than bytes",
            ));
        }
        column.dictionary(entries, unpacked, packed);
    }
    if let Some(values) = page.data.or(page.data_v2) {
        let rows = u32::try_from(values.count)
            .map_err(|_| Miscount::Wrong("has a page with a negative number of values"))?;
        control.budget(PHASE, column.bytes())?;
        column.page(rows, unpacked, packed, PHASE)?;
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
            sound_footer(&chain),
            Err(Fault::Wrong("the schema is nested too deeply"))
        );
        // the same number of elements side by side
        let mut flat = vec![0x29, 0xfc, 0xc8, 1, 0x55, 0x8e, 3, 0];
        flat.extend([0; 199]);
        flat.push(0);
        assert_eq!(sound_footer(&flat), Ok(200 * 1_024));
    }
}
