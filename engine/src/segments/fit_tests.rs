#![allow(clippy::unwrap_used)]

use ndarray::{Array2, array, s};
use serde_json::json;

use super::oracle_tests::data;
use super::*;
use crate::control::testing::Probe;
use crate::control::{Control, Free, Stop};
use crate::error::{Class, Classified};
use crate::random::Stream;

const NAMES: [&str; 6] = [
    "recency_days",
    "frequency",
    "monetary",
    "units",
    "returns_share",
    "tenure",
];

fn params(algorithm: &str, json: serde_json::Value) -> ValidSegmentParams {
    SegmentParams::parse(algorithm, &json)
        .unwrap()
        .check(&NAMES)
        .unwrap()
}

fn fitted(
    x: &Array2<f64>,
    k: Option<usize>,
    params: &ValidSegmentParams,
    previous: Option<&SegmentModel>,
    control: &dyn Control,
) -> Result<Fitted, SegmentError> {
    let column = |j: usize| x.column(j.min(x.ncols() - 1)).to_vec();
    let (recency, frequency, monetary) = (column(0), column(1), column(2));
    let rfm = Rfm {
        recency_days: &recency,
        frequency: &frequency,
        monetary: &monetary,
    };
    fit(x.view(), &rfm, k, params, 42, previous, control)
}

fn plain() -> ValidSegmentParams {
    params("kmeans", json!({"log": false}))
}

/// Groups of customers: recency, frequency, monetary, about the given middles.
fn groups(middles: &[[f64; 3]], each: usize) -> Array2<f64> {
    let mut stream = Stream::new(3, "test", 0);
    Array2::from_shape_fn((middles.len() * each, 3), |(row, j)| {
        middles[row % middles.len()][j] * (0.9 + 0.2 * stream.unit())
    })
}

const MIDDLES: [[f64; 3]; 3] = [
    [10.0, 30.0, 9_000.0],
    [300.0, 1.5, 100.0],
    [20.0, 2.0, 300.0],
];

#[test]
fn groups_are_found_numbered_named_and_described() {
    let x = groups(&MIDDLES, 200);
    let Fitted { model, assigned } =
        fitted(&x, None, &params("kmeans", json!({})), None, &Free).unwrap();
    assert_eq!(model.check(), Ok(()));
    assert_eq!(model.len(), 3);
    assert_eq!(model.segment_ids, [1, 2, 3]);
    assert_eq!(model.names, ["Champions", "Need Attention", "Lost"]);
    assert_eq!(model.profile.customers, [200, 200, 200]);
    // the order of money: groups 0, 2, 1
    for (row, segment) in assigned.segments.iter().enumerate() {
        assert_eq!(*segment, [0, 2, 1][row % 3]);
    }
    assert_eq!(model.curve.len(), 9);
    let best = model
        .curve
        .iter()
        .max_by(|a, b| a.silhouette.total_cmp(&b.silhouette))
        .unwrap();
    assert_eq!(best.k, 3);
    let mean = x.slice(s![0..;3, 2]).mean().unwrap();
    assert!((model.profile.mean(0, "monetary").unwrap() - mean).abs() < 1e-9);
    let all = x.column(1).mean().unwrap();
    assert!((model.profile.base[1].unwrap() - all).abs() < 1e-9);
    // all of group 0 buy more often than the others: ranks 2/3 to 1
    assert!((model.profile.ranks[1] - 5.0 / 6.0).abs() < 1e-12);
}

#[test]
fn stored_models_assign_the_same_segments() {
    for algorithm in ["kmeans", "gaussian_mixture"] {
        let mut x = data();
        x[[5, 1]] = f64::NAN;
        let params = params(algorithm, json!({"log": true}));
        let fitted = fitted(&x, Some(4), &params, None, &Free).unwrap();
        let bytes = rmp_serde::to_vec_named(&fitted.model).unwrap();
        let model: SegmentModel = rmp_serde::from_slice(&bytes).unwrap();
        assert_eq!(model, fitted.model);
        assert_eq!(model.check(), Ok(()));
        let assigned = model.assign(x.view(), &Free).unwrap();
        assert_eq!(assigned.segments, fitted.assigned.segments);
        assert_eq!(assigned.distances, fitted.assigned.distances);
        for row in [0, 5, 399] {
            let one = model.assign_row(&x.row(row).to_vec()).unwrap();
            assert_eq!(
                one,
                (assigned.segments[row] as usize, assigned.distances[row])
            );
        }
    }
}

