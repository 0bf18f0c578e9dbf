#![allow(clippy::unwrap_used)]

use super::super::space::{ALPHA, BETA, FIRST_SEASON, GAMMA, LEVEL, PHI, TREND};
use super::super::textbook;
use super::*;
use crate::control::Free;
use crate::control::testing::Probe;

fn data(y: &[f64]) -> Data<'_> {
    let n = y.iter().filter(|v| !v.is_nan()).count() as f64;
    Data {
        y,
        n,
        floor: [1e-300, 1e-300],
    }
}

/// A season longer than a vector, with a hole in the series.
fn cases() -> Vec<(Space, Vec<f64>)> {
    let mut y = textbook::series(60);
    y[17] = f64::NAN;
    let mut cases = Vec::new();
    for form in textbook::forms() {
        for period in [2, 4, 7, 12, 24] {
            cases.push((Space::new(form, period), y.clone()));
        }
    }
    cases
}

fn point(space: &Space) -> Point {
    let mut point = [0.0; MOST];
    let multiplied = space.form.season == Kind::Multiplicative;
    let growing = space.form.trend == Kind::Multiplicative;
    point[ALPHA] = 0.3;
    point[BETA] = 0.02;
    point[GAMMA] = 0.3;
    point[PHI] = 0.9;
    point[LEVEL] = 95.0;
    point[TREND] = if growing { 1.01 } else { 0.8 };
    for (at, effect) in point[FIRST_SEASON..space.width()].iter_mut().enumerate() {
        let wave = [0.1, -0.05, 0.02, -0.07][at % 4];
        *effect = if multiplied { 1.0 + wave } else { 100.0 * wave };
    }
    point
}

#[test]
fn the_deviance_is_the_books() {
    for (space, y) in cases() {
        let point = point(&space);
        let mut start = State::default();
        space.start(&point, &mut start);
        let wanted = textbook::deviance(space.form, &space.weights(&point), &start, &y);
        let found = deviance(&space, &data(&y), &point, &Free).unwrap();
        assert!(
            (found / wanted - 1.0).abs() < 1e-12,
            "{space:?}: {found} {wanted}"
        );
        let descent = Descent::new(&space, &data(&y), &point, &Free).unwrap();
        assert!((descent.deviance() - found).abs() < 1e-9, "{space:?}");
    }
}

#[test]
fn derivatives_are_the_limit_of_differences() {
    for (space, y) in cases() {
        let data = data(&y);
        let from = point(&space);
        let here = Descent::new(&space, &data, &from, &Free).unwrap();
        for (at, slot) in here.slots.iter().enumerate() {
            let step = 1e-5 * from[*slot].abs().max(0.1);
            let beside = |sign: f64| {
                let mut point = from;
                point[*slot] += sign * step;
                deviance(&space, &data, &point, &Free).unwrap()
            };
            let wanted = (beside(1.0) - beside(-1.0)) / (2.0 * step);
            let found = 2.0 * data.n * here.here.as_ref().unwrap().slope[at];
            let off = (found - wanted).abs();
            assert!(
                off < 1e-4 * wanted.abs() + 1e-4,
                "{space:?} {slot}: {found} {wanted}"
            );
        }
    }
}

/// At a peak no direction that the bounds leave open goes up.
#[test]
fn descents_end_where_nothing_is_left() {
    for (space, y) in cases() {
        if space.width() > 18 {
            continue;
        }
        let data = data(&y);
        let mut descent = Descent::new(&space, &data, &point(&space), &Free).unwrap();
        let before = descent.deviance();
        descent.run(Goal::LAST, &Free).unwrap();
        assert!(descent.deviance() < before);
        let peak = descent.point;
        let value = deviance(&space, &data, &peak, &Free).unwrap();
        for slot in &descent.slots {
            let (least, most) = space.bounds(*slot);
            for sign in [-1.0, 1.0] {
                let mut beside = peak;
                let step = 1e-3 * peak[*slot].abs().max(0.1);
                beside[*slot] = (peak[*slot] + sign * step).clamp(least, most);
                let there = deviance(&space, &data, &beside, &Free).unwrap();
                assert!(there > value - 1e-4, "{space:?} {slot} {there} {value}");
            }
        }
    }
}

#[test]
fn a_descent_can_be_cancelled() {
    let (space, y) = cases().swap_remove(3);
    let data = data(&y);
    let from = point(&space);
    assert!(Descent::new(&space, &data, &from, &Probe::stopping_after(0)).is_err());
    let mut descent = Descent::new(&space, &data, &from, &Free).unwrap();
    let stopped = descent.run(Goal::LAST, &Probe::stopping_after(2));
    assert_eq!(stopped, Err(Stop::Cancelled));
}
