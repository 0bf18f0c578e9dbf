//! The customers as the algorithms read them: prepared, in tiles of eight rows, so that the compiler uses vector
//! instructions, and in chunks of a fixed size, so that results do not depend on the number of threads.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::prepare::Preparation;
use crate::control::{Charge, Control, Stop, reserve};

/// Rows of a tile.
pub(super) const LANES: usize = 8;
/// Rows of a chunk: the piece of work of one thread, and of one sum.
pub(super) const CHUNK: usize = 8192;

const PHASE: &str = "segments";

/// Numbers of the rows of a tile.
pub(super) type Lanes = [f64; LANES];

/// Adds up lanes, always in the same order.
pub(super) fn total(lanes: &Lanes) -> f64 {
    lanes.iter().sum()
}

/// Rows x features, tile after tile; within a tile feature after feature. The last tile is filled up with zeros.
#[derive(Debug)]
pub(super) struct Tiles {
    rows: usize,
    features: usize,
    data: Vec<Lanes>,
    _charge: Charge,
}

/// Some tiles that follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk<'a> {
    /// The row with which it begins.
    pub first: usize,
    /// Rows that count.
    pub rows: usize,
    features: usize,
    data: &'a [Lanes],
}

impl<'a> Chunk<'a> {
    /// The tiles: for each the number of rows that count, and the values by feature.
    pub(super) fn tiles(self) -> impl Iterator<Item = (usize, &'a [Lanes])> {
        let rows = self.rows;
        self.data
            .chunks_exact(self.features)
            .enumerate()
            .map(move |(t, tile)| ((rows - t * LANES).min(LANES), tile))
    }
}

impl Tiles {
    /// Prepares rows (rows x features, original units, NaN = missing).
    pub(super) fn new(
        x: ArrayView2<'_, f64>,
        preparation: &Preparation,
        control: &dyn Control,
    ) -> Result<Tiles, Stop> {
        let mut tiles = Tiles::zeros(x.nrows(), x.ncols(), control)?;
        let features = tiles.features;
        tiles
            .data
            .par_chunks_mut(CHUNK / LANES * features)
            .enumerate()
            .try_for_each(|(c, data)| {
                control.check()?;
                for (t, tile) in data.chunks_exact_mut(features).enumerate() {
                    let first = c * CHUNK + t * LANES;
                    for lane in 0..LANES.min(x.nrows() - first) {
                        for (j, (value, out)) in
                            x.row(first + lane).iter().zip(&mut *tile).enumerate()
                        {
                            out[lane] = preparation.prepared(j, *value);
                        }
                    }
                }
                Ok(())
            })?;
        Ok(tiles)
    }

    fn zeros(rows: usize, features: usize, control: &dyn Control) -> Result<Tiles, Stop> {
        let len = rows.div_ceil(LANES).saturating_mul(features);
        let bytes = (len as u64).saturating_mul(size_of::<Lanes>() as u64);
        let charge = Charge::new(bytes, PHASE, control)?;
        let mut data = Vec::new();
        reserve(&mut data, len, PHASE)?;
        data.resize(len, [0.0; LANES]);
        Ok(Tiles {
            rows,
            features,
            data,
            _charge: charge,
        })
    }

    /// Some of the rows.
    pub(super) fn subset(&self, rows: &[usize], control: &dyn Control) -> Result<Tiles, Stop> {
        let mut tiles = Tiles::zeros(rows.len(), self.features, control)?;
        for (at, row) in rows.iter().enumerate() {
            for j in 0..self.features {
                tiles.data[at / LANES * self.features + j][at % LANES] = self.value(*row, j);
            }
        }
        Ok(tiles)
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    pub(super) fn features(&self) -> usize {
        self.features
    }

    /// One value.
    pub(super) fn value(&self, row: usize, feature: usize) -> f64 {
        self.data[row / LANES * self.features + feature][row % LANES]
    }

    /// One row.
    pub(super) fn row(&self, row: usize) -> Vec<f64> {
        (0..self.features).map(|j| self.value(row, j)).collect()
    }

    /// The chunks, for parallel work in which each has its part of another array too.
    pub(super) fn chunks(&self) -> impl IndexedParallelIterator<Item = Chunk<'_>> {
        let (rows, features) = (self.rows, self.features);
        self.data
            .par_chunks(CHUNK / LANES * features)
            .enumerate()
            .map(move |(c, data)| Chunk {
                first: c * CHUNK,
                rows: (rows - c * CHUNK).min(CHUNK),
                features,
                data,
            })
    }

    /// What `work` makes of each chunk, in the order of the chunks.
    pub(super) fn map<T: Send>(
        &self,
        control: &dyn Control,
        work: impl Fn(Chunk<'_>) -> T + Sync + Send,
    ) -> Result<Vec<T>, Stop> {
        self.chunks()
            .map(|chunk| {
                control.check()?;
                Ok(work(chunk))
            })
            .collect()
    }

    /// The mean of the variances of the features.
    pub(super) fn mean_variance(&self, control: &dyn Control) -> Result<f64, Stop> {
        let (n, p) = (self.rows as f64, self.features);
        let sums = |of: &(dyn Fn(usize, f64) -> f64 + Sync)| -> Result<Vec<f64>, Stop> {
            let parts = self.map(control, |chunk| {
                let mut part = vec![0.0; p];
                for (live, tile) in chunk.tiles() {
                    for (j, (sum, values)) in part.iter_mut().zip(tile).enumerate() {
                        *sum += values[..live].iter().map(|v| of(j, *v)).sum::<f64>();
                    }
                }
                part
            })?;
            Ok(added(&parts, p))
        };
        let means: Vec<f64> = sums(&|_, v| v)?.iter().map(|s| s / n).collect();
        let squares = sums(&|j, v| (v - means[j]) * (v - means[j]))?;
        Ok(squares.iter().sum::<f64>() / n / p as f64)
    }

    /// How many different rows there are; counting ends at `enough`.
    pub(super) fn distinct(&self, enough: usize, control: &dyn Control) -> Result<usize, Stop> {
        let mut seen = std::collections::HashSet::new();
        for row in 0..self.rows {
            if row % CHUNK == 0 {
                control.check()?;
            }
            // Adding zero makes one zero of both.
            let bits: Vec<u64> = self.row(row).iter().map(|v| (v + 0.0).to_bits()).collect();
            seen.insert(bits);
            if seen.len() >= enough {
                break;
            }
        }
        Ok(seen.len())
    }
}

/// The sum of vectors, in their order.
pub(super) fn added(parts: &[Vec<f64>], len: usize) -> Vec<f64> {
    let mut sums = vec![0.0; len];
    for part in parts {
        for (sum, value) in sums.iter_mut().zip(part) {
            *sum += value;
        }
    }
    sums
}
