//! Eclat (Zaki 2000): depth first on vertical data, the baskets of each itemset.
//!
//! Sets of baskets are lists where they are sparse, and the lists of all extensions of an itemset are written in one walk over
//! its baskets ("occurrence deliver"), not by intersecting pairs of them, most of which have nothing frequent in common.
//! Where an itemset's extensions are dense, sets are bits, intersected by words; and once the baskets that an extension lacks
//! are few, those are listed instead (diffsets, Zaki and Gouda 2003).

mod dense;

use self::dense::Dense;
use super::Database;
use super::found::{Found, in_order};
use super::gate::Gate;
use super::itemsets::Node;
use super::rows::{Columns, Extension, Place, Projected, Tables};
use crate::control::Stop;

/// Extensions that are in at least one of so many baskets, on average, are sets of bits. Delivery visits each pair of
/// extensions in each basket, words hold 64 baskets: they break even where the square of the density is a 64th.
const DENSE: u64 = 8;

/// All frequent itemsets in preorder.
///
/// # Errors
/// [`Stop`].
pub fn mine(database: &Database, gate: &Gate<'_>) -> Result<Vec<Node>, Stop> {
    let place = Place::whole(database);
    let columns = Columns::whole(database, gate)?;
    in_order(database.width(), gate, |item, state: &mut State, found| {
        state.tables.fit(database.width())?;
        let single = Extension {
            local: item as u32,
            item: item as u32,
            support: database.supports.get(item).copied().unwrap_or(0),
        };
        state.item(place, columns.of(item), single, 1, found)
    })
}

/// What a thread keeps for its next itemset.
#[derive(Default)]
struct State {
    tables: Tables,
    extensions: Vec<Vec<Extension>>,
    projected: Projected,
    columns: Vec<Columns>,
    dense: Dense,
}

impl State {
    /// Finds the itemsets whose last item so far is `last`, with `depth` items, in the rows that hold it.
    fn item(
        &mut self,
        place: Place<'_>,
        rows: &[u32],
        last: Extension,
        depth: usize,
        found: &mut Found<'_>,
    ) -> Result<(), Stop> {
        found.push(depth, last.item, last.support)?;
        if depth >= found.longest() {
            return Ok(());
        }
        let mut extensions = self.extensions.pop().unwrap_or_default();
        self.tables
            .extensions(place, rows, last.local, &mut extensions, found)?;
        let depth = depth + 1;
        let entries: u64 = extensions.iter().map(|e| u64::from(e.support)).sum();
        if extensions.len() < 2 || depth >= found.longest() {
            for extension in &extensions {
                found.push(depth, extension.item, extension.support)?;
            }
        } else if entries * DENSE >= (rows.len() * extensions.len()) as u64 {
            self.bits(place, rows, last.local, &extensions, depth, found)?;
        } else if place.items.is_empty() {
            let mut projected = std::mem::take(&mut self.projected);
            let tables = &mut self.tables;
            projected.fill(place.rows, rows, last.local, &extensions, tables, found)?;
            let inner = projected.place(place.min_count);
            for (local, extension) in (0u32..).zip(&mut extensions) {
                extension.local = local;
            }
            self.class(inner, &projected.columns, &extensions, depth, found)?;
            self.projected = projected;
        } else {
            let mut columns = self.columns.pop().unwrap_or_default();
            columns.prepare(extensions.iter().map(|e| e.support), found.control())?;
            let tables = &mut self.tables;
            tables.places(
                place.rows,
                rows,
                last.local,
                &extensions,
                found,
                |row, held| {
                    held.for_each(|at| columns.put(at, row));
                },
            )?;
            self.class(place, &columns, &extensions, depth, found)?;
            self.columns.push(columns);
        }
        self.extensions.push(extensions);
        Ok(())
    }

    /// Finds the itemsets of extensions whose rows are listed.
    fn class(
        &mut self,
        place: Place<'_>,
        columns: &Columns,
        extensions: &[Extension],
        depth: usize,
        found: &mut Found<'_>,
    ) -> Result<(), Stop> {
        for (at, extension) in extensions.iter().enumerate() {
            self.item(place, columns.of(at), *extension, depth, found)?;
        }
        Ok(())
    }

    /// Finds the itemsets of extensions that are dense.
    fn bits(
        &mut self,
        place: Place<'_>,
        rows: &[u32],
        last: u32,
        extensions: &[Extension],
        depth: usize,
        found: &mut Found<'_>,
    ) -> Result<(), Stop> {
        let mut class = self.dense.class(rows.len(), extensions, found.control())?;
        let mut at = 0;
        let tables = &mut self.tables;
        tables.places(place.rows, rows, last, extensions, found, |_, held| {
            held.for_each(|member| class.put(member as usize, at));
            at += 1;
        })?;
        self.dense.mine(class, place.min_count, depth, found)
    }
}