#[test]
fn threads_do_not_change_a_bit() {
    // more than one chunk, so that there is something to add up in an order
    let x = groups(
        &[[10.0, 20.0, 90.0], [50.0, 9.0, 40.0], [60.0, 8.0, 50.0]],
        12_000,
    );
    for algorithm in ["kmeans", "gaussian_mixture"] {
        let params = params(algorithm, json!({"n_init": 2, "k_max": 4, "sample": 500}));
        let bytes = [1, 2, 8].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let fitted = pool
                .install(|| fitted(&x, None, &params, None, &Free))
                .unwrap();
            let bits = fitted
                .assigned
                .distances
                .iter()
                .map(|d| d.to_bits())
                .collect::<Vec<_>>();
            (
                rmp_serde::to_vec(&fitted.model).unwrap(),
                fitted.assigned.segments,
                bits,
            )
        });
        assert!(bytes[0] == bytes[1] && bytes[0] == bytes[2], "{algorithm}");
    }
}

#[test]
fn numbers_stay_with_their_segments() {
    let first = fitted(&groups(&MIDDLES, 100), Some(3), &plain(), None, &Free)
        .unwrap()
        .model;
    assert_eq!(first.segment_ids, [1, 2, 3]);
    // A year on: the best customers spend least of all, a new group has come, and the order of the rows is another.
    let middles = [
        [25.0, 2.2, 320.0],
        [12.0, 29.0, 90.0],
        [150.0, 15.0, 5_000.0],
        [310.0, 1.4, 110.0],
    ];
    let x = groups(&middles, 100);
    let second = fitted(&x, Some(4), &plain(), Some(&first), &Free).unwrap();
    assert_eq!(second.model.check(), Ok(()));
    assert_eq!(second.model.segment_ids, [1, 2, 3, 4]);
    let id = |row: usize| second.model.segment_ids[second.assigned.segments[row] as usize];
    assert_eq!(id(0), 2);
    assert_eq!(id(3), 3);
    let mut new = [id(1), id(2)];
    new.sort_unstable();
    assert_eq!(new, [1, 4]);
    // Fewer again, and then more: numbers that were given are not given again.
    let fewer = fitted(
        &groups(&MIDDLES[..2], 100),
        Some(2),
        &plain(),
        Some(&second.model),
        &Free,
    )
    .unwrap();
    assert_eq!(fewer.model.last_id, 4);
    let more = fitted(
        &groups(&MIDDLES, 100),
        Some(3),
        &plain(),
        Some(&fewer.model),
        &Free,
    )
    .unwrap();
    assert_eq!(more.model.segment_ids[2], 5);
    // The same data again: the same numbers, whatever order money would give.
    let again = fitted(&x, Some(4), &plain(), Some(&second.model), &Free).unwrap();
    assert_eq!(again.assigned.segments, second.assigned.segments);
    // No feature in common: no segment is that of an old number.
    let other = params(
        "kmeans",
        json!({"features": ["units", "tenure", "returns_share"]}),
    );
    let other = fitted(&x, Some(2), &other, Some(&first), &Free).unwrap();
    assert_eq!(other.model.segment_ids, [4, 5]);
    assert!(
        other
            .model
            .names
            .iter()
            .all(|n| n.contains("units") || n.contains("tenure"))
    );
}

#[test]
fn what_cannot_be_segmented_is_refused() {
    let refuse = |x: Array2<f64>, k| fitted(&x, k, &plain(), None, &Free).unwrap_err();
    let same = Array2::from_elem((50, 3), 4.0);
    let with = |v: f64| {
        let mut x = data();
        x[[9, 1]] = v;
        x
    };
    for (error, class, part) in [
        (
            refuse(Array2::zeros((0, 3)), None),
            Class::WrongState,
            "no customers",
        ),
        (
            refuse(same.clone(), None),
            Class::WrongState,
            "2 segments need at least 2",
        ),
        (
            refuse(array![[1., 2., 3.], [2., 2., 3.]], Some(3)),
            Class::WrongState,
            "there are 2",
        ),
        (
            refuse(data(), Some(1)),
            Class::InvalidParameter,
            "from 2 to 50, not 1",
        ),
        (
            refuse(data(), Some(usize::MAX)),
            Class::InvalidParameter,
            "from 2 to 50",
        ),
        (
            refuse(with(f64::INFINITY), None),
            Class::OutOfRange,
            "\"frequency\"",
        ),
        (
            refuse(with(1e300), None),
            Class::OutOfRange,
            "\"frequency\"",
        ),
        (
            refuse(Array2::zeros((5, 2)), None),
            Class::InvalidParameter,
            "2 values given, 3 expected",
        ),
    ] {
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(error.class(), class, "{error}");
        assert!(
            error.hint().is_some() || matches!(error, SegmentError::Shape { .. }),
            "{error}"
        );
    }
    let model = fitted(&data(), Some(2), &plain(), None, &Free)
        .unwrap()
        .model;
    assert!(model.assign_row(&[1.0, 2.0]).is_err());
    assert!(model.assign_row(&[]).is_err());
    assert!(model.assign_row(&[1.0, f64::INFINITY, 2.0]).is_err());
    assert!(model.assign_row(&[f64::NAN; 3]).is_ok());
    assert!(
        model
            .assign(Array2::zeros((0, 3)).view(), &Free)
            .unwrap()
            .segments
            .is_empty()
    );
}

