//! The reference data: retail and mushroom of FIMI, groceries, Online Retail II.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::testing::*;
use super::*;
use crate::clean::LineKind;
use crate::clean::real_data_tests::{online_retail, text_of};
use crate::control::Free;
use crate::ingest::batch::Field;

/// Baskets of a file with one on each line.
pub(super) fn baskets_of(file: &str, separator: char) -> Option<Baskets> {
    let text = String::from_utf8(text_of(file)?).unwrap();
    let items = |line: &'static str| line.split(separator).filter(|i| !i.is_empty()).collect();
    // Leaked, since a test is over soon.
    let lines = text.leak().lines();
    Some(read_all(lines.map(items)))
}

fn fimi(name: &str) -> Option<Baskets> {
    baskets_of(&format!("fimi/{name}.dat.zst"), ' ')
}

/// Sales of merchandise in Online Retail II, without the two bulk orders that were cancelled within minutes: with the codes as
/// the file has them, from which the expected itemsets were mined, and in upper case, as a warehouse has them.
static MERCHANDISE: LazyLock<Option<(Baskets, Baskets)>> = LazyLock::new(|| {
    let (raw, cleaned) = online_retail()?;
    let mut builders = <(BasketsBuilder, BasketsBuilder)>::default();
    let about = About {
        day: 0,
        in_group: true,
    };
    for (raw, cleaned) in raw.iter().zip(&cleaned) {
        for row in 0..cleaned.rows() {
            let line = cleaned.line(row).unwrap();
            let is_bulk = ["541431", "581483"].contains(&line.invoice_no);
            if line.kind == LineKind::Sale && line.is_merchandise && !is_bulk {
                let invoice = line.invoice_no.as_bytes();
                let given = raw.field(row, Field::StockCode);
                builders.0.push(invoice, given, 0.0, about, &Free).unwrap();
                let code = Some(line.stock_code.as_bytes());
                builders.1.push(invoice, code, 0.0, about, &Free).unwrap();
            }
        }
    }
    Some((
        builders.0.finish(&Free).unwrap(),
        builders.1.finish(&Free).unwrap(),
    ))
});

fn mined(baskets: &Baskets, min_count: u32, algorithm: Algorithm) -> Mined {
    let start = std::time::Instant::now();
    let mined = mine_all(baskets, min_count, algorithm, UNLIMITED, &Free).unwrap();
    let name = algorithm.name();
    println!(
        "{name} {min_count}: {} in {:?}",
        mined.itemsets.len(),
        start.elapsed()
    );
    assert_eq!((mined.longest, mined.caps.len()), (LONGEST, 0));
    mined
}

fn sum_of_supports(itemsets: &Itemsets) -> u64 {
    itemsets.nodes().iter().map(|n| u64::from(n.support)).sum()
}

#[test]
fn counts_of_fimi() {
    let Some(expected) = text_of("fimi/expected_itemset_counts.csv") else {
        return;
    };
    let baskets: BTreeMap<&str, Baskets> =
        ["retail", "mushroom"].map(|n| (n, fimi(n).unwrap())).into();
    let expected = String::from_utf8(expected).unwrap();
    let mut rows = 0;
    for row in expected.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let baskets = &baskets[fields[0]];
        let whole: usize = fields[1].parse().unwrap();
        assert_eq!(baskets.len(), whole);
        let share = Fraction::of(fields[2].parse().unwrap()).unwrap();
        let min_count: u32 = fields[3].parse().unwrap();
        assert_eq!(share.count_of(whole as u64), u64::from(min_count), "{row}");
        for algorithm in ALGORITHMS {
            let itemsets = mined(baskets, min_count, algorithm).itemsets;
            let by_size: Vec<String> = (1..)
                .zip(itemsets.by_size())
                .map(|(size, count)| format!("{size}:{count}"))
                .collect();
            assert_eq!(itemsets.len(), fields[4].parse::<usize>().unwrap(), "{row}");
            assert_eq!(by_size.join(" "), fields[5], "{algorithm:?}");
            assert_eq!(
                sum_of_supports(&itemsets),
                fields[6].parse::<u64>().unwrap()
            );
            assert!(is_canonical(&itemsets));
        }
        rows += 1;
    }
    assert_eq!(rows, 11);
}

