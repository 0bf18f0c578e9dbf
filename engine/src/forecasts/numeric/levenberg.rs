//! Nonlinear least squares.

use super::linear::{cholesky, cholesky_solve, dot};
use crate::control::Stop;

/// Steps after which the search ends where it is.
const MOST_STEPS: usize = 100;
/// The longest step of one parameter.
const LONGEST: f64 = 2.0;
/// The difference by which derivatives are taken.
const DIFFERENCE: f64 = 1e-7;

/// Residuals as a function of parameters: writes them and gives true, or gives false where there are none.
pub type Residuals<'a> = dyn FnMut(&[f64], &mut [f64]) -> Result<bool, Stop> + 'a;

/// Parameters with a least sum of squares.
#[derive(Debug, Clone)]
pub struct LeastSquares {
    /// The parameters.
    pub x: Vec<f64>,
    /// Their sum of squares.
    pub squares: f64,
}

/// The least sum of squares near `start` by Levenberg's and Marquardt's method (Moré 1978; damping as of Nielsen 1999) with
/// derivatives by differences. Each parameter stays within `-bound..=bound`. Ends when a step promises less than `tolerance`
/// of the sum. `None` when there are no residuals at the start.
///
/// # Errors
/// What `residuals` stops with.
pub fn least_squares(
    start: &[f64],
    (bound, tolerance): (f64, f64),
    len: usize,
    residuals: &mut Residuals<'_>,
) -> Result<Option<LeastSquares>, Stop> {
    let k = start.len();
    let mut x: Vec<f64> = start.iter().map(|v| v.clamp(-bound, bound)).collect();
    let mut now = vec![0.0; len];
    if !residuals(&x, &mut now)? {
        return Ok(None);
    }
    let mut squares = dot(&now, &now);
    if !squares.is_finite() {
        return Ok(None);
    }
    let mut other = vec![0.0; len];
    let mut jacobian = vec![vec![0.0; len]; k];
    let mut normal = vec![0.0; k * k];
    let mut scale = vec![0.0_f64; k];
    let (mut damping, mut growth) = (1e-3, 2.0);
    for _ in 0..MOST_STEPS {
        if k == 0 || !derivatives(&mut x, &now, &mut jacobian, residuals)? {
            break;
        }
        for (i, a) in jacobian.iter().enumerate() {
            for (j, b) in jacobian.iter().enumerate().take(i + 1) {
                let sum = dot(a, b);
                normal[i * k + j] = sum;
                normal[j * k + i] = sum;
            }
            scale[i] = scale[i].max(normal[i * k + i]).max(f64::MIN_POSITIVE);
        }
        let gradient: Vec<f64> = jacobian.iter().map(|column| dot(column, &now)).collect();
        let mut promised;
        let moved = loop {
            let Some(step) = step(&normal, &scale, &gradient, damping) else {
                promised = f64::INFINITY;
                break false;
            };
            let trial: Vec<f64> = x
                .iter()
                .zip(&step)
                .map(|(x, s)| (x + s).clamp(-bound, bound))
                .collect();
            promised = promise(&normal, &gradient, &x, &trial);
            let better = if residuals(&trial, &mut other)? {
                let sum = dot(&other, &other);
                (sum < squares).then_some(sum)
            } else {
                None
            };
            if let Some(sum) = better {
                let ratio = ((squares - sum) / promised.max(f64::MIN_POSITIVE)).min(1.0);
                damping *= (1.0 - (2.0 * ratio - 1.0).powi(3)).max(1.0 / 3.0);
                damping = damping.max(1e-12);
                growth = 2.0;
                x = trial;
                squares = sum;
                std::mem::swap(&mut now, &mut other);
                break true;
            }
            damping *= growth;
            growth *= 2.0;
            if promised <= tolerance * squares || damping > 1e12 {
                break false;
            }
        };
        if !moved || promised <= tolerance * squares {
            break;
        }
    }
    Ok(Some(LeastSquares { x, squares }))
}

