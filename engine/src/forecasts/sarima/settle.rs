//! Where a series stands at its end: the state from which forecasts go on.

use super::kalman::Kalman;
use super::likelihood::PRIOR;
use super::params::Orders;
use super::polynomial::Polynomials;
use super::stationary::Start;
use crate::control::{Control, Stop};
use crate::forecasts::filled;
use crate::forecasts::numeric::linear::{add_scaled, cholesky, cholesky_solve, dot};

/// Multiplications between two looks at the control.
const PATIENCE: usize = 4_000_000;

/// Sends values (without what the regression explains; NaN where one is missing) through the filter of a model with the given coefficients.
/// `None` where that has no stationary start.
pub(super) fn settle(
    values: &[f64],
    orders: &Orders,
    coefficients: &[f64],
    control: &dyn Control,
) -> Result<Option<Kalman>, Stop> {
    let lost = orders.lost().min(values.len());
    let mut polynomials = Polynomials::new(orders);
    polynomials.set_coefficients(coefficients);
    let mut start = Start::new(orders.width(), orders.ar_lag(), orders.ma_lag());
    if !start.set(&polynomials) {
        return Ok(None);
    }
    let mut first = filled(values, orders.season);
    first.truncate(lost);
    let mut columns = vec![first];
    for at in (0..lost).filter(|at| values[*at].is_nan()) {
        let mut column = vec![0.0; lost];
        column[at] = 1.0;
        columns.push(column);
    }
    let unknown = columns.len() - 1;
    let mut kalman = Kalman::new(orders, columns.len());
    kalman.begin(&polynomials, &start, &columns);
    let mut normal = vec![0.0; unknown * unknown];
    let mut b = vec![0.0; unknown];
    let done = advance(&mut kalman, &values[lost..], control, |errors, variance| {
        let own = &errors[1..];
        for (i, x) in own.iter().enumerate() {
            add_scaled(
                &mut normal[i * unknown..(i + 1) * unknown],
                x / variance,
                own,
            );
            b[i] += x * errors[0] / variance;
        }
    })?;
    if !done {
        return Ok(None);
    }
    if unknown > 0 {
        for i in 0..unknown {
            normal[i * unknown + i] += PRIOR;
        }
        if !cholesky(&mut normal, unknown) {
            return Ok(None);
        }
        cholesky_solve(&normal, unknown, &mut b);
        join(&mut kalman, &normal, &b);
        let whole = values.iter().rev().take_while(|v| !v.is_nan());
        kalman.whole_for = kalman.whole_for.min(whole.count());
    }
    Ok(Some(kalman))
}

/// Sends values of the first column, the others being 0, through the filter, and hands out errors and their variance. False
/// when a variance is no positive number.
pub(super) fn advance(
    kalman: &mut Kalman,
    values: &[f64],
    control: &dyn Control,
    mut each: impl FnMut(&[f64], f64),
) -> Result<bool, Stop> {
    let size = kalman.width + kalman.lost;
    let patience = (PATIENCE / (4 * size * size)).max(1);
    for (t, value) in values.iter().enumerate() {
        if t % patience == 0 {
            control.check()?;
        }
        let take = |column: usize| if column == 0 { *value } else { 0.0 };
        let Some(variance) = kalman.step(take, !value.is_nan()) else {
            return Ok(false);
        };
        if !value.is_nan() {
            each(&kalman.errors, variance);
        }
    }
    Ok(true)
}

/// Puts the estimates `b` of unknown values at the start, and how uncertain they are, into the state of the series.
fn join(kalman: &mut Kalman, factor: &[f64], b: &[f64]) {
    let size = kalman.width + kalman.lost;
    let columns = kalman.states.split_off(1);
    kalman.errors.truncate(1);
    let Some(state) = kalman.states.first_mut() else {
        return;
    };
    for (b, column) in b.iter().zip(&columns) {
        add_scaled(state, -b, column);
    }
    let mut row = vec![0.0; b.len()];
    for x in 0..size {
        for (r, column) in row.iter_mut().zip(&columns) {
            *r = column[x];
        }
        let mut solved = row.clone();
        cholesky_solve(factor, b.len(), &mut solved);
        for y in 0..size {
            for (r, column) in row.iter_mut().zip(&columns) {
                *r = column[y];
            }
            kalman.covariance[x * size + y] += dot(&solved, &row);
        }
    }
}
