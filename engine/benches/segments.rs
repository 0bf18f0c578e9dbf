//! The speed of k-means and of the whole segmentation: `cargo bench -p retailscope-engine --bench segments`. With
//! `RETAILSCOPE_PYTHON` (an interpreter with scikit-learn) the same matrices go through scikit-learn too.
#![allow(clippy::unwrap_used, missing_docs)]

use std::io::Write;
use std::process::Command;
use std::time::Instant;

use ndarray::Array2;
use retailscope_engine::control::Free;
use retailscope_engine::random::Stream;
use retailscope_engine::segments::{Effort, Rfm, SegmentParams, fit, kmeans};
use serde_json::json;

const FEATURES: usize = 6;
const NAMES: [&str; FEATURES] = ["a", "b", "c", "d", "e", "f"];
const RUNS: usize = 3;

/// Five groups that overlap; the noise of each value is nearly normal.
fn matrix(rows: usize) -> Array2<f64> {
    let mut stream = Stream::new(1, "bench", 0);
    let centres = Array2::from_shape_fn((5, FEATURES), |_| 6.0 * stream.unit() - 3.0);
    Array2::from_shape_fn((rows, FEATURES), |(row, j)| {
        let noise: f64 = (0..4).map(|_| stream.unit() - 0.5).sum();
        centres[[row % 5, j]] + 3.5 * noise
    })
}

/// The least seconds of some runs, and the last result.
fn least<T>(mut run: impl FnMut() -> T) -> (f64, T) {
    let mut best = f64::INFINITY;
    let mut result = None;
    for _ in 0..RUNS {
        let start = Instant::now();
        result = Some(run());
        best = best.min(start.elapsed().as_secs_f64());
    }
    (best, result.unwrap())
}

fn scikit_learn(x: &Array2<f64>, threads: usize) {
    let Some(python) = std::env::var_os("RETAILSCOPE_PYTHON") else {
        return;
    };
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let bytes: Vec<u8> = x.iter().flat_map(|v| v.to_le_bytes()).collect();
    file.write_all(&bytes).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/segments.py");
    let mut command = Command::new(python);
    for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"] {
        command.env(name, threads.to_string());
    }
    command
        .arg(script)
        .arg(file.path())
        .arg(FEATURES.to_string());
    assert!(command.status().unwrap().success());
}

fn main() {
    for rows in [100_000, 1_000_000] {
        let x = matrix(rows);
        for threads in [1, 2] {
            println!("{rows} x {FEATURES}, {threads} threads");
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let effort = Effort {
                n_init: 1,
                max_iter: 300,
                seed: 0,
            };
            let run = || pool.install(|| kmeans(x.view(), 5, effort, &Free)).unwrap();
            let (seconds, found) = least(run);
            let (inertia, steps) = (found.inertia, found.iterations);
            println!(
                "  k-means, one start:      {seconds:.3} s, {steps} steps, inertia {inertia:.1}"
            );
            for algorithm in ["kmeans", "gaussian_mixture"] {
                let json = json!({"features": NAMES, "log": false, "n_init": 1});
                let params = SegmentParams::parse(algorithm, &json).unwrap();
                let params = params.check(&NAMES).unwrap();
                let columns = [0, 1, 2].map(|j| x.column(j).to_vec());
                let [recency_days, frequency, monetary] = &columns;
                let rfm = Rfm {
                    recency_days,
                    frequency,
                    monetary,
                };
                let run = || fit(x.view(), &rfm, Some(5), &params, 0, None, &Free).unwrap();
                let (seconds, _) = least(|| pool.install(run));
                println!("  model, {algorithm}: {seconds:.3} s");
            }
            scikit_learn(&x, threads);
        }
    }
}
