//! Derivatives of the errors: the recursion and its tangents in one pass, gathered into normal equations.
//!
//! An error of a model near the truth is unforeseeable, and its second derivatives are foreseeable, so that their products average
//! out: Gauss and Newton's method converges here almost as Newton's does, with first derivatives alone.

use std::array::from_fn;

use super::form::Form;
use super::recursion::{
    ADDITIVE, MULTIPLICATIVE, NONE, State, Sums, Weights, by_kind, posterior, prior,
};
use super::space::{ALPHA, BETA, FIRST_SEASON, GAMMA, LEAST, LEVEL, PHI, Point, TREND};

/// Rows of derivatives that are gathered at once.
const ROWS: usize = 32;

/// Sums of products of the derivatives of errors by the numbers of a point.
#[derive(Debug, Clone)]
pub(super) struct Normal<const W: usize> {
    /// Derivatives with derivatives; only from the diagonal on.
    pub gram: [[f64; W]; W],
    /// Derivatives with errors.
    pub slope: [f64; W],
    /// Derivatives of the logarithms of means.
    pub logs: [f64; W],
    rows: [[f64; W]; ROWS],
    errors: [f64; ROWS],
    waiting: usize,
}

impl<const W: usize> Normal<W> {
    fn new() -> Self {
        Normal {
            gram: [[0.0; W]; W],
            slope: [0.0; W],
            logs: [0.0; W],
            rows: [[0.0; W]; ROWS],
            errors: [0.0; ROWS],
            waiting: 0,
        }
    }

    #[inline(always)]
    fn push(&mut self, row: [f64; W], error: f64) {
        self.rows[self.waiting % ROWS] = row;
        self.errors[self.waiting % ROWS] = error;
        self.waiting += 1;
        if self.waiting == ROWS {
            self.gather();
        }
    }

    fn gather(&mut self) {
        let rows = &self.rows[..self.waiting.min(ROWS)];
        // Squares of four by four stay in registers over all rows.
        for i in (0..W).step_by(4) {
            for j in (i..W).step_by(4) {
                let mut square = [[0.0; 4]; 4];
                for row in rows {
                    let (quads, _) = row.as_chunks::<4>();
                    let (left, right) = (quads[i / 4], quads[j / 4]);
                    for (sums, left) in square.iter_mut().zip(left) {
                        for (sum, right) in sums.iter_mut().zip(right) {
                            *sum += left * right;
                        }
                    }
                }
                for (sums, square) in self.gram[i..].iter_mut().zip(square) {
                    for (sum, square) in sums[j..].iter_mut().zip(square) {
                        *sum += square;
                    }
                }
            }
        }
        for (row, error) in rows.iter().zip(&self.errors) {
            for (sum, derivative) in self.slope.iter_mut().zip(row) {
                *sum += derivative * error;
            }
        }
        self.waiting = 0;
    }
}

/// A state with its derivatives, moving over the values.
#[derive(Debug, Clone)]
pub(super) struct Pass<const W: usize> {
    pub state: State,
    pub sums: Sums,
    pub normal: Normal<W>,
    level: [f64; W],
    trend: [f64; W],
    season: Vec<[f64; W]>,
}

impl<const W: usize> Pass<W> {
    /// At the starting state.
    pub fn new(state: State) -> Self {
        let unit = |slot: usize| from_fn(|i| f64::from(u8::from(i == slot)));
        // The first effect makes up the sum.
        let period = state.season.len();
        let mut season: Vec<[f64; W]> = (0..period)
            .map(|step| unit(FIRST_SEASON + step - 1))
            .collect();
        if let Some(first) = season.first_mut() {
            *first = from_fn(|i| {
                let free = i >= FIRST_SEASON && i < FIRST_SEASON + period - 1;
                if free { -1.0 } else { 0.0 }
            });
        }
        Pass {
            state,
            sums: Sums::default(),
            normal: Normal::new(),
            level: unit(LEVEL),
            trend: unit(TREND),
            season,
        }
    }

    /// Moves over values at `point`, whose weights are given.
    pub fn run(&mut self, form: Form, weights: &Weights, point: &Point, y: &[f64]) {
        if form.positive() {
            by_kind!(form, run, true, _ => (self, weights, point, y));
        } else {
            by_kind!(form, run, false, _ => (self, weights, point, y));
        }
    }

    /// Takes in the rows that wait.
    pub fn finish(&mut self) {
        self.normal.gather();
    }
}

