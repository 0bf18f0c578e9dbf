//! The space of parameters: where they may lie and what they stand for.
//!
//! The bounds are those of R's `ets`, usual and admissible at once: every weight at least 0.0001, alpha at most 0.9999, beta at most
//! alpha, gamma at most 1 - alpha, phi from 0.8 to 0.98, and the model forecastable (Hyndman et al., 2008, chapter 10).

use super::form::{Form, Kind, MOST_SEASON};
use super::recursion::{State, Weights};

/// Numbers that the largest model has: four weights, level, trend, and a season that is free but for one effect.
pub(super) const MOST: usize = FIRST_SEASON + MOST_SEASON - 1;

/// Where numbers stand in a [`Point`].
pub(super) const ALPHA: usize = 0;
pub(super) const BETA: usize = 1;
pub(super) const GAMMA: usize = 2;
pub(super) const PHI: usize = 3;
pub(super) const LEVEL: usize = 4;
pub(super) const TREND: usize = 5;
pub(super) const FIRST_SEASON: usize = 6;

/// The least weight; 1 less this is the greatest.
pub(super) const LEAST: f64 = 1e-4;

/// Parameters and starting state as numbers that are bounded one by one: alpha; the share of beta between its bounds 0.0001 and alpha;
/// that of gamma between 0.0001 and 1 - alpha; phi; level, trend, and the effects of the second and later steps of the season. The
/// first step's follows from their sum, which is 0 or, for a multiplicative season, its length.
pub(super) type Point = [f64; MOST];

/// A form with its season, and which numbers of a [`Point`] it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Space {
    pub form: Form,
    /// Steps of the season; 0 where the form has none.
    pub period: usize,
}

impl Space {
    pub fn new(form: Form, season: usize) -> Space {
        let seasonal = form.season != Kind::None;
        Space {
            form,
            period: if seasonal { season } else { 0 },
        }
    }

    /// True for a number that the form has.
    pub fn has(&self, slot: usize) -> bool {
        match slot {
            ALPHA | LEVEL => true,
            BETA | TREND => self.form.trend != Kind::None,
            GAMMA => self.period > 0,
            PHI => self.form.damped,
            _ => slot < self.width(),
        }
    }

    /// One more than the last number that the form has.
    pub fn width(&self) -> usize {
        FIRST_SEASON + self.period.saturating_sub(1)
    }

