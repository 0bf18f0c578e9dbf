#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::clean::line::{Line, LineKind};
use crate::clean::spill::Spill;
use crate::control::Free;
use crate::control::testing::Probe;
use crate::error::{Class, Classified};

fn spilled_line(hash: u128) -> Line<'static> {
    Line {
        hash,
        sold_at: 0,
        quantity: 10_000,
        unit_price: 1_000_000,
        kind: LineKind::Sale,
        is_merchandise: true,
        line_no: 0,
        invoice_no: "1",
        stock_code: "A",
        description: "",
        customer_id: "",
        country: "",
    }
}

fn spilled(hashes: &[u128]) -> Spilled {
    let mut batch = LineBatch::default();
    for (line_no, &hash) in (0..).zip(hashes) {
        let line = spilled_line(hash);
        batch.push(&Line { line_no, ..line });
    }
    spill(&batch)
}

fn spill(batch: &LineBatch) -> Spilled {
    let mut spill = Spill::new(tempfile::tempfile().unwrap(), None);
    spill.push(batch, &Free).unwrap();
    spill.finish().unwrap()
}

fn fresh(
    spilled: &Spilled,
    known: &[u128],
    keep: bool,
    control: &dyn Control,
) -> (Vec<u64>, u64, i128) {
    let month = spilled.months()[0];
    let plan = Plan::new(&month, known.len() as u64, keep, control);
    let (mut lines, mut duplicates, mut amount) = (Vec::new(), 0, 0);
    for pass in 0..plan.passes() {
        let mut set = Known::new(plan, pass, control).unwrap();
        known
            .iter()
            .filter(|&&k| plan.takes(pass, k))
            .for_each(|&k| set.insert(k, control).unwrap());
        set.fresh::<SpillError>(spilled, &month, control, |batch| {
            lines.extend(&batch.line_no);
            Ok(())
        })
        .unwrap();
        duplicates += set.duplicates;
        amount += set.duplicate_amount;
    }
    lines.sort_unstable();
    (lines, duplicates, amount)
}

#[test]
fn a_line_counts_once_within_and_across_sources() {
    let (lines, duplicates, amount) = fresh(&spilled(&[5, 6, 5, 7, 6, 5]), &[7], false, &Free);
    assert_eq!((lines, duplicates), (vec![0, 1], 4));
    assert_eq!(amount, 4 * 10_000 * 1_000_000);
}

#[test]
fn kept_duplicates_are_lines_of_their_own_but_only_once_loaded() {
    let source = spilled(&[5, 5, 5, 6]);
    assert_eq!(fresh(&source, &[], true, &Free).0, [0, 1, 2, 3]);
    let loaded: Vec<u128> = [(5, 0), (5, 1), (6, 0)]
        .map(|(h, n)| nth_identity(h, n))
        .to_vec();
    assert_eq!(fresh(&source, &loaded, true, &Free).0, [2]);
}

#[test]
fn passes_find_the_same_lines_as_one() {
    let hashes: Vec<u128> = identities(40_000).chain(identities(20_000)).collect();
    let source = spilled(&hashes);
    let small = Probe::patient().granting(4 << 20);
    assert!(Plan::new(&source.months()[0], 0, false, &small).passes() > 1);
    assert_eq!(
        fresh(&source, &hashes[..10], false, &small),
        fresh(&source, &hashes[..10], false, &Free)
    );
}

#[test]
fn kept_duplicates_are_known_again_in_many_passes() {
    let hashes: Vec<u128> = identities(20_000).chain(identities(20_000)).collect();
    let source = spilled(&hashes);
    let small = Probe::patient().granting(4 << 20);
    assert!(Plan::new(&source.months()[0], 40_000, true, &small).passes() > 2);
    let (lines, duplicates, _) = fresh(&source, &[], true, &small);
    assert_eq!((lines.len(), duplicates), (40_000, 0));
    let loaded: Vec<u128> = (0..2)
        .flat_map(|n| identities(20_000).map(move |hash| nth_identity(hash, n)))
        .collect();
    let (lines, duplicates, _) = fresh(&source, &loaded, true, &small);
    assert_eq!((lines, duplicates), (vec![], 40_000));
}

