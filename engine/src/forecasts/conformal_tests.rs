#![allow(clippy::unwrap_used)]

use super::*;
use crate::forecasts::numeric::normal_quantile;
use crate::forecasts::oracle;
use crate::random::Stream;

/// A method as a function: the training values and a horizon in, forecasts out.
type Method = fn(&[f64], usize) -> Vec<f64>;

fn last(train: &[f64], horizon: usize) -> Vec<f64> {
    vec![train[train.len() - 1]; horizon]
}

fn last_week(train: &[f64], horizon: usize) -> Vec<f64> {
    seasonal(train, horizon, 7)
}

fn last_year(train: &[f64], horizon: usize) -> Vec<f64> {
    seasonal(train, horizon, 12)
}

fn last_quarters(train: &[f64], horizon: usize) -> Vec<f64> {
    seasonal(train, horizon, 4)
}

fn seasonal(train: &[f64], horizon: usize, season: usize) -> Vec<f64> {
    (0..horizon)
        .map(|h| train[train.len() - season + h % season])
        .collect()
}

/// The mean of the same weekday in the last four weeks.
fn weekday(train: &[f64], horizon: usize) -> Vec<f64> {
    let at = |h: usize, back: usize| train[train.len() - 7 * back + h % 7];
    (0..horizon)
        .map(|h| (1..=4).map(|back| at(h, back)).sum::<f64>() / 4.0)
        .collect()
}

/// An autoregression of order 1 by least squares.
fn regression(train: &[f64], horizon: usize) -> Vec<f64> {
    let mean = train.iter().sum::<f64>() / train.len() as f64;
    let x: Vec<f64> = train.iter().map(|v| v - mean).collect();
    let products: f64 = x.iter().zip(&x[1..]).map(|(a, b)| a * b).sum();
    let slope = (products / x.iter().map(|v| v * v).sum::<f64>()).clamp(-0.99, 0.99);
    (1..=horizon as i32)
        .map(|h| mean + x[x.len() - 1] * slope.powi(h))
        .collect()
}

fn smoothing(train: &[f64], horizon: usize) -> Vec<f64> {
    let level = train.iter().fold(train[0], |l, v| l + 0.3 * (v - l));
    vec![level; horizon]
}

/// Where origins are and what the intervals are to do.
#[derive(Clone, Copy)]
struct Plan {
    horizon: usize,
    origins: usize,
    step: usize,
    season: usize,
}

/// Intervals for what comes after the first `n` values, learnt from origins before.
fn learnt(y: &[f64], n: usize, plan: Plan, method: Method) -> Conformal {
    let mut errors = vec![Vec::new(); plan.horizon];
    let mut levels = Vec::new();
    for back in (0..plan.origins).rev() {
        let end = n - plan.horizon - back * plan.step;
        let forecast = method(&y[..end], plan.horizon);
        for (errors, (f, y)) in errors.iter_mut().zip(forecast.iter().zip(&y[end..])) {
            errors.push(f - y);
        }
        levels.push(local_level(&y[..end], plan.season));
    }
    let conformal = Conformal::fit(&errors, &levels, None).unwrap();
    conformal.check().unwrap();
    conformal
}

/// Values within the intervals of 80 and 95 % for what comes after the first `n` values, by step.
fn within(y: &[f64], n: usize, plan: Plan, method: Method) -> Vec<[bool; 2]> {
    let conformal = learnt(y, n, plan, method);
    let mean = method(&y[..n], plan.horizon);
    let local = local_level(&y[..n], plan.season);
    let bounds = [0.8, 0.95].map(|level| conformal.bounds(&mean, local, level));
    (0..plan.horizon)
        .map(|h| {
            bounds
                .each_ref()
                .map(|(low, high)| low[h] <= y[n + h] && y[n + h] <= high[h])
        })
        .collect()
}

fn share(hits: impl Iterator<Item = bool>) -> f64 {
    let (mut n, mut all) = (0.0, 0.0);
    for hit in hits {
        n += f64::from(u8::from(hit));
        all += 1.0;
    }
    100.0 * n / all
}

