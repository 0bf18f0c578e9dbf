use super::*;
use crate::control::Free;
use crate::forecasts::frequency::DAY;

/// Two years of a shop with a known weekday and a known week of the year.
fn shop(days: i32, level: impl Fn(i32) -> f64) -> (Vec<f64>, Vec<i64>) {
    let value = |day: i32| level(day) * [1.0, 1.1, 1.2, 1.3, 1.4, 0.9, 0.8][weekday(day)];
    let y = (0..days).map(value).collect();
    (y, (0..days).map(|d| i64::from(d) * DAY).collect())
}

fn forecast(y: &[f64], stamps: &[i64], horizon: usize) -> Vec<f64> {
    let input = Input {
        stamps,
        ..Input::plain(y, 7)
    };
    let fitted = fit(&input, &Free).unwrap();
    let coming: Vec<i64> = (0..horizon as i64)
        .map(|h| stamps[stamps.len() - 1] + (h + 1) * DAY)
        .collect();
    let ahead = Ahead {
        stamps: &coming,
        ..Ahead::plain(horizon, 0.9)
    };
    fitted.forecast(&ahead, &Free).unwrap().mean
}

#[test]
fn a_shop_without_change_goes_on() {
    let (y, stamps) = shop(500, |_| 100.0);
    let means = forecast(&y, &stamps, 14);
    for (h, mean) in means.iter().enumerate() {
        // Weekdays average to one level in logarithms, as they do in the weeks looked at.
        let expected = y[500 - 7 + h % 7];
        assert!(
            (mean / expected - 1.0).abs() < 1e-9,
            "{h}: {mean} {expected}"
        );
    }
}

#[test]
fn the_rise_of_the_year_before_comes_again() {
    // On one day of each year the level doubles, for half a year; 40 days after the end of what is known it is that day again.
    let rise = 500 + 40;
    let level = |day: i32| {
        let since = (day - rise).rem_euclid(YEAR);
        if since < YEAR / 2 { 200.0 } else { 100.0 }
    };
    let (y, stamps) = shop(500, level);
    let means = forecast(&y, &stamps, 80);
    assert_eq!(weekday(500), weekday(570));
    let ratio = means[70] / means[0];
    assert!((ratio - 2f64.powf(SHRINK)).abs() < 1e-6, "{ratio}");
}

#[test]
fn what_came_later_is_taken_in() {
    let (y, stamps) = shop(600, |day| 100.0 + f64::from(day % 50));
    let input = |from: usize, to: usize| Input {
        stamps: &stamps[from..to],
        ..Input::plain(&y[from..to], 7)
    };
    let whole = fit(&input(0, 600), &Free).unwrap();
    let mut parts = fit(&input(0, 550), &Free).unwrap();
    parts.append(&input(550, 600), &Free).unwrap();
    assert_eq!(
        (&whole.days, &whole.logs, whole.last),
        (&parts.days, &parts.logs, parts.last)
    );
    assert_eq!(whole.check(), Ok(()));
}

#[test]
fn what_it_cannot_do_is_refused() {
    let (mut y, stamps) = shop(500, |_| 100.0);
    let at = |y: &[f64], n: usize| {
        let input = Input {
            stamps: &stamps[..n],
            ..Input::plain(&y[..n], 7)
        };
        fit(&input, &Free)
    };
    assert!(matches!(at(&y, 400), Err(ForecastError::TooShort { .. })));
    assert!(matches!(
        fit(&Input::plain(&y, 7), &Free),
        Err(ForecastError::Shape { .. })
    ));
    y[10] = f64::NAN;
    assert!(at(&y, 500).is_ok());
    y[10] = 0.0;
    assert!(matches!(
        at(&y, 500),
        Err(ForecastError::NotPositive { .. })
    ));
    let hostile = YearOverYear {
        days: vec![2, 1],
        logs: vec![0.0, 0.0],
        last: 2,
    };
    assert!(hostile.check().is_err());
}