#[test]
fn more_money_than_a_sum_holds_is_an_error() {
    let mut batch = LineBatch::default();
    let mut line = spilled_line(1);
    (line.quantity, line.unit_price) = (i64::MAX, i64::MAX);
    (0..4).for_each(|_| batch.push(&line));
    let source = spill(&batch);
    let month = source.months()[0];
    let plan = Plan::new(&month, 0, false, &Free);
    let error = Known::new(plan, 0, &Free)
        .unwrap()
        .fresh::<SpillError>(&source, &month, &Free, |_| Ok(()))
        .unwrap_err();
    assert_eq!(error.class(), Class::OutOfRange);
    assert_eq!(
        error.to_string(),
        "the sum of the amounts is over 38 digits"
    );
}

/// Rows of different identities, well mixed.
fn identities(rows: u64) -> impl Iterator<Item = u128> {
    (0..u128::from(rows)).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
}

#[test]
fn the_identities_of_a_pass_are_charged_and_keep_to_the_plan() {
    for (keep, limit) in [(false, 32 << 20), (true, 32 << 20), (false, 1 << 30)] {
        let control = Probe::patient().granting(limit);
        // just over and just under what fills a table, where it is largest and fullest
        for rows in [57_344, 57_346, 229_376, 229_378, 300_001] {
            let month = MonthFacts {
                month: crate::clean::spill::Month::of(0),
                rows,
                first: 0,
                last: 0,
            };
            let plan = Plan::new(&month, 0, keep, &control);
            for pass in 0..plan.passes() {
                let mut known = Known::new(plan, pass, &control).unwrap();
                let made = control.held_bytes();
                assert_eq!(made, known.bytes());
                for identity in identities(rows).filter(|&i| plan.takes(pass, i)) {
                    known.insert(identity, &control).unwrap();
                }
                assert_eq!(control.held_bytes(), known.bytes());
                assert!(made <= limit / 4, "{made} of {limit} in pass {pass}");
            }
            assert_eq!(control.held_bytes(), 0);
        }
    }
}

#[test]
fn identities_beyond_the_memory_are_an_error() {
    let control = Probe::patient().granting(1 << 20);
    let other = Charge::new(900_000, "something else", &control).unwrap();
    let month = MonthFacts {
        month: crate::clean::spill::Month::of(0),
        rows: 6_000,
        first: 0,
        last: 0,
    };
    let plan = Plan::new(&month, 0, false, &control);
    let stop = Known::new(plan, 0, &control).unwrap_err();
    assert_eq!(
        stop,
        Stop::Memory {
            phase: IDENTITIES,
            used: 900_000 + 6_000 * SEEN_BYTES,
            limit: 1 << 20
        }
    );
    drop(other);
    // more come than the plan knew of
    let mut known = Known::new(plan, 0, &control).unwrap();
    let stop = identities(1_000_000)
        .find_map(|identity| known.insert(identity, &control).err())
        .unwrap();
    assert!(matches!(
        stop,
        Stop::Memory {
            phase: IDENTITIES,
            ..
        }
    ));
    assert!(known.bytes() <= 1 << 20);
}

#[test]
fn names_are_numbered_within_the_memory() {
    let control = Probe::patient().granting(1 << 20);
    let mut column = TextColumn::default();
    (0..100_000).for_each(|i| column.push(&format!("name {}", i % 50_000)));
    let (mut interner, mut fresh) = (Interner::default(), Vec::new());
    let numbers = interner
        .number(&column, 3_000, &mut fresh, &control)
        .unwrap();
    assert_eq!((fresh.len(), numbers[2_999]), (3_000, 2_999));
    assert!(control.held_bytes() > 3_000 * 30);
    let stop = interner
        .number(&column, 100_000, &mut fresh, &control)
        .unwrap_err();
    assert!(matches!(stop, Stop::Memory { phase: NAMES, .. }), "{stop}");
    drop(interner);
    assert_eq!(control.held_bytes(), 0);
}
