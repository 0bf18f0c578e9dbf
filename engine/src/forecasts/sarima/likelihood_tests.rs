//! The likelihood against its definition: the density of a normal vector with the process' covariance matrix.
#![allow(clippy::unwrap_used)]

use super::estimate::{Care, estimate};
use super::kalman::integration;
use super::likelihood::{Likelihood, PRIOR};
use super::params::Orders;
use super::problem::{Problem, Terms};
use crate::control::Free;
use crate::forecasts::numeric::linear::{cholesky, cholesky_solve, dot};
use crate::random::Stream;

/// The logarithm of the density of `y` (NaN: missing) at the best variance and regression, given the first `lost` values (those
/// missing: with a wide prior around `first`). By brute force: values are sums of shocks, first values and columns.
fn dense(
    y: &[f64],
    columns: &[Vec<f64>],
    orders: &Orders,
    coefficients: &[f64],
    first: &[f64],
) -> f64 {
    let n = y.len();
    let lost = orders.lost();
    let mut polynomials = super::polynomial::Polynomials::new(orders);
    polynomials.set_coefficients(coefficients);
    // Autocovariances of the differenced process by its first 4000 weights.
    let mut psi = vec![0.0; 4000];
    super::stationary::weights(&polynomials.ar, &polynomials.ma, &mut psi);
    let gamma: Vec<f64> = (0..n).map(|lag| dot(&psi[lag..], &psi)).collect();
    // What a unit of the differenced process at a place, or of a first value, adds to each value.
    let by = integration(orders);
    let response = |at: usize| -> Vec<f64> {
        let mut out = vec![0.0; n];
        out[at] = 1.0;
        for t in lost.max(at + 1)..n {
            out[t] = by.iter().map(|(lag, c)| c * out[t - lag]).sum();
        }
        out
    };
    let responses: Vec<Vec<f64>> = (0..n).map(response).collect();
    let seen: Vec<usize> = (lost..n).filter(|t| !y[*t].is_nan()).collect();
    let unknown: Vec<usize> = (0..lost).filter(|t| y[*t].is_nan()).collect();
    let m = seen.len();
    let mut covariance = vec![0.0; m * m];
    for (i, s) in seen.iter().enumerate() {
        for (j, t) in seen.iter().enumerate() {
            for a in lost..=*s {
                for b in lost..=*t {
                    covariance[i * m + j] +=
                        responses[a][*s] * responses[b][*t] * gamma[a.abs_diff(b)];
                }
            }
            for at in &unknown {
                covariance[i * m + j] += responses[*at][*s] * responses[*at][*t] / PRIOR;
            }
        }
    }
    let moved = |x: &[f64]| -> Vec<f64> {
        let from = |t: usize| (0..lost).map(|at| responses[at][t] * x[at]).sum::<f64>();
        seen.iter().map(|t| x[*t] - from(*t)).collect()
    };
    let mut start = y.to_vec();
    start[..lost].copy_from_slice(first);
    let v = moved(&start);
    let columns: Vec<Vec<f64>> = columns.iter().map(|x| moved(x)).collect();
    assert!(cholesky(&mut covariance, m));
    let whitened = |x: &[f64]| {
        let mut solved = x.to_vec();
        cholesky_solve(&covariance, m, &mut solved);
        solved
    };
    let k = columns.len();
    let solved: Vec<Vec<f64>> = columns.iter().map(|x| whitened(x)).collect();
    let mut normal: Vec<f64> = (0..k * k)
        .map(|i| dot(&columns[i / k.max(1)], &solved[i % k.max(1)]))
        .collect();
    let mut b: Vec<f64> = solved.iter().map(|x| dot(x, &v)).collect();
    assert!(cholesky(&mut normal, k));
    cholesky_solve(&normal, k, &mut b);
    let left: Vec<f64> = (0..m)
        .map(|i| v[i] - columns.iter().zip(&b).map(|(x, b)| x[i] * b).sum::<f64>())
        .collect();
    let squares = dot(&left, &whitened(&left));
    // The prior's own share, as unknown values take one observation each.
    let used = (m - unknown.len()) as f64;
    let log_det = 2.0 * (0..m).map(|i| covariance[i * m + i].ln()).sum::<f64>()
        + unknown.len() as f64 * PRIOR.ln();
    -0.5 * (used * ((std::f64::consts::TAU * squares / used).ln() + 1.0) + log_det)
}

