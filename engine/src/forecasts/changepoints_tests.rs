//! Changes that are known, that are not there, and that every other way to look for them finds too.

use super::*;
use crate::control::Free;
use crate::control::testing::Probe;
use crate::forecasts::numeric::normal_quantile;
use crate::forecasts::oracle;
use crate::random::Stream;

const NAN: f64 = f64::NAN;

fn noise(seed: i64, n: usize, memory: f64) -> Vec<f64> {
    let mut stream = Stream::new(seed, "noise", 0);
    let mut level = 0.0;
    (0..n)
        .map(|_| {
            level = memory * level + normal_quantile(stream.unit().max(1e-12));
            level
        })
        .collect()
}

fn found(y: &[f64], params: &ChangeParams) -> Vec<usize> {
    let changes = changepoints(y, params, &Free).unwrap();
    changes.iter().map(|c| c.at).collect()
}

const BOTH: ChangeParams = ChangeParams {
    change_in: ChangeIn::MeanAndVariance,
    least: 5,
    penalty: None,
};

#[test]
fn the_nile_fell_after_1898() {
    // 1871 is step 0: 28 years until 1898.
    let y = oracle::series("nile");
    for params in [ChangeParams::default(), BOTH] {
        let changes = changepoints(&y, &params, &Free).unwrap();
        assert_eq!(changes.len(), 1);
        assert_eq!(changes[0].at, 28);
        assert!((changes[0].before - 1097.75).abs() < 1e-9);
        assert!((changes[0].after - 849.972_222_222).abs() < 1e-6);
    }
}

#[test]
fn noise_has_no_changes() {
    for (memory, params, most) in [
        (0.0, ChangeParams::default(), 2),
        (0.4, ChangeParams::default(), 4),
        (0.0, BOTH, 4),
    ] {
        let alarms = (0..100)
            .filter(|seed| !found(&noise(*seed, 200, memory), &params).is_empty())
            .count();
        assert!(alarms <= most, "memory {memory} {params:?}: {alarms}");
    }
}

#[test]
fn changes_that_were_put_in_are_found() {
    for seed in 0..10 {
        let levels = [100.0, 104.0, 97.0, 97.0, 103.0];
        let y: Vec<f64> = noise(seed, 250, 0.0)
            .iter()
            .enumerate()
            .map(|(t, e)| levels[t / 50] + e)
            .collect();
        let changes = found(&y, &ChangeParams::default());
        assert_eq!(changes.len(), 3, "{seed}: {changes:?}");
        for (at, expected) in changes.iter().zip([50usize, 100, 200]) {
            assert!(at.abs_diff(expected) <= 2, "{seed}: {changes:?}");
        }
        let spread: Vec<f64> = noise(seed, 200, 0.0)
            .iter()
            .enumerate()
            .map(|(t, e)| if t < 120 { *e } else { 4.0 * e })
            .collect();
        let changes = found(&spread, &BOTH);
        assert_eq!(changes.len(), 1, "{seed}: {changes:?}");
        assert!(changes[0].abs_diff(120) <= 6, "{seed}: {changes:?}");
    }
}

/// Every segmentation is tried, without leaving any out.
#[test]
fn nothing_better_is_left_out() {
    for seed in 0..20 {
        let y: Vec<f64> = noise(seed, 60, 0.3)
            .iter()
            .enumerate()
            .map(|(t, e)| e + if t / 9 % 2 == 0 { 1.5 } else { 0.0 })
            .collect();
        for change_in in [ChangeIn::Mean, ChangeIn::MeanAndVariance] {
            let costs = Costs::of(&y, change_in).unwrap();
            for (least, penalty) in [(2, 1.0), (3, 4.0), (7, 2.0)] {
                let n = y.len();
                let mut best = vec![f64::INFINITY; n + 1];
                best[0] = -penalty;
                for to in least..=n {
                    for from in 0..=to - least {
                        let cost =
                            best[from] + costs.fit(from, to) + ((to - from) as f64).ln() + penalty;
                        best[to] = best[to].min(cost);
                    }
                }
                let ends = segments(&costs, least, penalty, &Free).unwrap();
                let mut cost = -penalty;
                let mut from = 0;
                for end in &ends {
                    assert!(end - from >= least);
                    cost += costs.fit(from, *end) + ((end - from) as f64).ln() + penalty;
                    from = *end;
                }
                assert_eq!(from, n);
                assert!(
                    (cost - best[n]).abs() < 1e-9,
                    "{seed} {change_in:?} {least}: {cost} {}",
                    best[n]
                );
            }
        }
    }
}

#[test]
fn poor_series_have_an_answer() {
    let none = Vec::<usize>::new();
    for y in [
        &[][..],
        &[1.0],
        &[NAN; 30],
        &[7.0; 50],
        &[1.0, 2.0, 9.0],
        &[0.0; 12],
    ] {
        for params in [ChangeParams::default(), BOTH] {
            assert_eq!(found(y, &params), none);
        }
    }
    // A step without noise, and one with holes, told by its place among all steps.
    let mut y = [3.0; 60];
    y[40..].fill(8.0);
    assert_eq!(found(&y, &ChangeParams::default()), [40]);
    y[10..20].fill(NAN);
    y[38] = NAN;
    assert_eq!(found(&y, &ChangeParams::default()), [40]);
    let huge: Vec<f64> = y.iter().map(|v| v * 1e14).collect();
    assert_eq!(found(&huge, &ChangeParams::default()), [40]);
    let refuse = |params: ChangeParams| changepoints(&y, &params, &Free).unwrap_err();
    assert!(matches!(
        refuse(ChangeParams { least: 1, ..BOTH }),
        ForecastError::Range { .. }
    ));
    for penalty in [-1.0, NAN] {
        let params = ChangeParams {
            penalty: Some(penalty),
            ..BOTH
        };
        assert!(matches!(refuse(params), ForecastError::Range { .. }));
    }
    let infinite = changepoints(&[f64::INFINITY; 20], &BOTH, &Free);
    assert!(matches!(infinite, Err(ForecastError::Infinite)));
    let long = noise(1, 4000, 0.0);
    let stopped = changepoints(&long, &BOTH, &Probe::stopping_after(2));
    assert!(matches!(stopped, Err(ForecastError::Stopped(_))));
}
