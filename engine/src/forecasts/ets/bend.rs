//! Second derivatives: what the normal equations leave out, and how they are solved.

use super::space::MOST;

/// What normal equations leave out of the second derivatives, learnt from how the gradient changes (Dennis, Gay and Welsch, 1981,
/// NL2SOL): without it descents to models that fit badly are slow.
#[derive(Debug, Clone)]
pub(super) struct Bend {
    size: usize,
    /// Row by row.
    entries: Vec<f64>,
}

impl Bend {
    /// Nothing learnt yet, of so many numbers.
    pub fn flat(size: usize) -> Bend {
        Bend {
            size,
            entries: vec![0.0; size * size],
        }
    }

    /// What is to be added to the normal equations.
    pub fn entry(&self, row: usize, column: usize) -> f64 {
        self.entries[row * self.size + column]
    }

    /// Forgets what it learnt; false when there was nothing.
    pub fn straighten(&mut self) -> bool {
        let bent = self.entries.iter().any(|v| *v != 0.0);
        self.entries.fill(0.0);
        bent
    }

    /// Takes in a step, the gradients before and after it, and the matrix of the normal equations after it.
    pub fn learn(&mut self, step: &[f64], before: &[f64], after: &[f64], gram: &[f64]) {
        let size = self.size.max(1);
        let times = |matrix: &[f64]| -> Vec<f64> {
            matrix
                .chunks_exact(size)
                .map(|row| dot(row, step))
                .collect()
        };
        let change: Vec<f64> = after.iter().zip(before).map(|(a, b)| a - b).collect();
        let along = dot(&change, step);
        if along.is_nan() || along <= 0.0 {
            return;
        }
        let missing: Vec<f64> = change.iter().zip(times(gram)).map(|(c, g)| c - g).collect();
        // Old knowledge is made smaller where it is larger than what was just seen.
        let old = dot(&times(&self.entries), step).abs();
        let scale = if old > 0.0 {
            (dot(&missing, step).abs() / old).min(1.0)
        } else {
            1.0
        };
        for v in &mut self.entries {
            *v *= scale;
        }
        let rest: Vec<f64> = missing
            .iter()
            .zip(times(&self.entries))
            .map(|(m, s)| m - s)
            .collect();
        let twice = dot(&rest, step) / (along * along);
        for (i, row) in self.entries.chunks_exact_mut(size).enumerate() {
            for (j, v) in row.iter_mut().enumerate() {
                *v += (rest[i] * change[j] + change[i] * rest[j]) / along
                    - twice * change[i] * change[j];
            }
        }
    }
}

/// The sum of products.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Solves a positive definite system, its lower half given, in place (Cholesky); nothing when it is not positive definite.
pub(super) fn solve(
    lower: &mut [[f64; MOST]; MOST],
    right: &mut [f64; MOST],
    n: usize,
) -> Option<()> {
    for i in 0..n {
        for j in 0..=i {
            let sum = lower[i][j] - dot(&lower[i][..j], &lower[j][..j]);
            if i > j {
                lower[i][j] = sum / lower[j][j];
            } else if sum > lower[i][i].abs() * 1e-14 {
                lower[i][i] = sum.sqrt();
            } else {
                return None;
            }
        }
    }
    for i in 0..n {
        right[i] = (right[i] - dot(&lower[i][..i], &right[..i])) / lower[i][i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            right[i] -= lower[k][i] * right[k];
        }
        right[i] /= lower[i][i];
    }
    Some(())
}
