#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::super::frequency::DAY;
use super::super::{ForecastParams, Frequency};
use super::*;
use crate::control::Free;
use crate::control::testing::Probe;

/// Parts of a shop that is closed on Sundays, with a week, noise that they share, and noise of their own.
fn parts(days: usize) -> Vec<Observed> {
    let noise =
        |seed: usize, day: usize| ((seed * 7919 + day * 104_729) % 1000) as f64 / 1000.0 - 0.5;
    [(40.0, 3.0), (25.0, 5.0), (4.0, 2.0)]
        .into_iter()
        .enumerate()
        .map(|(at, (level, week))| {
            // 2020-01-06 was a Monday.
            let open: Vec<bool> = (0..days).map(|d| d % 7 != 6).collect();
            let value = |d: usize| {
                let shared = 6.0 * noise(99, d);
                let seasonal = week * ((d % 7) as f64 - 2.5);
                (level + seasonal + shared + 4.0 * noise(at, d)).max(0.0)
            };
            let values = (0..days).map(|d| if d % 7 == 6 { 0.0 } else { value(d) });
            let mut part = Observed::new(Frequency::DAY, 18_267 * DAY, values.collect());
            part.open = open;
            part
        })
        .collect()
}

fn forecast(
    parts: &[Observed],
    model: &str,
    method: Reconciliation,
    control: &dyn Control,
) -> Result<Vec<HierarchyForecast>, ForecastError> {
    let params = ForecastParams::parse(model, &json!({})).unwrap();
    let request = BatchRequest {
        params: &params,
        horizon: 14,
        level: 0.9,
        seed: 42,
    };
    forecast_hierarchy(parts, &request, method, control)
}

const ALL: [Reconciliation; 4] = [
    Reconciliation::BottomUp,
    Reconciliation::Ols,
    Reconciliation::Wls,
    Reconciliation::Mint,
];

#[test]
fn parts_add_up_to_the_total_on_every_day() {
    let parts = parts(210);
    for model in ["ets", "seasonal_naive", "auto"] {
        let mut totals = Vec::new();
        for method in ALL {
            let found = forecast(&parts, model, method, &Free).unwrap();
            assert_eq!(found.len(), 4);
            for day in 0..14 {
                let at = |series: usize| found[series].points[day].forecast;
                assert!((at(0) - (at(1) + at(2) + at(3))).abs() < 1e-9, "{model}");
                let closed = day % 7 == 6;
                for series in &found {
                    let point = series.points[day];
                    assert_eq!(point.bounds.is_none(), closed, "{model} {day}");
                    assert_eq!(point.forecast == 0.0, closed);
                    if let Some((lower, upper)) = point.bounds {
                        assert!(0.0 <= lower && lower <= point.forecast && point.forecast <= upper);
                    }
                }
            }
            if method == Reconciliation::BottomUp {
                for series in &found[1..] {
                    let points: Vec<f64> = series.points.iter().map(|p| p.forecast).collect();
                    assert_eq!(points, series.base);
                }
            }
            totals.push(found[0].points[0].forecast);
        }
        // What adds up already is left as it is: seasonal naive forecasts of a sum are the sum of them.
        if model == "seasonal_naive" {
            assert!(
                totals.iter().all(|t| (t - totals[0]).abs() < 1e-9),
                "{totals:?}"
            );
        }
    }
}

#[test]
fn a_part_that_cannot_be_fitted_has_its_mean() {
    let mut parts = parts(60);
    // A logarithm of zeros.
    let params = ForecastParams::parse("ets", &json!({"transform": "log"})).unwrap();
    let request = BatchRequest {
        params: &params,
        horizon: 7,
        level: 0.9,
        seed: 42,
    };
    for (day, value) in parts[2].values.iter_mut().enumerate() {
        *value = if day == 10 { 30.0 } else { 0.0 };
    }
    let found = forecast_hierarchy(&parts, &request, Reconciliation::BottomUp, &Free).unwrap();
    let note = found[3].note.as_deref().unwrap();
    assert!(note.contains("needs values above 0"), "{note}");
    // 52 of 60 days are open.
    assert!((found[3].points[5].forecast - 30.0 / 52.0).abs() < 1e-12);
    assert!(found[1].note.is_none());
}

#[test]
fn what_is_no_hierarchy_is_refused() {
    let none = forecast(&[], "naive", Reconciliation::Ols, &Free).unwrap_err();
    assert!(matches!(none, ForecastError::Empty));
    let mut uneven = parts(60);
    uneven[1].values.pop();
    let error = forecast(&uneven, "naive", Reconciliation::Ols, &Free).unwrap_err();
    assert!(matches!(error, ForecastError::Shape { .. }));
    let stopped = forecast(
        &parts(60),
        "ets",
        Reconciliation::Mint,
        &Probe::stopping_after(50),
    );
    assert!(matches!(stopped, Err(ForecastError::Stopped(_))));
}
