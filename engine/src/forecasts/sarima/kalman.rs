//! The Kalman filter of a SARIMA process with its differences in the state (Harvey 1989, section 3.4; Durbin and Koopman 2012,
//! section 4.10): what follows values one by one, steps over missing ones and knows where the series stands.
//!
//! The state is that of the differenced process (`width` elements), then the last `lost` values of the series. Where none of
//! these was missing they are known for sure, and the covariance of the narrow part is all there is.

use super::params::Orders;
use super::polynomial::Polynomials;
use super::stationary::Start;

/// How a value of the series comes from its past values when the differenced one is zero: `(lag, factor)`.
pub(super) fn integration(orders: &Orders) -> Vec<(usize, f64)> {
    let mut product = vec![0.0; orders.lost() + 1];
    product[0] = 1.0;
    for (times, lag) in [(orders.d, 1), (orders.seasonal_d, orders.season)] {
        for _ in 0..times {
            for at in (lag..product.len()).rev() {
                product[at] -= product[at - lag];
            }
        }
    }
    let factors = product.iter().enumerate().skip(1);
    factors
        .filter(|(_, c)| **c != 0.0)
        .map(|(lag, c)| (lag, -c))
        .collect()
}

/// The filter: predicted states of several columns with one covariance.
#[derive(Debug, Clone)]
pub(super) struct Kalman {
    pub width: usize,
    pub lost: usize,
    /// See [`integration`].
    pub integration: Vec<(usize, f64)>,
    ar: Vec<f64>,
    /// What a shock adds to the state.
    shock: Vec<f64>,
    /// The predicted state of each column.
    pub states: Vec<Vec<f64>>,
    /// Its covariance in units of the variance of the shocks, row by row.
    pub covariance: Vec<f64>,
    work: Vec<f64>,
    /// Covariance of the state with the predicted value.
    gain: Vec<f64>,
    /// Errors of the last prediction, for each column.
    pub errors: Vec<f64>,
    /// Steps since a value was missing.
    pub whole_for: usize,
}

impl Kalman {
    pub(super) fn new(orders: &Orders, columns: usize) -> Kalman {
        let (width, lost) = (orders.width(), orders.lost());
        let size = width + lost;
        Kalman {
            width,
            lost,
            integration: integration(orders),
            ar: vec![0.0; width],
            shock: vec![0.0; width],
            states: vec![vec![0.0; size]; columns],
            covariance: vec![0.0; size * size],
            work: vec![0.0; size * size],
            gain: vec![0.0; size],
            errors: vec![0.0; columns],
            whole_for: lost,
        }
    }

    /// Takes the polynomials of the model.
    pub(super) fn set_polynomials(&mut self, polynomials: &Polynomials) {
        self.ar[..polynomials.ar.len()].copy_from_slice(&polynomials.ar);
        self.shock[0] = 1.0;
        self.shock[1..=polynomials.ma.len()].copy_from_slice(&polynomials.ma);
    }

    /// Puts the filter before the value after the first `lost` ones, which are those of `columns`.
    pub(super) fn begin(&mut self, polynomials: &Polynomials, start: &Start, columns: &[Vec<f64>]) {
        self.set_polynomials(polynomials);
        let size = self.width + self.lost;
        self.covariance.fill(0.0);
        start.covariance(polynomials, size, &mut self.covariance);
        for (state, column) in self.states.iter_mut().zip(columns) {
            state.fill(0.0);
            let last = column[..self.lost].iter().rev();
            for (level, value) in state[self.width..].iter_mut().zip(last) {
                *level = *value;
            }
        }
        self.whole_for = self.lost;
    }

    /// What a state expects of its column's next value.
    pub(super) fn expected(&self, state: &[f64]) -> f64 {
        let past = self.integration.iter();
        past.map(|(lag, c)| c * state[self.width + lag - 1])
            .sum::<f64>()
            + state[0]
    }

