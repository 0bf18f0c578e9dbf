#![allow(clippy::unwrap_used)]

use serde_json::{Value as Json, json};

use super::*;
use crate::churn::frame::{Feature, FrameBuilder};
use crate::churn::options::{Algorithm, algorithms};
use crate::churn::promotion::{Champion, verdict};
use crate::churn::{expression, metrics};
use crate::control::testing::Probe;
use crate::control::{Free, Stop};
use crate::error::Classified;

const HORIZON: i32 = 90;

/// Frames of made-up customers: the log-odds of churn are recency / 40 - orders / 4 + 1 in Denmark - 1, `noise` tells nothing.
/// `order` gives the order in which customers come within a frame.
fn shop(frames: usize, customers: usize, control: &dyn Control) -> Result<Frames, Stop> {
    let features = vec![
        Feature::Number("recency_days".into()),
        Feature::Number("frequency".into()),
        Feature::Number("noise".into()),
        Feature::Number("mean_gap_days".into()),
        Feature::Text("country".into()),
    ];
    let mut builder = FrameBuilder::new(features, control);
    for frame in 0..frames {
        let mut dice = Stream::new(7, "shop", frame as u64);
        for customer in 0..customers {
            let recency = (dice.unit() * 300.0).floor();
            let orders = 1.0 + (dice.unit() * 12.0).floor();
            let noise = dice.unit();
            let danish = dice.unit() < 0.3;
            let odds = recency / 40.0 - orders / 4.0 + f64::from(u8::from(danish)) - 1.0;
            let churned = dice.unit() < Scale::LogOdds.probability(odds);
            let gap = if orders > 1.0 {
                200.0 / orders
            } else {
                f64::NAN
            };
            builder.push(
                14_000 + 90 * frame as i32,
                format!("{customer:05}").as_bytes(),
                &[recency, orders, noise, gap],
                &[Some(if danish { "Denmark" } else { "France" })],
                orders * 50.0,
                churned,
            )?;
        }
    }
    builder.finish(frames - 1)
}

fn params(algorithm: &str, json: &Json) -> ValidChurnParams {
    ValidChurnParams::parse(&algorithms(algorithm).unwrap(), json).unwrap()
}

fn small(algorithm: &str) -> ValidChurnParams {
    let trees = json!({"n_estimators": 30});
    let boosting = json!({"n_estimators": 30, "learning_rate": 0.2});
    let json = match algorithm {
        "logistic_regression" => json!({}),
        "xgboost" => boosting,
        "auto" => json!({"random_forest": trees, "adaboost": trees, "xgboost": boosting}),
        _ => trees,
    };
    params(algorithm, &json)
}

fn trained(frames: &Frames, params: &ValidChurnParams) -> Trained {
    train(frames, params, HORIZON, 42, &|| false, &Free).unwrap()
}

fn bytes(trained: &Trained) -> Vec<u8> {
    rmp_serde::to_vec_named(&trained.model).unwrap()
}

