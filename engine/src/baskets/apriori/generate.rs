//! The candidates of a level, from the level before.
//!
//! Two itemsets that differ in the last item alone are joined, and the candidate is dropped when one of its other subsets of
//! one item less is not frequent. Both at once: what may prolong an itemset prolongs each of its subsets of one item less,
//! so it is the intersection of what is known to prolong these.

use super::baskets::Rest;
use super::count::{Credit, Row, Walker, count};
use super::levels::{Level, Levels};
use super::{Ended, PHASE, check};
use crate::baskets::gate::Gate;
use crate::control::{Charge, reserve};

/// Adds the level of itemsets of `length` items, at least 3. A pass counts candidates for `cells` counts in all threads
/// together; one itemset's candidates are never torn apart.
pub(super) fn find(
    rest: &Rest,
    levels: &mut Levels,
    (length, min_count, cells): (usize, u32, usize),
    gate: &Gate<'_>,
) -> Result<(), Ended> {
    let workers = rayon::current_num_threads();
    let mut search = Search {
        levels,
        rest,
        length,
        min_count,
        gate,
        credit: Credit::new(gate, length),
        width: levels.itemsets(1),
        room: (cells / workers).max(1),
        path: vec![0],
        without: Vec::new(),
        rows: (0..length).map(|_| Row::default()).collect(),
        prefixes: Vec::new(),
        joined: Vec::new(),
        found: levels.next(gate)?,
    };
    let _charge = search.reserve(workers)?;
    search.below(1)?;
    search.pass()?;
    let found = search.found;
    levels.add(found);
    Ok(())
}

/// The tree of the levels is walked in preorder; at each itemset of the last level the candidates that prolong it are added to
/// their own tree, which is counted and emptied whenever it is full.
struct Search<'a> {
    levels: &'a Levels,
    rest: &'a Rest,
    length: usize,
    min_count: u32,
    gate: &'a Gate<'a>,
    credit: Credit<'a>,
    /// Items, and the most candidates of a pass, but for the last itemset's.
    width: usize,
    room: usize,
    /// The itemsets of the path by their places in their levels: none (0), the first item, the first two, ...
    path: Vec<u32>,
    /// For each itemset of the path the places of its subsets of one item less, by the item that is left out.
    without: Vec<u32>,
    /// The candidates.
    rows: Vec<Row>,
    /// The itemsets of the last level that have candidates.
    prefixes: Vec<u32>,
    /// What prolongs the itemset that is looked at.
    joined: Vec<u32>,
    found: Level,
}

