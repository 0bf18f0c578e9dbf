//! How opening days are learnt.

use std::collections::BTreeMap;

use super::Opening;
use super::keys::{Keys, Kind, Nth, Table, weekday};

/// Occurrences of a weekday that are looked at.
const WEEKS: usize = 52;
/// Fewer occurrences of a weekday tell nothing.
const LEAST_WEEKS: usize = 4;
/// A weekday that was open less often than this is closed.
const SELDOM: f64 = 0.15;
/// The weekday that is open most often must be so at least this often: otherwise the series is one of rare sales, and not of
/// opening days.
const OFTEN: f64 = 0.5;
/// With more closed days than this, breaks and closed weekdays aside, two years agree on a date by chance.
const ODD: f64 = 0.05;
/// So many weeks tell that a weekday has become an open one, when it was open in half of them.
const NEWLY_OPEN: usize = 8;
/// So many weeks tell that a weekday has become a closed one, when it was open in none of them.
const NEWLY_CLOSED: usize = 12;
/// Days around one of which one must be open for it to count for its weekday: a long break says nothing of weekdays.
const NEAR: usize = 3;
/// Days of a break: fewer are a day off, more are a calamity.
const BREAK: std::ops::RangeInclusive<usize> = 3..=21;
/// Closed days of a break that are not on a weekday closed anyway.
const BREAK_UNEXPECTED: usize = 2;
/// Years that must agree where nothing else speaks for a rule.
const YEARS: u32 = 2;
/// Past holidays that must be known to judge one that has no like among them.
const HOLIDAYS: usize = 3;
/// The share of them that must have been closed.
const HOLIDAYS_CLOSED: f64 = 0.8;

/// What past years say of a key.
#[derive(Debug, Clone, Copy, Default)]
struct Votes {
    open: u32,
    closed: u32,
    /// A break or a holiday speaks for it.
    strong: bool,
}

impl Votes {
    fn add(&mut self, open: bool) {
        *(if open {
            &mut self.open
        } else {
            &mut self.closed
        }) += 1;
    }

    fn is_closed(self, years: u32) -> bool {
        self.open == 0 && (self.strong || self.closed >= years)
    }
}

impl Opening {
    /// The years that must agree on a closed day: none are enough where the shop is closed on many days that are no break, for
    /// then they agree by chance.
    pub(super) fn years_to_agree(&self, days: &[Keys], open: &[bool]) -> u32 {
        let (mut odd, mut to) = (0, 0);
        for run in open.chunk_by(|a, b| a == b) {
            let members = days.get(to..to + run.len()).unwrap_or_default();
            to += run.len();
            if run.first() == Some(&false) && run.len() < *BREAK.start() {
                odd += members
                    .iter()
                    .filter(|k| !self.is_closed_on(k.weekday))
                    .count();
            }
        }
        if odd as f64 > ODD * days.len() as f64 {
            u32::MAX
        } else {
            YEARS
        }
    }

    /// Dates and distances from Easter.
    pub(super) fn learn_breaks(&mut self, days: &[Keys], open: &[bool], table: &Table, years: u32) {
        let mut dates: BTreeMap<(u8, u8), Votes> = BTreeMap::new();
        let mut offsets: BTreeMap<i8, Votes> = BTreeMap::new();
        for (keys, open) in days.iter().zip(open) {
            if self.is_closed_on(keys.weekday) {
                continue;
            }
            dates.entry(keys.date).or_default().add(*open);
            if let Some(offset) = keys.easter {
                offsets.entry(offset).or_default().add(*open);
            }
        }
        let mut to = 0;
        for run in open.chunk_by(|a, b| a == b) {
            let members = days.get(to..to + run.len()).unwrap_or_default();
            to += run.len();
            let unexpected = members
                .iter()
                .filter(|k| !self.is_closed_on(k.weekday))
                .count();
            if run.first() != Some(&false)
                || !BREAK.contains(&run.len())
                || unexpected < BREAK_UNEXPECTED
            {
                continue;
            }
            // Easter moves: its break must not be taken for one of a date.
            if members.iter().any(|k| k.easter == Some(0)) {
                for offset in members.iter().filter_map(|k| k.easter) {
                    offsets.entry(offset).or_default().strong = true;
                }
            } else if members.iter().any(|k| table.dates.contains(&k.date)) {
                for keys in members {
                    dates.entry(keys.date).or_default().strong = true;
                }
            }
        }
        self.dates = closed(dates, years);
        self.easter = closed(offsets, years);
    }

