//! Trained trees: how they are stored, checked and read.

use serde::{Deserialize, Serialize};

/// The deepest leaf, in splits.
pub const MAX_DEPTH: u32 = 64;

/// Trees whose leaves add up: the raw score of a row is the base score plus one leaf of each tree, whatever trained them.
///
/// A value goes left when it is not greater than the threshold (`x <= threshold`), a missing one (NaN) as the node says.
/// All trees are in one set of arrays. Nodes are numbered through all trees, a tree's root is its first node and children come after their parent.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Ensemble {
    pub(super) features: u32,
    pub(super) base: f64,
    /// First node of each tree, and the number of nodes at the end.
    pub(super) starts: Vec<u32>,
    pub(super) feature: Vec<u32>,
    pub(super) threshold: Vec<f64>,
    /// 0 in a leaf: node 0 is nobody's child.
    pub(super) left: Vec<u32>,
    pub(super) right: Vec<u32>,
    pub(super) missing_left: Vec<u8>,
    /// 0 where it is no leaf.
    pub(super) value: Vec<f64>,
    pub(super) cover: Vec<f64>,
    pub(super) gain: Vec<f64>,
}

/// A node of an [`Ensemble`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Node {
    /// Rows go on to a child.
    Split {
        /// The feature that decides.
        feature: usize,
        /// Values not greater than this go left.
        threshold: f64,
        /// Node for those.
        left: usize,
        /// Node for greater values.
        right: usize,
        /// Whether a missing value goes left.
        missing_left: bool,
    },
    /// Rows end here.
    Leaf {
        /// What the tree adds to the raw score.
        value: f64,
    },
}

impl Ensemble {
    /// Bytes of a node.
    pub(super) const NODE: usize = 4 * size_of::<f64>() + 3 * size_of::<u32>() + size_of::<u8>();

    pub(super) fn new(features: usize, base: f64) -> Ensemble {
        Ensemble {
            features: features as u32,
            base,
            starts: vec![0],
            ..Ensemble::default()
        }
    }

    /// Appends a tree whose nodes are numbered from 0.
    pub(super) fn push(&mut self, tree: &Tree) {
        let offset = self.feature.len() as u32;
        for node in &tree.nodes {
            let leaf = node.left == 0;
            let child = |c: u32| if leaf { 0 } else { c + offset };
            self.feature.push(node.feature);
            self.threshold.push(node.threshold);
            self.left.push(child(node.left));
            self.right.push(child(node.right));
            self.missing_left.push(u8::from(node.missing_left));
            self.value.push(node.value);
            self.cover.push(node.cover);
            self.gain.push(node.gain);
        }
        self.starts.push(self.feature.len() as u32);
    }

    /// The features that a row must have.
    #[must_use]
    pub fn features(&self) -> usize {
        self.features as usize
    }

    /// The raw score before any tree.
    #[must_use]
    pub fn base(&self) -> f64 {
        self.base
    }

    /// The number of trees.
    #[must_use]
    pub fn trees(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// The nodes of a tree, its root first; empty when there is no such tree.
    #[must_use]
    pub fn nodes(&self, tree: usize) -> std::ops::Range<usize> {
        match (self.starts.get(tree), self.starts.get(tree + 1)) {
            (Some(&begin), Some(&end)) => begin as usize..end as usize,
            _ => 0..0,
        }
    }

    /// A node.
    ///
    /// # Panics
    /// When there is none of this number, or the ensemble would not pass [`Ensemble::check`].
    #[must_use]
    pub fn node(&self, node: usize) -> Node {
        if self.left[node] == 0 {
            return Node::Leaf {
                value: self.value[node],
            };
        }
        Node::Split {
            feature: self.feature[node] as usize,
            threshold: self.threshold[node],
            left: self.left[node] as usize,
            right: self.right[node] as usize,
            missing_left: self.missing_left[node] != 0,
        }
    }

    /// The weight of the training rows that reached a node: weighted rows, in gradient boosting the sum of their hessians.
    ///
    /// # Panics
    /// When there is no such node.
    #[must_use]
    pub fn cover(&self, node: usize) -> f64 {
        self.cover[node]
    }

    /// The raw score of a row (NaN = missing).
    ///
    /// # Panics
    /// When the row has fewer features than [`Ensemble::features`], or the ensemble would not pass [`Ensemble::check`].
    #[must_use]
    pub fn score_row(&self, row: &[f64]) -> f64 {
        let trees = self.starts.iter().take(self.trees());
        trees.fold(self.base, |score, &root| {
            let mut node = root as usize;
            while self.left[node] != 0 {
                node = self.child(node, row[self.feature[node] as usize]);
            }
            score + self.value[node]
        })
    }

    /// The child that a value goes to.
    pub(super) fn child(&self, node: usize, value: f64) -> usize {
        let left =
            value <= self.threshold[node] || (value.is_nan() && self.missing_left[node] != 0);
        if left {
            self.left[node] as usize
        } else {
            self.right[node] as usize
        }
    }

    /// Each feature's share in the gain of all splits; all zero when there is no split. The shares add up to 1.
    #[must_use]
    pub fn gain_importance(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.features()];
        for (node, &feature) in self.feature.iter().enumerate() {
            if self.left[node] != 0 {
                shares[feature as usize] += self.gain[node].max(0.0);
            }
        }
        let total: f64 = shares.iter().sum();
        if total > 0.0 {
            shares.iter_mut().for_each(|s| *s /= total);
        }
        shares
    }

