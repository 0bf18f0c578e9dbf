//! No forecast knows what came after its origin: values from there on may be anything, and not a bit changes.

use super::*;
use crate::control::Free;
use crate::control::testing::Probe;
use crate::forecasts::frequency::Frequency;
use crate::forecasts::{ForecastParams, Method, oracle};

const HORIZON: usize = 14;

/// A daily series of a shop that is closed on Sundays, with the shop's own days.
fn shop() -> Observed {
    let mut values = oracle::series("retail_daily");
    values.truncate(600);
    let mut observed = Observed::new(Frequency::DAY, 14_609 * 86_400_000_000, values);
    observed.open = (0..observed.len()).map(|at| at % 7 != 5).collect();
    for (value, open) in observed.values.iter_mut().zip(&observed.open) {
        *value = if *open { *value } else { 0.0 };
    }
    observed.holidays = vec![14_700, 14_964, 15_066, 15_200];
    observed
}

fn walk<'a>(
    observed: &'a Observed,
    cutoffs: &'a [usize],
    params: &ForecastParams,
    refit: bool,
) -> Walk<'a> {
    Walk {
        observed,
        options: params.timeline(),
        cutoffs,
        horizon: HORIZON,
        gap: 0,
        window: None,
        level: 0.9,
        refit,
        seed: 42,
    }
}

/// Bits of all forecasts and bounds of the first origin.
fn bits(runs: &[Run]) -> Vec<u64> {
    let steps = runs.iter().take(1).flat_map(|run| &run.outcomes);
    steps
        .flat_map(|o| {
            let (lower, upper) = o.bounds.unwrap_or_default();
            [o.forecast, lower, upper].map(f64::to_bits)
        })
        .collect()
}

/// The series with other values from a step on; they still count as values, so that the same steps are compared.
fn otherwise(observed: &Observed, from: usize, value: f64) -> Observed {
    let mut other = observed.clone();
    other.values.iter_mut().skip(from).for_each(|v| *v = value);
    other
}

fn recipe_of(method: Method, json: &serde_json::Value) -> (ForecastParams, Recipe) {
    let params = ForecastParams::parse(method.name(), json).unwrap();
    let recipe = params.recipe(method, HORIZON);
    (params, recipe)
}

#[test]
fn no_method_knows_what_came_later() {
    let observed = shop();
    let cutoffs = [520, 520 + HORIZON];
    let holidays = serde_json::json!({"holidays": "GB"});
    for method in Method::ALL.into_iter().filter(|m| !m.is_choice()) {
        let (params, recipe) = recipe_of(method, &holidays);
        let runs = walk(&observed, &cutoffs, &params, true).run(&recipe, &Free);
        let runs = runs.unwrap_or_else(|e| unreachable!("{}: {e}", method.name()));
        for value in [f64::NAN, 1e9] {
            let other = otherwise(&observed, cutoffs[0], value);
            // At the second origin the other values are known.
            let walk = walk(&other, &cutoffs[..1], &params, true);
            let forecaster = walk.fit(cutoffs[0], &recipe, &Free).unwrap();
            let again = forecaster.forecast(&other, HORIZON, 0.9, &Free).unwrap();
            let ours: Vec<f64> = runs[0].outcomes.iter().map(|o| o.forecast).collect();
            let theirs = again
                .iter()
                .filter(|p| p.step.is_some())
                .map(|p| p.forecast);
            for (a, b) in ours.iter().zip(theirs) {
                assert_eq!(a.to_bits(), b.to_bits(), "{} {value}", method.name());
            }
            if value == 1e9 {
                assert_eq!(
                    bits(&runs),
                    bits(&walk.run(&recipe, &Free).unwrap()),
                    "{}",
                    method.name()
                );
            }
        }
    }
}

#[test]
fn a_leak_is_found() {
    // A method that is fitted to the days it is to forecast: the comparison above would fail.
    let observed = shop();
    let (params, recipe) = recipe_of(Method::Naive, &serde_json::json!({}));
    let leak = |observed: &Observed| {
        let leaking = Walk {
            cutoffs: &[520 + HORIZON],
            ..walk(observed, &[520], &params, true)
        };
        bits(&leaking.run(&recipe, &Free).unwrap())
    };
    assert_ne!(leak(&observed), leak(&otherwise(&observed, 520, 1e9)));
}

#[test]
fn closed_days_are_forecast_as_none_and_do_not_flatter() {
    let observed = shop();
    let (params, recipe) = recipe_of(Method::WeekdayMean, &serde_json::json!({}));
    let cutoffs = [560];
    let runs = walk(&observed, &cutoffs, &params, true)
        .run(&recipe, &Free)
        .unwrap();
    // Two of fourteen days are Sundays, and so no steps.
    assert_eq!(runs[0].outcomes.len(), 12);
    assert_eq!(runs[0].season, 6);
    let open =
        ForecastParams::parse("weekday_mean", &serde_json::json!({"closed_days": "none"})).unwrap();
    let runs = walk(&observed, &cutoffs, &open, true)
        .run(&recipe, &Free)
        .unwrap();
    // Asked to, it takes them for days without sales, and is judged by them.
    assert_eq!((runs[0].outcomes.len(), runs[0].season), (14, 7));
}

#[test]
fn what_was_taken_in_is_as_good_as_fitted() {
    // Methods without parameters do not change by taking in instead of fitting.
    let observed = shop();
    let cutoffs = [480, 500, 535];
    for method in [
        Method::Naive,
        Method::SeasonalNaive,
        Method::Drift,
        Method::WeekdayMean,
        Method::YearOverYear,
    ] {
        let (params, recipe) = recipe_of(method, &serde_json::json!({}));
        let of = |refit| {
            walk(&observed, &cutoffs, &params, refit)
                .run(&recipe, &Free)
                .unwrap()
        };
        let (fitted, taken) = (of(true), of(false));
        for (a, b) in fitted.iter().zip(&taken) {
            for (a, b) in a.outcomes.iter().zip(&b.outcomes) {
                assert!(
                    (a.forecast - b.forecast).abs() < 1e-9 * a.forecast,
                    "{}",
                    method.name()
                );
            }
        }
    }
}

#[test]
fn a_window_slides() {
    let observed = shop();
    let (params, recipe) = recipe_of(Method::Mean, &serde_json::json!({}));
    let cutoffs = [500];
    let sliding = Walk {
        window: Some(70),
        ..walk(&observed, &cutoffs, &params, true)
    };
    let run = sliding.run(&recipe, &Free).unwrap();
    let window: Vec<f64> = observed.values[430..500]
        .iter()
        .copied()
        .filter(|v| *v > 0.0)
        .collect();
    let mean = window.iter().sum::<f64>() / window.len() as f64;
    assert!((run[0].outcomes[0].forecast - mean).abs() < 1e-9);
}

#[test]
fn a_walk_can_be_stopped() {
    let observed = shop();
    let (params, recipe) = recipe_of(Method::Ets, &serde_json::json!({}));
    let cutoffs = [480, 500];
    let stopped = walk(&observed, &cutoffs, &params, true).run(&recipe, &Probe::stopping_after(2));
    assert!(matches!(stopped, Err(ForecastError::Stopped(_))));
}
