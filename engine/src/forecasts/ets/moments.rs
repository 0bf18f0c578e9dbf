//! Mean and variance of what is to come (Hyndman et al., 2008, chapter 6), for models whose trend is not multiplied.

use super::form::{Form, Kind};
use super::recursion::{State, Weights};
use crate::control::{Control, Stop};

/// Means and variances of the steps ahead.
#[derive(Debug, Default)]
pub(super) struct Moments {
    pub means: Vec<f64>,
    pub variances: Vec<f64>,
}

/// The moments of so many steps; `sigma2` is the variance of the model's errors.
///
/// # Errors
/// [`Stop::Cancelled`].
pub(super) fn moments(
    form: Form,
    weights: &Weights,
    state: &State,
    sigma2: f64,
    horizon: usize,
    control: &dyn Control,
) -> Result<Moments, Stop> {
    match (form.error, form.season) {
        (_, Kind::Multiplicative) => multiplied(weights, state, sigma2, horizon, control),
        (Kind::Multiplicative, _) => relative(weights, state, sigma2, horizon, control),
        _ => Ok(linear(weights, state, sigma2, horizon)),
    }
}

/// Means of an additive season, and what an error does to the steps after it: the coefficients c of the book's table 6.2.
fn mean_and_echo(
    weights: &Weights,
    state: &State,
    horizon: usize,
) -> impl Iterator<Item = (f64, f64)> {
    let period = state.season.len();
    // phi + phi^2 + ... up to the step
    let (mut power, mut carried) = (1.0, 0.0);
    let mut season = state.season.iter().cycle();
    (1..=horizon).map(move |step| {
        power *= weights.phi;
        carried += power;
        let mean = state.level + carried * state.trend + season.next().unwrap_or(&0.0);
        let again = period > 0 && step % period == 0;
        let echo = weights.alpha + weights.beta * carried + if again { weights.gamma } else { 0.0 };
        (mean, echo)
    })
}

/// Additive errors (class 1).
fn linear(weights: &Weights, state: &State, sigma2: f64, horizon: usize) -> Moments {
    let mut echoes = 1.0;
    let mut moments = Moments::default();
    for (mean, echo) in mean_and_echo(weights, state, horizon) {
        moments.means.push(mean);
        moments.variances.push(sigma2 * echoes);
        echoes += echo * echo;
    }
    moments
}

/// Multiplicative errors and additive parts (class 2).
fn relative(
    weights: &Weights,
    state: &State,
    sigma2: f64,
    horizon: usize,
    control: &dyn Control,
) -> Result<Moments, Stop> {
    let mut moments = Moments::default();
    let mut echoes: Vec<f64> = Vec::new();
    // Second moments of the means.
    let mut seconds: Vec<f64> = Vec::new();
    for (mean, echo) in mean_and_echo(weights, state, horizon) {
        control.check()?;
        let past: f64 = echoes
            .iter()
            .zip(seconds.iter().rev())
            .map(|(e, s)| e * s)
            .sum();
        let second = mean * mean + sigma2 * past;
        moments.means.push(mean);
        moments
            .variances
            .push((1.0 + sigma2) * second - mean * mean);
        echoes.push(echo * echo);
        seconds.push(second);
    }
    Ok(moments)
}

/// Multiplicative errors and season (class 3).
///
/// Level and trend are multiplied by a random matrix a step, F + G e, and the season's effect that a step has in common with steps
/// a season apart by 1 + gamma e: what is to come is a product of independent factors, so that its moments follow step by step, for
/// each step of the season apart. The fourth moment of an error is that of a normal one.
fn multiplied(
    weights: &Weights,
    state: &State,
    sigma2: f64,
    horizon: usize,
    control: &dyn Control,
) -> Result<Moments, Stop> {
    let Weights {
        alpha,
        beta,
        gamma,
        phi,
    } = *weights;
    let period = state.season.len();
    let mut moments = Moments {
        means: vec![0.0; horizon],
        variances: vec![0.0; horizon],
    };
    // Level and trend before a step make up its mean; F and G as (a, b; c, d).
    let carry = [[1.0, phi], [0.0, phi]];
    let shock = [[alpha, alpha * phi], [beta, beta * phi]];
    for (place, effect) in state.season.iter().enumerate().take(horizon) {
        control.check()?;
        let mut first = [state.level, state.trend];
        let mut second = [
            [first[0] * first[0], first[0] * first[1]],
            [first[1] * first[0], first[1] * first[1]],
        ];
        let through =
            |matrix: &[[f64; 2]; 2], x: &[f64; 2]| matrix.map(|row| row[0] * x[0] + row[1] * x[1]);
        for step in 0..horizon {
            let own = step % period == place;
            if own {
                let mean = effect * (first[0] + phi * first[1]);
                let square = effect
                    * effect
                    * (second[0][0] + 2.0 * phi * second[0][1] + phi * phi * second[1][1]);
                if let Some(to) = moments.means.get_mut(step) {
                    *to = mean;
                }
                if let Some(to) = moments.variances.get_mut(step) {
                    *to = (1.0 + sigma2) * square - mean * mean;
                }
            }
            let gamma = if own { gamma } else { 0.0 };
            let (kept, moved) = (through(&carry, &first), through(&shock, &first));
            first = [
                kept[0] + gamma * sigma2 * moved[0],
                kept[1] + gamma * sigma2 * moved[1],
            ];
            let quiet = sandwich(&carry, &second, &carry);
            let cross = sandwich(&carry, &second, &shock);
            let loud = sandwich(&shock, &second, &shock);
            let fourth = 3.0 * sigma2 * sigma2;
            for i in 0..2 {
                for j in 0..2 {
                    second[i][j] = (1.0 + gamma * gamma * sigma2) * quiet[i][j]
                        + 2.0 * gamma * sigma2 * (cross[i][j] + cross[j][i])
                        + (sigma2 + gamma * gamma * fourth) * loud[i][j];
                }
            }
        }
    }
    Ok(moments)
}

/// `left * middle * right'`.
fn sandwich(left: &[[f64; 2]; 2], middle: &[[f64; 2]; 2], right: &[[f64; 2]; 2]) -> [[f64; 2]; 2] {
    left.map(|l| {
        let row = [
            l[0] * middle[0][0] + l[1] * middle[1][0],
            l[0] * middle[0][1] + l[1] * middle[1][1],
        ];
        right.map(|r| row[0] * r[0] + row[1] * r[1])
    })
}
