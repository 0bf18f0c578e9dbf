//! A mixture of Gaussians with full covariances, fitted by expectation and maximisation (Dempster, Laird and Rubin 1977) from
//! the partition that k-means found. Constants and criteria are those of scikit-learn.

use serde::{Deserialize, Serialize};

use super::error::SegmentError;
use super::kmeans::{Partition, nearest, summed};
use super::tiles::{CHUNK, LANES, Lanes, Tiles, total};
use crate::control::{Charge, Control};

const PHASE: &str = "gaussian mixture";
/// Added to the variances, so that a component that is flat in a feature still has a density.
const RIDGE: f64 = 1e-6;
/// The change of the mean log likelihood at which the steps end.
const TOLERANCE: f64 = 1e-3;

/// The components of a mixture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    /// Share of each component.
    pub(super) weights: Vec<f64>,
    /// Components x features: the means, prepared.
    pub(super) means: Vec<f64>,
    /// Components x features x features: the inverse of the covariance's Cholesky factor, lower triangles by row.
    pub(super) factors: Vec<f64>,
}

/// A mixture with what its fit says about it.
#[derive(Debug, Clone)]
pub(super) struct FittedMixture {
    pub mixture: Mixture,
    /// Mean over the rows.
    pub log_likelihood: f64,
    /// Steps taken.
    pub iterations: u64,
}

impl FittedMixture {
    /// The Bayesian information criterion (Schwarz 1978) on `rows` rows: the lower the better.
    pub(super) fn bic(&self, rows: usize) -> f64 {
        let (k, n) = (self.mixture.weights.len() as f64, rows as f64);
        let p = self.mixture.features() as f64;
        let free = k * p * (p + 1.0) / 2.0 + k * p + k - 1.0;
        -2.0 * self.log_likelihood * n + free * n.ln()
    }
}

/// What one component is per row: the log of weight times density, and the squared Mahalanobis distance.
struct Scored {
    log: Lanes,
    square: Lanes,
}

impl Mixture {
    fn features(&self) -> usize {
        self.means.len() / self.weights.len().max(1)
    }

    /// The constant part of each component's log density.
    pub(super) fn constants(&self) -> Vec<f64> {
        let p = self.features();
        self.weights
            .iter()
            .zip(self.factors.chunks_exact(p * p))
            .map(|(weight, factor)| {
                let det: f64 = (0..p).map(|j| factor[j * p + j].ln()).sum();
                weight.ln() + det - 0.5 * p as f64 * std::f64::consts::TAU.ln()
            })
            .collect()
    }

    fn scored(&self, c: usize, constant: f64, tile: &[Lanes]) -> Scored {
        let p = tile.len();
        let mean = &self.means[c * p..(c + 1) * p];
        let factor = &self.factors[c * p * p..(c + 1) * p * p];
        let mut square = [0.0; LANES];
        for (a, row) in factor.chunks_exact(p).enumerate() {
            let mut y = [0.0; LANES];
            for ((values, m), f) in tile.iter().zip(mean).zip(&row[..=a]) {
                for lane in 0..LANES {
                    y[lane] += f * (values[lane] - m);
                }
            }
            for lane in 0..LANES {
                square[lane] += y[lane] * y[lane];
            }
        }
        Scored {
            log: square.map(|s| constant - 0.5 * s),
            square,
        }
    }

    /// The most probable component of each row of a tile, and the squared Mahalanobis distance to it.
    pub(super) fn nearest(&self, constants: &[f64], tile: &[Lanes]) -> (Lanes, Lanes) {
        let (mut best, mut which) = ([f64::NEG_INFINITY; LANES], [0.0; LANES]);
        let mut squares = [f64::INFINITY; LANES];
        for (c, constant) in constants.iter().enumerate() {
            let scored = self.scored(c, *constant, tile);
            for lane in 0..LANES {
                if scored.log[lane] > best[lane] {
                    best[lane] = scored.log[lane];
                    which[lane] = c as f64;
                    squares[lane] = scored.square[lane];
                }
            }
        }
        (which, squares)
    }

