//! Where the search for coefficients begins.

use super::params::Orders;
use super::problem::Problem;
use crate::forecasts::numeric::linear::{cholesky, cholesky_solve};

/// Coefficients ar, ma, sar, sma by Hannan's and Rissanen's regression (1982): on past values and on the estimated shocks, with
/// products of seasonal and other coefficients left out. Zeros when the series is too short for it.
pub(super) fn hannan_rissanen(problem: &Problem, orders: &Orders) -> Vec<f64> {
    let k = orders.coefficients();
    let (w, e) = (&problem.differenced[0], &problem.shocks);
    let lags: Vec<(bool, usize)> = [
        (false, orders.p, 1),
        (true, orders.q, 1),
        (false, orders.seasonal_p, orders.season),
        (true, orders.seasonal_q, orders.season),
    ]
    .into_iter()
    .flat_map(|(shock, count, by)| (1..=count).map(move |i| (shock, i * by)))
    .collect();
    let first = lags.iter().map(|(_, lag)| *lag).max().unwrap_or_default();
    if k == 0 || w.len() < first + 3 * k {
        return vec![0.0; k];
    }
    let mut normal = vec![0.0; k * k];
    let mut b = vec![0.0; k];
    let mut row = vec![0.0; k];
    for t in first..w.len() {
        for (x, (shock, lag)) in row.iter_mut().zip(&lags) {
            *x = if *shock { e[t - lag] } else { w[t - lag] };
        }
        for (i, x) in row.iter().enumerate() {
            b[i] += x * w[t];
            for (sum, z) in normal[i * k..=i * k + i].iter_mut().zip(&row) {
                *sum += x * z;
            }
        }
    }
    // Values and shocks may be almost the same: a small ridge keeps the equations solvable.
    for i in 0..k {
        normal[i * k + i] *= 1.0 + 1e-6;
    }
    if !cholesky(&mut normal, k) {
        return vec![0.0; k];
    }
    cholesky_solve(&normal, k, &mut b);
    b
}
