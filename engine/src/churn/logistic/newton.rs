//! Newton's method for logistic regression: iteratively reweighted least squares, and with an l1 penalty proximal Newton steps
//! found by coordinate descent (Friedman, Hastie and Tibshirani 2010, "Regularization Paths for Generalized Linear Models via
//! Coordinate Descent"; Lee, Sun and Saunders 2014 for the line search).

use super::objective::{Problem, Terms};
use super::{FitError, LogisticFit, LogisticModel};
use crate::control::{Control, Stop};

/// Newton steps at most; a dozen are usual.
const ITERATIONS: u32 = 100;

/// The sample is one of so many blocks of rows.
const SAMPLE: usize = 16;

/// From how many rows on a sample gives the start.
const SAMPLED: usize = 1 << 16;

/// Newton steps on the sample at most: where more are needed the sample is no help.
const SAMPLE_ITERATIONS: u32 = 10;

/// Halvings of one step at most.
const HALVINGS: u32 = 40;

/// The largest gradient that counts as none, relative to C times the sum of weights.
const FLAT: f64 = 1e-9;

/// As [`FLAT`], where rounding allows no better.
const NEARLY_FLAT: f64 = 1e-6;

/// A gradient from which the next step is expected to end at the minimum, relative as [`FLAT`]: the error of a Newton step is
/// of the order of the square of the one before.
const CLOSE: f64 = 1e-5;

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
        for (j, b) in at.iter().enumerate().take(width.saturating_sub(1)) {
            terms.gradient[j] += self.l2 * b;
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

/// Where the descent is.
struct Point {
    at: Vec<f64>,
    terms: Terms,
    objective: f64,
}

/// What a descent goes by.
struct Descent<'a> {
    problem: &'a Problem<'a>,
    penalty: Penalty,
    /// The sum of the factors of all losses: what gradients are measured against.
    scale: f64,
    /// One of so many blocks of rows is used.
    every: usize,
    control: &'a dyn Control,
}

/// Minimises. With many rows a sample of them gives the start, which saves passes over all rows and changes nothing else.
pub(super) fn minimise(
    problem: &Problem<'_>,
    l1_ratio: f64,
    control: &dyn Control,
) -> Result<LogisticFit, FitError> {
    let (positive, negative) = problem.balance;
    let mut descent = Descent {
        problem,
        penalty: Penalty::new(l1_ratio),
        scale: problem.c * (positive + negative),
        every: SAMPLE,
        control,
    };
    let mut start = vec![0.0; problem.columns + 1];
    start[problem.columns] = (positive / negative).ln();
    if problem.labels.len() >= SAMPLED.max(problem.columns.saturating_mul(50 * SAMPLE)) {
        let (point, _, converged) = descent.run(start.clone(), SAMPLE_ITERATIONS, NEARLY_FLAT)?;
        if converged {
            start = point.at;
        }
    }
    descent.every = 1;
    let (point, iterations, converged) = descent.run(start, ITERATIONS, FLAT)?;
    let mut coefficients = point.at;
    let intercept = coefficients.pop().unwrap_or_default();
    Ok(LogisticFit {
        model: LogisticModel {
            intercept,
            coefficients,
        },
        iterations,
        converged,
        objective: point.objective,
    })
}

impl Descent<'_> {
    fn point(&self, at: Vec<f64>, curvature: bool) -> Result<Point, Stop> {
        let mut terms = self
            .problem
            .evaluate(&at, self.every, curvature, self.control)?;
        let objective = terms.loss + self.penalty.of(&at);
        self.penalty.smooth(&at, &mut terms);
        Ok(Point {
            at,
            terms,
            objective,
        })
    }

    /// Newton steps until the gradient is `flat`: the point, the number of steps, whether it is a minimum.
    fn run(&self, start: Vec<f64>, most: u32, flat: f64) -> Result<(Point, u32, bool), Stop> {
        let penalty = &self.penalty;
        let mut now = self.point(start, true)?;
        for iteration in 0..most {
            self.control
                .progress("fitting logistic regression", u64::from(iteration), 0);
            let slope = penalty.slope(&now.at, &now.terms.gradient);
            if slope <= flat * self.scale {
                return Ok((now, iteration, true));
            }
            let step = if penalty.l1 == 0.0 {
                newton_step(&now.terms, now.at.len())
            } else {
                let enough = slope.min(self.scale) * 1e-4;
                proximal_step(&now.terms, &now.at, penalty, enough, self.control)?
            };
            let Some(next) = self.search(&now, &step, slope, flat)? else {
                return Ok((now, iteration, slope <= NEARLY_FLAT * self.scale));
            };
            let largest = next.at.iter().map(|b| b.abs()).fold(1.0, f64::max);
            let changes = next.at.iter().zip(&now.at).map(|(b, a)| (b - a).abs());
            let still = changes.fold(0.0, f64::max) <= STILL * largest;
            now = next;
            if still {
                let slope = penalty.slope(&now.at, &now.terms.gradient);
                return Ok((now, iteration + 1, slope <= NEARLY_FLAT * self.scale));
            }
        }
        let converged = penalty.slope(&now.at, &now.terms.gradient) <= flat * self.scale;
        Ok((now, most, converged))
    }

    /// Halves the step until the objective falls enough (Armijo's rule); `None` when rounding leaves nothing to gain. The
    /// point that is found has no Hessian where its gradient is `flat`, since no step is taken from there.
    fn search(
        &self,
        now: &Point,
        step: &[f64],
        slope: f64,
        flat: f64,
    ) -> Result<Option<Point>, Stop> {
        let close = slope <= CLOSE * self.scale;
        let smooth: f64 = now
            .terms
            .gradient
            .iter()
            .zip(step)
            .map(|(g, d)| g * d)
            .sum();
        let rough = self.penalty.absolute(&moved(&now.at, step, 1.0));
        let descent = smooth + rough - self.penalty.absolute(&now.at);
        let mut length = 1.0;
        for _ in 0..if descent < 0.0 { HALVINGS } else { 0 } {
            let next = self.point(moved(&now.at, step, length), !close)?;
            // The last bits of the objective are noise.
            let noise = 1e-14 * now.objective.abs();
            if next.objective <= now.objective + 1e-4 * length * descent + noise {
                let ends = self.penalty.slope(&next.at, &next.terms.gradient) <= flat * self.scale;
                return if close && !ends {
                    self.point(next.at, true).map(Some)
                } else {
                    Ok(Some(next))
                };
            }
            length /= 2.0;
        }
        Ok(None)
    }
}

fn moved(at: &[f64], step: &[f64], length: f64) -> Vec<f64> {
    at.iter().zip(step).map(|(b, d)| b + length * d).collect()
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
        if pivot <= (row[j] + ridge) * 1e-14 {
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
