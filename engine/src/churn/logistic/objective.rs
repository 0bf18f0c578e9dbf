//! The logarithmic loss of all rows with its gradient and Hessian, in one pass.
//!
//! Rows are worked off in blocks that are copied into panels of four columns; a tile of 4 x 4 entries of the Hessian is then
//! summed in registers. The blocks belong to at most [`PARTS`] parts, whose sums are added in their order, so that the result
//! does not depend on the number of threads.

use std::ops::Range;

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::FitError;
use crate::control::{Charge, Control, Stop, reserve};

const PHASE: &str = "fitting logistic regression";

/// Rows of a block: two blocks of twelve columns fit a first-level cache.
const BLOCK: usize = 64;

/// Most parts of the rows that are summed apart.
const PARTS: usize = 32;

/// Least rows of a part.
const PART: usize = 1024;

/// The rows, and what a row's loss counts.
pub(super) struct Problem<'a> {
    values: &'a [f64],
    pub(super) labels: &'a [bool],
    weights: Option<&'a [f64]>,
    pub(super) columns: usize,
    pub(super) c: f64,
    /// Weights of the rows with a true label and of those with a false one.
    pub(super) balance: (f64, f64),
    _charge: Charge,
}

/// Loss, gradient and Hessian of C sum_i w_i loss_i at some coefficients. The intercept is the last of `columns + 1`.
pub(super) struct Terms {
    pub(super) loss: f64,
    pub(super) gradient: Vec<f64>,
    /// `columns + 1` squared, row by row, symmetric.
    pub(super) hessian: Vec<f64>,
}

/// The sums of one part, padded to whole panels; of the Hessian the tiles on and below the diagonal.
struct Sums {
    loss: f64,
    gradient: Vec<[f64; 4]>,
    tiles: Vec<[[f64; 4]; 4]>,
}

