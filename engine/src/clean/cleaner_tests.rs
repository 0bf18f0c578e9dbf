//! Raw lines by hand: what they become, and why they are refused.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::line::{Line, LineBatch, LineKind};
use super::rules::{Rules, standard_aliases, standard_rules};
use super::{Cleaner, Formats};
use crate::control::testing::Probe;
use crate::control::{Free, Stop};
use crate::ingest::batch::{ABSENT, FIELDS, Span};
use crate::ingest::{Field, RawBatch, Reject};
use proptest::prelude::*;

pub(super) const GOOD: [&str; FIELDS] = [
    "489434",
    "85048",
    "GLASS BALL",
    "12",
    "2009-12-01 07:45:00",
    "6.95",
    "13085.0",
    "United Kingdom",
];

fn span(batch: &mut RawBatch, value: Option<&[u8]>) -> Span {
    let Some(value) = value else { return ABSENT };
    let start = batch.bytes.len() as u32;
    batch.bytes.extend_from_slice(value);
    (start, batch.bytes.len() as u32)
}

pub(super) fn push(batch: &mut RawBatch, fields: &[Option<&[u8]>], extra: &[Option<&[u8]>]) {
    for &value in fields {
        let span = span(batch, value);
        batch.fields.push(span);
    }
    for &value in extra {
        let span = span(batch, value);
        batch.extra_fields.push(span);
    }
    batch.raw.push(ABSENT);
    batch.line_no.push(batch.line_no.len() as u64 + 2);
}

/// The standard rules and aliases, compiled once: that is slow without optimisation.
pub(super) fn all_rules() -> Rules {
    static COMPILED: std::sync::LazyLock<Rules> = std::sync::LazyLock::new(|| {
        let aliases = standard_aliases()
            .into_iter()
            .map(|(a, c)| (a.to_owned(), c.to_owned()));
        Rules::compile(standard_rules(), aliases.collect()).unwrap()
    });
    COMPILED.clone()
}

/// A good line with some fields replaced; `Ok` with the line's columns, or the reason why not.
pub(super) fn clean_with(
    rules: Rules,
    formats: &Formats,
    changes: &[(usize, Option<&[u8]>)],
) -> Result<LineBatch, String> {
    let mut fields = GOOD.map(|v| Some(v.as_bytes()));
    for &(i, value) in changes {
        fields[i] = value;
    }
    let mut batch = RawBatch::new(0);
    push(&mut batch, &fields, &[]);
    let (mut out, mut rejects) = (LineBatch::default(), Vec::new());
    Cleaner::new(rules, formats, &[])
        .unwrap()
        .clean(&batch, &mut out, &mut rejects, &Free)
        .unwrap();
    match rejects.pop() {
        Some(Reject {
            line_no, reason, ..
        }) => {
            assert_eq!((line_no, out.rows()), (2, 0));
            Err(reason)
        }
        None => {
            assert_eq!((out.rows(), out.line_no[0]), (1, 2));
            Ok(out)
        }
    }
}

pub(super) fn clean(changes: &[(usize, &str)]) -> Result<LineBatch, String> {
    let changes: Vec<_> = changes
        .iter()
        .map(|&(i, v)| (i, Some(v.as_bytes())))
        .collect();
    clean_with(all_rules(), &Formats::default(), &changes)
}

pub(super) fn first(batch: &LineBatch) -> Line<'_> {
    batch.line(0).unwrap()
}

#[test]
fn a_good_line() {
    let batch = clean(&[]).unwrap();
    let line = first(&batch);
    assert_eq!(line.amount(), 834_000_000_000);
    let want = Line {
        hash: line.hash,
        sold_at: 1_259_653_500_000_000,
        quantity: 120_000,
        unit_price: 6_950_000,
        kind: LineKind::Sale,
        is_merchandise: true,
        line_no: 2,
        invoice_no: "489434",
        stock_code: "85048",
        description: "GLASS BALL",
        customer_id: "13085",
        country: "United Kingdom",
    };
    assert_eq!(line, want);
}

