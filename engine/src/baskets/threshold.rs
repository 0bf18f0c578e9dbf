//! Thresholds as the decimal fractions that users write, compared with counts exactly.
//!
//! The quotient of two counts, rounded to a double, may fall below a threshold that it equals: of the rules of the groceries
//! data with a confidence of 0.8, float ratios of supports lose four. Here 0.8 is 8 / 10, and counts are compared as integers.

/// Digits behind the point that count; a finer threshold is cut.
const DECIMALS: usize = 18;

/// A fraction that is not negative, exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fraction {
    numerator: u128,
    denominator: u128,
}

impl Fraction {
    /// Nothing is below it.
    pub const ZERO: Fraction = Fraction {
        numerator: 0,
        denominator: 1,
    };

    /// The decimal that a double is written as: 0.1 is one tenth. `None` when it is negative, not finite or over 10^18.
    #[must_use]
    pub fn of(value: f64) -> Option<Fraction> {
        if !value.is_finite() || !(0.0..=1e18).contains(&value) {
            return None;
        }
        // Rust writes the shortest decimal that reads as this double, without an exponent.
        let text = format!("{value}");
        let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
        let part = part.get(..part.len().min(DECIMALS)).unwrap_or_default();
        let digits = format!("{}{part}", whole.trim_start_matches('-'));
        Some(Fraction {
            numerator: digits.parse().ok()?,
            denominator: 10u128.pow(part.len() as u32),
        })
    }

    /// The smallest count whose share of `whole` is at least this fraction; at least 1.
    #[must_use]
    pub fn count_of(self, whole: u64) -> u64 {
        // Of two numbers below 2^120 and 2^64 the product may not fit: then no count is large enough.
        match self.numerator.checked_mul(u128::from(whole)) {
            Some(product) => u64::try_from(product.div_ceil(self.denominator))
                .unwrap_or(u64::MAX)
                .max(1),
            None => u64::MAX,
        }
    }

    /// True when `part / whole` is at least this fraction; `part` and `whole` are products of two counts at most.
    #[must_use]
    pub fn is_reached_by(self, part: u128, whole: u128) -> bool {
        wide(part, self.denominator) >= wide(whole, self.numerator)
    }
}

/// The product as high and low half.
fn wide(a: u128, b: u128) -> (u128, u128) {
    const HALF: u32 = 64;
    let low = |x: u128| x & u128::from(u64::MAX);
    let (a1, a0, b1, b0) = (a >> HALF, low(a), b >> HALF, low(b));
    let (lowest, cross, other) = (a0 * b0, a1 * b0, a0 * b1);
    let middle = (lowest >> HALF) + low(cross) + low(other);
    let high = a1 * b1 + (cross >> HALF) + (other >> HALF) + (middle >> HALF);
    (high, (middle << HALF) | low(lowest))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_the_decimal_that_was_written() {
        let of = |v| Fraction::of(v).unwrap();
        for (part, whole) in [(4u128, 5u128), (8, 10), (12, 15), (400, 500)] {
            assert!(of(0.8).is_reached_by(part, whole));
            assert!(!of(0.8).is_reached_by(part - 1, whole));
        }
        assert!(of(0.1 + 0.2).is_reached_by(30_000_000_000_000_004, 100_000_000_000_000_000));
        assert!(!of(0.1 + 0.2).is_reached_by(3, 10));
        // 396 of 39,514 baskets is 1 %, 395 is less
        assert_eq!(of(0.01).count_of(39_514), 396);
        assert_eq!(of(0.01).count_of(100), 1);
        assert_eq!(of(0.0).count_of(100), 1);
        assert_eq!(of(1.0).count_of(100), 100);
        assert_eq!(of(1e18).count_of(u64::MAX), u64::MAX);
        assert_eq!(of(1e-300).count_of(u64::MAX), 1);
        assert!(of(0.0).is_reached_by(0, 1));
        for bad in [-0.1, f64::NAN, f64::INFINITY, 1e19] {
            assert_eq!(Fraction::of(bad), None, "{bad}");
        }
    }

    #[test]
    fn products_do_not_overflow() {
        let counts = u128::from(u64::MAX);
        let large = Fraction::of(1e18).unwrap();
        assert!(!large.is_reached_by(counts * counts, counts * counts));
        assert!(large.is_reached_by(counts * counts, counts));
        assert_eq!(wide(u128::MAX, u128::MAX), (u128::MAX - 1, 1));
    }
}
