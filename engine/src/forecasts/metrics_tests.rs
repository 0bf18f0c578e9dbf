#![allow(clippy::unwrap_used)]

use super::*;
use crate::forecasts::oracle;

const NAN: f64 = f64::NAN;

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-10 * b.abs().max(1.0)
}

fn scores(actual: &[f64], forecast: &[f64], scale: Scale) -> Option<Scores> {
    Tally::new(actual.len(), 0.8).fold(actual, &Path::of(forecast.to_vec()), scale)
}

/// R's `accuracy()` of forecasts of the last values from the ones before: vectors without a season, so lag 1 scales.
#[test]
fn scores_are_those_of_r() {
    let mut checked = 0;
    for (short, name, season) in [("air", "airpassengers", 12), ("retail", "retail_daily", 7)] {
        let y = oracle::series(name);
        for method in [
            "naive",
            "snaive",
            "rwf_drift",
            "meanf",
            "thetaf",
            "ses",
            "holt",
        ] {
            let case = oracle::r(&format!("simple_{short}_{method}"));
            let forecast = case.many("fc");
            let (train, test) = y.split_at(y.len() - forecast.len());
            let got = scores(test, &forecast, Scale::of(train, 1)).unwrap();
            let tolerance = |key: &str, got: f64| {
                let expected = case.one(key);
                assert!(
                    (got - expected).abs() <= 1e-9 * expected.abs(),
                    "{short} {method} {key}: {got} {expected}"
                );
            };
            tolerance("test_ME", -got.bias);
            tolerance("test_RMSE", got.rmse);
            tolerance("test_MAE", got.mae);
            tolerance("test_MAPE", got.mape.unwrap());
            tolerance("test_MASE", got.mase.unwrap());
            assert_eq!(got.season, Some(1));
            checked += 1;
        }
        // The seasonal naive within the training values is what scales with a season.
        let train = &y[..y.len()
            - oracle::r(&format!("simple_{short}_snaive"))
                .many("fc")
                .len()];
        let case = oracle::r(&format!("simple_{short}_snaive"));
        let scale = Scale::of(train, season);
        assert!(near(scale.mae, case.one("train_MAE")));
        assert!(near(scale.mse.sqrt(), case.one("train_RMSE")));
    }
    assert_eq!(checked, 14);
}

#[test]
fn scores_by_hand() {
    let scale = Scale::of(&[1.0, 5.0, 3.0, 5.0, 3.0, 9.0], 2);
    assert_eq!((scale.mae, scale.mse, scale.season), (1.5, 5.0, 2));
    // Errors 2, -1, (missing), 0, 3; an actual value of 0 twice, once hit.
    let got = scores(
        &[2.0, 4.0, NAN, 0.0, 0.0],
        &[4.0, 3.0, 7.0, 0.0, 3.0],
        scale,
    )
    .unwrap();
    assert_eq!((got.n, got.missing, got.zeros), (4, 1, 2));
    assert_eq!(got.mae, 1.5);
    assert!(near(got.rmse, 3.5f64.sqrt()));
    assert_eq!(got.bias, 1.0);
    assert_eq!(got.mape, Some(62.5));
    assert!(near(
        got.smape,
        (200.0 * 2.0 / 6.0 + 200.0 / 7.0 + 0.0 + 200.0) / 4.0
    ));
    assert_eq!(got.wape, Some(100.0));
    assert_eq!(got.mase, Some(1.0));
    assert!(near(got.rmsse.unwrap(), (3.5f64 / 5.0).sqrt()));
    assert_eq!(got.intervals, None);
}

