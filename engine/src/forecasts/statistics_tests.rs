//! Statistics against R 4.2.2 and forecast 8.20.

use super::*;
use crate::control::Free;
use crate::forecasts::numeric::normal_quantile;
use crate::forecasts::oracle;
use crate::random::Stream;

const TESTS: [(&str, &str, usize); 4] = [
    ("tests_air", "airpassengers", 12),
    ("tests_nile", "nile", 1),
    ("tests_retail7", "retail_daily", 7),
    ("tests_usacc", "usaccdeaths", 12),
];

fn close(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (a, b) in got.iter().zip(expected) {
        assert!((a - b).abs() <= tolerance, "{a} {b}");
    }
}

fn noise(seed: i64, n: usize) -> Vec<f64> {
    let mut stream = Stream::new(seed, "noise", 0);
    (0..n)
        .map(|_| normal_quantile(stream.unit().max(1e-12)))
        .collect()
}

#[test]
fn correlations_and_their_test() {
    for (case, name, _) in TESTS {
        let (case, y) = (oracle::r(case), oracle::series(name));
        close(&acf(&y, 20), &case.many("acf"), 1e-10);
        close(&pacf(&y, 20), &case.many("pacf"), 1e-10);
        let test = ljung_box(&y, 10, 0).unwrap();
        let statistic = case.one("ljung10_stat");
        assert!((test.statistic - statistic).abs() < 1e-9 * statistic);
        // R takes the tail from 1 - p: its digits end at 1e-16.
        assert!((test.p - case.one("ljung10_p")).abs() < 2e-16);
    }
    let test = ljung_box(&oracle::series("lh"), 5, 2).unwrap();
    assert_eq!(test.freedom, 3);
    assert!((test.statistic - 22.673_185_002_1).abs() < 1e-9);
    assert!((test.p - 4.723_891_934_07e-5).abs() < 1e-14);
}

