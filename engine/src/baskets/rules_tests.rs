//! Rules against mlxtend and by brute force; limits, cancellation, and the same bytes however the work is done.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::testing::{POOLS, random};
use super::*;
use crate::control::testing::Probe;
use crate::control::{Control, Free, Stop};
use crate::random::Stream;

#[derive(serde::Deserialize)]
struct Oracle {
    baskets: Vec<String>,
    rules: Vec<OracleRule>,
}

#[derive(serde::Deserialize)]
struct OracleRule {
    antecedent: Vec<String>,
    consequent: Vec<String>,
    counts: [i64; 3],
    support: f64,
    confidence: f64,
    lift: f64,
    leverage: f64,
    /// `None`: infinite.
    conviction: Option<f64>,
    zhang: f64,
    jaccard: f64,
    cosine: f64,
    kulczynski: f64,
    p_value: f64,
    q_value: f64,
    confidence_low: f64,
    confidence_high: f64,
}

fn oracle() -> Oracle {
    serde_json::from_str(include_str!("../../tests/oracle/rules.json")).unwrap()
}

/// Baskets of one letter per item; the day of each is its number.
fn read(baskets: &[String], in_group: impl Fn(usize) -> bool) -> Baskets {
    let mut builder = BasketsBuilder::default();
    for (at, items) in baskets.iter().enumerate() {
        let about = About {
            day: at as i32,
            in_group: in_group(at),
        };
        let name = at.to_string();
        builder
            .push(name.as_bytes(), None, 0.0, about, &Free)
            .unwrap();
        for (nth, item) in items.split("").filter(|i| !i.is_empty()).enumerate() {
            let amount = 1.5 + nth as f64;
            builder
                .push(name.as_bytes(), Some(item.as_bytes()), amount, about, &Free)
                .unwrap();
        }
    }
    builder.finish(&Free).unwrap()
}

fn mined_under(
    baskets: &Baskets,
    thresholds: (f64, f64, f64, i64),
    options: Value,
    spent: &(dyn Fn() -> f64 + Sync),
    control: &dyn Control,
) -> Result<Trained, BasketError> {
    let (support, confidence, lift, len) = thresholds;
    let params = RuleParams::parse(support, confidence, lift, len, "fpgrowth", &options).unwrap();
    let included = |at: &String| params.include.contains(at);
    let included: Vec<bool> = baskets.labels().iter().map(included).collect();
    let excluded = |at: &String| params.exclude.contains(at);
    let excluded: Vec<bool> = baskets.labels().iter().map(excluded).collect();
    let request = Request {
        params: &params,
        baskets,
        descriptions: &[],
        excluded: &excluded,
        included: (!params.include.is_empty()).then_some(&included),
        seed: 42,
    };
    train(&request, spent, control)
}

fn mined(baskets: &Baskets, thresholds: (f64, f64, f64, i64), options: Value) -> Trained {
    let trained = mined_under(baskets, thresholds, options, &|| 0.0, &Free).unwrap();
    assert_eq!(trained.model.check(), Ok(()));
    trained
}

fn near(got: f64, expected: f64, tolerance: f64) {
    let same = got == expected || (got - expected).abs() <= tolerance * expected.abs();
    assert!(same, "{got} {expected}");
}

#[test]
fn rules_are_those_of_mlxtend() {
    let oracle = oracle();
    let baskets = read(&oracle.baskets, |_| true);
    let trained = mined(&baskets, (0.02, 0.0, 0.0, 7), json!({"validation_days": 0}));
    let rows: Vec<RuleRow<'_>> = trained.model.rows().collect();
    assert_eq!(rows.len(), oracle.rules.len());
    for expected in &oracle.rules {
        let row = rows
            .iter()
            .find(|r| r.antecedent == expected.antecedent && r.consequent == expected.consequent)
            .unwrap();
        let counts = [row.baskets, row.antecedent_baskets, row.consequent_baskets];
        assert_eq!(counts, expected.counts);
        near(row.support, expected.support, 1e-12);
        near(row.confidence, expected.confidence, 1e-12);
        near(row.lift, expected.lift, 1e-12);
        // mlxtend's differences of shares cancel
        assert!((row.leverage - expected.leverage).abs() < 1e-15);
        assert!((row.zhang - expected.zhang).abs() < 1e-12);
        near(
            row.conviction,
            expected.conviction.unwrap_or(f64::INFINITY),
            1e-12,
        );
        near(row.jaccard, expected.jaccard, 1e-12);
        near(row.cosine, expected.cosine, 1e-12);
        near(row.kulczynski, expected.kulczynski, 1e-12);
        near(row.p_value, expected.p_value, 1e-10);
        near(row.q_value, expected.q_value, 1e-10);
        near(row.confidence_low, expected.confidence_low, 1e-12);
        near(row.confidence_high, expected.confidence_high, 1e-12);
    }
    assert_eq!(
        trained.metrics[4],
        ("train", "tested".into(), rows.len() as f64)
    );
}

