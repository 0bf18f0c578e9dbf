//! Random forest for two classes (Breiman, 2001), with probabilities: the mean over trees of the leaf's share of positives.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::bins::Binned;
use super::ensemble::{Ensemble, MAX_DEPTH, Tree};
pub use super::forest_params::{ForestParams, MaxFeatures};
use super::histogram::Sums;
use super::partition::{partition, sides};
use crate::control::{Charge, Control, Stop, reserve};
use crate::random::Stream;

/// Trains on labels `y` with positive `weights` (1 when there are none).
///
/// The raw score is the probability of `true`. Splits maximise the decrease of the Gini impurity; missing values go to the
/// better side, or where a split saw none to the heavier one. The cover of a node is the weight of its (drawn) rows. Each tree has its
/// own random stream. `params` must pass [`ForestParams::check`].
///
/// # Errors
/// [`Stop`] when cancelled or short of memory.
///
/// # Panics
/// When there is not a label and a weight for each row.
pub fn fit(
    binned: &Binned,
    y: &[bool],
    weights: Option<&[f64]>,
    params: &ForestParams,
    seed: i64,
    control: &dyn Control,
) -> Result<Ensemble, Stop> {
    let (rows, features) = (binned.rows(), binned.bins().features());
    assert_eq!(y.len(), rows, "a label for each row");
    assert!(
        weights.is_none_or(|w| w.len() == rows),
        "a weight for each row"
    );
    let done = AtomicU64::new(0);
    let total = params.n_estimators as u64;
    let trees = (0..total)
        .into_par_iter()
        .map(|index| {
            let stream = Stream::new(seed, "tree of a forest", index);
            let mut grower = Grower::new(binned, params, stream, control);
            let tree = grower.grow(y, weights, params)?;
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            control.progress("random forest", done, total);
            Ok(tree)
        })
        .collect::<Result<Vec<_>, Stop>>()?;
    let nodes: usize = trees.iter().map(|(tree, _)| tree.nodes.len()).sum();
    let _charge = Charge::new((nodes * Ensemble::NODE) as u64, "random forest", control)?;
    let mut ensemble = Ensemble::new(features, 0.0);
    for (tree, _charge) in &trees {
        ensemble.push(tree);
    }
    Ok(ensemble)
}

/// What a bin of a feature holds of a node.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    /// Weight of positives, weight.
    sums: Sums,
    rows: u32,
}

impl Cell {
    fn plus(self, other: Cell) -> Cell {
        Cell {
            sums: [self.sums[0] + other.sums[0], self.sums[1] + other.sums[1]],
            rows: self.rows + other.rows,
        }
    }

    fn minus(self, other: Cell) -> Cell {
        Cell {
            sums: [self.sums[0] - other.sums[0], self.sums[1] - other.sums[1]],
            rows: self.rows - other.rows,
        }
    }

    /// `g^2 / h`: the higher the sum over children, the lower their impurity.
    fn score(self) -> f64 {
        self.sums[0] * self.sums[0] / self.sums[1]
    }

    fn pure(self) -> bool {
        let [positive, all] = self.sums;
        let noise = 1e-12 * all;
        positive <= noise || all - positive <= noise
    }
}

/// A node that may be split.
struct Open {
    node: u32,
    begin: usize,
    end: usize,
    depth: u32,
    all: Cell,
}

struct Split {
    feature: usize,
    bin: u8,
    missing_left: bool,
    score: f64,
    left: Cell,
}

/// Grows one tree, depth first.
struct Grower<'a> {
    binned: &'a Binned,
    control: &'a dyn Control,
    stream: Stream,
    max_features: usize,
    max_depth: u32,
    min_rows: u32,
    n_estimators: f64,
    cells: Vec<Cell>,
    /// A permutation of the features, shuffled as they are drawn.
    features: Vec<usize>,
    pairs: Vec<Sums>,
}

impl<'a> Grower<'a> {
    fn new(
        binned: &'a Binned,
        params: &ForestParams,
        stream: Stream,
        control: &'a dyn Control,
    ) -> Self {
        Grower {
            binned,
            control,
            stream,
            max_features: params.max_features.of(binned.bins().features()),
            max_depth: params.max_depth.unwrap_or(MAX_DEPTH).min(MAX_DEPTH),
            min_rows: u32::try_from(params.min_samples_leaf).unwrap_or(u32::MAX),
            n_estimators: params.n_estimators as f64,
            cells: vec![Cell::default(); 256],
            features: (0..binned.bins().features()).collect(),
            pairs: Vec::new(),
        }
    }

