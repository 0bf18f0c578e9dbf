//! Profiles: what the customers of each segment are like.

use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::tiles::CHUNK;
use crate::control::{Charge, Control, Stop, reserve};

const PHASE: &str = "segment profiles";

/// The three classic features of each customer, in the order of the rows of the matrix; NaN = missing.
#[derive(Debug, Clone, Copy)]
pub struct Rfm<'a> {
    /// Days since the last order.
    pub recency_days: &'a [f64],
    /// Orders.
    pub frequency: &'a [f64],
    /// Sales.
    pub monetary: &'a [f64],
}

/// Names of the columns of [`Rfm`].
pub(super) const RFM: [&str; 3] = ["recency_days", "frequency", "monetary"];

/// What the customers of each segment were like when the model was trained.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// `recency_days`, `frequency`, `monetary`, then the model's other features.
    pub columns: Vec<String>,
    /// Customers of each segment.
    pub customers: Vec<u64>,
    /// Segments x columns: mean in original units; `None` when no customer of the segment has a value.
    pub means: Vec<Option<f64>>,
    /// By column: mean of all customers.
    pub base: Vec<Option<f64>>,
    /// Segments x columns: mean rank in the base, from 0 (all others have more) to 1; 0.5 is as the base.
    pub ranks: Vec<f64>,
}

impl Profile {
    /// The profile by labels (segment of each row). All columns have the length of `labels`.
    pub(super) fn new(
        x: ArrayView2<'_, f64>,
        features: &[String],
        rfm: &Rfm<'_>,
        labels: &[u32],
        k: usize,
        control: &dyn Control,
    ) -> Result<Profile, Stop> {
        let n = labels.len();
        let others: Vec<usize> = (0..features.len())
            .filter(|j| !RFM.contains(&features[*j].as_str()))
            .collect();
        let mut customers = vec![0; k];
        for label in labels {
            customers[*label as usize] += 1;
        }
        let names = others.iter().map(|j| features[*j].clone());
        let columns: Vec<String> = RFM.map(str::to_owned).into_iter().chain(names).collect();
        let width = columns.len();
        let mut profile = Profile {
            columns,
            customers,
            means: vec![None; k * width],
            base: Vec::new(),
            ranks: vec![0.5; k * width],
        };
        let _charge = Charge::new(
            2 * n as u64 * size_of::<(f64, u32)>() as u64,
            PHASE,
            control,
        )?;
        let mut sorted: Vec<(f64, u32)> = Vec::new();
        reserve(&mut sorted, n, PHASE)?;
        for column in 0..width {
            control.check()?;
            control.progress(PHASE, column as u64, width as u64);
            sorted.clear();
            let mut add = |(value, label): (f64, &u32)| {
                if !value.is_nan() {
                    // One zero, so that equal values are equal in the order too.
                    sorted.push((value + 0.0, *label));
                }
            };
            match column {
                0 => rfm
                    .recency_days
                    .iter()
                    .copied()
                    .zip(labels)
                    .for_each(&mut add),
                1 => rfm.frequency.iter().copied().zip(labels).for_each(&mut add),
                2 => rfm.monetary.iter().copied().zip(labels).for_each(&mut add),
                other => x
                    .column(others[other - 3])
                    .iter()
                    .copied()
                    .zip(labels)
                    .for_each(&mut add),
            }
            profile.describe(column, &mut sorted, control)?;
        }
        Ok(profile)
    }

    fn describe(
        &mut self,
        column: usize,
        values: &mut [(f64, u32)],
        control: &dyn Control,
    ) -> Result<(), Stop> {
        let (k, width) = (self.customers.len(), self.columns.len());
        let n = values.len() as f64;
        sort(values, control)?;
        let (mut sums, mut ranks, mut counts) = (vec![0.0; k], vec![0.0; k], vec![0u64; k]);
        let mut before = 0usize;
        for equal in values.chunk_by(|a, b| a.0 == b.0) {
            // The middle of the places that the equal values take.
            let rank = (before as f64 + equal.len() as f64 / 2.0) / n;
            for (value, label) in equal {
                let segment = *label as usize;
                sums[segment] += value;
                ranks[segment] += rank;
                counts[segment] += 1;
            }
            before += equal.len();
        }
        let all: f64 = sums.iter().sum();
        self.base.push((n > 0.0).then(|| all / n));
        for segment in 0..k {
            if counts[segment] > 0 {
                let count = counts[segment] as f64;
                self.means[segment * width + column] = Some(sums[segment] / count);
                self.ranks[segment * width + column] = ranks[segment] / count;
            }
        }
        Ok(())
    }

    /// The mean of a column in a segment.
    #[must_use]
    pub fn mean(&self, segment: usize, column: &str) -> Option<f64> {
        let at = self.columns.iter().position(|c| c == column)?;
        *self.means.get(segment * self.columns.len() + at)?
    }

    /// The mean rank of a column in a segment; both must exist.
    pub(super) fn rank(&self, segment: usize, column: usize) -> f64 {
        self.ranks[segment * self.columns.len() + column]
    }

    /// Puts the segments in another order.
    pub(super) fn reordered(mut self, order: &[usize]) -> Profile {
        let width = self.columns.len();
        let rows = |s: &usize| s * width..(s + 1) * width;
        self.means = order
            .iter()
            .flat_map(|s| self.means[rows(s)].to_vec())
            .collect();
        self.ranks = order
            .iter()
            .flat_map(|s| self.ranks[rows(s)].to_vec())
            .collect();
        self.customers = order.iter().map(|s| self.customers[*s]).collect();
        self
    }

    /// Checks what was read from outside, for `k` segments.
    pub(super) fn check(&self, k: usize) -> Result<(), &'static str> {
        let width = self.columns.len();
        let fits = width >= RFM.len()
            && self.customers.len() == k
            && self.means.len() == k * width
            && self.ranks.len() == k * width
            && self.base.len() == width;
        if !fits {
            return Err("the profile has parts of different lengths");
        }
        let finite = self
            .means
            .iter()
            .chain(&self.base)
            .flatten()
            .chain(&self.ranks)
            .all(|v| v.is_finite());
        if finite {
            Ok(())
        } else {
            Err("the profile has a number that is not finite")
        }
    }
}

/// Sorts by value and then segment. Pieces are sorted by themselves and then merged, so that work ends soon when cancelled.
fn sort(values: &mut [(f64, u32)], control: &dyn Control) -> Result<(), Stop> {
    let order = |a: &(f64, u32), b: &(f64, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
    values.par_chunks_mut(8 * CHUNK).try_for_each(|piece| {
        control.check()?;
        piece.sort_unstable_by(order);
        Ok(())
    })?;
    control.check()?;
    // Runs are found and merged by the stable sort.
    values.par_sort_by(order);
    control.check()
}