#[test]
fn fields_are_normalised() {
    let batch = clean(&[
        (0, " c489434\t"),
        (1, "\u{a0}85048b "),
        (2, " Glass\tball\n"),
        (6, " NULL "),
        (7, " u.k. "),
    ])
    .unwrap();
    let line = first(&batch);
    assert_eq!(
        (line.invoice_no, line.stock_code, line.description),
        ("C489434", "85048B", "Glass ball")
    );
    assert_eq!((line.customer_id, line.country), ("", "United Kingdom"));
    for (text, want) in [
        ("", "Unspecified"),
        ("\\N", "Unspecified"),
        ("Unspecified", "Unspecified"),
        ("us", "USA"),
        ("eire", "eire"),
    ] {
        assert_eq!(first(&clean(&[(7, text)]).unwrap()).country, want, "{text}");
    }
}

#[test]
fn absent_fields() {
    let absent = |i| clean_with(all_rules(), &Formats::default(), &[(i, None)]);
    assert_eq!(absent(0).unwrap_err(), "invoice_no is empty");
    assert_eq!(absent(1).unwrap_err(), "stock_code is empty");
    assert_eq!(absent(3).unwrap_err(), "quantity is not a number: \"\"");
    assert_eq!(absent(4).unwrap_err(), "sold_at is not a date: \"\"");
    for (i, empty) in [(2, ""), (6, ""), (7, "Unspecified")] {
        let batch = absent(i).unwrap();
        let line = first(&batch);
        assert_eq!(
            [line.description, line.customer_id, line.country]
                [[2, 6, 7].iter().position(|&f| f == i).unwrap()],
            empty
        );
        // NULL and the empty text are the same in a known column.
        assert_eq!(line.hash, first(&clean(&[(i, " ")]).unwrap()).hash);
    }
}

#[test]
fn reasons_name_the_field_and_the_value() {
    for (i, value, reason) in [
        (0, " ", "invoice_no is empty"),
        (1, "", "stock_code is empty"),
        (5, "N/A", "unit_price is not a number: \"N/A\""),
        (
            5,
            "0.1234567",
            "unit_price has more than 6 decimals: \"0.1234567\"",
        ),
        (
            5,
            "1e13",
            "unit_price is out of range (between -10^12 and 10^12): \"1e13\"",
        ),
        (
            3,
            "1.00005",
            "quantity has more than 4 decimals: \"1.00005\"",
        ),
        (3, "12,34", "quantity is not a number: \"12,34\""),
        (4, "2009-02-30", "sold_at is not a date: \"2009-02-30\""),
        (
            4,
            "12/14/2009 8:34",
            "sold_at is not a date: \"12/14/2009 8:34\" (give options date_format, for example \"MM/DD/YYYY HH24:MI\")",
        ),
        (6, "test", "customer_id is a test account"),
        (2, "a\0b", "description contains a NUL byte"),
        (7, "\0", "country contains a NUL byte"),
    ] {
        assert_eq!(clean(&[(i, value)]).unwrap_err(), reason);
    }
    let long = "x".repeat(2_001);
    for (i, name) in [
        (0, "invoice_no"),
        (1, "stock_code"),
        (6, "customer_id"),
        (7, "country"),
    ] {
        let reason = clean(&[(i, &long)]).unwrap_err();
        assert!(
            reason.starts_with(&format!("{name} is longer than 2000 bytes: \"")),
            "{reason}"
        );
        assert!(clean(&[(i, &"é".repeat(1_000))]).is_ok());
        assert!(clean(&[(i, &"é".repeat(1_001))]).is_err());
    }
    assert!(
        clean(&[(2, &"é".repeat(10_001))])
            .unwrap_err()
            .starts_with("description is longer than 20000 bytes")
    );
    assert!(clean(&[(2, &"é".repeat(10_000))]).is_ok());
    let latin = clean_with(all_rules(), &Formats::default(), &[(2, Some(b"\xa35 bag"))]);
    assert_eq!(latin.unwrap_err(), "description is not valid UTF-8");
}

