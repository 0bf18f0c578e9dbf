//! Features as small integers: each value is replaced by the number of its bin.

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::control::{Charge, Control, Stop, reserve};
use crate::random::Stream;

/// The most bins that values of a feature may have; missing values have one more.
pub const MAX_BINS: usize = 255;

/// Rows from which quantiles are taken; with more rows, one of each of so many equal stretches.
const SAMPLE: usize = 1 << 17;

/// Rows that one task codes.
const CHUNK: usize = 4096;

/// Cut points of each feature.
///
/// A value falls into bin `b` when it is greater than `cuts[b - 1]` and not greater than `cuts[b]`, so that
/// `code <= b` and `value <= cuts[b]` say the same. NaN falls into a bin of its own after all others.
#[derive(Debug, Clone, PartialEq)]
pub struct Bins {
    /// Ascending and finite, at most `MAX_BINS - 1` for each feature.
    cuts: Vec<Vec<f64>>,
}

impl Bins {
    /// Finds the cut points of `x` (rows x features, NaN = missing).
    ///
    /// A feature with at most `max_bins` distinct values gets a cut halfway between each two neighbours. Otherwise the bins
    /// are weighted quantiles; a value as heavy as a bin has one to itself. Of more than 131,072 rows a fixed sample is used.
    /// `max_bins` is held within 2..=255.
    ///
    /// # Errors
    /// [`Stop`] when cancelled or short of memory.
    ///
    /// # Panics
    /// When there are weights, but not one for each row.
    pub fn fit(
        x: ArrayView2<'_, f64>,
        weights: Option<&[f64]>,
        max_bins: usize,
        control: &dyn Control,
    ) -> Result<Bins, Stop> {
        assert!(
            weights.is_none_or(|w| w.len() == x.nrows()),
            "a weight for each row"
        );
        let sample = sample(x.nrows())?;
        let max_bins = max_bins.clamp(2, MAX_BINS);
        let cuts = (0..x.ncols())
            .into_par_iter()
            .map(|f| {
                control.check()?;
                let _charge = Charge::new(16 * sample.len() as u64, "bins", control)?;
                let mut values = Vec::new();
                reserve(&mut values, sample.len(), "bins")?;
                for &row in &sample {
                    let value = x[[row as usize, f]];
                    if !value.is_nan() {
                        let weight = weights.map_or(1.0, |w| w[row as usize]);
                        // -0 and 0 are one value.
                        values.push((value + 0.0, weight));
                    }
                }
                values
                    .sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.total_cmp(&b.1)));
                control.check()?;
                Ok(cuts_of(&values, max_bins))
            })
            .collect::<Result<_, Stop>>()?;
        Ok(Bins { cuts })
    }

    /// Codes `x`, which must have as many features as the bins.
    ///
    /// # Errors
    /// [`Stop`] when cancelled or short of memory.
    ///
    /// # Panics
    /// When the number of features differs, or there are 2^32 rows or more.
    pub fn apply(&self, x: ArrayView2<'_, f64>, control: &dyn Control) -> Result<Binned, Stop> {
        assert_eq!(x.ncols(), self.cuts.len(), "features");
        assert!(u32::try_from(x.nrows()).is_ok(), "rows");
        let (rows, features) = x.dim();
        let charge = Charge::new(2 * (rows * features) as u64, "binned features", control)?;
        let mut codes = Vec::new();
        reserve(&mut codes, rows * features, "binned features")?;
        codes.resize(rows * features, 0u8);
        let tables: Vec<[f64; 256]> = self.cuts.iter().map(|cuts| padded(cuts)).collect();
        codes
            .par_chunks_mut((CHUNK * features).max(1))
            .enumerate()
            .try_for_each(|(chunk, codes)| {
                control.check()?;
                for (i, codes) in codes.chunks_exact_mut(features).enumerate() {
                    let row = x.row(chunk * CHUNK + i);
                    for (((code, &value), table), cuts) in
                        codes.iter_mut().zip(row).zip(&tables).zip(&self.cuts)
                    {
                        *code = if value.is_nan() {
                            (cuts.len() + 1) as u8
                        } else {
                            place(table, value)
                        };
                    }
                }
                Ok(())
            })?;
        let mut columns = Vec::new();
        reserve(&mut columns, rows * features, "binned features")?;
        columns.resize(rows * features, 0u8);
        columns
            .par_chunks_mut(rows.max(1))
            .enumerate()
            .try_for_each(|(feature, column)| {
                control.check()?;
                let codes = codes.iter().skip(feature).step_by(features);
                for (to, from) in column.iter_mut().zip(codes) {
                    *to = *from;
                }
                Ok(())
            })?;
        Ok(Binned {
            bins: self.clone(),
            rows,
            codes,
            columns,
            _charge: charge,
        })
    }

    /// Features.
    #[must_use]
    pub fn features(&self) -> usize {
        self.cuts.len()
    }

    /// The cut points of a feature, ascending.
    #[must_use]
    pub fn cuts(&self, feature: usize) -> &[f64] {
        self.cuts.get(feature).map_or(&[], Vec::as_slice)
    }

    /// The bins that values of a feature fall into; the code of a missing value is this number.
    pub(super) fn values(&self, feature: usize) -> usize {
        self.cuts(feature).len() + 1
    }

    /// The value that says the same as `code <= bin`; for the last bin of values, one that none exceeds.
    pub(super) fn threshold(&self, feature: usize, bin: u8) -> f64 {
        self.cuts(feature)
            .get(usize::from(bin))
            .copied()
            .unwrap_or(f64::MAX)
    }
}

