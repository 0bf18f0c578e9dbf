//! Metrics, curves and thresholds against scikit-learn and cases that can be done by hand.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::curves::{deciles, pr_curve, reliability, roc_curve};
use super::metrics::{Confusion, average_precision, brier, log_loss, roc_auc};
use super::oracle::{Oracle, near};
use super::ranking::Ranking;
use super::threshold::{by_costs, by_f1};
use crate::control::Free;

fn ranked(scores: &[f64], labels: &[bool]) -> Ranking {
    Ranking::new(scores, labels, &Free).unwrap()
}

#[test]
fn metrics_agree_with_scikit_learn() {
    let oracle = Oracle::read();
    let (p, labels) = (&oracle.p, &oracle.labels);
    let ranking = ranked(p, labels);
    let at = Confusion::at(0.6, p, labels);
    for (got, expected) in [
        (roc_auc(&ranking), oracle.roc_auc),
        (average_precision(&ranking), oracle.average_precision),
        (log_loss(p, labels), oracle.log_loss),
        (brier(p, labels), oracle.brier),
        (reliability(p, labels).1, oracle.ece),
        (at.accuracy(), oracle.accuracy),
        (at.precision(), oracle.precision),
        (at.recall(), oracle.recall),
        (at.f1(), oracle.f1),
    ] {
        near(got.unwrap(), expected, 1e-14);
    }
    let roc = roc_curve(&ranking).unwrap();
    assert_eq!(roc.len(), oracle.roc.len());
    for (point, [fpr, tpr]) in roc.iter().zip(&oracle.roc) {
        near(point.false_positive_rate, *fpr, 1e-15);
        near(point.true_positive_rate, *tpr, 1e-15);
    }
    let pr = pr_curve(&ranking).unwrap();
    assert_eq!(pr.len(), oracle.pr.len());
    for (point, [recall, precision]) in pr.iter().zip(&oracle.pr) {
        near(point.recall, *recall, 1e-15);
        near(point.precision, *precision, 1e-15);
    }
}

#[test]
fn what_is_not_defined_is_none() {
    for labels in [[true; 2], [false; 2]] {
        let ranking = ranked(&[0.1, 0.7], &labels);
        assert_eq!(roc_auc(&ranking), None);
        assert_eq!(average_precision(&ranking), labels[0].then_some(1.0));
        assert_eq!(by_f1(&ranking).is_some(), labels[0]);
        assert!(roc_curve(&ranking).unwrap().is_empty());
    }
    let none = ranked(&[], &[]);
    assert_eq!(
        (roc_auc(&none), average_precision(&none), by_f1(&none)),
        (None, None, None)
    );
    assert_eq!(
        (log_loss(&[], &[]), brier(&[], &[]), reliability(&[], &[]).1),
        (None, None, None)
    );
    assert!(deciles(&none, &[], &Free).unwrap().is_empty());
    let nobody = Confusion::at(0.9, &[0.1, 0.2], &[false, false]);
    assert_eq!(
        (nobody.precision(), nobody.recall(), nobody.f1()),
        (None, None, None)
    );
    assert_eq!(nobody.accuracy(), Some(1.0));
    // certain and wrong: scikit-learn's 36.04...
    near(
        log_loss(&[1.0], &[false]).unwrap(),
        36.043_653_389_117_15,
        1e-12,
    );
}

#[test]
fn long_curves_are_thinned_and_keep_their_ends() {
    let scores: Vec<f64> = (0..1000).map(f64::from).collect();
    let labels: Vec<bool> = (0..1000).map(|i| i % 3 == 0 || i > 700).collect();
    let ranking = ranked(&scores, &labels);
    let (roc, pr) = (roc_curve(&ranking).unwrap(), pr_curve(&ranking).unwrap());
    assert_eq!((roc.len(), pr.len()), (200, 200));
    assert_eq!(
        (
            roc[0].false_positive_rate,
            roc[0].true_positive_rate,
            roc[0].threshold
        ),
        (0.0, 0.0, None)
    );
    assert_eq!(
        (roc[199].false_positive_rate, roc[199].true_positive_rate),
        (1.0, 1.0)
    );
    assert_eq!(roc[199].threshold, Some(0.0));
    assert_eq!(
        (pr[0].recall, pr[0].precision, pr[199].recall),
        (0.0, 1.0, 1.0)
    );
    let areas = roc.windows(2).map(|w| {
        (w[1].false_positive_rate - w[0].false_positive_rate)
            * (w[1].true_positive_rate + w[0].true_positive_rate)
            / 2.0
    });
    near(areas.sum(), roc_auc(&ranking).unwrap(), 2e-3);
}

#[test]
fn reliability_by_hand() {
    let (bins, error) = reliability(
        &[0.0, 0.05, 0.31, 0.39, 1.0],
        &[false, true, true, false, true],
    );
    assert_eq!(bins.len(), 10);
    assert_eq!((bins[0].customers, bins[0].churned), (2, Some(0.5)));
    assert_eq!((bins[3].customers, bins[3].lower), (2, 0.3));
    near(bins[3].mean_probability.unwrap(), 0.35, 1e-15);
    assert_eq!(
        (bins[5].customers, bins[5].mean_probability, bins[5].churned),
        (0, None, None)
    );
    assert_eq!((bins[9].customers, bins[9].upper), (1, 1.0));
    // (|0.05 - 1| + |0.7 - 1| + 0) / 5
    near(error.unwrap(), 0.25, 1e-15);
}

