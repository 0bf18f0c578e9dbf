//! Days and wall-clock time as integers (proleptic Gregorian calendar, no time zone).

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SECOND;

/// First and last year that a sale may have.
const YEARS: std::ops::RangeInclusive<i32> = 1900..=2199;

/// Days from 1970-01-01 to the day of a moment (microseconds since 1970), rounded down.
#[must_use]
pub fn days(micros: i64) -> i32 {
    // i64 microseconds are at most 1.1e8 days.
    micros.div_euclid(MICROS_PER_DAY) as i32
}

/// Year, month and day of a moment (microseconds since 1970).
#[must_use]
pub fn civil(micros: i64) -> (i32, u32, u32) {
    let (year, month, day) = civil_of_day(i64::from(days(micros)));
    // i64 microseconds are at most 292,000 years.
    (year as i32, month, day)
}

/// Year, month and day of a day, counted from 1970-01-01.
#[must_use]
pub fn civil_of_day(day: i64) -> (i64, u32, u32) {
    // Counted from 0000-03-01, so that the leap day is the last of its year; 400 years always have 146,097 days.
    let since = day.saturating_add(719_468);
    let (era, day) = (since.div_euclid(146_097), since.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    (era * 400 + year + carry, month as u32, day_of_month as u32)
}

/// A wall-clock moment in parts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    pub year: i32,
    pub month: u32,
    pub day: u32,
    pub hour: u32,
    pub minute: u32,
    pub second: u32,
    pub micros: u32,
}

impl Moment {
    /// Microseconds since 1970; `None` for a day or time that does not exist, and outside 1900 to 2199.
    pub fn since_1970(&self) -> Option<i64> {
        if !YEARS.contains(&self.year)
            || self.day == 0
            || self.day > days_in_month(self.year, self.month)
            || self.hour > 23
            || self.minute > 59
            || self.second > 59
            || self.micros > 999_999
        {
            return None;
        }
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let month = i64::from((self.month + 9) % 12);
        let day = 365 * year + year / 4 - year / 100
            + year / 400
            + (153 * month + 2) / 5
            + i64::from(self.day)
            - 1;
        let second = i64::from((self.hour * 60 + self.minute) * 60 + self.second);
        Some((day - 719_468) * MICROS_PER_DAY + second * MICROS_PER_SECOND + i64::from(self.micros))
    }
}

/// The days since 1970 of a text like `2011-09-10`; `None` for any other text, and outside 1900 to 2199.
#[must_use]
pub fn parse_day(text: &str) -> Option<i32> {
    let form = text.len() == 10
        && text.bytes().enumerate().all(|(i, b)| match i {
            4 | 7 => b == b'-',
            _ => b.is_ascii_digit(),
        });
    if !form {
        return None;
    }
    let moment = Moment {
        year: text.get(..4)?.parse().ok()?,
        month: text.get(5..7)?.parse().ok()?,
        day: text.get(8..)?.parse().ok()?,
        ..Moment::default()
    };
    moment.since_1970().map(days)
}

/// A day since 1970 as `2011-09-10`.
#[must_use]
pub fn day_text(day: i32) -> String {
    let (year, month, day) = civil_of_day(i64::from(day));
    format!("{year:04}-{month:02}-{day:02}")
}

/// 0 for a month that does not exist.
fn days_in_month(year: i32, month: u32) -> u32 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use chrono::{DateTime, Datelike, NaiveDate};
    use proptest::prelude::*;

    #[test]
    fn days_are_written_and_read() {
        for (text, day) in [
            ("1970-01-01", 0),
            ("2011-09-10", 15_227),
            ("1900-01-01", -25_567),
        ] {
            assert_eq!(parse_day(text), Some(day));
            assert_eq!(day_text(day), text);
        }
        for text in [
            "2011-02-29",
            "2011-9-10",
            "20110910",
            "2011-09-10 ",
            "1899-12-31",
            "+011-09-10",
            "",
            "ü11-09-10",
        ] {
            assert_eq!(parse_day(text), None, "{text}");
        }
    }

    #[test]
    fn every_day_agrees_with_chrono() {
        let mut day = NaiveDate::from_ymd_opt(1900, 1, 1).unwrap();
        while day.year() <= 2199 {
            let micros = day
                .and_hms_micro_opt(23, 59, 59, 999_999)
                .unwrap()
                .and_utc()
                .timestamp_micros();
            let parts = Moment {
                year: day.year(),
                month: day.month(),
                day: day.day(),
                hour: 23,
                minute: 59,
                second: 59,
                micros: 999_999,
            };
            assert_eq!(parts.since_1970(), Some(micros));
            assert_eq!(civil(micros), (day.year(), day.month(), day.day()));
            let day_no = i64::from(days(micros));
            let year = i64::from(day.year());
            assert_eq!(civil_of_day(day_no), (year, day.month(), day.day()));
            day = day.succ_opt().unwrap();
        }
    }

    #[test]
    fn days_are_rounded_down() {
        assert_eq!(
            (
                days(-1),
                days(0),
                days(MICROS_PER_DAY - 1),
                days(MICROS_PER_DAY)
            ),
            (-1, 0, 0, 1)
        );
        assert_eq!(civil(-1), (1969, 12, 31));
    }

    proptest! {
        #[test]
        fn any_moment_has_its_civil_date(micros in -8_000_000_000_000_000_000_i64..8_000_000_000_000_000_000) {
            let date = DateTime::from_timestamp_micros(micros).unwrap().date_naive();
            prop_assert_eq!(civil(micros), (date.year(), date.month(), date.day()));
        }

        #[test]
        fn a_date_exists_when_chrono_says_so(year in 1900_i32..2200, month in 0_u32..14, day in 0_u32..33) {
            let ours = Moment { year, month, day, ..Moment::default() }.since_1970();
            let theirs = NaiveDate::from_ymd_opt(year, month, day)
                .map(|d| d.and_hms_opt(0, 0, 0).unwrap().and_utc().timestamp_micros());
            prop_assert_eq!(ours, theirs);
        }
    }
}
