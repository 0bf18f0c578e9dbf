//! The splits of an itemset: the supports of its parts, and the thresholds that a rule must reach.

use super::index::{Index, ROOT};
use super::measures::Counts;
use super::threshold::Fraction;

/// What the search compares with.
pub(super) struct Thresholds {
    pub confidence: Fraction,
    pub lift: Fraction,
    pub improvement: Option<Fraction>,
}

impl Thresholds {
    /// How much a rule improves on simpler ones, if it reaches all thresholds. `best_simpler` is the highest confidence of a
    /// simpler rule, as the parts of a fraction.
    pub(super) fn passed(
        &self,
        counts: Counts,
        best_simpler: impl Fn() -> (u32, u32),
    ) -> Option<f64> {
        let (found, expected) = counts.found_and_expected();
        let (both, left) = (u128::from(counts.both), u128::from(counts.left));
        if !self.confidence.is_reached_by(both, left) || !self.lift.is_reached_by(found, expected) {
            return None;
        }
        let (part, whole) = best_simpler();
        let (part, whole) = (u128::from(part), u128::from(whole));
        let (own, other) = (both * whole, part * left);
        if let Some(least) = self.improvement {
            let more = own.checked_sub(other).filter(|more| *more > 0)?;
            least.is_reached_by(more, left * whole).then_some(())?;
        }
        // Both are below 2^64.
        Some((own as i128 - other as i128) as f64 / (left * whole) as f64)
    }
}

/// The supports of all subsets of an itemset, by their bits.
#[derive(Default)]
pub(super) struct Subsets {
    places: Vec<u32>,
    supports: Vec<u32>,
}

impl Subsets {
    /// Reads them from the index; false when one is not there.
    pub(super) fn read(&mut self, path: &[u32], index: &Index<'_>, total: u32) -> bool {
        self.places.clear();
        self.supports.clear();
        self.places.push(ROOT);
        self.supports.push(total);
        let nodes = index.itemsets().nodes();
        for item in path {
            // The subsets with this item as the last: each one so far, and this item.
            for at in 0..self.places.len() {
                let child = self.places.get(at).and_then(|p| index.child(*p, *item));
                let node = child.and_then(|c| nodes.get((c as usize).checked_sub(1)?));
                let (Some(place), Some(node)) = (child, node) else {
                    return false;
                };
                self.places.push(place);
                self.supports.push(node.support);
            }
        }
        true
    }

    /// Of a subset; of the empty one all baskets.
    pub(super) fn support(&self, mask: u32) -> u32 {
        self.supports.get(mask as usize).copied().unwrap_or(0)
    }

    /// The highest confidence of a rule from fewer items of `from` to all of `to`, as the parts of a fraction.
    pub(super) fn best_simpler(&self, from: u32, to: u32) -> (u32, u32) {
        let mut best = (self.support(to), self.support(0));
        let mut part = from.wrapping_sub(1) & from;
        while part != 0 {
            let (both, left) = (self.support(part | to), self.support(part));
            if u64::from(both) * u64::from(best.1) > u64::from(best.0) * u64::from(left) {
                best = (both, left);
            }
            part = part.wrapping_sub(1) & from;
        }
        best
    }
}