/// What the baskets say themselves.
#[test]
fn evidence_and_improvement_are_what_baskets_say() {
    let oracle = oracle();
    let baskets = read(&oracle.baskets, |at| at % 3 != 0);
    let options = json!({"country": "X", "validation_days": 0});
    let trained = mined(&baskets, (0.03, 0.2, 0.0, 4), options);
    assert!(trained.rules > 100);
    let holds = |at: usize, items: &[&str]| items.iter().all(|i| oracle.baskets[at].contains(i));
    let group = || (0..400).filter(|at| at % 3 != 0);
    for row in trained.model.rows() {
        let all: Vec<&str> = row
            .antecedent
            .iter()
            .chain(&row.consequent)
            .copied()
            .collect();
        let (mut revenue, mut months) = (0.0, std::collections::BTreeMap::<i32, (i32, i32)>::new());
        for at in group().filter(|at| holds(*at, &row.antecedent)) {
            // Days since 1970: so many baskets are in two years at most.
            let starts = [31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365, 396];
            let month = starts.iter().filter(|s| **s <= at).count() as i32;
            let month = months.entry(month).or_default();
            month.0 += 1;
            if holds(at, &all) {
                month.1 += 1;
                let place = |i: &&str| 1.5 + oracle.baskets[at].find(i).unwrap() as f64;
                revenue += all.iter().map(place).sum::<f64>();
            }
        }
        near(row.revenue, revenue, 1e-12);
        let held = months.values().filter(|(x, xy)| 5 * xy >= *x).count();
        assert_eq!(
            (row.months as usize, row.months_held as usize),
            (months.len(), held)
        );
        let rest = |items: &[&str]| (0..400).step_by(3).filter(|at| holds(*at, items)).count();
        let (left, both) = (rest(&row.antecedent), rest(&all));
        assert_eq!(row.rest_baskets, Some(both as i64));
        assert_eq!(
            row.rest_confidence,
            (left > 0).then(|| both as f64 / left as f64)
        );
        // The best simpler rule, the one from nothing included.
        let share = |from: &[&str]| {
            let whole: Vec<&str> = from.iter().chain(&row.consequent).copied().collect();
            let count = |items: &[&str]| group().filter(|at| holds(*at, items)).count() as f64;
            count(&whole) / count(from)
        };
        let size = row.antecedent.len();
        let best = (0..(1 << size) - 1)
            .map(|mask: usize| {
                let part = (0..size).filter(|i| mask >> i & 1 == 1);
                share(&part.map(|i| row.antecedent[i]).collect::<Vec<_>>())
            })
            .fold(0.0, f64::max);
        let improvement = row.improvement.unwrap();
        assert!((improvement - (row.confidence - best)).abs() < 1e-12);
    }
}

