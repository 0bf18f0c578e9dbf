//! Lines become baskets, in any order.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::control::testing::Probe;
use crate::control::{Control, Free, Stop};

type Line = (String, Option<String>, f64, About);
type Change<'a> = &'a dyn Fn(&mut Vec<Line>);

fn line(basket: &str, item: Option<&str>, amount: f64, day: i32) -> Line {
    let about = About {
        day,
        in_group: true,
    };
    (basket.into(), item.map(String::from), amount, about)
}

fn try_read(lines: &[Line], control: &dyn Control) -> Result<Baskets, BasketError> {
    let mut builder = BasketsBuilder::default();
    for (basket, item, amount, about) in lines {
        let item = item.as_ref().map(String::as_bytes);
        builder.push(basket.as_bytes(), item, *amount, *about, control)?;
    }
    assert_eq!(
        builder.lines(),
        lines.iter().filter(|l| l.1.is_some()).count()
    );
    builder.finish(control)
}

fn read(lines: &[Line]) -> Baskets {
    try_read(lines, &Free).unwrap()
}

#[test]
fn an_item_is_in_a_basket_once() {
    let baskets = read(&[
        line("b", Some("tea"), 0.1, 12),
        line("a", Some("cup"), 5.0, 30),
        line("b", Some("cup"), 1.5, 10),
        line("b", Some("tea"), 0.2, 11),
        line("c", None, 7.0, -5),
        line("a", None, 7.0, 29),
        line("b", Some("tea"), -1.0, 40),
    ]);
    assert_eq!(
        (baskets.len(), baskets.is_empty(), baskets.pairs()),
        (3, false, 3)
    );
    assert_eq!(baskets.labels(), ["cup", "tea"]);
    // b, a and c: the order of their first lines
    assert_eq!(
        (baskets.items(0), baskets.amounts(0)),
        (&[0, 1][..], &[15_000, -7_000][..])
    );
    assert_eq!(
        (baskets.items(1), baskets.amounts(1)),
        (&[0][..], &[50_000][..])
    );
    // without an item the basket is known, and empty; its amount belongs to nothing
    assert_eq!((baskets.items(2), baskets.amounts(2)), (&[][..], &[][..]));
    assert_eq!((baskets.items(3), baskets.amounts(3)), (&[][..], &[][..]));
    let days: Vec<i32> = baskets.about().iter().map(|a| a.day).collect();
    assert_eq!(days, [10, 29, -5]);
}

#[test]
fn a_basket_is_in_the_group_by_any_line() {
    let mut lines = [
        line("a", Some("x"), 1.0, 1),
        line("a", Some("y"), 1.0, 1),
        line("b", None, 0.0, 1),
    ];
    lines[0].3.in_group = false;
    lines[2].3.in_group = false;
    let one = read(&lines);
    assert_eq!(
        one.about().iter().map(|a| a.in_group).collect::<Vec<_>>(),
        [true, false]
    );
    lines.reverse();
    assert_eq!(read(&lines).hash(), one.hash());
}

#[test]
fn labels_are_in_the_order_of_their_bytes() {
    let names = ["b", "ä", "B", "10", "9", "", "a ", "a", "日本"];
    let lines = names.map(|n| line("one", Some(n), 0.0, 0));
    let baskets = read(&lines);
    assert_eq!(
        baskets.labels(),
        ["", "10", "9", "B", "a", "a ", "b", "ä", "日本"]
    );
    assert_eq!(baskets.items(0), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_hash_tells_baskets_apart() {
    let known = [
        line("a", Some("x"), 1.0, 1),
        line("a", Some("y"), 1.0, 1),
        line("b", Some("x"), 1.0, 1),
        line("c", None, 0.0, 1),
    ];
    let hash = read(&known).hash();
    assert_eq!(hash.len(), 32);
    let changed = |change: Change<'_>| {
        let mut lines = known.to_vec();
        change(&mut lines);
        read(&lines).hash()
    };
    // the parts of an amount make no difference, nor does a line that says nothing
    let halves: Change<'_> = &|l| {
        l[0].2 = 0.5;
        l.push(line("a", Some("x"), 0.5, 3));
        l.push(line("b", None, 0.0, 2));
    };
    assert_eq!(changed(halves), hash);
    let changes: [Change<'_>; 9] = [
        &|l| l[0].2 = 1.0001,
        &|l| l[0].3.day = 0,
        &|l| l[3].3.in_group = false,
        &|l| l[3].0 = "d".into(),
        &|l| l[2].1 = Some("y".into()),
        &|l| l[1].1 = Some("z".into()),
        &|l| drop(l.pop()),
        &|l| l.push(line("d", None, 0.0, 1)),
        // what a and b hold is exchanged
        &|l| (l[0].0, l[1].0, l[2].0) = ("b".into(), "b".into(), "a".into()),
    ];
    let mut hashes: Vec<String> = changes.iter().map(|change| changed(change)).collect();
    hashes.push(hash);
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 10);
}