    /// The bounds of a number.
    pub fn bounds(&self, slot: usize) -> (f64, f64) {
        match slot {
            ALPHA => (LEAST, 1.0 - LEAST),
            BETA | GAMMA => (0.0, 1.0),
            PHI => (0.8, 0.98),
            TREND if self.form.trend == Kind::Multiplicative => (1e-3, f64::INFINITY),
            LEVEL | TREND => (f64::NEG_INFINITY, f64::INFINITY),
            _ if self.form.season == Kind::Multiplicative => (1e-6, self.period as f64),
            _ => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }

    /// The weights of a point.
    pub fn weights(&self, point: &Point) -> Weights {
        let alpha = point[ALPHA];
        Weights {
            alpha,
            beta: if self.has(BETA) {
                LEAST + (alpha - LEAST) * point[BETA]
            } else {
                0.0
            },
            gamma: if self.has(GAMMA) {
                LEAST + (1.0 - LEAST - alpha) * point[GAMMA]
            } else {
                0.0
            },
            phi: if self.has(PHI) { point[PHI] } else { 1.0 },
        }
    }

    /// Sets `state` to the starting state of a point.
    pub fn start(&self, point: &Point, state: &mut State) {
        state.level = point[LEVEL];
        state.trend = if self.has(TREND) { point[TREND] } else { 0.0 };
        state.season.clear();
        if self.period > 0 {
            let later = &point[FIRST_SEASON..self.width()];
            state.season.push(self.total() - later.iter().sum::<f64>());
            state.season.extend_from_slice(later);
        }
    }

    /// The point of weights and a starting state, within the bounds.
    pub fn point(&self, weights: &Weights, state: &State) -> Point {
        let mut point = [0.0; MOST];
        point[ALPHA] = weights.alpha;
        point[BETA] = (weights.beta - LEAST) / (weights.alpha - LEAST).max(1e-12);
        point[GAMMA] = (weights.gamma - LEAST) / (1.0 - LEAST - weights.alpha).max(1e-12);
        point[PHI] = weights.phi;
        point[LEVEL] = state.level;
        point[TREND] = state.trend;
        for (slot, season) in point[FIRST_SEASON..]
            .iter_mut()
            .zip(state.season.iter().skip(1))
        {
            *slot = *season;
        }
        for (slot, number) in point.iter_mut().enumerate() {
            let (least, most) = self.bounds(slot);
            *number = number.clamp(least, most);
        }
        point
    }

    /// What the season's effects add up to.
    fn total(&self) -> f64 {
        match self.form.season {
            Kind::Multiplicative => self.period as f64,
            _ => 0.0,
        }
    }

    /// True when old values are forgotten: the roots of the characteristic polynomial lie within the unit circle (Hyndman et al., 2008,
    /// section 10.2). Without a season every point within its bounds is.
    pub fn forgets(&self, weights: &Weights) -> bool {
        if self.period < 2 {
            return true;
        }
        let Weights {
            alpha,
            beta,
            gamma,
            phi,
        } = *weights;
        // Coefficients from the leading one down; without a trend the root at 1 is divided out.
        let mut roots = [0.0; MOST_SEASON + 2];
        roots[0] = 1.0;
        let degree = if self.has(TREND) {
            let inner = alpha + beta - alpha * phi;
            roots[1] = alpha + beta - phi;
            roots[2..self.period].fill(inner);
            roots[self.period] = inner + gamma - 1.0;
            roots[self.period + 1] = phi * (1.0 - alpha - gamma);
            self.period + 1
        } else {
            roots[1..self.period].fill(alpha);
            roots[self.period] = alpha + gamma - 1.0;
            self.period
        };
        within_circle(&mut roots[..=degree])
    }
}

/// True when all roots of a polynomial, its leading coefficient 1 first, lie within the unit circle (Schur and Cohn's test). The
/// coefficients are used up.
fn within_circle(coefficients: &mut [f64]) -> bool {
    let mut degree = coefficients.len().saturating_sub(1);
    while degree > 0 {
        let last = coefficients[degree];
        let scale = 1.0 - last * last;
        if scale.is_nan() || scale <= 0.0 {
            return false;
        }
        for low in 1..=degree / 2 {
            let high = degree - low;
            let (a, b) = (coefficients[low], coefficients[high]);
            coefficients[low] = (a - last * b) / scale;
            coefficients[high] = (b - last * a) / scale;
        }
        degree -= 1;
    }
    true
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::form::Pattern;
    use super::*;
    use crate::random::Stream;

    /// The largest absolute value of a root: Weierstrass' simultaneous iteration, on complex numbers as pairs.
    fn largest_root(coefficients: &[f64]) -> f64 {
        let times = |a: (f64, f64), b: (f64, f64)| (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0);
        let degree = coefficients.len() - 1;
        let mut roots: Vec<(f64, f64)> = (0..degree)
            .map(|i| {
                let angle = 2.0 * std::f64::consts::PI * (i as f64 + 0.3) / degree as f64;
                (1.1 * angle.cos(), 1.1 * angle.sin())
            })
            .collect();
        for _ in 0..400 {
            for i in 0..degree {
                let value = coefficients.iter().fold((0.0, 0.0), |sum, c| {
                    let (re, im) = times(sum, roots[i]);
                    (re + c, im)
                });
                let below = (0..degree)
                    .filter(|j| *j != i)
                    .fold((1.0, 0.0), |product, j| {
                        times(product, (roots[i].0 - roots[j].0, roots[i].1 - roots[j].1))
                    });
                let size = below.0 * below.0 + below.1 * below.1;
                let step = times(value, (below.0 / size, -below.1 / size));
                roots[i] = (roots[i].0 - step.0, roots[i].1 - step.1);
            }
        }
        roots.iter().map(|r| r.0.hypot(r.1)).fold(0.0, f64::max)
    }

    #[test]
    fn roots_are_told_apart() {
        assert!(within_circle(&mut [1.0, -1.2, 0.5]));
        assert!(!within_circle(&mut [1.0, -2.1, 1.1]));
        let mut stream = Stream::new(1, "test", 0);
        let mut inside = 0;
        for round in 0..300 {
            let degree = 2 + round % 7;
            let mut polynomial = vec![1.0];
            polynomial.extend((0..degree).map(|_| 1.6 * (stream.unit() - 0.5)));
            let largest = largest_root(&polynomial);
            if (largest - 1.0).abs() > 1e-6 {
                assert_eq!(within_circle(&mut polynomial), largest < 1.0, "{largest}");
                inside += usize::from(largest < 1.0);
            }
        }
        assert!((50..250).contains(&inside), "{inside}");
    }

    /// What was in a forgetful model's first state is of no matter after long: the same values, another start.
    #[test]
    fn a_model_forgets_where_the_roots_say_so() {
        use super::super::recursion::{Sums, filter};
        let mut stream = Stream::new(2, "test", 0);
        let mut refused = 0;
        for form in ["ANA", "AAA", "AAdA"].map(|m| Pattern::parse(m).unwrap().forms(true)[0]) {
            let space = Space::new(form, 12);
            for _ in 0..200 {
                let mut point = [0.0; MOST];
                point[ALPHA] = LEAST + (1.0 - 2.0 * LEAST) * stream.unit();
                point[BETA] = 0.1 + 0.9 * stream.unit();
                point[GAMMA] = 0.1 + 0.9 * stream.unit();
                point[PHI] = 0.8 + 0.18 * stream.unit();
                let weights = space.weights(&point);
                let mut state = State::default();
                point[LEVEL] = 1.0;
                point[TREND] = 1.0;
                point[FIRST_SEASON] = 1.0;
                space.start(&point, &mut state);
                // Zeros only: what is left of the state is what is not forgotten.
                let mut means = Vec::new();
                let mut each = |mean: f64, _: f64| means.push(mean.abs());
                filter(
                    form,
                    &weights,
                    &mut state,
                    &[0.0; 4000],
                    &mut Sums::default(),
                    &mut each,
                );
                let late = means[3900..].iter().copied().fold(0.0, f64::max);
                let forgets = space.forgets(&weights);
                // Between are models that forget too slowly to tell.
                if late < 1e-6 {
                    assert!(forgets, "{form:?} {weights:?}");
                } else if late > 1e3 {
                    assert!(!forgets, "{form:?} {weights:?}");
                    refused += 1;
                }
            }
        }
        assert!(refused > 10, "{refused}");
    }

    #[test]
    fn points_and_models_are_the_same() {
        let space = Space::new(Pattern::parse("MAdM").unwrap().forms(true)[0], 4);
        let weights = Weights {
            alpha: 0.4,
            beta: 0.1,
            gamma: 0.2,
            phi: 0.9,
        };
        let state = State {
            level: 10.0,
            trend: 1.0,
            season: vec![1.1, 0.8, 0.9, 1.2],
        };
        let point = space.point(&weights, &state);
        let mut again = State::default();
        space.start(&point, &mut again);
        assert!((again.season[0] - 1.1).abs() < 1e-12);
        assert_eq!(again.season[1..], state.season[1..]);
        let back = space.weights(&point);
        for (a, b) in [
            (back.alpha, 0.4),
            (back.beta, 0.1),
            (back.gamma, 0.2),
            (back.phi, 0.9),
        ] {
            assert!((a - b).abs() < 1e-12);
        }
        // At the corners the weights are R's bounds.
        let mut corner = point;
        (corner[ALPHA], corner[BETA], corner[GAMMA]) = (1.0 - LEAST, 1.0, 1.0);
        let most = space.weights(&corner);
        assert!((most.beta - most.alpha).abs() < 1e-15 && (most.gamma - LEAST).abs() < 1e-12);
        (corner[BETA], corner[GAMMA]) = (0.0, 0.0);
        let least = space.weights(&corner);
        assert_eq!((least.beta, least.gamma), (LEAST, LEAST));
    }
}
