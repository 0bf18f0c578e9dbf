//! How likely a rule is by chance: Fisher's exact test, Benjamini and Hochberg's correction for many tests, and Wilson's
//! interval for a share.

use std::f64::consts::PI;

use crate::control::{Control, Stop, reserve};
use crate::sorting::{RUN, sort_by};

const PHASE: &str = "testing rules";

/// The quantile of the standard normal distribution for an interval of 95 %.
const Z: f64 = 1.959_963_984_540_054;

/// `ln n! - ln(sqrt(2 pi n) (n / e)^n)` of 0 (as 0) to 15.
const STIRLING: [f64; 16] = [
    0.0,
    0.081_061_466_795_327_26,
    0.041_340_695_955_409_29,
    0.027_677_925_684_998_34,
    0.020_790_672_103_765_09,
    0.016_644_691_189_821_19,
    0.013_876_128_823_070_75,
    0.011_896_709_945_891_77,
    0.010_411_265_261_972_1,
    0.009_255_462_182_712_733,
    0.008_330_563_433_362_87,
    0.007_573_675_487_951_84,
    0.006_942_840_107_209_53,
    0.006_408_994_188_004_207,
    0.005_951_370_112_758_848,
    0.005_554_733_551_962_801,
];

/// What Stirling's formula lacks of `ln n!`.
fn stirling(n: f64) -> f64 {
    if n < 16.0 {
        return STIRLING.get(n as usize).copied().unwrap_or(0.0);
    }
    let square = n * n;
    let terms = [
        1.0 / 1188.0,
        1.0 / 1680.0,
        1.0 / 1260.0,
        1.0 / 360.0,
        1.0 / 12.0,
    ];
    // 1/12n - 1/360n^3 + 1/1260n^5 - 1/1680n^7 + 1/1188n^9
    terms.iter().fold(0.0, |sum, term| term - sum / square) / n
}

/// `x ln(x / m) + m - x`, also where x and m are close and this would cancel.
fn deviance(x: f64, m: f64) -> f64 {
    let difference = x - m;
    if difference.abs() >= 0.1 * (x + m) {
        return x * (x / m).ln() - difference;
    }
    let v = difference / (x + m);
    let (mut sum, mut power) = (difference * v, 2.0 * x * v);
    // v is below 0.1: each term is a hundredth of the one before at most.
    for odd in (3..25).step_by(2) {
        power *= v * v;
        sum += power / f64::from(odd);
    }
    sum
}

/// The probability of `x` successes in `n` trials that succeed with probability `p` and fail with `q`, by the saddle point
/// expansion of Loader (2000), "Fast and accurate computation of binomial probabilities": its relative error does not grow
/// with n.
fn binomial(x: f64, n: f64, p: f64, q: f64) -> f64 {
    if p <= 0.0 || q <= 0.0 {
        let certain = if p <= 0.0 { x == 0.0 } else { x == n };
        return if certain { 1.0 } else { 0.0 };
    }
    // n ln(1 - r), also where r is small.
    let all = |r: f64, other: f64| {
        if r < 0.1 {
            (-deviance(n, n * other) - n * r).exp()
        } else {
            (n * other.ln()).exp()
        }
    };
    if x == 0.0 {
        return all(p, q);
    }
    if x == n {
        return all(q, p);
    }
    let log =
        stirling(n) - stirling(x) - stirling(n - x) - deviance(x, n * p) - deviance(n - x, n * q);
    log.exp() * (n / (2.0 * PI * x * (n - x))).sqrt()
}

/// The probability that `both` baskets or more hold both sides when `left` and `right` of `total` baskets hold them
/// independently of each other: Fisher's exact test, one-sided. Below 1e-300 it may be 0. Counts must fit each other: `both`
/// at most `left` and `right`, these and `left + right - both` at most `total`.
#[must_use]
pub(super) fn fisher(both: u32, left: u32, right: u32, total: u32) -> f64 {
    // The test is the same for sides exchanged; so are its bits.
    let (left, right) = (left.min(right), left.max(right));
    let (x, k) = (f64::from(both), f64::from(left));
    let (n, all) = (f64::from(right), f64::from(total));
    let lowest = (k + n - all).max(0.0);
    if x <= lowest {
        return 1.0;
    }
    let probability = |x: f64| {
        let (p, q) = (n / all, (all - n) / all);
        binomial(x, k, p, q) * binomial(n - x, all - k, p, q) / binomial(n, all, p, q)
    };
    if x > k * n / all {
        let (mut term, mut sum, mut at) = (1.0, 1.0, x);
        while at < k && term > sum * 1e-17 {
            term *= (k - at) * (n - at) / ((at + 1.0) * (all - k - n + at + 1.0));
            sum += term;
            at += 1.0;
        }
        (probability(x) * sum).min(1.0)
    } else {
        let (mut term, mut sum, mut at) = (1.0, 1.0, x - 1.0);
        while at > lowest && term > sum * 1e-17 {
            term *= at * (all - k - n + at) / ((k - at + 1.0) * (n - at + 1.0));
            sum += term;
            at -= 1.0;
        }
        (1.0 - probability(x - 1.0) * sum).clamp(0.0, 1.0)
    }
}

/// Sorts the p-values of all tests, and gives those of `wanted` (ascending) after Benjamini and Hochberg (1995).
///
/// # Errors
/// [`Stop`].
pub(super) fn adjusted(
    tested: &mut Vec<f64>,
    wanted: &[f64],
    control: &dyn Control,
) -> Result<Vec<f64>, Stop> {
    sort_by(tested, f64::total_cmp, PHASE, control)?;
    let mut adjusted: Vec<f64> = Vec::new();
    reserve(&mut adjusted, wanted.len(), PHASE)?;
    adjusted.resize(wanted.len(), 1.0);
    let tests = tested.len() as f64;
    let mut ranked = tested.iter().enumerate().rev();
    let (mut least, mut last) = (1.0f64, f64::INFINITY);
    for (slot, p) in adjusted.iter_mut().zip(wanted).rev() {
        // The first of equal values from above has their highest rank, which is the one that counts.
        while last > *p {
            let Some((below, next)) = ranked.next() else {
                break;
            };
            if below.is_multiple_of(RUN) {
                control.check()?;
            }
            last = *next;
            least = least.min(last * (tests / (below + 1) as f64));
        }
        *slot = least;
    }
    Ok(adjusted)
}

/// Wilson's (1927) interval of 95 % for the share of `part` in `whole`, which is not 0.
#[must_use]
pub(super) fn wilson(part: u32, whole: u32) -> (f64, f64) {
    let n = f64::from(whole);
    let share = f64::from(part) / n;
    let square = Z * Z / n;
    let centre = share + square / 2.0;
    let reach = Z * (share * (1.0 - share) / n + square / (4.0 * n)).sqrt();
    let end = |value: f64| (value / (1.0 + square)).clamp(0.0, 1.0);
    // Rounding must not push the ends inside the share at 0 and 1.
    (
        end(centre - reach).min(share),
        end(centre + reach).max(share),
    )
}
