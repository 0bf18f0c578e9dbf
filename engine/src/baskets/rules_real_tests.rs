//! Rules of the reference data: Online Retail II against mlxtend row by row, groceries.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Instant;

use serde_json::{Value, json};

use super::testing::read_all;
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

#[test]
fn figures() {
    let Some(sales) = &*SALES else { return };
    for (support, options) in [
        (0.01, json!({})),
        (0.01, json!({"validation_days": 0})),
        (0.01, json!({"min_improvement": 0.0})),
        (0.005, json!({})),
        (0.005, json!({"validation_days": 0})),
        (0.002, json!({"min_improvement": 0.0})),
    ] {
        let trained = rules(
            &sales.baskets[0],
            &sales.descriptions,
            (support, 0.3, 1.0, 4),
            options,
        );
        println!("{:?} {:?}", trained.caps, trained.metrics);
        for (name, curve) in &trained.curves {
            println!("{name}: {curve:.3?}");
        }
        for row in trained.model.rows().take(12) {
            println!(
                "{} => {} | n {} conf {:.2} lift {:.1} q {:.1e} imp {:.3} rev {:.0} months {}/{}",
                row.antecedent_descriptions.join(" + "),
                row.consequent_descriptions.join(" + "),
                row.baskets,
                row.confidence,
                row.lift,
                row.q_value,
                row.improvement.unwrap(),
                row.revenue,
                row.months_held,
                row.months,
            );
        }
        let start = Instant::now();
        for basket in [
            &["22423", "85123A"][..],
            &["22745"],
            &["79321"],
            &["nothing"],
        ] {
            println!("{basket:?}: {:.3?}", trained.model.recommend(basket, 6));
        }
        println!("{:?}", start.elapsed());
    }
}
