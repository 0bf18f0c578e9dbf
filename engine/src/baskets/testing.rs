//! Baskets for tests, and itemsets by brute force.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::control::{Control, Free};

/// Pools of 1, 2 and 8 threads.
pub(super) static POOLS: LazyLock<[rayon::ThreadPool; 3]> = LazyLock::new(|| {
    [1, 2, 8].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build().unwrap()
    })
});

pub(super) const ALGORITHMS: [Algorithm; 3] =
    [Algorithm::Apriori, Algorithm::FpGrowth, Algorithm::Eclat];

pub(super) const UNLIMITED: Limits = Limits {
    max_len: LONGEST,
    max_itemsets: u64::MAX,
};

/// Itemsets by the names of their items, with their supports.
pub(super) type Named = BTreeMap<Vec<String>, u32>;

/// What a test mines: baskets as they are written, so that an item may stand in one twice.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub baskets: Vec<Vec<u8>>,
    pub selected: Vec<bool>,
    pub excluded: Vec<bool>,
    pub min_count: u32,
    pub max_len: usize,
}

pub(super) const ITEMS: u8 = 8;

fn name(item: u8) -> String {
    format!("item {item}")
}

impl Case {
    /// Whole baskets, all items, no limit.
    pub(super) fn plain(baskets: Vec<Vec<u8>>, min_count: u32) -> Case {
        Case {
            selected: vec![true; baskets.len()],
            excluded: vec![false; 256],
            baskets,
            min_count,
            max_len: LONGEST,
        }
    }

    /// The lines as (basket, item); a basket without items has a line without one.
    pub(super) fn lines(&self) -> Vec<(usize, Option<u8>)> {
        let of = |(at, items): (usize, &Vec<u8>)| {
            let none = items.is_empty().then_some((at, None));
            let items = items.clone();
            none.into_iter()
                .chain(items.into_iter().map(move |i| (at, Some(i))))
        };
        self.baskets.iter().enumerate().flat_map(of).collect()
    }

    /// Reads the lines in an order and mines.
    pub(super) fn mined(
        &self,
        lines: &[(usize, Option<u8>)],
        algorithm: Algorithm,
    ) -> (Baskets, Mined) {
        let baskets = read(lines);
        let mut order: Vec<usize> = Vec::new();
        for (basket, _) in lines {
            if !order.contains(basket) {
                order.push(*basket);
            }
        }
        let selected: Vec<bool> = order.iter().map(|at| self.selected[*at]).collect();
        let excluded = baskets
            .labels()
            .iter()
            .map(|label| (0..=u8::MAX).any(|i| self.excluded[i as usize] && name(i) == *label))
            .collect::<Vec<_>>();
        let database = Database::new(
            &baskets,
            Some(&selected),
            Some(&excluded),
            self.min_count,
            &Free,
        )
        .unwrap();
        let limits = Limits {
            max_len: self.max_len,
            ..UNLIMITED
        };
        let mined = mine(database, algorithm, limits, &|| 0.0, &Free).unwrap();
        (baskets, mined)
    }

    /// Every subset of the items is counted in every basket.
    pub(super) fn by_brute_force(&self) -> Named {
        let sets = self.baskets.iter().zip(&self.selected);
        let masks: Vec<u32> = sets
            .filter(|(_, selected)| **selected)
            .map(|(items, _)| items.iter().fold(0, |mask, i| mask | 1 << i))
            .collect();
        let allowed = |mask: u32| (0..32).all(|i| mask >> i & 1 == 0 || !self.excluded[i]);
        (1u32..1 << ITEMS)
            .filter(|mask| mask.count_ones() as usize <= self.max_len && allowed(*mask))
            .filter_map(|mask| {
                let support = masks.iter().filter(|m| **m & mask == mask).count() as u32;
                let items = (0..ITEMS).filter(|i| mask >> i & 1 == 1).map(name);
                (support >= self.min_count.max(1)).then(|| (items.collect(), support))
            })
            .collect()
    }
}