/// Draws `n` values of a process.
type Process = fn(&mut Stream, usize) -> Vec<f64>;

fn normal(stream: &mut Stream) -> f64 {
    normal_quantile(stream.unit().max(1e-12))
}

fn autoregression(stream: &mut Stream, n: usize) -> Vec<f64> {
    let mut x = 0.0;
    let step = |_| {
        x = 0.7 * x + normal(stream);
        x
    };
    (0..n + 30).map(step).skip(30).map(|x| x + 20.0).collect()
}

fn walk(stream: &mut Stream, n: usize) -> Vec<f64> {
    let mut x = 90.0;
    (0..n)
        .map(|_| {
            x += normal(stream);
            x
        })
        .collect()
}

fn weeks(stream: &mut Stream, n: usize) -> Vec<f64> {
    let season: Vec<f64> = (0..7).map(|_| 3.0 * normal(stream)).collect();
    (0..n)
        .map(|t| 30.0 + season[t % 7] + normal(stream))
        .collect()
}

fn wandering(stream: &mut Stream, n: usize) -> Vec<f64> {
    let mut level = 40.0;
    (0..n)
        .map(|_| {
            level += 0.3 * normal(stream);
            level + normal(stream)
        })
        .collect()
}

/// Growth by a third and more, with a spread that follows the level.
fn growing(stream: &mut Stream, n: usize) -> Vec<f64> {
    let season: Vec<f64> = (0..7).map(|_| (0.3 * normal(stream)).exp()).collect();
    let mut level = 100.0;
    (0..n)
        .map(|t| {
            level *= (0.01 * normal(stream) + 0.003).exp();
            level * season[t % 7] * (0.25 * normal(stream)).exp()
        })
        .collect()
}

#[test]
fn intervals_cover_what_they_claim() {
    let cases: [(&str, Process, Method); 7] = [
        ("autoregression", autoregression, regression),
        ("walk", walk, last),
        ("weeks, naive", weeks, last_week),
        ("weeks, means", weeks, weekday),
        ("wandering, smoothed", wandering, smoothing),
        ("wandering, naive", wandering, last),
        ("growing", growing, last_week),
    ];
    let plans = [(28, 10, 28), (28, 20, 7), (7, 10, 7), (1, 20, 1)];
    for (name, process, method) in cases {
        for (horizon, origins, step) in plans {
            let plan = Plan {
                horizon,
                origins,
                step,
                season: 7,
            };
            let n = 60 + origins * step + horizon;
            let mut hits = Vec::new();
            for series in 0..200 {
                let mut stream = Stream::new(7, name, series);
                let y = process(&mut stream, n + horizon);
                hits.extend(within(&y, n, plan, method));
            }
            let of = |at: usize| share(hits.iter().map(|h| h[at]));
            let ends: Vec<f64> = [0, horizon - 1]
                .iter()
                .map(|h| share(hits.iter().skip(*h).step_by(horizon).map(|h| h[1])))
                .collect();
            assert!((of(0) - 80.0).abs() <= 5.0, "{name} {horizon}: {}", of(0));
            assert!((of(1) - 95.0).abs() <= 4.0, "{name} {horizon}: {}", of(1));
            assert!(
                ends.iter().all(|e| *e >= 88.0),
                "{name} {horizon}: {ends:?}"
            );
        }
    }
}

