//! Public holidays by rule.
//!
//! GB is England and Wales: the Banking and Financial Dealings Act 1971, and the proclamations for single years as gov.uk lists them.
//! US are the federal holidays (5 U.S.C. 6103), DE the holidays of all sixteen states, FR those of the Code du travail (L3133-1).

use std::collections::BTreeSet;

use super::ForecastError;
use crate::calendar::{Moment, days};

/// The regions that [`holidays`] knows.
pub const REGIONS: [&str; 4] = ["GB", "US", "DE", "FR"];

/// The years that [`holidays`] knows.
pub const YEARS: std::ops::RangeInclusive<i32> = 1995..=2198;

/// A day on which the public has a holiday.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holiday {
    /// Days since 1970.
    pub day: i32,
    /// What people there call it.
    pub name: &'static str,
}

/// When a holiday is.
#[derive(Debug, Clone, Copy)]
enum When {
    /// Month and day.
    On(u32, u32),
    /// Days after Easter Sunday.
    Easter(i32),
    /// Month, weekday (Monday is 0), and which of them.
    Nth(u32, i32, i32),
    /// Month and weekday: the last of them.
    Last(u32, i32),
}

/// What happens to a holiday at a weekend.
#[derive(Debug, Clone, Copy)]
enum Weekend {
    Lost,
    /// The next weekday that is no holiday is one too.
    NextFree,
    /// Of a Saturday the Friday before, of a Sunday the Monday after.
    Nearest,
}

/// A holiday of a region: name, name of the day that stands in for it, when, and from which to which year.
struct Rule(&'static str, &'static str, When, i32, i32);

const fn rule(name: &'static str, stand_in: &'static str, when: When) -> Rule {
    Rule(name, stand_in, when, i32::MIN, i32::MAX)
}

const fn plain(name: &'static str, when: When) -> Rule {
    rule(name, name, when)
}

const fn once(name: &'static str, year: i32, month: u32, day: u32) -> Rule {
    Rule(name, name, When::On(month, day), year, year)
}

const MONDAY: i32 = 0;
const THURSDAY: i32 = 3;

const EARLY_MAY: &str = "Early May bank holiday";
const SPRING: &str = "Spring bank holiday";

/// The rules of GB. In the years of [`MOVED`] the rule of that name does not hold.
const GB: &[Rule] = &[
    rule(
        "New Year's Day",
        "New Year's Day (substitute)",
        When::On(1, 1),
    ),
    plain("Good Friday", When::Easter(-2)),
    plain("Easter Monday", When::Easter(1)),
    plain(EARLY_MAY, When::Nth(5, MONDAY, 1)),
    plain(SPRING, When::Last(5, MONDAY)),
    plain("Summer bank holiday", When::Last(8, MONDAY)),
    rule(
        "Christmas Day",
        "Christmas Day (substitute)",
        When::On(12, 25),
    ),
    rule("Boxing Day", "Boxing Day (substitute)", When::On(12, 26)),
    once("VE Day 50th anniversary", 1995, 5, 8),
    once("Millennium", 1999, 12, 31),
    once("Golden Jubilee", 2002, 6, 3),
    once("Spring bank holiday (moved)", 2002, 6, 4),
    once("Royal wedding", 2011, 4, 29),
    once("Spring bank holiday (moved)", 2012, 6, 4),
    once("Diamond Jubilee", 2012, 6, 5),
    once("Early May bank holiday (VE Day)", 2020, 5, 8),
    once("Spring bank holiday (moved)", 2022, 6, 2),
    once("Platinum Jubilee", 2022, 6, 3),
    once("State funeral of Queen Elizabeth II", 2022, 9, 19),
    once("Coronation of King Charles III", 2023, 5, 8),
];

const MOVED: [(&str, i32); 5] = [
    (EARLY_MAY, 1995),
    (SPRING, 2002),
    (SPRING, 2012),
    (EARLY_MAY, 2020),
    (SPRING, 2022),
];

