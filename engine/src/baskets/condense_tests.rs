//! Closed and maximal itemsets and the index against their definitions.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::testing::*;
use super::*;
use crate::control::testing::Probe;
use crate::control::{Free, Stop};
use crate::error::{Class, Classified};

fn is_subset(a: &[String], b: &[String]) -> bool {
    a.len() < b.len() && a.iter().all(|item| b.contains(item))
}

proptest! {
    #[test]
    fn closed_and_maximal_are_what_their_definitions_say(case in cases()) {
        let (baskets, mined) = case.mined(&case.lines(), Algorithm::Apriori);
        let all = named(&mined, &baskets);
        let index = Index::new(&mined.itemsets, &Free).unwrap();
        for condense in [Condense::All, Condense::Closed, Condense::Maximal] {
            let kept = condense.kept(&index, &Free).unwrap();
            prop_assert_eq!(kept.len(), mined.itemsets.len());
            let mut found = Named::new();
            mined.itemsets.try_for_each(|at, numbers, support| {
                if kept[at] {
                    let ids = numbers.iter().map(|n| mined.database.ids[*n as usize] as usize);
                    let mut items: Vec<String> = ids.map(|id| baskets.labels()[id].clone()).collect();
                    items.sort();
                    found.insert(items, support);
                }
                Ok::<(), ()>(())
            }).unwrap();
            let mut want = all.clone();
            want.retain(|items, support| !all.iter().any(|(other, others)| {
                let counts = match condense {
                    Condense::All => false,
                    Condense::Closed => others == support,
                    Condense::Maximal => true,
                };
                counts && is_subset(items, other)
            }));
            prop_assert_eq!(found, want);
        }
    }

    #[test]
    fn the_index_knows_what_was_mined_and_nothing_else(case in cases()) {
        let (_, mined) = case.mined(&case.lines(), Algorithm::Apriori);
        let index = Index::new(&mined.itemsets, &Free).unwrap();
        let mut known = std::collections::BTreeMap::new();
        mined.itemsets.try_for_each(|at, items, support| {
            known.insert(items.to_vec(), (at, support));
            Ok::<(), ()>(())
        }).unwrap();
        let width = mined.database.width() as u32;
        for mask in 1u32..1 << (width + 1) {
            let items: Vec<u32> = (0..=width).filter(|i| mask >> i & 1 == 1).collect();
            let want = known.get(&items);
            prop_assert_eq!(index.node(&items), want.map(|w| w.0));
            prop_assert_eq!(index.support(&items), want.map(|w| w.1));
        }
        prop_assert_eq!(index.node(&[]), None);
        prop_assert_eq!(index.support(&[]), None);
        prop_assert_eq!(index.support(&[u32::MAX]), None);
        prop_assert_eq!(index.itemsets(), &mined.itemsets);
    }
}

#[test]
fn at_the_length_of_a_cut_all_are_kept() {
    // All subsets of five items in four baskets each: the closure of any is all five.
    let baskets = read(&Case::plain(vec![vec![0, 1, 2, 3, 4]; 4], 4).lines());
    for (max_len, left) in [(LONGEST, 1), (5, 1), (3, 10), (1, 5)] {
        let limits = Limits {
            max_len,
            ..UNLIMITED
        };
        let mined = mine_all(&baskets, 4, Algorithm::Apriori, limits, &Free).unwrap();
        let index = Index::new(&mined.itemsets, &Free).unwrap();
        for condense in [Condense::Closed, Condense::Maximal] {
            let kept = condense.kept(&index, &Free).unwrap();
            assert_eq!(kept.iter().filter(|k| **k).count(), left, "{max_len}");
        }
    }
}

#[test]
fn names_are_known_or_suggested() {
    for condense in [Condense::All, Condense::Closed, Condense::Maximal] {
        assert_eq!(Condense::parse(condense.name()), Ok(condense));
    }
    let error = Condense::parse("maximum").unwrap_err();
    assert_eq!(error.class(), Class::InvalidParameter);
    assert_eq!(
        error.to_string(),
        "params: \"itemsets\" must be one of \"all\", \"closed\", \"maximal\", not \"maximum\", did you mean \"maximal\"?"
    );
}

#[test]
fn indexing_is_cancelled_and_charged() {
    // 2^17 - 1 itemsets
    let baskets = read(&Case::plain(vec![(0..17).collect()], 1).lines());
    let mined = mine_all(&baskets, 1, Algorithm::Apriori, UNLIMITED, &Free).unwrap();
    assert_eq!(mined.itemsets.len(), (1 << 17) - 1);
    let bytes = 12 * (mined.itemsets.len() as u64 + 1);
    let patient = Probe::patient().granting(bytes);
    let index = Index::new(&mined.itemsets, &patient).unwrap();
    assert_eq!(patient.held_bytes(), bytes - 4);
    let looks = patient.looks();
    assert!(looks >= 4);
    assert!(matches!(
        Condense::Closed.kept(&index, &patient),
        Err(Stop::Memory { .. })
    ));
    let kept = Condense::Closed.kept(&index, &Free).unwrap();
    assert_eq!(kept.iter().filter(|k| **k).count(), 1);
    for at in 0..looks {
        let control = Probe::stopping_after(at);
        assert_eq!(
            Index::new(&mined.itemsets, &control).err(),
            Some(Stop::Cancelled)
        );
        assert_eq!(control.held_bytes(), 0);
    }
    assert_eq!(
        Condense::Maximal.kept(&index, &Probe::stopping_after(0)),
        Err(Stop::Cancelled)
    );
    let little = Probe::patient().granting(bytes - 5);
    assert!(matches!(
        Index::new(&mined.itemsets, &little),
        Err(Stop::Memory { .. })
    ));
}
