//! The two fast miners: the same itemsets as counting every subset, within their limits, stopped and charged.
#![allow(clippy::unwrap_used)]

use super::gate::{Gate, Limits};
use super::store::{About, BasketsBuilder};
use super::*;
use crate::control::testing::Probe;
use crate::control::{Control, Free, Stop};
use crate::random::Stream;

type Miner = fn(&Database, &Gate<'_>) -> Result<Vec<Node>, Stop>;

const MINERS: [(&str, Miner); 2] = [("fpgrowth", fpgrowth::mine), ("eclat", eclat::mine)];
const ALL: Limits = Limits {
    max_len: LONGEST,
    max_itemsets: u64::MAX,
};
const ABOUT: About = About {
    day: 0,
    in_group: true,
};

fn database(baskets: &[Vec<usize>], min_count: u32, control: &dyn Control) -> Database {
    let mut builder = BasketsBuilder::default();
    for (at, items) in baskets.iter().enumerate() {
        let key = at.to_string();
        builder
            .push(key.as_bytes(), None, 0.0, ABOUT, &Free)
            .unwrap();
        for item in items {
            let item = format!("{item:04}");
            let item = Some(item.as_bytes());
            builder
                .push(key.as_bytes(), item, 0.0, ABOUT, &Free)
                .unwrap();
        }
    }
    let baskets = builder.finish(&Free).unwrap();
    Database::new(&baskets, None, None, min_count, control).unwrap()
}

fn mined(miner: Miner, database: &Database, limits: Limits) -> (Vec<Node>, usize) {
    let gate = Gate::new(limits, &|| 0.0, &Free);
    let nodes = miner(database, &gate).unwrap();
    (nodes, gate.longest())
}

/// Depth first, by looking for each candidate in the baskets that hold what it extends.
fn counted(database: &Database) -> Vec<Node> {
    fn grow(database: &Database, held: &[&[u32]], first: u32, depth: u32, nodes: &mut Vec<Node>) {
        for item in first..database.width() as u32 {
            let holds = |basket: &&&[u32]| basket.binary_search(&item).is_ok();
            let held: Vec<&[u32]> = held.iter().filter(holds).copied().collect();
            let support = held.len() as u32;
            if support >= database.min_count {
                nodes.push(Node {
                    depth,
                    item,
                    support,
                });
                grow(database, &held, item + 1, depth + 1, nodes);
            }
        }
    }
    let (all, mut nodes): (Vec<_>, _) = (database.baskets().collect(), Vec::new());
    grow(database, &all, 0, 1, &mut nodes);
    nodes
}

/// `count` baskets of the items below `width`, each held with a probability that falls from `most` to a tenth of it.
fn random(seed: i64, count: usize, width: usize, most: f64) -> Vec<Vec<usize>> {
    let mut stream = Stream::new(seed, "baskets", 0);
    let chance = |item: usize| most * (1.0 - 0.9 * item as f64 / width as f64);
    (0..count)
        .map(|_| {
            let held = |item: &usize| stream.unit() < chance(*item);
            (0..width).filter(held).collect()
        })
        .collect()
}

#[test]
fn both_find_what_counting_finds_whatever_the_density() {
    // Sparse and wide, dense and narrow, nearly full (diffsets, single paths), and more items than a word has bits.
    let cases = [
        (random(1, 300, 40, 0.2), 3),
        (random(2, 60, 9, 0.9), 2),
        (random(3, 200, 14, 1.0), 60),
        (random(4, 500, 90, 0.35), 25),
        (random(5, 60, 150, 0.5), 8),
        (vec![vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9]; 20], 20),
        (vec![vec![], vec![7, 7, 7], vec![]], 1),
        (vec![vec![]], 1),
    ];
    for (at, (baskets, min_count)) in cases.iter().enumerate() {
        let database = database(baskets, *min_count, &Free);
        let expected = counted(&database);
        for (name, miner) in MINERS {
            let (nodes, _) = mined(miner, &database, ALL);
            assert_eq!(nodes.len(), expected.len(), "{name}, case {at}");
            assert_eq!(nodes, expected, "{name}, case {at}");
        }
    }
}

