//! MSTL against R's forecast 8.20.

use super::*;
use crate::control::Free;
use crate::control::testing::Probe;
use crate::forecasts::oracle;

const NAN: f64 = f64::NAN;

/// Eight weeks of hours: days, weeks, weekends, a trend, and something like noise.
fn hours() -> Vec<f64> {
    (0..1344i32)
        .map(|t| {
            let turn = |period: f64| f64::from(t) / period * std::f64::consts::TAU;
            1000.0
                + f64::from(t) * 0.05
                + 100.0 * turn(24.0).sin()
                + 60.0 * turn(168.0).cos()
                + if t % 168 >= 120 { 30.0 } else { 0.0 }
                + f64::from((t * 7919) % 101 - 50) / 5.0
        })
        .collect()
}

fn of_hours<'a>(y: &'a [f64]) -> Input<'a> {
    Input {
        seasons: &[24, 168],
        ..Input::plain(y, 24)
    }
}

fn path(mstl: &Mstl, horizon: usize) -> Path {
    mstl.forecast(&Ahead::plain(horizon, 0.95), &Free).unwrap()
}

fn close(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (a, b) in got.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance, "{a} {b}");
    }
}

#[test]
fn seasons_are_those_of_r() {
    let y = hours();
    let mstl = fit(&of_hours(&y), &MstlParams::default(), &Free).unwrap();
    assert_eq!(mstl.seasons.len(), 2);
    let (day, week) = (&mstl.seasons[0], &mstl.seasons[1]);
    // R: mstl(msts(y, c(24, 168))), of the last day the hours 1, 14 and 24, of the last week 1, 88 and 168
    let some = [day[0], day[14], day[23], week[0], week[87], week[167]];
    let r = [
        0.324_624_068_379,
        -50.969_545_848_6,
        -25.356_865_208_3,
        50.959_748_268_5,
        -67.840_052_223_6,
        83.416_494_062_2,
    ];
    close(&some, &r, 1e-8);
    // R: mstl(..., s.window = c(7, 21))
    let params = MstlParams {
        windows: vec![7, 21],
    };
    let mstl = fit(&of_hours(&y), &params, &Free).unwrap();
    let week = &mstl.seasons[1];
    close(
        &[week[0], week[87], week[167]],
        &[51.642_733_844, -67.304_695_548_4, 82.658_024_169_4],
        1e-8,
    );
}

/// The library's parts, and those of our own STL taken in turns as the paper has it.
#[test]
fn two_implementations_agree() {
    use crate::forecasts::stl::{StlParams, stl};
    let y = hours();
    let theirs = decomposed(y.clone(), &[24, 168], &[]).unwrap();
    let mut rest = y;
    let mut seasons = [vec![0.0; rest.len()], vec![0.0; rest.len()]];
    for _ in 0..2 {
        for (season, (period, window)) in seasons.iter_mut().zip([(24, 11), (168, 15)]) {
            rest.iter_mut().zip(&*season).for_each(|(r, s)| *r += s);
            *season = stl(&rest, period, &StlParams::window(window), &Free)
                .unwrap()
                .seasonal;
            rest.iter_mut().zip(&*season).for_each(|(r, s)| *r -= s);
        }
    }
    for (a, b) in seasons.iter().zip(&theirs) {
        close(a, b, 1e-8);
    }
}

#[test]
fn forecasts_are_those_of_r() {
    // R: stlf(), at steps 1, 2, 12 (25 for hours) and 24 (28, 200), and the lower bound of 95 % at the first
    let hours = hours();
    let (air, retail, deaths) = (
        oracle::series("airpassengers"),
        oracle::series("retail_daily"),
        oracle::series("usaccdeaths"),
    );
    for (input, steps, mean, low, tolerance) in [
        (
            of_hours(&hours),
            [0, 1, 24, 199],
            [1_126.934_174, 1_151.058_262, 1_106.011_195, 1_201.823_304],
            1_115.525_838,
            2.0,
        ),
        (
            Input::plain(&air, 12),
            [0, 1, 11, 23],
            [445.308_961_6, 429.078_328_7, 458.892_522, 486.266_298],
            407.044_020_4,
            3.0,
        ),
        (
            Input::plain(&retail, 7),
            [0, 1, 11, 27],
            [1_555.990_002, 1_611.302_594, 1_566.407_961, 1_519.078_624],
            1_460.685_625,
            0.3,
        ),
        (
            Input::plain(&deaths, 12),
            [0, 1, 11, 27],
            [8_332.951_836, 7_601.489_981, 9_143.668_585, 8_583.585_639],
            7_858.240_25,
            2.0,
        ),
    ] {
        let mstl = fit(&input, &MstlParams::default(), &Free).unwrap();
        let path = path(&mstl, 200);
        close(&steps.map(|s| path.mean[s]), &mean, tolerance);
        close(&[path.bounds.unwrap().0[0]], &[low], tolerance);
    }
}

