//! Counting candidates: each basket walks the prefix tree of the candidates.

use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::prelude::*;

use super::baskets::View;
use super::{Ended, PHASE, check};
use crate::baskets::gate::Gate;
use crate::control::{Stop, reserve};

/// Counts in baskets, one after another.
pub(super) trait Counter {
    /// Counts in one more basket: ascending numbers of items.
    fn add(&mut self, basket: &[u32]) -> Result<(), Ended>;
    /// What was counted.
    fn counts(self) -> Vec<u32>;
}

/// Counts in all baskets. Each thread has a counter of its own and takes a chunk of baskets whenever it is idle.
pub(super) fn count<C: Counter>(
    view: View<'_>,
    new: impl Fn() -> Result<C, Stop> + Sync,
) -> Result<Vec<u32>, Ended> {
    let workers = rayon::current_num_threads().min(view.chunks()).max(1);
    let next = AtomicUsize::new(0);
    let parts = (0..workers).into_par_iter().map(|_| {
        let mut counter = new()?;
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            if chunk >= view.chunks() {
                return Ok(counter.counts());
            }
            for basket in view.chunk(chunk) {
                counter.add(basket)?;
            }
        }
    });
    let mut parts = parts.collect::<Result<Vec<Vec<u32>>, Ended>>()?;
    let mut sums = parts.pop().unwrap_or_default();
    for part in parts {
        for (sum, more) in sums.iter_mut().zip(part) {
            *sum += more;
        }
    }
    Ok(sums)
}

/// Work that may be done before the next look at the gate.
pub(super) struct Credit<'a> {
    gate: &'a Gate<'a>,
    length: usize,
    left: usize,
}

impl<'a> Credit<'a> {
    /// Steps of a nanosecond to ten.
    const STEPS_PER_LOOK: usize = 1 << 20;

    /// For itemsets of `length` items. The first step looks.
    pub(super) fn new(gate: &'a Gate<'a>, length: usize) -> Credit<'a> {
        Credit {
            gate,
            length,
            left: 0,
        }
    }

    /// Takes some steps.
    #[inline]
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Ended> {
        match self.left.checked_sub(steps) {
            Some(left) => self.left = left,
            None => {
                check(self.gate, self.length)?;
                self.left = Self::STEPS_PER_LOOK;
            }
        }
        Ok(())
    }
}

/// One level of the candidates' tree.
#[derive(Debug, Default)]
pub(super) struct Row {
    /// The last item of each prefix, or of each candidate.
    pub items: Vec<u32>,
    /// Where those end that prolong it, in the next row; a candidate has none.
    pub ends: Vec<u32>,
}

/// Walks a tree of candidates whose rows are `rows`, of as many items as there are rows.
pub(super) struct Walker<'a> {
    rows: &'a [Row],
    /// By item: its place in the basket from 1, 0 for items that are not in it.
    places: Vec<u32>,
    counts: Vec<u32>,
    credit: Credit<'a>,
}

impl<'a> Walker<'a> {
    /// For baskets of items below `width`.
    pub(super) fn new(
        rows: &'a [Row],
        width: usize,
        gate: &'a Gate<'a>,
    ) -> Result<Walker<'a>, Stop> {
        let mut walker = Walker {
            rows,
            places: Vec::new(),
            counts: Vec::new(),
            credit: Credit::new(gate, rows.len()),
        };
        let candidates = rows.last().map_or(0, |r| r.items.len());
        reserve(&mut walker.places, width, PHASE)?;
        walker.places.resize(width, 0);
        reserve(&mut walker.counts, candidates, PHASE)?;
        walker.counts.resize(candidates, 0);
        Ok(walker)
    }

    /// Counts in a basket below a prefix: those of `rows[0]` from `start` to `end` prolong it, and its last item is before
    /// `from` in the basket.
    fn descend(
        &mut self,
        rows: &'a [Row],
        (start, end): (usize, usize),
        basket: &[u32],
        from: usize,
    ) -> Result<(), Ended> {
        let Some((row, deeper)) = rows.split_first() else {
            return Ok(());
        };
        let items = row.items.get(start..end).unwrap_or_default();
        let rest = basket.get(from..).unwrap_or_default();
        // Either each that prolongs is looked up in the basket, or, when the basket is far shorter, the other way round.
        let search = items.len() / 8 > rest.len();
        self.credit
            .spend(if search { rest.len() * 8 } else { items.len() })?;
        if deeper.is_empty() {
            let counts = self.counts.get_mut(start..end).unwrap_or_default();
            if search {
                for item in rest {
                    if let Ok(at) = items.binary_search(item)
                        && let Some(count) = counts.get_mut(at)
                    {
                        *count += 1;
                    }
                }
            } else {
                let places = self.places.as_slice();
                for (count, item) in counts.iter_mut().zip(items) {
                    let is_there = places.get(*item as usize).is_some_and(|p| *p > 0);
                    *count += u32::from(is_there);
                }
            }
        } else if search {
            for (place, item) in (from + 1..).zip(rest) {
                if basket.len() - place < deeper.len() {
                    break;
                }
                if let Ok(at) = items.binary_search(item) {
                    self.below(row, deeper, start + at, basket, place)?;
                }
            }
        } else {
            for (at, item) in (start..).zip(items) {
                let place = self.places.get(*item as usize).copied().unwrap_or(0) as usize;
                if place > 0 && basket.len() - place >= deeper.len() {
                    self.below(row, deeper, at, basket, place)?;
                }
            }
        }
        Ok(())
    }

    fn below(
        &mut self,
        row: &'a Row,
        deeper: &'a [Row],
        at: usize,
        basket: &[u32],
        from: usize,
    ) -> Result<(), Ended> {
        let start = at.checked_sub(1).and_then(|before| row.ends.get(before));
        let end = row.ends.get(at).copied().unwrap_or(0) as usize;
        let start = start.copied().unwrap_or(0) as usize;
        self.descend(deeper, (start, end), basket, from)
    }
}

impl Counter for Walker<'_> {
    fn add(&mut self, basket: &[u32]) -> Result<(), Ended> {
        for (place, item) in (1u32..).zip(basket) {
            if let Some(slot) = self.places.get_mut(*item as usize) {
                *slot = place;
            }
        }
        let end = self.rows.first().map_or(0, |r| r.items.len());
        self.descend(self.rows, (0, end), basket, 0)?;
        for item in basket {
            if let Some(slot) = self.places.get_mut(*item as usize) {
                *slot = 0;
            }
        }
        Ok(())
    }

    fn counts(self) -> Vec<u32> {
        self.counts
    }
}