    /// Takes the next value of each column, or steps over it when it was not `observed`. Gives the variance of the prediction
    /// error, `None` when that is no positive number.
    pub(super) fn step(&mut self, values: impl Fn(usize) -> f64, observed: bool) -> Option<f64> {
        let size = self.width + self.lost;
        let wide = self.whole_for < self.lost;
        let active = if wide { size } else { self.width };
        let variance = self.look_ahead(active, wide);
        if !(variance > 0.0 && variance.is_finite()) {
            return None;
        }
        let inverse = 1.0 / variance;
        for c in 0..self.states.len() {
            let expected = self.expected(&self.states[c]);
            let state = &mut self.states[c];
            let mut level = expected;
            if observed {
                level = values(c);
                self.errors[c] = level - expected;
                let by = self.errors[c] * inverse;
                for (s, g) in state[..active].iter_mut().zip(&self.gain) {
                    *s += g * by;
                }
            }
            let now = state[0];
            for (i, a) in self.ar.iter().enumerate() {
                let next = if i + 1 < self.width {
                    state[i + 1]
                } else {
                    0.0
                };
                state[i] = next + a * now;
            }
            if self.lost > 0 {
                state.copy_within(self.width..size - 1, self.width + 1);
                state[self.width] = level;
            }
        }
        if observed {
            for (x, row) in self
                .covariance
                .chunks_exact_mut(size)
                .take(active)
                .enumerate()
            {
                let by = self.gain[x] * inverse;
                for (p, g) in row[..active].iter_mut().zip(&self.gain) {
                    *p -= by * g;
                }
            }
            self.whole_for = self.whole_for.saturating_add(1);
        } else {
            self.whole_for = 0;
        }
        if self.whole_for < self.lost || wide {
            self.move_on(size, observed);
        } else {
            self.move_on(self.width, observed);
        }
        Some(variance)
    }

    /// The variance of the next prediction error; its covariances with the state go to `gain`.
    fn look_ahead(&mut self, active: usize, wide: bool) -> f64 {
        let size = self.width + self.lost;
        let past: &[(usize, f64)] = if wide { &self.integration } else { &[] };
        if !wide {
            self.gain[self.width..].fill(0.0);
        }
        let seen = |row: &[f64]| {
            let past = past.iter().map(|(lag, c)| c * row[self.width + lag - 1]);
            past.sum::<f64>() + row[0]
        };
        let rows = self.covariance.chunks_exact(size);
        for (g, row) in self.gain.iter_mut().zip(rows).take(active) {
            *g = seen(row);
        }
        seen(&self.gain)
    }

    /// Moves the covariance of the first `active` elements on by one step. A value that was observed is known for sure.
    fn move_on(&mut self, active: usize, observed: bool) {
        let (width, size) = (self.width, self.width + self.lost);
        let wide = active > width;
        // Rows, then columns.
        for i in 0..width {
            let row = &mut self.work[i * size..i * size + active];
            let a = self.ar[i];
            let now = &self.covariance[..active];
            if i + 1 < width {
                let next = &self.covariance[(i + 1) * size..(i + 1) * size + active];
                for ((w, now), next) in row.iter_mut().zip(now).zip(next) {
                    *w = a * now + next;
                }
            } else {
                for (w, now) in row.iter_mut().zip(now) {
                    *w = a * now;
                }
            }
        }
        if wide {
            let levels = &mut self.work[width * size..];
            if observed {
                levels[..size].fill(0.0);
            } else {
                levels[..size].copy_from_slice(&self.gain);
            }
            levels[size..].copy_from_slice(&self.covariance[width * size..(size - 1) * size]);
        }
        for x in 0..active {
            let row = &self.work[x * size..x * size + active];
            let out = &mut self.covariance[x * size..x * size + active];
            let now = row[0];
            let shock = self.shock.get(x).copied().unwrap_or(0.0);
            for (((p, a), s), next) in out[..width]
                .iter_mut()
                .zip(&self.ar)
                .zip(&self.shock)
                .zip(row[1..width].iter().chain([&0.0]))
            {
                *p = a * now + next + shock * s;
            }
            if wide {
                let past = self.integration.iter();
                out[width] = if observed {
                    0.0
                } else {
                    past.map(|(lag, c)| c * row[width + lag - 1]).sum::<f64>() + now
                };
                out[width + 1..].copy_from_slice(&row[width..active - 1]);
            }
        }
    }
}
