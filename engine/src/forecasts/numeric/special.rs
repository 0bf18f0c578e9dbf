//! The incomplete beta function and Student's t.

use std::f64::consts::PI;

/// Steps of the continued fraction; it needs about the root of the larger parameter.
const STEPS: usize = 10_000;

/// The regularised incomplete beta function, the probability that a beta(a, b) number is at most `x`: the continued fraction of
/// Abramowitz and Stegun 26.5.8, evaluated by Lentz's method (Press et al., Numerical Recipes, 5.2 and 6.4). For `a`, `b` above
/// 0 and `x` from 0 to 1, NaN otherwise.
#[must_use]
pub fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if !(a > 0.0 && b > 0.0 && (0.0..=1.0).contains(&x)) {
        return f64::NAN;
    }
    if x == 0.0 || x == 1.0 {
        return x;
    }
    // The fraction converges fast on the side of the mean that has less of the probability.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - below(b, a, 1.0 - x);
    }
    below(a, b, x)
}

fn below(a: f64, b: f64, x: f64) -> f64 {
    let log_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let front = (a * x.ln() + b * (-x).ln_1p() - log_beta).exp() / a;
    let term = |m: f64, even: bool| {
        if even {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        }
    };
    let away = |v: f64| if v.abs() < 1e-300 { 1e-300 } else { v };
    let (mut c, mut d) = (1.0, 1.0 / away(1.0 + term(0.0, false)));
    let mut value = d;
    for step in 1..STEPS {
        let m = step as f64;
        let mut change = 1.0;
        for even in [true, false] {
            let next = term(m, even);
            d = 1.0 / away(1.0 + next * d);
            c = away(1.0 + next / c);
            change = c * d;
            value *= change;
        }
        if (change - 1.0f64).abs() < 1e-16 {
            break;
        }
    }
    (front * value).min(1.0)
}

/// The probability that a number of Student's t distribution with `freedom` degrees of freedom (above 0) is at most `t`.
#[must_use]
pub fn student_t_cdf(t: f64, freedom: f64) -> f64 {
    if t.is_nan() || !(freedom > 0.0 && freedom.is_finite()) {
        return f64::NAN;
    }
    let square = t * t;
    // The share beyond |t| on both sides, from whichever argument does not lose its digits.
    let beyond = if square < freedom {
        1.0 - incomplete_beta(0.5, freedom / 2.0, square / (freedom + square))
    } else {
        incomplete_beta(freedom / 2.0, 0.5, freedom / (freedom + square))
    };
    if t > 0.0 {
        1.0 - beyond / 2.0
    } else {
        beyond / 2.0
    }
}

