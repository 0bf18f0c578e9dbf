//! The baskets as far as they can still hold a candidate.

use super::PHASE;
use crate::baskets::Database;
use crate::baskets::gate::Gate;
use crate::control::{Charge, Stop, reserve};

/// Items between two looks at the control.
const ITEMS_PER_LOOK: usize = 1 << 20;

/// Baskets without the items that no candidate has, and without the baskets that are then too short.
#[derive(Debug)]
pub(super) struct Rest {
    offsets: Vec<u32>,
    items: Vec<u32>,
    _charge: Charge,
}

impl Rest {
    /// Copies what can hold a candidate of `length` items.
    pub(super) fn new(
        database: &Database,
        useful: &[bool],
        length: usize,
        gate: &Gate<'_>,
    ) -> Result<Rest, Stop> {
        let (baskets, pairs) = (database.offsets.len(), database.items.len());
        let bytes = baskets.saturating_add(pairs).saturating_mul(4);
        let charge = Charge::new(bytes as u64, PHASE, gate.control())?;
        let mut rest = Rest {
            offsets: Vec::new(),
            items: Vec::new(),
            _charge: charge,
        };
        reserve(&mut rest.offsets, baskets, PHASE)?;
        reserve(&mut rest.items, pairs, PHASE)?;
        rest.offsets.extend_from_slice(&database.offsets);
        rest.items.extend_from_slice(&database.items);
        rest.shrink(useful, length, gate)?;
        Ok(rest)
    }

    /// Drops what can hold no candidate of `length` items.
    pub(super) fn shrink(
        &mut self,
        useful: &[bool],
        length: usize,
        gate: &Gate<'_>,
    ) -> Result<&mut Rest, Stop> {
        let (mut baskets, mut kept, mut start) = (0, 0, 0);
        let mut looked = 0;
        for at in 1..self.offsets.len() {
            let end = self.offsets.get(at).copied().unwrap_or(0) as usize;
            if end - looked >= ITEMS_PER_LOOK {
                looked = end;
                gate.check()?;
            }
            let first = kept;
            for from in start..end {
                let item = self.items.get(from).copied().unwrap_or(0);
                if useful.get(item as usize).is_some_and(|u| *u)
                    && let Some(slot) = self.items.get_mut(kept)
                {
                    *slot = item;
                    kept += 1;
                }
            }
            if kept - first < length {
                kept = first;
            } else if let Some(slot) = self.offsets.get_mut(baskets + 1) {
                *slot = kept as u32;
                baskets += 1;
            }
            start = end;
        }
        self.offsets.truncate(baskets + 1);
        self.items.truncate(kept);
        Ok(self)
    }

    /// The baskets.
    pub(super) fn view(&self) -> View<'_> {
        View {
            offsets: &self.offsets,
            items: &self.items,
        }
    }
}

/// Baskets that are read by several threads, a chunk at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct View<'a> {
    /// Where each basket begins in `items`, and one more for the end.
    pub offsets: &'a [u32],
    /// Ascending numbers within a basket.
    pub items: &'a [u32],
}

impl<'a> View<'a> {
    /// Baskets of a chunk.
    const CHUNK: usize = 1 << 9;

    /// Number of chunks.
    pub(super) fn chunks(self) -> usize {
        self.offsets.len().saturating_sub(1).div_ceil(Self::CHUNK)
    }

    /// The baskets of a chunk.
    pub(super) fn chunk(self, at: usize) -> impl Iterator<Item = &'a [u32]> {
        let start = at.saturating_mul(Self::CHUNK);
        let end = start
            .saturating_add(Self::CHUNK + 1)
            .min(self.offsets.len());
        let bounds = self.offsets.get(start..end).unwrap_or_default();
        bounds.windows(2).map(move |bounds| match *bounds {
            [start, end] => self
                .items
                .get(start as usize..end as usize)
                .unwrap_or_default(),
            _ => &[],
        })
    }
}
