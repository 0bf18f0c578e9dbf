//! Same bytes for ever, limits, order; the default sample as a careful reader takes it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use sha2::{Digest, Sha256};

mod retail;

use super::*;
use crate::control::Free;
use crate::control::testing::Probe;
use crate::ingest::batch::{ABSENT, Field};

/// A line as a careful reader would take it.
struct Row {
    invoice: u64,
    credit: bool,
    code: String,
    description: String,
    quantity: i64,
    /// Days since the first one.
    day: i64,
    month: (i32, u32),
    weekday: u32,
    time: String,
    cents: i64,
    customer: Option<u32>,
    country: String,
}

impl Row {
    fn is_product(&self) -> bool {
        self.code.len() >= 5 && self.code.bytes().take(5).all(|b| b.is_ascii_digit())
    }

    fn is_sale(&self) -> bool {
        self.is_product() && !self.credit && self.quantity > 0 && self.cents > 0
    }
}

/// The default sample and what a reader meets in it.
struct Sample {
    rows: Vec<Row>,
    lines: usize,
    rejected: usize,
    duplicates: usize,
    /// How often each kind of harmless dirt was seen.
    dirt: HashMap<&'static str, usize>,
}

fn all_text(customers: u32, days: u32, seed: i64) -> Vec<String> {
    let mut sales = SampleSales::new(customers, days, seed).unwrap();
    let mut batch = RawBatch::new(0);
    let mut out = Vec::new();
    while sales.next_batch(&mut batch, &Free).unwrap() {
        out.extend((0..batch.rows()).map(|r| batch.raw_text(r)));
    }
    out
}

