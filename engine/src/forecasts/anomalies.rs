//! Steps whose values are not what trend and seasons let expect.
//!
//! The expected value comes from a robust decomposition, on which values that stand out have little say, and is what it would have been
//! without the value itself. What is left is measured by its own robust scale (1.4826 times the median of its absolute values, which
//! is the standard deviation of normal remainders), so that of a series with normal remainders about one minus `level` of the
//! steps are flagged. Where the remainders grow with the level,
//! logarithms are looked at: bounds are then a share of what is expected.

use super::ForecastError;
use super::decompose::{Decomposition, decompose_by};
use super::numeric::normal_quantile;
use super::stl::{StlParams, bisquare};
use crate::control::Control;

/// Seasons that tell what one is like.
const SEASONS: usize = 35;

/// Fewer values tell no scale: nothing is flagged.
const LEAST: usize = 8;

/// The standard deviation by the median of the absolute values, of normal numbers.
const NORMAL: f64 = 1.482_602_218_505_602;

/// The most say in its own expectation that a value is credited with.
const MOST_SAY: f64 = 0.9;

/// Seasons that the series holds fewer times are left out: two values do not tell which one is unusual.
const TIMES: usize = 4;

/// Deviations from which on a value has no say at all.
const GROSS: f64 = 10.0;

/// The most neighbours whose median is taken.
const WIDEST_MEDIAN: usize = 101;

/// Remainders below this share of the largest value are rounding.
const ROUNDING: f64 = 1e-9;

/// The levels of the halves must differ by this factor at least to tell whether remainders grow with them.
const LEVELS_APART: f64 = 1.2;

/// A step, and what was expected of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// What trend and seasons say.
    pub expected: f64,
    /// The least value that is usual.
    pub lower: f64,
    /// The greatest value that is usual.
    pub upper: f64,
    /// How many standard deviations the value is off, with its sign; `None` where it is missing.
    pub score: Option<f64>,
    /// Whether it is outside of what is usual.
    pub is_anomaly: bool,
}

/// All steps of a series, judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Anomalies {
    /// Each step.
    pub steps: Vec<Judged>,
    /// Whether the remainders grow with the level, so that logarithms were judged.
    pub multiplicative: bool,
}

/// Judges each step of a series with such seasons (see [`super::decompose::decompose`]); about `level` of the steps are within their bounds where
/// nothing happened. Seasons that it does not hold four times are left out. In a series of fewer than eight values nothing is flagged.
///
/// # Errors
/// [`ForecastError::Range`] for a level that is not over 0 and below 1; [`ForecastError::Empty`],
/// [`ForecastError::Infinite`], [`ForecastError::Stopped`].
pub fn detect(
    y: &[f64],
    seasons: &[usize],
    level: f64,
    control: &dyn Control,
) -> Result<Anomalies, ForecastError> {
    if !(level > 0.0 && level < 1.0) {
        return Err(ForecastError::Range {
            what: "the level",
            least: 0.0,
            most: 1.0,
            given: level,
        });
    }
    let mut seasons = seasons.to_vec();
    seasons.retain(|p| p.saturating_mul(TIMES) <= y.len());
    let seasons = &seasons[..];
    let plain = Fit::of(y, seasons, control)?;
    let multiplicative = plain.grows(y);
    let (values, fit) = if multiplicative {
        let logs: Vec<f64> = y.iter().map(|v| v.ln()).collect();
        let fit = Fit::of(&logs, seasons, control)?;
        (logs, fit)
    } else {
        (y.to_vec(), plain)
    };
    let back = |v: f64| if multiplicative { v.exp() } else { v };
    let rests = fit.without_itself(seasons, control)?;
    let moved = fit.expected.iter().zip(&fit.remainder).zip(&rests);
    let expected = moved.map(|((e, with), without)| {
        if with.is_nan() {
            *e
        } else {
            e + with - without
        }
    });
    let scale = scale(&rests, &values);
    let limit = normal_quantile(f64::midpoint(1.0, level));
    let enough = y.iter().filter(|v| !v.is_nan()).count() >= LEAST;
    let judged = |(expected, rest): (f64, &f64)| {
        let score = (!rest.is_nan()).then(|| if scale > 0.0 { rest / scale } else { 0.0 });
        Judged {
            expected: back(expected),
            lower: back(expected - limit * scale),
            upper: back(expected + limit * scale),
            score,
            is_anomaly: enough && score.is_some_and(|s| s.abs() > limit),
        }
    };
    let steps = expected.zip(&rests).map(judged);
    Ok(Anomalies {
        steps: steps.collect(),
        multiplicative,
    })
}

/// What trend and seasons say of each step, and what remains.
struct Fit {
    expected: Vec<f64>,
    remainder: Vec<f64>,
}

impl Fit {
    /// Of values but for the grossest outliers, so that these have no say at all.
    fn of(y: &[f64], seasons: &[usize], control: &dyn Control) -> Result<Fit, ForecastError> {
        let parts = parts(&without_gross(y, seasons, control)?, seasons, true, control)?;
        let expected = parts.expected();
        Ok(Fit {
            remainder: y.iter().zip(&expected).map(|(y, e)| y - e).collect(),
            expected,
        })
    }