    /// Checks what was read from outside, for `p` features.
    pub(super) fn check(&self, p: usize) -> Result<(), &'static str> {
        let k = self.weights.len();
        if self.means.len() != k * p || self.factors.len() != k * p * p {
            return Err("the mixture has parts of different lengths");
        }
        let positive = self.weights.iter().all(|w| w.is_finite() && *w > 0.0)
            && self
                .factors
                .chunks_exact(p * p)
                .all(|f| (0..p).all(|j| f[j * p + j] > 0.0));
        let finite = self
            .means
            .iter()
            .chain(&self.factors)
            .all(|v| v.is_finite());
        if positive && finite {
            Ok(())
        } else {
            Err("the mixture has a number that is not finite or not positive")
        }
    }
}

/// Fits a mixture, beginning with a partition.
pub(super) fn fit_mixture(
    tiles: &Tiles,
    partition: &Partition,
    max_iter: u64,
    control: &dyn Control,
) -> Result<FittedMixture, SegmentError> {
    let p = tiles.features();
    let k = partition.centres.len() / p;
    let width = Moments::len(k, p);
    let parts = (tiles.rows() / CHUNK + 1).saturating_mul(width * size_of::<f64>());
    let _charge = Charge::new(parts as u64, PHASE, control)?;

    let hard = summed(tiles, width, control, |chunk| {
        let mut moments = Moments::new(k, p);
        for (live, tile) in chunk.tiles() {
            let (which, _) = nearest(tile, &partition.centres);
            for c in 0..k {
                let mut weight = [0.0; LANES];
                for lane in 0..live {
                    weight[lane] = f64::from(u8::from(which[lane] as usize == c));
                }
                moments.add(c, &weight, tile, &partition.centres[c * p..(c + 1) * p]);
            }
        }
        moments.packed()
    })?;
    let mut fitted = FittedMixture {
        mixture: maximised(&hard, &partition.centres, k, tiles.rows())?,
        log_likelihood: f64::NEG_INFINITY,
        iterations: 0,
    };
    for iteration in 1..=max_iter {
        control.progress(PHASE, iteration, max_iter);
        let sums = expected(tiles, &fitted.mixture, control)?;
        // The likelihood is that of the parameters before the step, as in scikit-learn's criterion.
        let log_likelihood = sums[width - 1] / tiles.rows() as f64;
        let change = log_likelihood - fitted.log_likelihood;
        fitted.mixture = maximised(&sums, &fitted.mixture.means, k, tiles.rows())?;
        fitted.log_likelihood = log_likelihood;
        fitted.iterations = iteration;
        if change.abs() < TOLERANCE {
            break;
        }
    }
    let last = expected(tiles, &fitted.mixture, control)?;
    fitted.log_likelihood = last[width - 1] / tiles.rows() as f64;
    Ok(fitted)
}

/// One expectation over all rows: the moments that the next maximisation needs, and the log likelihood as the last number.
fn expected(
    tiles: &Tiles,
    mixture: &Mixture,
    control: &dyn Control,
) -> Result<Vec<f64>, SegmentError> {
    let (k, p) = (mixture.weights.len(), tiles.features());
    let constants = mixture.constants();
    let sums = summed(tiles, Moments::len(k, p), control, |chunk| {
        let mut moments = Moments::new(k, p);
        let mut shares = vec![[0.0; LANES]; k];
        for (live, tile) in chunk.tiles() {
            let mut most = [f64::NEG_INFINITY; LANES];
            for (c, share) in shares.iter_mut().enumerate() {
                *share = mixture.scored(c, constants[c], tile).log;
                for lane in 0..LANES {
                    most[lane] = most[lane].max(share[lane]);
                }
            }
            let mut sum = [0.0; LANES];
            for share in &mut shares {
                for lane in 0..LANES {
                    share[lane] = (share[lane] - most[lane]).exp();
                    sum[lane] += share[lane];
                }
            }
            for lane in 0..live {
                moments.log_likelihood += most[lane] + sum[lane].ln();
            }
            for (c, share) in shares.iter_mut().enumerate() {
                for lane in 0..LANES {
                    share[lane] = if lane < live {
                        share[lane] / sum[lane]
                    } else {
                        0.0
                    };
                }
                moments.add(c, share, tile, &mixture.means[c * p..(c + 1) * p]);
            }
        }
        moments.packed()
    })?;
    Ok(sums)
}

