#![allow(clippy::unwrap_used)]

use super::*;
use crate::control::Free;
use crate::control::testing::Probe;

fn features() -> Vec<Feature> {
    vec![
        Feature::Number("recency_days".into()),
        Feature::Text("country".into()),
        Feature::Number("mean_gap_days".into()),
    ]
}

/// Two frames of 100 customers each: 40 French ones, 60 Danes of whom the second frame has 29, and in it one Finn.
fn frames(order: impl Fn(usize) -> usize) -> Frames {
    let mut builder = FrameBuilder::new(features(), &Free);
    for (frame, cutoff) in [(0usize, 14_000), (1, 14_090)] {
        for i in 0..100 {
            let i = order(i);
            let country = match (frame, i) {
                (_, ..40) => Some("France"),
                (1, 40) => Some("Finland"),
                (1, 70..) => None,
                _ => Some("Denmark"),
            };
            let gap = if i.is_multiple_of(10) {
                f64::NAN
            } else {
                i as f64
            };
            builder
                .push(
                    cutoff,
                    format!("c{i:03}").as_bytes(),
                    &[(i + frame) as f64, gap],
                    &[country],
                    10.0 * i as f64,
                    i.is_multiple_of(3),
                )
                .unwrap();
        }
    }
    builder.finish(1).unwrap()
}

#[test]
fn rows_stand_where_they_were_pushed_and_texts_become_columns() {
    let frames = frames(|i| i);
    assert_eq!((frames.len(), frames.part(0, 2).len()), (2, 200));
    let levels: Vec<Option<&str>> = frames.columns.iter().map(|c| c.level.as_deref()).collect();
    assert_eq!(levels, [None, None, Some("Denmark"), Some("France")]);
    let second = frames.part(1, 2);
    assert_eq!(second.x.dim(), (100, 4));
    let row = |i: usize| second.x.row(i).to_vec();
    assert_eq!(row(39), [40.0, 39.0, 0.0, 1.0]);
    // a country that the training frame does not know, and none at all
    assert_eq!(&row(41)[2..], [1.0, 0.0]);
    assert_eq!(&row(40)[2..], [0.0, 0.0]);
    assert_eq!(&row(99)[2..], [0.0, 0.0]);
    assert!(row(50)[1].is_nan());
    assert_eq!(second.labels.iter().filter(|l| **l).count(), 34);
    assert_eq!(second.money[7], 70.0);
    assert_eq!(frames.digests[1].churned, 34);
    assert!(frames.part(2, 3).is_empty());
    assert!(!second.has_one_class());
}

#[test]
fn digests_tell_which_feature_of_which_frame_differs() {
    let (one, same) = (frames(|i| i), frames(|i| i));
    assert_eq!(one.digests, same.digests);
    assert_eq!(one.hash(1), same.hash(1));
    assert_ne!(one.hash(1), one.hash(2));
    let other = frames(|i| if i == 3 { 4 } else { i });
    assert_ne!(one.digests[0].labels, other.digests[0].labels);
    let mut builder = FrameBuilder::new(features(), &Free);
    for gap in [f64::NAN, f64::INFINITY, -f64::NAN, -0.0, 0.0] {
        builder
            .push(
                builder.ends.len() as i32,
                b"x",
                &[1.0, gap],
                &[None],
                0.0,
                true,
            )
            .unwrap();
        builder.end_frame();
    }
    let frames = builder.finish(5).unwrap();
    let gaps: Vec<(u64, u64)> = frames.digests.iter().map(|d| d.features[2]).collect();
    // all that is missing is alike, and so are the two zeros
    assert!(gaps[0] == gaps[1] && gaps[1] == gaps[2] && gaps[3] == gaps[4] && gaps[2] != gaps[3]);
}

#[test]
fn memory_is_refused_before_it_is_taken_and_given_back() {
    let control = Probe::patient().granting(100_000);
    let mut builder = FrameBuilder::new(features(), &control);
    let mut rows = 0;
    let refused = loop {
        if let Err(stop) = builder.push(1, b"c", &[1.0, 2.0], &[Some("France")], 1.0, false) {
            break stop;
        }
        rows += 1;
    };
    assert!(matches!(refused, Stop::Memory { phase: READING, .. }));
    // a row takes 93 bytes
    assert!((500..1_100).contains(&rows), "{rows}");
    drop(builder);
    assert_eq!(control.held_bytes(), 0);
}
