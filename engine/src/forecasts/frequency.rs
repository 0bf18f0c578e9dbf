//! How far apart the steps of a series are.

use serde::{Deserialize, Serialize};

use super::ForecastError;
use crate::calendar::{Moment, civil};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3_600 * SECOND;
/// Microseconds of a day.
pub const DAY: i64 = 24 * HOUR;

/// The distance between two steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frequency {
    /// So many microseconds, an hour, a day and a week among them.
    Every(i64),
    /// So many calendar months, on the same day of the month (or the last one).
    Months(u32),
}

/// The names, as `freq` takes them.
const NAMES: [(&str, Frequency); 8] = [
    ("minute", Frequency::Every(60 * SECOND)),
    ("hour", Frequency::HOUR),
    ("day", Frequency::DAY),
    ("week", Frequency::WEEK),
    ("month", Frequency::MONTH),
    ("quarter", Frequency::Months(3)),
    ("year", Frequency::Months(12)),
    ("half-hour", Frequency::Every(HOUR / 2)),
];

impl Frequency {
    /// A step an hour.
    pub const HOUR: Frequency = Frequency::Every(HOUR);
    /// A step a day.
    pub const DAY: Frequency = Frequency::Every(DAY);
    /// A step a week.
    pub const WEEK: Frequency = Frequency::Every(7 * DAY);
    /// A step a month.
    pub const MONTH: Frequency = Frequency::Months(1);

    /// The frequency of a name; `None` for `auto`. The letters of pandas (`H`, `D`, `W`, `M`, `MS`, `Q`, `QS`, `Y`, `YS`) do too.
    ///
    /// # Errors
    /// [`ForecastError::Unknown`] for any other.
    pub fn parse(name: &str) -> Result<Option<Frequency>, ForecastError> {
        let lower = name.trim().to_ascii_lowercase();
        let long = match lower.as_str() {
            "auto" => return Ok(None),
            "min" | "t" => "minute",
            "h" | "hourly" => "hour",
            "d" | "daily" => "day",
            "w" | "weekly" => "week",
            "m" | "ms" | "me" | "monthly" => "month",
            "q" | "qs" | "qe" | "quarterly" => "quarter",
            "y" | "ys" | "ye" | "a" | "yearly" => "year",
            other => other,
        };
        if let Some((_, found)) = NAMES.iter().find(|(known, _)| *known == long) {
            return Ok(Some(*found));
        }
        let mut known = vec!["auto"];
        known.extend(NAMES.iter().map(|(name, _)| *name));
        Err(ForecastError::unknown("freq", name, &known))
    }

    /// The frequency of ascending moments, all different: calendar months where all of them fit, otherwise the commonest
    /// distance (the shortest of equally common ones), or a whole fraction of it that most moments fit on. A day for less than
    /// two moments.
    #[must_use]
    pub fn detect(stamps: &[i64]) -> Frequency {
        if let Some(months) = months_apart(stamps) {
            return Frequency::Months(months);
        }
        let mut gaps: Vec<i64> = stamps
            .iter()
            .zip(stamps.iter().skip(1))
            .map(|(a, b)| b.saturating_sub(*a))
            .filter(|g| *g > 0)
            .collect();
        gaps.sort_unstable();
        let mut best = (0usize, DAY);
        for group in gaps.chunk_by(|a, b| a == b) {
            if group.len() > best.0
                && let Some(gap) = group.first()
            {
                best = (group.len(), *gap);
            }
        }
        Frequency::Every(best.1)
    }

    /// The name, or how long a step is.
    #[must_use]
    pub fn name(self) -> String {
        match NAMES.iter().find(|(_, known)| *known == self) {
            Some((name, _)) => (*name).to_owned(),
            None => match self {
                Frequency::Every(micros) => format!("{} seconds", micros as f64 / SECOND as f64),
                Frequency::Months(months) => format!("{months} months"),
            },
        }
    }

    /// The steps of the season that most series of this frequency have; 1 for none.
    #[must_use]
    pub fn season(self) -> usize {
        match self {
            Frequency::Every(micros) if micros == 7 * DAY => 52,
            Frequency::Every(micros) if micros == DAY => 7,
            Frequency::Every(micros) if micros > 0 && micros < DAY && DAY % micros == 0 => {
                usize::try_from(DAY / micros).unwrap_or(1)
            }
            Frequency::Months(months) if months > 0 && 12 % months == 0 && months < 12 => {
                12 / months as usize
            }
            _ => 1,
        }
    }

    /// The moment `steps` after `first`; `None` outside of the years 1900 to 2199 (for months) or of what 64 bits hold.
    #[must_use]
    pub fn after(self, first: i64, steps: usize) -> Option<i64> {
        let steps = i64::try_from(steps).ok()?;
        match self {
            Frequency::Every(micros) => first.checked_add(micros.checked_mul(steps)?),
            Frequency::Months(months) => {
                let (year, month, day) = civil(first);
                let months = i64::from(year) * 12 + i64::from(month) - 1
                    + steps.checked_mul(i64::from(months))?;
                let year = i32::try_from(months.div_euclid(12)).ok()?;
                let month = u32::try_from(months.rem_euclid(12)).ok()? + 1;
                let last = is_month_end(first);
                let days = if last {
                    (28..=31).rev()
                } else {
                    (28.min(day)..=day).rev()
                };
                // The last day that the month has.
                let midnight = days.into_iter().find_map(|day| {
                    Moment {
                        year,
                        month,
                        day,
                        ..Moment::default()
                    }
                    .since_1970()
                })?;
                midnight.checked_add(first.rem_euclid(DAY))
            }
        }
    }

