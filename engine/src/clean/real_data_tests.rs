//! Online Retail II, whole and in its dirty export. The expected figures are those of the reference, and of DuckDB's
//! exact decimals over the same file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::cleaner_tests::all_rules;
use super::decimal::format_decimal;
use super::line::{AMOUNT_SCALE, Line, LineBatch, LineKind};
use super::rules::Rules;
use super::{Cleaner, Formats};
use crate::control::Free;
use crate::ingest::batch::{ABSENT, FIELDS};
use crate::ingest::{RawBatch, Reject};
use std::collections::{BTreeMap, HashSet};
use std::io::Read;

const ROWS_PER_BATCH: usize = 65_536;

/// The text of a file of the reference data, unpacked; `None`, with a note, where there are no data.
pub(crate) fn text_of(name: &str) -> Option<Vec<u8>> {
    let Some(root) = std::env::var_os("RETAILSCOPE_DATA") else {
        println!("skipped: RETAILSCOPE_DATA is not set");
        return None;
    };
    let mut file = std::fs::File::open(std::path::Path::new(&root).join(name)).unwrap();
    let mut text = Vec::new();
    if name.ends_with(".zst") {
        let mut unpacked = zstd::Decoder::new(file).unwrap();
        unpacked.read_to_end(&mut text).unwrap();
    } else {
        file.read_to_end(&mut text).unwrap();
    }
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    Some(text)
}

/// Splits a CSV text whose columns stand in the canonical order, header included. Simple and slow: only for tests.
fn batches(text: &[u8]) -> Vec<RawBatch> {
    let (mut batches, mut batch) = (Vec::new(), RawBatch::new(0));
    let (mut reader, mut input) = (csv_core::Reader::new(), text);
    let (mut fields, mut ends) = ([0; 1 << 16], [0; 64]);
    let (mut line_no, mut is_header) = (1, true);
    loop {
        let (result, read, written, n) = reader.read_record(input, &mut fields, &mut ends);
        input = &input[read..];
        match result {
            csv_core::ReadRecordResult::End => break,
            csv_core::ReadRecordResult::Record if !is_header => {
                assert_eq!(n, FIELDS, "line {line_no}");
                let base = batch.bytes.len();
                batch.bytes.extend_from_slice(&fields[..written]);
                let mut start = base;
                for end in &ends[..n] {
                    batch.fields.push((start as u32, (base + end) as u32));
                    start = base + end;
                }
                batch.raw.push(ABSENT);
                batch.line_no.push(line_no);
            }
            // The text ends with its last line's end, so nothing is cut off where the input runs dry.
            csv_core::ReadRecordResult::Record | csv_core::ReadRecordResult::InputEmpty => {
                is_header = false;
            }
            other => panic!("{other:?}"),
        }
        line_no = reader.line();
        if batch.rows() == ROWS_PER_BATCH {
            batches.push(std::mem::replace(&mut batch, RawBatch::new(0)));
        }
    }
    batches.push(batch);
    batches
}

fn clean(batches: &[RawBatch], rules: Rules, formats: &Formats) -> (Vec<LineBatch>, Vec<Reject>) {
    let mut cleaner = Cleaner::new(rules, formats, &[]).unwrap();
    let mut rejects = Vec::new();
    let cleaned = batches.iter().map(|batch| {
        let mut out = LineBatch::default();
        cleaner.clean(batch, &mut out, &mut rejects, &Free).unwrap();
        out
    });
    (cleaned.collect(), rejects)
}

fn lines(batches: &[LineBatch]) -> impl Iterator<Item = Line<'_>> {
    batches
        .iter()
        .flat_map(|batch| (0..batch.rows()).map(|row| batch.line(row).unwrap()))
}

#[derive(Debug, Default, PartialEq)]
struct Total {
    lines: u64,
    amount: i128,
}

impl Total {
    fn add(&mut self, line: &Line<'_>) {
        self.lines += 1;
        self.amount += line.amount();
    }

    fn shown(&self) -> (u64, String) {
        (self.lines, format_decimal(self.amount, AMOUNT_SCALE))
    }
}

fn total(lines: u64, amount: &str) -> (u64, String) {
    (lines, amount.to_owned())
}

