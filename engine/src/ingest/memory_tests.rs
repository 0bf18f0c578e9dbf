//! What text files hold while they are read, and how long they let the control wait.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;

use serde_json::{Value, json};

use super::testing::file_of;
use super::*;
use crate::control::testing::Probe;
use crate::error::{Class, Classified};

const HEADER: &str = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price";
const LINE: &str = "1,A,mug,2,2011-01-01,3";
const MB: usize = 1 << 20;

fn open_under(
    name: &str,
    bytes: &[u8],
    mapping: &Value,
    options: &Value,
    control: &Probe,
) -> Result<Box<dyn RawSource>, IngestError> {
    let mapping = Mapping::parse(mapping)?;
    let options = Options::parse(options)?;
    open_file(file_of(bytes), name, &mapping, &options, control)
}

/// Rows, and rejects, of all batches.
fn drain(source: &mut dyn RawSource, control: &Probe) -> Result<(usize, usize), IngestError> {
    let (mut rows, mut rejects, mut batch) = (0, 0, RawBatch::new(0));
    while source.next_batch(&mut batch, control)? {
        rows += batch.rows();
        rejects += batch.rejects.len();
    }
    Ok((rows, rejects))
}

#[test]
fn a_wide_sparse_file_comes_in_small_batches() {
    let extras: Vec<String> = (0..1_000).map(|i| format!("x{i}")).collect();
    let text = format!(
        "{HEADER},{}\n{}",
        extras.join(","),
        format!("{LINE}{}\n", ",".repeat(1_000)).repeat(3_000)
    );
    let control = Probe::patient();
    let mut source =
        open_under("t.csv", text.as_bytes(), &json!({}), &json!({}), &control).unwrap();
    let (mut rows, mut batch) = (0, RawBatch::new(0));
    while source.next_batch(&mut batch, &control).unwrap() {
        assert!(
            batch.rows() <= BATCH_BYTES / 8 / 1_008 + 1,
            "{}",
            batch.rows()
        );
        let spans = 8 * (batch.fields.capacity() + batch.extra_fields.capacity());
        assert!(spans < 2 * BATCH_BYTES + 1_000_000);
        assert!(control.held_bytes() > (spans + batch.bytes.len()) as u64);
        rows += batch.rows();
    }
    assert_eq!(rows, 3_000);
    drop((source, batch));
    assert_eq!(control.held_bytes(), 0);
}

#[test]
fn a_constant_counts_on_every_line_that_has_it() {
    let text = format!("{HEADER}\n{}", format!("{LINE}\n").repeat(5_000));
    let control = Probe::patient();
    let mapping = json!({"country": {"value": "x".repeat(1_900)}});
    let mut source = open_under("t.csv", text.as_bytes(), &mapping, &json!({}), &control).unwrap();
    let (mut rows, mut batch) = (0, RawBatch::new(0));
    while source.next_batch(&mut batch, &control).unwrap() {
        assert!(batch.rows() <= BATCH_BYTES / 1_900 + 1, "{}", batch.rows());
        assert!(batch.bytes.len() < MB, "it stands in the batch once");
        assert!(batch.text_bytes() > batch.rows() * 1_900);
        rows += batch.rows();
    }
    assert_eq!(rows, 5_000);
}

#[test]
fn a_long_line_holds_what_it_was_budgeted_for() {
    let limit = 4 * MB;
    let options = json!({"max_line_bytes": limit});
    let long = "m\"\"".repeat((limit - 100) / 3);
    let text = format!("{HEADER}\n1,A,\"{long}\",2,2011-01-01,3\n{LINE}\n");
    let read = |memory: usize| {
        let control = Probe::patient().granting(memory as u64);
        let mut source = open_under("t.csv", text.as_bytes(), &json!({}), &options, &control)?;
        let rows = drain(&mut *source, &control)?;
        drop(source);
        assert_eq!(control.held_bytes(), 0);
        Ok::<_, IngestError>((rows, control.most_held() as usize))
    };
    let (rows, most) = read(6 * limit).unwrap();
    assert_eq!(rows, (2, 0));
    assert!(most > 3 * limit, "{most}");
    let error = read(6 * limit - 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "reading lines: {} bytes of memory needed, the limit is {}",
            6 * limit,
            6 * limit - 1
        )
    );
}

#[test]
fn long_lines_let_the_control_look() {
    let options = json!({"max_line_bytes": 64 * MB});
    // and the looks that come to those with each block of the file that is read; of what is no text little is shown
    let cases: [(&str, Vec<u8>, u64); 4] = [
        ("bytes that are no text", vec![0xff; 32 * MB], 0),
        ("fields without end", vec![b','; 32 * MB], 0),
        (
            "escaped quotes",
            [&b"\""[..], &b"\"\"".repeat(16 * MB), b"\""].concat(),
            100,
        ),
        (
            "a record over lines",
            [&b"\"a\n\""[..], &b",\"b\"".repeat(8 * MB)].concat(),
            0,
        ),
    ];
    for (what, line, more) in cases {
        let control = Probe::patient();
        let bytes = [HEADER.as_bytes(), b"\n", &line, b"\n"].concat();
        let mut source = open_under("t.csv", &bytes, &json!({}), &options, &control).unwrap();
        let (rows, rejects) = drain(&mut *source, &control).unwrap();
        assert!(rows == 0 && rejects > 0, "{what}: {rows} {rejects}");
        let blocks = (bytes.len() >> 18) as u64;
        let looks = control.looks();
        assert!(looks >= blocks + more, "{what}: {looks} of {blocks}");
    }
}

#[test]
fn a_window_over_the_memory_is_no_damage() {
    let text = format!("{HEADER}\n{}", format!("{LINE}\n").repeat(1_000));
    let mut writer = zstd::Encoder::new(Vec::new(), 1).unwrap();
    writer.window_log(27).unwrap();
    writer.write_all(text.as_bytes()).unwrap();
    let bytes = writer.finish().unwrap();
    let read = |memory: u64| {
        let control = Probe::patient().granting(memory);
        let mut source = open_under("t.csv.zst", &bytes, &json!({}), &json!({}), &control)?;
        let rows = drain(&mut *source, &control)?;
        Ok::<_, IngestError>((rows, control.most_held()))
    };
    // the window itself is counted
    let (rows, most) = read(512 << 20).unwrap();
    assert_eq!(rows, (1_000, 0));
    assert!(most > 1 << 27, "{most}");
    let error = read(255 << 20).unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"t.csv.zst\" needs a zstd window of more than 67108864 bytes"
    );
    assert_eq!(error.class(), Class::LimitExceeded);
    assert!(error.hint().unwrap().contains("retailscope.max_memory"));
}