impl<'a> Problem<'a> {
    pub(super) fn new(
        x: &'a ArrayView2<'_, f64>,
        labels: &'a [bool],
        weights: Option<&'a [f64]>,
        c: f64,
        control: &dyn Control,
    ) -> Result<Problem<'a>, FitError> {
        let (rows, columns) = x.dim();
        if rows == 0 {
            return Err(FitError::data(
                "a model needs at least one row to learn from",
            ));
        }
        if labels.len() != rows || weights.is_some_and(|w| w.len() != rows) {
            return Err(FitError::data("rows, labels and weights differ in number"));
        }
        let values = x
            .as_slice()
            .ok_or_else(|| FitError::data("the matrix is not in standard layout"))?;
        for chunk in values.chunks(1 << 20) {
            control.check()?;
            if !chunk.iter().all(|v| v.is_finite()) {
                return Err(FitError::data("features have values that are not finite"));
            }
        }
        let mut balance = (0.0, 0.0);
        for (row, &label) in labels.iter().enumerate() {
            let weight = weights.map_or(1.0, |w| w.get(row).copied().unwrap_or(f64::NAN));
            if !(weight > 0.0 && weight.is_finite()) {
                return Err(FitError::data("weights must be positive numbers"));
            }
            *(if label {
                &mut balance.0
            } else {
                &mut balance.1
            }) += weight;
        }
        if balance.0 == 0.0 || balance.1 == 0.0 {
            return Err(FitError::data(
                "all customers have the same label: a model needs some who churned and some who stayed",
            ));
        }
        let panels = panels(columns);
        let sums = size_of::<Sums>() + panels * 32 + triangle(panels) * 128;
        let scratch = 2 * panels * BLOCK * 32;
        let square = (columns + 1).saturating_mul(columns + 1).saturating_mul(8);
        let bytes = PARTS
            .saturating_mul(sums + scratch)
            .saturating_add(square.saturating_mul(4));
        Ok(Problem {
            values,
            labels,
            weights,
            columns,
            c,
            balance,
            _charge: Charge::new(bytes as u64, PHASE, control)?,
        })
    }

    /// Loss, gradient and, where `curvature` is asked for, Hessian at `at`: the coefficients and the intercept. With `every`
    /// above 1 an estimate from one of so many blocks of rows.
    pub(super) fn evaluate(
        &self,
        at: &[f64],
        every: usize,
        curvature: bool,
        control: &dyn Control,
    ) -> Result<Terms, Stop> {
        let rows = self.labels.len();
        let part = rows.div_ceil(PARTS).max(PART).next_multiple_of(BLOCK);
        let parts = rows.div_ceil(part);
        let sums: Vec<Sums> = (0..parts)
            .into_par_iter()
            .map(|i| {
                let rows = i * part..((i + 1) * part).min(rows);
                self.part(at, rows, every, curvature, control)
            })
            .collect::<Result<_, Stop>>()?;
        let mut total: Option<Sums> = None;
        for sums in sums {
            match &mut total {
                None => total = Some(sums),
                Some(total) => {
                    total.loss += sums.loss;
                    add(
                        total.gradient.as_flattened_mut(),
                        sums.gradient.as_flattened(),
                    );
                    let tiles = sums.tiles.as_flattened().as_flattened();
                    add(total.tiles.as_flattened_mut().as_flattened_mut(), tiles);
                }
            }
        }
        total.map_or_else(|| self.empty(), |sums| self.unfold(sums))
    }

    fn empty(&self) -> Result<Terms, Stop> {
        let width = self.columns + 1;
        Ok(Terms {
            loss: 0.0,
            gradient: vec![0.0; width],
            hessian: vec![0.0; width * width],
        })
    }

    fn unfold(&self, sums: Sums) -> Result<Terms, Stop> {
        let mut terms = self.empty()?;
        let width = self.columns + 1;
        terms.loss = sums.loss;
        terms
            .gradient
            .copy_from_slice(&sums.gradient.as_flattened()[..width]);
        for i in 0..width {
            for j in 0..=i {
                let tile = triangle(i / 4) + j / 4;
                let value = sums.tiles[tile][i % 4][j % 4];
                terms.hessian[i * width + j] = value;
                terms.hessian[j * width + i] = value;
            }
        }
        Ok(terms)
    }

    fn part(
        &self,
        at: &[f64],
        rows: Range<usize>,
        every: usize,
        curvature: bool,
        control: &dyn Control,
    ) -> Result<Sums, Stop> {
        let (columns, panels) = (self.columns, panels(self.columns));
        let mut at4 = vec![[0.0; 4]; panels];
        at4.as_flattened_mut()[..=columns].copy_from_slice(at);
        let mut sums = Sums {
            loss: 0.0,
            gradient: vec![[0.0; 4]; panels],
            tiles: Vec::new(),
        };
        reserve(&mut sums.tiles, triangle(panels), PHASE)?;
        sums.tiles.resize(triangle(panels), [[0.0; 4]; 4]);
        // The last column is the intercept's; those after it stay 0.
        let mut design = vec![[0.0; 4]; panels * BLOCK];
        for row in &mut design[(panels - 1) * BLOCK..] {
            row[columns % 4] = 1.0;
        }
        let mut curved = vec![[0.0; 4]; panels * BLOCK];
        let c = self.c * every as f64;
        for start in rows.clone().step_by(BLOCK * every) {
            control.check()?;
            let len = BLOCK.min(rows.end - start);
            self.fill(start, len, &mut design);
            let (slopes, curvatures) =
                self.losses(c, start..start + len, &design, &at4, &mut sums.loss);
            for (panel, gradient) in design.chunks_exact(BLOCK).zip(&mut sums.gradient) {
                for (row, slope) in panel[..len].iter().zip(&slopes) {
                    for (sum, x) in gradient.iter_mut().zip(row) {
                        *sum += slope * x;
                    }
                }
            }
            if !curvature {
                continue;
            }
            for (panel, out) in design
                .chunks_exact(BLOCK)
                .zip(curved.chunks_exact_mut(BLOCK))
            {
                for ((row, out), h) in panel[..len].iter().zip(out).zip(&curvatures) {
                    *out = row.map(|x| h * x);
                }
            }
            let mut tiles = sums.tiles.iter_mut();
            for (i, left) in curved.chunks_exact(BLOCK).enumerate() {
                for right in design.chunks_exact(BLOCK).take(i + 1) {
                    if let Some(tile) = tiles.next() {
                        multiply(&left[..len], &right[..len], tile);
                    }
                }
            }
        }
        Ok(sums)
    }

    /// Copies rows into panels of four columns.
    fn fill(&self, start: usize, len: usize, design: &mut [[f64; 4]]) {
        let columns = self.columns;
        let values = &self.values[start * columns..(start + len) * columns];
        for (row, cells) in values.chunks_exact(columns.max(1)).enumerate() {
            for (panel, four) in cells.chunks(4).enumerate() {
                design[panel * BLOCK + row][..four.len()].copy_from_slice(four);
            }
        }
    }

    /// Adds the losses of a block and gives their first and second derivatives by the margin.
    fn losses(
        &self,
        c: f64,
        rows: Range<usize>,
        design: &[[f64; 4]],
        at: &[[f64; 4]],
        loss: &mut f64,
    ) -> ([f64; BLOCK], [f64; BLOCK]) {
        let mut margins = [[0.0; 4]; BLOCK];
        for (panel, at) in design.chunks_exact(BLOCK).zip(at) {
            for (margin, row) in margins.iter_mut().zip(panel) {
                for ((sum, x), b) in margin.iter_mut().zip(row).zip(at) {
                    *sum += x * b;
                }
            }
        }
        let mut slopes = [0.0; BLOCK];
        let mut curvatures = [0.0; BLOCK];
        let labels = &self.labels[rows.clone()];
        let weights = self.weights.map(|w| &w[rows]);
        // The logarithms of equally weighted rows are one logarithm: a product of 64 factors up to 2 cannot overflow.
        let mut product = 1.0;
        for (i, &label) in labels.iter().enumerate() {
            let [m0, m1, m2, m3] = margins[i];
            let margin = (m0 + m1) + (m2 + m3);
            let weight = weights.map_or(c, |w| c * w[i]);
            // exp of minus the absolute margin cannot overflow.
            let small = (-margin.abs()).exp();
            let likely = 1.0 / (1.0 + small);
            let unlikely = small * likely;
            let wrong = (margin > 0.0) != label;
            if weights.is_some() {
                *loss += weight * small.ln_1p();
            } else {
                product *= 1.0 + small;
            }
            *loss += if wrong { weight * margin.abs() } else { 0.0 };
            let miss = if wrong { likely } else { unlikely };
            slopes[i] = if label { -weight * miss } else { weight * miss };
            curvatures[i] = weight * unlikely * likely;
        }
        *loss += c * product.ln();
        (slopes, curvatures)
    }
}

/// Panels of four columns that hold `columns` and the intercept.
fn panels(columns: usize) -> usize {
    (columns + 1).div_ceil(4)
}

/// Tiles on and below the diagonal of `n` rows of tiles.
fn triangle(n: usize) -> usize {
    n * (n + 1) / 2
}

fn add(total: &mut [f64], part: &[f64]) {
    for (total, part) in total.iter_mut().zip(part) {
        *total += part;
    }
}

/// Adds the product of the transposed left panel with the right one.
fn multiply(left: &[[f64; 4]], right: &[[f64; 4]], tile: &mut [[f64; 4]; 4]) {
    let mut sums = [[0.0; 4]; 4];
    for (left, right) in left.iter().zip(right) {
        for (sums, l) in sums.iter_mut().zip(left) {
            for (sum, r) in sums.iter_mut().zip(right) {
                *sum += l * r;
            }
        }
    }
    for (tile, sums) in tile.iter_mut().zip(&sums) {
        add(tile, sums);
    }
}