fn checksum(lines: &[String]) -> String {
    let mut hash = Sha256::new();
    for line in lines {
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

/// Days since 1970-01-01, by counting: slow, plain, and not the code under test.
fn day_number(date: &str) -> Option<i64> {
    let mut parts = date.split('-').map(|p| p.parse::<i64>().ok());
    let (y, m, d) = (parts.next()??, parts.next()??, parts.next()??);
    let leap = |y: i64| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    let lengths = [
        31,
        if leap(y) { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    if !(1970..2100).contains(&y)
        || !(1..=12).contains(&m)
        || !(1..=lengths[m as usize - 1]).contains(&d)
    {
        return None;
    }
    let years: i64 = (1970..y).map(|y| if leap(y) { 366 } else { 365 }).sum();
    Some(years + lengths.iter().take(m as usize - 1).sum::<i64>() + d - 1)
}

fn read(batch: &RawBatch, r: usize, dirt: &mut HashMap<&'static str, usize>) -> Option<Row> {
    let text = |f| std::str::from_utf8(batch.field(r, f).unwrap()).unwrap();
    let mut saw = |what, yes: bool| *dirt.entry(what).or_default() += usize::from(yes);
    let (code, description, customer) = (
        text(Field::StockCode),
        text(Field::Description),
        text(Field::CustomerId),
    );
    let sold_at = text(Field::SoldAt);
    let date = day_number(sold_at.get(..10)?)?;
    let quantity = text(Field::Quantity).parse().ok()?;
    let (pounds, pence) = text(Field::UnitPrice).split_once('.')?;
    saw("code", code != code.trim().to_ascii_uppercase());
    saw("padding", description != description.trim());
    saw("description", description.is_empty());
    saw("customer", customer.ends_with(".0"));
    saw("country", text(Field::Country) == "U.K.");
    let invoice = text(Field::InvoiceNo);
    Some(Row {
        invoice: invoice.trim_start_matches('C').parse().unwrap(),
        credit: invoice.starts_with('C'),
        code: code.trim().to_ascii_uppercase(),
        description: description.trim().to_owned(),
        quantity,
        day: date - (day_number("2025-01-01").unwrap() - 730),
        month: (
            sold_at.get(..4)?.parse().unwrap(),
            sold_at.get(5..7)?.parse().unwrap(),
        ),
        // 1970-01-01 was a Thursday; 0 is Monday.
        weekday: ((date + 3) % 7) as u32,
        time: sold_at.to_owned(),
        cents: pounds.parse::<i64>().unwrap() * 100 + pence.parse::<i64>().unwrap(),
        customer: customer.trim_end_matches(".0").parse().ok(),
        country: text(Field::Country).replace("U.K.", "United Kingdom"),
    })
}

/// The sample that users get by default, made once.
fn sample() -> &'static Sample {
    static SAMPLE: OnceLock<Sample> = OnceLock::new();
    SAMPLE.get_or_init(|| {
        let mut sales = SampleSales::new(2_000, 730, 42).unwrap();
        assert_eq!(sales.position(), (0, 730));
        let mut batch = RawBatch::new(3);
        let mut out = Sample {
            rows: Vec::new(),
            lines: 0,
            rejected: 0,
            duplicates: 0,
            dirt: HashMap::new(),
        };
        let mut seen = HashSet::new();
        while sales.next_batch(&mut batch, &Free).unwrap() {
            assert!(batch.rows() <= 65_536 && batch.extras == 0 && batch.rejects.is_empty());
            assert!(
                batch.fields.len() == 8 * batch.rows() && batch.raw.iter().all(|&s| s == ABSENT)
            );
            for r in 0..batch.rows() {
                out.lines += 1;
                assert_eq!(batch.line_no[r], out.lines as u64);
                if !seen.insert(batch.raw_text(r)) {
                    out.duplicates += 1;
                } else if let Some(row) = read(&batch, r, &mut out.dirt) {
                    out.rows.push(row);
                } else {
                    out.rejected += 1;
                }
            }
        }
        assert_eq!(sales.position(), (730, 730));
        assert!(
            !sales.next_batch(&mut batch, &Free).unwrap(),
            "the end is the end"
        );
        out
    })
}

fn share(part: usize, of: usize) -> f64 {
    part as f64 / of as f64
}

#[test]
fn the_same_seed_gives_the_same_bytes_for_ever() {
    let lines = all_text(60, 120, 7);
    assert_eq!(
        checksum(&lines),
        "66d86c86f6b99aa9e80b18953ea91e79eb70b078a3f5e0a26ab7b7da2189649e",
        "{} lines, the first: {}",
        lines.len(),
        lines[0]
    );
    assert_eq!(lines, all_text(60, 120, 7));
    assert_ne!(lines, all_text(60, 120, 8));
    assert_ne!(lines, all_text(60, 120, -7));
}

#[test]
fn sizes_out_of_range_are_refused() {
    let refused = |customers, days| {
        let e = SampleSales::new(customers, days, 1).err().unwrap();
        assert_eq!(e.class(), Class::InvalidParameter);
        e.to_string()
    };
    assert_eq!(
        refused(0, 1),
        "customers must be between 1 and 1000000, not 0"
    );
    assert_eq!(
        refused(1_000_001, 1),
        "customers must be between 1 and 1000000, not 1000001"
    );
    assert_eq!(refused(1, 0), "days must be between 1 and 3650, not 0");
    assert_eq!(
        refused(1, 3_651),
        "days must be between 1 and 3650, not 3651"
    );
    for (customers, days) in [(1, 1), (1, 3_650), (300, 1)] {
        let lines = all_text(customers, days, 3);
        assert!(
            lines.len() < 20_000,
            "{customers} customers, {days} days: {}",
            lines.len()
        );
    }
}

#[test]
fn work_can_be_stopped_and_keeps_to_its_memory() {
    let mut batch = RawBatch::new(0);
    let mut sales = SampleSales::new(1_000_000, 30, 1).unwrap();
    assert_eq!(
        sales.next_batch(&mut batch, &Probe::stopping_after(0)),
        Err(Stop::Cancelled)
    );
    assert!(matches!(
        sales.next_batch(&mut batch, &Probe::patient().granting(1 << 20)),
        Err(Stop::Memory { .. })
    ));
    let mut sales = SampleSales::new(500, 365, 1).unwrap();
    assert_eq!(sales.next_batch(&mut batch, &Free), Ok(true));
    let mut sales = SampleSales::new(500, 365, 1).unwrap();
    assert_eq!(
        sales.next_batch(&mut batch, &Probe::stopping_after(0)),
        Err(Stop::Cancelled)
    );
}

#[test]
fn lines_are_in_time_order_and_invoices_ascend() {
    let s = sample();
    assert!((120_000..250_000).contains(&s.lines), "{} lines", s.lines);
    assert!(
        s.rows
            .windows(2)
            .all(|w| w[0].time <= w[1].time && w[0].invoice <= w[1].invoice)
    );
    assert!(
        s.rows
            .iter()
            .all(|r| (500_001..1_000_000).contains(&r.invoice) && (0..730).contains(&r.day))
    );
    for (a, b) in s
        .rows
        .iter()
        .zip(s.rows.iter().skip(1))
        .filter(|(a, b)| a.invoice == b.invoice)
    {
        assert!(
            a.time == b.time
                && a.customer == b.customer
                && a.country == b.country
                && a.credit == b.credit
        );
    }
}