#[test]
fn all_closed_and_maximal_are_those_of_pyfim() {
    #[derive(serde::Deserialize)]
    struct Case {
        dataset: String,
        min_count: u32,
        itemsets: String,
        by_size: Vec<u64>,
        sum_of_supports: u64,
    }
    let (Some(retail), Some(mushroom), Some((given, merchandise))) =
        (fimi("retail"), fimi("mushroom"), &*MERCHANDISE)
    else {
        return;
    };
    let cases = include_str!("../../tests/oracle/itemsets.json");
    for case in serde_json::from_str::<Vec<Case>>(cases).unwrap() {
        let baskets = match case.dataset.as_str() {
            "retail" => &retail,
            "mushroom" => &mushroom,
            "merchandise" => merchandise,
            _ => given,
        };
        let all = mined(baskets, case.min_count, Algorithm::Apriori).itemsets;
        if case.itemsets == "all" {
            for algorithm in [Algorithm::FpGrowth, Algorithm::Eclat] {
                assert!(mined(baskets, case.min_count, algorithm).itemsets == all);
            }
        }
        let start = std::time::Instant::now();
        let index = Index::new(&all, &Free).unwrap();
        let condense = Condense::parse(&case.itemsets).unwrap();
        let kept = condense.kept(&index, &Free).unwrap();
        println!(
            "{} of {}: {:?}",
            condense.name(),
            all.len(),
            start.elapsed()
        );
        let mut by_size = vec![0; case.by_size.len()];
        let mut sum = 0;
        for (node, _) in all.nodes().iter().zip(kept).filter(|(_, kept)| *kept) {
            by_size[node.depth as usize - 1] += 1;
            sum += u64::from(node.support);
        }
        assert_eq!(
            (by_size, sum),
            (case.by_size, case.sum_of_supports),
            "{} {}",
            case.dataset,
            case.itemsets
        );
    }
}

#[test]
fn groceries() {
    let Some(baskets) = baskets_of("groceries/groceries.csv", ',') else {
        return;
    };
    assert_eq!(baskets.len(), 9_835);
    let min_count = Fraction::of(0.01).unwrap().count_of(9_835) as u32;
    for algorithm in ALGORITHMS {
        assert_eq!(mined(&baskets, min_count, algorithm).itemsets.len(), 333);
    }
}

#[test]
fn online_retail_row_by_row() {
    let Some((baskets, _)) = &*MERCHANDISE else {
        return;
    };
    assert_eq!((baskets.len(), baskets.labels().len()), (39_514, 4_877));
    let min_count = Fraction::of(0.01).unwrap().count_of(39_514) as u32;
    let file = "online_retail_ii/expected/itemsets_cleanL_excl2_minsup1pct_k1to3.csv";
    let text = String::from_utf8(text_of(file).unwrap()).unwrap();
    let expected: Named = text
        .lines()
        .skip(1)
        .map(|row| {
            let fields: Vec<&str> = row.split(',').collect();
            let mut items: Vec<String> = fields[0].split('|').map(String::from).collect();
            assert_eq!(items.len().to_string(), fields[1]);
            items.sort();
            (items, fields[2].parse().unwrap())
        })
        .collect();
    assert_eq!(expected.len(), 1_336);
    let mut fours = Vec::new();
    for algorithm in ALGORITHMS {
        let mined = mined(baskets, min_count, algorithm);
        assert_eq!(mined.itemsets.by_size(), [706, 523, 107, 6]);
        let (four, found): (Named, Named) = named(&mined, baskets)
            .into_iter()
            .partition(|(items, _)| items.len() == 4);
        assert!(found == expected, "{algorithm:?}");
        fours.push(four);
    }
    assert!(fours[0] == fours[1] && fours[0] == fours[2]);
}

#[test]
fn a_dense_set_is_cut_by_length() {
    let Some(baskets) = fimi("mushroom") else {
        return;
    };
    // At 5 % of the baskets there are 3.7 million itemsets.
    let min_count = Fraction::of(0.05).unwrap().count_of(8_124) as u32;
    for (max_itemsets, longest) in [(10_000, 2), (50_000, 3)] {
        let limits = Limits {
            max_itemsets,
            ..UNLIMITED
        };
        let up_to = |max_len| {
            let limits = Limits {
                max_len,
                ..UNLIMITED
            };
            let mined = mine_all(&baskets, min_count, Algorithm::Apriori, limits, &Free);
            mined.unwrap().itemsets
        };
        let (want, more) = (up_to(longest), up_to(longest + 1));
        assert!((want.len() as u64) <= max_itemsets && more.len() as u64 > max_itemsets);
        for algorithm in ALGORITHMS {
            for pool in POOLS.iter() {
                let mined = pool
                    .install(|| mine_all(&baskets, min_count, algorithm, limits, &Free))
                    .unwrap();
                assert!(mined.itemsets == want, "{algorithm:?}");
                assert_eq!((mined.longest, mined.caps), (longest, vec![Cap::Itemsets]));
            }
        }
    }
}
