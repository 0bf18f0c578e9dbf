//! The three algorithms against brute force and each other, and within their limits.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;

use super::testing::*;
use super::*;
use crate::control::testing::Probe;
use crate::control::{Free, Stop};

/// What all algorithms and threads find; asserts that it is the same.
fn same(
    baskets: &Baskets,
    min_count: u32,
    limits: Limits,
) -> (Itemsets, usize, Vec<Cap>, Vec<Mined>) {
    let mut mined: Vec<Mined> = Vec::new();
    for algorithm in ALGORITHMS {
        for pool in POOLS.iter() {
            let found = pool
                .install(|| mine_all(baskets, min_count, algorithm, limits, &Free))
                .unwrap();
            assert_eq!(found.algorithm, algorithm);
            mined.push(found);
        }
    }
    let first = &mined[0];
    for other in &mined {
        let threads = "another algorithm or number of threads finds other itemsets";
        assert!(first.itemsets == other.itemsets, "{threads}");
        assert_eq!((first.longest, &first.caps), (other.longest, &other.caps));
    }
    (
        first.itemsets.clone(),
        first.longest,
        first.caps.clone(),
        mined,
    )
}

proptest! {
    #[test]
    fn every_algorithm_finds_what_brute_force_finds(
        (case, lines) in cases().prop_flat_map(|case| {
            let lines = Just(case.lines()).prop_shuffle();
            (Just(case), lines)
        })
    ) {
        let want = case.by_brute_force();
        let mut first: Option<(Baskets, Mined)> = None;
        for algorithm in ALGORITHMS {
            for order in [&case.lines(), &lines] {
                let (baskets, mined) = case.mined(order, algorithm);
                prop_assert_eq!(&named(&mined, &baskets), &want);
                prop_assert!(is_canonical(&mined.itemsets));
                prop_assert_eq!(mined.database.total as usize, case.selected.iter().filter(|s| **s).count());
                prop_assert!(mined.caps.is_empty());
                if let Some((other, known)) = &first {
                    prop_assert_eq!(&known.itemsets, &mined.itemsets);
                    prop_assert_eq!(&known.database.ids, &mined.database.ids);
                    prop_assert_eq!(other.hash(), baskets.hash());
                } else {
                    first = Some((baskets, mined));
                }
            }
        }
    }
}

#[test]
fn odd_baskets() {
    let all = |n: u8| (0..n).collect::<Vec<u8>>();
    for (baskets, min_count, count) in [
        // one basket: all subsets; the same item twice
        (vec![all(5)], 1, 31),
        (vec![vec![3, 3, 3]], 1, 1),
        // one item
        (vec![vec![1]; 9], 9, 1),
        (vec![vec![1]; 9], 10, 0),
        // all the same
        (vec![all(8); 50], 50, 255),
        // nothing in any basket
        (vec![vec![]; 3], 1, 0),
        (vec![vec![], vec![2], vec![]], 1, 1),
        // nothing in common
        (vec![vec![0, 1], vec![2, 3], vec![4, 5]], 2, 0),
    ] {
        let case = Case::plain(baskets, min_count);
        let (itemsets, _, caps, mined) = same(&read(&case.lines()), min_count, UNLIMITED);
        assert_eq!((itemsets.len(), caps), (count, vec![]), "{case:?}");
        assert_eq!(
            named(&mined[0], &read(&case.lines())),
            case.by_brute_force()
        );
        assert_eq!(mined[0].database.total as usize, case.baskets.len());
    }
    let none = BasketsBuilder::default().finish(&Free);
    assert!(matches!(none, Err(BasketError::NoBaskets)));
}

#[test]
fn threads_share_many_baskets() {
    let baskets = random(5_000, 30, 0.2);
    let (itemsets, ..) = same(&baskets, 10, UNLIMITED);
    assert!(
        itemsets.by_size().len() >= 4 && itemsets.len() > 4_000,
        "{:?}",
        itemsets.by_size()
    );
}

/// All itemsets up to the greatest length up to which they are few enough; at least the single items.
fn cut(all: &Itemsets, limits: Limits) -> (Itemsets, usize) {
    let sizes = all.by_size();
    let fits = |l: &usize| sizes.iter().take(*l).sum::<u64>() <= limits.max_itemsets;
    let longest = (1..=limits.max_len).rev().find(fits).unwrap_or(1);
    let mut nodes = all.nodes().to_vec();
    nodes.retain(|n| n.depth as usize <= longest);
    (Itemsets::from_preorder(nodes), longest)
}

#[test]
fn too_many_itemsets_are_cut_by_length() {
    let baskets = random(60, 16, 0.75);
    let (all, longest, caps, _) = same(&baskets, 3, UNLIMITED);
    assert_eq!((longest, caps), (LONGEST, vec![]));
    assert!(all.len() > 10_000, "{:?}", all.by_size());
    let sizes = all.by_size();
    let up_to = |l: usize| sizes.iter().take(l).sum::<u64>();
    for max_itemsets in [
        0,
        1,
        15,
        16,
        up_to(2) - 1,
        up_to(2),
        up_to(3) + 1,
        10_000,
        all.len() as u64 - 1,
        all.len() as u64,
    ] {
        for max_len in [1, 2, 4, LONGEST] {
            let limits = Limits {
                max_len,
                max_itemsets,
            };
            let (want, longest) = cut(&all, limits);
            let (found, found_longest, caps, _) = same(&baskets, 3, limits);
            assert!(
                found == want,
                "{limits:?}: {:?} and not {:?}",
                found.by_size(),
                want.by_size()
            );
            let is_cut = longest < max_len;
            assert_eq!(found_longest, longest, "{limits:?}");
            assert_eq!(
                caps,
                if is_cut { vec![Cap::Itemsets] } else { vec![] },
                "{limits:?}"
            );
        }
    }
}