proptest! {
    #[test]
    fn the_order_of_lines_does_not_matter(
        (lines, shuffled) in prop::collection::vec(
            (0..6u8, prop::option::weighted(0.9, 0..9u8), -1000i32..1000, 0..5i32, any::<bool>()), 1..60
        ).prop_flat_map(|lines| {
            let lines: Vec<Line> = lines.into_iter().map(|(basket, item, amount, day, in_group)| (
                format!("basket {basket}"),
                item.map(|i| format!("item {i}")),
                f64::from(amount) / 100.0,
                About { day, in_group },
            )).collect();
            (Just(lines.clone()), Just(lines).prop_shuffle())
        })
    ) {
        // By the names of baskets, since they are numbered in the order of their lines.
        type Basket = (u64, About, Vec<u32>, Vec<i64>);
        let sorted = |b: &Baskets| {
            let mut all: Vec<Basket> = (0..b.len())
                .map(|i| (b.keys()[i], b.about()[i], b.items(i).to_vec(), b.amounts(i).to_vec()))
                .collect();
            all.sort_by_key(|b| b.0);
            all
        };
        let (one, other) = (read(&lines), read(&shuffled));
        prop_assert_eq!(one.labels(), other.labels());
        prop_assert_eq!(one.hash(), other.hash());
        prop_assert_eq!(sorted(&one), sorted(&other));
        // and against what the lines say
        let total: i64 = lines.iter().filter(|l| l.1.is_some()).map(|l| (l.2 * MONEY_UNITS).round() as i64).sum();
        prop_assert_eq!((0..one.len()).flat_map(|b| one.amounts(b)).sum::<i64>(), total);
        let mut pairs: Vec<_> = lines.iter().filter(|l| l.1.is_some()).map(|l| (&l.0, &l.1)).collect();
        pairs.sort();
        pairs.dedup();
        prop_assert_eq!(one.pairs(), pairs.len());
        prop_assert!((0..one.len()).all(|b| one.items(b).is_sorted_by(|x, y| x < y)));
    }
}

#[test]
fn amounts_that_are_none_do_no_harm() {
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, 4e14];
    let lines: Vec<Line> = odd.iter().map(|a| line("a", Some("x"), *a, 1)).collect();
    for amount in odd {
        let baskets = read(&[line("a", Some("x"), amount, 1)]);
        assert_eq!(baskets.amounts(0).len(), 1);
    }
    assert_eq!(read(&lines).amounts(0).len(), 1);
    assert_eq!(
        read(&vec![line("a", Some("x"), f64::INFINITY, 1); 3]).amounts(0),
        [i64::MAX]
    );
}

#[test]
fn reading_is_refused_without_memory() {
    let lines: Vec<Line> = (0..20_000)
        .map(|i| {
            line(
                &format!("b{}", i / 5),
                Some(&format!("i{}", i % 700)),
                1.0,
                i,
            )
        })
        .collect();
    let patient = Probe::patient();
    let baskets = try_read(&lines, &patient).unwrap();
    assert!(patient.held_bytes() > 20_000 * 12);
    drop(baskets);
    assert_eq!(patient.held_bytes(), 0);
    for kib in [0, 4, 32, 128, 256, 512] {
        let control = Probe::patient().granting(kib << 10);
        let refused = try_read(&lines, &control);
        assert!(
            matches!(refused, Err(BasketError::Stopped(Stop::Memory { .. }))),
            "{kib}"
        );
        assert_eq!(control.held_bytes(), 0);
    }
    let cancelled = try_read(&lines, &Probe::stopping_after(0));
    assert!(matches!(
        cancelled,
        Err(BasketError::Stopped(Stop::Cancelled))
    ));
}

#[test]
fn frequent_items_are_numbered_from_the_rarest() {
    let baskets = read(&[
        line("1", Some("d"), 0.0, 0),
        line("1", Some("c"), 0.0, 0),
        line("1", Some("b"), 0.0, 0),
        line("2", Some("d"), 0.0, 0),
        line("2", Some("b"), 0.0, 0),
        line("2", Some("a"), 0.0, 0),
        line("3", Some("d"), 0.0, 0),
        line("3", Some("c"), 0.0, 0),
        line("4", Some("a"), 0.0, 0),
        line("5", None, 0.0, 0),
        line("6", Some("e"), 0.0, 0),
    ]);
    let database = Database::new(&baskets, None, None, 2, &Free).unwrap();
    assert_eq!(
        (database.total, database.min_count, database.width()),
        (6, 2, 4)
    );
    // d is in three; a, b and c are in two each, and the higher id is the rarer
    assert_eq!(database.ids, [2, 1, 0, 3]);
    assert_eq!(database.supports, [2, 2, 2, 3]);
    let numbers: Vec<&[u32]> = database.baskets().filter(|b| !b.is_empty()).collect();
    assert_eq!(numbers, [&[0, 1, 3][..], &[1, 2, 3], &[0, 3], &[2]]);
    // without the third basket c is rare, d is excluded, and a count of 0 is one of 1
    let selected = [true, true, false, true, true, true];
    let excluded = [false, false, false, true, false];
    let database = Database::new(&baskets, Some(&selected), Some(&excluded), 0, &Free).unwrap();
    assert_eq!((database.total, database.min_count), (5, 1));
    assert_eq!(database.ids, [4, 2, 1, 0]);
    assert_eq!(database.supports, [1, 1, 2, 2]);
}
