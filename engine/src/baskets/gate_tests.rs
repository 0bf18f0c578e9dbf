//! What the gate promises about lengths, whatever the order in which itemsets are found.
#![allow(clippy::unwrap_used)]

use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::gate::Gate;
use super::*;
use crate::control::testing::Probe;
use crate::control::{Free, Stop};

const NEVER: fn() -> f64 = || 0.0;

fn limits(max_len: usize, max_itemsets: u64) -> Limits {
    Limits {
        max_len,
        max_itemsets,
    }
}

/// The greatest length up to which there are not too many.
fn promised(counts: &[u64], limits: Limits) -> usize {
    let few = |l: &usize| counts.iter().take(*l).sum::<u64>() <= limits.max_itemsets;
    (1..=limits.max_len.clamp(1, LONGEST))
        .rev()
        .find(few)
        .unwrap_or(1)
}

proptest! {
    #[test]
    fn the_length_depends_on_the_numbers_alone(
        (counts, order) in prop::collection::vec(0u64..40, 1..12).prop_flat_map(|counts| {
            let each = (1..).zip(&counts).flat_map(|(l, n)| vec![l; *n as usize]).collect::<Vec<usize>>();
            (Just(counts), Just(each).prop_shuffle())
        }),
        max_len in 0usize..80,
        max_itemsets in 0u64..400,
        threads in 1usize..5,
    ) {
        let limits = limits(max_len, max_itemsets);
        let gate = Gate::new(limits, &NEVER, &Free);
        // Searchers do not look for what is too long.
        let search = |lengths: &[usize]| {
            for length in lengths {
                if *length <= gate.longest() {
                    gate.found(*length, 1);
                }
            }
        };
        let part = order.len().div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            for lengths in order.chunks(part) {
                scope.spawn(move || search(lengths));
            }
        });
        let longest = promised(&counts, limits);
        prop_assert_eq!(gate.longest(), longest);
        let cut = longest < max_len.clamp(1, LONGEST);
        prop_assert_eq!(gate.caps(), if cut { vec![Cap::Itemsets] } else { vec![] });
    }
}

#[test]
fn threads_that_meet_lower_the_length_once() {
    let gates: Vec<Gate<'_>> = (0..4_000)
        .map(|_| Gate::new(limits(6, 9), &NEVER, &Free))
        .collect();
    // A barrier would wake them one after the other.
    let arrived = AtomicU64::new(0);
    let search = || {
        for (round, gate) in (1..).zip(&gates) {
            arrived.fetch_add(1, Ordering::SeqCst);
            for spin in 1u32.. {
                if arrived.load(Ordering::SeqCst) >= 2 * round {
                    break;
                }
                if spin.is_multiple_of(10_000) {
                    std::thread::yield_now();
                }
            }
            gate.found(4, 10);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(search);
        scope.spawn(search);
    });
    // Too many of four items; of three there are none.
    assert!(gates.iter().all(|gate| gate.longest() == 3));
}

#[test]
fn lengths_and_numbers_have_ends() {
    let gate = Gate::new(limits(1_000, u64::MAX - 1), &NEVER, &Free);
    assert_eq!(gate.longest(), LONGEST);
    gate.found(LONGEST + 1, 5);
    gate.found(LONGEST, 5);
    assert_eq!((gate.longest(), gate.caps()), (LONGEST, vec![]));
    gate.found(2, u64::MAX - 1);
    gate.found(3, 1);
    assert_eq!((gate.longest(), gate.caps()), (2, vec![Cap::Itemsets]));
    assert_eq!(Gate::new(limits(0, 0), &NEVER, &Free).longest(), 1);
    // The single items stay, even when they are too many.
    let gate = Gate::new(limits(5, 3), &NEVER, &Free);
    gate.found(1, 100);
    assert_eq!((gate.longest(), gate.caps()), (1, vec![Cap::Itemsets]));
}

#[test]
fn each_alarm_takes_one_item() {
    let now = AtomicU64::new(0);
    let spent = || now.load(Ordering::Relaxed) as f64 / 1e6;
    let gate = Gate::new(limits(10, u64::MAX), &spent, &Free);
    for length in 1..=6 {
        gate.found(length, 1);
    }
    let at = |millionths: u64| {
        now.store(millionths, Ordering::Relaxed);
        gate.check().unwrap();
        gate.longest()
    };
    assert_eq!((at(499_999), gate.caps()), (10, vec![]));
    // six items are the longest found
    assert_eq!((at(500_000), gate.caps()), (5, vec![Cap::Time]));
    assert_eq!((at(500_001), at(749_999)), (5, 5));
    assert_eq!((at(750_000), at(874_999)), (4, 4));
    assert_eq!((at(875_000), at(937_499)), (3, 3));
    // a long pause is one alarm at a look
    assert_eq!(at(999_999), 2);
    assert_eq!((at(999_999), at(2_000_000)), (1, 1));
    assert_eq!(gate.caps(), [Cap::Time]);
}

#[test]
fn an_algorithm_that_goes_by_length_keeps_what_is_complete() {
    let gate = Gate::new(limits(10, u64::MAX), &|| 0.6, &Free);
    gate.found(1, 10);
    gate.found(2, 10);
    gate.looking_for(3);
    gate.check().unwrap();
    assert_eq!((gate.longest(), gate.caps()), (2, vec![Cap::Time]));
    // The same without: nothing tells that all pairs were found.
    let gate = Gate::new(limits(10, u64::MAX), &|| 0.6, &Free);
    gate.found(1, 10);
    gate.found(2, 10);
    gate.check().unwrap();
    assert_eq!(gate.longest(), 1);
}

#[test]
fn one_item_is_never_taken() {
    // Nothing was cut, so there is nothing to report.
    let gate = Gate::new(limits(1, u64::MAX), &|| 5.0, &Free);
    gate.found(1, 10);
    gate.check().unwrap();
    assert_eq!((gate.longest(), gate.caps()), (1, vec![]));
}

#[test]
fn both_limits_are_told() {
    let gate = Gate::new(limits(9, 4), &|| 1.0, &Free);
    gate.found(5, 5);
    gate.found(3, 1);
    gate.check().unwrap();
    assert_eq!(
        (gate.longest(), gate.caps()),
        (2, vec![Cap::Itemsets, Cap::Time])
    );
    let mut nodes: Vec<Node> = [1, 2, 3, 2, 1]
        .map(|depth| Node {
            depth,
            item: depth,
            support: 1,
        })
        .to_vec();
    gate.prune(&mut nodes);
    let depths: Vec<u32> = nodes.iter().map(|n| n.depth).collect();
    assert_eq!(depths, [1, 2, 2, 1]);
}

#[test]
fn a_look_finds_the_work_cancelled() {
    let control = Probe::stopping_after(1);
    let gate = Gate::new(limits(9, 9), &NEVER, &control);
    assert_eq!(gate.check(), Ok(()));
    assert_eq!(gate.check(), Err(Stop::Cancelled));
    assert_eq!(control.looks(), 2);
}
