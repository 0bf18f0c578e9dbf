//! Customers by falling score: what every metric of ranks starts from.

use std::cmp::Ordering;

use super::FitError;
use crate::control::{Charge, Control, Stop, reserve};
use crate::sorting::{RUN, sort_by};

const PHASE: &str = "ranking customers";

/// Scores in falling order with their labels, in groups of equal scores. It does not depend on the order of the rows.
#[derive(Debug)]
pub struct Ranking {
    scores: Vec<f64>,
    labels: Vec<bool>,
    order: Vec<u32>,
    positives: u64,
    _charge: Charge,
}

/// The customers of one score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tied {
    /// Their score.
    pub score: f64,
    /// How many there are.
    pub count: u64,
    /// How many of them have a true label.
    pub positives: u64,
}

impl Ranking {
    /// Sorts `scores` (no NaN); `labels` are true for customers who churned.
    ///
    /// # Errors
    /// [`FitError::Data`] when lengths differ or a score is NaN; [`FitError::Stopped`].
    pub fn new(
        scores: &[f64],
        labels: &[bool],
        control: &dyn Control,
    ) -> Result<Ranking, FitError> {
        let rows = scores.len();
        if labels.len() != rows || u32::try_from(rows).is_err() {
            return Err(FitError::data("scores and labels differ in number"));
        }
        let charge = Charge::new((rows as u64).saturating_mul(13), PHASE, control)?;
        let sorted = sorted(scores, control)?;
        let mut ranking = Ranking {
            scores: Vec::new(),
            labels: Vec::new(),
            order: Vec::new(),
            positives: 0,
            _charge: charge,
        };
        reserve(&mut ranking.scores, rows, PHASE)?;
        reserve(&mut ranking.labels, rows, PHASE)?;
        reserve(&mut ranking.order, rows, PHASE)?;
        for chunk in sorted.entries.chunks(RUN) {
            control.check()?;
            for &(score, row) in chunk {
                let label = labels.get(row as usize).copied().unwrap_or_default();
                if score.is_nan() {
                    return Err(FitError::data("a score is not a number"));
                }
                ranking.scores.push(score);
                ranking.labels.push(label);
                ranking.order.push(row);
                ranking.positives += u64::from(label);
            }
        }
        Ok(ranking)
    }

    /// The number of customers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.scores.len()
    }

    /// True when there are no customers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    /// The number of true labels.
    #[must_use]
    pub fn positives(&self) -> u64 {
        self.positives
    }

    /// The number of false labels.
    #[must_use]
    pub fn negatives(&self) -> u64 {
        self.len() as u64 - self.positives
    }

    /// The groups of equal scores, the highest score first.
    pub fn tied(&self) -> impl Iterator<Item = Tied> + '_ {
        self.groups().map(|(score, labels, _)| Tied {
            score,
            count: labels.len() as u64,
            positives: labels.iter().filter(|&&label| label).count() as u64,
        })
    }

    /// The groups with their labels and the numbers of their rows, ascending.
    pub(super) fn groups(&self) -> impl Iterator<Item = (f64, &[bool], &[u32])> + '_ {
        let mut start = 0;
        self.scores
            .chunk_by(|a, b| a == b)
            .filter_map(move |scores| {
                let range = start..start + scores.len();
                start = range.end;
                let score = scores.first()?;
                Some((
                    *score,
                    self.labels.get(range.clone())?,
                    self.order.get(range)?,
                ))
            })
    }
}

type Entry = (f64, u32);

fn compare(a: &Entry, b: &Entry) -> Ordering {
    b.0.total_cmp(&a.0).then(a.1.cmp(&b.1))
}

struct Sorted {
    entries: Vec<Entry>,
    _charge: Charge,
}

fn sorted(scores: &[f64], control: &dyn Control) -> Result<Sorted, Stop> {
    let rows = scores.len();
    let bytes = (rows as u64).saturating_mul(size_of::<Entry>() as u64);
    let charge = Charge::new(bytes, PHASE, control)?;
    let mut entries: Vec<Entry> = Vec::new();
    reserve(&mut entries, rows, PHASE)?;
    // Adding 0 makes -0 into 0, so that both are one score.
    entries.extend(
        scores
            .iter()
            .zip(0u32..)
            .map(|(score, row)| (score + 0.0, row)),
    );
    sort_by(&mut entries, compare, PHASE, control)?;
    Ok(Sorted {
        entries,
        _charge: charge,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::control::testing::Probe;
    use crate::random::Stream;

    #[test]
    fn long_lists_are_sorted_and_the_sort_can_be_cancelled() {
        let mut stream = Stream::new(7, "ranking test", 0);
        let rows = 5 * RUN + 77;
        let scores: Vec<f64> = (0..rows).map(|_| (stream.unit() * 1e5).floor()).collect();
        let labels: Vec<bool> = scores.iter().map(|s| s % 3.0 == 0.0).collect();
        let control = Probe::patient();
        let ranking = Ranking::new(&scores, &labels, &control).unwrap();
        let mut expected: Vec<u32> = (0..rows as u32).collect();
        expected.sort_by(|&a, &b| scores[b as usize].total_cmp(&scores[a as usize]));
        assert_eq!(ranking.order, expected);
        assert!(
            ranking
                .labels
                .iter()
                .zip(&expected)
                .all(|(l, &row)| *l == labels[row as usize])
        );
        assert_eq!(control.held_bytes(), 13 * rows as u64);
        assert!(control.most_held() >= 45 * rows as u64);
        drop(ranking);
        assert_eq!(control.held_bytes(), 0);
        for looks in [0, 3, control.looks() - 1] {
            let stopped = Ranking::new(&scores, &labels, &Probe::stopping_after(looks));
            assert!(matches!(stopped, Err(FitError::Stopped(Stop::Cancelled))));
        }
        let poor = Probe::patient().granting(44 * rows as u64);
        let refused = Ranking::new(&scores, &labels, &poor);
        assert!(matches!(
            refused,
            Err(FitError::Stopped(Stop::Memory { .. }))
        ));
    }

    #[test]
    fn equal_scores_are_one_group() {
        let labels = [true, false, true, true];
        let ranking = Ranking::new(&[0.0, 2.0, -0.0, 1.0], &labels, &Probe::patient()).unwrap();
        let groups: Vec<(f64, u64, u64)> = ranking
            .tied()
            .map(|t| (t.score, t.count, t.positives))
            .collect();
        assert_eq!(groups, [(2.0, 1, 0), (1.0, 1, 1), (0.0, 2, 2)]);
        assert!(Ranking::new(&[f64::NAN], &[true], &Probe::patient()).is_err());
        assert!(Ranking::new(&[1.0], &[], &Probe::patient()).is_err());
    }
}
