use super::super::*;
use super::*;

/// Rows of a series against rows of the series with ruined values from the origin on, and of the series that ends there and has
/// forgotten what features do not look at.
fn assert_no_leak(shop: &Shop, params: &BoostedParams, origins: &[usize]) {
    let steps = shop.y.len();
    let input = shop.input();
    let layout = Layout::new(&input, params);
    let series = History::new(&input).unwrap();
    let training = Training::new(&layout, &series, 42, &Free).unwrap();
    assert!(training.targets.len() > 300);
    let mut tested = 0;
    for at in origins.iter().copied() {
        let mut cut = History::new(&shop.part(0, at).input()).unwrap();
        cut.trim(&layout);
        let known = cut.y.len();
        let cut = cut.with_ahead(&shop.part(at, steps).ahead(), true).unwrap();
        let ruined = [f64::NAN, 1e9].map(|ruin| {
            let mut later = series.clone();
            later.y[at..].fill(ruin);
            later
        });
        let same = [(&ruined[0], at), (&ruined[1], at), (&cut, known)];
        let same = same.map(|(series, at)| (Rows::new(&layout, series), at));
        let rows = training.x.rows().into_iter().zip(&training.from);
        let of_origin: Vec<_> = rows.filter(|(_, from)| from.0 == at).collect();
        tested += of_origin.len();
        for (row, (_, ahead)) in of_origin {
            for (rows, at) in &same {
                let mut again = vec![0.0; row.len()];
                rows.write(&rows.origin(*at).unwrap(), *ahead, &mut again);
                assert_eq!(bits(&again), bits(&row.to_vec()));
            }
        }
    }
    assert!(tested >= origins.len() / 2);
}

#[test]
fn a_row_knows_nothing_of_its_origin_or_later() {
    let mut shop = Shop::new(1300);
    // A shop that nearly stops: what is left is told in units of what was before.
    shop.y[1100..].iter_mut().for_each(|v| *v *= 0.001);
    let params = BoostedParams::default();
    assert!(Layout::new(&shop.input(), &params).looks_back_a_year());
    assert_no_leak(&shop, &params, &[40, 400, 777, 1250]);
    // A year ago is not yet known of steps that are farther ahead than a year.
    let far = BoostedParams {
        max_horizon: 430,
        ..params.clone()
    };
    let origins: Vec<usize> = (440..470).collect();
    assert_no_leak(&shop, &far, &origins);
    assert_no_leak(&shop.part(900, 1300), &params, &[50, 300, 390]);
    assert_no_leak(
        &shop.part(900, 1300),
        &recursive(),
        &(50..390).collect::<Vec<_>>(),
    );
}