#[test]
fn intervals_cover_real_series() {
    let months = Plan {
        horizon: 12,
        origins: 10,
        step: 6,
        season: 12,
    };
    let days = Plan {
        horizon: 28,
        origins: 12,
        step: 28,
        season: 7,
    };
    let cases: [(&str, Plan, Method, usize); 6] = [
        (
            "airpassengers",
            Plan {
                origins: 10,
                step: 3,
                ..months
            },
            last_year,
            1,
        ),
        ("nottem", months, last_year, 1),
        (
            "ukgas",
            Plan {
                horizon: 8,
                origins: 10,
                step: 4,
                season: 4,
            },
            last_quarters,
            1,
        ),
        ("retail_daily", days, last_week, 7),
        ("retail_daily", days, weekday, 7),
        ("retail_daily", Plan { step: 7, ..days }, weekday, 7),
    ];
    let mut all = Vec::new();
    for (name, plan, method, every) in cases {
        let y = oracle::series(name);
        let first = (3 * plan.season).max(28) + plan.origins * plan.step + plan.horizon;
        let mut hits = Vec::new();
        for n in (first..=y.len() - plan.horizon).step_by(every) {
            hits.extend(within(&y, n, plan, method));
        }
        let of = |at: usize| share(hits.iter().map(|h| h[at]));
        // A seasonal naive forecast of steady growth is off by the same all the time, which no interval around it mends.
        assert!(of(0) > 68.0 && of(1) > 92.0, "{name}: {} {}", of(0), of(1));
        all.push([of(0), of(1)]);
    }
    let mean = |at: usize| all.iter().map(|a| a[at]).sum::<f64>() / all.len() as f64;
    assert!((mean(0) - 80.0).abs() <= 5.0, "{}", mean(0));
    assert!((mean(1) - 95.0).abs() <= 2.0, "{}", mean(1));
}

/// Errors by step of `origins` origins: normal, with a standard deviation for each step and origin.
fn drawn(
    name: &str,
    origins: usize,
    steps: usize,
    sigma: fn(usize, usize) -> f64,
) -> Vec<Vec<f64>> {
    let mut stream = Stream::new(3, name, 0);
    (0..steps)
        .map(|h| {
            (0..origins)
                .map(|o| sigma(h, o) * normal(&mut stream))
                .collect()
        })
        .collect()
}

/// Half the width of the interval of each step.
fn halves(conformal: &Conformal, steps: usize, local: f64, level: f64) -> Vec<f64> {
    let (low, high) = conformal.bounds(&vec![0.0; steps], local, level);
    low.iter().zip(high).map(|(l, h)| (h - l) / 2.0).collect()
}

#[test]
fn many_errors_give_the_quantiles_of_their_distribution() {
    let errors = drawn("many", 4000, 3, |h, _| ((h + 1) as f64).sqrt());
    let conformal = Conformal::fit(&errors, &[], None).unwrap();
    conformal.check().unwrap();
    assert!(!conformal.is_relative());
    assert!(conformal.effective() > 9000.0, "{}", conformal.effective());
    for (level, z) in [(0.5, 0.6745), (0.8, 1.2816), (0.95, 1.96), (0.99, 2.5758)] {
        let got = halves(&conformal, 6, 0.0, level);
        for (h, half) in got.iter().enumerate() {
            // Also beyond the steps learnt from.
            let expected = z * ((h + 1) as f64).sqrt();
            assert!(
                (half / expected - 1.0).abs() < 0.05,
                "{level} {h}: {half} {expected}"
            );
        }
    }
}

#[test]
fn few_errors_give_the_interval_of_students_t() {
    // Ten errors of one step, as the normal distribution would have them: t with 10 degrees of freedom.
    let errors: Vec<f64> = [1, 10, 2, 9, 3, 8, 4, 7, 5, 6]
        .iter()
        .map(|i| normal_quantile(0.5 + f64::from(*i) / 22.0))
        .collect();
    let conformal = Conformal::fit(&[errors], &[], None).unwrap();
    assert_eq!(conformal.effective(), 10.0);
    for (level, t) in [(0.8, 1.372), (0.95, 2.228), (0.99, 3.169)] {
        let half = halves(&conformal, 1, 0.0, level)[0];
        assert!((half / t - 1.0).abs() < 0.02, "{level}: {half} {t}");
    }
    // Wider for a higher level, always.
    let widths: Vec<f64> = (1..100)
        .map(|l| halves(&conformal, 1, 0.0, f64::from(l) / 100.0)[0])
        .collect();
    assert!(widths.is_sorted() && widths[0] > 0.0);
}

