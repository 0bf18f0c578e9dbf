//! The coefficients of a model with given orders.

use super::likelihood::Likelihood;
use super::params::Orders;
use super::polynomial::Polynomials;
use super::problem::Problem;
use super::start::hannan_rissanen;
use crate::control::{Control, Stop};
use crate::forecasts::numeric::least_squares;
use crate::forecasts::numeric::linear::{cholesky, cholesky_inverse, dot};

/// The largest partial autocorrelation at which a search begins.
const MOST_AT_START: f64 = 0.97;
/// By how much coefficients are moved for second derivatives.
const DIFFERENCE: f64 = 1e-4;

/// How carefully coefficients are sought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Care {
    /// Free parameters stay within this.
    bound: f64,
    /// The change of the sum of squares, as a share, that ends the search.
    tolerance: f64,
    /// Whether to search from every start; otherwise from the best one.
    every: bool,
}

impl Care {
    /// To compare orders. Partial autocorrelations up to 0.9993 are enough, as models beyond are not taken; without the bound, these
    /// take the longest, on their way to infinity.
    pub(super) const ROUGH: Care = Care {
        bound: 4.0,
        tolerance: 1e-6,
        every: false,
    };
    /// For the model itself. Partial autocorrelations stay within 1 - 2e-7.
    pub(super) const FINE: Care = Care {
        bound: 8.0,
        tolerance: 1e-13,
        every: true,
    };
}

/// A model with its coefficients.
#[derive(Debug, Clone)]
pub(super) struct Estimate {
    pub orders: Orders,
    /// Coefficients as the optimiser sees them.
    pub free: Vec<f64>,
    /// Coefficients ar, ma, sar, sma.
    pub coefficients: Vec<f64>,
    /// Coefficients of mean, drift and regressors.
    pub regression: Vec<f64>,
    /// Variance of the shocks by maximum likelihood.
    pub variance: f64,
    pub log_likelihood: f64,
    /// Values that the likelihood is of.
    pub used: usize,
}

impl Estimate {
    /// Estimated numbers, the variance not among them.
    pub(super) fn parameters(&self) -> usize {
        self.coefficients.len() + self.regression.len()
    }

    /// Akaike's criterion with the correction for small samples (Hurvich and Tsai 1989).
    pub(super) fn aicc(&self) -> f64 {
        let (k, n) = ((self.parameters() + 1) as f64, self.used as f64);
        if n - k - 1.0 <= 0.0 {
            return f64::INFINITY;
        }
        -2.0 * self.log_likelihood + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0)
    }
}

/// True when there are values enough for the coefficients of a model.
pub(super) fn determined(problem: &Problem, orders: &Orders) -> bool {
    problem.used > orders.coefficients() + problem.columns() + 1
}

/// The most likely coefficients near some starts, each of free parameters. `None` when the likelihood exists nowhere.
pub(super) fn estimate(
    problem: &Problem,
    orders: &Orders,
    starts: &[Vec<f64>],
    care: Care,
    control: &dyn Control,
) -> Result<Option<Estimate>, Stop> {
    let mut likelihood = Likelihood::new(problem, orders, control);
    let len = likelihood.residuals();
    let mut out = vec![0.0; len];
    let mut ranked: Vec<(f64, &Vec<f64>)> = Vec::new();
    for start in starts {
        if likelihood.at_free(start, &mut out)? {
            ranked.push((dot(&out, &out), start));
        }
    }
    ranked.retain(|(squares, _)| squares.is_finite());
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    if !care.every {
        ranked.truncate(1);
    }
    let mut best: Option<(f64, Vec<f64>)> = None;
    for (_, start) in ranked {
        let mut residuals = |x: &[f64], out: &mut [f64]| {
            control.check()?;
            likelihood.at_free(x, out)
        };
        let found = least_squares(start, (care.bound, care.tolerance), len, &mut residuals)?;
        if let Some(found) = found
            && best
                .as_ref()
                .is_none_or(|(least, _)| found.squares < *least)
        {
            best = Some((found.squares, found.x));
        }
    }
    let Some((_, free)) = best else {
        return Ok(None);
    };
    if !likelihood.at_free(&free, &mut out)? {
        return Ok(None);
    }
    let squares = dot(&out, &out).max(f64::MIN_POSITIVE);
    let unknown = problem.unknown;
    Ok(Some(Estimate {
        orders: *orders,
        coefficients: likelihood.polynomials.coefficients.clone(),
        regression: problem.restored(&likelihood.b[unknown..]),
        variance: likelihood.variance(squares),
        log_likelihood: likelihood.log(squares),
        used: problem.used,
        free,
    }))
}

