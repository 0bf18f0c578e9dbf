//! Newton's method for logistic regression: iteratively reweighted least squares, and with an l1 penalty proximal Newton steps
//! found by coordinate descent (Friedman, Hastie and Tibshirani 2010, "Regularization Paths for Generalized Linear Models via
//! Coordinate Descent"; Lee, Sun and Saunders 2014 for the line search).

use super::objective::{Problem, Terms};
use super::{FitError, LogisticFit, LogisticModel};
use crate::control::{Control, Stop};

/// Newton steps at most; a dozen are usual.
const ITERATIONS: u32 = 100;

/// Halvings of one step at most.
const HALVINGS: u32 = 40;

/// The largest gradient that counts as none, relative to C times the sum of weights.
const FLAT: f64 = 1e-9;

/// As [`FLAT`], where rounding allows no better.
const NEARLY_FLAT: f64 = 1e-6;

/// The largest change of a coefficient that counts as none.
const STILL: f64 = 1e-10;

/// Sweeps over all coordinates for one step at most; an inexact step is a step as well.
const SWEEPS: u32 = 1000;

/// The penalty of the coefficients; the intercept, the last, has none.
pub(super) struct Penalty {
    l1: f64,
    l2: f64,
}

impl Penalty {
    pub(super) fn new(l1_ratio: f64) -> Penalty {
        Penalty {
            l1: l1_ratio,
            l2: 1.0 - l1_ratio,
        }
    }

    fn absolute(&self, at: &[f64]) -> f64 {
        let coefficients = at.iter().rev().skip(1);
        self.l1 * coefficients.map(|b| b.abs()).sum::<f64>()
    }

    pub(super) fn of(&self, at: &[f64]) -> f64 {
        let squares: f64 = at.iter().rev().skip(1).map(|b| b * b).sum();
        self.absolute(at) + self.l2 / 2.0 * squares
    }

    /// Adds gradient and Hessian of the smooth part.
    pub(super) fn smooth(&self, at: &[f64], terms: &mut Terms) {
        let width = at.len();
        for j in 0..width.saturating_sub(1) {
            terms.gradient[j] += self.l2 * at[j];
            terms.hessian[j * width + j] += self.l2;
        }
    }

    /// The largest component of the least subgradient: 0 at the minimum.
    pub(super) fn slope(&self, at: &[f64], gradient: &[f64]) -> f64 {
        let last = at.len().saturating_sub(1);
        let component = |(j, (b, g)): (usize, (&f64, &f64))| {
            if j == last || self.l1 == 0.0 {
                g.abs()
            } else if *b == 0.0 {
                (g.abs() - self.l1).max(0.0)
            } else {
                (g + self.l1 * b.signum()).abs()
            }
        };
        let components = at.iter().zip(gradient).enumerate().map(component);
        components.fold(0.0, f64::max)
    }
}

/// Minimises from the intercept that fits the shares of the classes and coefficients of 0.
pub(super) fn minimise(
    problem: &Problem<'_>,
    l1_ratio: f64,
    control: &dyn Control,
) -> Result<LogisticFit, FitError> {
    let penalty = Penalty::new(l1_ratio);
    let (positive, negative) = problem.balance;
    let scale = problem.c * (positive + negative);
    let mut at = vec![0.0; problem.columns + 1];
    at[problem.columns] = (positive / negative).ln();
    let mut terms = problem.evaluate(&at, control)?;
    let mut objective = terms.loss + penalty.of(&at);
    penalty.smooth(&at, &mut terms);
    let mut iterations = 0;
    let mut converged = false;
    while iterations < ITERATIONS {
        control.progress("fitting logistic regression", u64::from(iterations), 0);
        let slope = penalty.slope(&at, &terms.gradient);
        if slope <= FLAT * scale {
            converged = true;
            break;
        }
        let step = if penalty.l1 == 0.0 {
            newton_step(&terms, at.len())
        } else {
            proximal_step(&terms, &at, &penalty, slope.min(scale) * 1e-4, control)?
        };
        iterations += 1;
        let descent = terms
            .gradient
            .iter()
            .zip(&step)
            .map(|(g, d)| g * d)
            .sum::<f64>()
            + penalty.absolute(&moved(&at, &step, 1.0))
            - penalty.absolute(&at);
        let Some(next) = search(problem, &penalty, &at, objective, (&step, descent), control)?
        else {
            converged = slope <= NEARLY_FLAT * scale;
            break;
        };
        let largest = next.at.iter().map(|b| b.abs()).fold(1.0, f64::max);
        let change = next
            .at
            .iter()
            .zip(&at)
            .map(|(b, a)| (b - a).abs())
            .fold(0.0, f64::max);
        (at, terms, objective) = (next.at, next.terms, next.objective);
        if change <= STILL * largest {
            converged = penalty.slope(&at, &terms.gradient) <= NEARLY_FLAT * scale;
            break;
        }
    }
    let intercept = at.pop().unwrap_or_default();
    Ok(LogisticFit {
        model: LogisticModel {
            intercept,
            coefficients: at,
        },
        iterations,
        converged,
        objective,
    })
}