/// The number that Student's t with `freedom` degrees of freedom exceeds with probability 1 - `p`. Infinite at 0 and 1, NaN
/// outside.
#[must_use]
pub fn student_t_quantile(p: f64, freedom: f64) -> f64 {
    if !((0.0..=1.0).contains(&p) && freedom > 0.0 && freedom.is_finite()) {
        return f64::NAN;
    }
    if p == 0.5 {
        return 0.0;
    }
    if p > 0.5 {
        return -student_t_quantile(1.0 - p, freedom);
    }
    if p == 0.0 {
        return f64::NEG_INFINITY;
    }
    let mut low = -1.0;
    while student_t_cdf(low, freedom) > p && low > -1e300 {
        low *= 2.0;
    }
    let mut high = if low == -1.0 { 0.0 } else { low / 2.0 };
    let half = freedom / 2.0;
    let peak = libm::lgamma(half + 0.5) - libm::lgamma(half) - 0.5 * (freedom * PI).ln();
    let mut t = high + (low - high) / 2.0;
    // Newton's steps while they stay between what is known to be too low and too high, otherwise halving.
    for _ in 0..100 {
        let excess = student_t_cdf(t, freedom) - p;
        if excess > 0.0 {
            high = t;
        } else {
            low = t;
        }
        let density = (peak - (half + 0.5) * (t * t / freedom).ln_1p()).exp();
        let newton = t - excess / density;
        let next = if newton > low && newton < high {
            newton
        } else {
            low + (high - low) / 2.0
        };
        let moved = (next - t).abs();
        t = next;
        if moved <= 1e-15 * t.abs() {
            break;
        }
    }
    t
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: f64, expected: f64, tolerance: f64) {
        assert!(
            (got - expected).abs() <= tolerance * expected.abs(),
            "{got} {expected}"
        );
    }

    /// Expected values: mpmath with 40 digits (beta), scipy 1.17 (t).
    #[test]
    fn values_are_known() {
        for (a, b, x, expected) in [
            (2.5, 1.5, 0.3, 0.088_943_723_170_665_6),
            (0.5, 0.5, 0.1, 0.204_832_764_699_133_46),
            (0.5, 15.0, 0.9, 0.999_999_999_999_999_8),
            (120.0, 80.0, 0.61, 0.610_074_551_352_366_9),
            (1e-2, 3.0, 0.5, 0.999_311_737_189_710_3),
            (5000.0, 5000.0, 0.499, 0.420_742_167_543_419_7),
            (3.0, 1e-3, 0.9999, 0.007_681_510_034_433_996),
            (1.0, 1.0, 0.25, 0.25),
        ] {
            near(incomplete_beta(a, b, x), expected, 1e-11);
        }
        for (t, freedom, expected) in [
            (-2.131, 15.0, 0.025_021_252_387_121_22),
            (-0.01, 3.0, 0.496_324_555_706_426),
            (1.5, 1.0, 0.812_832_958_189_001_1),
            (3.0, 7.5, 0.990_804_530_695_897_8),
            (-12.0, 4.0, 0.000_138_214_274_251_486_5),
            (-40.0, 2.0, 0.000_312_207_336_092_370_3),
            (-1.0, 1e6, 0.158_655_374_916_789_16),
            (6.5, 30.0, 0.999_999_826_097_645_6),
        ] {
            near(student_t_cdf(t, freedom), expected, 1e-9);
        }
        for (p, freedom, expected) in [
            (0.975, 15.0, 2.131_449_545_559_776),
            (0.9, 9.0, 1.383_028_738_396_632_9),
            (0.995, 1.0, 63.656_741_162_871_526),
            (0.6, 2.5, 0.281_459_512_748_547_7),
            (1e-6, 4.0, -41.577_854_150_450_975),
            (0.025, 1e5, -1.959_987_707_534_61),
            (0.500_000_1, 12.0, 2.559_336_256_988_724_4e-7),
        ] {
            near(student_t_quantile(p, freedom), expected, 1e-9);
        }
    }

    #[test]
    fn ends_and_nonsense() {
        assert_eq!(incomplete_beta(2.0, 3.0, 0.0), 0.0);
        assert_eq!(incomplete_beta(2.0, 3.0, 1.0), 1.0);
        assert!(incomplete_beta(0.0, 3.0, 0.5).is_nan());
        assert!(incomplete_beta(1.0, 3.0, 1.5).is_nan());
        assert!(incomplete_beta(1.0, f64::NAN, 0.5).is_nan());
        assert_eq!(student_t_cdf(0.0, 5.0), 0.5);
        assert_eq!(student_t_cdf(f64::INFINITY, 5.0), 1.0);
        assert_eq!(student_t_cdf(f64::NEG_INFINITY, 5.0), 0.0);
        assert!(student_t_cdf(1.0, 0.0).is_nan());
        assert_eq!(student_t_quantile(0.5, 3.0), 0.0);
        assert_eq!(student_t_quantile(0.0, 3.0), f64::NEG_INFINITY);
        assert_eq!(student_t_quantile(1.0, 3.0), f64::INFINITY);
        assert!(student_t_quantile(1.1, 3.0).is_nan());
    }
}