/// Weighted sums of the rows about a point near the mean: of 1, of the differences and of their products, by component.
struct Moments {
    p: usize,
    /// Components x (1 + p + p (p + 1) / 2).
    sums: Vec<Lanes>,
    log_likelihood: f64,
    differences: Vec<Lanes>,
}

impl Moments {
    fn each(p: usize) -> usize {
        1 + p + p * (p + 1) / 2
    }

    fn len(k: usize, p: usize) -> usize {
        k * Moments::each(p) + 1
    }

    fn new(k: usize, p: usize) -> Moments {
        Moments {
            p,
            sums: vec![[0.0; LANES]; k * Moments::each(p)],
            log_likelihood: 0.0,
            differences: vec![[0.0; LANES]; p],
        }
    }

    fn add(&mut self, c: usize, weight: &Lanes, tile: &[Lanes], point: &[f64]) {
        if weight.iter().all(|w| *w == 0.0) {
            return;
        }
        let each = Moments::each(self.p);
        let mut sums = self.sums[c * each..(c + 1) * each].iter_mut();
        let mut add = |what: &Lanes, times: &Lanes| {
            if let Some(sum) = sums.next() {
                for lane in 0..LANES {
                    sum[lane] += what[lane] * times[lane];
                }
            }
        };
        add(weight, &[1.0; LANES]);
        for ((d, values), m) in self.differences.iter_mut().zip(tile).zip(point) {
            *d = values.map(|v| v - m);
            add(weight, d);
        }
        for (a, da) in self.differences.iter().enumerate() {
            let mut weighted = [0.0; LANES];
            for lane in 0..LANES {
                weighted[lane] = weight[lane] * da[lane];
            }
            for db in &self.differences[..=a] {
                add(&weighted, db);
            }
        }
    }

    fn packed(&self) -> Vec<f64> {
        self.sums
            .iter()
            .map(total)
            .chain([self.log_likelihood])
            .collect()
    }
}

/// The parameters that the moments about `points` give.
fn maximised(
    moments: &[f64],
    points: &[f64],
    k: usize,
    rows: usize,
) -> Result<Mixture, SegmentError> {
    let p = points.len() / k;
    let mut mixture = Mixture {
        weights: Vec::new(),
        means: Vec::new(),
        factors: Vec::new(),
    };
    for (sums, point) in moments
        .chunks_exact(Moments::each(p))
        .zip(points.chunks_exact(p))
    {
        let weight = sums[0] + 10.0 * f64::EPSILON;
        let moved: Vec<f64> = sums[1..=p].iter().map(|s| s / weight).collect();
        mixture.weights.push(weight / rows as f64);
        mixture
            .means
            .extend(point.iter().zip(&moved).map(|(m, d)| m + d));
        let mut covariance = vec![0.0; p * p];
        let mut products = sums[1 + p..].iter();
        for a in 0..p {
            for (b, product) in (0..=a).zip(&mut products) {
                covariance[a * p + b] = product / weight - moved[a] * moved[b];
            }
            covariance[a * p + a] += RIDGE;
        }
        let factor = inverse_factor(covariance, p).ok_or(SegmentError::Degenerate { k })?;
        mixture.factors.extend(factor);
    }
    Ok(mixture)
}

/// The inverse of the Cholesky factor of a matrix of which the lower triangle is given; `None` when it is not positive
/// definite.
fn inverse_factor(mut a: Vec<f64>, p: usize) -> Option<Vec<f64>> {
    for j in 0..p {
        for i in j..p {
            let dot: f64 = (0..j).map(|l| a[i * p + l] * a[j * p + l]).sum();
            let rest = a[i * p + j] - dot;
            a[i * p + j] = if i > j {
                rest / a[j * p + j]
            } else if rest > 0.0 && rest.is_finite() {
                rest.sqrt()
            } else {
                return None;
            };
        }
    }
    let mut inverse = vec![0.0; p * p];
    for j in 0..p {
        for i in j..p {
            let unit = if i == j { 1.0 } else { 0.0 };
            let dot: f64 = (j..i).map(|l| a[i * p + l] * inverse[l * p + j]).sum();
            inverse[i * p + j] = (unit - dot) / a[i * p + i];
        }
    }
    Some(inverse)
}