#[test]
fn every_algorithm_finds_what_was_planted_and_tells_it() {
    let frames = shop(4, 1500, &Free).unwrap();
    // What the odds that made the labels reach on the holdout.
    let holdout = frames.part(3, 4);
    let odds: Vec<f64> = holdout
        .x
        .rows()
        .into_iter()
        .map(|r| r[0] / 40.0 - r[1] / 4.0 + r[4])
        .collect();
    let ranking = Ranking::new(&odds, holdout.labels, &Free).unwrap();
    let possible = metrics::roc_auc(&ranking).unwrap();
    for algorithm in Algorithm::ALL {
        let trained = trained(&frames, &small(algorithm.name()));
        let model = &trained.model;
        model.check().unwrap();
        let get = |metric| trained.evaluation.get("holdout", metric).unwrap();
        let name = algorithm.name();
        assert!(
            get("roc_auc") > possible - 0.03,
            "{name}: {} of {possible}",
            get("roc_auc")
        );
        assert!(get("roc_auc") > get("recency_roc_auc"), "{name}");
        assert!(
            get("calibration_error") < 0.06,
            "{name}: {}",
            get("calibration_error")
        );
        assert!(get("roc_auc_lower") < get("roc_auc") && get("roc_auc") < get("roc_auc_upper"));
        assert_eq!(get("customers"), 1500.0);
        // Noise matters to nobody, recency most.
        let permuted = |feature: &str| {
            let all = &trained.evaluation.importance;
            let found = all.iter().find(|i| i.0 == "permutation" && i.1 == feature);
            found.unwrap().2
        };
        assert!(
            permuted("recency_days") > 0.1 && permuted("noise").abs() < 0.01,
            "{name}"
        );
        assert!(
            permuted("country") > 0.002,
            "{name}: {}",
            permuted("country")
        );

        for row in holdout.x.rows().into_iter().take(50) {
            let row = row.to_vec();
            let p = model.probability_of_row(&row);
            let explanation = model.explain(&row);
            let sum = explanation.base + explanation.contributions.iter().sum::<f64>();
            match explanation.unit {
                super::super::Unit::LogOdds => {
                    let log_odds = (p / (1.0 - p)).ln();
                    assert!((sum - log_odds).abs() < 1e-6, "{name}: {sum} {log_odds}");
                }
                super::super::Unit::Probability => {
                    assert!((sum - p).abs() < 1e-6, "{name}: {sum} {p}")
                }
                super::super::Unit::Score => {
                    let score = model.learner.score_row(&row);
                    assert!((sum - score).abs() < 1e-6, "{name}: {sum} {score}");
                }
            }
        }
        // One by one and all at once are the same bits.
        let batch = model.probabilities(holdout.x, &Free).unwrap();
        for (row, p) in holdout.x.rows().into_iter().zip(&batch) {
            assert_eq!(
                model.probability_of_row(&row.to_vec()).to_bits(),
                p.to_bits()
            );
        }
        assert_eq!(batch, trained.holdout);
    }
}

#[test]
fn auto_takes_the_best_in_time_and_never_looks_at_the_holdout() {
    let frames = shop(4, 800, &Free).unwrap();
    let all = trained(&frames, &small("auto"));
    let aucs: Vec<(&str, f64)> = Algorithm::ALL
        .map(|a| {
            (
                a.name(),
                all.evaluation
                    .get("validation", &format!("mean_roc_auc.{}", a.name()))
                    .unwrap(),
            )
        })
        .to_vec();
    let best = aucs.iter().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap();
    assert_eq!(all.model.algorithm, best.0, "{aucs:?}");
    // The same labels but for the holdout's: the same model, to the byte, but for what it says of the holdout.
    let mut other = shop(4, 800, &Free).unwrap();
    other.flip_labels(3);
    let again = trained(&other, &small("auto"));
    let mut same = again.model.clone();
    same.holdout = all.model.holdout.clone();
    assert_eq!(same, all.model);
    assert!(again.evaluation.get("holdout", "roc_auc") < Some(0.5));
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let frames = shop(3, 600, &Free).unwrap();
    let with = |threads: usize, algorithm: &str| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let trained = pool.install(|| trained(&frames, &small(algorithm)));
        let evaluation = format!("{:?}", trained.evaluation);
        (bytes(&trained), evaluation)
    };
    for algorithm in Algorithm::ALL.map(Algorithm::name) {
        let one = with(1, algorithm);
        assert_eq!(one, with(2, algorithm), "{algorithm}");
        assert_eq!(one, with(8, algorithm), "{algorithm}");
    }
}

#[test]
fn models_survive_their_bytes_and_damage_is_found() {
    let frames = shop(3, 400, &Free).unwrap();
    for algorithm in Algorithm::ALL.map(Algorithm::name) {
        let model = trained(&frames, &small(algorithm)).model;
        let bytes = rmp_serde::to_vec_named(&model).unwrap();
        let back: ChurnModel = rmp_serde::from_slice(&bytes).unwrap();
        assert_eq!(back, model);
        let broken = |change: fn(&mut ChurnModel)| {
            let mut model = model.clone();
            change(&mut model);
            model.check().is_err()
        };
        assert!(broken(|m| m.threshold = f64::NAN));
        assert!(broken(|m| m.horizon_days = 0));
        assert!(broken(|m| drop(m.columns.pop())));
        assert!(broken(|m| m.columns[0].feature = 99));
        assert!(broken(|m| m.columns[0].level = Some("x".into())));
        assert!(broken(|m| m.features.clear()));
        assert!(broken(|m| m.holdout.features.truncate(1)));
        assert!(broken(|m| m.calibration = Calibration::Platt {
            a: f64::NAN,
            b: 0.0
        }));
    }
}

