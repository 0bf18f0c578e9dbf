//! Itemsets in the order in which people read them.

use std::cmp::Ordering;

use super::Mined;
use crate::control::{Charge, Control, Stop, reserve};

const PHASE: &str = "sorting itemsets";

/// Itemsets that are sorted between two looks at the control.
const CHUNK: usize = 1 << 14;

/// Itemsets, the most frequent first, of equally frequent ones the smallest, then by their items.
#[derive(Debug)]
pub struct Listing {
    /// Ids of items, as in [`super::Baskets::labels`], ascending within an itemset.
    items: Vec<u32>,
    /// Where the items of each itemset begin and end, and its support.
    entries: Vec<Entry>,
    _charge: Charge,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    start: usize,
    len: u32,
    support: u32,
}

impl Entry {
    fn items(self, all: &[u32]) -> &[u32] {
        all.get(self.start..self.start + self.len as usize)
            .unwrap_or_default()
    }
}

impl Listing {
    /// Those of the itemsets for which `kept` is true, by their places in preorder; all without it.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn new(
        mined: &Mined,
        kept: Option<&[bool]>,
        control: &dyn Control,
    ) -> Result<Listing, Stop> {
        let is_kept = |at: usize| kept.is_none_or(|k| k.get(at).copied().unwrap_or(false));
        let (mut count, mut length) = (0usize, 0usize);
        for (at, node) in mined.itemsets.nodes().iter().enumerate() {
            if is_kept(at) {
                count += 1;
                length += node.depth as usize;
            }
        }
        // The entries stand twice while they are merged.
        let bytes = length * 4 + count * 2 * size_of::<Entry>();
        let charge = Charge::new(bytes as u64, PHASE, control)?;
        let (mut items, mut entries) = (Vec::new(), Vec::new());
        reserve(&mut items, length, PHASE)?;
        reserve(&mut entries, count, PHASE)?;
        let id = |number: &u32| mined.database.ids.get(*number as usize).copied();
        mined.itemsets.try_for_each(|at, path, support| {
            if at % CHUNK == 0 {
                control.check()?;
            }
            if is_kept(at) {
                let start = items.len();
                items.extend(path.iter().filter_map(id));
                if let Some(own) = items.get_mut(start..) {
                    own.sort_unstable();
                }
                entries.push(Entry {
                    start,
                    len: path.len() as u32,
                    support,
                });
            }
            Ok(())
        })?;
        let order = |a: &Entry, b: &Entry| {
            (b.support, a.len, a.items(&items)).cmp(&(a.support, b.len, b.items(&items)))
        };
        sort(&mut entries, order, control)?;
        Ok(Listing {
            items,
            entries,
            _charge: charge,
        })
    }

    /// Number of itemsets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The items of each itemset and the baskets that hold them.
    pub fn iter(&self) -> impl Iterator<Item = (&[u32], u32)> {
        self.entries
            .iter()
            .map(|e| (e.items(&self.items), e.support))
    }
}

/// Sorts in pieces, merged two by two, so that a cancel is heard in the midst of it.
fn sort<T: Copy>(
    all: &mut Vec<T>,
    order: impl Fn(&T, &T) -> Ordering + Copy,
    control: &dyn Control,
) -> Result<(), Stop> {
    for piece in all.chunks_mut(CHUNK) {
        control.check()?;
        piece.sort_unstable_by(order);
    }
    let mut merged = Vec::new();
    reserve(&mut merged, all.len(), PHASE)?;
    let mut width = CHUNK;
    while width < all.len() {
        for pair in all.chunks(width * 2) {
            let (mut a, mut b) = pair.split_at(width.min(pair.len()));
            while let (Some((x, rest_a)), Some((y, rest_b))) = (a.split_first(), b.split_first()) {
                if order(x, y).is_gt() {
                    merged.push(*y);
                    b = rest_b;
                } else {
                    merged.push(*x);
                    a = rest_a;
                }
                if merged.len() % CHUNK == 0 {
                    control.check()?;
                }
            }
            merged.extend_from_slice(a);
            merged.extend_from_slice(b);
        }
        std::mem::swap(all, &mut merged);
        merged.clear();
        width *= 2;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::super::{About, Algorithm, BasketsBuilder, Database, Limits, mine};
    use super::*;
    use crate::control::Free;
    use crate::control::testing::Probe;

    fn mined(baskets: &[&str]) -> (Mined, Vec<String>) {
        let about = About {
            day: 0,
            in_group: true,
        };
        let mut builder = BasketsBuilder::default();
        for (name, basket) in (0u32..).zip(baskets) {
            for item in basket.chars() {
                builder
                    .push(
                        &name.to_le_bytes(),
                        Some(item.to_string().as_bytes()),
                        1.0,
                        about,
                        &Free,
                    )
                    .unwrap();
            }
        }
        let baskets = builder.finish(&Free).unwrap();
        let labels = baskets.labels().to_vec();
        let database = Database::new(&baskets, None, None, 1, &Free).unwrap();
        let limits = Limits {
            max_len: 4,
            max_itemsets: 1_000_000,
        };
        let mined = mine(database, Algorithm::Eclat, limits, &|| 0.0, &Free).unwrap();
        (mined, labels)
    }

    fn texts(listing: &Listing, labels: &[String]) -> Vec<String> {
        let text = |(items, support): (&[u32], u32)| {
            let names: String = items.iter().map(|i| labels[*i as usize].as_str()).collect();
            format!("{names} {support}")
        };
        listing.iter().map(text).collect()
    }

    #[test]
    fn the_most_frequent_come_first_then_the_smallest_then_by_name() {
        let (mined, labels) = mined(&["abc", "abd", "ba", "c"]);
        let all = Listing::new(&mined, None, &Free).unwrap();
        assert_eq!(
            texts(&all, &labels),
            [
                "a 3", "b 3", "ab 3", "c 2", "d 1", "ac 1", "ad 1", "bc 1", "bd 1", "abc 1",
                "abd 1"
            ]
        );
        let pairs: Vec<bool> = mined
            .itemsets
            .nodes()
            .iter()
            .map(|n| n.depth == 2)
            .collect();
        let pairs = Listing::new(&mined, Some(&pairs), &Free).unwrap();
        assert_eq!(
            texts(&pairs, &labels),
            ["ab 3", "ac 1", "ad 1", "bc 1", "bd 1"]
        );
        assert_eq!((pairs.len(), pairs.is_empty()), (5, false));
    }

    #[test]
    fn pieces_are_merged_in_order_and_a_cancel_is_heard() {
        let mut state = 1u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 40) as u32
        };
        let numbers: Vec<u32> = (0..CHUNK * 5 + 7).map(|_| next()).collect();
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        let mut merged = numbers.clone();
        sort(&mut merged, Ord::cmp, &Free).unwrap();
        assert_eq!(merged, sorted);
        let probe = Probe::patient();
        sort(&mut numbers.clone(), Ord::cmp, &probe).unwrap();
        assert!(probe.looks() > 15, "{} looks", probe.looks());
        for looks in 0..probe.looks() {
            let stopped = sort(
                &mut numbers.clone(),
                Ord::cmp,
                &Probe::stopping_after(looks),
            );
            assert_eq!(stopped, Err(Stop::Cancelled));
        }
    }
}
