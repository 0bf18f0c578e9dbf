//! Exact Shapley values of trees under path-dependent expectations: the values of TreeSHAP (Lundberg, Erion and Lee, 2018,
//! Algorithm 2).
//!
//! They are computed in another way. A tree's expectation, when each feature is known with probability `t`, is a sum over
//! leaves of `value * product over the path's features of (z (1 - t) + o t)`, where `z` is the share of the cover that follows the path
//! and `o` is 1 if the row does, else 0. A Shapley value is the integral over `t` in `[0, 1]` of its derivative by one feature's
//! probability (Owen, 1972, multilinear extension). The integrand is a polynomial of a degree below the depth, so Gauss-Legendre
//! quadrature with half as many points is exact. One pass down and one up takes O(nodes x points), against O(leaves x depth^2) of
//! Algorithm 2, and it never subtracts large numbers.

use super::ensemble::Ensemble;

/// No node.
const NONE: u32 = u32::MAX;

/// The least factor of a path: no quotient is 0 / 0, however little a node covers.
const LEAST: f64 = 1e-300;

/// Explains rows of an [`Ensemble`]; what does not depend on the row is computed once.
#[derive(Debug)]
pub struct Explainer<'a> {
    ensemble: &'a Ensemble,
    /// Parent of each node; [`NONE`] at a root.
    parent: Vec<u32>,
    /// The nearest node above whose parent splits by the same feature as this node's parent.
    previous: Vec<u32>,
    /// The share of the cover that follows all splits by that feature down to this node.
    share: Vec<f64>,
    expected: f64,
    largest: usize,
    points: Vec<(f64, f64)>,
}

impl Ensemble {
    /// The expected raw score and each feature's contribution to a row's, which add up to [`Ensemble::score_row`]. For
    /// several rows make one [`Explainer`].
    ///
    /// # Panics
    /// When the row has fewer features than [`Ensemble::features`], or the ensemble would not pass [`Ensemble::check`].
    #[must_use]
    pub fn shap(&self, row: &[f64]) -> (f64, Vec<f64>) {
        let mut contributions = vec![0.0; self.features()];
        let expected = Explainer::new(self).explain(row, &mut contributions);
        (expected, contributions)
    }
}

