//! Sums of gradients and hessians by feature and bin.

use rayon::prelude::*;

use crate::control::{Charge, Control, Stop, reserve};

/// A sum of gradients and one of hessians.
pub(super) type Sums = [f64; 2];

/// Bins of a feature. A little over 256, so that the same bin of neighbouring features lies in different cache sets; a `u8`
/// as index needs no check.
const STRIDE: usize = 260;

/// Rows that one task sums up. Partial sums are merged in order, so the result does not depend on the threads.
pub(super) const CHUNK: usize = 1 << 15;

/// Bytes that stay in a cache near the processor.
const NEAR: usize = 1 << 21;

/// Rows that are brought near before they are summed up.
const AHEAD: usize = 128;

/// The sums of one node for all features.
#[derive(Debug)]
pub(super) struct Histogram {
    bins: Vec<[Sums; STRIDE]>,
    _charge: Charge,
}

impl Histogram {
    fn empty(features: usize, control: &dyn Control) -> Result<Histogram, Stop> {
        let bytes = (features * size_of::<[Sums; STRIDE]>()) as u64;
        let charge = Charge::new(bytes, "histograms", control)?;
        let mut bins = Vec::new();
        reserve(&mut bins, features, "histograms")?;
        bins.resize(features, [[0.0; 2]; STRIDE]);
        Ok(Histogram {
            bins,
            _charge: charge,
        })
    }

    /// The bins of each feature.
    pub(super) fn features(&self) -> impl Iterator<Item = &[Sums; STRIDE]> {
        self.bins.iter()
    }

    /// Sums up the pairs (gradient, hessian) of some rows. The codes of all rows are in `codes`, row after row.
    pub(super) fn of<T: Copy + Into<f64> + Sync>(
        codes: &[u8],
        features: usize,
        pairs: &[[T; 2]],
        rows: &[u32],
        control: &dyn Control,
    ) -> Result<Histogram, Stop> {
        let of_chunk = |rows: &[u32]| {
            let mut part = Histogram::empty(features, control)?;
            part.add_rows(codes, pairs, rows, control)?;
            Ok(part)
        };
        if rows.len() <= CHUNK {
            return of_chunk(rows);
        }
        let parts = rows
            .par_chunks(CHUNK)
            .map(of_chunk)
            .collect::<Result<Vec<_>, Stop>>()?;
        let mut all = Histogram::empty(features, control)?;
        for part in &parts {
            all.zip(part, |a, b| a + b);
        }
        Ok(all)
    }

    fn add_rows<T: Copy + Into<f64>>(
        &mut self,
        codes: &[u8],
        pairs: &[[T; 2]],
        rows: &[u32],
        control: &dyn Control,
    ) -> Result<(), Stop> {
        let features = self.bins.len();
        let far = features > 0 && codes.len() + size_of_val(pairs) > NEAR;
        control.check()?;
        for rows in rows.chunks(AHEAD) {
            if far {
                touch(codes, features, pairs, rows);
            }
            for &row in rows {
                let row = row as usize;
                let [g, h] = pairs[row].map(Into::into);
                let codes = &codes[row * features..(row + 1) * features];
                for (bins, &code) in self.bins.iter_mut().zip(codes) {
                    let sums = &mut bins[usize::from(code)];
                    *sums = [sums[0] + g, sums[1] + h];
                }
            }
        }
        Ok(())
    }

    /// What a node has without one of its children: the other child's.
    pub(super) fn minus(
        &self,
        child: &Histogram,
        control: &dyn Control,
    ) -> Result<Histogram, Stop> {
        let mut other = Histogram::empty(self.bins.len(), control)?;
        other.bins.copy_from_slice(&self.bins);
        other.zip(child, |a, b| a - b);
        Ok(other)
    }

    fn zip(&mut self, other: &Histogram, f: impl Fn(f64, f64) -> f64) {
        let bins = self.bins.as_flattened_mut().as_flattened_mut();
        for (a, b) in bins
            .iter_mut()
            .zip(other.bins.as_flattened().as_flattened())
        {
            *a = f(*a, *b);
        }
    }
}

/// Brings rows near. Loads that nothing waits for run side by side, while those between the sums do not: they are too far
/// apart for the processor to see the next ones.
fn touch<T: Copy + Into<f64>>(codes: &[u8], features: usize, pairs: &[[T; 2]], rows: &[u32]) {
    let (mut code, mut pair) = (0u8, 0.0);
    for &row in rows {
        code ^= codes[row as usize * features];
    }
    for &row in rows {
        let first: f64 = pairs[row as usize][0].into();
        pair += first;
    }
    std::hint::black_box((code, pair));
}
