//! The frequent itemsets of each length, as a prefix tree of which each level lies in a row.

use super::PHASE;
use crate::baskets::Database;
use crate::baskets::gate::Gate;
use crate::baskets::itemsets::Node;
use crate::control::{Charge, Control, Stop, reserve};

/// Itemsets of one length in the order of their items.
#[derive(Debug, Default)]
pub(super) struct Level {
    /// The last item of each.
    pub items: Vec<u32>,
    /// The baskets that hold it.
    pub supports: Vec<u32>,
    /// For each itemset of one item less: where those begin that prolong it. One more for the end.
    pub starts: Vec<u32>,
    charge: Charge,
}

impl Level {
    /// Bytes of an itemset, and of one of the level before.
    const BYTES: (usize, usize) = (8, 4);

    /// A level that prolongs a level of `parents` itemsets.
    fn over(parents: usize, control: &dyn Control) -> Result<Level, Stop> {
        let mut level = Level::default();
        let bytes = (parents + 1) * Self::BYTES.1;
        level.charge.set(bytes as u64, PHASE, control)?;
        reserve(&mut level.starts, parents + 1, PHASE)?;
        Ok(level)
    }

    /// Makes room for `more` itemsets.
    pub(super) fn reserve(&mut self, more: usize, control: &dyn Control) -> Result<(), Stop> {
        let len = self.items.len() + more;
        if len > self.items.capacity() {
            // While they are copied, the old ones are held too.
            let room = len.max(self.items.len() * 2);
            let held = (self.items.capacity() + room) * Self::BYTES.0
                + self.starts.capacity() * Self::BYTES.1;
            self.charge.set(held as u64, PHASE, control)?;
            let more = room - self.items.len();
            reserve(&mut self.items, more, PHASE)?;
            reserve(&mut self.supports, more, PHASE)?;
            let held = room * Self::BYTES.0 + self.starts.capacity() * Self::BYTES.1;
            self.charge.set(held as u64, PHASE, control)?;
        }
        Ok(())
    }

    /// Begins with those that prolong the itemset `parent` of the level before; parents come in ascending order.
    pub(super) fn begin(&mut self, parent: u32) {
        let at = parent as usize + 1;
        if self.starts.len() < at {
            self.starts.resize(at, self.items.len() as u32);
        }
    }

    /// Adds one that prolongs the itemset at which this began.
    pub(super) fn push(&mut self, item: u32, support: u32) {
        self.items.push(item);
        self.supports.push(support);
    }

    /// Those that prolong the itemset `parent` of the level before.
    pub(super) fn below(&self, parent: u32) -> std::ops::Range<u32> {
        let at = parent as usize;
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(start), Some(end)) => *start..*end,
            _ => 0..0,
        }
    }

    /// Pairs of itemsets that differ in the last item alone.
    pub(super) fn joins(&self) -> usize {
        let siblings = self.starts.windows(2).map(|bounds| match *bounds {
            [start, end] => (end - start) as usize,
            _ => 0,
        });
        siblings
            .map(|n| n.saturating_mul(n.saturating_sub(1)) / 2)
            .fold(0, usize::saturating_add)
    }

    /// The last items of some itemsets.
    pub(super) fn items_of(&self, range: std::ops::Range<u32>) -> &[u32] {
        self.items
            .get(range.start as usize..range.end as usize)
            .unwrap_or_default()
    }
}

/// All levels: the first has single items.
#[derive(Debug)]
pub(super) struct Levels(Vec<Level>);

impl Levels {
    /// The single items.
    pub(super) fn new(database: &Database, gate: &Gate<'_>) -> Result<Levels, Stop> {
        let mut first = Level::over(1, gate.control())?;
        first.reserve(database.width(), gate.control())?;
        first.begin(0);
        for (item, support) in (0u32..).zip(&database.supports) {
            first.push(item, *support);
        }
        first.begin(1);
        gate.found(1, database.width() as u64);
        Ok(Levels(vec![first]))
    }

    /// The itemsets of `length` items.
    pub(super) fn of(&self, length: usize) -> Option<&Level> {
        self.0.get(length.checked_sub(1)?)
    }

    /// True when the longest level has nothing.
    pub(super) fn last_is_empty(&self) -> bool {
        self.0.last().is_none_or(|l| l.items.is_empty())
    }

    /// A level to be filled, for [`Levels::add`].
    pub(super) fn next(&self, gate: &Gate<'_>) -> Result<Level, Stop> {
        let parents = self.0.last().map_or(0, |l| l.items.len());
        Level::over(parents, gate.control())
    }

    /// Adds a complete level.
    pub(super) fn add(&mut self, mut level: Level) {
        let parents = self.0.last().map_or(0, |l| l.items.len());
        level.begin(parents as u32);
        self.0.push(level);
    }

    /// Itemsets of up to `longest` items.
    pub(super) fn itemsets(&self, longest: usize) -> usize {
        self.0.iter().take(longest).map(|l| l.items.len()).sum()
    }

    /// True for the items that an itemset of `length` items may have: each of its items is in `length - 1` of its subsets of
    /// one item less, which the last level has all.
    pub(super) fn useful(&self, length: usize, gate: &Gate<'_>) -> Result<Vec<bool>, Stop> {
        let width = self.of(1).map_or(0, |l| l.items.len());
        let widest = self.0.iter().map(|l| l.items.len()).max().unwrap_or(0);
        gate.control().budget(PHASE, widest as u64 * 8)?;
        let mut holding = vec![0u64; width];
        // For each itemset of a level where the ones of the last level begin that it is a prefix of.
        let last = self.0.last().map_or(0, |l| l.items.len()) as u32;
        let mut reach: Vec<u32> = Vec::new();
        reserve(&mut reach, last as usize + 1, PHASE)?;
        reach.extend(0..=last);
        for level in self.0.iter().rev() {
            gate.check()?;
            for (item, bounds) in level.items.iter().zip(reach.windows(2)) {
                if let (Some(count), &[start, end]) = (holding.get_mut(*item as usize), bounds) {
                    *count += u64::from(end - start);
                }
            }
            let mut above = Vec::new();
            reserve(&mut above, level.starts.len(), PHASE)?;
            let starts = level.starts.iter();
            above.extend(starts.map(|at| reach.get(*at as usize).copied().unwrap_or(last)));
            reach = above;
        }
        let enough = length.saturating_sub(1) as u64;
        Ok(holding.iter().map(|count| *count >= enough).collect())
    }

    /// Appends the itemsets of up to `longest` items in preorder.
    pub(super) fn preorder(
        &self,
        longest: usize,
        control: &dyn Control,
        nodes: &mut Vec<Node>,
    ) -> Result<(), Stop> {
        const NODES_PER_LOOK: usize = 1 << 16;
        // The itemsets still to come at each length of the path.
        let mut path: Vec<std::ops::Range<u32>> =
            self.of(1).map(|l| l.below(0)).into_iter().collect();
        while let Some(range) = path.last_mut() {
            let Some(at) = range.next() else {
                path.pop();
                continue;
            };
            let depth = path.len();
            if let Some(level) = self.of(depth)
                && let Some(item) = level.items.get(at as usize)
                && let Some(support) = level.supports.get(at as usize)
            {
                nodes.push(Node {
                    depth: depth as u32,
                    item: *item,
                    support: *support,
                });
            }
            if depth < longest
                && let Some(next) = self.of(depth + 1)
            {
                path.push(next.below(at));
            }
            if nodes.len().is_multiple_of(NODES_PER_LOOK) {
                control.check()?;
            }
        }
        Ok(())
    }
}
