//! What the miners read: the baskets that are mined, with their frequent items alone, numbered by how frequent they are.

use super::store::Baskets;
use crate::control::{Charge, Control, Stop, reserve};

const PHASE: &str = "counting items";

/// Baskets of frequent items. Items have numbers in ascending support: 0 is the rarest, and of two that are equally frequent
/// the one with the higher id is the rarer.
#[derive(Debug)]
pub struct Database {
    /// Baskets that are mined, also those without a frequent item.
    pub total: u32,
    /// The fewest baskets of a frequent itemset, at least 1.
    pub min_count: u32,
    /// Where the items of each basket begin, and one more for the end.
    pub offsets: Vec<u32>,
    /// Numbers of items, ascending within a basket. Baskets without frequent items are left out.
    pub items: Vec<u32>,
    /// Baskets that hold an item, by its number.
    pub supports: Vec<u32>,
    /// An item's id in [`Baskets::labels`], by its number.
    pub ids: Vec<u32>,
    _charge: Charge,
}

impl Database {
    /// Reads the baskets for which `selected` is true (all without it), without the items for which `excluded` is true.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn new(
        baskets: &Baskets,
        selected: Option<&[bool]>,
        excluded: Option<&[bool]>,
        min_count: u32,
        control: &dyn Control,
    ) -> Result<Database, Stop> {
        let is = |flags: Option<&[bool]>, at: usize, otherwise: bool| {
            flags.map_or(otherwise, |f| f.get(at).copied().unwrap_or(false))
        };
        let chosen = |basket: &usize| is(selected, *basket, true);
        let mut counts = vec![0u32; baskets.labels().len()];
        let (mut total, mut filled) = (0u32, 0usize);
        for basket in (0..baskets.len()).filter(chosen) {
            total += 1;
            filled += usize::from(!baskets.items(basket).is_empty());
            for item in baskets.items(basket) {
                if let Some(count) = counts.get_mut(*item as usize) {
                    *count += 1;
                }
            }
        }
        control.check()?;
        let min_count = min_count.max(1);
        let mut ids: Vec<u32> = (0u32..)
            .zip(&counts)
            .filter(|(id, count)| **count >= min_count && !is(excluded, *id as usize, false))
            .map(|(id, _)| id)
            .collect();
        let support = |id: u32| counts.get(id as usize).copied().unwrap_or(0);
        ids.sort_unstable_by_key(|id| (support(*id), std::cmp::Reverse(*id)));
        let supports: Vec<u32> = ids.iter().map(|id| support(*id)).collect();
        let mut number = vec![u32::MAX; counts.len()];
        for (to, id) in (0u32..).zip(&ids) {
            if let Some(slot) = number.get_mut(*id as usize) {
                *slot = to;
            }
        }
        let pairs: u64 = supports.iter().map(|s| u64::from(*s)).sum();
        let bytes = pairs * 4 + filled as u64 * 4;
        let charge = Charge::new(bytes, PHASE, control)?;
        let (mut offsets, mut items) = (Vec::new(), Vec::new());
        reserve(&mut items, pairs as usize, PHASE)?;
        reserve(&mut offsets, filled + 1, PHASE)?;
        offsets.push(0);
        for basket in (0..baskets.len()).filter(chosen) {
            let start = items.len();
            let numbers = baskets
                .items(basket)
                .iter()
                .filter_map(|id| number.get(*id as usize).copied())
                .filter(|n| *n != u32::MAX);
            items.extend(numbers);
            if let Some(own) = items.get_mut(start..)
                && !own.is_empty()
            {
                own.sort_unstable();
                offsets.push(items.len() as u32);
            }
        }
        control.check()?;
        Ok(Database {
            total,
            min_count,
            offsets,
            items,
            supports,
            ids,
            _charge: charge,
        })
    }

    /// Number of frequent items.
    #[must_use]
    pub fn width(&self) -> usize {
        self.ids.len()
    }

    /// The baskets that have frequent items, each as ascending numbers.
    pub fn baskets(&self) -> impl Iterator<Item = &[u32]> {
        self.offsets.windows(2).map(|bounds| match *bounds {
            [start, end] => self
                .items
                .get(start as usize..end as usize)
                .unwrap_or_default(),
            _ => &[],
        })
    }
}
