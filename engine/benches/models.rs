//! The speed of training, scoring and explaining on generated customers: `cargo bench -p retailscope-engine --bench models`.
//! `make bench` compares with scikit-learn and xgboost; this bench is for changes to one stage.
#![allow(clippy::unwrap_used, missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ndarray::Array2;
use retailscope_engine::churn::logistic::{self, LogisticParams, Solver};
use retailscope_engine::churn::prepare::Preparation;
use retailscope_engine::control::Free;
use retailscope_engine::random::Stream;
use retailscope_engine::segments::{Effort, kmeans};
use retailscope_engine::trees::{Bins, Explainer, adaboost, boosting, forest};
use std::hint::black_box;

const ROWS: usize = 100_000;
const FEATURES: usize = 12;

/// Twelve features, one of them a flag and one with missing values; the log-odds are not linear in them.
fn customers() -> (Array2<f64>, Vec<bool>) {
    let mut stream = Stream::new(42, "customers of a bench", 0);
    let mut normal = move || {
        let radius = (-2.0 * (1.0 - stream.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * stream.unit()).cos()
    };
    let mut x = Array2::zeros((ROWS, FEATURES));
    let mut y = Vec::with_capacity(ROWS);
    for mut row in x.rows_mut() {
        row.iter_mut().for_each(|v| *v = normal());
        row[3] = f64::from(row[3] > 0.5);
        let odds = row[0] - 0.7 * row[1] * row[2] + 0.8 * row[3] + (2.0 * row[4]).sin()
            - 0.3 * row[5] * row[5];
        if row[6] > 1.0 {
            row[6] = f64::NAN;
        }
        y.push(odds + 1.8 * normal() > 0.0);
    }
    (x, y)
}

fn linear(c: &mut Criterion) {
    let (x, y) = customers();
    let names: Vec<String> = (0..FEATURES).map(|j| format!("f{j}")).collect();
    let mut group = c.benchmark_group("linear");
    group.sample_size(10);
    group.throughput(Throughput::Elements(ROWS as u64));
    let prepare = || {
        let (_, prepared) = Preparation::fit_apply(x.view(), &names, true, &Free).unwrap();
        prepared
    };
    group.bench_function("prepare", |b| b.iter(|| black_box(prepare())));
    let prepared = prepare();
    let newton = LogisticParams::default();
    let elastic = LogisticParams {
        l1_ratio: 0.5,
        ..newton
    };
    let lbfgs = LogisticParams {
        solver: Solver::Lbfgs,
        ..newton
    };
    for (name, params) in [
        ("newton", newton),
        ("newton elastic net", elastic),
        ("lbfgs", lbfgs),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| logistic::fit(prepared.view(), &y, None, &params, &Free).unwrap());
        });
    }
    let effort = Effort {
        n_init: 1,
        max_iter: 300,
        seed: 0,
    };
    group.bench_function("k-means, one start", |b| {
        b.iter(|| kmeans(prepared.view(), 5, effort, &Free).unwrap());
    });
    group.finish();
}

fn trees(c: &mut Criterion) {
    let (x, y) = customers();
    let targets: Vec<f64> = y.iter().map(|y| f64::from(u8::from(*y))).collect();
    let bins = Bins::fit(x.view(), None, 255, &Free).unwrap();
    let binned = bins.apply(x.view(), &Free).unwrap();
    let boost = boosting::BoostingParams::default();
    let deep = forest::ForestParams {
        max_depth: Some(12),
        ..forest::ForestParams::default()
    };
    let stumps = adaboost::AdaBoostParams {
        n_estimators: 100,
        learning_rate: 1.0,
    };

    let mut group = c.benchmark_group("trees");
    group.sample_size(10);
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("bins", |b| {
        b.iter(|| {
            let bins = Bins::fit(x.view(), None, 255, &Free).unwrap();
            bins.apply(x.view(), &Free).unwrap()
        });
    });
    group.bench_function("boosting 100 x depth 6", |b| {
        b.iter(|| boosting::fit(&binned, &targets, None, &boost, 1, &Free).unwrap());
    });
    group.bench_function("forest 100 x depth 12", |b| {
        b.iter(|| forest::fit(&binned, &y, None, &deep, 1, &Free).unwrap());
    });
    group.bench_function("adaboost 100 stumps", |b| {
        b.iter(|| adaboost::fit(&binned, &y, None, &stumps, &Free).unwrap());
    });
    let model = boosting::fit(&binned, &targets, None, &boost, 1, &Free).unwrap();
    let grown = forest::fit(&binned, &y, None, &deep, 1, &Free).unwrap();
    let mut scores = vec![0.0; ROWS];
    for (name, model) in [("score boosting", &model), ("score forest", &grown)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                model
                    .score(x.view(), black_box(&mut scores), &Free)
                    .unwrap()
            });
        });
    }
    group.throughput(Throughput::Elements(1));
    let explainer = Explainer::new(&model);
    let row: Vec<f64> = x.row(0).to_vec();
    let mut contributions = vec![0.0; FEATURES];
    group.bench_function("explain a row", |b| {
        b.iter(|| explainer.explain(&row, black_box(&mut contributions)));
    });
    group.finish();
}

criterion_group!(benches, linear, trees);
criterion_main!(benches);
