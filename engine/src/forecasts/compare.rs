//! Whether one method forecasts better than another, or only had luck.

use super::numeric::student_t_cdf;

/// The test of Diebold and Mariano for equal accuracy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dm {
    /// The corrected statistic; below 0 when the first method loses less.
    pub statistic: f64,
    /// The probability of a statistic as low as this, or lower, when both are equally accurate: small when the first is better.
    pub better: f64,
    /// The probability of a statistic as far from 0 as this, or further, when both are equally accurate.
    pub differs: f64,
    /// Pairs compared.
    pub n: usize,
}

/// Compares two methods by their losses (such as absolute errors) at the same times, in order. `horizon` is how many steps ahead they
/// forecast, in the distance between two losses: losses less than that apart share steps, so their differences are correlated. For losses
/// averaged over folds that do not overlap it is 1. Pairs with a missing loss (NaN) are left out.
///
/// Diebold and Mariano (Journal of Business and Economic Statistics 13, 1995) with the correction and the t distribution of Harvey,
/// Leybourne and Newbold (International Journal of Forecasting 13, 1997), as R's `forecast::dm.test`: where the estimated variance is
/// not above 0, that of horizon 1 stands in.
///
/// None when nothing can be said: fewer than two pairs or not more than `horizon`, or a difference that is always the same.
#[must_use]
pub fn diebold_mariano(loss_a: &[f64], loss_b: &[f64], horizon: usize) -> Option<Dm> {
    let differences: Vec<f64> = loss_a
        .iter()
        .zip(loss_b)
        .map(|(a, b)| a - b)
        .filter(|d| d.is_finite())
        .collect();
    let n = differences.len();
    let horizon = horizon.max(1);
    if n < 2 || n <= horizon {
        return None;
    }
    let count = n as f64;
    let mean = differences.iter().sum::<f64>() / count;
    let from_mean: Vec<f64> = differences.iter().map(|d| d - mean).collect();
    let covariance = |lag: usize| {
        let products = from_mean.iter().zip(from_mean.iter().skip(lag));
        products.map(|(a, b)| a * b).sum::<f64>() / count
    };
    let variance = covariance(0);
    // What rounding leaves of equal differences is no variance.
    if variance <= 1e-24 * mean * mean {
        return None;
    }
    let long_run = variance + 2.0 * (1..horizon).map(covariance).sum::<f64>();
    let (long_run, steps) = if long_run > 0.0 {
        (long_run, horizon as f64)
    } else {
        (variance, 1.0)
    };
    let correction = (count + 1.0 - 2.0 * steps + steps / count * (steps - 1.0)) / count;
    let statistic = mean / (long_run / count).sqrt() * correction.sqrt();
    Some(Dm {
        statistic,
        better: student_t_cdf(statistic, count - 1.0),
        differs: 2.0 * student_t_cdf(-statistic.abs(), count - 1.0),
        n,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const A: [f64; 12] = [1.0, 1.1, 1.3, 1.6, 1.4, 1.2, 0.9, 0.7, 0.6, 0.8, 0.9, 1.1];
    const B: [f64; 12] = [1.3, 1.5, 1.8, 2.4, 1.9, 1.1, 0.6, 0.5, 0.7, 0.6, 1.0, 1.5];

    fn near(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-9, "{got} {expected}");
    }

    /// Expected: the definition of `dm.test`, written down in numpy, with scipy's t.
    #[test]
    fn the_statistic_is_that_of_r() {
        for (horizon, statistic, better, differs) in [
            (
                1,
                -1.924_580_521_723_058,
                0.040_262_136_558_777,
                0.080_524_273_117_555,
            ),
            (
                2,
                -1.179_959_794_046_741,
                0.131_452_468_656_011,
                0.262_904_937_312_021,
            ),
            (
                3,
                -1.011_147_759_362_603,
                0.166_835_370_949_526,
                0.333_670_741_899_052,
            ),
        ] {
            let dm = diebold_mariano(&A, &B, horizon).unwrap();
            near(dm.statistic, statistic);
            near(dm.better, better);
            near(dm.differs, differs);
            assert_eq!(dm.n, 12);
            let reverse = diebold_mariano(&B, &A, horizon).unwrap();
            near(reverse.statistic, -statistic);
            near(reverse.better, 1.0 - better);
        }
    }

    #[test]
    fn a_variance_below_zero_is_replaced() {
        let wave: Vec<f64> = (0..10).map(|i| 0.3 + f64::from(1 - 2 * (i % 2))).collect();
        let dm = diebold_mariano(&wave, &[0.0; 10], 2).unwrap();
        near(dm.statistic, 0.9);
        near(dm.better, 0.804_217_341_533_617);
    }

    #[test]
    fn nothing_is_said_without_evidence() {
        assert_eq!(diebold_mariano(&[], &[], 1), None);
        assert_eq!(diebold_mariano(&A, &A, 1), None);
        assert_eq!(diebold_mariano(&A[..1], &B[..1], 1), None);
        assert_eq!(diebold_mariano(&A[..4], &B[..4], 4), None);
        assert_eq!(diebold_mariano(&A, &B, usize::MAX), None);
        let more = A.map(|a| a + 0.1);
        assert_eq!(diebold_mariano(&more, &A, 1), None);
        // Missing losses are left out.
        let mut holes = A.to_vec();
        holes.push(f64::NAN);
        let mut longer = B.to_vec();
        longer.push(1.0);
        assert_eq!(
            diebold_mariano(&holes, &longer, 2),
            diebold_mariano(&A, &B, 2)
        );
    }
}
