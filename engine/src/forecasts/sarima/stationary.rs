//! The stationary start of an ARMA process in Harvey's state space form (Harvey 1989, section 3.3): its first element is the
//! value of the process, element i what is known of the value i steps on from coefficients and shocks up to now. Variances are
//! in units of the variance of the shocks.

use super::polynomial::{Polynomials, raise, to_partial};

/// The covariances of the state with the value of the process, found from autocovariances without solving equations: those of the
/// autoregressive part by Durbin's and Levinson's recursion, those of the process as a weighted sum of them.
#[derive(Debug, Clone, Default)]
pub(super) struct Start {
    /// Width of the state.
    width: usize,
    /// Covariance of each element of the state with the first.
    pub first: Vec<f64>,
    /// Autocovariances of the autoregressive part.
    pure: Vec<f64>,
    /// Autocovariances of the process.
    gamma: Vec<f64>,
    /// Weights of past shocks.
    psi: Vec<f64>,
    partial: Vec<f64>,
    predictor: Vec<f64>,
}

impl Start {
    pub(super) fn new(width: usize, ar_lag: usize, ma_lag: usize) -> Start {
        Start {
            width,
            first: vec![0.0; width],
            pure: vec![0.0; width + ma_lag + 1],
            gamma: vec![0.0; width + 1],
            psi: vec![0.0; width],
            partial: vec![0.0; ar_lag],
            predictor: vec![0.0; ar_lag],
        }
    }

    /// Computes `first` for polynomials. False when they are not stationary to working precision.
    pub(super) fn set(&mut self, polynomials: &Polynomials) -> bool {
        let (ar, ma) = (&polynomials.ar[..], &polynomials.ma[..]);
        if !self.autoregressive(ar) {
            return false;
        }
        self.moved_by(ma);
        weights(ar, ma, &mut self.psi);
        self.first[0] = self.gamma[0];
        for i in 1..self.width {
            let own = ar.iter().skip(i).zip(&self.gamma[1..]);
            let shocks = ma.iter().skip(i - 1).zip(&self.psi);
            self.first[i] = own.chain(shocks).map(|(weight, c)| weight * c).sum();
        }
        self.first.iter().all(|v| v.is_finite()) && self.first[0] > 0.0
    }

    /// Autocovariances of `ar` with shocks of variance 1.
    fn autoregressive(&mut self, ar: &[f64]) -> bool {
        self.partial.copy_from_slice(ar);
        if !to_partial(&mut self.partial) {
            return false;
        }
        let mut variance: f64 = self.partial.iter().map(|r| 1.0 / (1.0 - r * r)).product();
        self.pure[0] = variance;
        // Upwards again: the predictor of each order gives the next autocovariance.
        for k in 0..ar.len().min(self.pure.len() - 1) {
            let known = self.predictor[..k]
                .iter()
                .zip(self.pure[1..=k].iter().rev());
            let sum: f64 = known.map(|(a, g)| a * g).sum();
            let r = self.partial[k];
            self.pure[k + 1] = sum + r * variance;
            variance *= 1.0 - r * r;
            raise(&mut self.predictor, k, r);
        }
        for k in ar.len() + 1..self.pure.len() {
            let (before, rest) = self.pure.split_at_mut(k);
            let sum = ar.iter().zip(before.iter().rev()).map(|(a, g)| a * g).sum();
            if let Some(next) = rest.first_mut() {
                *next = sum;
            }
        }
        true
    }

    /// Autocovariances of the process from those of its autoregressive part.
    fn moved_by(&mut self, ma: &[f64]) {
        self.gamma.fill(0.0);
        for lag in 0..=ma.len() {
            // The covariance of the moving average at this lag, of which most are zero when it is seasonal.
            let whole = |j: usize| if j == 0 { 1.0 } else { ma[j - 1] };
            let c: f64 = (0..=ma.len() - lag)
                .map(|j| whole(j) * whole(j + lag))
                .sum();
            if c == 0.0 {
                continue;
            }
            for (h, g) in self.gamma.iter_mut().enumerate() {
                *g += c * self.pure[h.abs_diff(lag)];
                if lag > 0 {
                    *g += c * self.pure[h + lag];
                }
            }
        }
    }