#[test]
fn errors_that_say_the_same_count_once() {
    // Each origin has one error, at all steps.
    let one = drawn("one", 10, 1, |_, _| 1.0);
    let same = vec![one[0].clone(); 28];
    let alike = Conformal::fit(&same, &[], None).unwrap();
    assert!(alike.effective() <= 10.5, "{}", alike.effective());
    let apart = Conformal::fit(&drawn("apart", 10, 28, |_, _| 1.0), &[], None).unwrap();
    assert!(apart.effective() > 100.0, "{}", apart.effective());
    // Origins that repeat the one before.
    let single = drawn("repeated", 40, 1, |_, _| 1.0);
    let repeated: Vec<f64> = (0..160).map(|o| single[0][o / 4]).collect();
    let effective = Conformal::fit(&[repeated], &[], None).unwrap().effective();
    assert!((10.0..60.0).contains(&effective), "{effective}");
}

#[test]
fn steps_that_differ_are_told_apart() {
    // Every seventh step is four times as uncertain.
    let sigma = |h: usize, _: usize| if h % 7 == 5 { 4.0 } else { 1.0 };
    let conformal = Conformal::fit(&drawn("steps", 15, 28, sigma), &[], None).unwrap();
    let got = halves(&conformal, 28, 0.0, 0.8);
    for (h, half) in got.iter().enumerate() {
        let expected = 1.2816 * sigma(h, 0);
        assert!((half / expected).ln().abs() < 0.6, "{h}: {half} {expected}");
    }
    // Where none differs, chance alone makes no difference.
    let even = Conformal::fit(&drawn("even", 15, 28, |_, _| 1.0), &[], None).unwrap();
    let got = halves(&even, 28, 0.0, 0.8);
    assert!(
        got.iter().all(|h| (h / 1.2816 - 1.0).abs() < 0.25),
        "{got:?}"
    );
}

#[test]
fn errors_follow_the_level() {
    let levels: Vec<f64> = (0..12).map(|o| 100.0 * f64::from(2 + o)).collect();
    let errors = drawn("level", 12, 14, |_, o| 10.0 * (2 + o) as f64);
    let conformal = Conformal::fit(&errors, &levels, None).unwrap();
    conformal.check().unwrap();
    assert!(conformal.is_relative());
    let half = halves(&conformal, 1, 2000.0, 0.8)[0];
    assert!((half / 256.0 - 1.0).abs() < 0.25, "{half}");
    // Not to nothing where the series ends near 0, or its end is missing.
    let least = halves(&conformal, 1, 0.2 * 750.0, 0.8)[0];
    assert_eq!(halves(&conformal, 1, 0.0, 0.8)[0], least);
    assert_eq!(halves(&conformal, 1, f64::NAN, 0.8)[0], least);
    // Levels that explain nothing, or come near 0, are left alone.
    let even = drawn("no level", 12, 14, |_, _| 10.0);
    assert!(!Conformal::fit(&even, &levels, None).unwrap().is_relative());
    let mut low = levels;
    low[3] = 1.0;
    assert!(!Conformal::fit(&errors, &low, None).unwrap().is_relative());
}

