#![allow(clippy::unwrap_used)]

use super::super::testing::same_for_all_threads;
use super::*;
use crate::control::Free;
use crate::control::testing::Probe;
use ndarray::{Array2, array};

#[test]
fn few_values_are_cut_halfway() {
    let x = array![
        [1.0, f64::NAN, 5.0],
        [4.0, f64::NAN, 5.0],
        [1.0, f64::NAN, f64::NAN],
        [-0.0, f64::NAN, 5.0],
        [0.0, f64::NAN, 5.0],
    ];
    let bins = Bins::fit(x.view(), None, 255, &Free).unwrap();
    assert_eq!(bins.cuts(0), [0.5, 2.5]);
    assert_eq!((bins.cuts(1), bins.cuts(2)), (&[][..], &[][..]));
    let binned = bins.apply(x.view(), &Free).unwrap();
    // The code after the last bin of values is a missing value.
    assert_eq!(
        binned.codes(),
        [1, 1, 0, 2, 1, 0, 1, 1, 1, 0, 1, 0, 0, 1, 0]
    );
}

#[test]
fn codes_and_cuts_say_the_same() {
    let mut stream = Stream::new(3, "test", 0);
    let x = Array2::from_shape_simple_fn((20_000, 2), || (stream.unit() * 20.0 - 10.0).exp());
    for max_bins in [2, 17, 255] {
        let bins = Bins::fit(x.view(), None, max_bins, &Free).unwrap();
        let binned = bins.apply(x.view(), &Free).unwrap();
        for feature in 0..2 {
            let cuts = bins.cuts(feature);
            assert_eq!(cuts.len(), max_bins - 1);
            assert!(cuts.is_sorted_by(|a, b| a < b));
            let mut counts = vec![0usize; max_bins];
            for (row, codes) in binned.codes().chunks(2).enumerate() {
                let code = usize::from(codes[feature]);
                counts[code] += 1;
                let value = x[[row, feature]];
                assert!(code == 0 || cuts[code - 1] < value);
                assert!(code == cuts.len() || value <= cuts[code]);
            }
            // Quantiles: equal within one row.
            let even = 20_000 / max_bins;
            assert!(counts.iter().all(|c| c.abs_diff(even) <= 2), "{counts:?}");
        }
    }
}

#[test]
fn a_heavy_value_has_its_own_bin_and_the_rest_share() {
    // Half of the rows are 0, as in sums of seldom buyers.
    let x = Array2::from_shape_fn((2_000, 1), |(i, _)| if i % 2 == 0 { 0.0 } else { i as f64 });
    let bins = Bins::fit(x.view(), None, 11, &Free).unwrap();
    assert_eq!(bins.cuts(0).len(), 10);
    assert_eq!(bins.cuts(0)[0], 0.5);
    let binned = bins.apply(x.view(), &Free).unwrap();
    let count = |bin| binned.codes().iter().filter(|c| **c == bin).count();
    assert_eq!(count(0), 1_000);
    assert!((1..11).all(|bin| count(bin) == 100));
}

#[test]
fn weights_move_the_quantiles() {
    let x = Array2::from_shape_fn((1_000, 1), |(i, _)| i as f64);
    let weights: Vec<f64> = (0..1_000)
        .map(|i| if i < 500 { 3.0 } else { 1.0 })
        .collect();
    let bins = Bins::fit(x.view(), Some(&weights), 4, &Free).unwrap();
    // 2,000 in all: 501, 501, and 499 of what is left for two.
    assert_eq!(bins.cuts(0), [166.5, 333.5, 500.5]);
}

#[test]
fn neighbours_that_have_no_number_between_them_are_parted() {
    let a = 1.0f64;
    let x = array![[a], [a.next_up()], [f64::MAX], [f64::MIN]];
    let bins = Bins::fit(x.view(), None, 255, &Free).unwrap();
    let binned = bins.apply(x.view(), &Free).unwrap();
    assert_eq!(binned.codes(), [1, 2, 3, 0]);
}

#[test]
fn threads_do_not_matter_and_it_stops() {
    let mut stream = Stream::new(4, "test", 0);
    let x = Array2::from_shape_simple_fn((200_000, 3), || stream.unit());
    let cuts = same_for_all_threads(|| {
        let bins = Bins::fit(x.view(), None, 255, &Free).unwrap();
        let codes = bins.apply(x.view(), &Free).unwrap().codes;
        (bins, codes)
    });
    // From a sample, yet near the quantiles.
    for (i, cut) in cuts.0.cuts(0).iter().enumerate() {
        assert!((cut - (i + 1) as f64 / 255.0).abs() < 0.005, "{i}: {cut}");
    }
    assert_eq!(
        Bins::fit(x.view(), None, 255, &Probe::stopping_after(1)),
        Err(Stop::Cancelled)
    );
    for memory in [1_000_000, 500_000] {
        let probe = Probe::patient().granting(memory);
        assert!(matches!(
            Bins::fit(x.view(), None, 255, &probe),
            Err(Stop::Memory { .. })
        ));
    }
    let bins = &cuts.0;
    assert!(bins.apply(x.view(), &Probe::stopping_after(2)).is_err());
    let probe = Probe::patient().granting(1_300_000);
    let binned = bins.apply(x.view(), &probe).unwrap();
    assert_eq!(probe.held_bytes(), 1_200_000);
    drop(binned);
    assert!(
        bins.apply(x.view(), &Probe::patient().granting(1_199_999))
            .is_err()
    );
}
