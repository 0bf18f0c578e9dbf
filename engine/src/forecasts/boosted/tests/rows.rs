use super::super::*;
use super::*;

#[test]
fn a_row_knows_nothing_of_its_origin_or_later() {
    let shop = Shop::new(1000);
    let input = shop.input();
    let layout = Layout::new(&input, &BoostedParams::default());
    assert!(layout.looks_back_a_year());
    let series = History::new(&input).unwrap();
    let training = Training::new(&layout, &series, 42, &Free).unwrap();
    assert!(training.targets.len() > 5000);
    for ruin in [f64::NAN, 1e9] {
        for at in [40, 400, 777, 950] {
            // The values from the origin on are ruined; then the series ends there, and what features do not look at is forgotten.
            let mut later = series.clone();
            later.y[at..].fill(ruin);
            let mut cut = History::new(&shop.part(0, at).input()).unwrap();
            cut.trim(&layout);
            let known = cut.y.len();
            let cut = cut.with_ahead(&shop.part(at, 1000).ahead(), true).unwrap();
            let (later, cut) = (Rows::new(&layout, &later), Rows::new(&layout, &cut));
            let rows = training.x.rows().into_iter().zip(&training.from);
            let of_origin: Vec<_> = rows.filter(|(_, from)| from.0 == at).collect();
            assert!(of_origin.len() > 1);
            for (row, (_, ahead)) in of_origin {
                for (rows, at) in [(&later, at), (&cut, known)] {
                    let origin = rows.origin(at).unwrap();
                    let mut again = vec![0.0; row.len()];
                    rows.write(&origin, *ahead, &mut again);
                    assert_eq!(bits(&again), bits(&row.to_vec()));
                }
            }
        }
    }
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
    let shop = Shop::new(900);
    for params in [few_trees(), recursive()] {
        let known = fit(&shop.part(0, 800).input(), &params, &Free).unwrap();
        let mut appended = known.clone();
        for (from, to) in [(800, 801), (801, 830), (830, 860)] {
            appended
                .append(&shop.part(from, to).input(), &Free)
                .unwrap();
            appended.check().unwrap();
        }
        let whole = Boosted {
            series: History::new(&shop.part(0, 860).input()).unwrap(),
            ..known
        };
        let coming = shop.part(860, 900);
        let paths = [&appended, &whole].map(|m| m.forecast(&coming.ahead(), &Free).unwrap().mean);
        assert_eq!(bits(&paths[0]), bits(&paths[1]));
        // Two years and what features look at are kept, no more.
        assert!(appended.series.y.len() < 460);
    }
}
