//! Baskets by rows (the items of each) and by columns (the baskets of each item), and what miners ask of the two.

use super::Database;
use super::found::Found;
use super::gate::Gate;
use crate::control::{Charge, Control, Stop, reserve};

const PHASE: &str = "projecting baskets";
/// Rows between two looks at the control.
const CHUNK: usize = 1024;

/// Rows whose memory is asked for together, so that a walk does not wait for one after the other.
const BATCH: usize = 16;

/// Rows of ascending numbers of items, one behind the other. A row is named by where it ends: it is only ever read from there,
/// down to an item that it holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    items: &'a [u32],
}

/// The items of a row above another, from the highest on.
#[derive(Debug)]
pub(super) struct Above<'a> {
    items: std::slice::Iter<'a, u32>,
    floor: u32,
}

impl Iterator for Above<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.items
            .next_back()
            .copied()
            .filter(|item| *item > self.floor)
    }
}

impl<'a> Rows<'a> {
    /// Calls `each` with the chosen rows and their items above `floor`.
    fn walk(
        self,
        chosen: &[u32],
        floor: u32,
        found: &mut Found<'_>,
        mut each: impl FnMut(u32, Above<'a>, &mut Found<'_>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        for batch in chosen.chunks(BATCH) {
            let last = |row: &u32| self.items.get(row.wrapping_sub(1) as usize);
            let highest = batch.iter().filter_map(last).max();
            if highest.is_some_and(|highest| *highest > floor) {
                for row in batch {
                    let until = self.items.get(..*row as usize).unwrap_or_default();
                    let items = until.iter();
                    each(*row, Above { items, floor }, found)?;
                }
            }
            found.work(BATCH)?;
        }
        Ok(())
    }
}

/// The rows that hold each item, ascending.
#[derive(Debug, Default)]
pub(super) struct Columns {
    starts: Vec<u32>,
    rows: Vec<u32>,
    /// Where the next row of each item goes.
    next: Vec<u32>,
    charge: Charge,
}

impl Columns {
    /// Makes room for lists of these lengths; they are filled by [`Columns::put`].
    pub(super) fn prepare(
        &mut self,
        lengths: impl Iterator<Item = u32>,
        control: &dyn Control,
    ) -> Result<(), Stop> {
        self.next.clear();
        let mut sum = 0u32;
        for length in lengths {
            reserve(&mut self.next, 1, PHASE)?;
            self.next.push(sum);
            sum += length;
        }
        let bytes = (self.next.len() as u64 * 2 + u64::from(sum)) * 4;
        if bytes > self.charge.bytes() {
            self.charge.set(bytes, PHASE, control)?;
        }
        self.starts.clear();
        reserve(&mut self.starts, self.next.len(), PHASE)?;
        self.starts.extend_from_slice(&self.next);
        self.rows.clear();
        reserve(&mut self.rows, sum as usize, PHASE)?;
        self.rows.resize(sum as usize, 0);
        Ok(())
    }

    /// Adds a row to the list of an item, which has room for it.
    pub(super) fn put(&mut self, item: u32, row: u32) {
        if let Some(next) = self.next.get_mut(item as usize) {
            if let Some(slot) = self.rows.get_mut(*next as usize) {
                *slot = row;
            }
            *next += 1;
        }
    }

    /// The columns of a whole database.
    pub(super) fn whole(database: &Database, gate: &Gate<'_>) -> Result<Columns, Stop> {
        let mut columns = Columns::default();
        columns.prepare(database.supports.iter().copied(), gate.control())?;
        columns.put_all(&database.offsets, &database.items, || gate.check())?;
        Ok(columns)
    }

    fn put_all(
        &mut self,
        offsets: &[u32],
        items: &[u32],
        mut look: impl FnMut() -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let mut start = 0;
        for (at, end) in offsets.iter().enumerate() {
            let row = items.get(start..*end as usize).unwrap_or_default();
            row.iter().for_each(|item| self.put(*item, *end));
            start = *end as usize;
            if at % CHUNK == 0 {
                look()?;
            }
        }
        Ok(())
    }

