//! A series made ready for models with the same differences and the same regression.

use super::kalman::integration;
use super::params::Orders;
use crate::forecasts::numeric::linear::{add_scaled, back_substitute, dot, orthonormalise};
use serde::{Deserialize, Serialize};

use crate::forecasts::{ForecastError, filled};

/// A regressor of which the ones before it leave less than this share says nothing of its own.
const LEAST_OWN: f64 = 1e-7;
/// What is smaller than this share of the values is rounding.
const ROUNDING: f64 = 1e-13;
/// The longest autoregression whose residuals stand for the shocks.
const LONGEST: usize = 450;

/// What enters the regression besides the regressors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Terms {
    /// A constant.
    pub mean: bool,
    /// A straight line.
    pub drift: bool,
}

impl Terms {
    pub(super) fn count(self) -> usize {
        usize::from(self.mean) + usize::from(self.drift)
    }

    /// The values of all columns of the regression at a step, the first of which is 0.
    pub(super) fn row(
        self,
        step: usize,
        regressors: &[Vec<f64>],
        at: usize,
    ) -> impl Iterator<Item = f64> {
        let mean = self.mean.then_some(1.0);
        let drift = self.drift.then_some(step as f64 + 1.0);
        let regressors = regressors
            .iter()
            .map(move |x| x.get(at).copied().unwrap_or(0.0));
        mean.into_iter().chain(drift).chain(regressors)
    }
}

/// The series and the columns of its regression. To be well conditioned, the differenced columns are made orthonormal and what
/// ordinary least squares gives to them is taken off the series.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    /// With the differences of this problem and no other orders.
    pub orders: Orders,
    pub terms: Terms,
    /// The series, then the columns, as they are: for series with missing values. One at the start is filled here too.
    pub raw: Vec<Vec<f64>>,
    /// The same, differenced; missing values filled.
    pub differenced: Vec<Vec<f64>>,
    /// True where the series has no value; empty when it has all.
    pub missing: Vec<bool>,
    /// Missing values among the first ones, which the differences use up. How far each is off from what it was filled with has
    /// a column of its own, the last ones of `raw`.
    pub unknown: usize,
    /// Values that the likelihood is of.
    pub used: usize,
    /// True when differences and regression leave nothing but rounding.
    pub exact: bool,
    /// Estimates of the shocks from a long autoregression.
    pub shocks: Vec<f64>,
    /// The triangle by which columns were made orthonormal, and the coefficients that are off already.
    upper: Vec<f64>,
    off: Vec<f64>,
}

impl Problem {
    /// Prepares `y`, whose first value is not missing. Steps are counted from there.
    ///
    /// # Errors
    /// [`ForecastError::Regressor`], [`ForecastError::TooShort`].
    pub(super) fn new(
        y: &[f64],
        regressors: &[Vec<f64>],
        orders: &Orders,
        terms: Terms,
    ) -> Result<Problem, ForecastError> {
        let orders = Orders::new([0, orders.d, 0], [0, orders.seasonal_d, 0], orders.season);
        let lost = orders.lost();
        let columns = terms.count() + regressors.len();
        let seen = y.iter().filter(|v| !v.is_nan()).count();
        if y.len() <= lost || seen <= lost + columns + 1 {
            return Err(ForecastError::TooShort {
                method: "sarima",
                needed: lost + columns + 2,
                found: seen,
            });
        }
        let missing: Vec<bool> = y.iter().map(|v| v.is_nan()).collect();
        let holes = missing.iter().any(|m| *m);
        let whole = filled(y, orders.season);
        let mut raw: Vec<Vec<f64>> = vec![Vec::with_capacity(y.len()); columns];
        for step in 0..y.len() {
            for (column, x) in raw.iter_mut().zip(terms.row(step, regressors, step)) {
                column.push(x);
            }
        }
        let by = integration(&orders);
        let mut differenced: Vec<Vec<f64>> = raw.iter().map(|x| difference(x, &by, lost)).collect();
        let upper = orthonormalise(&mut differenced, LEAST_OWN).map_err(|column| {
            ForecastError::Regressor {
                name: format!("x{}", (column + 1).saturating_sub(terms.count())),
                problem: "is constant over the series, or says what those before it say",
            }
        })?;
        into_orthonormal(&mut raw, &upper);
        let mut series = difference(&whole, &by, lost);
        let mut off = Vec::with_capacity(columns);
        for column in &differenced {
            let share = dot(column, &series);
            add_scaled(&mut series, -share, column);
            off.push(share);
        }
        let mut values: Vec<f64> = y.to_vec();
        values[..lost].copy_from_slice(&whole[..lost]);
        for (share, column) in off.iter().zip(&raw) {
            add_scaled(&mut values, -share, column);
        }
        raw.insert(0, values);
        differenced.insert(0, series);
        let unknown = missing.iter().take(lost).filter(|m| **m).count();
        for at in (0..lost).filter(|at| missing[*at]) {
            let mut column = vec![0.0; y.len()];
            column[at] = 1.0;
            raw.push(column);
        }
        let shocks = shocks(&differenced[0], orders.season);
        let exact = largest(&differenced[0]) <= ROUNDING * largest(&whole);
        Ok(Problem {
            orders,
            terms,
            raw: if holes { raw } else { Vec::new() },
            differenced,
            missing: if holes { missing } else { Vec::new() },
            unknown,
            used: seen - lost,
            exact,
            shocks,
            upper,
            off,
        })
    }

