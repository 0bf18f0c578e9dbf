//! Dense sets of baskets: bits, and, where few are missing, lists of those (diffsets).

use super::super::found::Found;
use super::super::rows::Extension;
use crate::control::{Charge, Control, Stop, reserve};

const PHASE: &str = "intersecting baskets";
/// Baskets in a word.
const WORD: usize = 64;
/// A list of baskets that are missing takes the place of bits when it is shorter than one of so many.
const MISSING: usize = 64;

/// An item, and the baskets of the itemset that it extends.
#[derive(Debug, Clone, Copy)]
struct Member {
    item: u32,
    support: u32,
}

/// Extensions of an itemset, and the baskets that hold them as bits.
#[derive(Debug, Default)]
pub(super) struct Bits {
    members: Vec<Member>,
    /// Words of a set, at least 1.
    words: usize,
    sets: Vec<u64>,
    charge: Charge,
}

impl Bits {
    fn prepare(&mut self, words: usize, members: usize, control: &dyn Control) -> Result<(), Stop> {
        let bytes = (words as u64 * 8 + 8).saturating_mul(members as u64);
        if bytes > self.charge.bytes() {
            self.charge.set(bytes, PHASE, control)?;
        }
        self.words = words.max(1);
        self.members.clear();
        self.sets.clear();
        reserve(&mut self.members, members, PHASE)?;
        reserve(&mut self.sets, words * members, PHASE)
    }

    /// Adds a basket to a member.
    pub(super) fn put(&mut self, member: usize, basket: usize) {
        let at = member * self.words + basket / WORD;
        if let Some(word) = self.sets.get_mut(at) {
            *word |= 1 << (basket % WORD);
        }
    }

    fn set(&self, member: usize) -> &[u64] {
        let at = member * self.words;
        self.sets.get(at..at + self.words).unwrap_or_default()
    }
}

/// Extensions of an itemset, and the baskets of the itemset that do not hold them.
#[derive(Debug, Default)]
struct Missing {
    members: Vec<Member>,
    /// Where each member's list ends.
    ends: Vec<usize>,
    baskets: Vec<u32>,
    charge: Charge,
}

impl Missing {
    fn prepare(
        &mut self,
        members: usize,
        entries: usize,
        control: &dyn Control,
    ) -> Result<(), Stop> {
        let bytes = (members * 16 + entries * 4) as u64;
        if bytes > self.charge.bytes() {
            self.charge.set(bytes, PHASE, control)?;
        }
        self.members.clear();
        self.ends.clear();
        self.baskets.clear();
        reserve(&mut self.members, members, PHASE)?;
        reserve(&mut self.ends, members, PHASE)?;
        reserve(&mut self.baskets, entries, PHASE)
    }

    fn list(&self, member: usize) -> &[u32] {
        let start = match member.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(0),
            None => 0,
        };
        let end = self.ends.get(member).copied().unwrap_or(start);
        self.baskets.get(start..end).unwrap_or_default()
    }
}

/// What a thread keeps for its next dense itemset.
#[derive(Debug, Default)]
pub(super) struct Dense {
    bits: Vec<Bits>,
    missing: Vec<Missing>,
    /// Baskets that the member at hand lacks, as bits; all zero in between.
    marks: Vec<u64>,
}

impl Dense {
    /// Empty sets of `baskets` for the extensions.
    pub(super) fn class(
        &mut self,
        baskets: usize,
        extensions: &[Extension],
        control: &dyn Control,
    ) -> Result<Bits, Stop> {
        let mut class = self.bits.pop().unwrap_or_default();
        class.prepare(baskets.div_ceil(WORD), extensions.len(), control)?;
        class.members.extend(extensions.iter().map(|e| Member {
            item: e.item,
            support: e.support,
        }));
        class.sets.resize(class.words * extensions.len(), 0);
        Ok(class)
    }

    /// Finds the itemsets of a class; it is kept for the next.
    pub(super) fn mine(
        &mut self,
        class: Bits,
        min_count: u32,
        depth: usize,
        found: &mut Found<'_>,
    ) -> Result<(), Stop> {
        if self.marks.len() < class.words {
            reserve(&mut self.marks, class.words, PHASE)?;
            self.marks.resize(class.words, 0);
        }
        self.intersect(&class, min_count, depth, found)?;
        self.bits.push(class);
        Ok(())
    }

