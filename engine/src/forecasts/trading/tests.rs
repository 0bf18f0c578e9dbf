#![allow(clippy::unwrap_used)]

use super::super::holidays::holidays;
use super::*;
use crate::calendar::{day_text, parse_day};

fn day(text: &str) -> i32 {
    parse_day(text).unwrap()
}

/// The days of Online Retail II: from 2009-12-01 to 2011-12-09, closed on Saturdays (but for the first one) and on these days.
fn shop() -> (i32, Vec<bool>) {
    let closed = [
        ("2009-12-24", "2010-01-03"),
        ("2010-04-02", "2010-04-05"),
        ("2010-05-03", "2010-05-03"),
        ("2010-05-31", "2010-05-31"),
        ("2010-08-30", "2010-08-30"),
        ("2010-12-24", "2011-01-03"),
        ("2011-04-22", "2011-04-25"),
        ("2011-04-29", "2011-04-29"),
        ("2011-05-02", "2011-05-02"),
        ("2011-05-30", "2011-05-30"),
        ("2011-08-29", "2011-08-29"),
    ]
    .map(|(from, to)| day(from)..=day(to));
    let first = day("2009-12-01");
    let open = (first..=day("2011-12-09"))
        .map(|d| {
            let saturday = weekday(i64::from(d)) == 5 && d != day("2009-12-05");
            !saturday && !closed.iter().any(|range| range.contains(&d))
        })
        .collect();
    (first, open)
}

fn bank_holidays() -> Vec<i32> {
    let found = holidays("GB", 2009, 2012).unwrap();
    found.iter().map(|h| h.day).collect()
}

/// The days after `cutoff` on which what is expected differs from what was.
fn missed(cutoff: &str, holidays: &[i32]) -> Vec<String> {
    let (first, open) = shop();
    let known = (day(cutoff) - first) as usize;
    let opening = Opening::learn(first, &open[..known], holidays);
    opening.check().unwrap();
    (first..)
        .zip(&open)
        .skip(known)
        .filter(|(d, open)| opening.is_open(*d) != **open)
        .map(|(d, _)| day_text(d))
        .collect()
}

#[test]
fn the_shop_closes_as_it_did_the_year_before() {
    // Before its second Christmas, a whole year ahead: with the bank holidays not one day is wrong, the royal wedding included.
    assert!(missed("2010-12-10", &bank_holidays()).is_empty());
    // One bank holiday in one year is no rule without the table; Christmas and Easter are breaks.
    assert_eq!(
        missed("2010-12-10", &[]),
        ["2011-04-29", "2011-05-02", "2011-05-30", "2011-08-29"]
    );
    // Two months: only weekdays can be known, and that holidays are days of rest.
    assert_eq!(
        missed("2010-02-01", &[])[..4],
        ["2010-04-02", "2010-04-04", "2010-04-05", "2010-05-03"]
    );
}

#[test]
fn two_years_tell_of_weekdays_of_a_month() {
    let (first, open) = shop();
    let opening = Opening::learn(first, &open, &[]);
    let closed: Vec<String> = (day("2011-12-10")..day("2012-10-01"))
        .filter(|d| !opening.is_open(*d) && weekday(i64::from(*d)) != 5)
        .map(|d| day_text(d)[2..].to_owned())
        .collect();
    let expected = "11-12-25 11-12-26 11-12-27 11-12-28 11-12-29 11-12-30 12-01-01 12-01-02 12-01-03 \
                    12-04-06 12-04-08 12-04-09 12-05-07 12-05-28 12-08-27";
    assert_eq!(closed.join(" "), expected);
    assert_eq!(opening.days_a_week(), 6);
}

#[test]
fn trading_days_are_put_back_into_the_calendar() {
    let (first, open) = shop();
    let opening = Opening::learn(first, &open, &bank_holidays());
    let trading = opening.trading_days(first, &open);
    assert_eq!(trading.len(), 603);
    let saturday = (day("2009-12-05") - first) as usize;
    assert!(open[saturday] && !trading.contains(&saturday));
    let ahead = opening.ahead(day("2011-12-22"), 14);
    let mut expected = vec![None; 14];
    (expected[0], expected[12], expected[13]) = (Some(0), Some(1), Some(2));
    assert_eq!(ahead, expected);
}

/// Days from Monday, 2001-01-01, on, open unless `closed` says otherwise.
fn days(n: i32, closed: impl Fn(i32, i64) -> bool) -> (i32, Vec<bool>) {
    let first = day("2001-01-01");
    let open = (first..first + n).map(|d| !closed(d, i64::from(d)));
    (first, open.collect())
}