#[test]
fn taking_in_moves_seasons_on() {
    let y = hours();
    let mut mstl = fit(&of_hours(&y[..1300]), &MstlParams::default(), &Free).unwrap();
    let before = path(&mstl, 60);
    // What was forecast changes nothing, nor does a missing value.
    let mut calm = mstl.clone();
    calm.append(&of_hours(&before.mean[..30]), &Free).unwrap();
    close(&path(&calm, 30).mean, &before.mean[30..], 1e-6);
    let mut gone = mstl.clone();
    gone.append(&of_hours(&[NAN; 30]), &Free).unwrap();
    close(&path(&gone, 30).mean, &before.mean[30..], 1e-6);
    let mut steps = mstl.clone();
    mstl.append(&of_hours(&y[1300..]), &Free).unwrap();
    for value in &y[1300..] {
        steps.append(&of_hours(&[*value]), &Free).unwrap();
    }
    assert_eq!(path(&mstl, 30), path(&steps, 30));
    let bytes = rmp_serde::to_vec(&mstl).unwrap();
    let back: Mstl = rmp_serde::from_slice(&bytes).unwrap();
    assert_eq!(back.check(), Ok(()));
    assert_eq!(path(&mstl, 30), path(&back, 30));
    let mut bad = back.clone();
    bad.seasons[0][3] = NAN;
    assert!(bad.check().is_err());
    bad.seasons[0].clear();
    assert!(bad.check().is_err());
}

#[test]
fn poor_series_have_an_answer() {
    let try_fit = |y: &[f64], season| {
        fit(&Input::plain(y, season), &MstlParams::default(), &Free)
            .map(|m| (m.label(), path(&m, 3).mean))
    };
    // Two seasons are not seen twice: no season.
    let y: Vec<f64> = (0..14).map(|i| f64::from(i % 7)).collect();
    let (label, _) = try_fit(&y, 7).unwrap();
    assert!(label.starts_with("MSTL() with"), "{label}");
    assert!(try_fit(&y, usize::MAX).is_ok());
    let (_, mean) = try_fit(&[4.0; 40], 7).unwrap();
    close(&mean, &[4.0; 3], 1e-9);
    let mut holes = hours();
    holes.iter_mut().skip(5).step_by(9).for_each(|v| *v = NAN);
    let whole = fit(&of_hours(&hours()), &MstlParams::default(), &Free).unwrap();
    let with_holes = fit(&of_hours(&holes), &MstlParams::default(), &Free).unwrap();
    close(&path(&with_holes, 48).mean, &path(&whole, 48).mean, 20.0);
    assert!(matches!(try_fit(&[], 7), Err(ForecastError::Empty)));
    assert!(matches!(try_fit(&[NAN; 30], 7), Err(ForecastError::Empty)));
    assert!(matches!(
        try_fit(&[1.0], 7),
        Err(ForecastError::TooShort { .. })
    ));
    assert!(matches!(
        try_fit(&[f64::INFINITY; 30], 7),
        Err(ForecastError::Infinite)
    ));
    let huge: Vec<f64> = (0..40)
        .map(|i| if i % 3 == 0 { 1e15 } else { -1e15 })
        .collect();
    assert!(try_fit(&huge, 3).unwrap().1.iter().all(|v| v.is_finite()));
    let params = MstlParams { windows: vec![1] };
    let error = fit(&Input::plain(&y, 3), &params, &Free).unwrap_err();
    assert!(matches!(error, ForecastError::Range { .. }));
    let y = hours();
    let stopped = fit(
        &of_hours(&y),
        &MstlParams::default(),
        &Probe::stopping_after(1),
    );
    assert!(matches!(stopped, Err(ForecastError::Stopped(_))));
}

/// Only the newest steps of a very long series are looked at.
#[test]
fn a_long_series_is_cut() {
    let mut y: Vec<f64> = (0..LONGEST as i32 + 500)
        .map(|i| f64::from(i % 7))
        .collect();
    let one = path(
        &fit(&Input::plain(&y, 7), &MstlParams::default(), &Free).unwrap(),
        7,
    );
    y[..500].fill(1e9);
    let other = path(
        &fit(&Input::plain(&y, 7), &MstlParams::default(), &Free).unwrap(),
        7,
    );
    assert_eq!(one, other);
}
