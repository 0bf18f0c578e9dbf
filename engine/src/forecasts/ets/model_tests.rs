//! What a fitted model does, against the book's recursions and against simulation.

#![allow(clippy::unwrap_used)]

use super::fit::Found;
use super::textbook::{self, forms, state, weights};
use super::*;
use crate::control::Free;
use crate::control::testing::Probe;
use crate::forecasts::numeric::normal_quantile;
use crate::forecasts::{Ahead, Fitted, ForecastError, Input};
use crate::random::Stream;

fn model(form: Form, y: &[f64]) -> Ets {
    let found = Found {
        form,
        weights: weights(form),
        start: state(form),
        size: form.size(4),
        floor: 0.0,
    };
    found.over(y, 42, &Free).unwrap()
}

#[test]
fn the_recursion_is_the_books() {
    let mut y = textbook::series(43);
    y[9] = f64::NAN;
    y[10] = f64::NAN;
    for form in forms() {
        let ets = model(form, &y);
        let (means, errors, last) = textbook::errors(form, &weights(form), &state(form), &y);
        let known: Vec<f64> = errors.iter().copied().filter(|e| !e.is_nan()).collect();
        let squares: f64 = known.iter().map(|e| e * e).sum();
        let degrees = 41.0 - (form.size(4) as f64 - 1.0);
        assert!((ets.quality().sigma2 * degrees / squares - 1.0).abs() < 1e-12);
        assert_eq!(ets.quality().values, 41);
        let own = ets.one_step(&y, &Free).unwrap();
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-10 * b.abs().max(1.0), "{form:?}");
        own.iter().zip(&means).for_each(|(a, b)| near(*a, *b));
        near(ets.last().level, last.level);
        near(ets.last().trend, last.trend);
        let effects = ets.last().season.iter().zip(&last.season);
        effects.for_each(|(a, b)| near(*a, *b));
        let loglik = likelihood(form, &weights(form), &state(form), &y, &Free).unwrap();
        let wanted = textbook::deviance(form, &weights(form), &state(form), &y) / -2.0;
        near(loglik, wanted);
        near(ets.quality().loglik, wanted);
    }
}

#[test]
fn a_likelihood_needs_the_season_of_its_form() {
    let ana = Pattern::parse("ANA").unwrap().forms(true)[0];
    let plain = state(Form::SIMPLE);
    let error = likelihood(ana, &weights(ana), &plain, &[1.0, 2.0], &Free).unwrap_err();
    assert!(matches!(error, ForecastError::Shape { .. }));
    // A mean that is not positive has no relative error.
    let mnn = Pattern::parse("MNN").unwrap().forms(false)[0];
    let below = State {
        level: -5.0,
        ..State::default()
    };
    let none = likelihood(mnn, &weights(mnn), &below, &[1.0, 2.0], &Free).unwrap();
    assert_eq!(none, f64::NEG_INFINITY);
}

/// Mean, variance and quantiles of simulated values.
struct Simulated {
    mean: f64,
    variance: f64,
    low: f64,
    high: f64,
}

const PATHS: usize = 10_000;

fn simulate(form: Form, from: &State, sigma: f64, horizon: usize) -> Vec<Simulated> {
    let mut stream = Stream::new(11, "test", 0);
    let w = weights(form);
    let mut values = vec![Vec::with_capacity(PATHS); horizon];
    for _ in 0..PATHS {
        let mut state = from.clone();
        for step in &mut values {
            let error = sigma * normal_quantile(stream.unit().max(1e-12));
            let mean = textbook::mean(form, &w, &state);
            let relative = form.error == Kind::Multiplicative;
            step.push(if relative {
                mean * (1.0 + error)
            } else {
                mean + error
            });
            state = textbook::next(form, &w, &state, error);
        }
    }
    let count = PATHS as f64;
    let each = values.into_iter().map(|mut v| {
        v.sort_unstable_by(f64::total_cmp);
        let mean = v.iter().sum::<f64>() / count;
        Simulated {
            mean,
            variance: v.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / count,
            low: v[PATHS / 20],
            high: v[PATHS - PATHS / 20],
        }
    });
    each.collect()
}