#[test]
fn lengths_are_cut_and_nothing_else() {
    let database = database(&random(6, 400, 70, 0.6), 20, &Free);
    let (all, _) = mined(eclat::mine, &database, ALL);
    let up_to = |longest: usize| {
        let kept = all.iter().filter(|n| n.depth as usize <= longest);
        kept.copied().collect::<Vec<_>>()
    };
    assert!(up_to(4).len() > 2 * up_to(3).len() && up_to(5).len() > up_to(4).len());
    for (name, miner) in MINERS {
        for max_len in 1..=5 {
            let limits = Limits { max_len, ..ALL };
            let (nodes, longest) = mined(miner, &database, limits);
            assert_eq!(longest, max_len);
            assert!(nodes == up_to(max_len), "{name}, up to {max_len}");
        }
        for longest in 1..=4 {
            for max_itemsets in [up_to(longest).len(), up_to(longest + 1).len() - 1] {
                let limits = Limits {
                    max_itemsets: max_itemsets as u64,
                    ..ALL
                };
                let (nodes, cut) = mined(miner, &database, limits);
                assert_eq!(cut, longest, "{name}, {max_itemsets} itemsets");
                assert!(nodes == up_to(longest), "{name}, {max_itemsets} itemsets");
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let database = database(&random(7, 400, 70, 0.6), 20, &Free);
    let limits = Limits {
        max_itemsets: 20_000,
        ..ALL
    };
    for (name, miner) in MINERS {
        for limits in [ALL, limits] {
            let of = |threads| {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
                let pool = pool.build().unwrap();
                pool.install(|| mined(miner, &database, limits))
            };
            let one = of(1);
            assert!(one == of(2) && one == of(8), "{name}");
        }
    }
}

#[test]
fn a_search_ends_when_it_is_cancelled() {
    let database = database(&random(8, 400, 70, 0.6), 20, &Free);
    for (name, miner) in MINERS {
        let looks = |control: &Probe| miner(&database, &Gate::new(ALL, &|| 0.0, control));
        let patient = Probe::patient();
        looks(&patient).unwrap();
        assert!(patient.looks() > 20, "{name}: {}", patient.looks());
        assert_eq!(patient.held_bytes(), 0, "{name}");
        for share in 0..10 {
            let at = patient.looks() * share / 10;
            let control = Probe::stopping_after(at);
            assert_eq!(looks(&control), Err(Stop::Cancelled), "{name} at {at}");
            // The look that cancels is the last one of its thread.
            let threads = rayon::current_num_threads() as u64;
            assert!(
                control.looks() <= at + threads,
                "{name}: {}",
                control.looks()
            );
            assert_eq!(control.held_bytes(), 0, "{name}");
        }
    }
}

#[test]
fn nodes_that_are_held_stay_near_the_limit() {
    // 2^18 itemsets of one path, and no more than 20,000 kept.
    let database = database(&vec![(0..18).collect(); 3], 3, &Free);
    for (name, miner) in MINERS {
        let control = Probe::patient();
        let limits = Limits {
            max_itemsets: 20_000,
            ..ALL
        };
        let gate = Gate::new(limits, &|| 0.0, &control);
        let nodes = miner(&database, &gate).unwrap();
        // Up to 5 items there are 12,615, up to 6 items 31,179.
        assert_eq!((nodes.len(), gate.longest()), (12_615, 5), "{name}");
        let node = size_of::<Node>() as u64;
        assert!(
            control.most_held() < 5 * 20_000 * node,
            "{name}: {}",
            control.most_held()
        );
        assert!(
            control.most_held() > 12_615 * node,
            "{name}: {}",
            control.most_held()
        );
    }
}

#[test]
fn memory_that_is_not_granted_is_refused() {
    let database = database(&random(9, 400, 70, 0.6), 20, &Free);
    for (name, miner) in MINERS {
        let patient = Probe::patient();
        miner(&database, &Gate::new(ALL, &|| 0.0, &patient)).unwrap();
        for part in [2, 5, 50, 1000] {
            let control = Probe::patient().granting(patient.most_held() / part);
            let stop = miner(&database, &Gate::new(ALL, &|| 0.0, &control)).unwrap_err();
            assert!(matches!(stop, Stop::Memory { .. }), "{name}: {stop}");
            assert_eq!(control.held_bytes(), 0, "{name}");
        }
    }
}

#[test]
fn the_algorithm_is_chosen_by_density() {
    let chosen = |pairs: usize| {
        // 40 baskets and 32 items: a 16th of the cells are 80.
        let own = (0..40).map(|basket| vec![basket % 32]);
        let mut baskets: Vec<Vec<usize>> = own.collect();
        for (basket, items) in baskets.iter_mut().enumerate().take(pairs - 40) {
            items.push((basket + 1) % 32);
        }
        let database = database(&baskets, 1, &Free);
        assert_eq!((database.width(), database.items.len()), (32, pairs));
        let mined = mine(database, Algorithm::Auto, ALL, &|| 0.0, &Free);
        mined.unwrap().algorithm
    };
    assert_eq!(chosen(79), Algorithm::Eclat);
    assert_eq!(chosen(80), Algorithm::FpGrowth);
}