    /// Writes the whole covariance matrix of the state (row by row, `stride` apart) from its first column: each diagonal follows
    /// from the equation `P = T P T' + R R'` of the companion form, from its lower end up.
    pub(super) fn covariance(&self, polynomials: &Polynomials, stride: usize, out: &mut [f64]) {
        let width = self.width;
        let ar = |i: usize| polynomials.ar.get(i).copied().unwrap_or(0.0);
        let shock = |i: usize| match i {
            0 => 1.0,
            i => polynomials.ma.get(i - 1).copied().unwrap_or(0.0),
        };
        let first = |i: usize| self.first.get(i).copied().unwrap_or(0.0);
        for i in (0..width).rev() {
            for j in (i..width).rev() {
                let below = if j + 1 < width {
                    out[(i + 1) * stride + j + 1]
                } else {
                    0.0
                };
                let value = ar(i) * ar(j) * self.first[0]
                    + ar(i) * first(j + 1)
                    + ar(j) * first(i + 1)
                    + below
                    + shock(i) * shock(j);
                out[i * stride + j] = value;
                out[j * stride + i] = value;
            }
        }
    }
}

/// The first weights of the process as a sum of past shocks.
pub(super) fn weights(ar: &[f64], ma: &[f64], psi: &mut [f64]) {
    for k in 0..psi.len() {
        let (before, rest) = psi.split_at_mut(k);
        let own = match k {
            0 => 1.0,
            k => ma.get(k - 1).copied().unwrap_or(0.0),
        };
        let sum: f64 = ar.iter().zip(before.iter().rev()).map(|(a, p)| a * p).sum();
        if let Some(next) = rest.first_mut() {
            *next = own + sum;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::params::Orders;
    use super::*;
    use crate::forecasts::oracle;

    fn set(orders: &Orders, coefficients: &[f64]) -> (Polynomials, Start) {
        let mut polynomials = Polynomials::new(orders);
        polynomials.set_coefficients(coefficients);
        let mut start = Start::new(orders.width(), orders.ar_lag(), orders.ma_lag());
        assert!(start.set(&polynomials));
        (polynomials, start)
    }

    #[test]
    fn weights_and_autocorrelations_are_those_of_r() {
        // ARMAtoMA(0.6, 0.3, 10) and ARMAacf(c(0.5, 0.2), lag.max = 10)
        let psi = oracle::r("armatoma_11").many("psi");
        let mut ours = vec![0.0; psi.len() + 1];
        weights(&[0.6], &[0.3], &mut ours);
        let rho = oracle::r("armatoacf_ar2").many("rho");
        let mut start = Start::new(10, 2, 0);
        let mut polynomials = Polynomials::new(&Orders::new([2, 0, 0], [0; 3], 1));
        polynomials.set_coefficients(&[0.5, 0.2]);
        assert!(start.set(&polynomials));
        assert!(
            psi.iter()
                .zip(&ours[1..])
                .all(|(a, b)| (a - b).abs() < 1e-11)
        );
        for (a, b) in rho.iter().zip(&start.gamma) {
            assert!((a - b / start.gamma[0]).abs() < 1e-11);
        }
    }

    #[test]
    fn the_start_is_a_fixed_point() {
        for (orders, coefficients) in [
            (Orders::new([2, 0, 1], [0; 3], 1), vec![1.2, -0.4, 0.5]),
            (
                Orders::new([1, 0, 2], [1, 0, 1], 4),
                vec![0.7, 0.4, -0.3, 0.8, -0.6],
            ),
            (Orders::new([0, 0, 0], [0; 3], 1), vec![]),
            (Orders::new([0, 0, 3], [0; 3], 1), vec![0.5, -0.4, 0.1]),
        ] {
            let (polynomials, start) = set(&orders, &coefficients);
            let r = orders.width();
            let mut p = vec![0.0; r * r];
            start.covariance(&polynomials, r, &mut p);
            let at = |i: usize, j: usize| if i < r && j < r { p[i * r + j] } else { 0.0 };
            let ar = |i: usize| polynomials.ar.get(i).copied().unwrap_or(0.0);
            let shock = |i: usize| {
                if i == 0 {
                    1.0
                } else {
                    polynomials.ma.get(i - 1).copied().unwrap_or(0.0)
                }
            };
            for i in 0..r {
                assert!((at(i, 0) - start.first[i]).abs() < 1e-12 * start.first[0]);
                for j in 0..r {
                    // (T P T')(i, j) with T(i, 0) = ar(i) and ones above the diagonal
                    let moved = ar(i) * ar(j) * at(0, 0)
                        + ar(i) * at(0, j + 1)
                        + ar(j) * at(i + 1, 0)
                        + at(i + 1, j + 1);
                    assert!((moved + shock(i) * shock(j) - at(i, j)).abs() < 1e-12 * at(0, 0));
                }
            }
        }
    }
}
