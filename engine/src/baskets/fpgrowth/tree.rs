//! The tree of common paths, in arrays: the nodes of an item stand together, each with its count and the path above it.
//!
//! A path is a set of bits, one for each item, the most frequent item highest; so an item's nodes are its conditional base as
//! it stands, without a walk to the root. Sorted as numbers, the paths that begin alike stand together, and the tree is built
//! in one pass.

use super::super::found::Found;
use super::super::lattice::{FEW, Lattice};
use super::super::rows::Extension;
use crate::control::{Charge, Control, Stop, reserve};

const PHASE: &str = "growing trees";
/// The most items of a tree: bits of a word.
pub(super) const MOST: usize = 64;
/// Different paths up to which a tree is worth while, and sorted within 50 ms.
const PATHS: usize = 1 << 17;
/// Paths between two looks at the gate.
const CHUNK: usize = 1024;

/// Baskets that hold the same items.
#[derive(Debug, Clone, Copy)]
struct Path {
    items: u64,
    count: u32,
}

/// The items of a path, the rarest first.
fn bits(mut items: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = std::num::NonZeroU64::new(items)?;
        items &= items - 1;
        Some(lowest.trailing_zeros() as usize)
    })
}

/// The items below `bit`.
fn below(bit: usize) -> u64 {
    (1u64 << bit) - 1
}

/// A tree of up to [`MOST`] items, and before it is grown, the paths that it is made of.
#[derive(Debug, Default)]
pub(super) struct Tree {
    paths: Vec<Path>,
    /// Paths at which those that are equal are put together next.
    limit: usize,
    /// The nodes of each item: the path above, and the baskets.
    nodes: Vec<Vec<Path>>,
    charge: Charge,
}

impl Tree {
    /// Empties it.
    pub(super) fn clear(&mut self) {
        self.paths.clear();
        self.limit = 1 << 12;
        for nodes in &mut self.nodes {
            nodes.clear();
        }
    }

    /// Adds baskets. Those with a single item say nothing about longer itemsets and are left out.
    pub(super) fn add(
        &mut self,
        items: u64,
        count: u32,
        control: &dyn Control,
    ) -> Result<(), Stop> {
        if items & items.wrapping_sub(1) == 0 || self.paths.len() > PATHS {
            return Ok(());
        }
        if self.paths.len() == self.paths.capacity() {
            self.charge_for(self.paths.len() * 2 + 16, control)?;
            reserve(&mut self.paths, 1, PHASE)?;
        }
        self.paths.push(Path { items, count });
        if self.paths.len() >= self.limit {
            self.merge();
            self.limit = (self.paths.len() * 2).max(self.limit);
        }
        Ok(())
    }

    fn charge_for(&mut self, paths: usize, control: &dyn Control) -> Result<(), Stop> {
        let bytes = (paths * size_of::<Path>()) as u64;
        if bytes > self.charge.bytes() {
            self.charge.set(bytes, PHASE, control)?;
        }
        Ok(())
    }

    /// Sorts the paths and puts those that are equal together.
    fn merge(&mut self) {
        self.paths.sort_unstable_by_key(|path| path.items);
        self.paths.dedup_by(|next, kept| {
            let same = next.items == kept.items;
            if same {
                kept.count += next.count;
            }
            same
        });
    }

    /// Builds the nodes from the paths; false when there are too many different ones.
    pub(super) fn grow(&mut self, found: &mut Found<'_>) -> Result<bool, Stop> {
        if self.paths.len() > PATHS {
            return Ok(false);
        }
        self.merge();
        self.nodes.resize_with(MOST, Vec::new);
        // Baskets of the path that is open, at the lowest item of each; a node takes over what lies below it when it is closed.
        let mut open = [0u32; MOST];
        let mut path = 0u64;
        let (mut from, mut grown) = (0, 0);
        while from < self.paths.len() {
            let to = (from + CHUNK).min(self.paths.len());
            self.charge_for(
                self.paths.len() + grown + (to - from) * MOST,
                found.control(),
            )?;
            for next in self.paths.get(from..to).unwrap_or_default() {
                let highest = (path ^ next.items).checked_ilog2().unwrap_or(0) as usize;
                let closed = path & (below(highest) | 1 << highest);
                grown += close(&mut self.nodes, &mut open, path, closed);
                path = next.items;
                if let Some(count) = open.get_mut(path.trailing_zeros() as usize) {
                    *count = next.count;
                }
            }
            found.work(to - from)?;
            from = to;
        }
        close(&mut self.nodes, &mut open, path, path);
        Ok(true)
    }
}

/// Ends the nodes of `path` at the items `closed`, which are its lowest; how many there were.
fn close(nodes: &mut [Vec<Path>], open: &mut [u32; MOST], path: u64, closed: u64) -> usize {
    let mut ended = 0;
    for bit in bits(closed) {
        let count = open.get_mut(bit).map_or(0, std::mem::take);
        let above = path & !(below(bit) | 1 << bit);
        if let Some(nodes) = nodes.get_mut(bit) {
            nodes.push(Path {
                items: above,
                count,
            });
        }
        if let Some(next) = open.get_mut(above.trailing_zeros() as usize) {
            *next += count;
        }
        ended += 1;
    }
    ended
}

