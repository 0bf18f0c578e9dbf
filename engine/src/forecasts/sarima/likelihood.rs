//! The exact likelihood of a SARIMA process as a sum of squares.
//!
//! With prediction errors `v` of variances `sigma2 * F`, the likelihood at its best `sigma2` is a function of
//! `S * D^(1/n)` alone, where `S = sum v^2 / F` and `D` is the product of the `F`. So the scaled errors `v F^(-1/2) D^(1/2n)` are
//! the residuals of a least squares problem (Ansley 1979). Coefficients of the regression enter linearly and are solved for
//! at each trial (generalised least squares; Kohn and Ansley 1985). Unknown values at the start have a wide prior: their part of
//! the normal equations joins `D` (de Jong 1991).

use super::kalman::Kalman;
use super::params::Orders;
use super::polynomial::Polynomials;
use super::problem::Problem;
use super::quick::Quick;
use super::stationary::Start;
use crate::control::{Control, Stop};
use crate::forecasts::numeric::linear::{add_scaled, cholesky, cholesky_solve, dot};

/// Multiplications between two looks at the control.
const PATIENCE: usize = 4_000_000;

/// Unknown values at the start have a variance of the shocks' times the inverse of this: as good as flat, and it keeps the equations
/// solvable when a phase of the season is never seen.
pub(super) const PRIOR: f64 = 1e-6;

/// What computes prediction errors: fast where no value is missing.
#[derive(Debug)]
enum Filter {
    Quick(Quick),
    Kalman(Kalman),
}

/// The likelihood of one model, with everything that its computation needs.
pub(super) struct Likelihood<'a> {
    problem: &'a Problem,
    pub polynomials: Polynomials,
    start: Start,
    filter: Filter,
    /// Standardised prediction errors of the series and of each column.
    errors: Vec<Vec<f64>>,
    normal: Vec<f64>,
    factor: Vec<f64>,
    /// Coefficients of the unknown values at the start, then of the regression's columns.
    pub b: Vec<f64>,
    /// The logarithm of `D`.
    pub log_det: f64,
    control: &'a dyn Control,
}