/// Moments and quantiles are those of simulated futures, over two seasons and a half.
#[test]
fn forecasts_are_what_simulation_shows() {
    for form in forms() {
        let relative = form.error == Kind::Multiplicative;
        let mut ets = model(form, &textbook::series(40));
        ets.last = state(form);
        let sigma: f64 = if relative { 0.06 } else { 6.0 };
        ets.fit.sigma2 = sigma * sigma;
        let path = ets.forecast(&Ahead::plain(10, 0.9), &Free).unwrap();
        let (lower, upper) = path.bounds.unwrap();
        let z = normal_quantile(0.95);
        let analytic = form.trend != Kind::Multiplicative;
        for (step, truth) in simulate(form, &state(form), sigma, 10).iter().enumerate() {
            let deviation = truth.variance.sqrt();
            // Five standard errors of what is simulated.
            let off = 5.0 * deviation / (PATHS as f64).sqrt();
            if analytic {
                assert!(
                    (path.mean[step] - truth.mean).abs() < off,
                    "{form:?} {step}"
                );
                let own = (upper[step] - lower[step]) / (2.0 * z);
                assert!((own / deviation - 1.0).abs() < 0.035, "{form:?} {step}");
            } else {
                let tolerance = 0.12 * deviation;
                assert!(
                    (lower[step] - truth.low).abs() < tolerance,
                    "{form:?} {step}"
                );
                assert!(
                    (upper[step] - truth.high).abs() < tolerance,
                    "{form:?} {step}"
                );
                // The mean of these is the path without errors, as in R.
                assert!((path.mean[step] - truth.mean).abs() < 0.3 * deviation);
            }
        }
    }
}

#[test]
fn appended_values_move_the_state_as_if_they_had_been_there() {
    let mut y = textbook::series(60);
    y[51] = f64::NAN;
    for form in forms() {
        let whole = model(form, &y);
        let mut parts = model(form, &y[..31]);
        let sigma2 = parts.quality().sigma2;
        parts.append(&Input::plain(&y[31..32], 4), &Free).unwrap();
        parts.append(&Input::plain(&y[32..32], 4), &Free).unwrap();
        parts.append(&Input::plain(&y[32..57], 4), &Free).unwrap();
        parts.append(&Input::plain(&y[57..], 4), &Free).unwrap();
        assert_eq!(parts.last(), whole.last(), "{form:?}");
        assert_eq!(parts.quality().sigma2, sigma2);
        assert_eq!(
            parts.one_step(&y, &Free).unwrap().len(),
            whole.one_step(&y, &Free).unwrap().len()
        );
    }
}

#[test]
fn values_that_break_a_model_are_refused_and_leave_it() {
    let mam = Pattern::parse("MAM").unwrap().forms(true)[0];
    let mut ets = model(mam, &textbook::series(40));
    let before = ets.last().clone();
    for bad in [f64::INFINITY, f64::NEG_INFINITY, 2e15] {
        let refused = ets.append(&Input::plain(&[100.0, bad], 4), &Free);
        assert!(matches!(refused, Err(ForecastError::Infinite)));
    }
    assert_eq!(*ets.last(), before);
    // Zeros and negative values are taken, as they come, and forecasts stay numbers.
    let strange = [
        0.0,
        -50.0,
        0.0,
        0.0,
        -1e15,
        1e15,
        0.0,
        0.0,
        3.0,
        f64::NAN,
        -1e-300,
    ];
    for _ in 0..20 {
        let _ = ets.append(&Input::plain(&strange, 4), &Free);
        ets.check().unwrap();
        let path = ets.forecast(&Ahead::plain(50, 0.95), &Free).unwrap();
        let (lower, upper) = path.bounds.unwrap();
        let numbers = path.mean.iter().chain(&lower).chain(&upper);
        assert!(numbers.into_iter().all(|v| v.is_finite()));
    }
}

