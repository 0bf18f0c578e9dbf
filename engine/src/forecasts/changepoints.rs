//! Where the level of a series changed for good.
//!
//! The best of all segmentations, found exactly: PELT (Killick, Fearnhead and Eckley, Optimal detection of changepoints with a linear
//! computational cost, Journal of the American Statistical Association 107, 2012) with the modified criterion of Zhang and
//! Siegmund (Biometrics 63, 2007) as penalty. How much values scatter is estimated from their differences, which a change of
//! level hardly moves, and so is how much of that scatter lasts: neighbours that are alike make a wandering level that is no change.

use super::ForecastError;
use crate::control::Control;

const NAME: &str = "changepoints";

/// Evaluations of a cost between two looks at the control.
const BETWEEN_LOOKS: usize = 1 << 20;

/// The largest autocorrelation that is reckoned with.
const MOST_MEMORY: f64 = 0.9;

/// What may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChangeIn {
    /// The mean.
    #[default]
    Mean,
    /// The mean and the variance; of values that are independent but for that.
    MeanAndVariance,
}

/// Parameters of the search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChangeParams {
    /// What may change.
    pub change_in: ChangeIn,
    /// The fewest values between changes, 2 or more.
    pub least: usize,
    /// What a change must gain, in twice the log-likelihood; `None` for the criterion's 3 ln n (4 ln n for both).
    pub penalty: Option<f64>,
}

impl Default for ChangeParams {
    fn default() -> ChangeParams {
        ChangeParams {
            change_in: ChangeIn::Mean,
            least: 5,
            penalty: None,
        }
    }
}

/// A change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// The first step after it.
    pub at: usize,
    /// The mean from the change before to this one.
    pub before: f64,
    /// The mean from this change to the next.
    pub after: f64,
}

/// The changes of a series, ascending. Missing values are left out. A series that is too short for two segments has none. Takes time in
/// proportion to the values by the distance between changes: their square when there is none.
///
/// # Errors
/// [`ForecastError::Range`] for a segment below 2 values or a penalty below 0, [`ForecastError::Infinite`],
/// [`ForecastError::Stopped`].
pub fn changepoints(
    y: &[f64],
    params: &ChangeParams,
    control: &dyn Control,
) -> Result<Vec<Change>, ForecastError> {
    let range = |what, least: f64, given: f64| ForecastError::Range {
        what,
        least,
        most: 1e15,
        given,
    };
    if params.least < 2 {
        return Err(range(
            "the values between changes",
            2.0,
            params.least as f64,
        ));
    }
    if let Some(penalty) = params.penalty
        && !(0.0..=1e15).contains(&penalty)
    {
        return Err(range("the penalty", 0.0, penalty));
    }
    if y.iter().any(|v| v.is_infinite()) {
        return Err(ForecastError::Infinite);
    }
    control.budget(NAME, (y.len() as u64).saturating_mul(9 * 8))?;
    let (places, values): (Vec<usize>, Vec<f64>) = y
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, v)| !v.is_nan())
        .unzip();
    let Some(costs) = Costs::of(&values, params.change_in) else {
        return Ok(Vec::new());
    };
    let n = values.len() as f64;
    let usual = match params.change_in {
        ChangeIn::Mean => 3.0 * n.ln(),
        ChangeIn::MeanAndVariance => 4.0 * n.ln(),
    };
    let ends = segments(
        &costs,
        params.least,
        params.penalty.unwrap_or(usual),
        control,
    )?;
    let mean = |from: usize, to: usize| {
        let part = values.get(from..to).unwrap_or_default();
        part.iter().sum::<f64>() / part.len().max(1) as f64
    };
    let mut changes = Vec::new();
    let mut from = 0;
    for (end, next) in ends.iter().zip(ends.iter().skip(1)) {
        changes.push(Change {
            at: places.get(*end).copied().unwrap_or(*end),
            before: mean(from, *end),
            after: mean(*end, *next),
        });
        from = *end;
    }
    Ok(changes)
}

/// The cost of a segment from sums of the values and their squares.
struct Costs {
    sums: Vec<(f64, f64)>,
    change_in: ChangeIn,
}

impl Costs {
    /// `None` for values that do not vary.
    fn of(values: &[f64], change_in: ChangeIn) -> Option<Costs> {
        let scale = match change_in {
            ChangeIn::Mean => lasting_deviation(values),
            ChangeIn::MeanAndVariance => {
                robust_deviation(values, 1).unwrap_or_else(|| plain_deviation(values))
            }
        };
        let largest = values.iter().map(|v| v.abs()).fold(0.0, f64::max);
        if scale.is_nan() || scale <= largest * 1e-12 {
            return None;
        }
        // Around the middle of all, so that the sums keep their digits.
        let middle = values.iter().sum::<f64>() / values.len() as f64;
        let mut sum = (0.0, 0.0);
        let mut sums = Vec::with_capacity(values.len() + 1);
        sums.push(sum);
        for value in values {
            let off = (value - middle) / scale;
            sum = (sum.0 + off, sum.1 + off * off);
            sums.push(sum);
        }
        Some(Costs { sums, change_in })
    }

