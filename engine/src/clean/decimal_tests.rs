//! Numbers as people write them, and as we do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::decimal::{DecimalError, format_decimal, parse_decimal};
use proptest::prelude::*;

fn six(text: &str) -> Result<i64, DecimalError> {
    parse_decimal(text, false, 6)
}

#[test]
fn numbers_as_people_write_them() {
    for (text, want) in [
        ("2.55", 2_550_000),
        ("999999999999.999999", 999_999_999_999_999_999),
        ("-123456789012.345678", -123_456_789_012_345_678),
        ("-2.55", -2_550_000),
        ("+2.55", 2_550_000),
        ("2.55-", -2_550_000),
        ("(2.55)", -2_550_000),
        ("($1,234.50)", -1_234_500_000),
        ("$(5)", -5_000_000),
        ("$-5", -5_000_000),
        ("-£5", -5_000_000),
        ("€ 12", 12_000_000),
        ("12\u{a0}€", 12_000_000),
        ("USD 12.5", 12_500_000),
        ("12.5GBP", 12_500_000),
        ("1,234.50", 1_234_500_000),
        ("1 234 567.5", 1_234_567_500_000),
        ("1'234.5", 1_234_500_000),
        ("1,234", 1_234_000_000),
        ("1e3", 1_000_000_000),
        ("2.5E-1", 250_000),
        ("1E+2", 100_000_000),
        (".5", 500_000),
        ("5.", 5_000_000),
        ("-0", 0),
        ("0e999999", 0),
        ("0.0000000000000000000", 0),
        ("000000000000000000001.50", 1_500_000),
        ("0.001", 1_000),
        ("1.0000000", 1_000_000),
        ("2.5500000000000003", 2_550_000),
        ("0.30000000000000004", 300_000),
        ("1.1500000000000001e1", 11_500_000),
        ("-999,999,999,999.999999", -999_999_999_999_999_999),
        ("9.99e11", 999_000_000_000_000_000),
        ("  7 ", 7_000_000),
        ("\u{2212}3", -3_000_000),
    ] {
        assert_eq!(six(text), Ok(want), "{text}");
    }
}

#[test]
fn a_decimal_comma() {
    let comma = |t| parse_decimal(t, true, 6);
    assert_eq!(comma("1.234,50"), Ok(1_234_500_000));
    assert_eq!(comma("1 234,50"), Ok(1_234_500_000));
    assert_eq!(comma("-2,55 €"), Ok(-2_550_000));
    assert_eq!(comma("1.234"), Ok(1_234_000_000));
    assert_eq!(comma("2,5e1"), Ok(25_000_000));
    for text in ["2.55", "0.125", "1,234.50", "1,2,3"] {
        assert_eq!(comma(text), Err(DecimalError::NotANumber), "{text}");
    }
}

#[test]
fn what_is_no_number() {
    for text in [
        "",
        "-",
        ".",
        "N/A",
        "abc",
        "1.2.3",
        "12,34",
        "1,2345",
        "0,125",
        ",123",
        "1,,234",
        "1,234 567",
        "inf",
        "nan",
        "-inf",
        "Infinity",
        "NaN",
        "1e",
        "1e+",
        "e5",
        "1e5e5",
        "1,234e2",
        "0x10",
        "5%",
        "--5",
        "-5-",
        "(-5)",
        "((5))",
        "5 6",
        "$",
        "USD",
        "USD5USD",
        "$$5",
        "5¢",
        "12 .5",
        "1.5 000",
        "٣",
        "1e1234567",
        "1_000",
        "usd 5",
        "PAD12",
        "12XYZ",
        "USDA5",
    ] {
        assert_eq!(six(text), Err(DecimalError::NotANumber), "{text}");
    }
    assert_eq!(six(&"1".repeat(300)), Err(DecimalError::NotANumber));
}