#[test]
fn kinds() {
    use LineKind::{Adjustment, Fee, Free, Return, Sale};
    for (invoice, code, quantity, price, with_rules, without) in [
        ("489434", "85048", "1", "2", Sale, Sale),
        ("489434", "85048", "-1", "2", Return, Return),
        ("489434", "85048", "1", "0", Free, Free),
        ("489434", "85048", "-1", "0.00", Free, Free),
        ("489434", "85048", "0", "2", Free, Free),
        ("489434", "85048", "1", "-2", Adjustment, Adjustment),
        ("C489434", "85048", "-1", "2", Return, Return),
        ("C489434", "85048", "1", "2", Return, Sale),
        ("C489434", "85048", "-1", "0", Free, Free),
        ("489434", "POST", "1", "18", Fee, Sale),
        ("C489434", "POST", "-1", "18", Fee, Return),
        ("489434", "POST", "1", "0", Free, Free),
        ("489434", "M", "-1", "18", Return, Return),
        ("C489434", "D", "-1", "18", Adjustment, Return),
        ("A506401", "B", "1", "-53594.36", Adjustment, Adjustment),
        ("A563185", "B", "1", "11062.06", Adjustment, Sale),
    ] {
        let changes = [(0, invoice), (1, code), (3, quantity), (5, price)]
            .map(|(i, v)| (i, Some(v.as_bytes())));
        let got = clean_with(all_rules(), &Formats::default(), &changes).unwrap();
        assert_eq!(
            got.kind[0], with_rules,
            "{invoice} {code} {quantity} {price}"
        );
        assert_eq!(got.is_merchandise[0], code == "85048");
        let got = clean_with(Rules::none(), &Formats::default(), &changes).unwrap();
        assert_eq!(
            (got.kind[0], got.is_merchandise[0]),
            (without, true),
            "{invoice} {code} {quantity} {price}"
        );
    }
}

#[test]
fn formats_of_the_source() {
    let formats = Formats {
        date_formats: vec!["DD.MM.YYYY".into()],
        decimal_comma: true,
    };
    let changes: [(usize, Option<&[u8]>); 3] = [
        (3, Some(b"1.200,5")),
        (4, Some(b"1.12.2009")),
        (5, Some(b"6,95 EUR")),
    ];
    let batch = clean_with(all_rules(), &formats, &changes).unwrap();
    assert_eq!(
        (batch.quantity[0], batch.unit_price[0]),
        (12_005_000, 6_950_000)
    );
    assert_eq!(batch.sold_at[0], 1_259_625_600_000_000);
    let bad = Formats {
        date_formats: vec!["QQ".into()],
        ..formats
    };
    assert!(Cleaner::new(Rules::none(), &bad, &[]).is_err());
}

#[test]
fn what_the_source_has_as_numbers_and_times_is_not_read_by_the_options() {
    let formats = Formats {
        date_formats: vec!["YYYY-DD-MM".into()],
        decimal_comma: true,
    };
    let mut batch = RawBatch::new(0);
    for day in ["2009-02-03", "13/14/2009"] {
        let mut fields = GOOD.map(|v| Some(v.as_bytes()));
        fields[3] = Some(b"6.000");
        fields[4] = Some(day.as_bytes());
        fields[5] = Some(b"4,95");
        push(&mut batch, &fields, &[]);
    }
    let cleaned = |batch: &RawBatch| {
        let (mut out, mut rejects) = (LineBatch::default(), Vec::new());
        Cleaner::new(Rules::none(), &formats, &[])
            .unwrap()
            .clean(batch, &mut out, &mut rejects, &Free)
            .unwrap();
        let reasons: Vec<String> = rejects.into_iter().map(|r| r.reason).collect();
        (
            (out.quantity[0], out.unit_price[0], out.sold_at[0]),
            reasons,
        )
    };
    let (march, february) = (1_235_952_000_000_000, 1_233_619_200_000_000);
    assert_eq!(cleaned(&batch).0, (60_000_000, 4_950_000, march));
    batch.typed[Field::Quantity as usize] = true;
    batch.typed[Field::SoldAt as usize] = true;
    let (values, reasons) = cleaned(&batch);
    assert_eq!(values, (60_000, 4_950_000, february));
    // No format would help where none is used.
    assert_eq!(reasons, ["sold_at is not a date: \"13/14/2009\""]);
}

