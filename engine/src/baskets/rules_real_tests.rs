//! Rules of the reference data: Online Retail II against mlxtend row by row, groceries.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Instant;

use serde_json::{Value, json};

use super::real_data_tests::baskets_of;
use super::*;
use crate::clean::LineKind;
use crate::clean::line::AMOUNT_SCALE;
use crate::clean::real_data_tests::{online_retail, text_of};
use crate::control::Free;
use crate::ingest::batch::Field;

/// Sales of merchandise in Online Retail II without the two bulk orders, and what items are called (as last seen). Codes are
/// those of the file, from which the expected rules were mined.
struct Sales {
    /// All of them as one group, and with the British ones as the group.
    baskets: [Baskets; 2],
    descriptions: Vec<Option<String>>,
}

static SALES: LazyLock<Option<Sales>> = LazyLock::new(|| {
    let (raw, cleaned) = online_retail()?;
    let mut builders = <[BasketsBuilder; 2]>::default();
    let mut names: HashMap<Vec<u8>, String> = HashMap::new();
    let scale = 10f64.powi(AMOUNT_SCALE as i32);
    for (raw, cleaned) in raw.iter().zip(&cleaned) {
        for row in 0..cleaned.rows() {
            let line = cleaned.line(row).unwrap();
            let is_bulk = ["541431", "581483"].contains(&line.invoice_no);
            if line.kind != LineKind::Sale || !line.is_merchandise || is_bulk {
                continue;
            }
            let code = raw.field(row, Field::StockCode).unwrap();
            let amount = line.amount() as f64 / scale;
            for (builder, only_british) in builders.iter_mut().zip([false, true]) {
                let about = About {
                    day: crate::calendar::days(line.sold_at),
                    in_group: !only_british || line.country == "United Kingdom",
                };
                let invoice = line.invoice_no.as_bytes();
                builder
                    .push(invoice, Some(code), amount, about, &Free)
                    .unwrap();
            }
            if !line.description.is_empty() {
                names.insert(code.to_vec(), line.description.to_owned());
            }
        }
    }
    let baskets = builders.map(|b| b.finish(&Free).unwrap());
    let name = |code: &String| names.get(code.as_bytes()).cloned();
    let descriptions = baskets[0].labels().iter().map(name).collect();
    Some(Sales {
        baskets,
        descriptions,
    })
});

fn rules(
    baskets: &Baskets,
    descriptions: &[Option<String>],
    thresholds: (f64, f64, f64, i64),
    options: Value,
) -> Trained {
    let (support, confidence, lift, len) = thresholds;
    let params = RuleParams::parse(support, confidence, lift, len, "fpgrowth", &options).unwrap();
    let request = Request {
        params: &params,
        baskets,
        descriptions,
        excluded: &vec![false; baskets.labels().len()],
        included: None,
        seed: 42,
    };
    let start = Instant::now();
    let trained = train(&request, &|| 0.0, &Free).unwrap();
    println!(
        "{thresholds:?} {options}: {} itemsets, {} rules in {:?}",
        trained.itemsets,
        trained.rules,
        start.elapsed()
    );
    assert_eq!(trained.model.check(), Ok(()));
    assert_eq!(trained.model.rows().count(), trained.rules);
    trained
}

fn side(items: &[&str]) -> String {
    items.join("|")
}