fn series(n: usize, holes: &[usize]) -> Vec<f64> {
    let mut stream = Stream::new(7, "likelihood test", n as u64);
    let mut level = 20.0;
    let mut y: Vec<f64> = (0..n)
        .map(|t| {
            level += stream.unit() - 0.4;
            level + [3.0, -1.0, 0.5, -2.0][t % 4] + 2.0 * stream.unit()
        })
        .collect();
    for at in holes {
        y[*at] = f64::NAN;
    }
    y
}

#[test]
fn likelihoods_are_densities() {
    let x: Vec<Vec<f64>> = vec![(0..30).map(|t| f64::from(t * t % 11)).collect()];
    let none: &[usize] = &[];
    for (order, seasonal_order, coefficients, holes) in [
        ([2, 0, 1], [0; 3], vec![0.6, 0.2, 0.4], none),
        ([1, 0, 1], [1, 0, 1], vec![0.5, -0.3, 0.4, 0.6], none),
        ([1, 1, 1], [0, 1, 1], vec![0.5, -0.6, -0.7], none),
        ([0, 2, 2], [0; 3], vec![-0.8, 0.1], none),
        ([2, 0, 1], [0; 3], vec![0.6, 0.2, 0.4], &[4, 9, 10, 29]),
        (
            [1, 1, 1],
            [0, 1, 1],
            vec![0.5, -0.6, -0.7],
            &[8, 14, 15, 28],
        ),
        ([0, 1, 1], [1, 0, 0], vec![-0.6, 0.5], &[7, 20]),
        // Among the first values too.
        ([1, 1, 1], [0, 1, 1], vec![0.5, -0.6, -0.7], &[1, 3, 14, 28]),
        ([0, 2, 1], [0; 3], vec![-0.4], &[1, 2, 20]),
    ] {
        let orders = Orders::new(order, seasonal_order, 4);
        let y = series(30, holes);
        for regressors in [&[][..], &x] {
            let terms = Terms {
                mean: orders.differences() == 0,
                drift: orders.differences() == 1,
            };
            let problem = Problem::new(&y, regressors, &orders, terms).unwrap();
            let mut likelihood = Likelihood::new(&problem, &orders, &Free);
            let mut out = vec![0.0; likelihood.residuals()];
            assert!(likelihood.at_coefficients(&coefficients, &mut out).unwrap());
            let ours = likelihood.log(dot(&out, &out));
            let mut columns: Vec<Vec<f64>> = vec![Vec::new(); terms.count() + regressors.len()];
            for t in 0..y.len() {
                for (column, v) in columns.iter_mut().zip(terms.row(t, regressors, t)) {
                    column.push(v);
                }
            }
            let first = crate::forecasts::filled(&y, 4)[..orders.lost()].to_vec();
            let exact = dense(&y, &columns, &orders, &coefficients, &first);
            // The prior's share of the squares is not in the residuals; it is of the order of the prior.
            let by = if problem.unknown > 0 { 1e-4 } else { 1e-8 };
            assert!(
                (ours - exact).abs() < by,
                "{order:?} {holes:?}: {ours} {exact}"
            );
        }
    }
}

#[test]
fn the_optimum_is_one() {
    // No step in any direction is better, with and without missing values.
    for holes in [&[][..], &[3, 30, 31]] {
        let mut y = crate::forecasts::oracle::series("usaccdeaths");
        holes.iter().for_each(|at| y[*at] = f64::NAN);
        let orders = Orders::new([1, 1, 1], [0, 1, 1], 12);
        let problem = Problem::new(&y, &[], &orders, Terms::default()).unwrap();
        let found = estimate(&problem, &orders, &[vec![0.0; 3]], Care::FINE, &Free)
            .unwrap()
            .unwrap();
        let mut likelihood = Likelihood::new(&problem, &orders, &Free);
        let mut out = vec![0.0; likelihood.residuals()];
        for i in 0..3 {
            for by in [-1e-3, 1e-3] {
                let mut free = found.free.clone();
                free[i] += by;
                assert!(likelihood.at_free(&free, &mut out).unwrap());
                assert!(likelihood.log(dot(&out, &out)) < found.log_likelihood);
            }
        }
    }
}
