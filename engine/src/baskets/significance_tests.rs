//! Fisher's test, Benjamini and Hochberg's correction and Wilson's interval against mpmath, scipy and statsmodels.
#![allow(clippy::unwrap_used)]

use super::significance::*;
use crate::control::testing::Probe;
use crate::control::{Free, Stop};

#[derive(serde::Deserialize)]
struct Oracle {
    fisher: Vec<(u32, u32, u32, u32, f64)>,
}

#[test]
fn p_values_are_right_to_ten_digits() {
    let oracle: Oracle =
        serde_json::from_str(include_str!("../../tests/oracle/rules.json")).unwrap();
    let mut worst = 0f64;
    for (both, left, right, total, p) in oracle.fisher {
        let got = fisher(both, left, right, total);
        assert_eq!(got.to_bits(), fisher(both, right, left, total).to_bits());
        assert!((0.0..=1.0).contains(&got));
        if p > 1e-290 {
            let off = (got / p - 1.0).abs();
            worst = worst.max(off);
        } else {
            assert!(got < 1e-280, "{both} {left} {right} {total}: {got} {p}");
        }
    }
    assert!(worst < 1e-10, "{worst:e}");
}

/// Of small tables the probabilities are fractions of binomial coefficients.
#[test]
fn small_tables_have_the_probabilities_of_counting() {
    fn choose(n: u32, k: u32) -> f64 {
        (0..k).fold(1.0, |c, i| c * f64::from(n - i) / f64::from(i + 1))
    }
    for total in 1..=14u32 {
        for left in 1..=total {
            for right in 1..=total {
                let least = (left + right).saturating_sub(total);
                for both in least.max(1)..=left.min(right) {
                    let ways: f64 = (both..=left.min(right))
                        .map(|k| choose(left, k) * choose(total - left, right - k))
                        .sum();
                    let p = ways / choose(total, right);
                    let got = fisher(both, left, right, total);
                    assert!(
                        (got - p).abs() <= 1e-13 * p,
                        "{both} {left} {right} {total}"
                    );
                }
            }
        }
    }
}

#[test]
fn adjusted_values_are_those_of_the_definition() {
    // statsmodels.stats.multitest.multipletests(method='fdr_bh')
    let mut tested = vec![0.01, 0.8, 0.04, 0.01, 0.03, 0.2, 0.0, 1.0];
    let wanted = [0.0, 0.01, 0.01, 0.03, 0.04, 0.2, 1.0];
    let expected = [0.0, 0.08 / 3.0, 0.08 / 3.0, 0.06, 0.064, 1.6 / 6.0, 1.0];
    let got = adjusted(&mut tested, &wanted, &Free).unwrap();
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-15, "{got} {expected}");
    }
    assert!(adjusted(&mut Vec::new(), &[], &Free).unwrap().is_empty());
    let stopped = adjusted(&mut tested, &wanted, &Probe::stopping_after(0));
    assert_eq!(stopped.unwrap_err(), Stop::Cancelled);
}

#[test]
fn intervals_are_those_of_wilson() {
    // statsmodels.stats.proportion.proportion_confint(method='wilson')
    for (part, whole, low, high) in [
        (0, 10, 0.0, 0.277_532_799_862_889_3),
        (10, 10, 0.722_467_200_137_111, 1.0),
        (81, 263, 0.255_288_519_878_274_2, 0.366_209_576_982_800_04),
        (1, 1, 0.206_549_314_377_237_97, 1.0),
    ] {
        let (got_low, got_high) = wilson(part, whole);
        assert!((got_low - low).abs() < 1e-12, "{got_low} {low}");
        assert!((got_high - high).abs() < 1e-12, "{got_high} {high}");
    }
}