fn run<const T: u8, const S: u8, const RELATIVE: bool, const W: usize>(
    pass: &mut Pass<W>,
    weights: &Weights,
    point: &Point,
    y: &[f64],
) {
    let Pass {
        state,
        sums,
        normal,
        level: d_level,
        trend: d_trend,
        season: d_seasons,
    } = pass;
    let (mut level, mut trend) = (state.level, state.trend);
    let Weights {
        alpha,
        beta,
        gamma,
        phi,
    } = *weights;
    // How beta and gamma depend on the numbers of the point.
    let (beta_by_alpha, beta_by_share) = (point[BETA], alpha - LEAST);
    let (gamma_by_alpha, gamma_by_share) = (-point[GAMMA], 1.0 - LEAST - alpha);

    let mut step = |value: f64, season: &mut f64, d_season: &mut [f64; W]| {
        let prior = prior::<T, S>(level, trend, *season, phi);
        let known = !value.is_nan();
        let error = if known { value - prior.mean } else { 0.0 };
        let on = if known { 1.0 } else { 0.0 };

        let mut d_prior_trend = [0.0; W];
        let mut d_prior_level = *d_level;
        if T == ADDITIVE {
            d_prior_trend = d_trend.map(|d| phi * d);
            d_prior_trend[PHI] += trend;
            d_prior_level = from_fn(|i| d_level[i] + d_prior_trend[i]);
        } else if T == MULTIPLICATIVE {
            let power = phi * prior.trend / trend;
            d_prior_trend = d_trend.map(|d| power * d);
            d_prior_trend[PHI] += prior.trend * trend.ln();
            d_prior_level = from_fn(|i| d_level[i] * prior.trend + level * d_prior_trend[i]);
        }
        let d_mean: [f64; W] = match S {
            NONE => d_prior_level,
            ADDITIVE => from_fn(|i| d_prior_level[i] + d_season[i]),
            _ => from_fn(|i| d_prior_level[i] * *season + prior.level * d_season[i]),
        };

        if known {
            let own = sums.add::<RELATIVE>(prior.mean, error);
            if RELATIVE {
                let inverse = 1.0 / prior.mean;
                let d_log: [f64; W] = d_mean.map(|d| inverse * d);
                for (sum, d) in normal.logs.iter_mut().zip(&d_log) {
                    *sum += d;
                }
                normal.push(d_log.map(|d| -(1.0 + own) * d), own);
            } else {
                normal.push(d_mean.map(|d| -d), own);
            }
        }

        // What moves the level: the error, by the season's effect where that is multiplied.
        let (moved, d_moved): (f64, [f64; W]) = if S == MULTIPLICATIVE {
            let inverse = on / *season;
            let moved = error * inverse;
            let d = from_fn(|i| -inverse * d_mean[i] - moved * inverse * d_season[i]);
            (moved, d)
        } else {
            (error, d_mean.map(|d| -on * d))
        };
        if T == ADDITIVE {
            *d_trend = from_fn(|i| d_prior_trend[i] + beta * d_moved[i]);
            d_trend[ALPHA] += beta_by_alpha * moved;
            d_trend[BETA] += beta_by_share * moved;
        } else if T == MULTIPLICATIVE {
            let inverse = 1.0 / level;
            let grown = moved * inverse;
            *d_trend =
                from_fn(|i| d_prior_trend[i] + beta * inverse * (d_moved[i] - grown * d_level[i]));
            d_trend[ALPHA] += beta_by_alpha * grown;
            d_trend[BETA] += beta_by_share * grown;
        }
        *d_level = from_fn(|i| d_prior_level[i] + alpha * d_moved[i]);
        d_level[ALPHA] += moved;
        if S != NONE {
            let (inverse, turned) = if S == ADDITIVE {
                (on, error)
            } else {
                let inverse = on / prior.level;
                (inverse, error * inverse)
            };
            if S == ADDITIVE {
                *d_season = from_fn(|i| d_season[i] - gamma * inverse * d_mean[i]);
            } else {
                *d_season = from_fn(|i| {
                    d_season[i] - gamma * inverse * (d_mean[i] + turned * d_prior_level[i])
                });
            }
            d_season[ALPHA] += gamma_by_alpha * turned;
            d_season[GAMMA] += gamma_by_share * turned;
        }
        (level, trend, *season) = posterior::<T, S>(weights, &prior, level, *season, error);
    };

    if S == NONE {
        let (mut none, mut d_none) = (0.0, [0.0; W]);
        for value in y {
            step(*value, &mut none, &mut d_none);
        }
    } else {
        let period = state.season.len().max(1);
        for cycle in y.chunks(period) {
            for ((value, season), d_season) in
                cycle.iter().zip(&mut state.season).zip(&mut *d_seasons)
            {
                step(*value, season, d_season);
            }
        }
        state.season.rotate_left(y.len() % period);
        d_seasons.rotate_left(y.len() % period);
    }
    (state.level, state.trend) = (level, trend);
}
