//! Small dense linear algebra: systems of normal equations and orthogonal columns. Matrices are row by row.

/// A pivot below this share of its diagonal element is rounding: the matrix is singular.
const LEAST_PIVOT: f64 = 1e-13;

/// Replaces the lower triangle of a symmetric positive definite `n` x `n` matrix by its Cholesky factor. False, with the
/// content undefined, when the matrix is not positive definite to working precision or has a value that is no number.
#[must_use]
pub fn cholesky(a: &mut [f64], n: usize) -> bool {
    debug_assert!(a.len() >= n * n);
    for j in 0..n {
        let (above, below) = a.split_at_mut(j * n);
        let Some(row) = below.get_mut(..n) else {
            return false;
        };
        for (k, done) in above.chunks_exact(n).enumerate() {
            let sum: f64 = row.iter().zip(done).take(k).map(|(x, y)| x * y).sum();
            row[k] = (row[k] - sum) / done[k];
        }
        let sum: f64 = row.iter().take(j).map(|x| x * x).sum();
        let pivot = row[j] - sum;
        // Written so that NaN fails too.
        if !(pivot > LEAST_PIVOT * row[j] && pivot.is_finite()) {
            return false;
        }
        row[j] = pivot.sqrt();
    }
    true
}

/// Solves `A x = b` in place, given the Cholesky factor of `A`.
pub fn cholesky_solve(factor: &[f64], n: usize, b: &mut [f64]) {
    debug_assert!(factor.len() >= n * n && b.len() >= n);
    for i in 0..n {
        let row = &factor[i * n..i * n + i];
        let sum: f64 = row.iter().zip(b.iter()).map(|(l, x)| l * x).sum();
        b[i] = (b[i] - sum) / factor[i * n + i];
    }
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| factor[k * n + i] * b[k]).sum();
        b[i] = (b[i] - sum) / factor[i * n + i];
    }
}

/// The inverse of a symmetric positive definite matrix, given its Cholesky factor.
#[must_use]
pub fn cholesky_inverse(factor: &[f64], n: usize) -> Vec<f64> {
    let mut inverse = vec![0.0; n * n];
    for (i, column) in inverse.chunks_exact_mut(n.max(1)).enumerate() {
        column[i] = 1.0;
        cholesky_solve(factor, n, column);
    }
    inverse
}

/// The inner product of two vectors, of the longer one as far as the shorter goes.
#[must_use]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let len = a.len().min(b.len());
    let (a, b) = (&a[..len], &b[..len]);
    // Four sums, so that additions need not wait for each other.
    let mut sums = [0.0; 4];
    let (fours, rest) = a.as_chunks::<4>();
    let (others, other_rest) = b.as_chunks::<4>();
    for (x, y) in fours.iter().zip(others) {
        for lane in 0..4 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    let tail: f64 = rest.iter().zip(other_rest).map(|(x, y)| x * y).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + tail
}

/// `y += factor * x`.
pub fn add_scaled(y: &mut [f64], factor: f64, x: &[f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

/// The upper triangle `R` of `X = Q R` with orthonormal columns `Q`, by Gram and Schmidt's way done twice. `columns` become
/// `Q`. An error has the index of the first column that the ones before it explain but for the share `least`.
pub fn orthonormalise(columns: &mut [Vec<f64>], least: f64) -> Result<Vec<f64>, usize> {
    let n = columns.len();
    let mut upper = vec![0.0; n * n];
    for j in 0..n {
        let (done, rest) = columns.split_at_mut(j);
        let Some(column) = rest.first_mut() else {
            break;
        };
        let whole = dot(column, column).sqrt();
        for _ in 0..2 {
            for (i, earlier) in done.iter().enumerate() {
                let share = dot(earlier, column);
                upper[i * n + j] += share;
                add_scaled(column, -share, earlier);
            }
        }
        let own = dot(column, column).sqrt();
        if !(own > least * whole && own.is_finite()) {
            return Err(j);
        }
        upper[j * n + j] = own;
        column.iter_mut().for_each(|v| *v /= own);
    }
    Ok(upper)
}

/// Solves `R x = b` in place for an upper triangle.
pub fn back_substitute(upper: &[f64], n: usize, b: &mut [f64]) {
    for i in (0..n).rev() {
        let sum: f64 = (i + 1..n).map(|k| upper[i * n + k] * b[k]).sum();
        b[i] = (b[i] - sum) / upper[i * n + i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_are_solved() {
        // A Hilbert matrix of order 4 with its exact inverse's row sums: A x = (1, 1, 1, 1).
        let mut a: Vec<f64> = (0..16)
            .map(|i| 1.0 / f64::from(i / 4 + i % 4 + 1))
            .collect();
        assert!(cholesky(&mut a, 4));
        let mut b = [1.0; 4];
        cholesky_solve(&a, 4, &mut b);
        for (x, exact) in b.iter().zip([-4.0, 60.0, -180.0, 140.0]) {
            assert!((x - exact).abs() < 1e-9, "{b:?}");
        }
        let inverse = cholesky_inverse(&a, 4);
        for (x, exact) in inverse.iter().zip([16.0, -120.0, 240.0, -140.0]) {
            assert!((x - exact).abs() < 1e-9, "{inverse:?}");
        }
        assert!(!cholesky(&mut [1.0, 0.0, 1.0, 1.0], 2));
        assert!(!cholesky(&mut [1.0, 0.0, 2.0, 1.0], 2));
        assert!(!cholesky(&mut [f64::NAN], 1));
        assert!(cholesky(&mut [], 0));
    }

    #[test]
    fn columns_become_orthonormal() {
        let columns: Vec<Vec<f64>> = (0..3)
            .map(|p| (0..9).map(|t| f64::from(t + 1).powi(p)).collect())
            .collect();
        let mut q = columns.clone();
        let upper = orthonormalise(&mut q, 1e-9).unwrap_or_default();
        for (i, a) in q.iter().enumerate() {
            for (j, b) in q.iter().enumerate() {
                assert!((dot(a, b) - f64::from(u8::from(i == j))).abs() < 1e-14);
            }
        }
        // 3 - 2 t + t^2, and its coefficients back
        let y: Vec<f64> = (1..10).map(|t| f64::from(3 - 2 * t + t * t)).collect();
        let mut b: Vec<f64> = q.iter().map(|q| dot(q, &y)).collect();
        back_substitute(&upper, 3, &mut b);
        for (x, exact) in b.iter().zip([3.0, -2.0, 1.0]) {
            assert!((x - exact).abs() < 1e-11, "{b:?}");
        }
        let twice: Vec<f64> = columns[0]
            .iter()
            .zip(&columns[2])
            .map(|(a, b)| a - 2.0 * b)
            .collect();
        let mut dependent = [columns, vec![twice]].concat();
        assert_eq!(orthonormalise(&mut dependent, 1e-9), Err(3));
    }
}
