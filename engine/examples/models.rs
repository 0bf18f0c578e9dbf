//! One measurement of training, scoring or segmenting on a matrix from a file, as a line of JSON; `benches/models.py` runs it
//! and, on the same file, `benches/peers.py`.
//!
//!     models fit|score|segment MODEL FOLDER ROWS THREADS
#![allow(clippy::unwrap_used)]

mod measure;

use std::fs;
use std::hint::black_box;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use ndarray::Array2;
use retailscope_engine::churn::FitError;
use retailscope_engine::churn::learner::Learner;
use retailscope_engine::churn::logistic::LogisticParams;
use retailscope_engine::churn::metrics::roc_auc;
use retailscope_engine::churn::options::{ClassWeight, LearnerParams};
use retailscope_engine::churn::ranking::Ranking;
use retailscope_engine::control::Free;
use retailscope_engine::segments::{Effort, Rfm, SegmentParams, fit, kmeans};
use retailscope_engine::trees::adaboost::AdaBoostParams;
use retailscope_engine::trees::boosting::BoostingParams;
use retailscope_engine::trees::forest::{ForestParams, MaxFeatures};
use serde_json::{Value, json};

use crate::measure::measure;

const FEATURES: usize = 12;
/// Segments.
const K: usize = 5;
/// Rows that a model is fitted on before others are scored.
const FITTED: usize = 100_000;

/// Doubles as numpy's `tofile` writes them.
fn matrix(path: &Path) -> Array2<f64> {
    let mut file = BufReader::new(fs::File::open(path).unwrap());
    let mut values = Vec::with_capacity(fs::metadata(path).unwrap().len() as usize / 8);
    let mut value = [0; 8];
    // One by one: the bytes and the doubles at once would be twice the memory, and a peak of their own.
    while file.read_exact(&mut value).is_ok() {
        values.push(f64::from_le_bytes(value));
    }
    Array2::from_shape_vec((values.len() / FEATURES, FEATURES), values).unwrap()
}

fn labels(path: &Path) -> Vec<bool> {
    fs::read(path)
        .unwrap()
        .into_iter()
        .map(|y| y != 0)
        .collect()
}

fn params(model: &str) -> LearnerParams {
    match model {
        "logistic" => LearnerParams::Logistic(LogisticParams {
            c: 1.0,
            ..LogisticParams::default()
        }),
        "forest" => LearnerParams::Forest(ForestParams {
            n_estimators: 100,
            max_depth: Some(12),
            min_samples_leaf: 1,
            max_features: MaxFeatures::Sqrt,
            bootstrap: true,
        }),
        "adaboost" => LearnerParams::AdaBoost(AdaBoostParams {
            n_estimators: 100,
            learning_rate: 1.0,
        }),
        "boosting" => LearnerParams::Boosting(BoostingParams {
            n_estimators: 100,
            max_depth: 6,
            learning_rate: 0.1,
            ..BoostingParams::default()
        }),
        other => unreachable!("no model {other}"),
    }
}

struct Arguments {
    model: String,
    folder: PathBuf,
    rows: usize,
}

impl Arguments {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn fit(&self, x: &Array2<f64>, labels: &[bool]) -> Learner {
        let names: Vec<String> = (0..FEATURES).map(|j| format!("f{j}")).collect();
        let params = params(&self.model);
        let weight = ClassWeight::None;
        Learner::fit(&params, x.view(), None, &names, labels, weight, 1, &Free).unwrap()
    }

    fn probabilities(&self, learner: &Learner, x: &Array2<f64>) -> Result<Vec<f64>, FitError> {
        let mut scores = learner.score(x.view(), &Free)?;
        let scale = learner.scale();
        scores.iter_mut().for_each(|s| *s = scale.probability(*s));
        Ok(scores)
    }

    fn training(&self, rows: usize) -> (Array2<f64>, Vec<bool>) {
        (
            matrix(&self.file(&format!("customers-{rows}.x"))),
            labels(&self.file(&format!("customers-{rows}.y"))),
        )
    }

    fn measure_fit(&self) -> Value {
        let (x, y) = self.training(self.rows);
        let (mut figures, learner) = measure(|| self.fit(&x, &y));
        let holdout = matrix(&self.file("holdout.x"));
        let probabilities = self.probabilities(&learner, &holdout).unwrap();
        let ranking = Ranking::new(&probabilities, &labels(&self.file("holdout.y")), &Free);
        figures["auc"] = json!(roc_auc(&ranking.unwrap()));
        figures
    }

    fn measure_score(&self) -> Value {
        let (x, y) = self.training(FITTED);
        let learner = self.fit(&x, &y);
        let (x, _) = self.training(self.rows);
        measure(|| black_box(self.probabilities(&learner, &x).unwrap())).0
    }

    fn measure_segments(&self) -> Value {
        let x = matrix(&self.file(&format!("groups-{}.x", self.rows)));
        if self.model == "kmeans" {
            let effort = Effort {
                n_init: 1,
                max_iter: 300,
                seed: 0,
            };
            let (mut figures, found) = measure(|| kmeans(x.view(), K, effort, &Free).unwrap());
            figures["inertia"] = json!(found.inertia);
            figures["steps"] = json!(found.iterations);
            return figures;
        }
        let names: Vec<String> = (0..FEATURES).map(|j| format!("f{j}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let json = json!({"features": names, "log": false, "n_init": 1});
        let algorithm = self.model.trim_start_matches("whole_");
        let params = SegmentParams::parse(algorithm, &json).unwrap();
        let params = params.check(&names).unwrap();
        let columns = [0, 1, 2].map(|j| x.column(j).to_vec());
        let [recency_days, frequency, monetary] = &columns;
        let rfm = Rfm {
            recency_days,
            frequency,
            monetary,
        };
        measure(|| fit(x.view(), &rfm, Some(K), &params, 0, None, &Free).unwrap()).0
    }
}

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [task, model, folder, rows, threads] = given.as_slice() else {
        eprintln!("models fit|score|segment MODEL FOLDER ROWS THREADS");
        std::process::exit(2);
    };
    let arguments = Arguments {
        model: model.clone(),
        folder: folder.into(),
        rows: rows.parse().unwrap(),
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.parse().unwrap())
        .build()
        .unwrap();
    let figures = pool.install(|| match task.as_str() {
        "fit" => arguments.measure_fit(),
        "score" => arguments.measure_score(),
        _ => arguments.measure_segments(),
    });
    println!("{figures}");
}