    /// The rows that hold an item.
    pub(super) fn of(&self, item: usize) -> &[u32] {
        match (self.starts.get(item), self.next.get(item)) {
            (Some(start), Some(end)) => self
                .rows
                .get(*start as usize..*end as usize)
                .unwrap_or_default(),
            _ => &[],
        }
    }
}

/// An item that extends an itemset to a frequent one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extension {
    /// Its number in the rows.
    pub local: u32,
    /// Its number in the [`Database`].
    pub item: u32,
    /// Baskets of the itemset with it.
    pub support: u32,
}

/// Where an itemset is looked at: rows, the numbers of their items in the [`Database`], and the fewest rows that count.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub rows: Rows<'a>,
    /// By number in the rows; empty where both are the same.
    pub items: &'a [u32],
    pub min_count: u32,
}

impl<'a> Place<'a> {
    /// The whole database.
    pub(super) fn whole(database: &'a Database) -> Place<'a> {
        Place {
            rows: Rows {
                items: &database.items,
            },
            items: &[],
            min_count: database.min_count,
        }
    }

    pub(super) fn item(&self, local: u32) -> u32 {
        self.items.get(local as usize).copied().unwrap_or(local)
    }
}

/// Tables by item that counting and projecting need for a moment; all zero in between.
#[derive(Debug, Default)]
pub(super) struct Tables {
    counts: Vec<u32>,
    bits: Vec<u64>,
    places: Vec<u32>,
}

impl Tables {
    /// Makes them long enough.
    pub(super) fn fit(&mut self, width: usize) -> Result<(), Stop> {
        if self.counts.len() < width {
            reserve(&mut self.counts, width, PHASE)?;
            reserve(&mut self.bits, width, PHASE)?;
            reserve(&mut self.places, width, PHASE)?;
            self.counts.resize(width, 0);
            self.bits.resize(width, 0);
            self.places.resize(width, 0);
        }
        Ok(())
    }

    /// The items above `item` that are frequent in the `chosen` rows, ascending: counted by walking the rows ("occurrence
    /// deliver", Uno, Kiyomi and Arimura 2004), not by intersecting pairs of lists.
    pub(super) fn extensions(
        &mut self,
        place: Place<'_>,
        chosen: &[u32],
        item: u32,
        into: &mut Vec<Extension>,
        found: &mut Found<'_>,
    ) -> Result<(), Stop> {
        into.clear();
        let counts = self.counts.as_mut_slice();
        place.rows.walk(chosen, item, found, |_, above, _| {
            for other in above {
                if let Some(count) = counts.get_mut(other as usize) {
                    *count += 1;
                }
            }
            Ok(())
        })?;
        let above = counts.get_mut(item as usize + 1..).unwrap_or_default();
        let locals = (item + 1..).step_by(BATCH);
        for (first, batch) in locals.zip(above.chunks_mut(BATCH)) {
            // Most items are not frequent together: batches without one are passed over.
            if batch.iter().fold(0, |most, count| most.max(*count)) >= place.min_count {
                for (local, count) in (first..).zip(batch.iter()) {
                    if *count >= place.min_count {
                        reserve(into, 1, PHASE)?;
                        into.push(Extension {
                            local,
                            item: place.item(local),
                            support: *count,
                        });
                    }
                }
            }
            batch.fill(0);
        }
        Ok(())
    }