    fn intersect(
        &mut self,
        class: &Bits,
        min_count: u32,
        depth: usize,
        found: &mut Found<'_>,
    ) -> Result<(), Stop> {
        for (at, member) in class.members.iter().enumerate() {
            found.push(depth, member.item, member.support)?;
            if depth >= found.longest() || at + 1 == class.members.len() {
                continue;
            }
            let mut next = self.bits.pop().unwrap_or_default();
            next.prepare(class.words, class.members.len() - at - 1, found.control())?;
            let set = class.set(at);
            let mut missing = 0;
            let others = class.sets.chunks_exact(class.words).zip(&class.members);
            for (other, extension) in others.skip(at + 1) {
                let start = next.sets.len();
                next.sets.extend(set.iter().zip(other).map(|(a, b)| a & b));
                let common = next.sets.get(start..).unwrap_or_default();
                let support = common.iter().map(|word| word.count_ones()).sum();
                if support >= min_count {
                    missing += (member.support - support) as usize;
                    next.members.push(Member {
                        item: extension.item,
                        support,
                    });
                } else {
                    next.sets.truncate(start);
                }
                found.work(class.words / 16 + 1)?;
            }
            if next.members.len() < 2 {
                for extension in &next.members {
                    found.push(depth + 1, extension.item, extension.support)?;
                }
            } else if missing * MISSING < next.members.len() * class.words * WORD {
                self.first_missing(set, &next, missing, min_count, depth + 1, found)?;
            } else {
                self.intersect(&next, min_count, depth + 1, found)?;
            }
            self.bits.push(next);
        }
        Ok(())
    }

    /// From bits to lists of what is missing in `set`.
    fn first_missing(
        &mut self,
        set: &[u64],
        class: &Bits,
        entries: usize,
        min_count: u32,
        depth: usize,
        found: &mut Found<'_>,
    ) -> Result<(), Stop> {
        let mut lists = self.missing.pop().unwrap_or_default();
        lists.prepare(class.members.len(), entries, found.control())?;
        lists.members.extend_from_slice(&class.members);
        for own in class.sets.chunks_exact(class.words) {
            for (at, (all, held)) in set.iter().zip(own).enumerate() {
                let mut lacking = all & !held;
                while lacking != 0 {
                    lists
                        .baskets
                        .push((at * WORD) as u32 + lacking.trailing_zeros());
                    lacking &= lacking - 1;
                }
            }
            lists.ends.push(lists.baskets.len());
            found.work(class.words / 16 + 1)?;
        }
        self.subtract(&lists, min_count, depth, found)?;
        self.missing.push(lists);
        Ok(())
    }

    /// Finds the itemsets of extensions whose missing baskets are listed: what `xy` lacks in the baskets of `x` is what `y`
    /// lacks and `x` does not.
    fn subtract(
        &mut self,
        class: &Missing,
        min_count: u32,
        depth: usize,
        found: &mut Found<'_>,
    ) -> Result<(), Stop> {
        for (at, member) in class.members.iter().enumerate() {
            found.push(depth, member.item, member.support)?;
            if depth >= found.longest() || at + 1 == class.members.len() {
                continue;
            }
            let mut next = self.missing.pop().unwrap_or_default();
            let own = class.list(at);
            let entries = class.baskets.len() - class.ends.get(at).copied().unwrap_or(0);
            next.prepare(class.members.len() - at - 1, entries, found.control())?;
            for basket in own {
                if let Some(word) = self.marks.get_mut(*basket as usize / WORD) {
                    *word |= 1 << (*basket as usize % WORD);
                }
            }
            for (other, extension) in class.members.iter().enumerate().skip(at + 1) {
                let start = next.baskets.len();
                let marks = self.marks.as_slice();
                let list = class.list(other);
                next.baskets.extend(list.iter().copied().filter(|basket| {
                    let word = marks.get(*basket as usize / WORD).copied().unwrap_or(0);
                    word >> (*basket as usize % WORD) & 1 == 0
                }));
                let missing = (next.baskets.len() - start) as u32;
                let support = member.support.saturating_sub(missing);
                if support >= min_count {
                    next.ends.push(next.baskets.len());
                    next.members.push(Member {
                        item: extension.item,
                        support,
                    });
                } else {
                    next.baskets.truncate(start);
                }
                found.work(list.len() / 16 + 1)?;
            }
            for basket in own {
                if let Some(word) = self.marks.get_mut(*basket as usize / WORD) {
                    *word = 0;
                }
            }
            self.subtract(&next, min_count, depth + 1, found)?;
            self.missing.push(next);
        }
        Ok(())
    }
}