impl<'a> Explainer<'a> {
    /// Prepares. Takes memory for some 16 bytes a node; explaining a row takes 32 bytes per node of the largest tree and quadrature point (half the depth).
    ///
    /// # Panics
    /// When the ensemble would not pass [`Ensemble::check`].
    #[must_use]
    pub fn new(ensemble: &'a Ensemble) -> Explainer<'a> {
        let nodes = ensemble.feature.len();
        let mut explainer = Explainer {
            ensemble,
            parent: vec![NONE; nodes],
            previous: vec![NONE; nodes],
            share: vec![1.0; nodes],
            expected: ensemble.base,
            largest: 0,
            points: Vec::new(),
        };
        let mut reach = vec![1.0; nodes];
        for node in 0..nodes {
            let left = ensemble.left[node];
            if left == 0 {
                explainer.expected += reach[node] * ensemble.value[node];
                continue;
            }
            let feature = ensemble.feature[node];
            let mut previous = node as u32;
            loop {
                let above = explainer.parent[previous as usize];
                if above == NONE {
                    previous = NONE;
                    break;
                }
                if ensemble.feature[above as usize] == feature {
                    break;
                }
                previous = above;
            }
            let before = match previous {
                NONE => 1.0,
                previous => explainer.share[previous as usize],
            };
            for child in [left, ensemble.right[node]] {
                let child = child as usize;
                let part = ensemble.cover[child] / ensemble.cover[node];
                explainer.parent[child] = node as u32;
                explainer.previous[child] = previous;
                explainer.share[child] = before * part;
                reach[child] = reach[node] * part;
            }
        }
        let trees = 0..ensemble.trees();
        explainer.largest = trees.map(|t| ensemble.nodes(t).len()).max().unwrap_or(0);
        let on_a_path = (ensemble.depth() as usize).min(ensemble.features());
        let points = on_a_path.div_ceil(2).max(1).next_power_of_two();
        explainer.points = gauss_legendre(points);
        explainer
    }

    /// Writes each feature's contribution for a row (NaN = missing) into `out` and returns the expected raw score. Both add up
    /// to the raw score of the row.
    ///
    /// # Panics
    /// When `row` or `out` has fewer features than the ensemble.
    pub fn explain(&self, row: &[f64], out: &mut [f64]) -> f64 {
        out.fill(0.0);
        match self.points.len() {
            1 => self.add::<1>(row, out),
            2 => self.add::<2>(row, out),
            4 => self.add::<4>(row, out),
            8 => self.add::<8>(row, out),
            16 => self.add::<16>(row, out),
            _ => self.add::<32>(row, out),
        }
        self.expected
    }

    fn add<const Q: usize>(&self, row: &[f64], out: &mut [f64]) {
        let trees = self.ensemble;
        let (mut at, mut weight) = ([0.0; Q], [0.0; Q]);
        for (i, (t, w)) in self.points.iter().take(Q).enumerate() {
            (at[i], weight[i]) = (*t, *w);
        }
        // Of each node: its own factor, the product of the factors on its path (times the weight of the point), and whether
        // the row follows all splits by its feature.
        let mut factors = vec![[0.0; Q]; self.largest];
        let mut products = vec![[0.0; Q]; self.largest];
        let mut sums = vec![[0.0; Q]; self.largest];
        let mut nested = vec![[0.0; Q]; self.largest];
        let mut follows = vec![false; self.largest];
        for tree in 0..trees.trees() {
            let nodes = trees.nodes(tree);
            let root = nodes.start;
            products[0] = weight;
            for node in nodes.clone() {
                let here = node - root;
                sums[here] = [0.0; Q];
                nested[here] = [0.0; Q];
                let left = trees.left[node] as usize;
                if left == 0 {
                    let value = trees.value[node];
                    sums[here] = products[here].map(|p| p * value);
                    continue;
                }
                let right = trees.right[node] as usize;
                let taken = trees.child(node, row[trees.feature[node] as usize]);
                // The product without the factor of the same feature above: the two are of one player.
                let mut product = products[here];
                let previous = self.previous[left];
                let mut so_far = true;
                if previous != NONE {
                    let previous = previous as usize - root;
                    so_far = follows[previous];
                    for (p, f) in product.iter_mut().zip(&factors[previous]) {
                        *p /= f;
                    }
                }
                for child in [left, right] {
                    let follow = so_far && child == taken;
                    let one = f64::from(u8::from(follow));
                    let share = self.share[child];
                    let factor = at.map(|t| (share * (1.0 - t) + one * t).max(LEAST));
                    let mut below = product;
                    for (p, f) in below.iter_mut().zip(&factor) {
                        *p *= f;
                    }
                    let child = child - root;
                    follows[child] = follow;
                    factors[child] = factor;
                    products[child] = below;
                }
            }
            self.collect(tree, &mut sums, &mut nested, &factors, &follows, out);
        }
    }

    /// The pass upwards. `sums` holds the leaves' part; `nested` takes, of each node, the sum of the leaves below a further split
    /// by the same feature, whose factor replaces the node's.
    fn collect<const Q: usize>(
        &self,
        tree: usize,
        sums: &mut [[f64; Q]],
        nested: &mut [[f64; Q]],
        factors: &[[f64; Q]],
        follows: &[bool],
        out: &mut [f64],
    ) {
        let nodes = self.ensemble.nodes(tree);
        let root = nodes.start;
        for node in nodes.rev() {
            let parent = self.parent[node];
            if parent == NONE {
                continue;
            }
            let here = node - root;
            let sum = sums[here];
            let own = follows_less_share(follows[here], self.share[node]);
            let mut derivative = 0.0;
            for ((s, n), f) in sum.iter().zip(&nested[here]).zip(&factors[here]) {
                derivative += (s - n) / f;
            }
            out[self.ensemble.feature[parent as usize] as usize] += own * derivative;
            add(&mut sums[parent as usize - root], &sum);
            let previous = self.previous[node];
            if previous != NONE {
                add(&mut nested[previous as usize - root], &sum);
            }
        }
    }
}

fn follows_less_share(follows: bool, share: f64) -> f64 {
    f64::from(u8::from(follows)) - share
}

fn add<const Q: usize>(to: &mut [f64; Q], from: &[f64; Q]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to += from;
    }
}

/// Points and weights of Gauss-Legendre quadrature on `[0, 1]`: roots of the Legendre polynomial by Newton's method.
fn gauss_legendre(n: usize) -> Vec<(f64, f64)> {
    let order = n as f64;
    (0..n)
        .map(|i| {
            let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (order + 0.5)).cos();
            let mut slope = 1.0;
            for _ in 0..10 {
                let (mut last, mut now) = (1.0, x);
                for k in 2..=n {
                    let k = k as f64;
                    (last, now) = (now, ((2.0 * k - 1.0) * x * now - (k - 1.0) * last) / k);
                }
                slope = order * (x * now - last) / (x * x - 1.0);
                x -= now / slope;
            }
            ((x + 1.0) / 2.0, 1.0 / ((1.0 - x * x) * slope * slope))
        })
        .collect()
}

#[cfg(test)]
#[path = "shap_tests.rs"]
mod tests;