#[test]
fn training_ends_when_told_to_and_gives_its_memory_back() {
    let frames = shop(3, 400, &Free).unwrap();
    for algorithm in [
        "auto",
        "logistic_regression",
        "random_forest",
        "adaboost",
        "xgboost",
    ] {
        let params = small(algorithm);
        let run = |control: &Probe| train(&frames, &params, HORIZON, 42, &|| false, control);
        let whole = Probe::patient();
        run(&whole).unwrap();
        assert_eq!(whole.held_bytes(), 0, "{algorithm}");
        for part in 1..6 {
            let control = Probe::stopping_after(whole.looks() * part / 6);
            let error = run(&control).unwrap_err();
            assert!(
                matches!(error, FitError::Stopped(Stop::Cancelled)),
                "{algorithm}: {error}"
            );
            assert_eq!(control.held_bytes(), 0);
        }
        let control = Probe::patient().granting(20_000);
        let error = run(&control).unwrap_err();
        assert!(
            matches!(error, FitError::Stopped(Stop::Memory { .. })),
            "{algorithm}: {error}"
        );
    }
}

#[test]
fn costs_class_weights_and_calibration_do_what_they_say() {
    let frames = shop(4, 1500, &Free).unwrap();
    let costs = trained(
        &frames,
        &params(
            "logistic_regression",
            &json!({"offer_cost": 2, "saved_margin": 30}),
        ),
    );
    assert_eq!(costs.model.threshold, 2.0 / 30.0);
    let get = |t: &Trained, metric: &str| t.evaluation.get("holdout", metric).unwrap();
    let profit = get(&costs, "true_positives") * 30.0
        - 2.0 * (get(&costs, "true_positives") + get(&costs, "false_positives"));
    assert_eq!(get(&costs, "profit"), profit);
    for weight in [json!("balanced"), json!(20)] {
        for algorithm in ["logistic_regression", "xgboost"] {
            let with = |calibration: &str| {
                let json = json!({"class_weight": weight, "calibration": calibration});
                trained(&frames, &params(algorithm, &json))
            };
            // Weights bend probabilities; either calibration bends them back, and leaves the ranking nearly as it was.
            let (bent, platt, isotonic) = (with("none"), with("platt"), with("isotonic"));
            if weight == json!(20) {
                assert!(
                    get(&bent, "log_loss") > get(&platt, "log_loss") + 0.05,
                    "{algorithm}"
                );
            }
            for calibrated in [&platt, &isotonic] {
                let error = get(calibrated, "calibration_error");
                let bent = get(&bent, "calibration_error");
                assert!(error < 0.06, "{algorithm} {weight}: {error}");
                assert!(
                    weight != json!(20) || error < bent / 3.0,
                    "{algorithm}: {error} {bent}"
                );
            }
            assert!((get(&platt, "roc_auc") - get(&bent, "roc_auc")).abs() < 1e-12);
            assert!((get(&isotonic, "roc_auc") - get(&bent, "roc_auc")).abs() < 0.01);
        }
    }
}

#[test]
fn a_search_tries_more_and_stops_when_its_time_is_up() {
    let frames = shop(3, 500, &Free).unwrap();
    let params = params("xgboost", &json!({"n_estimators": 20, "search": 5}));
    let plain = trained(&frames, &small("xgboost"));
    let searched = trained(&frames, &params);
    let auc = |t: &Trained| {
        t.evaluation
            .get("validation", "mean_roc_auc.xgboost")
            .unwrap()
    };
    assert!(auc(&searched) >= auc(&plain) - 0.02);
    assert_ne!(searched.learner, params.learners[0]);
    let expired = train(&frames, &params, HORIZON, 42, &|| true, &Free).unwrap();
    assert_eq!(expired.learner, params.learners[0]);
}

