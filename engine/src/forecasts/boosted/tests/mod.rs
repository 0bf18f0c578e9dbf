#![allow(clippy::unwrap_used)]

mod accuracy;
mod rows;
mod xgboost;

use serde_json::json;

use super::layout::DAY;
use super::*;
use crate::control::Free;
use crate::control::testing::Probe;
use crate::params::Params;
use crate::random::Stream;
use crate::trees::boosting::BoostingParams;

/// A Friday, 2010-01-01.
const FIRST: i64 = 14_610 * DAY;

/// A daily series with its dates and a promotion.
struct Shop {
    y: Vec<f64>,
    stamps: Vec<i64>,
    promotion: Vec<Vec<f64>>,
}

impl Shop {
    /// With weeks, years, promotions that add a half, and noise; every 50th value is missing.
    fn new(days: usize) -> Shop {
        let mut noise = Stream::new(3, "test", 0);
        let promotion: Vec<f64> = (0..days)
            .map(|_| f64::from(u8::from(noise.unit() < 0.15)))
            .collect();
        let y = (0..days).map(|day| {
            let week = [0.8, 0.7, 0.9, 1.0, 1.3, 1.5, 0.8][day % 7];
            let year = 1.0 + 0.3 * (day as f64 / 365.25 * std::f64::consts::TAU).sin();
            let promoted = 1.0 + 0.5 * promotion[day];
            let value = 100.0 * week * year * promoted * (0.9 + 0.2 * noise.unit());
            if day % 50 == 49 { f64::NAN } else { value }
        });
        Shop {
            y: y.collect(),
            stamps: (0..days as i64).map(|d| FIRST + d * DAY).collect(),
            promotion: vec![promotion],
        }
    }

    fn part(&self, from: usize, to: usize) -> Shop {
        Shop {
            y: self.y[from..to].to_vec(),
            stamps: self.stamps[from..to].to_vec(),
            promotion: vec![self.promotion[0][from..to].to_vec()],
        }
    }

    fn input(&self) -> Input<'_> {
        Input {
            y: &self.y,
            season: 7,
            seasons: &[7],
            stamps: &self.stamps,
            regressors: &self.promotion,
            seed: 42,
        }
    }

    fn ahead(&self) -> Ahead<'_> {
        Ahead {
            horizon: self.y.len(),
            level: 0.9,
            stamps: &self.stamps,
            regressors: &self.promotion,
        }
    }
}

fn few_trees() -> BoostedParams {
    BoostedParams {
        boosting: BoostingParams {
            n_estimators: 10,
            ..BoostedParams::default().boosting
        },
        ..BoostedParams::default()
    }
}

fn recursive() -> BoostedParams {
    BoostedParams {
        strategy: Strategy::Recursive,
        ..few_trees()
    }
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|v| v.to_bits()).collect()
}

#[test]
fn bytes_are_the_same_whatever_the_threads() {
    let shop = Shop::new(500);
    let model = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        let fit = || fit(&shop.input(), &few_trees(), &Free).unwrap();
        rmp_serde::to_vec(&pool.unwrap().install(fit)).unwrap()
    };
    let one = model(1);
    assert_eq!(one, model(2));
    assert_eq!(one, model(8));
    let read: Boosted = rmp_serde::from_slice(&one).unwrap();
    read.check().unwrap();
    let other = Input {
        seed: 43,
        ..shop.input()
    };
    let other = fit(&other, &few_trees(), &Free).unwrap();
    assert_ne!(rmp_serde::to_vec(&other).unwrap(), one);
}

