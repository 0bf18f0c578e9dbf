//! Calibration against scikit-learn, and its edges.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;

use super::FitError;
use super::calibration::{Calibration, log_odds, sigmoid};
use super::oracle::{Oracle, near};
use crate::control::testing::Probe;
use crate::control::{Free, Stop};

#[test]
fn isotonic_agrees_with_scikit_learn() {
    let oracle = Oracle::read();
    let fitted = Calibration::isotonic(&oracle.p, &oracle.labels, &Free).unwrap();
    for (i, expected) in oracle.isotonic.grid.iter().enumerate() {
        let score = -0.1 + 1.2 * i as f64 / 48.0;
        near(fitted.apply(score), expected.clamp(1e-6, 1.0 - 1e-6), 1e-12);
    }
    let Calibration::Isotonic { x, y } = fitted else {
        panic!("isotonic");
    };
    assert_eq!(x, oracle.isotonic.x);
    for (got, expected) in y.iter().zip(&oracle.isotonic.y) {
        near(*got, *expected, 1e-14);
    }
}

#[test]
fn platt_agrees_with_scikit_learn() {
    let oracle = Oracle::read();
    let fitted = Calibration::platt(&oracle.p, &oracle.labels, &Free).unwrap();
    let Calibration::Platt { a, b } = fitted else {
        panic!("platt");
    };
    near(a, oracle.platt.a, 1e-4);
    near(b, oracle.platt.b, 1e-4);
    // the same with scores in other units
    let shifted: Vec<f64> = oracle.p.iter().map(|p| 1e4 * p + 1e6).collect();
    let far = Calibration::platt(&shifted, &oracle.labels, &Free).unwrap();
    for (p, score) in oracle.p.iter().zip(&shifted) {
        near(far.apply(*score), fitted.apply(*p), 1e-8);
    }
}

#[test]
fn platt_is_at_the_minimum() {
    let oracle = Oracle::read();
    let positives = oracle.labels.iter().filter(|&&l| l).count() as f64;
    let negatives = oracle.labels.len() as f64 - positives;
    let fitted = Calibration::platt(&oracle.p, &oracle.labels, &Free).unwrap();
    let (mut slope, mut level) = (0.0, 0.0);
    for (p, &label) in oracle.p.iter().zip(&oracle.labels) {
        let target = if label {
            (positives + 1.0) / (positives + 2.0)
        } else {
            1.0 / (negatives + 2.0)
        };
        slope += (fitted.apply(*p) - target) * p;
        level += fitted.apply(*p) - target;
    }
    near(slope, 0.0, 1e-9);
    near(level, 0.0, 1e-9);
}

#[test]
fn edges_have_answers() {
    // One score, one class, separated classes, scores that mislead: all give a map that is ascending and inside.
    let labels = [true, false, true, true];
    for (scores, labels) in [
        ([1.0; 4], labels),
        ([1.0, 2.0, 3.0, 4.0], [true; 4]),
        ([1.0, 2.0, 3.0, 4.0], [false; 4]),
        ([1.0, 2.0, 30.0, 40.0], [false, false, true, true]),
        ([4.0, 3.0, 2.0, 1.0], [false, false, true, true]),
        ([1e300, -1e300, 0.0, 1.0], labels),
    ] {
        for fitted in [
            Calibration::None,
            Calibration::platt(&scores, &labels, &Free).unwrap(),
            Calibration::isotonic(&scores, &labels, &Free).unwrap(),
        ] {
            assert_eq!(fitted.check(), Ok(()));
            let grid = [f64::MIN, -1e3, 0.0, 1.0, 1.5, 2.0, 20.0, 1e3, f64::MAX];
            let p = grid.map(|score| fitted.apply(score));
            assert!(
                p.is_sorted() && p.iter().all(|p| (1e-6..=1.0 - 1e-6).contains(p)),
                "{fitted:?}: {p:?}"
            );
        }
    }
    let misled = Calibration::platt(&[4.0, 3.0, 2.0, 1.0], &[false, false, true, true], &Free);
    assert!(matches!(misled.unwrap(), Calibration::Platt { a: 0.0, b } if b.abs() < 1e-12));
    near(Calibration::None.apply(log_odds(0.3)), 0.3, 1e-14);
    near(sigmoid(-800.0), 0.0, 0.0);
    for fit in [Calibration::platt, Calibration::isotonic] {
        assert!(fit(&[], &[], &Free).is_err());
        assert!(fit(&[1.0], &[], &Free).is_err());
        assert!(fit(&[f64::INFINITY], &[true], &Free).is_err());
        let stopped = fit(&[1.0, 2.0], &[true, false], &Probe::stopping_after(0));
        assert!(matches!(stopped, Err(FitError::Stopped(Stop::Cancelled))));
    }
}

#[test]
fn damaged_bytes_are_noticed() {
    let isotonic = |x: &[f64], y: &[f64]| Calibration::Isotonic {
        x: x.to_vec(),
        y: y.to_vec(),
    };
    assert_eq!(isotonic(&[0.0, 1.0], &[0.2, 0.2]).check(), Ok(()));
    for damaged in [
        isotonic(&[], &[]),
        isotonic(&[0.0], &[0.1, 0.2]),
        isotonic(&[0.0, 0.0], &[0.1, 0.2]),
        isotonic(&[0.0, f64::NAN], &[0.1, 0.2]),
        isotonic(&[0.0, 1.0], &[0.2, 0.1]),
        isotonic(&[0.0, 1.0], &[0.2, 1.1]),
        Calibration::Platt { a: -1.0, b: 0.0 },
        Calibration::Platt {
            a: 1.0,
            b: f64::NAN,
        },
    ] {
        assert!(damaged.check().is_err(), "{damaged:?}");
        // and do no harm
        let _ = damaged.apply(0.5);
    }
    let fitted = isotonic(&[0.0, 1.0], &[0.1, 0.2]);
    let bytes = rmp_serde::to_vec(&fitted).unwrap();
    assert_eq!(
        rmp_serde::from_slice::<Calibration>(&bytes).unwrap(),
        fitted
    );
}

proptest! {
    /// Isotonic regression is the largest lower-left average: max over starts of min over ends of block means.
    #[test]
    fn isotonic_is_the_minimax_of_means(rows in prop::collection::vec((0u8..15, any::<bool>()), 1..40)) {
        let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
        let labels: Vec<bool> = rows.iter().map(|r| r.1).collect();
        let fitted = Calibration::isotonic(&scores, &labels, &Free).unwrap();
        prop_assert_eq!(fitted.check(), Ok(()));
        let mean = |from: f64, to: f64| {
            let inside: Vec<f64> = scores.iter().zip(&labels).filter(|(s, _)| (from..=to).contains(*s)).map(|(_, l)| f64::from(*l)).collect();
            inside.iter().sum::<f64>() / inside.len() as f64
        };
        for &score in &scores {
            let lower = scores.iter().filter(|s| **s <= score);
            let best = lower.map(|from| {
                let upper = scores.iter().filter(|s| **s >= score);
                upper.map(|to| mean(*from, *to)).fold(f64::INFINITY, f64::min)
            }).fold(0.0, f64::max);
            prop_assert!((fitted.apply(score) - best.clamp(1e-6, 1.0 - 1e-6)).abs() < 1e-12);
        }
    }
}