prop_compose! {
    /// Small baskets of few items, some of them frequent, some of them in all.
    pub(super) fn cases()(
        items in prop::collection::vec(prop::collection::vec((0..ITEMS, 0..ITEMS), 0..7), 1..25),
        everywhere in prop::option::of(0..ITEMS),
        excluded in prop::collection::vec(prop::bool::weighted(0.15), 256),
        selected in prop::collection::vec(prop::bool::weighted(0.8), 25),
        min_count in 0u32..6,
        max_len in prop_oneof![1 => 1usize..5, 1 => Just(LONGEST)],
    ) -> Case {
        // Of two random numbers the smaller one: low ones are frequent.
        let baskets: Vec<Vec<u8>> = items
            .into_iter()
            .map(|basket| basket.into_iter().map(|(a, b)| a.min(b)).chain(everywhere).collect())
            .collect();
        let selected = selected[..baskets.len()].to_vec();
        Case { baskets, selected, excluded, min_count, max_len }
    }
}

/// Reads lines of (basket, item).
pub(super) fn read(lines: &[(usize, Option<u8>)]) -> Baskets {
    let mut builder = BasketsBuilder::default();
    let about = About {
        day: 0,
        in_group: true,
    };
    for (basket, item) in lines {
        let (basket, item) = (format!("basket {basket}"), item.map(name));
        let item = item.as_ref().map(String::as_bytes);
        builder
            .push(basket.as_bytes(), item, 1.0, about, &Free)
            .unwrap();
    }
    builder.finish(&Free).unwrap()
}

/// Reads whole baskets.
pub(super) fn read_all<'a>(baskets: impl Iterator<Item = Vec<&'a str>>) -> Baskets {
    let mut builder = BasketsBuilder::default();
    let about = About {
        day: 0,
        in_group: true,
    };
    for (at, basket) in baskets.enumerate() {
        for item in basket {
            builder
                .push(&at.to_le_bytes(), Some(item.as_bytes()), 0.0, about, &Free)
                .unwrap();
        }
    }
    builder.finish(&Free).unwrap()
}

/// Baskets in which each of `items` items is with a chance of `share`, always the same ones.
pub(super) fn random(baskets: usize, items: u8, share: f64) -> Baskets {
    let mut state = 7u64;
    let mut chance = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let baskets = (0..baskets).map(|_| (0..items).filter(|_| chance() < share).collect());
    read(&Case::plain(baskets.collect(), 1).lines())
}

/// Mines whole baskets without a limit of time.
pub(super) fn mine_all(
    baskets: &Baskets,
    min_count: u32,
    algorithm: Algorithm,
    limits: Limits,
    control: &dyn Control,
) -> Result<Mined, BasketError> {
    let database = Database::new(baskets, None, None, min_count, control)?;
    mine(database, algorithm, limits, &|| 0.0, control)
}

/// Itemsets by names; asserts that none stands there twice.
pub(super) fn named(mined: &Mined, baskets: &Baskets) -> Named {
    let mut all = Named::new();
    mined
        .itemsets
        .try_for_each(|_, numbers, support| {
            let label =
                |n: &u32| baskets.labels()[mined.database.ids[*n as usize] as usize].clone();
            let items: BTreeSet<String> = numbers.iter().map(label).collect();
            assert_eq!(items.len(), numbers.len());
            let before = all.insert(items.into_iter().collect(), support);
            assert_eq!(before, None);
            Ok::<(), ()>(())
        })
        .unwrap();
    all
}

/// Nodes in preorder, ascending along each path and among siblings.
pub(super) fn is_canonical(itemsets: &Itemsets) -> bool {
    let mut paths: Vec<Vec<u32>> = Vec::new();
    itemsets
        .try_for_each(|_, items, _| {
            paths.push(items.to_vec());
            Ok::<(), ()>(())
        })
        .unwrap();
    let depths = itemsets.nodes().iter().map(|n| n.depth as usize);
    // In preorder of ascending siblings paths are in lexicographic order.
    depths.eq(paths.iter().map(Vec::len))
        && paths.iter().all(|p| p.is_sorted_by(|a, b| a < b))
        && paths.is_sorted_by(|a, b| a < b)
}