#[test]
fn options_choose_rules() {
    let oracle = oracle();
    let baskets = read(&oracle.baskets, |_| true);
    let of = |options: Value| {
        let mut options = options;
        options["validation_days"] = json!(0);
        mined(&baskets, (0.03, 0.2, 1.0, 4), options)
    };
    type Sides = (Vec<String>, Vec<String>);
    let sides = |trained: &Trained| -> Vec<Sides> {
        let owned = |side: &[&str]| side.iter().map(|s| (*s).to_owned()).collect();
        let rows = trained.model.rows();
        rows.map(|r| (owned(&r.antecedent), owned(&r.consequent)))
            .collect()
    };
    let all = of(json!({}));
    let among = |chosen: &Trained, keep: &dyn Fn(&RuleRow<'_>) -> bool| {
        let owned =
            |side: &[&str]| -> Vec<String> { side.iter().map(|s| (*s).to_owned()).collect() };
        let expected: Vec<Sides> = all
            .model
            .rows()
            .filter(|r| keep(r))
            .map(|r| (owned(&r.antecedent), owned(&r.consequent)))
            .collect();
        assert_eq!(sides(chosen), expected);
        assert!(!expected.is_empty() && expected.len() < all.rules);
    };
    among(&of(json!({"max_antecedent": 1})), &|r| {
        r.antecedent.len() == 1
    });
    among(&of(json!({"max_consequent": 1})), &|r| {
        r.consequent.len() == 1
    });
    among(&of(json!({"include": ["g"]})), &|r| {
        r.antecedent.contains(&"g") || r.consequent.contains(&"g")
    });
    among(&of(json!({"exclude": ["g"]})), &|r| {
        !r.antecedent.contains(&"g") && !r.consequent.contains(&"g")
    });
    among(&of(json!({"min_improvement": 0})), &|r| {
        r.improvement.unwrap() > 0.0
    });
    among(&of(json!({"min_improvement": 0.05})), &|r| {
        r.improvement.unwrap() >= 0.05
    });
    // What is left of too many are the best; those who asked for so few are not warned.
    let first: Vec<Sides> = sides(&all).into_iter().take(7).collect();
    let few = of(json!({"max_rules": 7}));
    assert_eq!((sides(&few), &few.caps), (first.clone(), &vec![Cap::Rules]));
    let few = of(json!({"top_k": 7}));
    assert_eq!((sides(&few), &few.caps), (first, &vec![]));
    let closed = of(json!({"itemsets": "closed"}));
    let maximal = of(json!({"itemsets": "maximal"}));
    assert!(maximal.rules < closed.rules && closed.rules <= all.rules);
    for rank_by in Measure::NAMES {
        let ranked = of(json!({"rank_by": rank_by}));
        let value = |r: &RuleRow<'_>| match rank_by {
            "lift" => r.lift,
            "confidence" => r.confidence,
            "support" => r.support,
            "leverage" => r.leverage,
            "conviction" => r.conviction,
            "zhang" => r.zhang,
            "jaccard" => r.jaccard,
            "cosine" => r.cosine,
            "kulczynski" => r.kulczynski,
            "p_value" => -r.p_value,
            "revenue" => r.revenue,
            other => unreachable!("{other}"),
        };
        let rows: Vec<RuleRow<'_>> = ranked.model.rows().collect();
        let key = |r: &RuleRow<'_>| (value(r), r.baskets);
        assert_eq!(rows.len(), all.rules);
        for pair in rows.windows(2) {
            let (a, b) = (key(&pair[0]), key(&pair[1]));
            let sides = |r: &RuleRow<'_>| {
                let owned = |s: &[&str]| s.iter().map(|i| (*i).to_owned()).collect::<Vec<_>>();
                (owned(&r.antecedent), owned(&r.consequent))
            };
            assert!(
                a > b || (a == b && sides(&pair[0]) < sides(&pair[1])),
                "{rank_by} {pair:?}"
            );
        }
    }
}

/// What is stored of a model, without its envelope.
fn stored(trained: &Trained) -> Vec<u8> {
    rmp_serde::to_vec_named(&trained.model).unwrap()
}

#[test]
fn the_model_is_the_same_for_any_threads_and_any_order_of_lines() {
    let mut dice = Stream::new(5, "rules test", 0);
    let lines: Vec<(u32, u32, i32)> = (0..30_000)
        .map(|_| {
            let basket = dice.below(4_000) as u32;
            // Few items are in many baskets, and neighbours go together.
            let item = (dice.unit() * dice.unit() * 30.0) as u32 * 2 + basket % 2;
            (basket, item, (basket / 10) as i32)
        })
        .collect();
    let read = |lines: &[(u32, u32, i32)]| {
        let mut builder = BasketsBuilder::default();
        for (basket, item, day) in lines {
            let about = About {
                day: *day,
                in_group: basket % 5 != 0,
            };
            let (basket, item) = (format!("b{basket}"), format!("i{item}"));
            let amount = f64::from(*day) + 0.25;
            builder
                .push(
                    basket.as_bytes(),
                    Some(item.as_bytes()),
                    amount,
                    about,
                    &Free,
                )
                .unwrap();
        }
        builder.finish(&Free).unwrap()
    };
    let mut shuffled = lines.clone();
    dice.shuffle(&mut shuffled);
    let options = json!({"country": "X", "rank_by": "p_value"});
    let run = |baskets: &Baskets, pool: &rayon::ThreadPool| {
        pool.install(|| mined(baskets, (0.005, 0.05, 0.0, 4), options.clone()))
    };
    let first = run(&read(&lines), &POOLS[0]);
    assert!(first.rules > 500 && first.metrics.len() > 12);
    for (lines, pool) in [
        (&lines, &POOLS[1]),
        (&lines, &POOLS[2]),
        (&shuffled, &POOLS[1]),
    ] {
        let again = run(&read(lines), pool);
        assert!(stored(&again) == stored(&first));
        assert_eq!(
            (&again.metrics, &again.curves),
            (&first.metrics, &first.curves)
        );
    }
    // A model survives its bytes.
    let bytes = stored(&first);
    let read: RuleModel = rmp_serde::from_slice(&bytes).unwrap();
    assert_eq!(read.check(), Ok(()));
    assert!(read.rows().eq(first.model.rows()));
    assert_eq!(
        read.recommend(&["i2", "i4"], 9),
        first.model.recommend(&["i2", "i4"], 9)
    );
}

