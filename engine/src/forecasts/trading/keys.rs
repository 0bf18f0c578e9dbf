//! What days of different years have in common.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::super::holidays::easter_offset;
use crate::calendar::civil_of_day;

/// The n-th such weekday of a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Nth {
    month: u8,
    /// Monday is 0.
    weekday: u8,
    /// 1 to 5; 0 for the last.
    n: u8,
}

/// A day with its keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    pub(super) weekday: usize,
    pub(super) date: (u8, u8),
    pub(super) easter: Option<i8>,
    pub(super) nth: [Option<Nth>; 2],
}

impl Keys {
    pub(super) fn of(day: i64) -> Keys {
        let (year, month, of_month) = civil_of_day(day);
        let weekday = weekday(day);
        let month = month as u8;
        let nth = |n| Nth {
            month,
            weekday: weekday as u8,
            n,
        };
        let is_last = civil_of_day(day + 7).1 as u8 != month;
        let count = of_month.div_ceil(7) as u8;
        Keys {
            weekday,
            date: (month, of_month as u8),
            easter: easter_offset(year, day),
            nth: [Some(nth(count)), is_last.then(|| nth(0))],
        }
    }
}

/// Monday is 0.
pub(super) fn weekday(day: i64) -> usize {
    (day + 3).rem_euclid(7) as usize
}

/// What makes two holidays of different years the same one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Date((u8, u8)),
    Easter(i8),
    Nth([Option<Nth>; 2]),
}

impl Kind {
    pub(super) fn is_like(&self, other: &Kind) -> bool {
        match (self, other) {
            (Kind::Nth(a), Kind::Nth(b)) => a.iter().zip(b).any(|(a, b)| a.is_some() && a == b),
            _ => self == other,
        }
    }
}

/// The days that a table of holidays holds year after year.
pub(super) struct Table {
    /// Ascending.
    pub(super) days: Vec<i32>,
    pub(super) dates: BTreeSet<(u8, u8)>,
    easter: BTreeSet<i8>,
}

impl Table {
    pub(super) fn new(holidays: &[i32]) -> Table {
        let mut days = holidays.to_vec();
        days.sort_unstable();
        days.dedup();
        let mut years = BTreeSet::new();
        let mut dates: BTreeMap<(u8, u8), usize> = BTreeMap::new();
        let mut easter: BTreeMap<i8, usize> = BTreeMap::new();
        for day in &days {
            let keys = Keys::of(i64::from(*day));
            years.insert(civil_of_day(i64::from(*day)).0);
            *dates.entry(keys.date).or_default() += 1;
            if let Some(offset) = keys.easter {
                *easter.entry(offset).or_default() += 1;
            }
        }
        let most = |n: usize| n >= 2 && 2 * n > years.len();
        let christmas_and_new_year = [(12, 25), (1, 1)];
        let dates = dates.into_iter().filter(|(_, n)| most(*n));
        let easter = easter.into_iter().filter(|(_, n)| most(*n));
        Table {
            dates: dates
                .map(|(d, _)| d)
                .chain(christmas_and_new_year)
                .collect(),
            easter: easter.map(|(offset, _)| offset).collect(),
            days,
        }
    }

    pub(super) fn kind(&self, keys: &Keys) -> Kind {
        match keys.easter {
            _ if self.dates.contains(&keys.date) => Kind::Date(keys.date),
            Some(offset) if self.easter.contains(&offset) => Kind::Easter(offset),
            _ => Kind::Nth(keys.nth),
        }
    }
}
