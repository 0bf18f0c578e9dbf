//! A fitted SARIMA model: its forecasts, and how it takes in new values.

use serde::{Deserialize, Serialize};

use super::estimate::Estimate;
use super::fit::{check_values, without_regression};
use super::kalman::{Kalman, integration};
use super::params::Orders;
use super::polynomial::{Polynomials, roots_beyond};
use super::problem::Terms;
use super::settle::advance;
use crate::control::Control;
use crate::forecasts::numeric::linear::dot;
use crate::forecasts::numeric::normal_quantile;
use crate::forecasts::{Ahead, Fitted, ForecastError, Input, Path};

/// The largest number in a model that is read.
const LARGEST: f64 = 1e60;

/// A SARIMA model, with regressors where it was fitted with some, and the state of its series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sarima {
    pub(super) orders: Orders,
    pub(super) terms: Terms,
    /// Regressors.
    pub(super) regressors: usize,
    /// Coefficients ar, ma, sar, sma.
    pub(super) coefficients: Vec<f64>,
    /// Coefficients of mean, drift and regressors.
    regression: Vec<f64>,
    /// Standard errors of both, where the likelihood gives any.
    pub(super) errors: Option<Vec<f64>>,
    /// Variance of the shocks by maximum likelihood.
    pub(super) variance: f64,
    log_likelihood: f64,
    /// Values that the likelihood is of.
    pub(super) used: usize,
    /// Steps from the first value to the last one taken in.
    pub(super) steps: usize,
    /// Steps since a value was missing, as far as it matters.
    pub(super) whole_for: usize,
    /// The predicted state of the next step.
    pub(super) state: Vec<f64>,
    /// The lower triangle of its covariance in units of `variance`, by row; without the values of the past where those are known.
    pub(super) covariance: Vec<f64>,
}

impl Sarima {
    pub(super) fn new(
        terms: Terms,
        regressors: usize,
        estimate: &Estimate,
        errors: Option<Vec<f64>>,
        (kalman, steps): (&Kalman, usize),
    ) -> Sarima {
        let mut model = Sarima {
            orders: estimate.orders,
            terms,
            regressors,
            coefficients: estimate.coefficients.clone(),
            regression: estimate.regression.clone(),
            errors,
            variance: estimate.variance,
            log_likelihood: estimate.log_likelihood,
            used: estimate.used,
            steps,
            whole_for: 0,
            state: Vec::new(),
            covariance: Vec::new(),
        };
        model.keep(kalman);
        model
    }

    /// `[p, d, q]`.
    #[must_use]
    pub fn order(&self) -> [usize; 3] {
        self.orders.order()
    }

    /// `[P, D, Q]`.
    #[must_use]
    pub fn seasonal_order(&self) -> [usize; 3] {
        self.orders.seasonal_order()
    }

    /// Steps of the season; 1 when the model has none.
    #[must_use]
    pub fn season(&self) -> usize {
        self.orders.season
    }

    /// The name of each coefficient, as in R: `ar1`, `ma1`, `sar1`, `sma1`, `intercept`, `drift`, `x1`.
    fn names(&self) -> Vec<String> {
        let o = &self.orders;
        let mut names = Vec::new();
        for (name, count) in [
            ("ar", o.p),
            ("ma", o.q),
            ("sar", o.seasonal_p),
            ("sma", o.seasonal_q),
        ] {
            names.extend((1..=count).map(|i| format!("{name}{i}")));
        }
        if self.terms.mean {
            names.push("intercept".into());
        }
        if self.terms.drift {
            names.push("drift".into());
        }
        names.extend((1..=self.regressors).map(|i| format!("x{i}")));
        names
    }

    /// The coefficients with their names, in R's order.
    #[must_use]
    pub fn coefficients(&self) -> Vec<(String, f64)> {
        let values = self.coefficients.iter().chain(&self.regression).copied();
        self.names().into_iter().zip(values).collect()
    }

    /// Standard errors of the coefficients, in their order; `None` where the likelihood is not curved in every direction.
    #[must_use]
    pub fn standard_errors(&self) -> Option<&[f64]> {
        self.errors.as_deref()
    }

    fn parameters(&self) -> usize {
        self.coefficients.len() + self.regression.len()
    }

    /// The variance of the shocks by maximum likelihood.
    #[must_use]
    pub fn sigma2_ml(&self) -> f64 {
        self.variance
    }

    /// The variance of the shocks with the degrees of freedom corrected, as R's `forecast::Arima()` prints it and computes intervals
    /// with.
    #[must_use]
    pub fn sigma2(&self) -> f64 {
        let free = self.used.saturating_sub(self.parameters()).max(1);
        self.variance * self.used as f64 / free as f64
    }

    /// The logarithm of the likelihood.
    #[must_use]
    pub fn log_likelihood(&self) -> f64 {
        self.log_likelihood
    }

