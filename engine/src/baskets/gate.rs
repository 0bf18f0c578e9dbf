//! How much may be found: the limits that keep mining from exploding.
//!
//! What is over a limit is cut by length: the result is every frequent itemset of up to so many items, never an arbitrary
//! part of them. When there are too many itemsets, or time has run out, the longest are dropped and no longer looked for.
//! The length that remains is the greatest one up to which all itemsets together are few enough, whatever the order in which
//! an algorithm finds them and however many threads it has (but for a limit of time, which depends on the machine).

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::itemsets::Node;
use crate::control::{Control, Stop};

/// The most items of an itemset. Longer ones have more subsets than can be counted.
pub const LONGEST: usize = 64;

/// A limit that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cap {
    /// More itemsets than `max_itemsets`.
    Itemsets,
    /// More itemsets than there is memory for.
    Memory,
    /// More time than `time_budget_ms`.
    Time,
    /// More rules than `max_rules`.
    Rules,
    /// More rules to test, or more simpler ones to compare them with, than is ever done.
    Tests,
}

/// What a search may find.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Items of an itemset; 1 to [`LONGEST`].
    pub max_len: usize,
    /// Itemsets.
    pub max_itemsets: u64,
}

/// Shared by all threads of a search: counts what is found and says how long itemsets may still be.
pub struct Gate<'a> {
    control: &'a dyn Control,
    /// The share of its time that the work has used: 1 is all of it.
    spent: &'a (dyn Fn() -> f64 + Sync),
    max_itemsets: u64,
    counts: [AtomicU64; LONGEST + 1],
    longest: AtomicUsize,
    /// Items of the itemsets that are looked for now, where an algorithm goes by length.
    sought: AtomicUsize,
    over_itemsets: AtomicBool,
    over_time: AtomicBool,
    /// The share of the time at which the length is lowered next, in millionths.
    alarm: AtomicU64,
}

const MILLION: f64 = 1e6;

impl<'a> Gate<'a> {
    /// A gate for one search. `spent` tells the share of its time that it has used.
    pub fn new(
        limits: Limits,
        spent: &'a (dyn Fn() -> f64 + Sync),
        control: &'a dyn Control,
    ) -> Gate<'a> {
        Gate {
            control,
            spent,
            max_itemsets: limits.max_itemsets,
            counts: [const { AtomicU64::new(0) }; LONGEST + 1],
            longest: AtomicUsize::new(limits.max_len.clamp(1, LONGEST)),
            sought: AtomicUsize::new(0),
            over_itemsets: AtomicBool::new(false),
            over_time: AtomicBool::new(false),
            alarm: AtomicU64::new(500_000),
        }
    }

    /// The control that the search is under.
    #[must_use]
    pub fn control(&self) -> &'a dyn Control {
        self.control
    }

    /// How many items an itemset may have; it falls when a limit is reached.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.longest.load(Ordering::Relaxed)
    }

    /// Tells that all shorter itemsets are found: when time runs out, only those of `length` items and longer are dropped.
    pub fn looking_for(&self, length: usize) {
        self.sought.fetch_max(length, Ordering::Relaxed);
    }

    /// Counts `more` itemsets of `length` items that were found.
    pub fn found(&self, length: usize, more: u64) {
        if let Some(count) = self.counts.get(length) {
            // Sequentially consistent: of two threads that count at once, one sees both counts.
            count.fetch_add(more, Ordering::SeqCst);
        }
        loop {
            let longest = self.longest();
            if longest <= 1 || self.sum(longest) <= self.max_itemsets {
                break;
            }
            self.over_itemsets.store(true, Ordering::Relaxed);
            // Unless another thread has lowered it: the sum is of this length alone.
            let _lowered = self.longest.compare_exchange(
                longest,
                longest - 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        }
    }

    /// Itemsets of up to `longest` items that were found.
    fn sum(&self, longest: usize) -> u64 {
        let kept = self.counts.iter().take(longest + 1);
        kept.map(|c| c.load(Ordering::SeqCst))
            .fold(0, u64::saturating_add)
    }

    /// Looks whether the work was cancelled, and at the time: to be called at least every 50 ms. Half of the time is for all
    /// lengths, half of the rest for one item less than the longest found, and so on.
    ///
    /// # Errors
    /// [`Stop::Cancelled`].
    pub fn check(&self) -> Result<(), Stop> {
        self.control.check()?;
        let now = ((self.spent)() * MILLION) as u64;
        let alarm = self.alarm.load(Ordering::Relaxed);
        if now < alarm {
            return Ok(());
        }
        let next = alarm + (1_000_000u64.saturating_sub(alarm) / 2).max(1);
        let ours = self
            .alarm
            .compare_exchange(alarm, next, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        if ours && self.longest() > 1 {
            self.over_time.store(true, Ordering::Relaxed);
            let used = |length: &usize| {
                let count = self.counts.get(*length);
                count.is_some_and(|c| c.load(Ordering::Relaxed) > 0)
            };
            let found = (1..=self.longest()).rev().find(used).unwrap_or(1);
            let longest = found.max(self.sought.load(Ordering::Relaxed));
            self.longest
                .fetch_min(longest.saturating_sub(1).max(1), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Drops the nodes that are longer than is still looked for; miners call it when they have gathered many.
    pub fn prune(&self, nodes: &mut Vec<Node>) {
        let longest = self.longest();
        nodes.retain(|n| n.depth as usize <= longest);
    }

    /// The limits that were reached.
    #[must_use]
    pub fn caps(&self) -> Vec<Cap> {
        let reached = |flag: &AtomicBool, cap| flag.load(Ordering::Relaxed).then_some(cap);
        [
            reached(&self.over_itemsets, Cap::Itemsets),
            reached(&self.over_time, Cap::Time),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