#[test]
fn forecasts_end_as_numbers() {
    for form in forms() {
        let ets = model(form, &textbook::series(40));
        // Paths are simulated step by step: fewer steps do.
        let horizon = if form.trend == Kind::Multiplicative {
            100
        } else {
            3000
        };
        let path = ets.forecast(&Ahead::plain(horizon, 0.999), &Free).unwrap();
        let (lower, upper) = path.bounds.unwrap();
        assert_eq!(
            (path.mean.len(), lower.len(), upper.len()),
            (horizon, horizon, horizon)
        );
        let numbers = path.mean.iter().chain(&lower).chain(&upper);
        assert!(numbers.into_iter().all(|v| v.is_finite()), "{form:?}");
        for level in [0.0, 1.0, -1.0, f64::NAN] {
            let refused = ets.forecast(&Ahead::plain(3, level), &Free);
            assert!(matches!(refused, Err(ForecastError::Range { .. })));
        }
    }
}

#[test]
fn paths_are_of_the_seed() {
    let mmn = Pattern::parse("MMN").unwrap().forms(false)[0];
    let mut ets = model(mmn, &textbook::series(40));
    let bounds = |ets: &Ets| ets.forecast(&Ahead::plain(5, 0.8), &Free).unwrap().bounds;
    assert_eq!(bounds(&ets), bounds(&ets));
    let first = bounds(&ets);
    ets.seed = 43;
    assert_ne!(bounds(&ets), first);
    let short = Probe::patient().granting(10_000);
    let refused = ets.forecast(&Ahead::plain(5, 0.8), &short);
    assert!(matches!(refused, Err(ForecastError::Stopped(_))));
}

#[test]
fn models_are_read_back_and_hostile_ones_refused() {
    let mam = Pattern::parse("MAdM").unwrap().forms(true)[0];
    let ets = model(mam, &textbook::series(40));
    let bytes = rmp_serde::to_vec(&ets).unwrap();
    let back: Ets = rmp_serde::from_slice(&bytes).unwrap();
    back.check().unwrap();
    assert_eq!(back.last(), ets.last());
    let spoilt: [fn(&mut Ets); 16] = [
        |m| m.form.error = Kind::None,
        |m| m.form.error = Kind::Additive,
        |m| m.form.season = Kind::None,
        |m| m.weights.alpha = f64::NAN,
        |m| m.weights.beta = -0.1,
        |m| m.weights.gamma = 1.5,
        |m| m.weights.phi = 0.0,
        |m| m.first.season.clear(),
        |m| m.last.season.clear(),
        |m| m.last.season.push(1.0),
        |m| {
            m.first.season = vec![1.0; 25];
            m.last.season = vec![1.0; 25];
        },
        |m| m.last.level = f64::INFINITY,
        |m| m.last.trend = f64::NAN,
        |m| m.fit.sigma2 = -1.0,
        |m| m.fit.loglik = f64::NAN,
        |m| m.fit.size = u64::MAX,
    ];
    for (at, spoil) in spoilt.iter().enumerate() {
        let mut hostile = ets.clone();
        spoil(&mut hostile);
        assert!(hostile.check().is_err(), "{at}");
    }
    // Whatever is let through can be forecast from.
    let mut stream = Stream::new(3, "test", 0);
    let mut let_through = 0;
    for _ in 0..3000 {
        let mut bytes = bytes.clone();
        for _ in 0..=stream.below(3) {
            let at = stream.below(bytes.len());
            bytes[at] = stream.bits() as u8;
        }
        let Ok(mut read) = rmp_serde::from_slice::<Ets>(&bytes) else {
            continue;
        };
        if read.check().is_ok() {
            let_through += 1;
            read.forecast(&Ahead::plain(9, 0.9), &Free).unwrap();
            let _ = read.append(&Input::plain(&[1.0, 2.0, f64::NAN], 4), &Free);
        }
    }
    assert!(let_through > 100, "{let_through}");
}
