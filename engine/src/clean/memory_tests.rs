//! What cleaned lines hold of what a batch holds once.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;

use serde_json::json;

use super::rules::Rules;
use super::{Cleaner, Formats, LineBatch};
use crate::control::Stop;
use crate::control::testing::Probe;
use crate::ingest::{BATCH_BYTES, Mapping, Options, RawBatch, open_file};

#[test]
fn lines_with_a_long_constant_are_budgeted_and_bounded() {
    let mut file = tempfile::tempfile().unwrap();
    let header = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price\n";
    let lines = "1,A,mug,2,2011-01-01,3\n".repeat(5_000);
    file.write_all([header, &lines].concat().as_bytes())
        .unwrap();
    let mapping = Mapping::parse(&json!({"country": {"value": "x".repeat(1_900)}})).unwrap();
    let control = Probe::patient();
    let options = Options::default();
    let mut source = open_file(file, "t.csv", &mapping, &options, &control).unwrap();
    let (mut raw, mut lines, mut rejects) = (RawBatch::new(0), LineBatch::default(), Vec::new());
    let mut cleaner = Cleaner::new(Rules::none(), &Formats::default(), &[]).unwrap();
    let mut rows = 0;
    while source.next_batch(&mut raw, &control).unwrap() {
        lines.clear();
        if rows == 0 {
            // what the lines will take, and not what the batch takes, must fit
            let small = Probe::patient().granting(6 << 20);
            let stop = cleaner.clean(&raw, &mut lines, &mut rejects, &small);
            assert!(matches!(stop, Err(Stop::Memory { phase: "clean", .. })));
        }
        cleaner
            .clean(&raw, &mut lines, &mut rejects, &control)
            .unwrap();
        assert_eq!((lines.rows(), rejects.len()), (raw.rows(), 0));
        assert!(lines.bytes() < BATCH_BYTES + (2 << 20), "{}", lines.bytes());
        rows += raw.rows();
    }
    assert_eq!(rows, 5_000);
}