#[test]
fn odd_days_are_no_rule() {
    let always = |n, odd: &[&str]| {
        let odd: Vec<i32> = odd.iter().map(|d| day(d)).collect();
        let (first, open) = days(n, |d, _| odd.contains(&d));
        let opening = Opening::learn(first, &open, &[]);
        opening.is_always()
    };
    assert!(always(0, &[]) && always(3, &[]) && always(1200, &[]));
    // A single day without a sale, whatever the day, and a calamity of a week.
    assert!(always(400, &["2001-03-14"]));
    assert!(always(400, &["2001-12-25"]));
    assert!(always(
        400,
        &["2001-03-12", "2001-03-13", "2001-03-14", "2001-03-15"]
    ));
    // Open on a date in one year: it is not closed.
    assert!(always(1100, &["2001-05-01", "2002-05-01"]));
    // Closed on it in both years: it is.
    assert!(!always(700, &["2001-05-01", "2002-05-01"]));
    // With many days without a sale, years agree by chance.
    let (first, open) = days(1000, |_, long| (long * long) % 13 == 1);
    assert!(Opening::learn(first, &open, &[]).is_always());
}

#[test]
fn a_break_is_neither_a_day_nor_a_season() {
    let closed_on_new_year = |from: &str, to: &str| {
        let (from, to) = (day(from), day(to));
        let first = day("2001-02-01");
        let open: Vec<bool> = (first..first + 390)
            .map(|d| weekday(i64::from(d)) < 5 && !(from..=to).contains(&d))
            .collect();
        let opening = Opening::learn(first, &open, &[]);
        assert_eq!(opening.days_a_week(), 5);
        !opening.is_open(day("2003-01-01"))
    };
    assert!(closed_on_new_year("2001-12-28", "2002-01-01"));
    // One weekday of it is a day off, whatever the weekend adds; more than three weeks are a calamity.
    assert!(closed_on_new_year("2001-12-31", "2002-01-01"));
    assert!(!closed_on_new_year("2002-01-01", "2002-01-01"));
    assert!(!closed_on_new_year("2001-12-10", "2002-01-10"));
    // On a Monday the day off is in a row with its weekend.
    let (first, monday) = (day("2006-03-01"), day("2007-01-01"));
    let open: Vec<bool> = (first..monday + 9)
        .map(|d| weekday(i64::from(d)) < 5 && d != monday)
        .collect();
    assert!(Opening::learn(first, &open, &[]).is_open(day("2008-01-01")));
}

#[test]
fn weekdays_change() {
    let sundays = |n, closed: fn(i32) -> bool| {
        let (first, open) = days(n, |d, long| weekday(long) == 6 && closed(d));
        Opening::learn(first, &open, &[]).days_a_week()
    };
    assert_eq!(sundays(21, |_| true), 7); // three tell nothing
    assert_eq!(sundays(28, |_| true), 6);
    let from = |d: i32| (d - day("2001-01-01")) / 7;
    assert_eq!(from(day("2001-01-08")), 1);
    // Sundays opened lately, or given up lately.
    assert_eq!(sundays(400, |d| d < day("2001-12-20")), 7);
    assert_eq!(sundays(400, |d| d > day("2001-10-20")), 6);
    // Rare sales are no opening days.
    let (first, open) = days(700, |_, long| long % 9 != 0);
    assert!(Opening::learn(first, &open, &[]).is_always());
    // Months without any sale say nothing of weekdays: the shop is open again.
    let (first, open) = days(668, |d, _| d > day("2002-07-21") && d < day("2002-10-28"));
    assert!(Opening::learn(first, &open, &[]).is_always());
}

#[test]
fn holidays_are_judged_by_their_like() {
    let table: Vec<i32> = holidays("GB", 2001, 2004)
        .unwrap()
        .iter()
        .map(|h| h.day)
        .collect();
    // Open on all holidays but Christmas Day.
    let christmas = |d: i32| day_text(d).ends_with("12-25");
    let (first, open) = days(1000, |d, _| christmas(d));
    let opening = Opening::learn(first, &open, &table);
    let closed: Vec<String> = (day("2003-10-01")..day("2004-12-31"))
        .filter(|d| !opening.is_open(*d))
        .map(day_text)
        .collect();
    assert_eq!(closed, ["2003-12-25", "2004-12-25"]);
    // Two holidays are too few to judge others by.
    let (first, open) = days(101, |d, _| table.contains(&d));
    let opening = Opening::learn(first, &open, &table);
    assert!(opening.is_open(day("2001-05-07")));
}

#[test]
fn days_at_the_end_of_time_do_no_harm() {
    for first in [i32::MIN, i32::MAX - 3, i32::MAX] {
        let opening = Opening::learn(first, &[true, false, true, true, false], &[first, i32::MAX]);
        assert_eq!(opening.ahead(first, 3).len(), 3);
        assert_eq!(opening.trading_days(first, &[true, false]), [0]);
    }
}

#[test]
fn bytes_of_others_are_checked() {
    let none = Opening {
        weekdays: [true; 7],
        ..Opening::default()
    };
    assert!(none.check().is_err());
    let mixed = Opening {
        days: vec![3, 2],
        ..Opening::default()
    };
    assert!(mixed.check().is_err());
    let (first, open) = shop();
    let opening = Opening::learn(first, &open, &bank_holidays());
    let bytes = rmp_serde::to_vec(&opening).unwrap();
    let read: Opening = rmp_serde::from_slice(&bytes).unwrap();
    assert_eq!(read, opening);
}
