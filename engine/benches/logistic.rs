//! The speed of logistic regression on generated rows, in seconds a fit: `cargo bench -p retailscope-engine --bench logistic`.
//! `benches/logistic.py` fits scikit-learn on the same matrix.
#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ndarray::Array2;
use retailscope_engine::churn::logistic::{LogisticParams, Solver, fit};
use retailscope_engine::churn::prepare::Preparation;
use retailscope_engine::control::Free;

const COLUMNS: usize = 12;

/// The n-th number of a sequence in [0, 1) (splitmix64): the same in the Python script.
fn unit(n: u64) -> f64 {
    let mut z = n.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// Twelve columns of about normal numbers, and labels that follow a logistic model.
fn generated(rows: usize) -> (Array2<f64>, Vec<bool>) {
    let x = Array2::from_shape_fn((rows, COLUMNS), |(row, column)| {
        let n = (row * COLUMNS + column) as u64 * 4;
        2.0 * (unit(n) + unit(n + 1) + unit(n + 2) - 1.5)
    });
    let label = |row: usize| {
        let cells = x.row(row);
        let terms = cells
            .iter()
            .enumerate()
            .map(|(j, x)| x * ((j % 5) as f64 - 2.0) * 0.3);
        let margin = 0.5 + terms.sum::<f64>();
        unit((row * COLUMNS) as u64 * 4 + 3) < 1.0 / (1.0 + (-margin).exp())
    };
    let labels = (0..rows).map(label).collect();
    (x, labels)
}

fn benches(c: &mut Criterion) {
    for rows in [5_000, 100_000, 1_000_000] {
        let (x, labels) = generated(rows);
        let names: Vec<String> = (0..COLUMNS).map(|j| format!("f{j}")).collect();
        let preparation = Preparation::fit(x.view(), &names, false, &Free).unwrap();
        let prepared = preparation.apply(x.view(), &Free).unwrap();
        let mut group = c.benchmark_group("logistic");
        group.sample_size(10);
        for threads in [1, 2] {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let mut bench = |name: &str, params: &LogisticParams| {
                let view = prepared.view();
                let fitted = pool
                    .install(|| fit(view, &labels, None, params, &Free))
                    .unwrap();
                println!(
                    "{name}, {rows} rows: {} iterations, converged {}, objective {:.6}",
                    fitted.iterations, fitted.converged, fitted.objective
                );
                let id = BenchmarkId::new(format!("{name}, {threads} threads"), rows);
                group.bench_function(id, |b| {
                    b.iter(|| pool.install(|| black_box(fit(view, &labels, None, params, &Free))));
                });
            };
            bench("newton", &LogisticParams::default());
            let elastic = LogisticParams {
                l1_ratio: 0.5,
                ..LogisticParams::default()
            };
            bench("newton elastic net", &elastic);
            if rows <= 100_000 && threads == 1 {
                let lbfgs = LogisticParams {
                    solver: Solver::Lbfgs,
                    ..LogisticParams::default()
                };
                bench("lbfgs", &lbfgs);
            }
            let id = BenchmarkId::new(format!("prepare with logarithm, {threads} threads"), rows);
            group.bench_function(id, |b| {
                b.iter(|| {
                    pool.install(|| {
                        let fitted = Preparation::fit(x.view(), &names, true, &Free).unwrap();
                        black_box(fitted.apply(x.view(), &Free).unwrap().view().sum())
                    })
                });
            });
        }
        group.finish();
    }
}

criterion_group!(all, benches);
criterion_main!(all);
