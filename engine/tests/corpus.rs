//! The fuzzer's corpus, replayed: every file as it is, and with a fixed sequence of damages. `make fuzz` looks for new ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../../fuzz/src/lib.rs"]
#[allow(dead_code)]
mod targets;

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

type Target = fn(&[u8]);

const TARGETS: [(&str, Target); 6] = [
    ("csv", targets::csv),
    ("parquet_in", targets::parquet_in),
    ("lake_reader", targets::lake_reader),
    ("manifest", targets::manifest),
    ("model", targets::model),
    ("values", targets::values),
];

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target)
}

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder(target))
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect()
}

/// A fixed sequence of numbers.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end.max(1)
    }

    /// Damages bytes in one of the ways in which files go wrong.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        const STRANGE: [u8; 12] = [
            0, 1, 0x7f, 0x80, 0xff, b'"', b',', b'\n', b'\r', b'-', b'9', 0xfe,
        ];
        let at = self.below(bytes.len());
        match self.below(6) {
            0 if !bytes.is_empty() => bytes[at] ^= 1 << self.below(8),
            1 if !bytes.is_empty() => bytes[at] = STRANGE[self.below(STRANGE.len())],
            2 => bytes.insert(at, STRANGE[self.below(STRANGE.len())]),
            3 => bytes.truncate(at),
            4 => {
                let end = (at + self.below(64)).min(bytes.len());
                drop(bytes.drain(at..end));
            }
            _ => {
                let end = (at + self.below(64)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = self.below(bytes.len());
                bytes.splice(to..to, piece);
            }
        }
    }
}

fn replay(name: &str, target: Target, damages: usize) {
    let corpus = corpus(name);
    assert!(corpus.len() >= 4, "{name} has {} files", corpus.len());
    for (path, original) in corpus {
        target(&original);
        let mut numbers = Numbers(original.len() as u64);
        for round in 0..damages {
            let mut bytes = original.clone();
            for _ in 0..=numbers.below(4) {
                numbers.damage(&mut bytes);
            }
            let ended = std::panic::catch_unwind(|| target(&bytes));
            assert!(
                ended.is_ok(),
                "{name}: {} with damage {round}: {bytes:02x?}",
                path.display()
            );
        }
    }
}

#[test]
fn csv_survives_its_corpus() {
    replay("csv", targets::csv, 150);
}

#[test]
fn parquet_survives_its_corpus() {
    replay("parquet_in", targets::parquet_in, 400);
}

#[test]
fn the_lake_survives_its_corpus() {
    replay("lake_reader", targets::lake_reader, 400);
}

#[test]
fn manifests_survive_their_corpus() {
    replay("manifest", targets::manifest, 400);
}

#[test]
fn models_survive_their_corpus() {
    replay("model", targets::model, 3000);
}

#[test]
fn values_survive_their_corpus() {
    replay("values", targets::values, 400);
}

/// What is committed stays small, and every target has a folder.
#[test]
fn the_corpus_is_small() {
    let all = TARGETS.iter().flat_map(|(name, _)| corpus(name));
    let bytes: usize = all.map(|(_, bytes)| bytes.len()).sum();
    assert!(bytes < 200_000, "{bytes} bytes");
}

const HEADER: &str = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country";
const LINES: [&str; 6] = [
    "500001,85123A,CUP,6,2010-12-01 08:26,2.55,13085,United Kingdom",
    "C500002,71053,\"LANTERN, \"\"RED\"\"\",-2,01/12/2010 08:26,3.39,13085.0,EIRE",
    "500003,POST,\"two\nlines\",1,2010-12-05T10:00:00Z,\u{a3}18.00,,France",
    "A500004,B,Adjust bad debt,1,12/13/2010 1:05 PM,(100.00),,",
    "500005,22222,sp\u{fc}rli,1e2,45678,0,x,Z\u{fc}rich",
    "500006,22222,,1.234.567,2010-02-30,NaN,,",
];

fn text(delimiter: &str, end: &str) -> String {
    let mut text = HEADER.replace(',', delimiter) + end;
    for line in LINES {
        text += &line.replace(',', delimiter);
        text += end;
    }
    text
}