#[test]
fn hard_input() {
    let nan = f64::NAN;
    let refused =
        |errors: &[Vec<f64>], levels: &[f64]| Conformal::fit(errors, levels, None).is_err();
    assert!(refused(&[], &[]));
    assert!(refused(&[vec![], vec![]], &[]));
    assert!(refused(&[vec![nan], vec![nan]], &[1.0]));
    assert!(refused(&[vec![1.0, f64::INFINITY]], &[]));
    assert!(refused(&[vec![1.0, 2.0]], &[1.0]));
    // A series that is always hit has no width; a single error a wide one.
    let none = Conformal::fit(&vec![vec![0.0; 8]; 7], &[5.0; 8], None).unwrap();
    none.check().unwrap();
    assert_eq!(none.bounds(&[5.0], 5.0, 0.95), (vec![5.0], vec![5.0]));
    let single = Conformal::fit(&[vec![nan, -2.0]], &[1.0, 1.0], None).unwrap();
    single.check().unwrap();
    let half = halves(&single, 1, 1.0, 0.95)[0];
    assert!((8.0..9.0).contains(&half), "{half}");
    // Missing errors are no errors of 0, and huge ones stay finite.
    let holes = Conformal::fit(
        &[
            vec![nan, 1.0, nan, -1.0, 1.0],
            vec![1.0, nan, nan, nan, -1.0],
            vec![],
        ],
        &[],
        None,
    )
    .unwrap();
    holes.check().unwrap();
    assert!(
        halves(&holes, 3, 0.0, 0.5)
            .iter()
            .all(|h| (h - 1.0).abs() < 1e-9)
    );
    let huge = Conformal::fit(&vec![vec![1e15; 3]; 3], &[1e15; 3], None).unwrap();
    huge.check().unwrap();
    assert!(halves(&huge, 9, 1e15, 0.9999).iter().all(|h| h.is_finite()));
    // Sales are never below 0.
    let floor = Conformal::fit(&[vec![9.0; 9]], &[], Some(0.0)).unwrap();
    assert_eq!(floor.bounds(&[3.0], 3.0, 0.8).0, [0.0]);
    assert_eq!(floor.bounds(&[-30.0], 3.0, 0.8), (vec![0.0], vec![0.0]));
    // A local level is that of whole seasons.
    assert_eq!(local_level(&[9.0, 9.0, -1.0, 2.0, 3.0, nan], 4), 24.0 / 5.0);
    let sevens: Vec<f64> = (0..70).map(|t| f64::from(t / 7)).collect();
    assert_eq!(local_level(&sevens, 7), 8.0);
    assert!(local_level(&[nan], 1).is_nan() && local_level(&[], usize::MAX).is_nan());
}

#[test]
fn foreign_bytes_are_checked() {
    let levels: Vec<f64> = (0..12).map(|o| 100.0 * f64::from(2 + o)).collect();
    let errors = drawn("bytes", 12, 14, |h, o| {
        (10 + 30 * (h % 2)) as f64 * (2 + o) as f64
    });
    let good = Conformal::fit(&errors, &levels, Some(0.0)).unwrap();
    let bytes = rmp_serde::to_vec(&good).unwrap();
    assert_eq!(rmp_serde::from_slice::<Conformal>(&bytes).unwrap(), good);
    assert!(good.is_relative() && !good.steps.is_empty());
    let broken: [fn(&mut Conformal); 13] = [
        |c| c.power = 1.5,
        |c| c.power = f64::NAN,
        |c| c.usual_level = 0.0,
        |c| c.shape = Shape::Settling(1.0),
        |c| c.shape = Shape::Power(f64::NAN),
        |c| c.scale = -1.0,
        |c| c.steps[0] = 0.0,
        |c| c.steps[1] = f64::INFINITY,
        |c| c.scores.clear(),
        |c| c.scores.swap(0, 9),
        |c| c.scores[0] = f64::NAN,
        |c| c.effective = 0.0,
        |c| c.floor = Some(f64::NAN),
    ];
    for (at, spoil) in broken.iter().enumerate() {
        let mut bad = good.clone();
        spoil(&mut bad);
        assert!(bad.check().is_err(), "{at}");
    }
    good.check().unwrap();
    // Many errors are thinned, the largest stays.
    let many = drawn("thinned", 500, 7, |_, _| 1.0);
    let thin = Conformal::fit(&many, &[], None).unwrap();
    thin.check().unwrap();
    assert_eq!(thin.scores.len(), MOST_SCORES);
    let largest = many.iter().flatten().fold(0.0f64, |m, e| m.max(e.abs()));
    assert!((thin.scores[MOST_SCORES - 1] * thin.scale / largest - 1.0).abs() < 0.3);
}