#[test]
fn scores_that_cannot_be_are_none() {
    let flat = Scale::of(&[3.0; 9], 7);
    assert_eq!((flat.mae, flat.mse), (0.0, 0.0));
    assert_eq!(Scale::of(&[1.0, NAN, 3.0, NAN], 1).mae, 0.0);
    assert_eq!(Scale::of(&[1.0, NAN, 3.0, NAN, 5.0], 2).mae, 2.0);
    assert_eq!(Scale::of(&[1.0, 2.0], 7).mae, 0.0);
    assert_eq!(
        Scale::of(&[], 0),
        Scale {
            mae: 0.0,
            mse: 0.0,
            season: 1
        }
    );
    let got = scores(&[0.0, 0.0], &[1.0, 0.0], flat).unwrap();
    assert_eq!(
        (got.mape, got.wape, got.mase, got.rmsse, got.season),
        (None, None, None, None, None)
    );
    assert_eq!((got.mae, got.smape, got.zeros), (0.5, 100.0, 2));
    assert_eq!(scores(&[NAN], &[1.0], flat), None);
    assert_eq!(scores(&[], &[], flat), None);
    // No forecast is no good forecast.
    let got = scores(&[1.0, 2.0], &[1.0, NAN], Scale::of(&[1.0, 2.0], 1)).unwrap();
    assert!(got.mae.is_nan() && got.rmse.is_nan() && got.mase.unwrap().is_nan());
}

#[test]
fn intervals_are_scored() {
    let quantile_loss = |y: f64, q: f64, p: f64| ((y - q) * p).max((q - y) * (p - 1.0).abs());
    let actual = [5.0, 1.0, 9.0, 2.0, 6.0, NAN, 7.0];
    let lower = [4.0, 2.0, 1.0, 2.0, 3.0, 0.0, f64::NEG_INFINITY];
    let upper = [6.0, 4.0, 6.5, 5.0, 6.0, 9.0, 9.0];
    let path = Path {
        mean: vec![5.0; 7],
        bounds: Some((lower.to_vec(), upper.to_vec())),
    };
    let got = Tally::new(7, 0.8)
        .fold(&actual, &path, Scale::of(&[], 1))
        .unwrap();
    assert_eq!((got.n, got.missing), (6, 1));
    let intervals = got.intervals.unwrap();
    assert_eq!(
        (intervals.n, intervals.level, intervals.coverage),
        (5, 0.8, 0.6)
    );
    let (mut pinball, mut winkler, mut width) = (0.0, 0.0, 0.0);
    for ((y, l), u) in actual.iter().zip(lower).zip(upper).take(5) {
        pinball += (quantile_loss(*y, l, 0.1) + quantile_loss(*y, u, 0.9)) / 10.0;
        width += (u - l) / 5.0;
        winkler += ((u - l) + 10.0 * (l - y).max(0.0) + 10.0 * (y - u).max(0.0)) / 5.0;
    }
    assert!(near(intervals.pinball, pinball));
    assert!(near(intervals.width, width));
    assert!(near(intervals.winkler, winkler));
}

#[test]
fn folds_pool_as_one() {
    let scales = [Scale::of(&[1.0, 3.0], 1), Scale::of(&[1.0, 5.0], 1)];
    let mut tally = Tally::new(3, 0.8);
    // Each fold's errors are scaled by its own scale.
    let first = tally.fold(&[1.0, 2.0, 3.0], &Path::of(vec![2.0, 2.0, 5.0]), scales[0]);
    let second = tally.fold(&[4.0, 4.0], &Path::of(vec![0.0, 4.0]), scales[1]);
    assert_eq!(first.unwrap().mase, Some(0.5));
    assert_eq!(second.unwrap().mase, Some(0.5));
    let pooled = tally.pooled().unwrap();
    assert_eq!(
        (pooled.n, pooled.mae, pooled.mase),
        (5, 7.0 / 5.0, Some(0.5))
    );
    assert!(near(
        pooled.rmsse.unwrap(),
        ((1.0 / 4.0 + 4.0 / 4.0 + 16.0 / 16.0) / 5.0f64).sqrt()
    ));
    // Percentages weigh each forecast, not each fold.
    assert!(near(
        pooled.mape.unwrap(),
        100.0 * (1.0 + 0.0 + 2.0 / 3.0 + 1.0 + 0.0) / 5.0
    ));
    let steps: Vec<Scores> = tally.steps().into_iter().flatten().collect();
    assert_eq!(steps.iter().map(|s| s.n).collect::<Vec<_>>(), [2, 2, 1]);
    assert_eq!(
        steps.iter().map(|s| s.mae).collect::<Vec<_>>(),
        [2.5, 0.0, 2.0]
    );
    assert_eq!(Tally::new(2, 0.8).pooled(), None);
}