#[test]
fn deciles_by_hand() {
    // 20 customers, the first four churn; the top six share one score.
    let scores: Vec<f64> = (0..20)
        .map(|i| {
            if i < 6 {
                9.0
            } else {
                5.0 - f64::from(i) / 10.0
            }
        })
        .collect();
    let labels: Vec<bool> = (0..20).map(|i| i < 4).collect();
    let values: Vec<f64> = (0..20)
        .map(|i| {
            if i == 19 {
                -50.0
            } else {
                f64::from(10 * (i + 1))
            }
        })
        .collect();
    let table = deciles(&ranked(&scores, &labels), &values, &Free).unwrap();
    assert_eq!(table.len(), 10);
    for decile in &table {
        near(decile.customers, 2.0, 1e-12);
    }
    for (i, gain) in [(0, 1.0 / 3.0), (1, 2.0 / 3.0), (2, 1.0), (9, 1.0)] {
        near(table[i].gain.unwrap(), gain, 1e-12);
        near(table[i].value_gain.unwrap(), gain, 1e-12);
    }
    // 4 of 6 in the first three deciles against 4 of 20
    near(table[0].lift.unwrap(), (4.0 / 6.0) / 0.2, 1e-12);
    assert_eq!(table[5].lift, Some(0.0));
    // 100 of 210 is lost there, 100 of 1900 in all
    near(table[0].value, 70.0, 1e-12);
    near(table[0].value_lost, 100.0 / 3.0, 1e-12);
    near(
        table[0].value_lift.unwrap(),
        (100.0 / 210.0) / (100.0 / 1900.0),
        1e-12,
    );
    near(table[9].value, 190.0, 1e-12);
    assert!(deciles(&ranked(&scores, &labels), &[1.0], &Free).is_err());
    let nothing = deciles(&ranked(&scores, &labels), &[0.0; 20], &Free).unwrap();
    assert_eq!((nothing[0].value_lift, nothing[0].value_gain), (None, None));
}

#[test]
fn thresholds_by_hand() {
    assert_eq!(by_costs(2.0, 8.0), Ok(0.25));
    assert!(
        by_costs(30.0, 30.0)
            .unwrap_err()
            .to_string()
            .contains("could never pay")
    );
    for (offer, margin) in [
        (0.0, 1.0),
        (-1.0, 1.0),
        (1.0, f64::NAN),
        (f64::INFINITY, f64::INFINITY),
    ] {
        assert!(by_costs(offer, margin).is_err());
    }
    let f1 = |scores: &[f64], labels: &[bool]| by_f1(&ranked(scores, labels)).unwrap();
    near(
        f1(&[0.9, 0.7, 0.4, 0.2], &[true, true, false, false]),
        0.55,
        1e-15,
    );
    // F1 2/3 with one contact as with four: the fewer
    near(
        f1(&[0.9, 0.7, 0.4, 0.2], &[true, false, false, true]),
        0.8,
        1e-15,
    );
    near(f1(&[0.9, 0.7], &[true, true]), 0.35, 1e-15);
    // no number lies between these two
    let above = 0.5_f64.next_up();
    assert_eq!(f1(&[above, 0.5], &[true, false]), above);
    let counts = Confusion::at(0.5, &[0.9, 0.8, 0.5, 0.1], &[true, false, true, true]);
    assert_eq!(
        (
            counts.total(),
            counts.true_positives,
            counts.false_negatives
        ),
        (4, 2, 1)
    );
    assert_eq!(counts.profit(2.0, 30.0), 54.0);
}

proptest! {
    /// Metrics do not depend on the order of the rows, AUC and F1 are what all pairs and all thresholds give.
    #[test]
    fn ranks_against_their_definitions(rows in prop::collection::vec((0u8..12, any::<bool>(), 0u8..50), 2..60)) {
        let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0) / 12.0).collect();
        let labels: Vec<bool> = rows.iter().map(|r| r.1).collect();
        let values: Vec<f64> = rows.iter().map(|r| f64::from(r.2) / 7.0).collect();
        let back = |v: &[f64]| v.iter().rev().copied().collect::<Vec<f64>>();
        let reversed: Vec<bool> = labels.iter().rev().copied().collect();
        let (one, two) = (ranked(&scores, &labels), ranked(&back(&scores), &reversed));
        prop_assert_eq!(average_precision(&one), average_precision(&two));
        prop_assert_eq!(deciles(&one, &values, &Free).unwrap(), deciles(&two, &back(&values), &Free).unwrap());
        let (mut pairs, mut right) = (0.0, 0.0);
        for i in 0..rows.len() {
            for j in 0..rows.len() {
                if labels[i] && !labels[j] {
                    pairs += 1.0;
                    right += if scores[i] > scores[j] { 1.0 } else if scores[i] == scores[j] { 0.5 } else { 0.0 };
                }
            }
        }
        prop_assert_eq!(roc_auc(&one), (pairs > 0.0).then(|| right / pairs));
        if let Some(threshold) = by_f1(&one) {
            let best = Confusion::at(threshold, &scores, &labels).f1().unwrap();
            for score in &scores {
                prop_assert!(Confusion::at(*score, &scores, &labels).f1().unwrap() <= best);
            }
        }
        if labels.contains(&true) {
            let table = deciles(&one, &values, &Free).unwrap();
            prop_assert!((table[9].gain.unwrap() - 1.0).abs() < 1e-12);
        }
    }
}
