#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, StringBuilder, StringDictionaryBuilder};
use arrow_array::types::Int32Type;
use arrow_array::*;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::{Value, json};

use crate::control::Free;
use crate::error::{Class, Classified};
use crate::ingest::IngestError;
use crate::ingest::testing::{Read, drain, open};

fn written(columns: Vec<(&str, ArrayRef)>, properties: Option<WriterProperties>) -> Vec<u8> {
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
            .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), properties).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

/// A sound file of `rows` rows with one extra column, which the test may choose.
pub(super) fn sales(
    rows: usize,
    extra: Option<ArrayRef>,
    properties: Option<WriterProperties>,
) -> Vec<u8> {
    let text = |s: &str| -> ArrayRef { Arc::new(StringArray::from(vec![s; rows])) };
    let mut columns: Vec<(&str, ArrayRef)> = vec![
        ("Invoice", text("536365")),
        ("StockCode", text("85123A")),
        (
            "Quantity",
            Arc::new(Int64Array::from_iter_values(0..rows as i64)),
        ),
        ("InvoiceDate", text("2010-12-01 08:26:00")),
        ("Price", Arc::new(Float64Array::from(vec![2.55; rows]))),
    ];
    if let Some(extra) = extra {
        columns.push(("extra", extra));
    }
    written(columns, properties)
}

pub(super) fn read(bytes: &[u8], mapping: Value) -> Result<Read, IngestError> {
    drain(&mut *open("t.parquet", bytes, &mapping, &json!({}))?)
}

/// The values of an extra column, as text.
fn shown(column: ArrayRef) -> Vec<String> {
    let found = read(&sales(column.len(), Some(column), None), json!({})).unwrap();
    assert_eq!(found.extras, ["extra"]);
    found.rows.into_iter().map(|r| r.1[8].clone()).collect()
}

#[test]
fn fields_of_all_sorts_become_text() {
    let bytes = written(
        vec![
            (
                "price",
                Arc::new(
                    Decimal128Array::from(vec![Some(255), None, Some(-1)])
                        .with_precision_and_scale(10, 2)
                        .unwrap(),
                ),
            ),
            (
                "zone",
                Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)])),
            ),
            (
                "sold_at",
                Arc::new(TimestampMicrosecondArray::from(vec![
                    1_291_191_960_000_000,
                    0,
                    -1,
                ])),
            ),
            ("Invoice", Arc::new(Int32Array::from(vec![1, 2, 3]))),
            (
                "stock code",
                Arc::new(StringArray::from(vec![
                    Some("A"),
                    None,
                    Some("\u{e9}, \"x\"\ny"),
                ])),
            ),
            (
                "QUANTITY",
                Arc::new(Float32Array::from(vec![0.1, 6.0, f32::NAN])),
            ),
            (
                "customer_id",
                Arc::new(Float64Array::from(vec![Some(13085.0), Some(1e21), None])),
            ),
        ],
        None,
    );
    let found = read(&bytes, json!({"country": {"value": "UK"}})).unwrap();
    assert_eq!(found.extras, ["zone"]);
    let rows: Vec<Vec<&str>> = found
        .rows
        .iter()
        .map(|r| r.1.iter().map(String::as_str).collect())
        .collect();
    assert_eq!(
        rows[0],
        [
            "1",
            "A",
            "~",
            "0.1",
            "2010-12-01 08:26:00",
            "2.55",
            "13085",
            "UK",
            "true"
        ]
    );
    assert_eq!(
        rows[1],
        [
            "2",
            "~",
            "~",
            "6",
            "1970-01-01 00:00:00",
            "~",
            "1000000000000000000000",
            "UK",
            "~"
        ]
    );
    assert_eq!(
        rows[2],
        [
            "3",
            "\u{e9}, \"x\"\ny",
            "~",
            "~",
            "1969-12-31 23:59:59.999999",
            "-0.01",
            "~",
            "UK",
            "false"
        ]
    );
    assert_eq!(
        found.rows.iter().map(|r| r.0).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    assert_eq!(
        found.raws[2],
        "3,\"\u{e9}, \"\"x\"\"\ny\",,,1969-12-31 23:59:59.999999,-0.01,,UK,false"
    );
    use sha2::Digest;
    assert_eq!(found.hash, <[u8; 32]>::from(sha2::Sha256::digest(&bytes)));
}

