#![allow(clippy::unwrap_used)]

use super::*;
use crate::calendar::{day_text, parse_day};

/// The weekdays with a holiday in a year, as `MM-DD`; official lists name no others.
fn weekdays_of(region: &str, year: i32) -> Vec<String> {
    let found = holidays(region, year, year).unwrap();
    let mut days: Vec<String> = found
        .iter()
        .filter(|h| weekday(h.day) < 5)
        .map(|h| day_text(h.day)[5..].to_owned())
        .collect();
    days.dedup();
    days
}

fn assert_official(region: &str, lists: &[(i32, &str)]) {
    for (year, list) in lists {
        let expected: Vec<&str> = list.split(' ').collect();
        assert_eq!(weekdays_of(region, *year), expected, "{region} {year}");
    }
}

#[test]
fn bank_holidays_of_england_and_wales_are_those_of_gov_uk() {
    assert_official(
        "GB",
        &[
            (1995, "01-02 04-14 04-17 05-08 05-29 08-28 12-25 12-26"),
            (
                1999,
                "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28 12-31",
            ),
            (
                2002,
                "01-01 03-29 04-01 05-06 06-03 06-04 08-26 12-25 12-26",
            ),
            (2009, "01-01 04-10 04-13 05-04 05-25 08-31 12-25 12-28"),
            (2010, "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28"),
            (
                2011,
                "01-03 04-22 04-25 04-29 05-02 05-30 08-29 12-26 12-27",
            ),
            (
                2012,
                "01-02 04-06 04-09 05-07 06-04 06-05 08-27 12-25 12-26",
            ),
            (2020, "01-01 04-10 04-13 05-08 05-25 08-31 12-25 12-28"),
            (2021, "01-01 04-02 04-05 05-03 05-31 08-30 12-27 12-28"),
            (
                2022,
                "01-03 04-15 04-18 05-02 06-02 06-03 08-29 09-19 12-26 12-27",
            ),
            (
                2023,
                "01-02 04-07 04-10 05-01 05-08 05-29 08-28 12-25 12-26",
            ),
            (2024, "01-01 03-29 04-01 05-06 05-27 08-26 12-25 12-26"),
            (2026, "01-01 04-03 04-06 05-04 05-25 08-31 12-25 12-28"),
        ],
    );
    // At a weekend the day itself and the one that stands in for it.
    let christmas = holidays("gb", 2010, 2010).unwrap();
    let last: Vec<(String, &str)> = christmas
        .iter()
        .skip(6)
        .map(|h| (day_text(h.day), h.name))
        .collect();
    assert_eq!(
        last,
        [
            ("2010-12-25".to_owned(), "Christmas Day"),
            ("2010-12-26".to_owned(), "Boxing Day"),
            ("2010-12-27".to_owned(), "Christmas Day (substitute)"),
            ("2010-12-28".to_owned(), "Boxing Day (substitute)"),
        ]
    );
}

#[test]
fn federal_holidays_are_those_of_the_office_of_personnel_management() {
    assert_official(
        "US",
        &[
            (
                2010,
                "01-01 01-18 02-15 05-31 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
            ),
            (
                2011,
                "01-17 02-21 05-30 07-04 09-05 10-10 11-11 11-24 12-26",
            ),
            (
                2021,
                "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
            ),
            (
                2024,
                "01-01 01-15 02-19 05-27 06-19 07-04 09-02 10-14 11-11 11-28 12-25",
            ),
        ],
    );
}

#[test]
fn german_and_french_holidays_are_those_of_the_law() {
    assert_official(
        "DE",
        &[
            (
                2017,
                "04-14 04-17 05-01 05-25 06-05 10-03 10-31 12-25 12-26",
            ),
            (
                2024,
                "01-01 03-29 04-01 05-01 05-09 05-20 10-03 12-25 12-26",
            ),
        ],
    );
    assert_official(
        "FR",
        &[
            (
                2008,
                "01-01 03-24 05-01 05-08 05-12 07-14 08-15 11-11 12-25",
            ),
            (
                2024,
                "01-01 04-01 05-01 05-08 05-09 05-20 08-15 11-01 11-11 12-25",
            ),
        ],
    );
    let of_2008 = holidays("FR", 2008, 2008).unwrap();
    let may = parse_day("2008-05-01").unwrap();
    let names = of_2008.iter().filter(|h| h.day == may).map(|h| h.name);
    assert_eq!(names.collect::<Vec<_>>(), ["Ascension", "Fête du Travail"]);
}

#[test]
fn easter_is_on_its_day() {
    for day in [
        "1954-04-18",
        "1981-04-19",
        "2000-04-23",
        "2008-03-23",
        "2010-04-04",
        "2011-04-24",
        "2019-04-21",
        "2024-03-31",
        "2025-04-20",
        "2038-04-25",
        "2049-04-18",
        "2076-04-19",
        "2100-03-28",
    ] {
        let year = day[..4].parse().unwrap();
        assert_eq!(day_text(easter(year).unwrap()), day);
    }
    for year in 1900..=2199 {
        let sunday = easter(year).unwrap();
        assert_eq!(weekday(sunday), 6);
        let range = day_of(year, 3, 22).unwrap()..=day_of(year, 4, 25).unwrap();
        assert!(range.contains(&sunday), "{year}");
    }
    assert_eq!((easter(i32::MIN), easter(i32::MAX)), (None, None));
}

#[test]
fn what_is_not_known_is_refused() {
    let error = holidays("UK", 2010, 2011).unwrap_err().to_string();
    assert!(error.contains("holiday region"), "{error}");
    assert!(holidays("GB", 1994, 2011).is_err());
    assert!(holidays("GB", 2010, i32::MAX).is_err());
    assert_eq!(holidays("GB", 2012, 2011).unwrap(), []);
    for region in REGIONS {
        let all = holidays(region, *YEARS.start(), *YEARS.end()).unwrap();
        assert!(all.len() >= 8 * 204, "{region}");
        assert!(all.is_sorted());
    }
}
