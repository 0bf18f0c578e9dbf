//! The stored model: what passes its check never fails later; what it advises, and why.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::control::Free;

/// Tea goes with a cup, a cup with cake; a lamp is rare, and shade goes with it.
fn model(options: serde_json::Value) -> RuleModel {
    let kinds: [(&[&str], u32); 7] = [
        (&["tea", "cup"], 30),
        (&["tea", "cup", "cake"], 20),
        (&["cup", "cake"], 10),
        (&["tea"], 10),
        (&["candle"], 27),
        (&["lamp", "shade"], 2),
        (&["lamp"], 1),
    ];
    let mut builder = BasketsBuilder::default();
    let mut name = 0u32;
    for (items, times) in kinds {
        for _ in 0..times {
            name += 1;
            let about = About {
                day: 0,
                in_group: true,
            };
            for item in items {
                let item = Some(item.as_bytes());
                builder
                    .push(&name.to_le_bytes(), item, 2.5, about, &Free)
                    .unwrap();
            }
        }
    }
    let baskets = builder.finish(&Free).unwrap();
    let params = RuleParams::parse(0.1, 0.3, 1.0, 3, "fpgrowth", &options).unwrap();
    let descriptions: Vec<Option<String>> = baskets
        .labels()
        .iter()
        .map(|label| (label != "cup").then(|| label.to_uppercase()))
        .collect();
    let excluded: Vec<bool> = baskets
        .labels()
        .iter()
        .map(|label| params.exclude.contains(label))
        .collect();
    let request = Request {
        params: &params,
        baskets: &baskets,
        descriptions: &descriptions,
        excluded: &excluded,
        included: None,
        seed: 1,
    };
    train(&request, &|| 0.0, &Free).unwrap().model
}

#[test]
fn advice_says_why() {
    let model = model(json!({}));
    assert_eq!(model.check(), Ok(()));
    let advice = |basket: &[&str], n| -> Vec<(String, f64, String, &str)> {
        let rows = model.recommend(basket, n).into_iter();
        rows.map(|r| (r.item.to_owned(), r.score, r.because.join("+"), r.source))
            .collect()
    };
    let row = |item: &str, part: f64, whole: f64, because: &str, source| {
        (item.to_owned(), part / whole, because.to_owned(), source)
    };
    // Of 60 baskets with tea 50 have a cup and 20 a cake; of 60 with a cup 50 have tea and 30 a cake.
    let for_tea = [
        row("cup", 50.0, 60.0, "tea", "rule"),
        row("cake", 20.0, 60.0, "tea", "rule"),
        row("candle", 27.0, 100.0, "", "popular"),
        row("lamp", 3.0, 100.0, "", "popular"),
        row("shade", 2.0, 100.0, "", "popular"),
    ];
    assert_eq!(advice(&["tea"], 9), for_tea);
    assert_eq!(advice(&["tea"], 2), for_tea[..2]);
    // Unknown codes and repeated ones change nothing; the reason is the surest rule.
    let both = advice(&["cup", "tea", "cup", "no such code"], 1);
    assert_eq!(both, [row("cake", 30.0, 60.0, "cup", "rule")]);
    // A rare item has no rules, but complements.
    assert_eq!(
        advice(&["lamp"], 1),
        [row("shade", 2.0, 3.0, "lamp", "complement")]
    );
    assert_eq!(advice(&[], 1), [row("cup", 60.0, 100.0, "", "popular")]);
    let everything = ["tea", "cup", "cake", "candle", "lamp", "shade"];
    assert_eq!(advice(&everything, 9), []);
    assert_eq!(advice(&["tea"], 0), []);
    // An item without a description is called by its code.
    let rule = model.rows().find(|r| r.consequent == ["cup"]).unwrap();
    assert_eq!(rule.consequent_descriptions, ["cup"]);
    assert_eq!(model.recommend(&["tea"], 1)[0].description, None);
    assert_eq!(model.recommend(&["cup"], 1)[0].description, Some("TEA"));
}

#[test]
fn items_that_are_left_out_are_never_advised() {
    let model = model(json!({"exclude": ["cup", "candle"]}));
    for basket in [&["tea"][..], &["cup"], &[]] {
        let advice = model.recommend(basket, 9);
        assert!(!advice.is_empty());
        assert!(advice.iter().all(|a| a.item != "cup" && a.item != "candle"));
    }
}

#[test]
fn a_damaged_model_is_refused() {
    let whole = model(json!({"country": "X"}));
    assert_eq!(whole.check(), Ok(()));
    assert!(whole.len() > 4);
    type Damage = fn(&mut RuleModel);
    let damages: [(&str, Damage); 25] = [
        ("codes", |m| m.codes.swap(0, 1)),
        ("codes twice", |m| m.codes[1] = m.codes[0].clone()),
        ("a code that cannot be shown", |m| m.codes[0] = "\0".into()),
        ("descriptions", |m| drop(m.descriptions.pop())),
        ("a description", |m| m.descriptions[0] = Some("a\0".into())),
        ("counts", |m| m.counts.push(1)),
        ("a count", |m| m.counts[0] = m.total + 1),
        ("total", |m| m.total = 59),
        ("ends", |m| m.rules.antecedents.ends[0] = u32::MAX),
        ("ends fall", |m| m.rules.antecedents.ends[1] = 0),
        ("an empty side", |m| m.rules.consequents.ends[0] = 0),
        ("an item", |m| m.rules.consequents.items[0] = 6),
        ("items that are left over", |m| {
            m.rules.consequents.items.push(0)
        }),
        ("sides that overlap", |m| {
            m.rules.consequents.items[0] = m.rules.antecedents.items[0]
        }),
        ("baskets of none", |m| m.rules.baskets[0] = 0),
        ("too many baskets", |m| m.rules.baskets[0] = 61),
        ("a column", |m| m.rules.revenue.clear()),
        ("p", |m| m.rules.p_values[0] = 1.5),
        ("q", |m| m.rules.q_values[0] = f64::NAN),
        ("revenue", |m| m.rules.revenue[0] = f64::INFINITY),
        ("improvement", |m| m.rules.improvements[0] = f64::NAN),
        ("months", |m| m.rules.months_held[0] = m.rules.months[0] + 1),
        ("many months", |m| m.rules.months[0] = u32::MAX),
        ("the rest", |m| {
            m.rules.rest.as_mut().unwrap().baskets[0] = 1
        }),
        ("best sellers", |m| m.popular[0] = m.popular[1]),
    ];
    for (what, damage) in damages {
        let mut model = whole.clone();
        damage(&mut model);
        assert!(model.check().is_err(), "{what}");
        // Even so nothing fails.
        assert!(model.rows().count() <= model.len());
        drop(model.recommend(&["tea", "cup"], 9));
    }
}