    /// Values that the likelihood is of: those that were not missing, less those that differences used up.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used
    }

    /// Akaike's criterion. The variance counts as a parameter.
    #[must_use]
    pub fn aic(&self) -> f64 {
        2.0 * (self.parameters() + 1) as f64 - 2.0 * self.log_likelihood
    }

    /// Akaike's criterion with the correction for small samples (Hurvich and Tsai 1989); infinite where there are too few values.
    #[must_use]
    pub fn aicc(&self) -> f64 {
        let (k, n) = ((self.parameters() + 1) as f64, self.used as f64);
        if n - k - 1.0 <= 0.0 {
            return f64::INFINITY;
        }
        self.aic() + 2.0 * k * (k + 1.0) / (n - k - 1.0)
    }

    /// The Bayesian criterion (Schwarz 1978).
    #[must_use]
    pub fn bic(&self) -> f64 {
        let k = (self.parameters() + 1) as f64;
        k * (self.used as f64).ln() - 2.0 * self.log_likelihood
    }

    /// What the model is called, such as `SARIMA(1,1,1)(0,1,1)[7] with drift`.
    #[must_use]
    pub fn label(&self) -> String {
        let text = |[a, b, c]: [usize; 3]| format!("({a},{b},{c})");
        let seasonal = self.seasonal_order() != [0; 3];
        let mut label = String::from(if seasonal { "SARIMA" } else { "ARIMA" });
        if self.regressors > 0 {
            label.push('X');
        }
        label.push_str(&text(self.order()));
        if seasonal {
            label.push_str(&text(self.seasonal_order()));
            label.push_str(&format!("[{}]", self.season()));
        }
        label.push_str(match (self.terms.mean, self.terms.drift) {
            (true, true) => " with mean and trend",
            (true, false) => " with mean",
            (false, true) => " with drift",
            (false, false) => "",
        });
        label
    }

    /// Elements of the state whose covariance is not zero for sure.
    fn active(&self) -> usize {
        if self.whole_for < self.orders.lost() {
            self.orders.width() + self.orders.lost()
        } else {
            self.orders.width()
        }
    }

    /// Keeps the state of a filter.
    fn keep(&mut self, kalman: &Kalman) {
        self.whole_for = kalman.whole_for.min(self.orders.lost());
        self.state = kalman.states.first().cloned().unwrap_or_default();
        let size = self.state.len();
        self.covariance.clear();
        for (i, row) in kalman
            .covariance
            .chunks_exact(size.max(1))
            .take(self.active())
            .enumerate()
        {
            self.covariance.extend_from_slice(&row[..=i]);
        }
    }

    fn polynomials(&self) -> Polynomials {
        let mut polynomials = Polynomials::new(&self.orders);
        polynomials.set_coefficients(&self.coefficients);
        polynomials
    }

    /// A filter that goes on where this model stands.
    fn filter(&self) -> Kalman {
        let mut kalman = Kalman::new(&self.orders, 1);
        kalman.set_polynomials(&self.polynomials());
        kalman.whole_for = self.whole_for;
        kalman.states[0].copy_from_slice(&self.state);
        let size = self.state.len();
        let mut packed = self.covariance.iter();
        for i in 0..self.active() {
            for (j, p) in packed.by_ref().take(i + 1).enumerate() {
                kalman.covariance[i * size + j] = *p;
                kalman.covariance[j * size + i] = *p;
            }
        }
        kalman
    }

    /// The model with the state that a whole series leads to, its coefficients as they are.
    #[cfg(test)]
    pub(super) fn settled(&self, y: &[f64], regressors: &[Vec<f64>]) -> Option<Sarima> {
        let left = without_regression(y, regressors, self.terms, 0, &self.regression);
        let settled = super::settle::settle(
            &left,
            &self.orders,
            &self.coefficients,
            &crate::control::Free,
        );
        let kalman = settled.ok()??;
        let mut model = self.clone();
        model.keep(&kalman);
        model.steps = y.len();
        Some(model)
    }

    /// What the regression adds at the steps after the last one.
    fn explained(&self, ahead: &Ahead<'_>, h: usize) -> f64 {
        let step = self.steps.saturating_add(h);
        let row = self.terms.row(step, ahead.regressors, h);
        row.zip(&self.regression).map(|(x, b)| x * b).sum()
    }
}

/// The weights with which the state enters the value some steps on, moved from step to step.
struct Outlook<'a> {
    polynomials: &'a Polynomials,
    integration: &'a [(usize, f64)],
    width: usize,
    weights: Vec<f64>,
}

impl Outlook<'_> {
    /// The weight of a shock: what it adds to the state, seen through the weights.
    fn of_shock(&self) -> f64 {
        dot(&self.weights[1..], &self.polynomials.ma) + self.weights[0]
    }

    /// The weights for one more step: those times the transition.
    fn move_on(&mut self) {
        let (narrow, past) = self.weights.split_at_mut(self.width);
        let level = past.first().copied().unwrap_or(0.0);
        let first = dot(narrow, &self.polynomials.ar) + level;
        narrow.rotate_right(1);
        narrow[0] = first;
        if !past.is_empty() {
            past.rotate_left(1);
            if let Some(last) = past.last_mut() {
                *last = 0.0;
            }
            for (lag, c) in self.integration {
                past[lag - 1] += c * level;
            }
        }
    }
}

