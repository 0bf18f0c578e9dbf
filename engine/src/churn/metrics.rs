//! How good scores and probabilities are, in single numbers. A number that the data do not define is `None`.

use serde::{Deserialize, Serialize};

use super::ranking::Ranking;

/// The area under the ROC curve: the share of pairs of one who churned and one who stayed that are in the right order, a tie
/// counting half. `None` when there is one class only.
#[must_use]
pub fn roc_auc(ranking: &Ranking) -> Option<f64> {
    let (mut above, mut twice) = (0u128, 0u128);
    for tied in ranking.tied() {
        let (positives, negatives) = (
            u128::from(tied.positives),
            u128::from(tied.count - tied.positives),
        );
        twice += negatives * (2 * above + positives);
        above += positives;
    }
    let pairs = u128::from(ranking.positives()) * u128::from(ranking.negatives());
    (pairs > 0).then(|| twice as f64 / 2.0 / pairs as f64)
}

/// The area under the precision-recall curve as average precision: the mean of the precision at each churned customer, equal
/// scores taken together (scikit-learn's `average_precision_score`). `None` when nobody churned.
#[must_use]
pub fn average_precision(ranking: &Ranking) -> Option<f64> {
    let (mut count, mut found, mut sum) = (0, 0, 0.0);
    for tied in ranking.tied() {
        count += tied.count;
        found += tied.positives;
        sum += tied.positives as f64 * (found as f64 / count as f64);
    }
    (found > 0).then(|| sum / found as f64)
}

/// The mean logarithmic loss of probabilities, which are kept away from 0 and 1 by the machine's epsilon as scikit-learn
/// does. `None` without rows.
#[must_use]
pub fn log_loss(probabilities: &[f64], labels: &[bool]) -> Option<f64> {
    mean(probabilities, labels, |p, label| {
        let p = p.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        -if label { p.ln() } else { (1.0 - p).ln() }
    })
}

/// The mean squared difference of probability and label (Brier 1950). `None` without rows.
#[must_use]
pub fn brier(probabilities: &[f64], labels: &[bool]) -> Option<f64> {
    mean(probabilities, labels, |p, label| {
        (p - f64::from(label)).powi(2)
    })
}

fn mean(probabilities: &[f64], labels: &[bool], loss: impl Fn(f64, bool) -> f64) -> Option<f64> {
    let pairs = probabilities.iter().zip(labels);
    let sum: f64 = pairs.map(|(&p, &label)| loss(p, label)).sum();
    let mean = sum / probabilities.len() as f64;
    (mean.is_finite() && probabilities.len() == labels.len()).then_some(mean)
}

/// Counts of a decision: who is predicted to churn and who did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Predicted to churn, and did.
    pub true_positives: u64,
    /// Predicted to churn, and stayed.
    pub false_positives: u64,
    /// Predicted to stay, and did.
    pub true_negatives: u64,
    /// Predicted to stay, and churned.
    pub false_negatives: u64,
}

impl Confusion {
    /// Counts; a customer is predicted to churn from a probability of `threshold` on.
    #[must_use]
    pub fn at(threshold: f64, probabilities: &[f64], labels: &[bool]) -> Confusion {
        let mut counts = Confusion::default();
        for (&p, &label) in probabilities.iter().zip(labels) {
            *match (p >= threshold, label) {
                (true, true) => &mut counts.true_positives,
                (true, false) => &mut counts.false_positives,
                (false, false) => &mut counts.true_negatives,
                (false, true) => &mut counts.false_negatives,
            } += 1;
        }
        counts
    }

    /// Customers in all.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.true_positives + self.false_positives + self.true_negatives + self.false_negatives
    }

    /// The share of right predictions. `None` without rows.
    #[must_use]
    pub fn accuracy(&self) -> Option<f64> {
        share(self.true_positives + self.true_negatives, self.total())
    }

    /// The share of those predicted to churn who did. `None` when nobody is predicted to churn.
    #[must_use]
    pub fn precision(&self) -> Option<f64> {
        share(
            self.true_positives,
            self.true_positives + self.false_positives,
        )
    }

    /// The share of those who churned who were predicted to. `None` when nobody churned.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        share(
            self.true_positives,
            self.true_positives + self.false_negatives,
        )
    }

    /// The harmonic mean of precision and recall. `None` when nobody churned and nobody is predicted to.
    #[must_use]
    pub fn f1(&self) -> Option<f64> {
        let wrong = self.false_positives + self.false_negatives;
        share(2 * self.true_positives, 2 * self.true_positives + wrong)
    }

    /// What contacting all who are predicted to churn brings: each contact costs `offer_cost`, each that meets a customer
    /// who would have churned brings `saved_margin`, in money.
    #[must_use]
    pub fn profit(&self, offer_cost: f64, saved_margin: f64) -> f64 {
        let contacts = self.true_positives + self.false_positives;
        self.true_positives as f64 * saved_margin - contacts as f64 * offer_cost
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