fn chosen(choice: u8, bytes: &[u8]) -> Vec<u8> {
    [&[choice], bytes].concat()
}

/// Writes the first files of the corpus anew: `cargo test -p retailscope-engine --test corpus -- --ignored`.
#[test]
#[ignore = "writes into the repository"]
fn write_the_first_files() {
    let put = |target: &str, name: &str, bytes: &[u8]| {
        let path = folder(target).join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        File::create(path).unwrap().write_all(bytes).unwrap();
    };
    let plain = text(",", "\n");
    let gz = |text: &str| {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        out.write_all(text.as_bytes()).unwrap();
        out.finish().unwrap()
    };
    put("csv", "plain", &chosen(0, plain.as_bytes()));
    put(
        "csv",
        "crlf_bom",
        &chosen(0, format!("\u{feff}{}", text(",", "\r\n")).as_bytes()),
    );
    put("csv", "packed_gz", &chosen(1, &gz(&plain)));
    put(
        "csv",
        "packed_gz_twice",
        &chosen(1, &[gz(&plain), gz(LINES[0])].concat()),
    );
    put(
        "csv",
        "packed_zst",
        &chosen(2, &zstd::bulk::compress(plain.as_bytes(), 3).unwrap()),
    );
    put(
        "csv",
        "semicolons",
        &chosen(2 << 2, text(";", "\n").replace('.', ",").as_bytes()),
    );
    put(
        "csv",
        "latin",
        &chosen(3 << 2, &encoding_rs::WINDOWS_1252.encode(&plain).0),
    );
    let wide: Vec<u8> = plain.encode_utf16().flat_map(u16::to_le_bytes).collect();
    put("csv", "utf16", &chosen(4 << 2, &wide));
    put(
        "csv",
        "gb18030",
        &chosen(5 << 2, &encoding_rs::GB18030.encode(&plain).0),
    );
    put(
        "csv",
        "shift_jis",
        &chosen(6 << 2, &encoding_rs::SHIFT_JIS.encode(&text("\t", "\n")).0),
    );
    put(
        "csv",
        "mapped",
        &chosen(
            1 << 5,
            b"a,b,c,d,e\n1,2,3,2010-01-01,x\n1,2,3,2010-01-01,\"x\n",
        ),
    );
    put("csv", "no_lines", &chosen(0, HEADER.as_bytes()));
    put(
        "parquet_in",
        "typed_snappy",
        &parquet_of(parquet::basic::Compression::SNAPPY),
    );
    put(
        "parquet_in",
        "typed_zstd",
        &parquet_of(parquet::basic::Compression::ZSTD(
            parquet::basic::ZstdLevel::default(),
        )),
    );
    put(
        "parquet_in",
        "typed_plain",
        &parquet_of(parquet::basic::Compression::UNCOMPRESSED),
    );
    put("parquet_in", "lake_file", &lake_file(3));
    put("lake_reader", "one_row", &lake_file(1));
    put("lake_reader", "rows", &lake_file(40));
    put("lake_reader", "no_rows", &lake_file(0));
    put(
        "lake_reader",
        "foreign",
        &parquet_of(parquet::basic::Compression::SNAPPY),
    );
    let manifest = |rest: &str| {
        format!(
            r#"{{"format": 1, "batch": {{"batch_id": 7, "source": "a.csv", "content_hash": null, "started_at": "2010-12-01T08:26:00.000000Z",
            "finished_at": "2010-12-01T08:26:01.000000Z", "rows_read": 2, "rows_loaded": 1, "rows_duplicate": 0, "rows_rejected": 1,
            "amount_read": "15.3", "amount_loaded": "15.3", "amount_duplicate": "0", "gross_revenue": "15.3", "net_revenue": "15.3",
            "first_date": "2010-12-01", "last_date": "2010-12-01", "mapping": {{}}, "options": {{}}, "loaded_by": "me"}}{rest}}}"#
        )
    };
    let files = r#", "files": [{"path": "year=2010/month=12/batch-7-0.parquet", "year": 2010, "month": 12, "rows": 1, "amount": "15.3", "bytes": 2000, "crc32c": 1}]"#;
    put(
        "manifest",
        "whole",
        manifest(&format!("{files}, \"rejects\": null")).as_bytes(),
    );
    put(
        "manifest",
        "no_files",
        manifest(", \"files\": []").as_bytes(),
    );
    put("manifest", "empty", b"{}");
    let rejects = br#"{"line_no":2,"reason":"quantity is missing","raw":"a,b,c"}
