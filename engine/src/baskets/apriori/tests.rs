//! The passes of a level.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::baskets::testing::{POOLS, UNLIMITED, cases, random, read};
use crate::baskets::{Baskets, Limits};
use crate::control::Free;
use crate::control::testing::Probe;

fn in_passes(baskets: &Baskets, min_count: u32, cells: usize) -> Vec<Node> {
    let database = Database::new(baskets, None, None, min_count, &Free).unwrap();
    let gate = Gate::new(UNLIMITED, &|| 0.0, &Free);
    mine_in_passes(&database, cells, &gate).unwrap()
}

proptest! {
    #[test]
    fn a_level_may_take_many_passes(case in cases(), cells in 1usize..40) {
        let baskets = read(&case.lines());
        let one = in_passes(&baskets, case.min_count, CELLS_PER_PASS);
        prop_assert_eq!(in_passes(&baskets, case.min_count, cells), one);
    }
}

#[test]
fn passes_and_threads_find_the_same() {
    let baskets = random(3_000, 24, 0.25);
    let one = in_passes(&baskets, 12, CELLS_PER_PASS);
    assert!(one.iter().any(|n| n.depth == 5));
    for cells in [1, 50, 3_000] {
        for pool in POOLS.iter() {
            assert!(
                pool.install(|| in_passes(&baskets, 12, cells)) == one,
                "{cells}"
            );
        }
    }
}

#[test]
fn what_is_too_much_is_not_gathered() {
    // All subsets of 40 items are frequent: 780 pairs, 9,880 of three, 91,390 of four, 658,008 of five.
    let baskets = read(
        &(0..10)
            .flat_map(|basket| (0..40).map(move |item| (basket, Some(item))))
            .collect::<Vec<_>>(),
    );
    let control = Probe::patient();
    let database = Database::new(&baskets, None, None, 10, &control).unwrap();
    let limits = Limits {
        max_itemsets: 20_000,
        ..UNLIMITED
    };
    let gate = Gate::new(limits, &|| 0.0, &control);
    let before = control.held_bytes();
    let nodes = POOLS[0]
        .install(|| mine_in_passes(&database, 1_000, &gate))
        .unwrap();
    assert_eq!((nodes.len(), gate.longest()), (40 + 780 + 9_880, 3));
    // Itemsets in levels (while one doubles it is held twice) and as nodes, and a pass.
    let most = control.most_held() - before;
    assert!(most < 600_000, "{most}");
    assert_eq!(control.held_bytes(), before);
}
