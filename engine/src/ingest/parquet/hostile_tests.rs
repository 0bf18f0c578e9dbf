#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow_array::types::Int64Type;
use arrow_array::*;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::{WriterProperties, WriterVersion};
use proptest::prelude::*;
use serde_json::json;

use super::tests::{read, sales};
use crate::control::testing::Probe;
use crate::error::{Class, Classified};
use crate::ingest::testing::file_of;
use crate::ingest::{Mapping, Options, open_file};
use crate::thrift::{Origin, PageHeader, Values, page_header};

#[test]
fn a_column_beyond_the_memory_is_refused_before_it_is_read() {
    let texts: Vec<String> = (0..30_000_u64).map(|i| format!("{:064}", i * i)).collect();
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let bytes = sales(
        texts.len(),
        Some(Arc::new(StringArray::from(texts))),
        Some(properties),
    );
    let (m, o) = (Mapping::default(), Options::default());
    let small = Probe::patient().granting(1 << 20);
    let error = open_file(file_of(&bytes), "t.parquet", &m, &o, &small)
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .starts_with("column \"extra\" of \"t.parquet\" needs "),
        "{error}"
    );
    assert_eq!(error.class(), Class::LimitExceeded);
}

#[test]
fn an_encoding_that_cannot_be_checked_is_refused() {
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .set_dictionary_enabled(false)
        .set_column_encoding("extra".into(), Encoding::DELTA_BYTE_ARRAY)
        .build();
    let bytes = sales(
        3,
        Some(Arc::new(StringArray::from(vec!["a", "b", "c"]))),
        Some(properties),
    );
    let error = read(&bytes, json!({})).unwrap_err();
    assert!(
        error.to_string().contains("uses a delta encoding for text"),
        "{error}"
    );
    assert!(error.hint().is_some());
    // version 2 itself is fine
    let properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_2_0)
        .build();
    assert_eq!(
        read(&sales(3, None, Some(properties)), json!({}))
            .unwrap()
            .rows
            .len(),
        3
    );
}

#[test]
fn a_file_cut_off_anywhere_is_an_error() {
    let bytes = sales(100, None, None);
    for cut in (4..bytes.len()).step_by(7) {
        let error = read(&bytes[..cut], json!({})).unwrap_err();
        assert_eq!(error.class(), Class::BadData, "{cut}: {error}");
    }
    // a footer that claims to be longer than the file
    let mut bytes = bytes;
    let at = bytes.len() - 8;
    bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(
        read(&bytes, json!({}))
            .unwrap_err()
            .to_string()
            .contains("its footer is longer than the file")
    );
}

#[test]
fn a_page_that_lies_about_itself_is_refused_before_it_is_read() {
    let extra: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "c", "a"]));
    let bytes = sales(4, Some(extra), None);
    let metadata = ArrowReaderMetadata::load(&file_of(&bytes), ArrowReaderOptions::new()).unwrap();
    let chunk = metadata.metadata().row_group(0).column(5).clone();
    let start = chunk.dictionary_page_offset().unwrap() as usize;
    let sound = page_header(&bytes[start..], Origin::Foreign).unwrap();
    let entries = sound.dictionary.unwrap();
    assert_eq!((entries.count, sound.uncompressed), (3, 15));
    // every header that differs in one number of one byte: 63 instead of what it was
    let mut seen = Vec::new();
    for at in start..start + sound.length {
        let mut lie = bytes.clone();
        lie[at] = 0x7e;
        let words = match page_header(&lie[start..], Origin::Foreign) {
            Ok(page)
                if page
                    == (PageHeader {
                        dictionary: Some(Values {
                            count: 63,
                            ..entries
                        }),
                        ..sound
                    }) =>
            {
                "has a dictionary with more values"
            }
            Ok(page)
                if page
                    == (PageHeader {
                        compressed: 63,
                        ..sound
                    }) =>
            {
                "column \"extra\" has a page"
            }
            _ => continue,
        };
        let error = read(&lie, json!({})).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        seen.push(at);
    }
    assert_eq!(seen.len(), 2);
    // sizes that take more bytes than there were: the first page again, with another number in its place
    let unpacked = chunk.uncompressed_size();
    assert!(unpacked < 8_000);
    let field = bytes[start..]
        .windows(2)
        .position(|w| w == [0x15, 30])
        .unwrap()
        + start;
    let mut lie = bytes.clone();
    // 15 as a number becomes -64; the crate itself would take it for a size
    lie[field + 1] = 0x7f;
    assert!(
        read(&lie, json!({}))
            .unwrap_err()
            .to_string()
            .contains("has a page of negative size")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn a_damaged_file_never_panics(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        zstd in any::<bool>(),
    ) {
        let compression = if zstd { Compression::ZSTD(ZstdLevel::default()) } else { Compression::SNAPPY };
        let properties = WriterProperties::builder().set_compression(compression).build();
        let keys = Int64Array::from_iter_values((0..50).map(|i| i % 7));
        let extra = DictionaryArray::<Int64Type>::new(keys, Arc::new(StringArray::from(vec!["a", "bb", "", "d", "e", "f", "g"])));
        let mut bytes = sales(50, Some(Arc::new(extra)), Some(properties));
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(found) = read(&bytes, json!({})) {
            prop_assert!(found.rows.len() + found.rejects.len() <= 50 * 7);
        }
    }
}
