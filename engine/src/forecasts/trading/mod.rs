//! Which days a shop is open: learnt from the days on which it was, for the days that come.
//!
//! What is expected closed, each from the days before the cutoff alone:
//! - a weekday on which the shop hardly ever opens;
//! - a date (24 December) that was closed in every year in which it could have been open;
//! - a day so far from Easter, likewise;
//! - the n-th or last such weekday of a month (last Monday in August), likewise;
//! - a known holiday whose like were closed so far; one that has no like (a jubilee), when nearly all others were.
//!
//! One closed day in one year is no rule: two years must agree. One year is enough for a known holiday and for the days of a
//! break, which is a run of closed days around Christmas, New Year, Easter or another holiday that has a fixed date.

mod keys;
mod learn;

use serde::{Deserialize, Serialize};

use keys::{Keys, Nth, Table, weekday};

/// When a shop is expected to be open.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Opening {
    /// Closed weekdays, Monday first.
    weekdays: [bool; 7],
    /// Closed dates (month, day), ascending.
    dates: Vec<(u8, u8)>,
    /// Closed days by their distance from Easter Sunday, ascending.
    easter: Vec<i8>,
    /// Closed weekdays of a month, ascending.
    nth: Vec<Nth>,
    /// Closed days (since 1970) that no rule tells, ascending.
    days: Vec<i32>,
}

impl Opening {
    /// A shop that never closes.
    #[must_use]
    pub fn always() -> Opening {
        Opening::default()
    }

    /// Learns from consecutive calendar days: whether the shop was `open` on the day `first` (since 1970), on the next one and so on.
    /// `holidays` are days since 1970, past and coming ones, in any order; none is needed.
    #[must_use]
    pub fn learn(first: i32, open: &[bool], holidays: &[i32]) -> Opening {
        let Some(weekdays) = learn::closed_weekdays(first, open) else {
            return Opening::always();
        };
        let mut opening = Opening {
            weekdays,
            ..Opening::default()
        };
        let days: Vec<Keys> = (i64::from(first)..)
            .take(open.len())
            .map(Keys::of)
            .collect();
        let table = Table::new(holidays);
        let years = opening.years_to_agree(&days, open);
        opening.learn_breaks(&days, open, &table, years);
        opening.learn_nth(&days, open, years);
        opening.learn_holidays(first, &days, open, &table);
        opening
    }

    fn is_closed_on(&self, weekday: usize) -> bool {
        self.weekdays.get(weekday).is_some_and(|closed| *closed)
    }

    fn open_by_rules(&self, keys: &Keys) -> bool {
        !self.is_closed_on(keys.weekday)
            && self.dates.binary_search(&keys.date).is_err()
            && keys
                .easter
                .is_none_or(|offset| self.easter.binary_search(&offset).is_err())
            && keys
                .nth
                .iter()
                .flatten()
                .all(|nth| self.nth.binary_search(nth).is_err())
    }

    /// Whether the shop is expected to be open on a day (since 1970).
    #[must_use]
    pub fn is_open(&self, day: i32) -> bool {
        self.days.binary_search(&day).is_err() && self.open_by_rules(&Keys::of(i64::from(day)))
    }

    /// Whether a day (since 1970) is on a weekday on which the shop opens.
    #[must_use]
    pub fn opens_on(&self, day: i32) -> bool {
        !self.is_closed_on(weekday(i64::from(day)))
    }

    /// Weekdays on which the shop opens: the steps of a week in a series of trading days. 1 to 7.
    #[must_use]
    pub fn days_a_week(&self) -> usize {
        self.weekdays.iter().filter(|closed| !**closed).count()
    }

    /// Whether the shop is expected to be open on every day.
    #[must_use]
    pub fn is_always(&self) -> bool {
        *self == Opening::default()
    }

    /// The trading days among consecutive calendar days, of which `first` (since 1970) is the first: their places, ascending. A
    /// trading day is a day on which the shop was open, and not on a weekday on which it hardly ever is: what it took on its
    /// single Saturday belongs to no day of its week and would move all later weeks by a step.
    #[must_use]
    pub fn trading_days(&self, first: i32, open: &[bool]) -> Vec<usize> {
        let days = (i64::from(first)..).zip(open).enumerate();
        days.filter(|(_, (day, open))| **open && !self.is_closed_on(weekday(*day)))
            .map(|(at, _)| at)
            .collect()
    }

    /// For each of the `horizon` days after the day `last`: its place among the trading days ahead, or nothing where the shop is
    /// expected to be closed, so that a forecast of trading days becomes one of calendar days.
    #[must_use]
    pub fn ahead(&self, last: i32, horizon: usize) -> Vec<Option<usize>> {
        let mut next = 0;
        (1..=horizon)
            .map(|ahead| {
                let day = i32::try_from(ahead).map_or(i32::MAX, |a| last.saturating_add(a));
                self.is_open(day).then(|| {
                    next += 1;
                    next - 1
                })
            })
            .collect()
    }

    /// Verifies an opening that was read from bytes.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.days_a_week() == 0 {
            return Err("no weekday is open");
        }
        let sorted = self.dates.is_sorted_by(|a, b| a < b)
            && self.easter.is_sorted_by(|a, b| a < b)
            && self.nth.is_sorted_by(|a, b| a < b)
            && self.days.is_sorted_by(|a, b| a < b);
        if !sorted {
            return Err("closed days are out of order");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
