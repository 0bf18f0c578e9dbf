//! What Parquet files hold while they are read, counted on the arrays that the crate gives.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::*;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::ParquetMetaDataReader;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use serde_json::json;

use super::tests::{read, sales};
use super::{ParquetSource, distrust};
use crate::control::testing::Probe;
use crate::error::{Class, Classified};
use crate::ingest::testing::file_of;
use crate::ingest::{BATCH_BYTES, IngestError, Mapping, Options, RawBatch, RawSource};

/// Row groups of `rows` rows, in each of which `make` gives the extra columns; plain pages of about a megabyte.
fn grouped(groups: usize, rows: usize, make: impl Fn(usize) -> Vec<(String, ArrayRef)>) -> Vec<u8> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        // the size of a page is looked at after each value
        .set_write_batch_size(1)
        .build();
    written(&properties, groups, rows, make)
}

fn written(
    properties: &WriterProperties,
    groups: usize,
    rows: usize,
    make: impl Fn(usize) -> Vec<(String, ArrayRef)>,
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer: Option<ArrowWriter<&mut Vec<u8>>> = None;
    let mut sink = Some(&mut bytes);
    for group in 0..groups {
        let text = |s: &str| -> ArrayRef { Arc::new(StringArray::from(vec![s; rows])) };
        let mut columns: Vec<(String, ArrayRef)> = vec![
            ("Invoice".into(), text("536365")),
            ("StockCode".into(), text("85123A")),
            ("Quantity".into(), text("6")),
            ("InvoiceDate".into(), text("2010-12-01 08:26:00")),
            ("Price".into(), text("2.55")),
        ];
        columns.extend(make(group));
        let columns = columns
            .into_iter()
            .map(|(name, column)| (name, column, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        if let Some(sink) = sink.take() {
            let made = ArrowWriter::try_new(sink, batch.schema(), Some(properties.clone()));
            writer = Some(made.unwrap());
        }
        let writer = writer.as_mut().unwrap();
        writer.write(&batch).unwrap();
        writer.flush().unwrap();
    }
    writer.unwrap().close().unwrap();
    bytes
}

fn open(bytes: &[u8], control: &Probe) -> Result<ParquetSource, IngestError> {
    let (mapping, options) = (Mapping::default(), Options::default());
    ParquetSource::open(file_of(bytes), "t.parquet", &mapping, &options, control)
}

/// Rows, and the most bytes that the crate's arrays held; these are always within what was charged and half the memory.
fn counted(bytes: &[u8], control: &Probe, limit: usize) -> (usize, usize) {
    let mut source = open(bytes, control).unwrap();
    let charged = control.held_bytes() as usize;
    let (mut rows, mut most, mut batch) = (0, 0, RawBatch::new(0));
    while source.next_batch(&mut batch, control).unwrap() {
        let held = source
            .current
            .as_ref()
            .map_or(0, |(rows, _)| rows.get_array_memory_size());
        most = most.max(held);
        assert!(held <= charged, "{held} held, {charged} charged");
        assert!(held <= limit / 2, "{held} held of {limit}");
        assert_eq!(batch.rejects, []);
        rows += batch.rows();
    }
    drop((source, batch));
    assert_eq!(control.held_bytes(), 0);
    (rows, most)
}

#[test]
fn texts_of_many_row_groups_stay_within_the_memory() {
    // 24 groups of 40 texts of 250 kB: 240 MB, and the file is small
    let bytes = grouped(24, 40, |group| {
        let texts = (0..40).map(|row| format!("{}{row}", "x".repeat(250_000 + group)));
        vec![(
            "extra".into(),
            Arc::new(StringArray::from_iter_values(texts)),
        )]
    });
    assert!(bytes.len() < 4 << 20, "{}", bytes.len());
    let (rows, most) = counted(&bytes, &Probe::patient().granting(64 << 20), 64 << 20);
    assert_eq!(rows, 24 * 40);
    assert!(most > 4 << 20, "{most}");
    // a text of 250 kB lies in a page of a megabyte: two of them, and one more as it is unpacked, are the least
    let error = open(&bytes, &Probe::patient().granting(3 << 20))
        .err()
        .unwrap();
    let IngestError::TooLarge {
        what, bytes, limit, ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!((what.as_str(), *limit), ("column \"extra\"", 3 << 19));
    assert!(*bytes > 2_000_000 && *bytes < 3_000_000, "{error}");
    assert!(error.hint().unwrap().contains("smaller pages"));
}

#[test]
fn columns_are_added_up() {
    // 30 columns of 2,000 texts of 500 bytes: 1 MB each, 30 MB together
    let bytes = grouped(1, 2_000, |_| {
        let column = |i: usize| {
            let texts = (0..2_000).map(move |row| format!("{:0500}", i * 10_000 + row));
            (
                format!("x{i}"),
                Arc::new(StringArray::from_iter_values(texts)) as ArrayRef,
            )
        };
        (0..30).map(column).collect()
    });
    let (rows, most) = counted(&bytes, &Probe::patient().granting(256 << 20), 256 << 20);
    assert_eq!(rows, 2_000);
    assert!(most > 28 << 20, "{most}");
    let error = open(&bytes, &Probe::patient().granting(32 << 20))
        .err()
        .unwrap();
    assert!(
        error
            .to_string()
            .starts_with("a row in the pages of 35 columns of \"t.parquet\" needs "),
        "{error}"
    );
    assert_eq!(error.class(), Class::LimitExceeded);
}

#[test]
fn a_wide_sparse_file_is_decoded_in_small_steps() {
    let nothing: ArrayRef = Arc::new(StringArray::new_null(10_000));
    let bytes = grouped(1, 10_000, |_| {
        (0..1_000)
            .map(|i| (format!("x{i}"), Arc::clone(&nothing)))
            .collect()
    });
    let control = Probe::patient();
    let mut source = open(&bytes, &control).unwrap();
    let (mut rows, mut batch) = (0, RawBatch::new(0));
    while source.next_batch(&mut batch, &control).unwrap() {
        let decoded = source
            .current
            .as_ref()
            .map_or(0, |(rows, _)| rows.num_rows());
        assert!(decoded * 1_005 <= super::CELLS, "{decoded}");
        assert!(
            batch.rows() <= BATCH_BYTES / 8 / 1_008 + 1,
            "{}",
            batch.rows()
        );
        rows += batch.rows();
    }
    assert_eq!(rows, 10_000);
    // each 65,536 values are looked after
    assert!(control.looks() >= 10_000 * 1_005 / 65_536);
}

#[test]
fn text_out_of_nothing_is_refused_like_a_bomb() {
    // 60,000 rows of one text of 10 kB: 600 MB of text
    let long = StringArray::from(vec!["x".repeat(10_000)]);
    let keys = Int32Array::from(vec![0; 60_000]);
    let texts = DictionaryArray::<Int32Type>::new(keys, Arc::new(long));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let bytes = sales(60_000, Some(Arc::new(texts)), Some(properties));
    assert!(bytes.len() < 600_000_000 / 200, "{}", bytes.len());
    let control = Probe::patient();
    let mut source = open(&bytes, &control).unwrap();
    let mut batch = RawBatch::new(0);
    let error = loop {
        match source.next_batch(&mut batch, &control) {
            Ok(more) => assert!(more, "600 MB came out of {} bytes", bytes.len()),
            Err(error) => break error,
        }
    };
    let IngestError::Explodes {
        out, stored, ratio, ..
    } = &error
    else {
        panic!("{error}")
    };
    assert_eq!((*stored, *ratio), (bytes.len() as u64, 200));
    assert!((256 << 20..280 << 20).contains(out), "{out}");
    assert!(error.hint().unwrap().contains("write it as CSV"));
    // as many rows of nothing are text, too: their commas
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    let plain = sales(100_000, None, Some(properties));
    assert_eq!(read(&plain, json!({})).unwrap().rows.len(), 100_000);
}

#[test]
fn a_footer_of_many_sound_chunks_is_read() {
    // 30 columns in 270 row groups, with dictionaries, statistics and counts of pages, as most writers make them
    let one: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    let bytes = written(&WriterProperties::default(), 270, 1, |_| {
        (0..25)
            .map(|i| (format!("x{i}"), Arc::clone(&one)))
            .collect()
    });
    let control = Probe::patient().granting(512 << 20);
    let charge = distrust::footer(&file_of(&bytes), "t", bytes.len() as u64, &control).unwrap();
    // what is charged is enough for what the crate makes of it
    let metadata = ParquetMetaDataReader::new()
        .parse_and_finish(&file_of(&bytes))
        .unwrap();
    let (held, charged) = (metadata.memory_size() as u64, charge.bytes());
    println!("{held} bytes held, {charged} charged");
    assert!(held <= charged && charged < 5 * held, "{held} {charged}");
    assert!(charged > 8_100 * 1_024);
    drop(charge);
    assert_eq!(counted(&bytes, &control, 512 << 20).0, 270);
    // what does not fit is named with its true size, and with advice that helps
    let error = open(&bytes, &Probe::patient().granting(32 << 20))
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        format!("the footer of \"t.parquet\" needs {charged} bytes, the limit is 4194304")
    );
    assert!(error.hint().unwrap().contains("larger row groups"));
}
