//! All itemsets over a few items at once: a table of all subsets, small enough for the fastest cache.

use super::found::Found;
use crate::control::Stop;

/// The most items of such a table.
pub(super) const FEW: usize = 6;
const SUBSETS: usize = 1 << FEW;

/// How many baskets hold exactly each subset of a few items: bit 0 is the first item.
#[derive(Debug)]
pub(super) struct Lattice {
    counts: [u32; SUBSETS],
}

impl Lattice {
    pub(super) fn new() -> Lattice {
        Lattice {
            counts: [0; SUBSETS],
        }
    }

    /// Adds `count` baskets that hold these items.
    pub(super) fn add(&mut self, mask: u64, count: u32) {
        if let Some(slot) = self.counts.get_mut(mask as usize) {
            *slot += count;
        }
    }

    /// Finds the frequent itemsets of these items (at most [`FEW`], ascending) below an itemset of `depth - 1` items.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) fn mine(
        &mut self,
        items: &[u32],
        depth: usize,
        min_count: u32,
        found: &mut Found<'_>,
    ) -> Result<(), Stop> {
        let used = self.counts.get_mut(..1 << items.len().min(FEW));
        let used = used.unwrap_or_default();
        // Each subset gets the counts of its supersets, one item after the other.
        for bit in 0..items.len() {
            let half = 1 << bit;
            for pair in used.chunks_exact_mut(2 * half) {
                let (without, with) = pair.split_at_mut(half);
                for (without, with) in without.iter_mut().zip(with) {
                    *without += *with;
                }
            }
        }
        below(used, 0, items, depth, min_count, found)
    }
}

/// Finds the itemsets that extend `set` by the items from `items` on, the last ones of all.
fn below(
    counts: &[u32],
    set: usize,
    items: &[u32],
    depth: usize,
    min_count: u32,
    found: &mut Found<'_>,
) -> Result<(), Stop> {
    let bits = counts.len().trailing_zeros() as usize;
    let first = bits.saturating_sub(items.len());
    for (at, item) in items.iter().enumerate() {
        let with = set | 1 << (first + at);
        let support = counts.get(with).copied().unwrap_or(0);
        if support >= min_count {
            found.push(depth, *item, support)?;
            if depth < found.longest() {
                let rest = items.get(at + 1..).unwrap_or_default();
                below(counts, with, rest, depth + 1, min_count, found)?;
            }
        }
    }
    Ok(())
}