    fn len(&self) -> usize {
        self.sums.len() - 1
    }

    /// Twice the negative log-likelihood of the values from `from` to before `to`, but for a constant.
    fn fit(&self, from: usize, to: usize) -> f64 {
        let (Some(a), Some(b)) = (self.sums.get(from), self.sums.get(to)) else {
            return f64::INFINITY;
        };
        let n = (to - from) as f64;
        let sum = b.0 - a.0;
        let squares = (b.1 - a.1 - sum * sum / n).max(0.0);
        match self.change_in {
            ChangeIn::Mean => squares,
            // A thousandth of the usual scatter is the least that is believed.
            ChangeIn::MeanAndVariance => n * (squares / n).max(1e-6).ln(),
        }
    }
}

/// The ends of the segments of the best segmentation, the last of which is the number of values.
fn segments(
    costs: &Costs,
    least: usize,
    penalty: f64,
    control: &dyn Control,
) -> Result<Vec<usize>, ForecastError> {
    let n = costs.len();
    // The least cost of the first values, and where their last segment begins.
    let mut best = vec![(f64::INFINITY, 0usize); n + 1];
    if let Some(first) = best.first_mut() {
        first.0 = -penalty;
    }
    // Beginnings of last segments: where, what came before costs, and the step from which they are no longer needed.
    let mut open: Vec<(usize, f64, usize)> = vec![(0, -penalty, usize::MAX)];
    let mut looked = 0;
    for to in least..=n {
        let mut found = (f64::INFINITY, 0);
        for (from, before, _) in &open {
            if to - from < least {
                continue;
            }
            // The criterion's share of a segment's length.
            let cost = before + costs.fit(*from, to) + ((to - from) as f64).ln() + penalty;
            if cost < found.0 {
                found = (cost, *from);
            }
        }
        looked += open.len();
        if looked >= BETWEEN_LOOKS {
            looked = 0;
            control.check()?;
            control.progress(NAME, to as u64, n as u64);
        }
        if let Some(slot) = best.get_mut(to) {
            *slot = found;
        }
        // A beginning whose segment alone costs what the best to here costs is worse than a new one from here, as soon as that is long
        // enough: the criterion's share grows with the length.
        for (from, before, until) in &mut open {
            if *until == usize::MAX
                && to - *from >= least
                && *before + costs.fit(*from, to) >= found.0
            {
                *until = to.saturating_add(least);
            }
        }
        open.retain(|(_, _, until)| *until > to + 1);
        open.push((to, found.0, usize::MAX));
    }
    let mut ends = Vec::new();
    let mut end = n;
    while end > 0 {
        ends.push(end);
        end = best.get(end).map_or(0, |(_, from)| *from);
    }
    ends.reverse();
    Ok(ends)
}

/// The standard deviation of values around a level, from differences of values so many steps apart, but for those that stand out; `None`
/// where most are 0.
fn robust_deviation(values: &[f64], lag: usize) -> Option<f64> {
    let pairs = values.iter().zip(values.iter().skip(lag));
    let mut sorted: Vec<f64> = pairs.map(|(a, b)| (b - a).abs()).collect();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let at = |place: usize| sorted.get(place).copied().unwrap_or(0.0);
    let middle = f64::midpoint(at(n / 2), at(n.saturating_sub(1) / 2));
    let of_normal = 1.482_602_218_505_602 / std::f64::consts::SQRT_2;
    (middle > 0.0).then_some(of_normal * middle)
}

/// The same with those that stand out.
fn plain_deviation(values: &[f64]) -> f64 {
    let pairs = values.iter().zip(values.iter().skip(1));
    let squares = pairs.map(|(a, b)| (b - a) * (b - a)).sum::<f64>();
    (squares / values.len().saturating_sub(1).max(1) as f64 / 2.0).sqrt()
}

/// The standard deviation that values would have without memory, of which means have the same scatter. With an autocorrelation of r,
/// differences over one step have the variance 2 s (1 - r), over two 2 s (1 - r^2), and means scatter (1 + r) / (1 - r) times as much.
fn lasting_deviation(values: &[f64]) -> f64 {
    let (Some(one), Some(two)) = (robust_deviation(values, 1), robust_deviation(values, 2)) else {
        return plain_deviation(values);
    };
    let memory = (two * two / (one * one) - 1.0).clamp(0.0, MOST_MEMORY);
    one * ((1.0 + memory) / ((1.0 - memory) * (1.0 - memory))).sqrt()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "changepoints_tests.rs"]
mod tests;