#[test]
fn work_can_be_cancelled_and_stays_within_its_memory() {
    let baskets = random(3_000, 24, 0.4);
    let thresholds = (0.05, 0.3, 0.0, 4);
    // On one thread, so that each run looks as often and holds as much.
    let run = |control: &Probe| {
        POOLS[0].install(|| mined_under(&baskets, thresholds, json!({}), &|| 0.0, control))
    };
    let patient = Probe::patient();
    let trained = run(&patient).unwrap();
    assert!(trained.rules > 5_000, "{}", trained.rules);
    assert_eq!(patient.held_bytes(), 0);
    let looks = patient.looks();
    for part in 0..40 {
        let control = Probe::stopping_after(looks * part / 40);
        let error = run(&control).unwrap_err();
        assert!(
            matches!(error, BasketError::Stopped(Stop::Cancelled)),
            "{error}"
        );
        assert_eq!(control.held_bytes(), 0);
        // Nothing goes on once it has been told.
        assert!(control.looks() < looks * part / 40 + 10);
    }
    for part in 1..20 {
        let control = Probe::patient().granting(patient.most_held() * part / 20);
        let refused = run(&control).unwrap_err();
        assert!(
            matches!(refused, BasketError::Stopped(Stop::Memory { .. })),
            "{refused}"
        );
        assert_eq!(control.held_bytes(), 0);
    }
}

#[test]
fn when_time_is_up_the_longest_are_left_out() {
    let baskets = random(3_000, 24, 0.4);
    let all = mined(&baskets, (0.05, 0.3, 0.0, 4), json!({"validation_days": 0}));
    assert_eq!((all.longest, &all.caps), (4, &vec![]));
    // Each look at the clock takes a part of the time; so the end comes in different stages.
    for looks in [2_000u32, 6_000, 10_000, 14_000, 18_000] {
        let clock = std::sync::atomic::AtomicU32::new(0);
        let spent = || {
            let at = clock.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            f64::from(at) / f64::from(looks)
        };
        let options = json!({"validation_days": 0});
        let some = mined_under(&baskets, (0.05, 0.3, 0.0, 4), options, &spent, &Free).unwrap();
        println!(
            "{looks}: {} {:?} of {}",
            some.longest,
            some.caps,
            clock.into_inner()
        );
        assert!((1..=4).contains(&some.longest));
        assert_eq!(some.caps.is_empty(), some.longest == 4);
        let sides = |r: RuleRow<'_>| (r.antecedent.join(" "), r.consequent.join(" "));
        let short = |r: &RuleRow<'_>| r.antecedent.len() + r.consequent.len() <= some.longest;
        assert!(
            some.model
                .rows()
                .map(sides)
                .eq(all.model.rows().filter(short).map(sides))
        );
    }
}

#[test]
fn there_may_be_nothing_to_find() {
    let none = read(&[String::new(), String::new()], |_| true);
    let trained = mined(&none, (0.5, 0.5, 1.0, 4), json!({}));
    assert_eq!((trained.baskets, trained.items, trained.rules), (2, 0, 0));
    assert_eq!(trained.model.recommend(&["a"], 5), []);
    let one = read(&["ab".into()], |_| true);
    let trained = mined(&one, (1.0, 1.0, 1.0, 1), json!({}));
    assert_eq!((trained.itemsets, trained.rules), (2, 0));
    let trained = mined(&one, (1.0, 1.0, 1.0, 20), json!({}));
    assert_eq!(trained.rules, 2);
    let row = trained.model.rows().next().unwrap();
    assert_eq!(
        (row.conviction, row.zhang, row.p_value),
        (f64::INFINITY, 0.0, 1.0)
    );
    let outside = read(&["ab".into()], |_| false);
    let error = mined_under(&outside, (0.5, 0.5, 1.0, 4), json!({}), &|| 0.0, &Free);
    assert!(matches!(error, Err(BasketError::NoBaskets)));
}