/// The derivative of the residuals by each parameter; false where they do not exist.
fn derivatives(
    x: &mut [f64],
    now: &[f64],
    jacobian: &mut [Vec<f64>],
    residuals: &mut Residuals<'_>,
) -> Result<bool, Stop> {
    for (i, column) in jacobian.iter_mut().enumerate() {
        let Some(whole) = x.get(i).copied() else {
            return Ok(false);
        };
        // Towards zero: what lies there has residuals, and stays within the bounds.
        let by = DIFFERENCE * whole.abs().max(1.0);
        let by = if whole > 0.0 { -by } else { by };
        x[i] = whole + by;
        let exists = residuals(x, column)?;
        let by = x[i] - whole;
        x[i] = whole;
        if !exists {
            return Ok(false);
        }
        for (d, now) in column.iter_mut().zip(now) {
            *d = (*d - now) / by;
        }
    }
    Ok(true)
}

/// By how much the sum of squares falls from `x` to `trial` when residuals are taken as linear.
fn promise(normal: &[f64], gradient: &[f64], x: &[f64], trial: &[f64]) -> f64 {
    let step: Vec<f64> = trial.iter().zip(x).map(|(t, x)| t - x).collect();
    normal
        .chunks_exact(step.len())
        .zip(gradient.iter().zip(&step))
        .map(|(row, (g, s))| -s * (2.0 * g + dot(row, &step)))
        .sum()
}

/// The damped step; none where the equations have no solution.
fn step(normal: &[f64], scale: &[f64], gradient: &[f64], damping: f64) -> Option<Vec<f64>> {
    let k = scale.len();
    let mut factor = normal.to_vec();
    for (i, s) in scale.iter().enumerate() {
        factor[i * k + i] += damping * s;
    }
    let mut step: Vec<f64> = gradient.iter().map(|g| -g).collect();
    if !cholesky(&mut factor, k) {
        return None;
    }
    cholesky_solve(&factor, k, &mut step);
    let longest = step.iter().fold(0.0, |most: f64, s| most.max(s.abs()));
    if longest > LONGEST {
        step.iter_mut().for_each(|s| *s *= LONGEST / longest);
    }
    Some(step)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn known_minima_are_found() {
        // Rosenbrock's valley: (1, 1), zero
        let mut valley = |x: &[f64], out: &mut [f64]| {
            out.copy_from_slice(&[10.0 * (x[1] - x[0] * x[0]), 1.0 - x[0]]);
            Ok(true)
        };
        let found = least_squares(&[-1.2, 1.0], (8.0, 1e-15), 2, &mut valley).unwrap();
        let found = found.unwrap();
        assert!(found.squares < 1e-20, "{found:?}");
        assert!(found.x.iter().all(|x| (x - 1.0).abs() < 1e-8), "{found:?}");
        // Exponential decay with a remainder: compared with its own gradient.
        let data = [9.0, 5.5, 3.6, 2.1, 1.4, 0.6];
        let model = |x: &[f64], t: usize| x[0] * (x[1] * t as f64).exp();
        let mut decay = |x: &[f64], out: &mut [f64]| {
            for (t, out) in out.iter_mut().enumerate() {
                *out = data[t] - model(x, t);
            }
            Ok(true)
        };
        let found = least_squares(&[1.0, 0.0], (100.0, 1e-14), 6, &mut decay).unwrap();
        let x = found.unwrap().x;
        let slope: f64 = (0..6)
            .map(|t| (data[t] - model(&x, t)) * t as f64 * model(&x, t))
            .sum();
        assert!(slope.abs() < 1e-5, "{slope}");
    }

    #[test]
    fn bounds_and_holes_are_respected() {
        // The least lies outside of the bounds, and nothing exists above 0.5.
        let mut line = |x: &[f64], out: &mut [f64]| {
            assert!(x[0].abs() <= 0.75);
            out[0] = x[0] - 3.0;
            Ok(x[0] <= 0.5)
        };
        let found = least_squares(&[0.0], (0.75, 1e-12), 1, &mut line).unwrap();
        assert!(found.unwrap().x[0] > 0.45);
        assert!(
            least_squares(&[0.7], (0.75, 1e-12), 1, &mut line)
                .unwrap()
                .is_none()
        );
        let stopped = least_squares(&[0.0], (1.0, 1e-9), 1, &mut |_, _| Err(Stop::Cancelled));
        assert_eq!(stopped.unwrap_err(), Stop::Cancelled);
    }
}
