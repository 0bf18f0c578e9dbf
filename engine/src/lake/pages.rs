//! What a file claims about itself is checked before anything is reserved or unpacked for it.

use parquet::basic::{Compression, Encoding, Type};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};

use super::LakeError;
use super::schema::ROW_GROUP_ROWS;
use super::source::Source;
use crate::control::Control;
use crate::thrift::window::{Column, Demand};
use crate::thrift::{self, Origin, PageFault, PageHeader, Pages};

/// The phase in which what a file needs to be read is held.
pub(super) const PHASE: &str = "reading the lake";
/// Of the memory, the rows that are decoded at once should take this part.
const SHARE: u64 = 8;

/// Checks the counts in a footer that the Parquet library would reserve memory for.
pub(super) fn check_footer(footer: &[u8], columns: usize) -> Result<(), LakeError> {
    let mut counts = Vec::new();
    thrift::footer(footer, Origin::Own, |children| {
        counts.push(children);
        Ok(())
    })
    .map_err(|_| LakeError::corrupted("the footer cannot be read"))?;
    if !is_flat(&counts, columns) {
        return Err(LakeError::NotALakeFile("its columns are others".into()));
    }
    Ok(())
}

/// A root with one child per column, and columns without children.
fn is_flat(counts: &[i32], columns: usize) -> bool {
    counts.len() == columns + 1
        && counts.iter().enumerate().all(|(i, &n)| {
            n == if i == 0 {
                i32::try_from(columns).unwrap_or(0)
            } else {
                0
            }
        })
}

/// What the pages of a file come to.
pub(super) struct Checked {
    /// Rows of the file.
    pub rows: u64,
    /// Rows to decode at once.
    pub step: usize,
    /// The bytes that these take, wherever they lie.
    pub bytes: u64,
}

/// Checks every page's header: where it lies, what it claims to hold and to unpack to.
///
/// At most `most` rows should be decoded at once, fewer where they would take more than a part of the memory.
pub(super) fn check_pages(
    metadata: &ParquetMetaData,
    source: &Source,
    footer_start: u64,
    most: usize,
    control: &dyn Control,
) -> Result<Checked, LakeError> {
    let mut rows = 0_u64;
    for group in metadata.row_groups() {
        rows += group_rows(group)? as u64;
    }
    if i64::try_from(rows).ok() != Some(metadata.file_metadata().num_rows()) {
        return Err(LakeError::corrupted(format!(
            "its footer says {} rows, its row groups {rows}",
            metadata.file_metadata().num_rows()
        )));
    }
    let mut demand = Demand::default();
    for leaf in 0..metadata.file_metadata().schema_descr().num_columns() {
        let mut column = Column::default();
        for group in metadata.row_groups() {
            // Each page has a row at least, so their number is bounded by the rows.
            control.check()?;
            let chunk = group
                .columns()
                .get(leaf)
                .ok_or_else(|| LakeError::corrupted("a row group has too few columns"))?;
            column.chunk(PHASE)?;
            for page in chunk_pages(chunk, group_rows(group)?, source, footer_start)? {
                if page.dictionary {
                    column.dictionary(page.values, page.unpacked, page.packed);
                } else {
                    column.page(page.values, page.unpacked, page.packed, PHASE)?;
                }
            }
            control.budget(PHASE, column.bytes())?;
        }
        demand.add(&column, control)?;
    }
    let step = demand.rows(most, control.memory_limit() / SHARE);
    Ok(Checked {
        rows,
        step,
        bytes: demand.bytes(step),
    })
}

fn group_rows(group: &RowGroupMetaData) -> Result<usize, LakeError> {
    usize::try_from(group.num_rows())
        .ok()
        .filter(|&n| n <= ROW_GROUP_ROWS)
        .ok_or_else(|| LakeError::corrupted(format!("a row group of {} rows", group.num_rows())))
}

/// A page as its header states it.
struct Page {
    dictionary: bool,
    values: u32,
    packed: u32,
    unpacked: u32,
}

fn chunk_pages(
    chunk: &ColumnChunkMetaData,
    rows: usize,
    source: &Source,
    footer_start: u64,
) -> Result<Vec<Page>, LakeError> {
    let name = chunk.column_descr().name();
    let bad = |what: &str| LakeError::corrupted(format!("column {name} {what}"));
    if !matches!(
        chunk.compression(),
        Compression::ZSTD(_) | Compression::UNCOMPRESSED
    ) {
        return Err(bad("has an unknown compression"));
    }
    if usize::try_from(chunk.num_values()).ok() != Some(rows) {
        return Err(bad("has another number of values than its row group"));
    }
    let mut heads = Pages::new(chunk, footer_start, Origin::Own).map_err(bad)?;
    let mut pages: Vec<Page> = Vec::new();
    let mut values = 0_usize;
    loop {
        let head = match heads.next(|at, bytes| source.bytes_at(at, bytes)) {
            Ok(Some(head)) => head,
            Ok(None) => break,
            Err(PageFault::Io(e)) => return Err(LakeError::io("cannot read a lake file")(e)),
            Err(PageFault::Wrong(what)) => return Err(bad(what)),
        };
        let page = known_page(&head, chunk.column_type())
            .ok_or_else(|| bad("has a page of an unknown kind"))?;
        if page.dictionary {
            if !pages.is_empty() {
                return Err(bad("has a dictionary after data"));
            }
        } else {
            values = values.saturating_add(page.values as usize);
        }
        pages.push(page);
    }
    if values != rows {
        return Err(bad("has pages that do not add up to it"));
    }
    Ok(pages)
}