#[test]
fn plain_series_have_plain_forecasts() {
    let path = |y: &[f64], season, params: &BoostedParams| {
        let model = fit(&Input::plain(y, season), params, &Free).unwrap();
        model.check().unwrap();
        let path = model.forecast(&Ahead::plain(30, 0.9), &Free).unwrap().mean;
        assert!(path.iter().all(|v| v.is_finite()));
        path
    };
    for params in [few_trees(), recursive()] {
        for constant in [0.0, 7.5, -3.0, 1e15, 1e-300] {
            let path = path(&[constant; 100], 7, &params);
            let near = |v: &f64| (v - constant).abs() <= 1e-9 * constant.abs();
            assert!(path.iter().all(near), "{constant}: {path:?}");
        }
        // Negative net days, a tenth of all.
        let y: Vec<f64> = (0..200)
            .map(|i| if i % 10 == 3 { -20.0 } else { 10.0 })
            .collect();
        let thorough = BoostedParams {
            strategy: params.strategy,
            ..BoostedParams::default()
        };
        let path10 = path(&y, 10, &thorough);
        assert!(path10[3] < 0.0 && path10[4] > 5.0, "{path10:?}");
        // Nothing for months, then more than ever; one value among many holes; values of all sizes.
        let late: Vec<f64> = (0..200).map(|i| if i < 150 { 0.0 } else { 1e12 }).collect();
        path(&late, 7, &params);
        let holes: Vec<f64> = (0..200)
            .map(|i| if i % 9 == 0 { 5.0 } else { f64::NAN })
            .collect();
        path(&holes, 7, &params);
        let wild: Vec<f64> = (0..200).map(|i| 10f64.powi(i % 31 - 15) * 1e-1).collect();
        path(&wild, 7, &params);
        // More missing than features look back at.
        let mut ended = vec![4.0; 300];
        ended[60..].fill(f64::NAN);
        assert!(
            path(&ended, 7, &params)
                .iter()
                .all(|v| (v - 4.0).abs() < 1e-9)
        );
    }
}

#[test]
fn series_that_cannot_be_learnt_are_refused() {
    let refused = |y: &[f64]| fit(&Input::plain(y, 7), &few_trees(), &Free).unwrap_err();
    for y in [vec![], vec![1.0], vec![1.0; 19], vec![f64::NAN; 500]] {
        assert!(matches!(
            refused(&y),
            ForecastError::TooShort { needed: 20, .. }
        ));
    }
    assert!(matches!(
        refused(&[f64::INFINITY; 50]),
        ForecastError::Infinite
    ));
    assert!(matches!(refused(&[-1.1e15; 50]), ForecastError::Infinite));
    // Twenty are enough, whatever the season.
    for season in [1, 2, 7, 52, 100_000] {
        let model = fit(&Input::plain(&[2.0; 20], season), &few_trees(), &Free).unwrap();
        let path = model.forecast(&Ahead::plain(40, 0.9), &Free).unwrap();
        assert_eq!(path.mean, [2.0; 40]);
    }
}

#[test]
fn what_does_not_fit_the_model_is_refused() {
    let shop = Shop::new(300);
    let mut model = fit(&shop.input(), &few_trees(), &Free).unwrap();
    let before = model.clone();
    let shape = |r: Result<Path, ForecastError>| matches!(r, Err(ForecastError::Shape { .. }));
    assert!(shape(model.forecast(&Ahead::plain(5, 0.9), &Free)));
    let coming = shop.part(290, 300);
    assert!(
        shape(model.forecast(&coming.ahead(), &Free)),
        "dates of the past"
    );
    let mut later = Shop::new(310).part(300, 310);
    let short = Ahead {
        horizon: 11,
        ..later.ahead()
    };
    assert!(shape(model.forecast(&short, &Free)));
    later.promotion[0].pop();
    assert!(shape(model.forecast(&later.ahead(), &Free)));
    assert!(model.append(&later.input(), &Free).is_err());
    let bytes = |m: &Boosted| rmp_serde::to_vec(m).unwrap();
    assert_eq!(bytes(&model), bytes(&before));
}

#[test]
fn far_steps_are_as_the_farthest_learnt() {
    let shop = Shop::new(400);
    let params = BoostedParams {
        max_horizon: 5,
        ..few_trees()
    };
    let model = fit(&shop.part(0, 370).input(), &params, &Free).unwrap();
    let steps = model.steps(&shop.part(370, 400).ahead(), &Free).unwrap();
    let features = model.layout.features.iter();
    let horizon = features.take_while(|f| **f != Feature::Horizon).count();
    assert_eq!((steps[3].row[horizon], steps[29].row[horizon]), (4.0, 5.0));
    let path = model.forecast(&shop.part(370, 400).ahead(), &Free).unwrap();
    assert_eq!(path.mean.len(), 30);
    // Of a short series a third at most.
    let input = shop.part(0, 30);
    assert_eq!(
        fit(&input.input(), &few_trees(), &Free)
            .unwrap()
            .layout
            .horizon,
        10
    );
}

