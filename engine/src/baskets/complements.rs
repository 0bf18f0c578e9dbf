//! What was most often bought with each item, frequent or not.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Baskets;
use super::model::Lists;
use crate::control::{Charge, Control, Stop, reserve};

const PHASE: &str = "counting complements";

/// Complements of an item.
const MOST: usize = 10;
/// A larger basket is a wholesaler's list and says little of what goes with what, but has as many pairs as thousands of others.
const LARGEST_BASKET: usize = 1_000;
/// Pairs that are counted. Where there are more, only a part of the baskets is looked at, chosen by their names.
const MOST_PAIRS: u64 = 500_000_000;
/// Fewer baskets with both items may be chance.
const LEAST: u32 = 2;
/// Items that a thread counts in one go.
const CHUNK: usize = 64;

/// Other items by item, most baskets first.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Complements {
    /// The complements of each item.
    items: Lists,
    /// Baskets with both, for each complement.
    baskets: Vec<u32>,
    /// The baskets of each item that were looked at.
    looked_at: Vec<u32>,
}

impl Complements {
    /// Counts pairs of items in the baskets for which `selected` is true; items for which `excluded` is true are left out.
    ///
    /// # Errors
    /// [`Stop`].
    pub(super) fn new(
        baskets: &Baskets,
        selected: &[bool],
        excluded: &[bool],
        control: &dyn Control,
    ) -> Result<Complements, Stop> {
        let width = baskets.labels().len();
        let looked = looked_at(baskets, selected);
        let mut starts = vec![0usize; width + 1];
        for basket in &looked {
            for item in baskets.items(*basket as usize) {
                if let Some(slot) = starts.get_mut(*item as usize + 1) {
                    *slot += 1;
                }
            }
        }
        let looked_at: Vec<u32> = starts.iter().skip(1).map(|count| *count as u32).collect();
        let pairs: usize = starts.iter().sum();
        let threads = rayon::current_num_threads();
        let bytes = pairs * 4 + width * (threads * 8 + 8 + MOST * 8);
        let _charge = Charge::new(bytes as u64, PHASE, control)?;
        let mut sum = 0;
        for slot in &mut starts {
            sum += *slot;
            *slot = sum;
        }
        let mut lists: Vec<u32> = Vec::new();
        reserve(&mut lists, pairs, PHASE)?;
        lists.resize(pairs, 0);
        let mut next = starts.clone();
        for basket in &looked {
            for item in baskets.items(*basket as usize) {
                if let Some(at) = next.get_mut(*item as usize)
                    && let Some(slot) = lists.get_mut(*at)
                {
                    *slot = *basket;
                    *at += 1;
                }
            }
        }
        control.check()?;
        let of = |item: usize| match (starts.get(item), starts.get(item + 1)) {
            (Some(start), Some(end)) => lists.get(*start..*end).unwrap_or_default(),
            _ => &[],
        };
        let left_out = |item: usize| excluded.get(item) == Some(&true);
        let mut all = Complements {
            looked_at,
            ..Complements::default()
        };
        let batch = CHUNK * 64;
        for first in (0..width).step_by(batch) {
            control.progress(PHASE, first as u64, width as u64);
            let chunks: Result<Vec<Vec<Best>>, Stop> = (first..width.min(first + batch))
                .into_par_iter()
                .chunks(CHUNK)
                .map_init(
                    || vec![0u32; width],
                    |counts, items| {
                        let best = |item: usize| match left_out(item) {
                            true => Ok(Vec::new()),
                            false => {
                                most_often(item, of(item), baskets, counts, &left_out, control)
                            }
                        };
                        items.into_iter().map(best).collect()
                    },
                )
                .collect();
            for best in chunks?.into_iter().flatten() {
                let items: Vec<u32> = best.iter().map(|b| b.1).collect();
                all.items.push(&items)?;
                all.baskets.extend(best.iter().map(|b| b.0));
            }
        }
        Ok(all)
    }

    /// The complements of an item: the other item, baskets with both, and baskets with the item.
    pub(super) fn of(&self, item: u32) -> impl Iterator<Item = (u32, u32, u32)> {
        let at = item as usize;
        let items = self.items.get(at);
        let end = self.items.ends.get(at).map_or(0, |end| *end as usize);
        let baskets = self.baskets.get(end.saturating_sub(items.len())..end);
        let whole = self.looked_at.get(at).copied().unwrap_or(0);
        let both = baskets.unwrap_or_default();
        items.iter().zip(both).map(move |(i, b)| (*i, *b, whole))
    }

    /// Checks what was read from outside, for a model of so many items and baskets.
    ///
    /// # Errors
    /// What is wrong.
    pub(super) fn check(&self, items: usize, total: u32) -> Result<(), &'static str> {
        let ends = &self.items.ends;
        let whole = ends.len() == items
            && self.looked_at.len() == items
            && ends.is_sorted()
            && ends.last().map_or(0, |end| *end as usize) == self.items.items.len()
            && self.baskets.len() == self.items.items.len();
        let fits = |item: u32| {
            let mut all = self.of(item);
            all.all(|(other, both, of)| {
                other != item && (other as usize) < items && both >= 1 && both <= of && of <= total
            })
        };
        match whole && (0..items as u32).all(fits) {
            true => Ok(()),
            false => Err("the model's complements do not fit"),
        }
    }
}

/// Baskets with both, and the other item.
type Best = Vec<(u32, u32)>;

/// The baskets whose pairs are counted.
fn looked_at(baskets: &Baskets, selected: &[bool]) -> Vec<u32> {
    let size = |basket: &u32| baskets.items(*basket as usize).len();
    let mut chosen: Vec<u32> = (0u32..)
        .zip(selected)
        .filter(|(basket, selected)| **selected && (1..=LARGEST_BASKET).contains(&size(basket)))
        .map(|(basket, _)| basket)
        .collect();
    let pairs: u64 = chosen.iter().map(|b| (size(b) as u64).pow(2)).sum();
    if pairs > MOST_PAIRS {
        // Hashes of names are even: so large a part of them is below this.
        let limit = u128::from(MOST_PAIRS) * u128::from(u64::MAX) / u128::from(pairs);
        let key = |basket: &u32| baskets.keys().get(*basket as usize).copied();
        chosen.retain(|b| key(b).is_some_and(|key| u128::from(key) <= limit));
    }
    chosen
}

/// The items that most of an item's baskets hold too, as baskets and item. `counts` are zeros, and zeros again afterwards.
fn most_often(
    item: usize,
    list: &[u32],
    baskets: &Baskets,
    counts: &mut [u32],
    left_out: &impl Fn(usize) -> bool,
    control: &dyn Control,
) -> Result<Best, Stop> {
    let mut touched = Vec::new();
    for part in list.chunks(1 << 12) {
        control.check()?;
        for basket in part {
            for other in baskets.items(*basket as usize) {
                if let Some(count) = counts.get_mut(*other as usize) {
                    if *count == 0 {
                        touched.push(*other);
                    }
                    *count += 1;
                }
            }
        }
    }
    let mut best: Best = Vec::new();
    let order = |(count, other): &(u32, u32)| (std::cmp::Reverse(*count), *other);
    for other in touched {
        let count = counts.get_mut(other as usize).map_or(0, std::mem::take);
        if count >= LEAST && other as usize != item && !left_out(other as usize) {
            best.push((count, other));
        }
    }
    if best.len() > MOST {
        best.select_nth_unstable_by_key(MOST, order);
        best.truncate(MOST);
    }
    best.sort_unstable_by_key(order);
    Ok(best)
}