    /// Gives `each` the chosen rows as sets of the extensions above `item` that they hold: bit 0 is the first extension. For
    /// up to 64 of them.
    pub(super) fn masks(
        &mut self,
        rows: Rows<'_>,
        chosen: &[u32],
        item: u32,
        extensions: &[Extension],
        found: &mut Found<'_>,
        mut each: impl FnMut(u64, &mut Found<'_>) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        for (at, extension) in extensions.iter().enumerate() {
            if let Some(bit) = self.bits.get_mut(extension.local as usize) {
                *bit = 1 << at;
            }
        }
        let bits = self.bits.as_slice();
        rows.walk(chosen, item, found, |_, above, found| {
            let mask = above.fold(0, |mask, other| {
                mask | bits.get(other as usize).copied().unwrap_or(0)
            });
            each(mask, found)
        })?;
        for extension in extensions {
            if let Some(bit) = self.bits.get_mut(extension.local as usize) {
                *bit = 0;
            }
        }
        Ok(())
    }

    /// Gives `each` the chosen rows and the places of the extensions above `item` that they hold, from the highest on.
    pub(super) fn places(
        &mut self,
        rows: Rows<'_>,
        chosen: &[u32],
        item: u32,
        extensions: &[Extension],
        found: &mut Found<'_>,
        mut each: impl FnMut(u32, &mut dyn Iterator<Item = u32>),
    ) -> Result<(), Stop> {
        for (place, extension) in (1u32..).zip(extensions) {
            if let Some(slot) = self.places.get_mut(extension.local as usize) {
                *slot = place;
            }
        }
        let places = self.places.as_slice();
        rows.walk(chosen, item, found, |row, above, _| {
            let mut held = above.filter_map(|other| {
                let place = places.get(other as usize).copied().unwrap_or(0);
                place.checked_sub(1)
            });
            each(row, &mut held);
            Ok(())
        })?;
        for extension in extensions {
            if let Some(slot) = self.places.get_mut(extension.local as usize) {
                *slot = 0;
            }
        }
        Ok(())
    }
}

/// The rows of an itemset with its extensions alone, renumbered, by rows and by columns.
#[derive(Debug, Default)]
pub(super) struct Projected {
    offsets: Vec<u32>,
    items: Vec<u32>,
    /// Numbers in the [`Database`], by number here.
    numbers: Vec<u32>,
    pub columns: Columns,
    charge: Charge,
}

impl Projected {
    /// Projects the chosen rows on the extensions of `item`. Rows that hold fewer than two of them have nothing to say about
    /// longer itemsets and are left out.
    pub(super) fn fill(
        &mut self,
        rows: Rows<'_>,
        chosen: &[u32],
        item: u32,
        extensions: &[Extension],
        tables: &mut Tables,
        found: &mut Found<'_>,
    ) -> Result<(), Stop> {
        let entries: u64 = extensions.iter().map(|e| u64::from(e.support)).sum();
        let bytes = (entries + chosen.len() as u64 + extensions.len() as u64 * 2) * 4;
        if bytes > self.charge.bytes() {
            self.charge.set(bytes, PHASE, found.control())?;
        }
        let Projected { offsets, items, .. } = self;
        offsets.clear();
        items.clear();
        reserve(items, entries as usize, PHASE)?;
        reserve(offsets, chosen.len() + 1, PHASE)?;
        offsets.push(0);
        tables.places(rows, chosen, item, extensions, found, |_, held| {
            let start = items.len();
            items.extend(held);
            match items.get_mut(start..) {
                Some(own) if own.len() > 1 => {
                    own.reverse();
                    offsets.push(items.len() as u32);
                }
                _ => items.truncate(start),
            }
        })?;
        self.numbers.clear();
        self.numbers.extend(extensions.iter().map(|e| e.item));
        let lengths = extensions.iter().map(|e| e.support);
        self.columns.prepare(lengths, found.control())?;
        self.columns
            .put_all(&self.offsets, &self.items, || found.work(CHUNK))
    }

    /// Where the itemsets of the extensions are looked at.
    pub(super) fn place(&self, min_count: u32) -> Place<'_> {
        Place {
            rows: Rows { items: &self.items },
            items: &self.numbers,
            min_count,
        }
    }
}