    /// What remains of each value when it has no say in what is expected of it. It has one in proportion to its weight; of weight 1
    /// as much as a lone 1 among zeros has in its own place, which is more at the end.
    fn without_itself(
        &self,
        seasons: &[usize],
        control: &dyn Control,
    ) -> Result<Vec<f64>, ForecastError> {
        let n = self.remainder.len();
        let say = |at: usize| {
            let mut lone = vec![0.0; n];
            if let Some(value) = lone.get_mut(at) {
                *value = 1.0;
            }
            let own = parts(&lone, seasons, false, control)?
                .expected()
                .get(at)
                .copied();
            Ok::<f64, ForecastError>(own.unwrap_or(0.0).clamp(0.0, MOST_SAY))
        };
        let (inside, at_end) = (say(n / 2)?, say(n.saturating_sub(1))?);
        let distances = self
            .remainder
            .iter()
            .map(|r| if r.is_nan() { 0.0 } else { r.abs() });
        let weights = bisquare(distances.collect());
        let own = self
            .remainder
            .iter()
            .zip(weights)
            .enumerate()
            .map(|(at, (rest, weight))| {
                let say = if at + 1 == n || at == 0 {
                    at_end
                } else {
                    inside
                };
                rest / (1.0 - weight * say)
            });
        Ok(own.collect())
    }

    /// True where all values are above 0 and the remainders of the half with the higher expectations are larger: nearer to in
    /// proportion than to the same, and by more than chance makes them.
    fn grows(&self, y: &[f64]) -> bool {
        if y.iter().chain(&self.expected).any(|v| *v <= 0.0) {
            return false;
        }
        let known = self
            .expected
            .iter()
            .zip(&self.remainder)
            .filter(|(_, r)| !r.is_nan());
        let mut pairs: Vec<(f64, f64)> = known.map(|(e, r)| (*e, r.abs())).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (low, high) = pairs.split_at(pairs.len() / 2);
        let medians = |half: &[(f64, f64)]| {
            let (mut level, mut off): (Vec<f64>, Vec<f64>) = half.iter().copied().unzip();
            (median(&mut level), median(&mut off))
        };
        let ((low_level, low_off), (high_level, high_off)) = (medians(low), medians(high));
        if low_off <= 0.0 || high_level < LEVELS_APART * low_level {
            return false;
        }
        let off = (high_off / low_off).ln();
        // The standard deviation of the logarithm of two such medians' ratio is 2.33 / sqrt(n) for normal remainders.
        let by_chance = 2.0 * 2.33 / (pairs.len() as f64).sqrt();
        off > by_chance && off > 0.5 * (high_level / low_level).ln()
    }
}

/// A decomposition into parts that are smooth enough to show what stands out.
fn parts(
    y: &[f64],
    seasons: &[usize],
    robust: bool,
    control: &dyn Control,
) -> Result<Decomposition, ForecastError> {
    decompose_by(y, seasons, control, |_, period| StlParams {
        seasonal: Some(SEASONS),
        trend: Some(period.saturating_mul(3).max(3)),
        robust,
        ..StlParams::default()
    })
}

/// The values, without those that are many deviations off the medians of their neighbours and of their phase. The weights of a robust fit
/// begin with one that is not: a huge value would be spread over its phase there, all of which then stood out.
fn without_gross(
    y: &[f64],
    seasons: &[usize],
    control: &dyn Control,
) -> Result<Vec<f64>, ForecastError> {
    let shortest = seasons
        .iter()
        .copied()
        .filter(|p| *p >= 2 && p.saturating_mul(2) < y.len())
        .min();
    let period = shortest.unwrap_or(1);
    let half = (period / 2).clamp(3, WIDEST_MEDIAN / 2);
    let mut near = Vec::with_capacity(2 * half + 1);
    let mut rest = Vec::with_capacity(y.len());
    for (at, value) in y.iter().enumerate() {
        if at.is_multiple_of(256) {
            control.check()?;
        }
        let window = y
            .get(at.saturating_sub(half)..(at + half + 1).min(y.len()))
            .unwrap_or_default();
        near.clear();
        near.extend(window.iter().copied().filter(|v| !v.is_nan()));
        rest.push(value - median(&mut near));
    }
    for phase in 0..period {
        near.clear();
        near.extend(
            rest.iter()
                .copied()
                .skip(phase)
                .step_by(period)
                .filter(|v| !v.is_nan()),
        );
        let usual = median(&mut near);
        rest.iter_mut()
            .skip(phase)
            .step_by(period)
            .for_each(|v| *v -= usual);
    }
    let limit = GROSS * scale(&rest, y);
    let keep = |(value, rest): (&f64, &f64)| if rest.abs() > limit { f64::NAN } else { *value };
    Ok(y.iter().zip(&rest).map(keep).collect())
}

/// The standard deviation that the remainders have but for those that stand out. Where half of them are 0, that of their mean
/// absolute value, since something is left of the others.
fn scale(remainder: &[f64], values: &[f64]) -> f64 {
    let mut off: Vec<f64> = remainder
        .iter()
        .filter(|v| !v.is_nan())
        .map(|v| v.abs())
        .collect();
    let largest = values
        .iter()
        .filter(|v| !v.is_nan())
        .map(|v| v.abs())
        .fold(0.0, f64::max);
    let rounding = largest * ROUNDING;
    let middle = NORMAL * median(&mut off);
    if middle > rounding {
        return middle;
    }
    let mean = off.iter().sum::<f64>() / off.len().max(1) as f64;
    let by_mean = (std::f64::consts::PI / 2.0).sqrt() * mean;
    by_mean.max(rounding)
}

/// The middle of the values, in ascending order afterwards; 0 of none.
fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let at = |place: usize| values.get(place).copied().unwrap_or(0.0);
    let half = values.len() / 2;
    if values.len().is_multiple_of(2) && half > 0 {
        f64::midpoint(at(half - 1), at(half))
    } else {
        at(half)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "anomalies_tests.rs"]
mod tests;