/// All lines of Online Retail II, raw and by the standard rules.
pub(crate) fn online_retail() -> Option<(Vec<RawBatch>, Vec<LineBatch>)> {
    let text = text_of("online_retail_ii/online_retail_II.csv.zst")?;
    let raw = batches(&text);
    let (cleaned, rejects) = clean(&raw, all_rules(), &Formats::default());
    assert_eq!(rejects, []);
    Some((raw, cleaned))
}

#[test]
fn online_retail_to_the_cent() {
    let Some((_, cleaned)) = online_retail() else {
        return;
    };
    let (mut all, mut distinct, mut goods, mut goods_of_known) =
        <(Total, Total, Total, Total)>::default();
    let mut by_kind: BTreeMap<(&str, bool), Total> = BTreeMap::new();
    let (mut seen, mut countries, mut customers) =
        <(HashSet<u128>, HashSet<&str>, HashSet<&str>)>::default();
    for line in lines(&cleaned) {
        all.add(&line);
        if !seen.insert(line.hash) {
            continue;
        }
        distinct.add(&line);
        by_kind
            .entry((line.kind.name(), line.is_merchandise))
            .or_default()
            .add(&line);
        countries.insert(line.country);
        if line.kind == LineKind::Sale && line.is_merchandise {
            goods.add(&line);
            if !line.customer_id.is_empty() {
                goods_of_known.add(&line);
                customers.insert(line.customer_id);
            }
        }
    }
    assert_eq!(all.shown(), total(1_067_371, "19287250.568"));
    assert_eq!(distinct.shown(), total(1_033_036, "18855533.698"));
    assert_eq!(goods.shown(), total(1_003_214, "19642692.15"));
    assert_eq!(goods_of_known.shown(), total(776_577, "17068567.97"));
    assert_eq!((countries.len(), customers.len()), (43, 5_852));
    let by_kind: Vec<_> = by_kind
        .iter()
        .map(|(&key, total)| (key, total.shown()))
        .collect();
    let want = [
        (("adjustment", false), total(249, "-152927.42")),
        (("fee", false), total(3_923, "168474.331")),
        (("free", false), total(86, "0")),
        (("free", true), total(5_928, "0")),
        (("return", false), total(638, "-428809.19")),
        (("return", true), total(17_914, "-716425.97")),
        (("sale", false), total(1_084, "342529.797")),
        (("sale", true), total(1_003_214, "19642692.15")),
    ];
    assert_eq!(by_kind, want);
}

#[test]
fn rules_never_change_an_identity() {
    let Some(text) = text_of("online_retail_ii/online_retail_II.csv.zst") else {
        return;
    };
    let raw = batches(
        &text[..10_000_000 + text[10_000_000..].iter().position(|&b| b == b'\n').unwrap() + 1],
    );
    let (with, _) = clean(&raw, all_rules(), &Formats::default());
    let (without, _) = clean(&raw, Rules::none(), &Formats::default());
    assert!(
        lines(&with)
            .map(|l| l.hash)
            .eq(lines(&without).map(|l| l.hash))
    );
    assert!(
        lines(&with).any(|l| l.kind == LineKind::Fee)
            && lines(&without).all(|l| l.kind != LineKind::Fee)
    );
}

#[test]
fn the_dirty_export() {
    let Some(text) = text_of("online_retail_ii/dirty_2009_2010.cp1252.csv.zst") else {
        return;
    };
    let (text, _) = encoding_rs::WINDOWS_1252.decode_without_bom_handling(&text);
    let raw = batches(text.as_bytes());
    let formats = Formats {
        date_formats: vec!["MM/DD/YYYY HH24:MI".into()],
        ..Formats::default()
    };
    let (cleaned, rejects) = clean(&raw, all_rules(), &formats);
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    rejects
        .iter()
        .for_each(|r| *reasons.entry(&r.reason).or_default() += 1);
    let want = [
        ("customer_id is a test account", 7),
        ("unit_price is not a number: \"N/A\"", 22),
    ];
    assert_eq!(reasons, want.into());
    assert_eq!(lines(&cleaned).count(), 525_461 - 29);
    assert_eq!(lines(&cleaned).filter(|l| l.country == "U.K.").count(), 0);
    // Without the format every date is refused, with advice; a wrong one refuses what it cannot read.
    let (_, rejects) = clean(&raw[..1], all_rules(), &Formats::default());
    assert!(rejects.iter().all(
        |r| r.reason.contains("(give options date_format") || r.reason.contains("not a number")
    ));
    assert_eq!(rejects.len(), ROWS_PER_BATCH);
}