/// Coded features, one byte each, in two orders: to sum up rows by all features and to part rows by one.
#[derive(Debug)]
pub struct Binned {
    bins: Bins,
    rows: usize,
    /// Row after row.
    codes: Vec<u8>,
    /// Feature after feature.
    columns: Vec<u8>,
    _charge: Charge,
}

impl Binned {
    /// The cut points.
    #[must_use]
    pub fn bins(&self) -> &Bins {
        &self.bins
    }

    /// Rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The codes, rows x features in row order.
    #[must_use]
    pub fn codes(&self) -> &[u8] {
        &self.codes
    }

    /// The codes of a feature.
    pub(super) fn column(&self, feature: usize) -> &[u8] {
        &self.columns[feature * self.rows..(feature + 1) * self.rows]
    }
}

/// The rows to take quantiles from.
fn sample(rows: usize) -> Result<Vec<u32>, Stop> {
    let mut sample = Vec::new();
    reserve(&mut sample, rows.min(SAMPLE), "bins")?;
    if rows <= SAMPLE {
        sample.extend(0..rows as u32);
    } else {
        // One of each stretch, at a random place in it: a period in the rows does no harm.
        let mut stream = Stream::new(0, "rows for bins", 0);
        let start = |stretch: usize| (stretch as u128 * rows as u128 / SAMPLE as u128) as usize;
        sample.extend((0..SAMPLE).map(|stretch| {
            let begin = start(stretch);
            (begin + stream.below(start(stretch + 1) - begin)) as u32
        }));
    }
    Ok(sample)
}

/// The cut points of sorted (value, weight) pairs.
fn cuts_of(values: &[(f64, f64)], max_bins: usize) -> Vec<f64> {
    let groups = || {
        values
            .chunk_by(|a, b| a.0 == b.0)
            .map(|group| (group[0].0, group.iter().map(|v| v.1).sum::<f64>()))
    };
    let distinct = groups().count();
    let mut cuts = Vec::new();
    let mut rest: f64 = groups().map(|g| g.1).sum();
    // Before anything is put into the current bin.
    let mut target = if distinct <= max_bins {
        0.0
    } else {
        rest / max_bins as f64
    };
    let mut filled = 0.0;
    let mut previous: Option<f64> = None;
    for (value, weight) in groups() {
        if let Some(previous) = previous
            && (filled >= target || weight >= target)
            && cuts.len() + 1 < max_bins
        {
            cuts.push(between(previous, value));
            rest -= filled;
            filled = 0.0;
            if distinct > max_bins {
                target = rest / (max_bins - cuts.len()) as f64;
            }
        }
        filled += weight;
        previous = Some(value);
    }
    cuts
}

/// Halfway between `a < b`, not below `a` and below `b`.
fn between(a: f64, b: f64) -> f64 {
    let middle = a / 2.0 + b / 2.0;
    if middle >= a && middle < b { middle } else { a }
}

/// Cut points followed by infinities, for a search with a fixed number of steps.
fn padded(cuts: &[f64]) -> [f64; 256] {
    let mut table = [f64::INFINITY; 256];
    for (slot, cut) in table.iter_mut().zip(cuts) {
        *slot = *cut;
    }
    table
}

/// The number of cut points below a value.
fn place(table: &[f64; 256], value: f64) -> u8 {
    let mut at = 0usize;
    for step in [128, 64, 32, 16, 8, 4, 2, 1] {
        let cut = table[(at + step - 1) & 255];
        at += if cut < value { step } else { 0 };
    }
    at as u8
}

#[cfg(test)]
#[path = "bins_tests.rs"]
mod tests;