/// Starts for a model of which nothing is known.
pub(super) fn usual_starts(problem: &Problem, orders: &Orders) -> Vec<Vec<f64>> {
    let regression = hannan_rissanen(problem, orders);
    vec![
        Polynomials::free(orders, &regression, MOST_AT_START),
        vec![0.0; orders.coefficients()],
    ]
}

/// Standard errors of the coefficients ar, ma, sar, sma and of the regression, from the curvature of the likelihood; `None` when it
/// is not curved in all directions, as at the edge of what is stationary or invertible.
pub(super) fn standard_errors(
    problem: &Problem,
    found: &Estimate,
    control: &dyn Control,
) -> Result<Option<Vec<f64>>, Stop> {
    let k = found.coefficients.len();
    let mut likelihood = Likelihood::new(problem, &found.orders, control);
    let mut out = vec![0.0; likelihood.residuals()];
    let mut at = |moves: &[(usize, f64)]| -> Result<Option<(f64, Vec<f64>)>, Stop> {
        let mut c = found.coefficients.clone();
        for (i, by) in moves {
            c[*i] += by;
        }
        if !likelihood.at_coefficients(&c, &mut out)? {
            return Ok(None);
        }
        let log = likelihood.log(dot(&out, &out));
        let b = problem.restored(&likelihood.b[problem.unknown..]);
        Ok(Some((log, b)))
    };
    let Some((centre, _)) = at(&[])? else {
        return Ok(None);
    };
    let h = DIFFERENCE;
    let mut information = vec![0.0; k * k];
    // How the regression's coefficients move with the others.
    let mut moved: Vec<Vec<f64>> = Vec::with_capacity(k);
    for i in 0..k {
        let (Some(up), Some(down)) = (at(&[(i, h)])?, at(&[(i, -h)])?) else {
            return Ok(None);
        };
        information[i * k + i] = (2.0 * centre - up.0 - down.0) / (h * h);
        let slope = up.1.iter().zip(&down.1).map(|(u, d)| (u - d) / (2.0 * h));
        moved.push(slope.collect());
        for j in 0..i {
            let corners = [(h, h), (h, -h), (-h, h), (-h, -h)];
            let mut sum = 0.0;
            for (a, b) in corners {
                let Some((log, _)) = at(&[(i, a), (j, b)])? else {
                    return Ok(None);
                };
                sum += log * (a * b).signum();
            }
            information[i * k + j] = -sum / (4.0 * h * h);
            information[j * k + i] = information[i * k + j];
        }
    }
    if !cholesky(&mut information, k) {
        return Ok(None);
    }
    let covariance = cholesky_inverse(&information, k);
    let mut errors: Vec<f64> = (0..k).map(|i| covariance[i * k + i].sqrt()).collect();
    at(&[])?;
    let own = regression_variances(problem, &likelihood.regression_inverse());
    for (c, own) in own.iter().enumerate() {
        let with = moved.iter().enumerate().flat_map(|(i, a)| {
            let covariance = &covariance;
            moved
                .iter()
                .enumerate()
                .map(move |(j, b)| a[c] * b[c] * covariance[i * k + j])
        });
        errors.push((own * found.variance + with.sum::<f64>()).sqrt());
    }
    Ok(errors.iter().all(|e| e.is_finite()).then_some(errors))
}

/// Variances of the regression's coefficients as they were given, in units of the shocks' variance, from the inverse matrix
/// of the prepared ones.
fn regression_variances(problem: &Problem, inverse: &[f64]) -> Vec<f64> {
    let n = problem.columns();
    // Rows of the inverse triangle: the coefficients are linear in the prepared ones.
    let mut back: Vec<Vec<f64>> = Vec::with_capacity(n);
    let zero = problem.restored(&vec![0.0; n]);
    for j in 0..n {
        let mut unit = vec![0.0; n];
        unit[j] = 1.0;
        let moved = problem.restored(&unit);
        back.push(moved.iter().zip(&zero).map(|(m, z)| m - z).collect());
    }
    let one = |c: usize| {
        let pairs = (0..n).flat_map(|i| (0..n).map(move |j| (i, j)));
        pairs
            .map(|(i, j)| back[i][c] * back[j][c] * inverse[i * n + j])
            .sum()
    };
    (0..n).map(one).collect()
}
