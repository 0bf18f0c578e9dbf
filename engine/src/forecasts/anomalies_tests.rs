//! Anomalies: how many are flagged where nothing happened, and that what happened is found.

use super::*;
use crate::control::Free;
use crate::control::testing::Probe;
use crate::forecasts::oracle;
use crate::random::Stream;

const NAN: f64 = f64::NAN;

fn noise(seed: i64, n: usize) -> Vec<f64> {
    let mut stream = Stream::new(seed, "noise", 0);
    (0..n)
        .map(|_| normal_quantile(stream.unit().max(1e-12)))
        .collect()
}

fn flagged(y: &[f64], seasons: &[usize], level: f64) -> Vec<usize> {
    let found = detect(y, seasons, level, &Free).unwrap();
    let steps = found.steps.iter().enumerate();
    steps
        .filter(|(_, s)| s.is_anomaly)
        .map(|(at, _)| at)
        .collect()
}

/// A shop's days: a season of a week, a trend, and normal noise in proportion to the level or not.
fn days(seed: i64, n: usize, in_proportion: bool) -> Vec<f64> {
    let week = [0.8, 0.9, 1.0, 1.1, 1.4, 1.2, 0.6];
    let of_day = |(at, e): (usize, f64)| {
        let level = (1000.0 + at as f64) * week[at % 7];
        if in_proportion {
            level * (0.1 * e).exp()
        } else {
            level + 80.0 * e
        }
    };
    noise(seed, n).into_iter().enumerate().map(of_day).collect()
}

#[test]
fn of_noise_as_many_are_flagged_as_the_level_says() {
    for (level, seasons) in [(0.99, &[7][..]), (0.95, &[7]), (0.99, &[]), (0.8, &[])] {
        let (mut count, mut all) = (0, 0);
        for seed in 0..8 {
            let y: Vec<f64> = if seasons.is_empty() {
                noise(seed, 800).iter().map(|e| 50.0 + e).collect()
            } else {
                days(seed, 800, seed % 2 == 0)
            };
            count += flagged(&y, seasons, level).len();
            all += y.len();
        }
        let share = count as f64 / all as f64;
        let expected = 1.0 - level;
        assert!(
            (0.7..1.5).contains(&(share / expected)),
            "{level} {seasons:?}: {share}"
        );
    }
}

#[test]
fn what_was_put_in_is_found() {
    for in_proportion in [false, true] {
        let mut y = days(5, 730, in_proportion);
        let spikes = [60, 200, 333, 500, 729];
        for (at, factor) in spikes.iter().zip([1.9, 0.2, 2.2, 0.3, 2.0]) {
            y[*at] *= factor;
        }
        let found = detect(&y, &[7], 0.99, &Free).unwrap();
        assert_eq!(found.multiplicative, in_proportion);
        for at in spikes {
            let step = found.steps[at];
            assert!(step.is_anomaly, "{at}: {step:?}");
            // What is expected is what would have been there.
            let clean = days(5, 730, in_proportion)[at];
            assert!(
                (step.expected / clean - 1.0).abs() < 0.35,
                "{at}: {step:?} {clean}"
            );
            assert_eq!(step.score.unwrap() > 0.0, y[at] > step.upper);
            assert_eq!(step.score.unwrap() < 0.0, y[at] < step.lower);
        }
        let others = found.steps.iter().filter(|s| s.is_anomaly).count() - spikes.len();
        assert!(others < 20, "{others}");
    }
}

/// With few seasons a spike of fifty deviations would be a part of each of them, or all of its phase would stand out.
#[test]
fn a_huge_spike_leaves_its_phase_alone() {
    let mut y: Vec<f64> = noise(4, 96)
        .iter()
        .enumerate()
        .map(|(t, e)| 100.0 + (t % 12) as f64 * 5.0 + e)
        .collect();
    y[43] += 60.0;
    y[70] -= 80.0;
    let found = flagged(&y, &[12], 0.99);
    assert!(
        found.contains(&43) && found.contains(&70) && found.len() <= 8,
        "{found:?}"
    );
}

#[test]
fn bounds_and_flags_say_the_same() {
    let mut y = oracle::series("retail_daily");
    y[100] = NAN;
    let found = detect(&y, &[7], 0.95, &Free).unwrap();
    for (value, step) in y.iter().zip(&found.steps) {
        assert!(step.lower < step.expected && step.expected < step.upper);
        let outside = *value < step.lower || *value > step.upper;
        assert_eq!(outside, step.is_anomaly);
        assert_eq!(step.score.is_none(), value.is_nan());
    }
}

#[test]
fn poor_series_have_an_answer() {
    let none = Vec::<usize>::new();
    assert_eq!(flagged(&[5.0], &[7], 0.99), none);
    // A season that is seen twice tells nothing of what is usual.
    let y = noise(2, 200);
    assert_eq!(flagged(&y, &[70], 0.99), flagged(&y, &[], 0.99));
    assert_eq!(flagged(&[5.0, 900.0, 5.0], &[], 0.5), none);
    assert_eq!(flagged(&[7.0; 50], &[7], 0.99), none);
    assert_eq!(flagged(&[0.0; 50], &[], 0.99), none);
    // Nothing but one value: its remainder is the only one.
    let mut lone = [0.0; 60];
    lone[30] = 5.0;
    assert_eq!(flagged(&lone, &[], 0.99), [30]);
    let mut lone = [3.0; 60];
    lone.iter_mut().step_by(5).for_each(|v| *v = NAN);
    lone[31] = 50.0;
    assert_eq!(flagged(&lone, &[7], 0.99), [31]);
    for level in [0.0, 1.0, NAN, -3.0] {
        let error = detect(&lone, &[], level, &Free).unwrap_err();
        assert!(matches!(error, ForecastError::Range { .. }));
    }
    assert!(matches!(
        detect(&[], &[], 0.9, &Free),
        Err(ForecastError::Empty)
    ));
    assert!(matches!(
        detect(&[NAN; 9], &[], 0.9, &Free),
        Err(ForecastError::Empty)
    ));
    assert!(matches!(
        detect(&[f64::INFINITY; 9], &[], 0.9, &Free),
        Err(ForecastError::Infinite)
    ));
    let stopped = detect(&[1.0; 90], &[7], 0.9, &Probe::stopping_after(3));
    assert!(matches!(stopped, Err(ForecastError::Stopped(_))));
    let huge: Vec<f64> = days(1, 100, false).iter().map(|v| v * 1e11).collect();
    assert!(
        detect(&huge, &[7], 0.9, &Free)
            .unwrap()
            .steps
            .iter()
            .all(|s| s.upper.is_finite())
    );
}