const US: &[Rule] = &[
    rule(
        "New Year's Day",
        "New Year's Day (observed)",
        When::On(1, 1),
    ),
    plain(
        "Birthday of Martin Luther King, Jr.",
        When::Nth(1, MONDAY, 3),
    ),
    plain("Washington's Birthday", When::Nth(2, MONDAY, 3)),
    plain("Memorial Day", When::Last(5, MONDAY)),
    Rule(
        "Juneteenth",
        "Juneteenth (observed)",
        When::On(6, 19),
        2021,
        i32::MAX,
    ),
    rule(
        "Independence Day",
        "Independence Day (observed)",
        When::On(7, 4),
    ),
    plain("Labor Day", When::Nth(9, MONDAY, 1)),
    plain("Columbus Day", When::Nth(10, MONDAY, 2)),
    rule("Veterans Day", "Veterans Day (observed)", When::On(11, 11)),
    plain("Thanksgiving Day", When::Nth(11, THURSDAY, 4)),
    rule(
        "Christmas Day",
        "Christmas Day (observed)",
        When::On(12, 25),
    ),
];

const DE: &[Rule] = &[
    plain("Neujahr", When::On(1, 1)),
    plain("Karfreitag", When::Easter(-2)),
    plain("Ostermontag", When::Easter(1)),
    plain("Tag der Arbeit", When::On(5, 1)),
    plain("Christi Himmelfahrt", When::Easter(39)),
    plain("Pfingstmontag", When::Easter(50)),
    plain("Tag der Deutschen Einheit", When::On(10, 3)),
    once("Reformationstag", 2017, 10, 31),
    plain("1. Weihnachtstag", When::On(12, 25)),
    plain("2. Weihnachtstag", When::On(12, 26)),
];

const FR: &[Rule] = &[
    plain("Jour de l'an", When::On(1, 1)),
    plain("Lundi de Pâques", When::Easter(1)),
    plain("Fête du Travail", When::On(5, 1)),
    plain("Victoire 1945", When::On(5, 8)),
    plain("Ascension", When::Easter(39)),
    plain("Lundi de Pentecôte", When::Easter(50)),
    plain("Fête nationale", When::On(7, 14)),
    plain("Assomption", When::On(8, 15)),
    plain("Toussaint", When::On(11, 1)),
    plain("Armistice 1918", When::On(11, 11)),
    plain("Noël", When::On(12, 25)),
];

impl Rule {
    fn day(&self, year: i32) -> Option<i32> {
        let Rule(name, _, when, from, to) = self;
        if !(*from..=*to).contains(&year) || MOVED.contains(&(*name, year)) {
            return None;
        }
        match *when {
            When::On(month, day) => day_of(year, month, day),
            When::Easter(offset) => Some(easter(year)? + offset),
            When::Nth(month, on, n) => {
                let first = day_of(year, month, 1)?;
                Some(first + (on - weekday(first)).rem_euclid(7) + 7 * (n - 1))
            }
            When::Last(month, on) => {
                // Every month with such a holiday has 31 days.
                let last = day_of(year, month, 31)?;
                Some(last - (weekday(last) - on).rem_euclid(7))
            }
        }
    }
}

