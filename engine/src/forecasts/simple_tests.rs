use super::*;
use crate::control::Free;
use crate::forecasts::oracle;

const KINDS: [(&str, SimpleKind); 4] = [
    ("naive", SimpleKind::Naive),
    ("snaive", SimpleKind::SeasonalNaive),
    ("rwf_drift", SimpleKind::Drift),
    ("meanf", SimpleKind::Mean),
];

fn close(ours: &[f64], theirs: &[f64], what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (at, (our, their)) in ours.iter().zip(theirs).enumerate() {
        assert!(
            (our - their).abs() < 1e-7 * their.abs().max(1.0),
            "{what} {at}: {our} {their}"
        );
    }
}

#[test]
fn forecasts_and_bounds_are_those_of_r() {
    for (series, file, season, test) in [
        ("air", "airpassengers", 12, 24),
        ("retail", "retail_daily", 7, 28),
    ] {
        let y = oracle::series(file);
        let train = &y[..y.len() - test];
        for (name, kind) in KINDS {
            let case = oracle::r(&format!("simple_{series}_{name}"));
            let fitted = fit(&Input::plain(train, season), kind, &Free).unwrap();
            assert_eq!(fitted.check(), Ok(()));
            let path = fitted.forecast(&Ahead::plain(test, 0.95), &Free).unwrap();
            let (lower, upper) = path.bounds.unwrap();
            close(&path.mean, &case.many("fc"), name);
            close(&lower, &case.many("lo95"), name);
            close(&upper, &case.many("hi95"), name);
        }
    }
}

#[test]
fn what_came_later_is_taken_in() {
    let y = oracle::series("retail_daily");
    for kind in KINDS
        .map(|k| k.1)
        .into_iter()
        .chain([SimpleKind::WeekdayMean])
    {
        let whole = fit(&Input::plain(&y, 7), kind, &Free).unwrap();
        let mut parts = fit(&Input::plain(&y[..600], 7), kind, &Free).unwrap();
        parts.append(&Input::plain(&y[600..], 7), &Free).unwrap();
        let path = |fitted: &Simple| fitted.forecast(&Ahead::plain(20, 0.8), &Free).unwrap();
        assert_eq!(path(&whole), path(&parts));
    }
}

#[test]
fn a_weekday_has_the_mean_of_its_last_eight() {
    let y: Vec<f64> = (0..70).map(f64::from).collect();
    let fitted = fit(&Input::plain(&y, 7), SimpleKind::WeekdayMean, &Free).unwrap();
    let path = fitted.forecast(&Ahead::plain(8, 0.9), &Free).unwrap();
    // 63, 56, 49, 42, 35, 28, 21, 14
    assert_eq!(path.mean[0], 38.5);
    assert_eq!(path.mean[6], 44.5);
    assert_eq!(path.mean[7], path.mean[0]);
}

#[test]
fn missing_values_are_passed_over() {
    let nan = f64::NAN;
    let y = [1.0, 2.0, 3.0, 4.0, nan, 6.0, nan, nan];
    let mean = |kind| {
        let fitted = fit(&Input::plain(&y, 4), kind, &Free).unwrap();
        fitted.forecast(&Ahead::plain(4, 0.9), &Free).unwrap().mean
    };
    assert_eq!(mean(SimpleKind::SeasonalNaive), [1.0, 6.0, 3.0, 4.0]);
    assert_eq!(mean(SimpleKind::Naive), [6.0; 4]);
    assert_eq!(mean(SimpleKind::Mean), [3.2; 4]);
    let refused = fit(&Input::plain(&[nan, nan], 4), SimpleKind::Naive, &Free);
    assert!(matches!(refused, Err(ForecastError::Empty)));
    let one = fit(&Input::plain(&[5.0], 7), SimpleKind::Drift, &Free).unwrap();
    let path = one.forecast(&Ahead::plain(2, 0.9), &Free).unwrap();
    assert_eq!((path.mean, path.bounds), (vec![5.0, 5.0], None));
}