/// Grows itemsets in a tree and the conditional trees below it.
pub(super) struct Grower<'s, 'f, 'g> {
    /// By bit.
    items: [u32; MOST],
    min_count: u32,
    trees: &'s mut Vec<Tree>,
    found: &'f mut Found<'g>,
}

impl<'s, 'f, 'g> Grower<'s, 'f, 'g> {
    /// For trees of these items, the first one at bit 0.
    pub(super) fn new(
        extensions: &[Extension],
        min_count: u32,
        trees: &'s mut Vec<Tree>,
        found: &'f mut Found<'g>,
    ) -> Self {
        let mut items = [0; MOST];
        for (to, from) in items.iter_mut().zip(extensions) {
            *to = from.item;
        }
        Grower {
            items,
            min_count,
            trees,
            found,
        }
    }

    /// Finds all itemsets of a tree whose items are all frequent; the tree is given back.
    pub(super) fn whole(
        &mut self,
        tree: Tree,
        extensions: &[Extension],
        depth: usize,
    ) -> Result<Tree, Stop> {
        let mut supports = [0; MOST];
        for (to, from) in supports.iter_mut().zip(extensions) {
            *to = from.support;
        }
        let items = match extensions.len() {
            MOST.. => u64::MAX,
            some => below(some),
        };
        self.grow(&tree, items, &supports, depth)?;
        Ok(tree)
    }

    fn item(&self, bit: usize) -> u32 {
        self.items.get(bit).copied().unwrap_or(0)
    }

    fn grow(
        &mut self,
        tree: &Tree,
        items: u64,
        supports: &[u32; MOST],
        depth: usize,
    ) -> Result<(), Stop> {
        for bit in bits(items) {
            let support = supports.get(bit).copied().unwrap_or(0);
            self.found.push(depth, self.item(bit), support)?;
            if depth >= self.found.longest() {
                continue;
            }
            let base = tree.nodes.get(bit).map_or(&[][..], Vec::as_slice);
            self.conditional(base, depth + 1)?;
        }
        Ok(())
    }

    /// Finds the itemsets of a conditional base.
    fn conditional(&mut self, base: &[Path], depth: usize) -> Result<(), Stop> {
        if let [only] = base {
            return match only.count >= self.min_count {
                true => self.path(only.items, only.count, depth),
                false => Ok(()),
            };
        }
        let mut supports = [0u32; MOST];
        for chunk in base.chunks(CHUNK) {
            for path in chunk {
                for bit in bits(path.items) {
                    if let Some(support) = supports.get_mut(bit) {
                        *support += path.count;
                    }
                }
            }
            self.found.work(chunk.len())?;
        }
        let items = (0..).zip(&supports).fold(0u64, |items, (bit, support)| {
            items | u64::from(*support >= self.min_count) << bit
        });
        let several = items & items.wrapping_sub(1) != 0;
        if !several || depth >= self.found.longest() {
            for bit in bits(items) {
                let support = supports.get(bit).copied().unwrap_or(0);
                self.found.push(depth, self.item(bit), support)?;
            }
            return Ok(());
        }
        if items.count_ones() as usize <= FEW {
            return self.few(base, items, depth);
        }
        let mut tree = self.trees.pop().unwrap_or_default();
        tree.clear();
        for path in base {
            tree.add(path.items & items, path.count, self.found.control())?;
        }
        // A base has no more paths than the tree that it comes from.
        tree.grow(self.found)?;
        self.grow(&tree, items, &supports, depth)?;
        self.trees.push(tree);
        Ok(())
    }

    fn few(&mut self, base: &[Path], items: u64, depth: usize) -> Result<(), Stop> {
        let mut places = [0u32; FEW];
        let mut numbers = [0u32; FEW];
        let mut len = 0;
        for ((bit, place), number) in bits(items).zip(&mut places).zip(&mut numbers) {
            *place = bit as u32;
            *number = self.item(bit);
            len += 1;
        }
        let mut lattice = Lattice::new();
        for path in base {
            // Beyond the last item the places are 0; what they add is beyond what is read.
            let set = (0..)
                .zip(places.iter().take(len))
                .fold(0, |set, (to, from)| set | (path.items >> from & 1) << to);
            lattice.add(set, path.count);
        }
        let numbers = numbers.get(..len).unwrap_or_default();
        lattice.mine(numbers, depth, self.min_count, self.found)
    }

    /// A single path: each of its subsets is frequent.
    fn path(&mut self, items: u64, count: u32, depth: usize) -> Result<(), Stop> {
        let mut rest = items;
        for bit in bits(items) {
            rest &= rest - 1;
            self.found.push(depth, self.item(bit), count)?;
            if depth < self.found.longest() {
                self.path(rest, count, depth + 1)?;
            }
        }
        Ok(())
    }
}