#[test]
fn every_plain_type_is_read() {
    let dictionary = |values: &[&str]| -> ArrayRef {
        let mut b = StringDictionaryBuilder::<Int32Type>::new();
        values.iter().for_each(|v| b.append_value(v));
        Arc::new(b.finish())
    };
    let numbers: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(
        Int32Array::from(vec![1, 0]),
        Arc::new(Int64Array::from(vec![7, 8])),
    ));
    let cases: Vec<(ArrayRef, [&str; 2])> = vec![
        (dictionary(&["x", "y"]), ["x", "y"]),
        (numbers, ["8", "7"]),
        (Arc::new(LargeStringArray::from(vec!["a", "b"])), ["a", "b"]),
        (
            Arc::new(StringViewArray::from(vec![
                "a",
                "a text of more than twelve bytes",
            ])),
            ["a", "a text of more than twelve bytes"],
        ),
        (Arc::new(BinaryArray::from(vec![&b"a"[..], b""])), ["a", ""]),
        (
            Arc::new(FixedSizeBinaryArray::try_from_iter([b"ab", b"cd"].into_iter()).unwrap()),
            ["6162", "6364"],
        ),
        (Arc::new(Int8Array::from(vec![-128, 1])), ["-128", "1"]),
        (
            Arc::new(UInt64Array::from(vec![u64::MAX, 1])),
            ["18446744073709551615", "1"],
        ),
        (
            Arc::new(Date32Array::from(vec![14_944, -1])),
            ["2010-12-01", "1969-12-31"],
        ),
        (
            Arc::new(
                Decimal256Array::from_iter_values([1.into(), (-5).into()])
                    .with_precision_and_scale(60, 3)
                    .unwrap(),
            ),
            ["0.001", "-0.005"],
        ),
        (
            Arc::new(TimestampSecondArray::from(vec![1, 2])),
            ["1970-01-01 00:00:01", "1970-01-01 00:00:02"],
        ),
        (
            Arc::new(TimestampNanosecondArray::from(vec![1_500, 1_000_000_000])),
            ["1970-01-01 00:00:00.000001", "1970-01-01 00:00:01"],
        ),
        (
            Arc::new(TimestampMillisecondArray::from(vec![0, 1]).with_timezone("+02:00")),
            ["1970-01-01 02:00:00", "1970-01-01 02:00:00.001000"],
        ),
        (
            Arc::new(TimestampMicrosecondArray::from(vec![0, 1]).with_timezone("UTC")),
            ["1970-01-01 00:00:00", "1970-01-01 00:00:00.000001"],
        ),
        (
            Arc::new(Time64MicrosecondArray::from(vec![0, 3_600_000_001])),
            ["00:00:00", "01:00:00.000001"],
        ),
        (Arc::new(NullArray::new(2)), ["~", "~"]),
    ];
    for (column, expected) in cases {
        let kind = column.data_type().clone();
        assert_eq!(shown(column), expected, "{kind}");
    }
}

#[test]
fn numbers_and_times_are_told_from_texts_that_look_like_them() {
    let decimals = |values: Vec<i128>| -> ArrayRef {
        let decimals = Decimal128Array::from(values);
        Arc::new(decimals.with_precision_and_scale(10, 3).unwrap())
    };
    let seconds: ArrayRef = Arc::new(TimestampSecondArray::from(vec![0]));
    let days: ArrayRef = Arc::new(Date32Array::from(vec![0]));
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value])) };
    for (quantity, sold_at, price, typed) in [
        (
            decimals(vec![6_000]),
            text("1970-01-01"),
            text("4,95"),
            [true, false, false],
        ),
        (
            text("6,000"),
            days,
            decimals(vec![4_950]),
            [false, true, true],
        ),
        (text("6,000"), seconds, text("4,95"), [false, true, false]),
        (
            Arc::new(Float32Array::from(vec![6.0])),
            text("1970"),
            Arc::new(UInt8Array::from(vec![4])),
            [true, false, true],
        ),
    ] {
        let shown = format!("{quantity:?} {sold_at:?} {price:?}");
        let columns = vec![
            ("Invoice", text("1")),
            (
                "StockCode",
                Arc::new(Int32Array::from(vec![22423])) as ArrayRef,
            ),
            ("Price", price),
            ("Quantity", quantity),
            ("InvoiceDate", sold_at),
        ];
        let bytes = written(columns, None);
        let options = json!({"decimal_comma": true});
        let mut source = open("t.parquet", &bytes, &json!({}), &options).unwrap();
        let mut batch = crate::ingest::RawBatch::new(0);
        assert!(source.next_batch(&mut batch, &Free).unwrap());
        let [_, _, _, quantity, sold_at, price, ..] = batch.typed;
        assert_eq!([quantity, sold_at, price], typed, "{shown}");
        assert_eq!(
            batch.typed.iter().filter(|t| **t).count(),
            typed.iter().filter(|t| **t).count()
        );
    }
}