/// The public holidays of a region from the first to the last year, by day. A holiday at a weekend is listed with the day that stands in
/// for it, where the region has such days. Two holidays may share a day.
///
/// # Errors
/// [`ForecastError::Unknown`] for a region that is not one of [`REGIONS`] (in any case), [`ForecastError::Range`] for years outside of
/// [`YEARS`].
pub fn holidays(region: &str, from_year: i32, to_year: i32) -> Result<Vec<Holiday>, ForecastError> {
    let (rules, weekend) = match region.trim().to_ascii_uppercase().as_str() {
        "GB" => (GB, Weekend::NextFree),
        "US" => (US, Weekend::Nearest),
        "DE" => (DE, Weekend::Lost),
        "FR" => (FR, Weekend::Lost),
        _ => return Err(ForecastError::unknown("holiday region", region, &REGIONS)),
    };
    for (what, year) in [("from_year", from_year), ("to_year", to_year)] {
        if !YEARS.contains(&year) {
            return Err(ForecastError::Range {
                what,
                least: f64::from(*YEARS.start()),
                most: f64::from(*YEARS.end()),
                given: f64::from(year),
            });
        }
    }
    let mut found = Vec::new();
    // What stands in for New Year's Day may lie in the year before.
    for year in from_year..=to_year + 1 {
        let dated = rules
            .iter()
            .filter_map(|rule| Some((rule.day(year)?, rule)));
        let mut dated: Vec<(i32, &Rule)> = dated.collect();
        dated.sort_by_key(|(day, _)| *day);
        let mut taken: BTreeSet<i32> = dated.iter().map(|(day, _)| *day).collect();
        for (day, Rule(name, stand_in, ..)) in dated {
            found.push(Holiday { day, name });
            if let Some(day) = weekend.stand_in(day, &taken) {
                taken.insert(day);
                found.push(Holiday {
                    day,
                    name: stand_in,
                });
            }
        }
    }
    let within =
        day_of(from_year, 1, 1).unwrap_or(i32::MAX)..day_of(to_year + 1, 1, 1).unwrap_or(i32::MIN);
    found.retain(|holiday| within.contains(&holiday.day));
    found.sort_unstable();
    Ok(found)
}

impl Weekend {
    /// The day that stands in for a holiday.
    fn stand_in(self, day: i32, taken: &BTreeSet<i32>) -> Option<i32> {
        let on = weekday(day);
        if on < 5 {
            return None;
        }
        match self {
            Weekend::Lost => None,
            Weekend::Nearest => Some(if on == 5 { day - 1 } else { day + 1 }),
            Weekend::NextFree => (day + 1..day + 7).find(|d| weekday(*d) < 5 && !taken.contains(d)),
        }
    }
}

/// Easter Sunday of a year, in days since 1970; `None` outside of 1900 to 2199. The anonymous Gregorian algorithm (Meeus, Astronomical
/// Algorithms, 1991).
#[must_use]
pub fn easter(year: i32) -> Option<i32> {
    if !(1900..=2199).contains(&year) {
        return None;
    }
    let golden = year.rem_euclid(19);
    let (century, of_century) = (year.div_euclid(100), year.rem_euclid(100));
    let corrected = (century + 8) / 25;
    let moon = (century - corrected + 1) / 3;
    let epact = (19 * golden + century - century / 4 - moon + 15).rem_euclid(30);
    let to_sunday =
        (32 + 2 * (century % 4) + 2 * (of_century / 4) - epact - of_century % 4).rem_euclid(7);
    let late = (golden + 11 * epact + 22 * to_sunday) / 451;
    let sum = epact + to_sunday - 7 * late + 114;
    day_of(year, (sum / 31) as u32, (sum % 31) as u32 + 1)
}

/// Days from Easter Sunday of a year to a day, from a week before to nine weeks after (Corpus Christi).
pub(super) fn easter_offset(year: i64, day: i64) -> Option<i8> {
    let sunday = easter(i32::try_from(year).ok()?)?;
    let offset = i8::try_from(day - i64::from(sunday)).ok()?;
    (-7..=63).contains(&offset).then_some(offset)
}

fn day_of(year: i32, month: u32, day: u32) -> Option<i32> {
    let moment = Moment {
        year,
        month,
        day,
        ..Moment::default()
    };
    moment.since_1970().map(days)
}

/// Monday is 0.
fn weekday(day: i32) -> i32 {
    (day + 3).rem_euclid(7)
}

#[cfg(test)]
#[path = "holidays_tests.rs"]
mod tests;