#[test]
fn what_does_not_fit() {
    let too_many = Err(DecimalError::TooManyDecimals(6));
    for text in [
        "0.1234567",
        "1e-7",
        "0.3333333333333333",
        "1e-999999",
        "1.2345678901234567e-400",
    ] {
        assert_eq!(six(text), too_many, "{text}");
    }
    assert_eq!(
        parse_decimal("1.23456", false, 4),
        Err(DecimalError::TooManyDecimals(4))
    );
    for text in [
        "1000000000000",
        "-1,000,000,000,000.00",
        "1e12",
        "999999999999.9999999",
        "1000000000000.01",
        "1e13",
        "1e999999",
        "-99999999999999999999",
        "1234567890123.1234567",
    ] {
        assert_eq!(six(text), Err(DecimalError::OutOfRange), "{text}");
    }
    assert_eq!(
        parse_decimal("10", false, 18),
        Err(DecimalError::OutOfRange)
    );
    assert_eq!(
        parse_decimal("1", false, u32::MAX),
        Err(DecimalError::OutOfRange)
    );
}

#[test]
fn numbers_as_we_write_them() {
    for (mantissa, scale, want) in [
        (0, 6, "0"),
        (-500_000, 6, "-0.5"),
        (12_000_000, 6, "12"),
        (1, 10, "0.0000000001"),
        (196_426_921_500_000_000, 10, "19642692.15"),
        (-70, 0, "-70"),
        (i128::MIN, 0, "-170141183460469231731687303715884105728"),
    ] {
        assert_eq!(format_decimal(mantissa, scale), want);
    }
}

proptest! {
    #[test]
    fn what_we_write_we_read(mantissa in -999_999_999_999_999_i64..=999_999_999_999_999, scale in 0_u32..=6) {
        let limit = 10_i128.pow(12 + scale);
        let text = format_decimal(i128::from(mantissa), scale);
        let read = parse_decimal(&text, false, scale);
        if i128::from(mantissa).abs() >= limit {
            prop_assert_eq!(read, Err(DecimalError::OutOfRange));
        } else {
            prop_assert_eq!(read, Ok(mantissa));
        }
    }

    #[test]
    fn grouping_and_decoration_change_nothing(whole in 0_u64..1_000_000_000, cents in 0_u32..100, negative: bool) {
        let sign = if negative { -1 } else { 1 };
        let want = sign * (i128::from(whole) * 1_000_000 + i128::from(cents) * 10_000);
        let mut grouped = whole.to_string();
        let mut at = grouped.len();
        while at > 3 {
            at -= 3;
            grouped.insert(at, ',');
        }
        let text = format!("{grouped}.{cents:02}");
        let swapped = text.replace(',', "'").replace('.', ",");
        let shown = if negative { format!("(€{text})") } else { format!("{text} EUR") };
        let after = if negative { format!("{swapped}-") } else { swapped };
        prop_assert_eq!(parse_decimal(&shown, false, 6).map(i128::from), Ok(want));
        prop_assert_eq!(parse_decimal(&after, true, 6).map(i128::from), Ok(want));
    }

    #[test]
    fn a_printed_double_is_the_cents_it_came_from(cents in -100_000_000_i64..100_000_000, steps in -2_i64..=2) {
        // A few units in the last place off, as sums and products of doubles are.
        prop_assume!(cents != 0);
        let mut near = cents as f64 / 100.0;
        for _ in 0..steps.abs() {
            near = if steps < 0 { near.next_down() } else { near.next_up() };
        }
        prop_assert_eq!(parse_decimal(&format!("{near}"), false, 6), Ok(cents * 10_000));
    }

    #[test]
    fn any_text_is_survived(text in ".{0,40}", comma: bool, scale in 0_u32..30) {
        let _ = parse_decimal(&text, comma, scale);
        let _ = parse_decimal(&text.replace(|c: char| c.is_alphabetic(), "1"), comma, scale);
    }
}