#[test]
fn odd_but_valid_data_are_segmented() {
    // a constant column, a column without any value, as many segments as customers
    let x = array![
        [1.0, 5.0, f64::NAN],
        [2.0, 5.0, f64::NAN],
        [9.0, 5.0, f64::NAN],
        [9.5, 5.0, f64::NAN]
    ];
    for algorithm in ["kmeans", "gaussian_mixture"] {
        for k in [None, Some(4)] {
            let fitted = fitted(&x, k, &params(algorithm, json!({})), None, &Free).unwrap();
            assert_eq!(fitted.model.check(), Ok(()));
            assert_eq!(fitted.model.profile.base[2], None);
            assert!(fitted.assigned.distances.iter().all(|d| d.is_finite()));
        }
    }
    let auto = fitted(&x, None, &plain(), None, &Free).unwrap();
    assert_eq!(
        auto.assigned.segments,
        [1, 1, 0, 0].map(|s| auto.assigned.segments[2] ^ s)
    );
}

#[test]
fn work_is_watched_and_given_back() {
    let x = groups(&MIDDLES, 9_000);
    for algorithm in ["kmeans", "gaussian_mixture"] {
        let params = params(algorithm, json!({"n_init": 1, "k_max": 3, "sample": 300}));
        let all = Probe::patient();
        let done = fitted(&x, None, &params, None, &all).unwrap();
        // rows x 3 features x 8 bytes, and more
        assert!(all.most_held() >= 27_000 * 24, "{}", all.most_held());
        // what is still held are the labels and distances
        assert_eq!(all.held_bytes(), 27_000 * 12);
        drop(done);
        assert_eq!(all.held_bytes(), 0);
        for part in 0..10 {
            let probe = Probe::stopping_after(all.looks() * part / 10);
            let error = fitted(&x, None, &params, None, &probe).unwrap_err();
            assert!(
                matches!(error, SegmentError::Stopped(Stop::Cancelled)),
                "{error}"
            );
            assert_eq!(probe.held_bytes(), 0);
        }
        let poor = Probe::patient().granting(all.most_held() / 2);
        let error = fitted(&x, None, &params, None, &poor).unwrap_err();
        assert_eq!(error.class(), Class::OutOfMemory);
        assert_eq!(poor.held_bytes(), 0);
    }
}

/// Each of these would make a later call fail.
#[test]
fn damaged_models_are_found() {
    for algorithm in ["kmeans", "gaussian_mixture"] {
        let model = fitted(
            &data(),
            Some(3),
            &params(algorithm, json!({"log": false})),
            None,
            &Free,
        );
        let model = model.unwrap().model;
        let damages: [fn(&mut SegmentModel); 12] = [
            |m| m.segment_ids.push(9),
            |m| m.segment_ids.swap(0, 1),
            |m| m.last_id = 2,
            |m| m.last_id = u32::MAX,
            |m| m.names.truncate(2),
            |m| m.features.push("units".into()),
            |m| m.profile.customers.clear(),
            |m| m.profile.ranks[1] = f64::NAN,
            |m| m.profile.means.truncate(1),
            |m| m.curve[0].silhouette = f64::NAN,
            |m| {
                m.algorithm = match m.algorithm {
                    Algorithm::KMeans => Algorithm::GaussianMixture,
                    Algorithm::GaussianMixture => Algorithm::KMeans,
                }
            },
            |m| match &mut m.components {
                Components::Centres(centres) => centres[2] = f64::INFINITY,
                Components::Mixture(mixture) => mixture.factors[0] = 0.0,
            },
        ];
        assert_eq!(model.check(), Ok(()));
        for (at, damage) in damages.iter().enumerate() {
            let mut damaged = model.clone();
            damage(&mut damaged);
            assert!(damaged.check().is_err(), "damage {at}");
        }
    }
}