#[test]
fn online_retail_row_by_row() {
    let Some(sales) = &*SALES else { return };
    let baskets = &sales.baskets[0];
    let options = json!({"validation_days": 0});
    let trained = rules(baskets, &sales.descriptions, (0.01, 0.0, 1.0, 4), options);
    assert_eq!(trained.rules, 1_772);
    let found: HashMap<(String, String), RuleRow<'_>> = trained
        .model
        .rows()
        .map(|r| ((side(&r.antecedent), side(&r.consequent)), r))
        .collect();
    let file = "online_retail_ii/expected/rules_cleanL_excl2_minsup1pct_lift_ge1.csv";
    let text = String::from_utf8(text_of(file).unwrap()).unwrap();
    let mut rows = 0;
    for row in text.lines().skip(1) {
        let fields: Vec<&str> = row.split(',').collect();
        let sorted = |text: &str| {
            let mut items: Vec<&str> = text.split('|').collect();
            items.sort_unstable();
            side(&items)
        };
        let rule = &found[&(sorted(fields[0]), sorted(fields[1]))];
        let counts = [
            rule.antecedent_baskets,
            rule.consequent_baskets,
            rule.baskets,
        ];
        assert_eq!(counts.map(|c| c.to_string()), fields[2..5]);
        let values = [
            rule.support,
            rule.confidence,
            rule.lift,
            rule.leverage,
            rule.conviction,
        ];
        for (got, expected) in values.iter().zip(&fields[5..]) {
            let expected: f64 = expected.parse().unwrap();
            assert!(
                (got / expected - 1.0).abs() < 1e-12,
                "{row}: {got} {expected}"
            );
        }
        rows += 1;
    }
    assert_eq!(rows, 1_772);
    let top = trained.model.rows().next().unwrap();
    assert_eq!(
        (top.antecedent, top.consequent),
        (vec!["22745", "22748"], vec!["22746"])
    );
    assert_eq!((top.baskets, top.months), (409, 16));
    let bags = &found[&("22386".into(), "85099B".into())];
    assert_eq!(bags.baskets, 1_426);
    assert!((bags.lift - 6.292021).abs() < 1e-6);
    for (confidence, count) in [(0.5, 452), (0.7, 93)] {
        let options = json!({"validation_days": 0});
        let trained = rules(
            baskets,
            &sales.descriptions,
            (0.01, confidence, 1.0, 4),
            options,
        );
        assert_eq!(trained.rules, count);
    }
}

#[test]
fn groceries() {
    let Some(baskets) = baskets_of("groceries/groceries.csv", ',') else {
        return;
    };
    let options = json!({"max_consequent": 1, "validation_days": 0});
    for (support, confidence, count) in [(0.01, 0.5, 15), (0.006, 0.25, 463), (0.001, 0.8, 410)] {
        let trained = rules(
            &baskets,
            &[],
            (support, confidence, 0.0, 10),
            options.clone(),
        );
        assert_eq!((trained.rules, trained.caps.len()), (count, 0));
        if count == 463 {
            let top = trained.model.rows().next().unwrap();
            assert_eq!(
                (top.antecedent, top.consequent),
                (vec!["herbs"], vec!["root vegetables"])
            );
            assert!((top.lift - 3.956477).abs() < 1e-6);
        }
    }
}

#[test]
fn advice_is_validated_on_later_days() {
    let Some(sales) = &*SALES else { return };
    let trained = rules(
        &sales.baskets[0],
        &sales.descriptions,
        (0.01, 0.3, 1.0, 4),
        json!({}),
    );
    let metric = |name: &str| {
        let found = trained
            .metrics
            .iter()
            .find(|m| m.0 == "holdout" && m.1 == name);
        found.map(|m| m.2).unwrap()
    };
    // The days from 2009-12-01 to 2011-12-09 are 739, of which a fifth is 147.
    assert_eq!(metric("days"), 147.0);
    assert!(metric("hit_rate_at_5") > 5.0 * metric("popular_hit_rate_at_5"));
    assert!(metric("rule_coverage") > 0.75);
    // What rules promise they keep.
    let (promised, kept) = (
        metric("rule_confidence_promised"),
        metric("rule_confidence_kept"),
    );
    assert!((promised - kept).abs() < 0.05, "{promised} {kept}");
    let names: Vec<&str> = trained.curves.iter().map(|c| c.0).collect();
    assert_eq!(names, ["hit_rate_by_confidence", "coverage_by_confidence"]);
    for (_, curve) in &trained.curves {
        assert_eq!((curve.len(), curve[0].0, curve[12].0), (13, 0.3, 0.9));
    }
    // Of British baskets, compared with the rest.
    let options = json!({"country": "United Kingdom", "validation_days": 0});
    let british = rules(
        &sales.baskets[1],
        &sales.descriptions,
        (0.01, 0.3, 1.0, 4),
        options,
    );
    let row = british.model.rows().next().unwrap();
    println!("{row:?}");
    assert!(row.rest_baskets.is_some() && british.baskets < trained.baskets);
}
