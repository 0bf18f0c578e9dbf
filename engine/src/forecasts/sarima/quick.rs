//! Prediction errors of an ARMA process without missing values, in O(width) per value.
//!
//! The filter of Morf, Sidhu and Kailath (1974; "Chandrasekhar recursions"): from a stationary start the change of the state's
//! covariance has rank one, `P(t + 1) - P(t) = -L L' / F`, and only its vector `L` is carried on. `F` is the variance of the
//! prediction error and `G = T P Z'`, of which `G / F` is the gain. Then `rho = L[0] / F` is a partial autocorrelation, and
//!
//! ```text
//! u = T L     F' = F (1 - rho^2)     G' = G - rho u     L' = u - rho G
//! ```

use super::polynomial::Polynomials;
use super::stationary::Start;
use crate::control::{Control, Stop};

/// Vectors are as wide as the next multiple of this.
const LANES: usize = 4;
/// Steps after which logarithms are taken and the end of the change is looked for.
const BLOCK: usize = 16;
/// When `L` is this small against `F`, the filter no longer changes.
const STEADY: f64 = 1e-9;
/// Multiplications between two looks at the control.
const PATIENCE: usize = 4_000_000;

/// The filter and its buffers. The vectors of the state move down by one place a step, so each is a window that moves up
/// through a long buffer instead.
#[derive(Debug, Clone)]
pub(super) struct Quick {
    /// Autoregressive coefficients, which often reach less far than the width.
    ar: Vec<f64>,
    /// `G`.
    gain: Vec<f64>,
    /// `L`, as a moving window.
    change: Vec<f64>,
    /// The predicted state of each column, as a moving window.
    states: Vec<Vec<f64>>,
}

impl Quick {
    pub(super) fn new(width: usize, ar_lag: usize, columns: usize, len: usize) -> Quick {
        let width = width.next_multiple_of(LANES);
        Quick {
            ar: vec![0.0; ar_lag.next_multiple_of(LANES)],
            gain: vec![0.0; width],
            change: vec![0.0; len + width],
            states: vec![vec![0.0; len + width]; columns],
        }
    }

    /// Writes the prediction errors of each column, divided by their standard deviation, and gives the sum of the logarithms of
    /// their variances. `None` when they cannot be computed.
    pub(super) fn run(
        &mut self,
        (polynomials, start): (&Polynomials, &Start),
        columns: &[Vec<f64>],
        errors: &mut [Vec<f64>],
        control: &dyn Control,
    ) -> Result<Option<f64>, Stop> {
        let mut variance = self.begin(polynomials, start);
        let width = self.gain.len();
        let len = self.change.len() - width;
        let mut logs = 0.0;
        let mut steady = false;
        let patience = (PATIENCE / (width * (columns.len() + 2)) / BLOCK).max(1);
        for (block, first) in (0..len).step_by(BLOCK).enumerate() {
            if block % patience == 0 {
                control.check()?;
            }
            let last = (first + BLOCK).min(len);
            let mut product = 1.0;
            for t in first..last {
                if variance.is_nan() || variance <= 0.0 {
                    return Ok(None);
                }
                product *= variance;
                let inverse = 1.0 / variance;
                let root = inverse.sqrt();
                for ((state, column), errors) in
                    self.states.iter_mut().zip(columns).zip(&mut *errors)
                {
                    let predicted = state[t];
                    let error = column[t] - predicted;
                    errors[t] = error * root;
                    let by = error * inverse;
                    let window = &mut state[t + 1..];
                    for (s, a) in window.iter_mut().zip(&self.ar) {
                        *s += a * predicted;
                    }
                    for (s, g) in window.iter_mut().zip(&self.gain) {
                        *s += g * by;
                    }
                }
                if !steady {
                    let ahead = self.change[t];
                    let rho = ahead * inverse;
                    variance *= (1.0 - rho) * (1.0 + rho);
                    let window = &mut self.change[t + 1..];
                    for (l, a) in window.iter_mut().zip(&self.ar) {
                        *l += a * ahead;
                    }
                    for (l, g) in window.iter_mut().zip(&mut self.gain) {
                        let moved = *l;
                        *l = moved - rho * *g;
                        *g -= rho * moved;
                    }
                }
            }
            logs += product.ln();
            if !steady && last < len {
                let window = &self.change[last..last + width];
                steady = window.iter().all(|l| l.abs() < STEADY * variance);
            }
        }
        Ok(logs.is_finite().then_some(logs))
    }

    /// Puts the stationary start in place and gives the variance of the first prediction error.
    fn begin(&mut self, polynomials: &Polynomials, start: &Start) -> f64 {
        let first = start.first.first().copied().unwrap_or(1.0);
        self.ar[..polynomials.ar.len()].copy_from_slice(&polynomials.ar);
        self.gain.fill(0.0);
        for (g, next) in self.gain.iter_mut().zip(start.first.iter().skip(1)) {
            *g = *next;
        }
        for (g, a) in self.gain.iter_mut().zip(&self.ar) {
            *g += a * first;
        }
        self.change.fill(0.0);
        self.change[..self.gain.len()].copy_from_slice(&self.gain);
        for state in &mut self.states {
            state.fill(0.0);
        }
        first
    }
}
