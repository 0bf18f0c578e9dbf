//! Raw scores of many rows.

use ndarray::{ArrayView2, s};
use rayon::prelude::*;

use super::ensemble::Ensemble;
use crate::control::{Charge, Control, Stop, reserve};

/// Rows that one task scores.
const CHUNK: usize = 4096;

/// Values of a block of rows, which goes through one tree after the other. Block and tree stay in the second cache; a tree of a
/// deep forest does not stay in the first one, and is fetched once a block, which so must not be small.
const BLOCK: usize = 49_152;

/// Rows that go down a tree side by side: the steps of one row wait for each other, those of several do not.
const LANES: usize = 8;

/// A node as the walk needs it, in 16 bytes: what a deep forest costs is fetching them. A leaf leads to itself, so that all
/// rows take the same number of steps.
#[derive(Clone, Copy)]
struct Step {
    /// The largest value that goes left: infinity in a leaf.
    threshold: f64,
    /// The left child, counted from the root of the tree; the right one comes next.
    left: u32,
    /// Twice the feature, and one more when missing values go left.
    feature: u32,
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
        let nodes = self.feature.len();
        let bytes = nodes * (size_of::<Step>() + size_of::<f64>());
        let _charge = Charge::new(bytes as u64, "scoring", control)?;
        let (mut steps, mut values) = (Vec::new(), Vec::new());
        reserve(&mut steps, nodes, "scoring")?;
        reserve(&mut values, nodes, "scoring")?;
        let mut depths = Vec::with_capacity(self.trees());
        for tree in 0..self.trees() {
            depths.push(self.steps_of(tree, &mut steps, &mut values));
        }
        out.par_chunks_mut(CHUNK)
            .enumerate()
            .try_for_each(|(chunk, out)| {
                let begin = chunk * CHUNK;
                let x = x.slice(s![begin..begin + out.len(), ..]);
                self.score_chunk((&steps, &values), &depths, x, out, control)
            })
    }

    /// Appends the steps of a tree, level by level, so that children are neighbours. `values` are the leaves' in that order.
    fn steps_of(&self, tree: usize, steps: &mut Vec<Step>, values: &mut Vec<f64>) -> u32 {
        let nodes = self.nodes(tree);
        let root = steps.len();
        let mut order = Vec::with_capacity(nodes.len());
        order.push((nodes.start, 0u32));
        let mut at = 0;
        while let Some(&(node, depth)) = order.get(at) {
            let leaf = self.left[node] == 0;
            steps.push(if leaf {
                Step {
                    threshold: f64::INFINITY,
                    left: at as u32,
                    feature: 1,
                }
            } else {
                let left = order.len() as u32;
                order.push((self.left[node] as usize, depth + 1));
                order.push((self.right[node] as usize, depth + 1));
                Step {
                    threshold: self.threshold[node],
                    left,
                    feature: 2 * self.feature[node] + u32::from(self.missing_left[node] != 0),
                }
            });
            values.push(self.value[node]);
            at += 1;
        }
        debug_assert_eq!(steps.len() - root, nodes.len(), "each node once");
        order.last().map_or(0, |(_, depth)| *depth)
    }

    fn score_chunk(
        &self,
        (steps, values): (&[Step], &[f64]),
        depths: &[u32],
        x: ArrayView2<'_, f64>,
        out: &mut [f64],
        control: &dyn Control,
    ) -> Result<(), Stop> {
        let features = x.ncols();
        let most = (BLOCK / features.max(1) / LANES).clamp(1, CHUNK / LANES) * LANES;
        let rows = most.min(out.len().next_multiple_of(LANES));
        // Whole lanes, also where rows are missing at the end.
        let mut block = vec![0.0; rows * features];
        for (begin, out) in (0..).step_by(rows).zip(out.chunks_mut(rows)) {
            for (i, to) in block.chunks_exact_mut(features.max(1)).enumerate() {
                if i < out.len() {
                    for (to, from) in to.iter_mut().zip(x.row(begin + i)) {
                        *to = *from;
                    }
                }
            }
            out.fill(self.base);
            for (tree, &depth) in depths.iter().enumerate() {
                control.check()?;
                let nodes = self.nodes(tree);
                let values = &values[nodes.clone()];
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
            let value = row[(step.feature >> 1) as usize];
            let left = (value <= step.threshold) | (value.is_nan() & (step.feature & 1 == 1));
            *at = step.left + u32::from(!left);
        }
    }
    at
}
