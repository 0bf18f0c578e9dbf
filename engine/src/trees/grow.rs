//! Growing one tree on all features, with the histogram of the larger child got by subtraction.

use rayon::prelude::*;

use super::ensemble::{Grown, Tree};
use super::histogram::{CHUNK, Histogram, Sums};
use super::partition::{partition, sides};
use super::split::{Rule, Split};
use crate::control::{Control, Stop};

/// Nodes that are worked on together. It bounds the histograms that are held; the tree does not depend on it, but the
/// numbering of its nodes does.
const TOGETHER: usize = 64;

/// What a tree grows on.
pub(super) struct Ground<'a> {
    /// Codes, row after row.
    pub(super) codes: &'a [u8],
    /// Codes of each feature.
    pub(super) columns: &'a [&'a [u8]],
    /// Bins of values of each feature; the code of a missing value is this number.
    pub(super) values: &'a [usize],
    /// Gradient and hessian of each row.
    pub(super) pairs: &'a [[f32; 2]],
    pub(super) rule: Rule,
    pub(super) max_depth: u32,
    pub(super) control: &'a dyn Control,
}

/// A node that may be split.
struct Open {
    node: u32,
    begin: usize,
    end: usize,
    depth: u32,
    sums: Sums,
    histogram: Histogram,
}

/// Rows (a range of the list of rows) that ended in a leaf.
pub(super) struct Landed {
    pub(super) node: u32,
    pub(super) begin: usize,
    pub(super) end: usize,
}

/// A node that has been split.
struct Opened {
    split: Split,
    middle: usize,
    left: Option<Histogram>,
    right: Option<Histogram>,
}

impl Ground<'_> {
    /// Grows a tree on `rows`, which are brought into the order of the leaves; `spare` is as long as `rows`. Thresholds and
    /// values are left for the caller; features are numbered as in the codes.
    pub(super) fn grow(
        &self,
        rows: &mut [u32],
        spare: &mut [u32],
    ) -> Result<(Tree, Vec<Landed>), Stop> {
        let mut tree = Tree::default();
        let mut landed = Vec::new();
        let histogram = self.histogram(rows)?;
        let sums = match histogram.features().next() {
            Some(bins) => bins
                .iter()
                .fold([0.0; 2], |s, b| [s[0] + b[0], s[1] + b[1]]),
            None => rows.iter().fold([0.0; 2], |s, row| {
                let [g, h] = self.pairs[*row as usize].map(f64::from);
                [s[0] + g, s[1] + h]
            }),
        };
        let mut open = vec![Open {
            node: self.leaf(&mut tree, sums),
            begin: 0,
            end: rows.len(),
            depth: 0,
            sums,
            histogram,
        }];
        while !open.is_empty() {
            let batch = open.split_off(open.len().saturating_sub(TOGETHER));
            let opened = self.open(&batch, rows, spare)?;
            for (parent, opened) in batch.into_iter().zip(opened) {
                let Some(Opened {
                    split,
                    middle,
                    left,
                    right,
                }) = opened
                else {
                    landed.push(Landed {
                        node: parent.node,
                        begin: parent.begin,
                        end: parent.end,
                    });
                    continue;
                };
                let middle = parent.begin + middle;
                let children = [
                    (parent.begin, middle, split.left, left),
                    (middle, parent.end, split.right, right),
                ]
                .map(|(begin, end, sums, histogram)| {
                    let node = self.leaf(&mut tree, sums);
                    match histogram {
                        Some(histogram) => open.push(Open {
                            node,
                            begin,
                            end,
                            depth: parent.depth + 1,
                            sums,
                            histogram,
                        }),
                        None => landed.push(Landed { node, begin, end }),
                    }
                    node
                });
                let node = &mut tree.nodes[parent.node as usize];
                *node = Grown {
                    feature: split.feature as u32,
                    bin: split.bin,
                    missing_left: split.missing_left,
                    gain: split.gain,
                    left: children[0],
                    right: children[1],
                    ..*node
                };
            }
            // Ranges in the order of the rows, so that the next batch can be given its parts of the list.
            open.sort_unstable_by_key(|o| o.begin);
        }
        Ok((tree, landed))
    }

    fn leaf(&self, tree: &mut Tree, sums: Sums) -> u32 {
        let size = self.rule.shrunk(sums[0]);
        let under = sums[1] + self.rule.lambda;
        let value = if under > 0.0 && size > 0.0 {
            -sums[0].signum() * size / under
        } else {
            0.0
        };
        tree.leaf(value, sums[1].max(f64::MIN_POSITIVE))
    }

    fn histogram(&self, rows: &[u32]) -> Result<Histogram, Stop> {
        Histogram::of(
            self.codes,
            self.values.len(),
            self.pairs,
            rows,
            self.control,
        )
    }

    /// Splits nodes, whose ranges are in the order of the rows.
    fn open(
        &self,
        batch: &[Open],
        mut rows: &mut [u32],
        mut spare: &mut [u32],
    ) -> Result<Vec<Option<Opened>>, Stop> {
        let mut tasks = Vec::with_capacity(batch.len());
        let mut at = 0;
        for open in batch {
            let (skip, len) = (open.begin - at, open.end - open.begin);
            let (mine, rest) = rows[skip..].split_at_mut(len);
            let (my_spare, spare_rest) = spare[skip..].split_at_mut(len);
            (rows, spare, at) = (rest, spare_rest, open.end);
            tasks.push((open, mine, my_spare));
        }
        let total: usize = batch.iter().map(|o| o.end - o.begin).sum();
        let open = |(open, rows, spare)| self.open_node(open, rows, spare);
        if total < CHUNK / 8 {
            tasks.into_iter().map(open).collect()
        } else {
            tasks.into_par_iter().map(open).collect()
        }
    }

    fn open_node(
        &self,
        open: &Open,
        rows: &mut [u32],
        spare: &mut [u32],
    ) -> Result<Option<Opened>, Stop> {
        self.control.check()?;
        if open.depth >= self.max_depth {
            return Ok(None);
        }
        let Some(split) = self.rule.best(&open.histogram, self.values, open.sums) else {
            return Ok(None);
        };
        let missing = self.values[split.feature];
        let sides = sides(split.bin, missing, split.missing_left);
        let middle = partition(rows, spare, self.columns[split.feature], &sides);
        let (left_rows, right_rows) = rows.split_at(middle);
        if left_rows.is_empty() || right_rows.is_empty() {
            return Ok(None);
        }
        let worth = |rows: &[u32], sums: Sums| {
            open.depth + 1 < self.max_depth
                && rows.len() > 1
                && sums[1] >= 2.0 * self.rule.min_weight
        };
        let (want_left, want_right) =
            (worth(left_rows, split.left), worth(right_rows, split.right));
        let left_is_small = left_rows.len() <= right_rows.len();
        let (small_rows, want_small, want_large) = if left_is_small {
            (left_rows, want_left, want_right)
        } else {
            (right_rows, want_right, want_left)
        };
        let (mut small, mut large) = (None, None);
        if want_small || want_large {
            let histogram = self.histogram(small_rows)?;
            if want_large {
                large = Some(open.histogram.minus(&histogram, self.control)?);
            }
            small = want_small.then_some(histogram);
        }
        let (left, right) = if left_is_small {
            (small, large)
        } else {
            (large, small)
        };
        Ok(Some(Opened {
            split,
            middle,
            left,
            right,
        }))
    }
}
