//! Raw scores of many rows.

use ndarray::{ArrayView2, s};
use rayon::prelude::*;

use super::ensemble::Ensemble;
use crate::control::{Charge, Control, Stop, reserve};

/// Rows that one task scores.
const CHUNK: usize = 2048;

/// Values of a block of rows, which goes through one tree after the other: the block and a tree stay in the cache.
const BLOCK: usize = 4096;

/// Rows that go down a tree side by side: the steps of one row wait for each other, those of several do not.
const LANES: usize = 8;

/// A node as the walk needs it. A leaf leads to itself, so that all rows take the same number of steps.
#[derive(Clone, Copy)]
struct Step {
    threshold: f64,
    feature: u32,
    missing_left: bool,
    /// Left and right, counted from the root of the tree.
    children: [u32; 2],
}

impl Ensemble {
    /// Writes the raw score of each row of `x` (rows x features, NaN = missing) into `out`: the same bits as
    /// [`Ensemble::score_row`].
    ///
    /// # Errors
    /// [`Stop`] when cancelled or short of memory.
    ///
    /// # Panics
    /// When `out` has not one place for each row, `x` too few features, or the ensemble would not pass [`Ensemble::check`].
    pub fn score(
        &self,
        x: ArrayView2<'_, f64>,
        out: &mut [f64],
        control: &dyn Control,
    ) -> Result<(), Stop> {
        assert_eq!(x.nrows(), out.len(), "a place for each row");
        assert!(x.ncols() >= self.features(), "features");
        let bytes = (self.feature.len() * size_of::<Step>()) as u64;
        let _charge = Charge::new(bytes, "scoring", control)?;
        let mut steps = Vec::new();
        reserve(&mut steps, self.feature.len(), "scoring")?;
        let mut depths = Vec::with_capacity(self.trees());
        for tree in 0..self.trees() {
            depths.push(self.steps_of(tree, &mut steps));
        }
        out.par_chunks_mut(CHUNK)
            .enumerate()
            .try_for_each(|(chunk, out)| {
                let begin = chunk * CHUNK;
                let x = x.slice(s![begin..begin + out.len(), ..]);
                self.score_chunk(&steps, &depths, x, out, control)
            })
    }

    /// Appends the steps of a tree and returns its depth.
    fn steps_of(&self, tree: usize, steps: &mut Vec<Step>) -> u32 {
        let nodes = self.nodes(tree);
        let root = nodes.start as u32;
        let mut depths = vec![0u32; nodes.len()];
        for node in nodes.clone() {
            let (here, leaf) = (node as u32 - root, self.left[node] == 0);
            let children = if leaf {
                [here; 2]
            } else {
                [self.left[node] - root, self.right[node] - root]
            };
            for child in children {
                let depth = depths[here as usize];
                let below = &mut depths[child as usize];
                *below = depth + u32::from(!leaf);
            }
            steps.push(Step {
                threshold: self.threshold[node],
                feature: if leaf { 0 } else { self.feature[node] },
                missing_left: self.missing_left[node] != 0,
                children,
            });
        }
        depths.into_iter().max().unwrap_or(0)
    }

    fn score_chunk(
        &self,
        steps: &[Step],
        depths: &[u32],
        x: ArrayView2<'_, f64>,
        out: &mut [f64],
        control: &dyn Control,
    ) -> Result<(), Stop> {
        let features = x.ncols();
        let rows = (BLOCK / features.max(1) / LANES).clamp(1, 32) * LANES;
        // Whole lanes, also where rows are missing at the end.
        let mut block = vec![0.0; rows * features];
        for (begin, out) in (0..).step_by(rows).zip(out.chunks_mut(rows)) {
            control.check()?;
            for (i, to) in block.chunks_exact_mut(features.max(1)).enumerate() {
                if i < out.len() {
                    for (to, from) in to.iter_mut().zip(x.row(begin + i)) {
                        *to = *from;
                    }
                }
            }
            out.fill(self.base);
            for (tree, &depth) in depths.iter().enumerate() {
                let nodes = self.nodes(tree);
                let values = &self.value[nodes.clone()];
                let steps = &steps[nodes];
                if features == 0 || depth == 0 {
                    out.iter_mut().for_each(|score| *score += values[0]);
                    continue;
                }
                let lanes = block.chunks_exact(LANES * features);
                for (out, lanes) in out.chunks_mut(LANES).zip(lanes) {
                    let ends = walk(steps, depth, lanes, features);
                    for (score, end) in out.iter_mut().zip(ends) {
                        *score += values[end as usize];
                    }
                }
            }
        }
        Ok(())
    }
}

/// The leaves that rows end in.
#[inline]
fn walk(steps: &[Step], depth: u32, lanes: &[f64], features: usize) -> [u32; LANES] {
    let mut at = [0u32; LANES];
    for _ in 0..depth {
        for (at, row) in at.iter_mut().zip(lanes.chunks_exact(features)) {
            let step = &steps[*at as usize];
            let value = row[step.feature as usize];
            let left = (value <= step.threshold) | (value.is_nan() & step.missing_left);
            *at = step.children[usize::from(!left)];
        }
    }
    at
}