fn moved(at: &[f64], step: &[f64], length: f64) -> Vec<f64> {
    at.iter().zip(step).map(|(b, d)| b + length * d).collect()
}

struct Point {
    at: Vec<f64>,
    terms: Terms,
    objective: f64,
}

/// Halves the step until the objective falls enough (Armijo's rule); `None` when rounding leaves nothing to gain.
fn search(
    problem: &Problem<'_>,
    penalty: &Penalty,
    at: &[f64],
    objective: f64,
    (step, descent): (&[f64], f64),
    control: &dyn Control,
) -> Result<Option<Point>, Stop> {
    if !(descent < 0.0) {
        return Ok(None);
    }
    let mut length = 1.0;
    for _ in 0..HALVINGS {
        let next = moved(at, step, length);
        let mut terms = problem.evaluate(&next, control)?;
        let reached = terms.loss + penalty.of(&next);
        // The last bits of the objective are noise.
        if reached <= objective + 1e-4 * length * descent + 1e-14 * objective.abs() {
            penalty.smooth(&next, &mut terms);
            return Ok(Some(Point {
                at: next,
                terms,
                objective: reached,
            }));
        }
        length /= 2.0;
    }
    Ok(None)
}

/// Solves Hessian . step = -gradient by a Cholesky decomposition; a Hessian that is singular in floating point gets a ridge.
fn newton_step(terms: &Terms, width: usize) -> Vec<f64> {
    let largest = (0..width)
        .map(|j| terms.hessian[j * width + j])
        .fold(0.0, f64::max);
    let mut ridge = 0.0;
    loop {
        if let Some(step) = solve(&terms.hessian, &terms.gradient, width, ridge) {
            return step;
        }
        ridge = (ridge * 100.0_f64).max(largest.max(f64::MIN_POSITIVE) * 1e-14);
        if ridge > largest {
            // Steepest descent, in the unit of the largest curvature.
            return terms.gradient.iter().map(|g| -g / ridge).collect();
        }
    }
}

fn solve(hessian: &[f64], gradient: &[f64], width: usize, ridge: f64) -> Option<Vec<f64>> {
    let mut lower = hessian.to_vec();
    for j in 0..width {
        let (done, rest) = lower.split_at_mut(j * width);
        let row = &mut rest[..width];
        for k in 0..j {
            let above = &done[k * width..=k * width + k];
            let sum: f64 = row[..k].iter().zip(above).map(|(a, b)| a * b).sum();
            row[k] = (row[k] - sum) / above[k];
        }
        let sum: f64 = row[..j].iter().map(|a| a * a).sum();
        let pivot = row[j] + ridge - sum;
        // What is left of a pivot after cancellation is noise.
        if !(pivot > (row[j] + ridge) * 1e-14) {
            return None;
        }
        row[j] = pivot.sqrt();
    }
    let mut step: Vec<f64> = gradient.iter().map(|g| -g).collect();
    for j in 0..width {
        let row = &lower[j * width..=j * width + j];
        let sum: f64 = row[..j].iter().zip(&step).map(|(l, s)| l * s).sum();
        step[j] = (step[j] - sum) / row[j];
    }
    for j in (0..width).rev() {
        let sum: f64 = (j + 1..width).map(|k| lower[k * width + j] * step[k]).sum();
        step[j] = (step[j] - sum) / lower[j * width + j];
    }
    step.iter().all(|s| s.is_finite()).then_some(step)
}

/// Minimises gradient . step + step . Hessian . step / 2 + l1 |at + step| by cyclic coordinate descent, until no coordinate
/// changes the gradient by more than `enough`.
fn proximal_step(
    terms: &Terms,
    at: &[f64],
    penalty: &Penalty,
    enough: f64,
    control: &dyn Control,
) -> Result<Vec<f64>, Stop> {
    let width = at.len();
    let mut gradient = terms.gradient.clone();
    let mut step = vec![0.0; width];
    for _ in 0..SWEEPS {
        control.check()?;
        let mut most = 0.0_f64;
        for j in 0..width {
            let row = &terms.hessian[j * width..(j + 1) * width];
            let curvature = row[j];
            if curvature <= 0.0 {
                continue;
            }
            let now = at[j] + step[j];
            let free = now - gradient[j] / curvature;
            let next = if j + 1 == width {
                free
            } else {
                (free.abs() - penalty.l1 / curvature)
                    .max(0.0)
                    .copysign(free)
            };
            let change = next - now;
            if change != 0.0 {
                // To exactly 0 where the coefficient becomes 0.
                step[j] = if next == 0.0 {
                    -at[j]
                } else {
                    step[j] + change
                };
                for (g, h) in gradient.iter_mut().zip(row) {
                    *g += change * h;
                }
                most = most.max(change.abs() * curvature);
            }
        }
        if most <= enough {
            break;
        }
    }
    Ok(step)
}
