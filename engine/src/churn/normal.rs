//! The standard normal distribution.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

/// The complementary error function, to a relative error of about 1e-13: the series of the error function with positive terms
/// only (Abramowitz and Stegun 7.1.6) below 2, the continued fraction (7.1.14) above.
fn erfc(x: f64) -> f64 {
    let bell = (-x * x).exp();
    if x < 0.0 {
        2.0 - erfc(-x)
    } else if x < 2.0 {
        let (mut term, mut sum) = (x, x);
        let mut odd = 1.0;
        while term > sum * 1e-17 {
            odd += 2.0;
            term *= 2.0 * x * x / odd;
            sum += term;
        }
        1.0 - 2.0 / PI.sqrt() * bell * sum
    } else {
        let mut tail = x;
        for k in (1..=120).rev() {
            tail = x + f64::from(k) / 2.0 / tail;
        }
        bell / (PI.sqrt() * tail)
    }
}

/// The probability that a standard normal variable is above `z`.
pub(super) fn upper_tail(z: f64) -> f64 {
    erfc(z * FRAC_1_SQRT_2) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_agree_with_scipy() {
        // scipy.stats.norm.sf
        for (z, p) in [
            (0.0, 0.5),
            (0.3, 0.3820885778110474),
            (-1.5, 0.9331927987311419),
            (1.959963984540054, 0.025000000000000022),
            (2.8, 0.002555130330427929),
            (2.9, 0.0018658133003840339),
            (6.0, 9.865876450376946e-10),
            (12.0, 1.776482112077653e-33),
            (37.0, 5.725571222524576e-300),
        ] {
            let got = upper_tail(z);
            assert!((got / p - 1.0).abs() < 1e-12, "{z}: {got} is not {p}");
        }
        assert_eq!(upper_tail(60.0), 0.0);
        assert_eq!(upper_tail(-60.0), 1.0);
    }
}
