//! Against Python's xgboost on the same rows: `engine/tests/oracle/boosted_forecast.py` writes the answers.

use std::fmt::Write;

use serde_json::Value;

use super::super::*;
use super::*;
use crate::forecasts::oracle;
use crate::trees::boosting::{self, BoostingParams};

const FOLDS: usize = 4;
const STEPS: usize = 28;

/// What a fold is trained on, and the rows of its forecasts.
struct Fold {
    name: String,
    training: Training,
    ahead: Vec<Step>,
    actual: Vec<f64>,
}

fn folds() -> Vec<Fold> {
    let mut folds = Vec::new();
    for name in ["retail_daily", "retail_promo"] {
        let mut columns = oracle::columns(name);
        let y = columns.remove(0);
        let stamps: Vec<i64> = (0..y.len() as i64).map(|d| FIRST + d * DAY).collect();
        let part = |from: usize, to: usize| Shop {
            y: y[from..to].to_vec(),
            stamps: stamps[from..to].to_vec(),
            promotion: columns.iter().map(|c| c[from..to].to_vec()).collect(),
        };
        for fold in 1..=FOLDS {
            let cutoff = y.len() - STEPS * fold;
            let known = part(0, cutoff);
            let layout = Layout::new(&known.input(), &BoostedParams::default());
            let series = History::new(&known.input()).unwrap();
            let training = Training::new(&layout, &series, 42, &Free).unwrap();
            let model = fit(&known.input(), &few_trees(), &Free).unwrap();
            let coming = part(cutoff, cutoff + STEPS);
            folds.push(Fold {
                name: format!("{name} {fold}"),
                training,
                ahead: model.steps(&coming.ahead(), &Free).unwrap(),
                actual: coming.y,
            });
        }
    }
    folds
}

/// With all rows and features for every tree, so that nothing is random; and as they are by default.
fn settings() -> [(&'static str, BoostingParams, i64); 2] {
    let usual = BoostedParams::default().boosting;
    let all = BoostingParams {
        subsample: 1.0,
        colsample_bytree: 1.0,
        ..usual
    };
    [("all", all, 1), ("default", usual, 2)]
}

/// Mean absolute and root mean squared error of trees on a fold.
fn errors(fold: &Fold, params: &BoostingParams, seed: i64) -> [f64; 2] {
    let x = fold.training.x.view();
    let binned = Bins::fit(x, None, MAX_BINS, &Free)
        .unwrap()
        .apply(x, &Free)
        .unwrap();
    let trees = boosting::fit(&binned, &fold.training.targets, None, params, seed, &Free).unwrap();
    let steps = fold.ahead.iter().zip(&fold.actual);
    let off: Vec<f64> = steps.map(|(step, y)| step.forecast(&trees) - y).collect();
    let mean = |f: fn(f64) -> f64| off.iter().map(|e| f(*e)).sum::<f64>() / off.len() as f64;
    [mean(f64::abs), mean(|e| e * e).sqrt()]
}

#[test]
fn errors_are_those_of_xgboost() {
    let theirs: Value = serde_json::from_str(include_str!(
        "../../../../tests/oracle/boosted_forecast.json"
    ))
    .unwrap();
    let folds = folds();
    for (setting, params, seeds) in settings() {
        let (mut ours, mut other) = ([0.0; 2], [0.0; 2]);
        for fold in &folds {
            let expected = &theirs["errors"][setting][&fold.name];
            let scale = fold.actual.iter().sum::<f64>() / fold.actual.len() as f64;
            for seed in 0..seeds {
                let got = errors(fold, &params, seed);
                for (at, got) in got.iter().enumerate() {
                    ours[at] += got / scale / seeds as f64;
                }
            }
            for (at, sum) in other.iter_mut().enumerate() {
                *sum += expected[at].as_f64().unwrap() / scale;
            }
        }
        for (ours, other) in ours.iter().zip(other) {
            assert!(*ours < 1.01 * other, "{setting}: {ours}, xgboost {other}");
            println!("{setting}: {} of xgboost's", ours / other);
        }
    }
}

/// Writes what the Python script reads into the folder that `BOOSTED_ROWS` names.
#[test]
#[ignore = "writes files for engine/tests/oracle/boosted_forecast.py"]
fn rows_for_xgboost() {
    let folder = std::env::var("BOOSTED_ROWS").unwrap();
    let line = |text: &mut String, first: &[f64], row: &[f64]| {
        let cells: Vec<String> = first.iter().chain(row).map(|v| format!("{v:?}")).collect();
        writeln!(text, "{}", cells.join(",")).unwrap();
    };
    for fold in folds() {
        let (mut train, mut test) = (String::new(), String::new());
        let rows = fold
            .training
            .x
            .rows()
            .into_iter()
            .zip(&fold.training.targets);
        for (row, target) in rows {
            line(&mut train, &[*target], &row.to_vec());
        }
        for (step, actual) in fold.ahead.iter().zip(&fold.actual) {
            line(&mut test, &[*actual, step.level, step.unit], &step.row);
        }
        std::fs::write(format!("{folder}/{}.train.csv", fold.name), train).unwrap();
        std::fs::write(format!("{folder}/{}.test.csv", fold.name), test).unwrap();
    }
}