#[test]
fn bytes_of_others_are_checked() {
    let shop = Shop::new(300);
    let model = fit(&shop.input(), &few_trees(), &Free).unwrap();
    model.check().unwrap();
    type Harm = fn(&mut Boosted);
    let harms: [Harm; 14] = [
        |m| m.layout.features.truncate(3),
        |m| m.layout.features.reverse(),
        |m| m.layout.features[0] = Feature::Lag(0),
        |m| m.layout.features[0] = Feature::Max(usize::MAX),
        |m| *m.layout.features.last_mut().unwrap() = Feature::Regressor(7),
        |m| m.layout.season = 0,
        |m| m.layout.level = usize::MAX,
        |m| m.layout.horizon = 0,
        |m| m.layout.pace = None,
        |m| m.series.y[4] = f64::INFINITY,
        |m| m.series.stamps.swap(0, 1),
        |m| m.series.regressors[0].truncate(5),
        |m| m.series.regressors[0][0] = f64::NAN,
        |m| m.series.known.1 = f64::NAN,
    ];
    for (at, harm) in harms.iter().enumerate() {
        let mut harmed = model.clone();
        harm(&mut harmed);
        assert!(harmed.check().is_err(), "{at}");
    }
    // What passes is safe, whatever it says.
    let mut empty = model.clone();
    empty.series = History {
        regressors: vec![Vec::new()],
        ..History::default()
    };
    empty.check().unwrap();
    let error = empty.forecast(&shop.ahead(), &Free).unwrap_err();
    assert!(matches!(error, ForecastError::NoFit { .. }));
    empty.series.last = Some(3.0);
    empty.layout.season = 200_000;
    let Err(_) = empty.check() else {
        assert_eq!(
            empty.forecast(&shop.ahead(), &Free).unwrap().mean.len(),
            300
        );
        return;
    };
}

#[test]
fn parameters_are_read() {
    let read = |json: serde_json::Value| {
        let params = Params::parse(&json, &BoostedParams::KEYS).unwrap();
        BoostedParams::read(&params)
    };
    assert_eq!(read(json!({})).unwrap(), BoostedParams::default());
    let given = read(
        json!({"lags": [1, 14], "windows": [5], "strategy": "recursive", "max_depth": 2, "subsample": 0.5}),
    );
    let given = given.unwrap();
    assert_eq!(
        (given.lags, given.windows),
        (Some(vec![1, 14]), Some(vec![5]))
    );
    assert_eq!(
        (given.strategy, given.boosting.max_depth),
        (Strategy::Recursive, 2)
    );
    assert_eq!(given.boosting.subsample, 0.5);
    for wrong in [
        json!({"lags": [0]}),
        json!({"lags": [1, 1]}),
        json!({"windows": [1]}),
        json!({"lags": [10_001]}),
        json!({"strategy": "both"}),
        json!({"subsample": 0}),
        json!({"n_estimators": 0}),
    ] {
        assert!(read(wrong.clone()).is_err(), "{wrong}");
    }
    let own = BoostedParams {
        lags: Some(vec![2, 5]),
        windows: Some(vec![3]),
        ..few_trees()
    };
    let model = fit(&Input::plain(&Shop::new(200).y, 7), &own, &Free).unwrap();
    let names: Vec<String> = model.importance().iter().map(|(f, _)| f.name()).collect();
    assert_eq!(names[..3], ["lag 2", "lag 5", "mean of 3"]);
}

#[test]
fn work_is_watched() {
    let shop = Shop::new(600);
    let all = Probe::patient();
    let model = fit(&shop.input(), &few_trees(), &all).unwrap();
    assert_eq!(all.held_bytes(), 0);
    for looks in [0, 1, all.looks() / 2, all.looks() - 1] {
        let stopped = fit(&shop.input(), &few_trees(), &Probe::stopping_after(looks));
        assert!(matches!(stopped, Err(ForecastError::Stopped(_))), "{looks}");
    }
    let poor = Probe::patient().granting(all.most_held() - 1);
    assert!(matches!(
        fit(&shop.input(), &few_trees(), &poor),
        Err(ForecastError::Stopped(_))
    ));
    let coming = Shop::new(620).part(600, 620);
    let stopped = model.forecast(&coming.ahead(), &Probe::stopping_after(3));
    assert!(matches!(stopped, Err(ForecastError::Stopped(_))));
}