#[test]
fn missing_and_poor_series() {
    // R: acf(presidents, na.action = na.pass, lag.max = 6), pacf likewise
    let y = oracle::series("presidents");
    let r = [
        1.0,
        0.768_374_619_3,
        0.660_321_241_2,
        0.483_664_02,
        0.396_737_652_5,
        0.249_674_787_9,
    ];
    close(&acf(&y, 5), &r, 1e-9);
    let r = [
        0.768_374_619_3,
        0.170_707_055_1,
        -0.171_664_119_5,
        0.055_243_461_55,
        -0.133_290_201_3,
    ];
    close(&pacf(&y, 5), &r, 1e-9);
    assert_eq!(acf(&[], 3), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(acf(&[f64::NAN; 4], 2), [1.0, 0.0, 0.0]);
    assert_eq!(acf(&[5.0; 4], 2), [1.0, 0.0, 0.0]);
    assert_eq!(acf(&[5.0, 7.0], 4).len(), 5);
    assert_eq!(pacf(&[5.0; 4], 2), [0.0, 0.0]);
    assert_eq!(ljung_box(&[1.0, 2.0, 3.0], 5, 0), None);
    assert_eq!(ljung_box(&noise(1, 50), 2, 2), None);
    assert_eq!(ljung_box(&[3.0; 30], 5, 0).unwrap().p, 1.0);
}

#[test]
fn transforms_are_those_of_guerrero() {
    for (case, name, season) in TESTS {
        let lambda = box_cox_lambda(&oracle::series(name), season, -1.0, 2.0);
        let r = oracle::r(case).one("boxcox_lambda_guerrero");
        // R's search ends at 1e-4.
        assert!((lambda - r).abs() < 2e-4, "{name}: {lambda} {r}");
    }
    // R: BoxCox.lambda(lynx)
    let lambda = box_cox_lambda(&oracle::series("lynx"), 1, -1.0, 2.0);
    assert!((lambda - 0.152_184_87).abs() < 2e-4, "{lambda}");
    assert_eq!(box_cox_lambda(&[5.0; 30], 7, -1.0, 2.0), 1.0);
    assert_eq!(box_cox_lambda(&[1.0, 2.0, 3.0], 7, -1.0, 2.0), 1.0);
    assert_eq!(box_cox_lambda(&[], 1, -1.0, 2.0), 1.0);
    assert_eq!(box_cox_lambda(&[f64::NAN; 30], 7, -1.0, 2.0), 1.0);
    assert!(box_cox_lambda(&[0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 3.0, 2.0], 2, -1.0, 2.0).is_finite());
}

#[test]
fn strength_is_that_of_nsdiffs() {
    // R: forecast:::seas.heuristic
    for (name, season, r) in [
        ("logair", 12, 0.964_453_970_045),
        ("usaccdeaths", 12, 0.944_794_464_889),
        ("nottem", 12, 0.953_424_493_243),
        ("airpassengers", 12, 0.940_672_490_31),
        ("ukgas", 4, 0.983_094_782_557),
        ("retail_daily", 7, 0.890_137_391_72),
    ] {
        let strength = seasonal_strength(&oracle::series(name), season, &Free).unwrap();
        assert!((strength - r).abs() < 1e-10, "{name}: {strength}");
    }
    assert_eq!(seasonal_strength(&[3.0; 30], 7, &Free).unwrap(), 0.0);
    assert!(seasonal_strength(&[3.0; 14], 7, &Free).is_err());
}

#[test]
fn seasons_are_found() {
    let found = |y: &[f64], candidates: &[usize]| -> Vec<usize> {
        let seasons = candidate_seasons(y, candidates, &Free).unwrap();
        seasons.into_iter().map(|(period, _)| period).collect()
    };
    let many = [2, 3, 4, 5, 6, 7, 10, 12, 14, 24, 26, 28, 30, 52];
    assert_eq!(found(&oracle::series("airpassengers"), &many), [12]);
    assert_eq!(found(&oracle::series("usaccdeaths"), &many), [12]);
    assert_eq!(found(&oracle::series("nottem"), &many), [12]);
    assert_eq!(found(&oracle::series("ukgas"), &many), [4]);
    assert_eq!(found(&oracle::series("retail_daily"), &many), [7]);
    for none in ["nile", "lakehuron", "wwwusage", "lh"] {
        assert_eq!(
            found(&oracle::series(none), &[4, 7, 12]),
            Vec::<usize>::new(),
            "{none}"
        );
    }
    // Hours of days of weeks: the day alone explains most of the week.
    let hours: Vec<f64> = noise(3, 24 * 7 * 6)
        .iter()
        .enumerate()
        .map(|(at, e)| {
            let day = ((at % 24) as f64 / 24.0 * std::f64::consts::TAU).sin() * 10.0;
            day + [0.0, 3.0, 5.0, 3.0, 8.0, -6.0, -9.0][at / 24 % 7] + e
        })
        .collect();
    assert_eq!(found(&hours, &[12, 24, 48, 168]), [24, 168]);
    assert_eq!(found(&[], &many), Vec::<usize>::new());
    assert_eq!(found(&[f64::NAN; 50], &many), Vec::<usize>::new());
    assert_eq!(found(&[4.0; 50], &many), Vec::<usize>::new());
    assert_eq!(
        found(&noise(1, 10), &[0, 1, 5, usize::MAX]),
        Vec::<usize>::new()
    );
}

/// Of 100 series each without a season, white, autocorrelated and wandering, hardly one is given one.
#[test]
fn seasons_are_seldom_invented() {
    for (memory, most) in [(0.0, 1), (0.7, 3), (1.0, 3)] {
        let mut invented = 0;
        for seed in 0..100 {
            let mut level = 0.0;
            let y: Vec<f64> = noise(seed, 200)
                .iter()
                .map(|e| {
                    level = memory * level + e;
                    level
                })
                .collect();
            invented += usize::from(
                !candidate_seasons(&y, &[7, 12, 52], &Free)
                    .unwrap()
                    .is_empty(),
            );
        }
        assert!(invented <= most, "memory {memory}: {invented}");
    }
}