#[test]
fn nested_columns_are_refused_by_name_or_ignored() {
    let mut list = ListBuilder::new(StringBuilder::new());
    list.values().append_value("x");
    list.append(true);
    let list: ArrayRef = Arc::new(list.finish());
    let found = read(&sales(1, Some(Arc::clone(&list)), None), json!({})).unwrap();
    assert_eq!((found.extras.len(), found.rows.len()), (0, 1));
    let error = read(&sales(1, Some(list), None), json!({"extra": "country"})).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("column \"extra\" is nested (List("),
        "{error}"
    );
    assert!(error.to_string().ends_with("cannot be read as country"));
    assert_eq!(error.class(), Class::InvalidParameter);
}

#[test]
fn a_zone_whose_rules_are_not_known_is_refused_unless_ignored() {
    let column: ArrayRef =
        Arc::new(TimestampMicrosecondArray::from(vec![0]).with_timezone("Europe/London"));
    let bytes = sales(1, Some(column), None);
    let error = read(&bytes, json!({})).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column \"extra\" is in time zone \"Europe/London\", which is not known"
    );
    assert!(
        read(&bytes, json!({"extra": null}))
            .unwrap()
            .extras
            .is_empty()
    );
}

#[test]
fn many_rows_come_in_batches_and_in_order() {
    for compression in [
        Compression::UNCOMPRESSED,
        Compression::SNAPPY,
        Compression::ZSTD(ZstdLevel::default()),
    ] {
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_max_row_group_row_count(Some(50_000))
            .build();
        let bytes = sales(150_000, None, Some(properties));
        let found = read(&bytes, json!({})).unwrap();
        assert_eq!(found.rows.len(), 150_000);
        assert!(found.batches >= 3);
        assert!(
            found
                .rows
                .iter()
                .enumerate()
                .all(|(i, r)| r.0 == i as u64 + 1 && r.1[3] == i.to_string())
        );
    }
    let mut source = open("t.parquet", &sales(10, None, None), &json!({}), &json!({})).unwrap();
    assert_eq!(source.position(), (0, 10));
    drain(&mut *source).unwrap();
    assert_eq!(source.position(), (10, 10));
    assert_eq!(
        read(&sales(0, None, None), json!({})).unwrap().rows.len(),
        0
    );
}

#[test]
fn a_dictionary_of_long_texts_is_not_multiplied() {
    // 4,000 rows of one text of 100 kB: 400 MB as text, and the file is small
    let long = StringArray::from(vec!["x".repeat(100_000)]);
    let texts = DictionaryArray::<Int32Type>::new(Int32Array::from(vec![0; 4_000]), Arc::new(long));
    let bytes = sales(4_000, Some(Arc::new(texts)), None);
    assert!(bytes.len() < 1_000_000);
    let mut source = open("t.parquet", &bytes, &json!({}), &json!({})).unwrap();
    let mut batch = crate::ingest::RawBatch::new(1);
    for _ in 0..5 {
        assert!(source.next_batch(&mut batch, &Free).unwrap());
        assert!(batch.bytes.len() < 9 << 20);
        assert_eq!(batch.rows(), (8 << 20) / 100_000 + 1);
    }
}

#[test]
fn values_that_are_no_text_cost_their_row() {
    let column: ArrayRef = Arc::new(BinaryArray::from(vec![&b"a\xffb"[..], b"fine", b"a\0b"]));
    let found = read(&sales(3, Some(column), None), json!({})).unwrap();
    assert_eq!(found.rows.len(), 1);
    assert_eq!(
        found.reasons(),
        [
            "1: column \"extra\" is not valid UTF-8",
            "3: column \"extra\" holds a NUL byte"
        ]
    );
    assert!(
        found.rejects[0].raw.ends_with(",a\\xFFb"),
        "{}",
        found.rejects[0].raw
    );
    let long: ArrayRef = Arc::new(StringArray::from(vec!["x".repeat(2_000_000), "y".into()]));
    let found = read(&sales(2, Some(long), None), json!({})).unwrap();
    assert_eq!(
        (found.rows.len(), found.reasons()),
        (
            1,
            vec!["1: the row is longer than 1048576 bytes".to_owned()]
        )
    );
}
