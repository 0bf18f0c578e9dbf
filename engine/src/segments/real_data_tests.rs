//! Online Retail II: recency, frequency and monetary value of its 5,852 customers, against scikit-learn.
#![allow(clippy::unwrap_used)]

use ndarray::Array2;
use serde_json::json;

use super::kmeans::lloyd;
use super::silhouette::silhouettes;
use super::tiles::Tiles;
use super::*;
use crate::control::Free;

/// The features; `None`, with a note, where there are no data.
fn customers() -> Option<Array2<f64>> {
    let Some(root) = std::env::var_os("RETAILSCOPE_DATA") else {
        println!("skipped: RETAILSCOPE_DATA is not set");
        return None;
    };
    let path = std::path::Path::new(&root).join("online_retail_ii/expected/rfm_cleanL.csv");
    let text = std::fs::read_to_string(path).unwrap();
    let values: Vec<f64> = text
        .lines()
        .skip(1)
        .flat_map(|line| line.split(',').skip(3).take(3).map(|v| v.parse().unwrap()))
        .collect();
    Some(Array2::from_shape_vec((values.len() / 3, 3), values).unwrap())
}

fn segmented(x: &Array2<f64>, k: Option<usize>, algorithm: &str) -> Fitted {
    let names = ["recency_days", "frequency", "monetary"];
    let params = SegmentParams::parse(algorithm, &json!({}))
        .unwrap()
        .check(&names)
        .unwrap();
    let columns = [0, 1, 2].map(|j| x.column(j).to_vec());
    let [recency_days, frequency, monetary] = &columns;
    let rfm = Rfm {
        recency_days,
        frequency,
        monetary,
    };
    let fitted = fit(x.view(), &rfm, k, &params, 42, None, &Free).unwrap();
    assert_eq!(fitted.model.check(), Ok(()));
    let model = &fitted.model;
    println!("{algorithm} k = {k:?}: {:?}", model.curve);
    for s in 0..model.len() {
        let mean = |c| model.profile.mean(s, c).unwrap_or(f64::NAN);
        println!(
            "  {:2} {:28} {:5} customers {:6.1} days {:6.1} orders {:9.1} spent {:.2?}",
            model.segment_ids[s],
            model.names[s],
            model.profile.customers[s],
            mean("recency_days"),
            mean("frequency"),
            mean("monetary"),
            &model.profile.ranks[s * 3..s * 3 + 3],
        );
    }
    fitted
}

/// `KMeans(k, n_init=50, random_state=0, tol=0)` of scikit-learn 1.9.1 on the standardised `log1p`, and `silhouette_score`
/// with all customers.
const SCIKIT_LEARN: [(usize, f64, f64); 7] = [
    (2, 8550.129354, 0.438180),
    (3, 6319.886909, 0.347808),
    (4, 4881.952771, 0.366548),
    (5, 4061.326237, 0.344922),
    (6, 3528.874360, 0.335377),
    (7, 3162.988337, 0.305610),
    (8, 2877.552306, 0.295353),
];

#[test]
fn inertia_and_silhouette_are_those_of_scikit_learn() {
    let Some(x) = customers() else { return };
    let model = segmented(&x, None, "kmeans").model;
    assert_eq!(model.names, ["Loyal", "Hibernating"]);
    let tiles = Tiles::new(x.view(), &model.preparation, &Free).unwrap();
    for (k, inertia, silhouette) in SCIKIT_LEARN {
        // The trainer ends a start when the centres hardly move; here it goes on until nobody changes the segment.
        let point = model.curve.iter().find(|p| p.k as usize == k).unwrap();
        assert!(
            (point.inertia.unwrap() / inertia - 1.0).abs() < 1e-3,
            "{point:?}"
        );
        assert!((point.silhouette - silhouette).abs() < 5e-3, "{point:?}");
        let model = segmented(&x, Some(k), "kmeans").model;
        let Components::Centres(centres) = model.components else {
            unreachable!()
        };
        let end = lloyd(&tiles, centres, 1_000, 0.0, &Free).unwrap();
        let ended = Components::Centres(end.centres);
        let (mut segments, mut distances) = (vec![0; tiles.rows()], vec![0.0; tiles.rows()]);
        ended
            .assign(&tiles, (&mut segments, &mut distances), &Free)
            .unwrap();
        let labels = segments.iter().map(|s| *s as u8).collect();
        let found = silhouettes(&tiles, &[labels], &Free).unwrap()[0];
        assert!(
            (end.inertia / inertia - 1.0).abs() < 1e-4,
            "{k}: {}",
            end.inertia
        );
        assert!((found - silhouette).abs() < 3e-3, "{k}: {found}");
        if k == 3 {
            // Here both end with the same partition.
            assert!((end.inertia / inertia - 1.0).abs() < 1e-9);
            assert!((found - silhouette).abs() < 1e-6);
        }
    }
}

#[test]
fn names_are_believable() {
    let Some(x) = customers() else { return };
    for (k, names) in [
        (3, "Champions, Potential Loyalist, Lost"),
        (4, "Champions, At Risk, Promising, Lost"),
        (5, "Champions, Loyal, At Risk, Promising, Lost"),
        (
            6,
            "Champions, Loyal, Potential Loyalist, At Risk, New, Lost",
        ),
        (
            7,
            "Champions, Loyal, Need Attention, Potential Loyalist, Hibernating, New, Lost",
        ),
        (
            8,
            "Champions, Loyal, Potential Loyalist, At Risk, Promising, Hibernating, New, Lost",
        ),
    ] {
        assert_eq!(
            segmented(&x, Some(k), "kmeans").model.names.join(", "),
            names
        );
    }
    // No customer of the last segment has bought more than once.
    let mixture = segmented(&x, None, "gaussian_mixture").model;
    assert_eq!(mixture.names.last().unwrap(), "One-Time");
    for k in 2..=10 {
        let names = segmented(&x, Some(k), "gaussian_mixture").model.names;
        assert!(names.iter().all(|n| n != "Customers"), "{names:?}");
    }
}
