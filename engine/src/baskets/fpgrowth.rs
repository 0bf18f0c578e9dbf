//! FP-growth (Han, Pei and Yin 2000): itemsets grow item by item, each in the baskets of its prefix, kept as a tree of common
//! paths.
//!
//! The whole database is no tree: shops sell thousands of items and hardly two baskets are alike, so it is projected on each
//! item first ("parallel projection", Han, Pei, Yin and Mao 2004, section 3.4), and again as long as more items than the
//! bits of a word are frequent together. From there on the baskets are a [`Tree`]. What is frequent is counted before
//! anything is projected, so that the many items that nothing frequent goes with cost one pass (as with the arrays of Grahne
//! and Zhu 2003).

mod tree;

use self::tree::{Grower, MOST, Tree};
use super::Database;
use super::found::{Found, in_order};
use super::gate::Gate;
use super::itemsets::Node;
use super::lattice::{FEW, Lattice};
use super::rows::{Columns, Extension, Place, Projected, Tables};
use crate::control::Stop;

/// All frequent itemsets in preorder.
///
/// # Errors
/// [`Stop`].
pub fn mine(database: &Database, gate: &Gate<'_>) -> Result<Vec<Node>, Stop> {
    let place = Place::whole(database);
    let columns = Columns::whole(database, gate)?;
    in_order(database.width(), gate, |item, state: &mut State, found| {
        state.tables.fit(database.width())?;
        let support = database.supports.get(item).copied().unwrap_or(0);
        state.item(place, columns.of(item), item as u32, support, 1, found)
    })
}

/// What a thread keeps for its next itemset.
#[derive(Default)]
struct State {
    tables: Tables,
    extensions: Vec<Vec<Extension>>,
    projected: Vec<Projected>,
    trees: Vec<Tree>,
}

impl State {
    /// Finds the itemsets whose last item so far is `item`, with `depth` items, in the rows that hold it.
    fn item(
        &mut self,
        place: Place<'_>,
        rows: &[u32],
        item: u32,
        support: u32,
        depth: usize,
        found: &mut Found<'_>,
    ) -> Result<(), Stop> {
        found.push(depth, place.item(item), support)?;
        if depth >= found.longest() {
            return Ok(());
        }
        let mut extensions = self.extensions.pop().unwrap_or_default();
        self.tables
            .extensions(place, rows, item, &mut extensions, found)?;
        self.extend(place, rows, item, &extensions, depth + 1, found)?;
        self.extensions.push(extensions);
        Ok(())
    }

    /// Finds the itemsets that the extensions lead to, in the way that suits their number.
    fn extend(
        &mut self,
        place: Place<'_>,
        rows: &[u32],
        item: u32,
        extensions: &[Extension],
        depth: usize,
        found: &mut Found<'_>,
    ) -> Result<(), Stop> {
        if extensions.len() < 2 || depth >= found.longest() {
            for extension in extensions {
                found.push(depth, extension.item, extension.support)?;
            }
            return Ok(());
        }
        if extensions.len() <= FEW {
            let mut lattice = Lattice::new();
            self.tables
                .masks(place.rows, rows, item, extensions, found, |mask, _| {
                    lattice.add(mask, 1);
                    Ok(())
                })?;
            let mut items = [0; FEW];
            for (to, from) in items.iter_mut().zip(extensions) {
                *to = from.item;
            }
            let items = items.get(..extensions.len()).unwrap_or_default();
            return lattice.mine(items, depth, place.min_count, found);
        }
        if extensions.len() <= MOST
            && let Some(tree) = self.tree(place, rows, item, extensions, found)?
        {
            let mut grower = Grower::new(extensions, place.min_count, &mut self.trees, found);
            let tree = grower.whole(tree, extensions, depth)?;
            self.trees.push(tree);
            return Ok(());
        }
        let mut projected = self.projected.pop().unwrap_or_default();
        projected.fill(place.rows, rows, item, extensions, &mut self.tables, found)?;
        let inner = projected.place(place.min_count);
        for (local, extension) in extensions.iter().enumerate() {
            let rows = projected.columns.of(local);
            self.item(inner, rows, local as u32, extension.support, depth, found)?;
        }
        self.projected.push(projected);
        Ok(())
    }

    /// The tree of the rows, if they have common paths enough for one.
    fn tree(
        &mut self,
        place: Place<'_>,
        rows: &[u32],
        item: u32,
        extensions: &[Extension],
        found: &mut Found<'_>,
    ) -> Result<Option<Tree>, Stop> {
        let mut tree = self.trees.pop().unwrap_or_default();
        tree.clear();
        self.tables
            .masks(place.rows, rows, item, extensions, found, |mask, found| {
                tree.add(mask, 1, found.control())
            })?;
        if tree.grow(found)? {
            Ok(Some(tree))
        } else {
            self.trees.push(tree);
            Ok(None)
        }
    }
}