/// A page of the kinds and encodings that the writer uses, with counts that it can hold.
fn known_page(head: &PageHeader, physical: Type) -> Option<Page> {
    let packed = u32::try_from(head.compressed).ok()?;
    let unpacked = u32::try_from(head.uncompressed).ok()?;
    let (dictionary, found) = match (head.kind, head.data, head.dictionary, head.data_v2) {
        (0, Some(found), None, None) => (false, found),
        (2, None, Some(found), None) => (true, found),
        _ => return None,
    };
    let values = u32::try_from(found.count).ok()?;
    let sound = if dictionary {
        // Entries of a dictionary are plain values, so their number is bounded by the bytes they take.
        let least = if matches!(physical, Type::INT64 | Type::DOUBLE) {
            8
        } else {
            4
        };
        found.encoding == Encoding::PLAIN as i32 && values <= unpacked / least
    } else {
        let known = [
            Encoding::PLAIN,
            Encoding::RLE,
            Encoding::RLE_DICTIONARY,
            Encoding::DELTA_BINARY_PACKED,
        ];
        (1..=ROW_GROUP_ROWS).contains(&(values as usize))
            && known.iter().any(|&e| e as i32 == found.encoding)
    };
    sound.then_some(Page {
        dictionary,
        values,
        packed,
        unpacked,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A number of the compact protocol.
    fn zigzag(n: i32) -> Vec<u8> {
        let mut v = ((n << 1) ^ (n >> 31)).cast_unsigned();
        let mut out = Vec::new();
        while v >= 0x80 {
            out.push((v & 0x7f) as u8 | 0x80);
            v >>= 7;
        }
        out.push(v as u8);
        out
    }

    /// A header of a page (0 data, 2 dictionary) that claims to unpack to `unpacked` bytes and to hold `values`.
    fn head(kind: i32, unpacked: i32, values: i32, encoding: i32) -> Vec<u8> {
        let mut out = Vec::new();
        for n in [kind, unpacked, 10] {
            out.push(0x15);
            out.extend(zigzag(n));
        }
        out.push(if kind == 0 { 0x2c } else { 0x4c });
        for n in [values, encoding] {
            out.push(0x15);
            out.extend(zigzag(n));
        }
        out.extend([0, 0]);
        out
    }

    fn page(bytes: &[u8], physical: Type) -> Option<Page> {
        let head = thrift::page_header(bytes, Origin::Own).ok()?;
        known_page(&head, physical)
    }

    #[test]
    fn a_page_may_not_claim_more_than_it_holds() {
        let dictionary = page(&head(2, 400, 100, 0), Type::BYTE_ARRAY).unwrap();
        assert_eq!(
            (dictionary.dictionary, dictionary.values, dictionary.packed),
            (true, 100, 10)
        );
        assert!(page(&head(2, 399, 100, 0), Type::BYTE_ARRAY).is_none());
        assert!(page(&head(2, 400, 51, 0), Type::INT64).is_none());
        assert!(page(&head(2, 400, i32::MAX, 0), Type::BYTE_ARRAY).is_none());
        assert!(page(&head(2, 400, -1, 0), Type::BYTE_ARRAY).is_none());
        assert!(
            page(&head(0, 400, 131_072, 8), Type::INT64)
                .is_some_and(|p| !p.dictionary && p.unpacked == 400)
        );
        assert!(page(&head(0, 400, 131_073, 8), Type::INT64).is_none());
        assert!(page(&head(0, 400, 0, 8), Type::INT64).is_none());
        assert!(page(&head(0, -400, 5, 8), Type::INT64).is_none());
        // DELTA_BYTE_ARRAY can make much of little; the writer never uses it.
        assert!(page(&head(0, 400, 5, 7), Type::BYTE_ARRAY).is_none());
        // Index pages and pages of version 2.
        assert!(
            page(&head(1, 400, 5, 0), Type::INT64).is_none()
                && page(&head(3, 400, 5, 0), Type::INT64).is_none()
        );
        // A field that comes twice: another reader might take the other value.
        let mut twice = vec![0x15, 0, 0x05, 2];
        twice.extend(head(0, 400, 5, 8));
        assert!(page(&twice, Type::INT64).is_none());
    }

    #[test]
    fn a_footer_may_not_nest_or_grow_its_schema() {
        // Field 2, a list of structures; in each, field 5 is the number of children.
        let footer = |counts: &[i32]| {
            let mut out = vec![0x29, (counts.len() as u8) << 4 | 0x0c];
            for &n in counts {
                if n != 0 {
                    out.push(0x55);
                    out.extend(zigzag(n));
                }
                out.push(0);
            }
            out.push(0);
            out
        };
        assert!(check_footer(&footer(&[2, 0, 0]), 2).is_ok());
        for bad in [
            &[i32::MAX, 0, 0][..],
            &[2, i32::MAX, 0],
            &[2, 1, 0],
            &[-1, 0, 0],
            &[2, 0],
            &[2, 0, 0, 0],
        ] {
            assert!(
                matches!(
                    check_footer(&footer(bad), 2),
                    Err(LakeError::NotALakeFile(_))
                ),
                "{bad:?}"
            );
        }
        // A list that claims more elements than there are bytes, and nesting without end.
        assert!(check_footer(&[0x29, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x0f], 2).is_err());
        assert!(check_footer(&[0x1c; 100_000], 2).is_err());
    }
}