    /// Columns of the regression.
    pub(super) fn columns(&self) -> usize {
        self.off.len()
    }

    /// Coefficients of the columns as they were given, from those of the prepared ones.
    pub(super) fn restored(&self, b: &[f64]) -> Vec<f64> {
        let mut b: Vec<f64> = b.iter().zip(&self.off).map(|(b, off)| b + off).collect();
        back_substitute(&self.upper, self.off.len(), &mut b);
        b
    }
}

/// What the lags do not explain, from the first value on that has all of them.
pub(super) fn difference(y: &[f64], integration: &[(usize, f64)], lost: usize) -> Vec<f64> {
    let one = |t: usize| {
        let past = integration.iter().map(|(lag, c)| c * y[t - lag]);
        y[t] - past.sum::<f64>()
    };
    (lost..y.len()).map(one).collect()
}

fn largest(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |most, v| most.max(v.abs()))
}

/// Makes of columns what made their differences orthonormal.
fn into_orthonormal(columns: &mut [Vec<f64>], upper: &[f64]) {
    let n = columns.len();
    for j in 0..n {
        let (done, rest) = columns.split_at_mut(j);
        let Some(column) = rest.first_mut() else {
            break;
        };
        for (i, earlier) in done.iter().enumerate() {
            add_scaled(column, -upper[i * n + j], earlier);
        }
        column.iter_mut().for_each(|v| *v /= upper[j * n + j]);
    }
}

/// Residuals of an autoregression by Yule and Walker (1927, 1931) that reaches over two seasons: the shocks, roughly. The
/// first ones are of shorter autoregressions.
fn shocks(w: &[f64], season: usize) -> Vec<f64> {
    let n = w.len();
    let order = (2 * season.min(LONGEST) + 4)
        .max(10)
        .min(n / 3)
        .min(LONGEST);
    let gamma: Vec<f64> = (0..=order).map(|lag| dot(&w[lag..], w)).collect();
    let mut predictor = vec![0.0; order];
    let mut variance = gamma[0];
    let mut reached = 0;
    for k in 0..order {
        let known = predictor[..k].iter().zip(gamma[1..=k].iter().rev());
        let r = (gamma[k + 1] - known.map(|(a, g)| a * g).sum::<f64>()) / variance;
        if r.is_nan() || r.abs() >= 1.0 {
            break;
        }
        super::polynomial::raise(&mut predictor, k, r);
        variance *= 1.0 - r * r;
        reached = k + 1;
    }
    let predictor = &predictor[..reached];
    let one = |t: usize| {
        let past = predictor.iter().zip(w[..t].iter().rev());
        w[t] - past.map(|(a, w)| a * w).sum::<f64>()
    };
    (0..n).map(one).collect()
}