#[test]
fn without_time_the_single_items_are_complete() {
    let baskets = random(300, 16, 0.7);
    let items = mine_all(
        &baskets,
        3,
        Algorithm::Eclat,
        Limits {
            max_len: 1,
            ..UNLIMITED
        },
        &Free,
    );
    let items = items.unwrap().itemsets;
    assert_eq!(items.len(), 16);
    for algorithm in ALGORITHMS {
        for share in [1.0, 2.0, f64::INFINITY] {
            let database = Database::new(&baskets, None, None, 3, &Free).unwrap();
            let mined = mine(database, algorithm, UNLIMITED, &|| share, &Free).unwrap();
            assert_eq!(
                (mined.longest, mined.caps),
                (1, vec![Cap::Time]),
                "{algorithm:?}"
            );
            assert!(mined.itemsets == items, "{algorithm:?}");
        }
    }
}

#[test]
fn with_some_time_the_result_is_all_of_some_length() {
    use std::sync::atomic::{AtomicU64, Ordering};
    let baskets = random(300, 16, 0.6);
    let (all, ..) = same(&baskets, 3, UNLIMITED);
    for algorithm in ALGORITHMS {
        for steps in [2u64, 5, 20, 100, 1_000, 20_000] {
            // Time goes on with every look at it.
            let looks = AtomicU64::new(0);
            let spent = || looks.fetch_add(1, Ordering::Relaxed) as f64 / steps as f64;
            let database = Database::new(&baskets, None, None, 3, &Free).unwrap();
            let mined = mine(database, algorithm, UNLIMITED, &spent, &Free).unwrap();
            let mut nodes = all.nodes().to_vec();
            nodes.retain(|n| n.depth as usize <= mined.longest);
            assert!(mined.itemsets.nodes() == nodes, "{algorithm:?} {steps}");
            assert_eq!(mined.caps.is_empty(), mined.longest == LONGEST);
        }
    }
}

#[test]
fn mining_is_cancelled_at_any_look() {
    let baskets = random(1_200, 14, 0.5);
    for algorithm in ALGORITHMS {
        let run = |control: &Probe| {
            POOLS[0].install(|| mine_all(&baskets, 20, algorithm, UNLIMITED, control))
        };
        let patient = Probe::patient();
        assert!(run(&patient).is_ok());
        let looks = patient.looks();
        assert!(looks > 4, "{algorithm:?}: {looks}");
        for at in (0..looks)
            .step_by(looks.div_ceil(60) as usize)
            .chain([looks - 1])
        {
            let control = Probe::stopping_after(at);
            let stopped = run(&control).unwrap_err();
            assert!(
                matches!(stopped, BasketError::Stopped(Stop::Cancelled)),
                "{algorithm:?} {at}"
            );
            assert_eq!(control.held_bytes(), 0);
            assert!(
                control.looks() < at + 5,
                "{algorithm:?} {at}: {}",
                control.looks()
            );
        }
        for pool in POOLS.iter() {
            let control = Probe::stopping_after(looks / 2);
            let stopped = pool.install(|| mine_all(&baskets, 20, algorithm, UNLIMITED, &control));
            assert!(matches!(
                stopped,
                Err(BasketError::Stopped(Stop::Cancelled))
            ));
            assert_eq!(control.held_bytes(), 0);
        }
    }
}

#[test]
fn memory_is_kept_to_or_refused() {
    let baskets = random(1_000, 20, 0.4);
    let mut shortened = 0;
    for algorithm in ALGORITHMS {
        let run = |control: &Probe| mine_all(&baskets, 20, algorithm, UNLIMITED, control);
        let patient = Probe::patient();
        let want = run(&patient).unwrap().itemsets;
        let mut refused = 0;
        for kib in [
            0,
            1,
            2,
            4,
            8,
            16,
            32,
            64,
            128,
            192,
            256,
            384,
            512,
            768,
            1024,
            1 << 20,
        ] {
            let control = Probe::patient().granting(kib << 10);
            match run(&control) {
                Ok(mined) => {
                    let limits = Limits {
                        max_len: mined.longest,
                        ..UNLIMITED
                    };
                    assert!(mined.itemsets == cut(&want, limits).0);
                    let short = mined.itemsets != want;
                    assert_eq!(mined.caps == [Cap::Memory], short, "{algorithm:?} {kib}");
                    shortened += usize::from(short);
                }
                Err(BasketError::Stopped(Stop::Memory { limit, used, .. })) => {
                    assert_eq!(limit, kib << 10);
                    assert!(used > limit);
                    refused += 1;
                }
                Err(other) => panic!("{algorithm:?}: {other}"),
            }
            assert!(control.most_held() <= kib << 10);
            assert_eq!(control.held_bytes(), 0);
        }
        // There is memory for the baskets before there is some for all itemsets.
        assert!((3..16).contains(&refused), "{algorithm:?}: {refused}");
    }
    assert!(shortened > 0);
}