    /// The step after `first` that a moment belongs to, and whether it is exactly there; `None` for a moment before `first`.
    /// For months all moments of a month belong to its step.
    #[must_use]
    pub fn steps_between(self, first: i64, stamp: i64) -> Option<(usize, bool)> {
        if stamp < first && !matches!(self, Frequency::Months(_)) {
            return None;
        }
        match self {
            Frequency::Every(micros) => {
                let distance = stamp.checked_sub(first)?;
                let steps = usize::try_from(distance.checked_div(micros)?).ok()?;
                Some((steps, distance % micros == 0))
            }
            Frequency::Months(each) => {
                let month = |stamp| {
                    let (year, month, _) = civil(stamp);
                    i64::from(year) * 12 + i64::from(month)
                };
                let apart = usize::try_from(month(stamp) - month(first)).ok()?;
                let each = each.max(1) as usize;
                Some((apart / each, apart % each == 0))
            }
        }
    }
}

fn is_month_end(stamp: i64) -> bool {
    stamp
        .checked_add(DAY)
        .is_some_and(|next| civil(next).2 == 1)
}

/// The months between moments that all lie on one day of the month (or all on the last one), at one time of day.
fn months_apart(stamps: &[i64]) -> Option<u32> {
    let first = *stamps.first()?;
    if stamps.len() < 3 {
        return None;
    }
    let day = civil(first).2;
    let one_day = stamps.iter().all(|s| civil(*s).2 == day);
    if !(one_day || stamps.iter().all(|s| is_month_end(*s)))
        || stamps
            .iter()
            .any(|s| s.rem_euclid(DAY) != first.rem_euclid(DAY))
    {
        return None;
    }
    let mut each: i64 = 0;
    let month = |stamp: i64| {
        let (year, month, _) = civil(stamp);
        i64::from(year) * 12 + i64::from(month)
    };
    for (a, b) in stamps.iter().zip(stamps.iter().skip(1)) {
        each = gcd(each, month(*b) - month(*a));
    }
    // Days of a year apart may as well be every 365 days.
    u32::try_from(each).ok().filter(|m| *m > 0)
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a.abs() } else { gcd(b, a % b) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn at(year: i32, month: u32, day: u32) -> i64 {
        Moment {
            year,
            month,
            day,
            ..Moment::default()
        }
        .since_1970()
        .unwrap()
    }

    #[test]
    fn steps_go_by_the_calendar() {
        let january = at(2011, 1, 31);
        let after = |steps| Frequency::MONTH.after(january, steps).unwrap();
        assert_eq!(
            [after(0), after(1), after(3), after(13)],
            [january, at(2011, 2, 28), at(2011, 4, 30), at(2012, 2, 29)]
        );
        assert_eq!(
            Frequency::Months(3).after(at(2011, 1, 15), 2),
            Some(at(2011, 7, 15))
        );
        assert_eq!(Frequency::DAY.after(january, 2), Some(at(2011, 2, 2)));
        assert_eq!(Frequency::MONTH.after(at(2199, 12, 1), 1), None);
        assert_eq!(
            Frequency::MONTH.steps_between(at(2011, 3, 1), at(2012, 2, 1)),
            Some((11, true))
        );
        assert_eq!(
            Frequency::DAY.steps_between(january, january + DAY + 1),
            Some((1, false))
        );
        assert_eq!(Frequency::DAY.steps_between(january, january - 1), None);
    }

    #[test]
    fn the_frequency_is_seen() {
        let daily: Vec<i64> = [0, 1, 2, 4, 5, 7, 8]
            .map(|d| at(2011, 1, 1) + d * DAY)
            .to_vec();
        assert_eq!(Frequency::detect(&daily), Frequency::DAY);
        let monthly = [at(2011, 1, 1), at(2011, 2, 1), at(2011, 4, 1)];
        assert_eq!(Frequency::detect(&monthly), Frequency::MONTH);
        let ends = [at(2011, 1, 31), at(2011, 2, 28), at(2011, 3, 31)];
        assert_eq!(Frequency::detect(&ends), Frequency::MONTH);
        let quarters = [at(2011, 1, 1), at(2011, 4, 1), at(2011, 7, 1)];
        assert_eq!(Frequency::detect(&quarters), Frequency::Months(3));
        let weeks = [at(2011, 1, 3), at(2011, 1, 10), at(2011, 1, 17)];
        assert_eq!(Frequency::detect(&weeks), Frequency::WEEK);
        let hours = [0, HOUR, 2 * HOUR, 5 * HOUR];
        assert_eq!(Frequency::detect(&hours), Frequency::HOUR);
        assert_eq!(Frequency::detect(&[]), Frequency::DAY);
        assert_eq!(
            [
                Frequency::HOUR,
                Frequency::DAY,
                Frequency::WEEK,
                Frequency::MONTH
            ]
            .map(Frequency::season),
            [24, 7, 52, 12]
        );
    }

    #[test]
    fn names_are_read() {
        assert_eq!(Frequency::parse("auto").unwrap(), None);
        for (name, frequency) in NAMES {
            assert_eq!(Frequency::parse(name).unwrap(), Some(frequency));
            assert_eq!(frequency.name(), name);
        }
        assert_eq!(Frequency::parse("MS").unwrap(), Some(Frequency::MONTH));
        let error = Frequency::parse("hours").unwrap_err().to_string();
        assert!(error.contains("did you mean \"hour\""), "{error}");
    }
}