    /// Weekdays of a month, from the days that no other rule tells.
    pub(super) fn learn_nth(&mut self, days: &[Keys], open: &[bool], years: u32) {
        let mut votes: BTreeMap<Nth, Votes> = BTreeMap::new();
        for (keys, open) in days.iter().zip(open) {
            if *open || self.open_by_rules(keys) {
                for nth in keys.nth.iter().flatten() {
                    votes.entry(*nth).or_default().add(*open);
                }
            }
        }
        self.nth = closed(votes, years);
    }

    /// The coming holidays on which the shop is expected to close.
    pub(super) fn learn_holidays(
        &mut self,
        first: i32,
        days: &[Keys],
        open: &[bool],
        table: &Table,
    ) {
        // The holidays that could have been open, and whether they were.
        let past: Vec<(Kind, bool)> = table
            .days
            .iter()
            .filter_map(|day| {
                let at = usize::try_from(i64::from(*day) - i64::from(first)).ok()?;
                Some((days.get(at)?, *open.get(at)?))
            })
            .filter(|(keys, _)| !self.is_closed_on(keys.weekday))
            .map(|(keys, open)| (table.kind(keys), open))
            .collect();
        let closed = past.iter().filter(|(_, open)| !open).count();
        let mostly = past.len() >= HOLIDAYS && closed as f64 >= HOLIDAYS_CLOSED * past.len() as f64;
        let end = i64::from(first) + days.len() as i64;
        let coming = table.days.iter().filter(|day| i64::from(**day) >= end);
        let expected_closed = coming.filter(|day| {
            let kind = table.kind(&Keys::of(i64::from(**day)));
            let mut like = past.iter().filter(|(k, _)| k.is_like(&kind)).peekable();
            match like.peek() {
                Some(_) => like.all(|(_, open)| !open),
                None => mostly,
            }
        });
        self.days = expected_closed.copied().collect();
    }
}

fn closed<K>(votes: BTreeMap<K, Votes>, years: u32) -> Vec<K> {
    let closed = votes
        .into_iter()
        .filter(|(_, votes)| votes.is_closed(years));
    closed.map(|(key, _)| key).collect()
}

/// The weekdays on which a shop does not open; nothing where sales are too rare to tell.
pub(super) fn closed_weekdays(first: i32, open: &[bool]) -> Option<[bool; 7]> {
    // Open days before each day, to count those near one.
    let mut before = Vec::with_capacity(open.len() + 1);
    let mut sum = 0usize;
    before.push(sum);
    for open in open {
        sum += usize::from(*open);
        before.push(sum);
    }
    let until = |at: usize| before.get(at.min(open.len())).copied().unwrap_or(sum);
    let mut seen: [Vec<bool>; 7] = Default::default();
    let days = open.iter().enumerate().rev();
    for (at, open) in days.filter(|(at, _)| until(at + NEAR + 1) > until(at.saturating_sub(NEAR))) {
        if let Some(seen) = seen.get_mut(weekday(i64::from(first) + at as i64))
            && seen.len() < WEEKS
        {
            seen.push(*open);
        }
    }
    // The newest first.
    let opened = |seen: &[bool]| seen.iter().filter(|open| **open).count();
    let share = |seen: &[bool]| opened(seen) as f64 / seen.len().max(1) as f64;
    if seen.iter().map(|s| share(s)).fold(0.0, f64::max) < OFTEN {
        return None;
    }
    let closed = seen.map(|seen| {
        let lately = |weeks: usize| seen.get(..weeks).map(opened);
        let newly_open = lately(NEWLY_OPEN).is_some_and(|n| 2 * n >= NEWLY_OPEN);
        let newly_closed = lately(NEWLY_CLOSED) == Some(0);
        let seldom = seen.len() >= LEAST_WEEKS && share(&seen) < SELDOM;
        newly_closed || (seldom && !newly_open)
    });
    closed.contains(&false).then_some(closed)
}