    /// The depth of the deepest leaf, in splits.
    #[must_use]
    pub fn depth(&self) -> u32 {
        let mut depth = vec![0u32; self.feature.len()];
        for node in 0..depth.len() {
            if self.left[node] != 0 {
                for child in [self.left[node], self.right[node]] {
                    depth[child as usize] = depth[node] + 1;
                }
            }
        }
        depth.into_iter().max().unwrap_or(0)
    }

    /// Verifies what every other function relies on; to be called on whatever comes from outside.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), &'static str> {
        let nodes = self.feature.len();
        let lengths = [
            self.threshold.len(),
            self.left.len(),
            self.right.len(),
            self.missing_left.len(),
            self.value.len(),
            self.cover.len(),
            self.gain.len(),
        ];
        if lengths.iter().any(|n| *n != nodes) || u32::try_from(nodes).is_err() {
            return Err("the arrays of nodes differ in length");
        }
        if self.starts.first() != Some(&0)
            || self.starts.last().copied() != Some(nodes as u32)
            || !self.starts.is_sorted_by(|a, b| a < b)
        {
            return Err("the starts of the trees are out of order");
        }
        if !self.base.is_finite() {
            return Err("the base score is not finite");
        }
        let mut depth = vec![0u32; nodes];
        let mut parents = vec![0u8; nodes];
        for tree in 0..self.trees() {
            for node in self.nodes(tree) {
                self.check_node(node, self.nodes(tree).end)?;
                if self.left[node] != 0 {
                    for child in [self.left[node], self.right[node]] {
                        depth[child as usize] = depth[node] + 1;
                        parents[child as usize] = parents[child as usize].saturating_add(1);
                    }
                }
                let root = node == self.nodes(tree).start;
                if parents[node] != u8::from(!root) {
                    return Err("a node has not exactly one parent");
                }
                if depth[node] > MAX_DEPTH {
                    return Err("a tree is too deep");
                }
            }
        }
        Ok(())
    }

    fn check_node(&self, node: usize, end: usize) -> Result<(), &'static str> {
        let (left, right) = (self.left[node] as usize, self.right[node] as usize);
        let leaf = left == 0;
        if leaf != (right == 0) {
            return Err("a node has one child");
        }
        if !leaf && (left <= node || right <= node || left >= end || right >= end || left == right)
        {
            return Err("a child does not come after its parent in its tree");
        }
        if !leaf && self.feature[node] >= self.features {
            return Err("a node splits by a feature that does not exist");
        }
        let finite = [self.threshold[node], self.value[node], self.gain[node]];
        if finite.iter().any(|v| !v.is_finite()) {
            return Err("a number of a node is not finite");
        }
        if !(self.cover[node] > 0.0 && self.cover[node].is_finite()) {
            return Err("a node covers nothing");
        }
        if self.missing_left[node] > 1 {
            return Err("a direction is neither left nor right");
        }
        Ok(())
    }
}

/// A tree while it grows; its nodes are numbered from 0.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<Grown>,
}

/// A node of a [`Tree`], as in [`Ensemble`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Grown {
    pub(super) feature: u32,
    pub(super) threshold: f64,
    pub(super) left: u32,
    pub(super) right: u32,
    pub(super) missing_left: bool,
    /// The highest bin that goes left.
    pub(super) bin: u8,
    pub(super) value: f64,
    pub(super) cover: f64,
    pub(super) gain: f64,
}

impl Tree {
    /// Appends a leaf and returns its number.
    pub(super) fn leaf(&mut self, value: f64, cover: f64) -> u32 {
        self.nodes.push(Grown {
            value,
            cover,
            ..Grown::default()
        });
        (self.nodes.len() - 1) as u32
    }
}

#[cfg(test)]
#[path = "ensemble_tests.rs"]
mod tests;