#[test]
fn features_are_what_they_say() {
    let shop = Shop::new(1000);
    let input = shop.input();
    let layout = Layout::new(&input, &BoostedParams::default());
    let series = History::new(&input).unwrap();
    let rows = Rows::new(&layout, &series);
    let (at, ahead) = (901, 9);
    let target = at + ahead - 1;
    let origin = rows.origin(at).unwrap();
    let mut row = vec![0.0; layout.features.len()];
    rows.write(&origin, ahead, &mut row);
    let mean = |range: std::ops::Range<usize>| {
        let known: Vec<f64> = range.map(|i| shop.y[i]).filter(|v| !v.is_nan()).collect();
        known.iter().sum::<f64>() / known.len() as f64
    };
    let level = mean(at - 28..at);
    let relative = |v: f64| (v - level) / level;
    let year_ago = mean(at - 28 - 364..at - 364);
    let same: Vec<usize> = (1..12)
        .map(|week| target - 7 * week)
        .filter(|d| *d < at)
        .collect();
    let expected = [
        (Feature::Lag(1), relative(shop.y[at - 1])),
        (Feature::Lag(14), relative(shop.y[at - 14])),
        (Feature::Mean(14), relative(mean(at - 14..at))),
        (Feature::YearGrowth, (level - year_ago) / year_ago),
        (Feature::Horizon, 9.0),
        (Feature::Same(1), relative(shop.y[same[0]])),
        (
            Feature::Same(4),
            relative(same[..4].iter().map(|d| shop.y[*d]).sum::<f64>() / 4.0),
        ),
        (
            Feature::Deviation(4),
            same[..4]
                .iter()
                .map(|d| {
                    let to = (d + 4).min(at);
                    shop.y[*d] / mean(to - 7..to) - 1.0
                })
                .sum::<f64>()
                / 4.0,
        ),
        (
            Feature::YearAgo(7),
            (mean(target - 364 - 3..target - 364 + 4) - year_ago) / year_ago,
        ),
        // 2012-06-28, a Thursday.
        (Feature::Weekday, 4.0),
        (Feature::DayOfMonth, 28.0),
        (Feature::DayOfYear, 180.0),
        (Feature::Regressor(0), shop.promotion[0][target]),
    ];
    for (feature, value) in expected {
        let column = layout.features.iter().position(|f| *f == feature);
        let got = row[column.unwrap()];
        assert!(
            (got - value).abs() < 1e-9,
            "{}: {got}, not {value}",
            feature.name()
        );
    }
    let known: Vec<f64> = (at - 14..at)
        .map(|i| shop.y[i])
        .filter(|v| !v.is_nan())
        .collect();
    let column = |f| layout.features.iter().position(|g| *g == f).unwrap();
    let greatest = known.iter().copied().fold(f64::MIN, f64::max);
    assert_eq!(
        row[column(Feature::Max(14))],
        (greatest - origin.level) / origin.unit
    );
    let middle = mean(at - 14..at);
    let variance = known.iter().map(|v| (v - middle).powi(2)).sum::<f64>() / known.len() as f64;
    assert!((row[column(Feature::Std(14))] - variance.sqrt() / level).abs() < 1e-12);
    let usual = shop.promotion[0][at - 28..at].iter().sum::<f64>() / 28.0;
    let change = shop.promotion[0][target] - usual;
    assert!((row[column(Feature::RegressorChange(0))] - change).abs() < 1e-12);
    assert_eq!(
        rows.target(&origin, ahead),
        Some((shop.y[target] - origin.level) / origin.unit)
    );
}

#[test]
fn what_comes_later_moves_the_state_alone() {
    let whole = Shop::new(900);
    // With and without a look at the year before.
    for (shop, params) in [
        (whole.part(0, 900), few_trees()),
        (whole.part(0, 900), recursive()),
        (whole.part(500, 900), few_trees()),
    ] {
        let steps = shop.y.len();
        let known = shop.part(0, steps - 100);
        let known = fit(&known.input(), &params, &Free).unwrap();
        let mut appended = known.clone();
        for (from, to) in [(100, 99), (99, 70), (70, 40)] {
            let newer = shop.part(steps - from, steps - to);
            appended.append(&newer.input(), &Free).unwrap();
            appended.check().unwrap();
        }
        let whole = Boosted {
            series: History::new(&shop.part(0, steps - 40).input()).unwrap(),
            ..known
        };
        let coming = shop.part(steps - 40, steps);
        let paths = [&appended, &whole].map(|m| m.forecast(&coming.ahead(), &Free).unwrap().mean);
        assert_eq!(bits(&paths[0]), bits(&paths[1]));
        // What features look at is kept, no more.
        let most = if steps > 800 { 460 } else { 71 };
        assert!(
            appended.series.y.len() < most,
            "{}",
            appended.series.y.len()
        );
    }
}

#[test]
fn a_shop_that_sold_nothing_lately_has_a_unit() {
    let mut y = vec![100.0; 100];
    y.resize(160, 0.0);
    let input = Input::plain(&y, 7);
    let layout = Layout::new(&input, &BoostedParams::default());
    let series = History::new(&input).unwrap();
    let rows = Rows::new(&layout, &series);
    let unit = |at| rows.origin(at).map(|o| (o.level, o.unit));
    assert_eq!(unit(100), Some((100.0, 100.0)));
    assert_eq!(unit(160), Some((0.0, 6.25)));
    assert!(unit(0).is_none());
}