impl<'a> Likelihood<'a> {
    pub(super) fn new(
        problem: &'a Problem,
        orders: &Orders,
        control: &'a dyn Control,
    ) -> Likelihood<'a> {
        let quick = problem.missing.is_empty();
        let columns = if quick {
            problem.differenced.len()
        } else {
            problem.raw.len()
        };
        let len = problem.differenced[0].len();
        let filter = if quick {
            Filter::Quick(Quick::new(orders.width(), orders.ar_lag(), columns, len))
        } else {
            Filter::Kalman(Kalman::new(orders, columns))
        };
        let unknown = columns - 1;
        Likelihood {
            problem,
            polynomials: Polynomials::new(orders),
            start: Start::new(orders.width(), orders.ar_lag(), orders.ma_lag()),
            filter,
            errors: vec![vec![0.0; len]; columns],
            normal: vec![0.0; unknown * unknown],
            factor: vec![0.0; unknown * unknown],
            b: vec![0.0; unknown],
            log_det: 0.0,
            control,
        }
    }

    /// Values that the likelihood is of.
    fn used(&self) -> usize {
        self.problem.used
    }

    /// Residuals there are: values that are used, and those that unknown ones at the start take.
    pub(super) fn residuals(&self) -> usize {
        self.problem.used + self.problem.unknown
    }

    /// Writes the residuals at free parameters; false where there are none.
    pub(super) fn at_free(&mut self, free: &[f64], out: &mut [f64]) -> Result<bool, Stop> {
        self.polynomials.set_free(free);
        self.write(out)
    }

    /// The same at coefficients ar, ma, sar, sma.
    pub(super) fn at_coefficients(&mut self, c: &[f64], out: &mut [f64]) -> Result<bool, Stop> {
        self.polynomials.set_coefficients(c);
        self.write(out)
    }

    fn write(&mut self, out: &mut [f64]) -> Result<bool, Stop> {
        if !self.start.set(&self.polynomials) {
            return Ok(false);
        }
        let logs = match &mut self.filter {
            Filter::Quick(quick) => quick.run(
                (&self.polynomials, &self.start),
                &self.problem.differenced,
                &mut self.errors,
                self.control,
            )?,
            Filter::Kalman(kalman) => {
                kalman.begin(&self.polynomials, &self.start, &self.problem.raw);
                follow(kalman, self.problem, &mut self.errors, self.control)?
            }
        };
        let Some(logs) = logs else {
            return Ok(false);
        };
        self.log_det = logs;
        if !self.solve() {
            return Ok(false);
        }
        let (series, columns) = self.errors.split_at(1);
        let len = out.len();
        out.copy_from_slice(&series[0][..len]);
        for (b, column) in self.b.iter().zip(in_order(columns, self.problem)) {
            add_scaled(out, -b, column);
        }
        let scale = (self.log_det / (2.0 * self.used() as f64)).exp();
        out.iter_mut().for_each(|v| *v *= scale);
        Ok(out.last().is_none_or(|v| v.is_finite()))
    }

    /// Solves for `b`; false where columns depend on each other.
    fn solve(&mut self) -> bool {
        let n = self.b.len();
        if n == 0 {
            return true;
        }
        let len = self.residuals();
        let (series, columns) = self.errors.split_at(1);
        for (i, x) in in_order(columns, self.problem).enumerate() {
            let x = &x[..len];
            for (j, z) in in_order(columns, self.problem).enumerate().take(i + 1) {
                self.normal[i * n + j] = dot(x, z);
            }
            self.b[i] = dot(x, &series[0]);
        }
        for i in 0..self.problem.unknown {
            self.normal[i * n + i] += PRIOR;
        }
        self.factor.copy_from_slice(&self.normal);
        if !cholesky(&mut self.factor, n) {
            return false;
        }
        cholesky_solve(&self.factor, n, &mut self.b);
        let unknown = (0..self.problem.unknown).map(|i| self.factor[i * n + i].ln());
        self.log_det += 2.0 * unknown.sum::<f64>();
        true
    }

    /// The logarithm of the likelihood, of the sum of squares of the residuals.
    pub(super) fn log(&self, squares: f64) -> f64 {
        let n = self.used() as f64;
        -0.5 * n * ((std::f64::consts::TAU * squares / n).ln() + 1.0)
    }

    /// The variance of the shocks by maximum likelihood, of the sum of squares of the residuals.
    pub(super) fn variance(&self, squares: f64) -> f64 {
        let n = self.used() as f64;
        squares / n * (-self.log_det / n).exp()
    }

    /// The inverse of the normal equations' matrix for the regression's columns, by row.
    pub(super) fn regression_inverse(&self) -> Vec<f64> {
        let n = self.b.len();
        let inverse = crate::forecasts::numeric::linear::cholesky_inverse(&self.factor, n);
        let from = self.problem.unknown;
        let rows = (from..n).flat_map(|i| inverse[i * n + from..(i + 1) * n].to_vec());
        rows.collect()
    }
}

/// The columns with unknown values of the start first, as their equations are to be eliminated first.
fn in_order<'a>(columns: &'a [Vec<f64>], problem: &Problem) -> impl Iterator<Item = &'a Vec<f64>> {
    let (regression, unknown) = columns.split_at(columns.len() - problem.unknown);
    unknown.iter().chain(regression)
}

/// Sends a series with missing values and its columns through the filter.
fn follow(
    kalman: &mut Kalman,
    problem: &Problem,
    errors: &mut [Vec<f64>],
    control: &dyn Control,
) -> Result<Option<f64>, Stop> {
    let lost = problem.orders.lost();
    let size = kalman.states.first().map_or(1, Vec::len);
    let patience = (PATIENCE / (4 * size * size)).max(1);
    let (mut logs, mut seen) = (0.0, 0);
    for (t, missing) in problem.missing.iter().enumerate().skip(lost) {
        if t % patience == 0 {
            control.check()?;
        }
        let Some(variance) = kalman.step(|c| problem.raw[c][t], !missing) else {
            return Ok(None);
        };
        if *missing {
            continue;
        }
        let root = variance.sqrt();
        logs += variance.ln();
        for (errors, error) in errors.iter_mut().zip(&kalman.errors) {
            errors[seen] = error / root;
        }
        seen += 1;
    }
    Ok(Some(logs))
}
