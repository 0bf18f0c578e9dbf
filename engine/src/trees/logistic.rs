//! The logistic function, in a form that the compiler can turn into vector instructions and that gives the same bits on every
//! machine.

/// `1 / (1 + exp(-x))`, to a relative error of 1e-14.
#[inline]
pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + exp(-x))
}

/// `exp(x)` for `x` held within -700 and 700.
///
/// `x = k ln 2 + r` with `|r| <= ln 2 / 2` (Cody and Waite, 1980); `exp(r)` is its Taylor polynomial.
#[inline]
fn exp(x: f64) -> f64 {
    // Adding it rounds to an integer, which then stands in the lowest bits.
    const ROUND: f64 = 6_755_399_441_055_744.0;
    const LN2_HIGH: f64 = 0.693_147_180_369_123_8;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    let x = x.clamp(-700.0, 700.0);
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = x - k * LN2_HIGH - k * LN2_LOW;
    let mut p = 1.0 / 479_001_600.0;
    for factorial in [
        39_916_800.0,
        3_628_800.0,
        362_880.0,
        40_320.0,
        5_040.0,
        720.0,
        120.0,
        24.0,
        6.0,
        2.0,
        1.0,
        1.0,
    ] {
        p = p * r + 1.0 / factorial;
    }
    // 2^k: the exponent, biased, in its place.
    let bits = shifted.to_bits().wrapping_add(1023) << 52;
    p * f64::from_bits(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_standard_library() {
        for i in -7000..=7000 {
            let x = f64::from(i) * 0.1;
            let relative = exp(x) / x.exp() - 1.0;
            assert!(relative.abs() < 1e-14, "{x}: {relative}");
        }
        assert_eq!(sigmoid(0.0), 0.5);
        assert!(sigmoid(-1e9) > 0.0 && sigmoid(-1e9) < 1e-300);
        assert_eq!(sigmoid(1e9), 1.0);
    }
}