impl Fitted for Sarima {
    fn forecast(&self, ahead: &Ahead<'_>, control: &dyn Control) -> Result<Path, ForecastError> {
        check_ahead(ahead, self.regressors)?;
        let z = normal_quantile(0.5 + ahead.level / 2.0);
        let polynomials = self.polynomials();
        let integration = integration(&self.orders);
        let mut weights = vec![0.0; self.state.len()];
        weights[0] = 1.0;
        for (lag, c) in &integration {
            weights[self.orders.width() + lag - 1] = *c;
        }
        let mut outlook = Outlook {
            polynomials: &polynomials,
            integration: &integration,
            width: self.orders.width(),
            weights,
        };
        let (mut mean, mut lower, mut upper) = (Vec::new(), Vec::new(), Vec::new());
        let mut shocks = 0.0;
        for h in 0..ahead.horizon {
            control.check()?;
            let value = dot(&outlook.weights, &self.state) + self.explained(ahead, h);
            let mut known = 0.0;
            let mut from = 0;
            for (i, w) in outlook.weights.iter().enumerate().take(self.active()) {
                // A row of the lower triangle: all but its last element count twice.
                let row = &self.covariance[from..=from + i];
                from += i + 1;
                known += w * (2.0 * dot(row, &outlook.weights) - w * row[i]);
            }
            let spread = z * (self.sigma2() * (known.max(0.0) + shocks)).sqrt();
            mean.push(value);
            lower.push(value - spread);
            upper.push(value + spread);
            shocks += outlook.of_shock().powi(2);
            outlook.move_on();
        }
        if lower.iter().chain(&upper).any(|v| !v.is_finite()) {
            return Err(ForecastError::NoFit { method: "sarima" });
        }
        Ok(Path {
            mean,
            bounds: Some((lower, upper)),
        })
    }

    fn append(&mut self, newer: &Input<'_>, control: &dyn Control) -> Result<(), ForecastError> {
        if newer.regressors.len() != self.regressors {
            return Err(ForecastError::Shape {
                what: "regressors",
                found: newer.regressors.len(),
                wanted: self.regressors,
            });
        }
        check_values(newer)?;
        let values = without_regression(
            newer.y,
            newer.regressors,
            self.terms,
            self.steps,
            &self.regression,
        );
        let mut kalman = self.filter();
        if !advance(&mut kalman, &values, control, |_, _| {})? {
            return Err(ForecastError::NoFit { method: "sarima" });
        }
        self.keep(&kalman);
        self.steps = self.steps.saturating_add(values.len());
        Ok(())
    }

    fn check(&self) -> Result<(), &'static str> {
        let o = &self.orders;
        if o.check().is_err() || o.check_season().is_err() || o.season == 0 {
            return Err("the model's orders are out of bounds");
        }
        if self.coefficients.len() != o.coefficients()
            || self.regressors > self.regression.len()
            || self.regression.len() - self.regressors != self.terms.count()
            || self
                .errors
                .as_ref()
                .is_some_and(|e| e.len() != self.parameters())
        {
            return Err("the model's coefficients are not those of its orders");
        }
        let active = self.active();
        if self.state.len() != o.width() + o.lost()
            || self.covariance.len() != active * (active + 1) / 2
        {
            return Err("the model's state does not fit its orders");
        }
        let numbers = [
            &self.coefficients,
            &self.regression,
            &self.state,
            &self.covariance,
        ];
        let finite = |v: &f64| v.abs() <= LARGEST;
        let scalars = [self.variance, self.log_likelihood];
        if !numbers.into_iter().flatten().chain(&scalars).all(finite)
            || !self.errors.iter().flatten().all(finite)
        {
            return Err("the model has a number that is not finite");
        }
        let polynomials = self.polynomials();
        let diagonal = (0..active).map(|i| self.covariance[i * (i + 3) / 2]);
        if self.variance < 0.0
            || !roots_beyond(&polynomials.ar, 1.0)
            || diagonal.into_iter().any(|v| v < -1e-6)
        {
            return Err("the model is not stationary or has a negative variance");
        }
        Ok(())
    }
}

/// Refuses regressors that are not those of the horizon.
fn check_ahead(ahead: &Ahead<'_>, regressors: usize) -> Result<(), ForecastError> {
    let shape = |what, found, wanted| ForecastError::Shape {
        what,
        found,
        wanted,
    };
    if ahead.regressors.len() != regressors {
        return Err(shape(
            "regressors ahead",
            ahead.regressors.len(),
            regressors,
        ));
    }
    for (i, x) in ahead.regressors.iter().enumerate() {
        if x.len() != ahead.horizon {
            return Err(shape("values of a regressor ahead", x.len(), ahead.horizon));
        }
        if x.iter().any(|v| v.is_nan() || v.abs() > 1e15) {
            return Err(ForecastError::Regressor {
                name: format!("x{}", i + 1),
                problem: "has a value ahead that is missing, infinite or larger than 1e15",
            });
        }
    }
    Ok(())
}