"#;
    put(
        "manifest",
        "rejects",
        &zstd::bulk::compress(rejects, 3).unwrap(),
    );
    for (choice, name, value) in [
        (
            0,
            "mapping",
            r#"{"Order ID": "invoice_no", "country": {"value": "Germany"}, "a": "price"}"#,
        ),
        (
            0,
            "mapping_wrong",
            r#"{"invoice_no": ["x"], "": {}, "quantity": {"value": null}}"#,
        ),
        (
            1,
            "options",
            r#"{"delimiter": ";", "encoding": "latin1", "date_format": ["%d.%m.%Y", "%Y-%m-%d %H:%M:%S"], "decimal_comma": true}"#,
        ),
        (
            1,
            "options_wrong",
            r#"{"max_line_bytes": 1e99, "nowait": "yes", "delimeter": "ab"}"#,
        ),
        (2, "date", "%d/%m/%Y %H:%M\u{0}13/12/2010 08:26"),
        (
            2,
            "date_words",
            "%d %B %y %I:%M:%S %p\u{0}1 December 10 01:05:59 PM",
        ),
        (2, "date_iso", "2010-12-01T08:26:00.123456+01:00"),
        (3, "number", "1,234,567.89"),
        (3, "number_signs", "-\u{a3}(1.234.567,891) CR"),
        (3, "number_power", "9.223372036854775807e14"),
    ] {
        put("values", name, &chosen(choice, value.as_bytes()));
    }
}

/// Sales as another program might write them.
fn parquet_of(compression: parquet::basic::Compression) -> Vec<u8> {
    use arrow_array::{
        ArrayRef, Float64Array, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
    };
    use std::sync::Arc;
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "Invoice",
            Arc::new(StringArray::from(vec!["500001", "C500002", "500003"])),
        ),
        (
            "StockCode",
            Arc::new(StringArray::from(vec![Some("85123A"), Some("POST"), None])),
        ),
        (
            "Quantity",
            Arc::new(Int32Array::from(vec![Some(6), Some(-1), None])),
        ),
        (
            "InvoiceDate",
            Arc::new(TimestampMicrosecondArray::from(vec![
                1_291_191_960_000_000,
                0,
                i64::MAX,
            ])),
        ),
        (
            "Price",
            Arc::new(Float64Array::from(vec![2.55, f64::NAN, 1e300])),
        ),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_compression(compression)
        .build();
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

/// A file of our own.
fn lake_file(rows: usize) -> Vec<u8> {
    use retailscope_engine::clean::line::{Line, LineBatch, LineKind};
    use retailscope_engine::control::Free;
    use retailscope_engine::lake::{Keys, LakeWriter};
    let mut lines = LineBatch::default();
    for row in 0..rows {
        lines.push(&Line {
            hash: 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef + row as u128,
            sold_at: 1_291_191_960_000_000 + row as i64 * 60_000_000,
            quantity: 60_000 - row as i64 * 20_000,
            unit_price: 2_550_000,
            kind: LineKind::ALL[row % 5],
            is_merchandise: row % 3 != 0,
            line_no: row as u64 + 2,
            invoice_no: "500001",
            stock_code: if row % 2 == 0 { "85123A" } else { "POST" },
            description: if row % 4 == 0 { "" } else { "CUP" },
            customer_id: "13085",
            country: "United Kingdom",
        });
    }
    let (sale_id, keys): (Vec<i64>, Vec<i32>) =
        (0..rows).map(|row| (row as i64 + 1, row as i32)).unzip();
    let mut writer = LakeWriter::new(Vec::new(), 7).unwrap();
    let keys = Keys {
        sale_id: &sale_id,
        customer_key: &keys,
        product_key: &keys,
    };
    writer.write(&lines, &keys, &vec![7; rows], &Free).unwrap();
    writer.finish().unwrap().0
}
