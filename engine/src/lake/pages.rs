//! What a file claims about itself is checked before anything is reserved or unpacked for it.

use parquet::basic::{Compression, Encoding, Type};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use super::LakeError;
use super::schema::ROW_GROUP_ROWS;
use super::source::Source;
use crate::control::Control;
use crate::thrift::{self, Origin, PageFault, PageHeader, Pages};

/// Checks the counts in a footer that the Parquet library would reserve memory for.
pub(super) fn check_footer(footer: &[u8], columns: usize) -> Result<(), LakeError> {
    let mut counts = Vec::new();
    // Every element of a list takes a byte at least.
    thrift::footer(footer, footer.len() as u64, Origin::Own, |children| {
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

/// Checks every page's header: where it lies, what it claims to hold and to unpack to. Returns the rows of the file.
///
/// `step` is the number of rows that are decoded at once.
pub(super) fn check_pages(
    metadata: &ParquetMetaData,
    source: &Source,
    footer_start: u64,
    step: usize,
    control: &dyn Control,
) -> Result<u64, LakeError> {
    let mut total = 0_u64;
    for group in metadata.row_groups() {
        let rows = usize::try_from(group.num_rows())
            .ok()
            .filter(|&n| n <= ROW_GROUP_ROWS)
            .ok_or_else(|| {
                LakeError::corrupted(format!("a row group of {} rows", group.num_rows()))
            })?;
        total += rows as u64;
        let mut bytes = 0_u64;
        for chunk in group.columns() {
            // Each page has a row at least, so their number is bounded by the rows.
            control.check()?;
            let pages = chunk_pages(chunk, rows, source, footer_start)?;
            bytes = bytes.saturating_add(held(&pages, step));
        }
        control.budget("reading the lake", bytes)?;
    }
    if i64::try_from(total).ok() != Some(metadata.file_metadata().num_rows()) {
        return Err(LakeError::corrupted(format!(
            "its footer says {} rows, its row groups {total}",
            metadata.file_metadata().num_rows()
        )));
    }
    Ok(total)
}

/// A page as its header states it.
struct Page {
    dictionary: bool,
    values: usize,
    packed: u64,
    unpacked: u64,
}

/// Bytes held while `step` rows of a column are decoded: its dictionary, the pages that the rows lie in, one packed page.
fn held(pages: &[Page], step: usize) -> u64 {
    let dictionary: u64 = pages
        .iter()
        .filter(|p| p.dictionary)
        .map(|p| p.unpacked + 16 * p.values as u64)
        .sum();
    let packed = pages.iter().map(|p| p.packed).max().unwrap_or(0);
    let mut most = 0;
    let mut window = std::collections::VecDeque::new();
    let (mut rows, mut bytes) = (0_usize, 0_u64);
    for page in pages.iter().filter(|p| !p.dictionary) {
        window.push_back((page.values, page.unpacked));
        rows += page.values;
        bytes += page.unpacked;
        // A step can begin within the oldest page and end within the newest.
        while let Some(&(oldest, size)) = window.front() {
            if rows - oldest < step + page.values {
                break;
            }
            rows -= oldest;
            bytes -= size;
            window.pop_front();
        }
        most = most.max(bytes);
    }
    dictionary + packed + most
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
            values = values.saturating_add(page.values);
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
    let packed = u64::try_from(head.compressed).ok()?;
    let unpacked = u64::try_from(head.uncompressed).ok()?;
    let (dictionary, found) = match (head.kind, head.data, head.dictionary, head.data_v2) {
        (0, Some(found), None, None) => (false, found),
        (2, None, Some(found), None) => (true, found),
        _ => return None,
    };
    let values = usize::try_from(found.count).ok()?;
    let sound = if dictionary {
        // Entries of a dictionary are plain values, so their number is bounded by the bytes they take.
        let least = if matches!(physical, Type::INT64 | Type::DOUBLE) {
            8
        } else {
            4
        };
        found.encoding == Encoding::PLAIN as i32 && values as u64 <= unpacked / least
    } else {
        let known = [
            Encoding::PLAIN,
            Encoding::RLE,
            Encoding::RLE_DICTIONARY,
            Encoding::DELTA_BINARY_PACKED,
        ];
        (1..=ROW_GROUP_ROWS).contains(&values) && known.iter().any(|&e| e as i32 == found.encoding)
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

    #[test]
    fn the_pages_of_a_step_are_counted() {
        let data = |values, unpacked| Page {
            dictionary: false,
            values,
            packed: 1,
            unpacked,
        };
        let dictionary = Page {
            dictionary: true,
            values: 2,
            packed: 7,
            unpacked: 100,
        };
        // Pages of one row: a step of 3 rows lies in 3 of them, and may be decoded from 4.
        let held = |pages: &[Page]| super::held(pages, 3);
        assert_eq!(
            held(&[
                dictionary,
                data(1, 10),
                data(1, 20),
                data(1, 30),
                data(1, 40),
                data(1, 50)
            ]),
            139 + 140
        );
        assert_eq!(held(&[data(100, 10), data(100, 20), data(100, 30)]), 1 + 50);
    }
}
