use super::super::*;
use super::*;
use crate::forecasts::oracle;

/// The mean absolute errors of a method and of the seasonal naive one, over the last folds of 28 days.
fn errors(y: &[f64], params: &BoostedParams) -> (f64, f64) {
    let stamps: Vec<i64> = (0..y.len() as i64).map(|d| FIRST + d * DAY).collect();
    let (mut ours, mut naive) = (0.0, 0.0);
    for fold in 1..=4 {
        let cutoff = y.len() - 28 * fold;
        let input = Input {
            stamps: &stamps[..cutoff],
            ..Input::plain(&y[..cutoff], 7)
        };
        let ahead = Ahead {
            stamps: &stamps[cutoff..cutoff + 28],
            ..Ahead::plain(28, 0.9)
        };
        let model = fit(&input, params, &Free).unwrap();
        let path = model.forecast(&ahead, &Free).unwrap().mean;
        for (ahead, forecast) in path.iter().enumerate() {
            let actual = y[cutoff + ahead];
            ours += (forecast - actual).abs();
            naive += (y[cutoff - 7 + ahead % 7] - actual).abs();
        }
    }
    (ours, naive)
}

#[test]
fn daily_sales_are_forecast_better_than_by_last_week() {
    for name in ["retail_daily", "retail_promo"] {
        let y = oracle::series(name);
        let (ours, naive) = errors(&y, &BoostedParams::default());
        assert!(ours < 0.87 * naive, "{name}: {}", ours / naive);
        // The recursive way is the lesser one, and still no worse than last week.
        let params = BoostedParams {
            strategy: Strategy::Recursive,
            ..BoostedParams::default()
        };
        let (recursive, _) = errors(&y, &params);
        assert!(
            ours < recursive && recursive < naive,
            "{name}: {}",
            recursive / naive
        );
    }
}

#[test]
fn promotions_to_come_are_taken_into_account() {
    let shop = Shop::new(780);
    let known = shop.part(0, 752);
    let model = fit(&known.input(), &BoostedParams::default(), &Free).unwrap();
    let with = |promotion: f64| {
        let mut coming = shop.part(752, 780);
        coming.promotion[0].fill(promotion);
        let path = model.forecast(&coming.ahead(), &Free).unwrap().mean;
        path.iter().sum::<f64>()
    };
    let lift = with(1.0) / with(0.0);
    assert!((1.35..1.55).contains(&lift), "{lift}");
    let gains = model.importance();
    assert!((gains.iter().map(|g| g.1).sum::<f64>() - 1.0).abs() < 1e-9);
    let promotion = gains
        .iter()
        .filter(|g| matches!(g.0.role(), Role::Regressor(0)));
    let share: f64 = promotion.map(|g| g.1).sum();
    assert!(share > 0.1, "{share}");
}

#[test]
fn a_level_never_seen_is_followed() {
    // 1 % a day, with weekdays.
    let week = [0.8, 0.7, 0.9, 1.0, 1.3, 1.5, 0.8];
    let y: Vec<f64> = (0..400)
        .map(|d| 1.01_f64.powi(d) * week[d as usize % 7])
        .collect();
    let model = fit(
        &Input::plain(&y[..372], 7),
        &BoostedParams::default(),
        &Free,
    )
    .unwrap();
    let path = model.forecast(&Ahead::plain(28, 0.9), &Free).unwrap().mean;
    for (forecast, actual) in path.iter().zip(&y[372..]) {
        assert!(
            (forecast / actual - 1.0).abs() < 0.12,
            "{forecast} {actual}"
        );
    }
}

#[test]
fn trading_days_keep_their_weekdays() {
    // A shop that is closed on Sundays, and on a Thursday now and then: steps are not whole weeks apart.
    let week = [50.0, 80.0, 100.0, 130.0, 170.0, 220.0];
    let days = (0..400).filter(|d| (d + 4) % 7 != 6 && d % 31 != 27);
    let (mut y, mut stamps) = (Vec::new(), Vec::new());
    for day in days {
        stamps.push(FIRST + day * DAY);
        y.push(week[((day + 4) % 7) as usize]);
    }
    let cut = y.len() - 24;
    let input = Input {
        stamps: &stamps[..cut],
        ..Input::plain(&y[..cut], 6)
    };
    let ahead = Ahead {
        stamps: &stamps[cut..],
        ..Ahead::plain(24, 0.9)
    };
    let model = fit(&input, &BoostedParams::default(), &Free).unwrap();
    let path = model.forecast(&ahead, &Free).unwrap().mean;
    for (forecast, actual) in path.iter().zip(&y[cut..]) {
        assert!(
            (forecast / actual - 1.0).abs() < 0.05,
            "{forecast} {actual}"
        );
    }
}
#[test]
fn parts_add_up_to_the_forecast() {
    let shop = Shop::new(500);
    let known = shop.part(0, 480);
    let coming = shop.part(480, 500);
    for params in [few_trees(), recursive()] {
        let model = fit(&known.input(), &params, &Free).unwrap();
        let path = model.forecast(&coming.ahead(), &Free).unwrap().mean;
        let explained = model.explain(&coming.ahead(), &Free).unwrap();
        assert_eq!(explained.len(), 20);
        for (parts, forecast) in explained.iter().zip(&path) {
            assert_eq!(parts.forecast, *forecast);
            let sum: f64 = parts.contributions.iter().map(|c| c.1).sum();
            assert!((parts.level + sum - forecast).abs() < 1e-9 * forecast.abs());
        }
        let moved = explained[0].contributions.iter().filter(|c| c.1 != 0.0);
        assert!(moved.count() > 3);
    }
}