impl Search<'_> {
    /// Makes room for the candidates of a pass.
    fn reserve(&mut self, workers: usize) -> Result<Charge, Ended> {
        let widths = self.levels.of(self.length - 1).map(Level::joins);
        let most = widths.unwrap_or(0).min(self.room + self.width);
        let mut bytes = (most + self.width).saturating_mul(4 * workers);
        let mut lens = Vec::new();
        for depth in 1..=self.length {
            let len = self
                .levels
                .of(depth)
                .map_or(most, |l| l.items.len().min(most) + 1);
            bytes += len * 8;
            lens.push(len);
        }
        let prefixes = lens.iter().rev().nth(1).copied().unwrap_or(0);
        bytes += prefixes * 4;
        let charge = Charge::new(bytes as u64, PHASE, self.gate.control())?;
        reserve(&mut self.prefixes, prefixes, PHASE)?;
        reserve(&mut self.joined, self.width, PHASE)?;
        for (row, len) in self.rows.iter_mut().zip(lens) {
            reserve(&mut row.items, len, PHASE)?;
            reserve(&mut row.ends, len, PHASE)?;
        }
        Ok(charge)
    }

    /// Goes through the itemsets of `depth` items that prolong the path.
    fn below(&mut self, depth: usize) -> Result<(), Ended> {
        let levels = self.levels;
        let (Some(level), Some(parent)) = (levels.of(depth), self.path.last().copied()) else {
            return Ok(());
        };
        let frame = self.without.len();
        let shorter = frame.saturating_sub(depth - 1);
        for at in level.below(parent) {
            let Some(item) = level.items.get(at as usize).copied() else {
                continue;
            };
            self.credit.spend(depth * 8)?;
            // Without one of the items before the last: the parent without it, prolonged by the last.
            self.without.truncate(frame);
            for before in shorter..frame {
                let subset = self.without.get(before).copied().unwrap_or(0);
                let place = levels.of(depth - 1).and_then(|l| {
                    let range = l.below(subset);
                    let found = l.items_of(range.clone()).binary_search(&item);
                    found.ok().map(|at| range.start + at as u32)
                });
                // It is there: all subsets of what is frequent were found.
                self.without.push(place.unwrap_or(u32::MAX));
            }
            self.without.push(parent);
            if depth + 1 == self.length {
                self.join(at, item)?;
            } else {
                self.path.push(at);
                self.open(depth, item);
                self.below(depth + 1)?;
                self.close(depth);
                self.path.pop();
            }
        }
        self.without.truncate(frame);
        Ok(())
    }

    /// Adds the candidates that prolong an itemset of the last level, whose subsets are the last of `without`.
    fn join(&mut self, at: u32, item: u32) -> Result<(), Ended> {
        let Some(level) = self.levels.of(self.length - 1) else {
            return Ok(());
        };
        let own = self.without.len().saturating_sub(self.length - 1);
        let subsets = self.without.get(own..).unwrap_or_default();
        let mut lists = subsets.iter().rev().map(|subset| {
            let items = level.items_of(level.below(*subset));
            items
                .get(items.partition_point(|i| *i <= item)..)
                .unwrap_or_default()
        });
        self.joined.clear();
        self.joined
            .extend_from_slice(lists.next().unwrap_or_default());
        for list in lists {
            if self.joined.is_empty() {
                return Ok(());
            }
            self.credit.spend(self.joined.len() + list.len())?;
            let mut list = list.iter().copied().peekable();
            self.joined.retain(|item| {
                while list.next_if(|other| other < item).is_some() {}
                list.next_if_eq(item).is_some()
            });
        }
        if let [.., prefixes, candidates] = self.rows.as_mut_slice()
            && !self.joined.is_empty()
        {
            self.prefixes.push(at);
            prefixes.items.push(item);
            candidates.items.extend_from_slice(&self.joined);
            prefixes.ends.push(candidates.items.len() as u32);
            if candidates.items.len() >= self.room {
                self.pass()?;
            }
        }
        Ok(())
    }

    /// Adds a prefix of `depth` items, below which candidates may come.
    fn open(&mut self, depth: usize, item: u32) {
        if let Some(row) = self.rows.get_mut(depth - 1) {
            row.items.push(item);
        }
    }

    /// Ends the last prefix of `depth` items, or takes it away when nothing came below it.
    fn close(&mut self, depth: usize) {
        if let Some([row, next, ..]) = self.rows.get_mut(depth - 1..) {
            let end = next.items.len() as u32;
            if row.ends.last().copied().unwrap_or(0) == end {
                row.items.pop();
            } else {
                row.ends.push(end);
            }
        }
    }

    /// Counts the candidates, keeps the frequent ones and forgets the others.
    fn pass(&mut self) -> Result<(), Ended> {
        for depth in (1..self.path.len()).rev() {
            self.close(depth);
        }
        let rows = &self.rows;
        let counts = count(self.rest.view(), || {
            Walker::new(rows, self.width, self.gate)
        })?;
        let is_frequent = |count: &u32| *count >= self.min_count;
        let frequent = counts.iter().filter(|c| is_frequent(c)).count();
        self.gate.found(self.length, frequent as u64);
        check(self.gate, self.length)?;
        self.found.reserve(frequent, self.gate.control())?;
        if let [.., prefixes, candidates] = rows.as_slice() {
            let mut counted = candidates.items.iter().zip(&counts);
            let mut start = 0;
            for (prefix, end) in self.prefixes.iter().zip(&prefixes.ends) {
                self.found.begin(*prefix);
                let own = counted.by_ref().take((end - start) as usize);
                for (item, count) in own.filter(|(_, c)| is_frequent(c)) {
                    self.found.push(*item, *count);
                }
                start = *end;
            }
        }
        self.prefixes.clear();
        for row in &mut self.rows {
            row.items.clear();
            row.ends.clear();
        }
        for depth in 1..self.path.len() {
            let place = self.path.get(depth).copied().unwrap_or(0);
            let level = self.levels.of(depth);
            let item = level.and_then(|l| l.items.get(place as usize).copied());
            self.open(depth, item.unwrap_or(0));
        }
        Ok(())
    }
}