#[test]
fn one_bad_line_does_not_touch_the_others() {
    let mut batch = RawBatch::new(0);
    for price in ["1", "N/A", "3"] {
        let mut fields = GOOD.map(|v| Some(v.as_bytes()));
        fields[5] = Some(price.as_bytes());
        fields[2] = Some(if price == "N/A" { b"\xff" } else { b"ok" });
        push(&mut batch, &fields, &[]);
    }
    batch.rejects.push(Reject {
        line_no: 9,
        reason: "torn".into(),
        raw: String::new(),
    });
    let (mut out, mut rejects) = (LineBatch::default(), Vec::new());
    Cleaner::new(all_rules(), &Formats::default(), &[])
        .unwrap()
        .clean(&batch, &mut out, &mut rejects, &Free)
        .unwrap();
    assert_eq!(
        (out.line_no, out.unit_price),
        (vec![2, 4], vec![1_000_000, 3_000_000])
    );
    assert_eq!(
        (rejects.len(), rejects[0].line_no, batch.rejects.len()),
        (1, 3, 1)
    );
    assert_eq!(rejects[0].reason, "description is not valid UTF-8");
    assert_eq!(
        rejects[0].raw,
        "489434,85048,\\xFF,12,2009-12-01 07:45:00,N/A,13085.0,United Kingdom"
    );
}

#[test]
fn work_stops_when_told_and_before_it_takes_too_much_memory() {
    let mut batch = RawBatch::new(0);
    push(&mut batch, &GOOD.map(|v| Some(v.as_bytes())), &[]);
    let (mut out, mut rejects) = (LineBatch::default(), Vec::new());
    let mut cleaner = Cleaner::new(Rules::none(), &Formats::default(), &[]).unwrap();
    let stopping = Probe::stopping_after(0).granting(1_000);
    assert_eq!(
        cleaner.clean(&batch, &mut out, &mut rejects, &stopping),
        Err(Stop::Cancelled)
    );
    for _ in 0..20 {
        push(&mut batch, &GOOD.map(|v| Some(v.as_bytes())), &[]);
    }
    let stop = cleaner
        .clean(&batch, &mut out, &mut rejects, &stopping)
        .unwrap_err();
    assert!(matches!(
        stop,
        Stop::Memory {
            phase: "clean",
            limit: 1_000,
            ..
        }
    ));
    assert_eq!(out.rows(), 0);
}

proptest! {
    #[test]
    fn every_line_is_either_typed_or_refused(
        lines in prop::collection::vec(prop::collection::vec(prop::option::of(prop::collection::vec(any::<u8>(), 0..12)), FIELDS), 0..8),
        good in prop::collection::vec(0_usize..=FIELDS, 8),
    ) {
        let mut batch = RawBatch::new(0);
        for (line, good) in lines.iter().zip(good) {
            let fields: Vec<Option<&[u8]>> =
                line.iter().zip(GOOD).enumerate().map(|(i, (v, g))| if i < good { Some(g.as_bytes()) } else { v.as_deref() }).collect();
            push(&mut batch, &fields, &[]);
        }
        let (mut out, mut rejects) = (LineBatch::default(), Vec::new());
        Cleaner::new(all_rules(), &Formats::default(), &[]).unwrap().clean(&batch, &mut out, &mut rejects, &Free).unwrap();
        prop_assert_eq!(out.rows() + rejects.len(), batch.rows());
        for row in 0..out.rows() {
            let line = out.line(row).unwrap();
            prop_assert!(!line.invoice_no.is_empty() && !line.stock_code.is_empty() && !line.country.is_empty());
            for text in [line.invoice_no, line.stock_code, line.description, line.customer_id, line.country] {
                prop_assert!(text == text.trim() && !text.contains('\0'));
            }
        }
    }
}