    fn grow(
        &mut self,
        y: &[bool],
        weights: Option<&[f64]>,
        params: &ForestParams,
    ) -> Result<(Tree, Charge), Stop> {
        self.control.check()?;
        let n = y.len();
        let bytes = n * (size_of::<Sums>() + 3 * size_of::<u32>());
        let _charge = Charge::new(bytes as u64, "random forest", self.control)?;
        let mut rows = self.draw(y, weights, params.bootstrap)?;
        let mut spare = Vec::new();
        reserve(&mut spare, rows.len(), "random forest")?;
        spare.resize(rows.len(), 0u32);
        let mut tree = Tree::default();
        let mut tree_charge = Charge::default();
        let all = self.total(&rows);
        let mut open = vec![Open {
            node: self.leaf(&mut tree, all),
            begin: 0,
            end: rows.len(),
            depth: 0,
            all,
        }];
        while let Some(parent) = open.pop() {
            self.control.check()?;
            let here = parent.begin..parent.end;
            let Some(split) = self.best(&parent, &rows[here.clone()])? else {
                continue;
            };
            let missing = self.binned.bins().values(split.feature);
            let middle = partition(
                &mut rows[here.clone()],
                &mut spare[here],
                self.binned.column(split.feature),
                &sides(split.bin, missing, split.missing_left),
            );
            if tree.nodes.len() == tree.nodes.capacity() {
                let bytes = 2 * (tree.nodes.capacity() + 2) * size_of_val(&tree.nodes[0]);
                tree_charge.set(bytes as u64, "random forest", self.control)?;
            }
            let middle = parent.begin + middle;
            let right = parent.all.minus(split.left);
            let children = [
                (parent.begin, middle, split.left),
                (middle, parent.end, right),
            ]
            .map(|(begin, end, all)| {
                let node = self.leaf(&mut tree, all);
                if !self.ends(all, parent.depth + 1) {
                    open.push(Open {
                        node,
                        begin,
                        end,
                        depth: parent.depth + 1,
                        all,
                    });
                }
                node
            });
            let node = &mut tree.nodes[parent.node as usize];
            node.feature = split.feature as u32;
            node.threshold = self.binned.bins().threshold(split.feature, split.bin);
            node.missing_left = split.missing_left;
            node.gain = (split.score - parent.all.score()).max(0.0);
            node.value = 0.0;
            [node.left, node.right] = children;
        }
        Ok((tree, tree_charge))
    }

    /// Draws the rows of the tree, ascending, and sets their weights.
    fn draw(
        &mut self,
        y: &[bool],
        weights: Option<&[f64]>,
        bootstrap: bool,
    ) -> Result<Vec<u32>, Stop> {
        let n = y.len();
        let mut rows = Vec::new();
        reserve(&mut rows, n, "random forest")?;
        let mut times = Vec::new();
        reserve(&mut times, n, "random forest")?;
        times.resize(n, u32::from(!bootstrap));
        if bootstrap {
            for draw in 0..n {
                if draw % (1 << 16) == 0 {
                    self.control.check()?;
                }
                times[self.stream.below(n)] += 1;
            }
        }
        reserve(&mut self.pairs, n, "random forest")?;
        for (row, (&times, &y)) in times.iter().zip(y).enumerate() {
            if times > 0 {
                rows.push(row as u32);
            }
            let weight = weights.map_or(1.0, |w| w[row]) * f64::from(times);
            self.pairs.push([if y { weight } else { 0.0 }, weight]);
        }
        Ok(rows)
    }

    fn total(&self, rows: &[u32]) -> Cell {
        rows.iter().fold(Cell::default(), |all, row| {
            all.plus(Cell {
                sums: self.pairs[*row as usize],
                rows: 1,
            })
        })
    }

    fn leaf(&self, tree: &mut Tree, all: Cell) -> u32 {
        let [positive, weight] = all.sums;
        let share = if weight > 0.0 {
            (positive / weight).clamp(0.0, 1.0)
        } else {
            0.0
        };
        tree.leaf(share / self.n_estimators, weight.max(f64::MIN_POSITIVE))
    }

    fn ends(&self, all: Cell, depth: u32) -> bool {
        depth >= self.max_depth || all.rows / 2 < self.min_rows || all.pure()
    }

    /// The best split by the features that are drawn.
    fn best(&mut self, open: &Open, rows: &[u32]) -> Result<Option<Split>, Stop> {
        let mut best = None;
        if self.ends(open.all, open.depth) {
            return Ok(best);
        }
        let mut looked_at = 0;
        for drawn in 0..self.features.len() {
            if looked_at >= self.max_features && best.is_some() {
                break;
            }
            let other = drawn + self.stream.below(self.features.len() - drawn);
            self.features.swap(drawn, other);
            let feature = self.features[drawn];
            let values = self.binned.bins().values(feature);
            self.fill(feature, rows)?;
            looked_at += usize::from(self.look(feature, values, open.all, &mut best));
            self.cells[..=values].fill(Cell::default());
        }
        Ok(best)
    }

    fn fill(&mut self, feature: usize, rows: &[u32]) -> Result<(), Stop> {
        let column = self.binned.column(feature);
        for rows in rows.chunks(1 << 16) {
            self.control.check()?;
            for &row in rows {
                let sums = self.pairs[row as usize];
                let cell = &mut self.cells[usize::from(column[row as usize])];
                *cell = cell.plus(Cell { sums, rows: 1 });
            }
        }
        Ok(())
    }

    /// Looks for a better split by one feature; false when all rows have the same code.
    fn look(&self, feature: usize, values: usize, all: Cell, best: &mut Option<Split>) -> bool {
        let known = &self.cells[..values];
        let missing = self.cells[values];
        for missing_left in [false, true] {
            if missing_left && missing.rows == 0 {
                break;
            }
            let mut left = if missing_left {
                missing
            } else {
                Cell::default()
            };
            for (bin, cell) in known.iter().enumerate() {
                if cell.rows == 0 {
                    continue;
                }
                if cell.rows == all.rows {
                    return false;
                }
                left = left.plus(*cell);
                if left.rows < self.min_rows {
                    continue;
                }
                if all.rows - left.rows < self.min_rows {
                    break;
                }
                let right = all.minus(left);
                let score = left.score() + right.score();
                if best.as_ref().is_none_or(|b| score > b.score) {
                    *best = Some(Split {
                        feature,
                        bin: bin as u8,
                        missing_left: if missing.rows > 0 {
                            missing_left
                        } else {
                            left.sums[1] >= right.sums[1]
                        },
                        score,
                        left,
                    });
                }
            }
        }
        missing.rows < all.rows
    }
}

#[cfg(test)]
#[path = "forest_tests.rs"]
mod tests;