#[test]
fn what_cannot_be_learned_from_is_refused() {
    let refused = |frames: &Frames| {
        let error = train(frames, &small("auto"), HORIZON, 42, &|| false, &Free).unwrap_err();
        assert_eq!(error.class(), crate::error::Class::WrongState);
        assert!(error.hint().is_some_and(|h| h.contains("horizon_days")));
        error.to_string()
    };
    let mut builder = FrameBuilder::new(vec![Feature::Number("recency_days".into())], &Free);
    for frame in 0..3 {
        for i in 0..50u8 {
            builder
                .push(frame, &[i], &[f64::from(i)], &[], 1.0, true)
                .unwrap();
        }
    }
    assert!(refused(&builder.finish(2).unwrap()).contains("all customers churned"));
    let mut builder = FrameBuilder::new(vec![Feature::Number("recency_days".into())], &Free);
    builder.push(1, b"a", &[1.0], &[], 1.0, true).unwrap();
    assert!(refused(&builder.finish(1).unwrap()).contains("no customers"));
}

#[test]
fn one_training_frame_is_enough() {
    let frames = shop(2, 900, &Free).unwrap();
    let trained = trained(&frames, &small("auto"));
    assert!(trained.evaluation.get("holdout", "roc_auc").unwrap() > 0.75);
    assert_eq!(trained.training_rows, 900);
}

#[test]
fn a_challenger_must_be_better_on_the_same_holdout() {
    let frames = shop(4, 1500, &Free).unwrap();
    let holdout = frames.part(3, 4);
    let good = trained(&frames, &small("logistic_regression"));
    let judge = |new: &Trained, old: &ChurnModel, seen: &crate::churn::FrameDigest| {
        let probabilities = old.probabilities(holdout.x, &Free).unwrap();
        let champion = Champion {
            model_id: 7,
            model: old,
            probabilities: &probabilities,
            holdout: seen,
        };
        verdict(new, holdout, Some(&champion), true, &Free).unwrap()
    };
    let first = verdict(&good, holdout, None, true, &Free).unwrap();
    assert!(first.promote);
    assert!(!verdict(&good, holdout, None, false, &Free).unwrap().promote);
    // Recency alone, by a model whose other weights are gone.
    let mut poor = good.model.clone();
    if let Learner::Linear { model, .. } = &mut poor.learner {
        for weight in model.coefficients.iter_mut().skip(1) {
            *weight = 0.0;
        }
    }
    let seen = good.model.holdout.clone();
    let better = judge(&good, &poor, &seen);
    assert!(
        better.promote && better.reason.contains("of model 7 on the holdout of 2009-"),
        "{better:?}"
    );
    let equal = judge(&good, &good.model, &seen);
    assert!(
        !equal.promote && equal.reason.contains("not better"),
        "{equal:?}"
    );
    let mut other = good.model.clone();
    other.horizon_days = 30;
    assert!(
        judge(&good, &other, &seen)
            .reason
            .contains("predicts 30 days and this one 90")
    );
    let mut later = good.model.clone();
    later.frames[0].cutoff = good.model.holdout.cutoff - 1;
    assert!(
        judge(&good, &later, &seen)
            .reason
            .contains("trained on days of the holdout")
    );
    let mut changed = seen.clone();
    changed.labels.0 ^= 1;
    assert!(
        judge(&good, &poor, &changed)
            .reason
            .contains("sales changed")
    );
}

#[test]
fn expressions_name_columns_levels_and_missing_values() {
    let frames = shop(3, 400, &Free).unwrap();
    let linear = expression::of(&trained(&frames, &small("logistic_regression")).model).unwrap();
    for part in [
        "recency_days::float8",
        "country = 'Denmark'",
        "mean_gap_days::float8 IS NULL",
        "exp(",
    ] {
        assert!(linear.contains(part), "{part} in {linear}");
    }
    let trees = expression::of(&trained(&frames, &small("xgboost")).model).unwrap();
    assert!(
        trees.contains("CASE WHEN recency_days::float8 <= "),
        "{trees:.300}"
    );
    assert_eq!(
        trees.matches("CASE WHEN").count() - trees.matches("(CASE WHEN").count(),
        trees.matches(" ELSE ").count() - trees.matches("(CASE WHEN").count()
    );
    let large = trained(
        &frames,
        &params(
            "random_forest",
            &json!({"n_estimators": 600, "min_samples_leaf": 1}),
        ),
    );
    assert!(
        expression::of(&large.model)
            .unwrap_err()
            .to_string()
            .contains("nodes")
    );
}
