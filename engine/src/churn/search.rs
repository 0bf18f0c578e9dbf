//! Other settings to try: a small random search (Bergstra and Bengio 2012) over what usually matters.

use super::logistic::{LogisticParams, Solver};
use super::options::LearnerParams;
use crate::random::Stream;
use crate::trees::adaboost::AdaBoostParams;
use crate::trees::boosting::BoostingParams;
use crate::trees::forest::{ForestParams, MaxFeatures};

fn one_of<T: Copy>(values: &[T], or: T, stream: &mut Stream) -> T {
    values
        .get(stream.below(values.len()))
        .copied()
        .unwrap_or(or)
}

/// Other settings of the same algorithm, drawn from the stream.
#[must_use]
pub fn variant(of: &LearnerParams, stream: &mut Stream) -> LearnerParams {
    match of {
        LearnerParams::Logistic(p) => LearnerParams::Logistic(LogisticParams {
            c: one_of(&[1e-4, 1e-3, 1e-2, 1e-1, 10.0, 100.0], p.c, stream),
            l1_ratio: match p.solver {
                Solver::Newton => one_of(&[0.0, 0.5, 1.0], p.l1_ratio, stream),
                Solver::Lbfgs => p.l1_ratio,
            },
            ..*p
        }),
        LearnerParams::Forest(p) => LearnerParams::Forest(ForestParams {
            max_depth: one_of(&[Some(6), Some(8), Some(12), Some(16)], p.max_depth, stream),
            min_samples_leaf: one_of(&[5, 10, 20, 40], p.min_samples_leaf, stream),
            max_features: one_of(
                &[
                    MaxFeatures::Sqrt,
                    MaxFeatures::Fraction(0.2),
                    MaxFeatures::Fraction(0.35),
                    MaxFeatures::Fraction(0.5),
                ],
                p.max_features,
                stream,
            ),
            ..*p
        }),
        LearnerParams::AdaBoost(p) => LearnerParams::AdaBoost(AdaBoostParams {
            n_estimators: one_of(&[50, 100, 200, 400], p.n_estimators, stream),
            learning_rate: one_of(&[0.25, 0.5, 1.0], p.learning_rate, stream),
        }),
        LearnerParams::Boosting(p) => LearnerParams::Boosting(BoostingParams {
            n_estimators: one_of(&[100, 200, 400], p.n_estimators, stream),
            max_depth: one_of(&[2, 3, 4, 6], p.max_depth, stream),
            learning_rate: one_of(&[0.02, 0.05, 0.1], p.learning_rate, stream),
            subsample: one_of(&[0.6, 0.8, 1.0], p.subsample, stream),
            colsample_bytree: one_of(&[0.4, 0.6, 0.8, 1.0], p.colsample_bytree, stream),
            reg_lambda: one_of(&[1.0, 5.0, 20.0], p.reg_lambda, stream),
            min_child_weight: one_of(&[1.0, 5.0, 20.0], p.min_child_weight, stream),
            ..*p
        }),
    }
}
