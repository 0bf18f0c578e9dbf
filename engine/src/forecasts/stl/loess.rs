//! Local regression on equally spaced points, as STL needs it.

use crate::control::{Control, Stop};

/// Multiplications between two looks at the control.
const BETWEEN_LOOKS: usize = 1 << 18;

/// Looks at the control now and then.
pub(super) struct Patience<'a> {
    control: &'a dyn Control,
    spent: usize,
}

impl<'a> Patience<'a> {
    pub(super) fn new(control: &'a dyn Control) -> Patience<'a> {
        Patience { control, spent: 0 }
    }

    /// Notes so much work.
    pub(super) fn spend(&mut self, work: usize) -> Result<(), Stop> {
        self.spent += work;
        if self.spent >= BETWEEN_LOOKS {
            self.spent = 0;
            self.control.check()?;
        }
        Ok(())
    }
}

/// What is smoothed, and how.
#[derive(Clone, Copy)]
pub(super) struct Loess<'a> {
    pub(super) y: &'a [f64],
    /// A weight for each point; none where all count the same.
    pub(super) weights: Option<&'a [f64]>,
    /// Points of a neighbourhood; of more than there are, the weights become flatter.
    pub(super) window: usize,
    /// A local line, where it is no local constant.
    pub(super) line: bool,
}

impl Loess<'_> {
    /// The smooth at place `at` (which may lie outside) from the points `from..to`; `None` where none of them has a weight.
    pub(super) fn at(
        &self,
        at: isize,
        from: usize,
        to: usize,
        scratch: &mut Vec<f64>,
    ) -> Option<f64> {
        let y = self.y.get(from..to)?;
        let x = at as f64;
        let (first, last) = (from as f64, to as f64 - 1.0);
        let mut reach = (x - first).max(last - x);
        if self.window > self.y.len() {
            reach += ((self.window - self.y.len()) / 2) as f64;
        }
        scratch.clear();
        scratch.extend((from..to).map(|place| {
            let distance = (place as f64 - x).abs();
            if distance > 0.999 * reach {
                0.0
            } else if distance <= 0.001 * reach {
                1.0
            } else {
                let share = distance / reach;
                let cube = 1.0 - share * share * share;
                cube * cube * cube
            }
        }));
        if let Some(weights) = self.weights {
            for (weight, given) in scratch.iter_mut().zip(weights.get(from..to)?) {
                *weight *= given;
            }
        }
        let total: f64 = scratch.iter().sum();
        if total <= 0.0 {
            return None;
        }
        let places = || (from..to).map(|place| place as f64);
        let mean = |values: &mut dyn Iterator<Item = f64>| {
            scratch.iter().zip(values).map(|(w, v)| w * v).sum::<f64>() / total
        };
        let level = mean(&mut y.iter().copied());
        if !self.line || reach <= 0.0 {
            return Some(level);
        }
        let centre = mean(&mut places());
        let spread = mean(&mut places().map(|p| (p - centre) * (p - centre)));
        if spread.sqrt() <= 0.001 * (self.y.len() as f64 - 1.0) {
            return Some(level);
        }
        let slope = mean(&mut places().zip(y).map(|(p, v)| (p - centre) * v)) / spread;
        Some(level + slope * (x - centre))
    }

    /// The smooth at every point: computed at each `jump`-th and the last, on lines between.
    pub(super) fn all(
        &self,
        jump: usize,
        out: &mut [f64],
        patience: &mut Patience<'_>,
    ) -> Result<(), Stop> {
        let n = self.y.len();
        let jump = jump.clamp(1, n.saturating_sub(1).max(1));
        let half = self.window.div_ceil(2);
        let mut scratch = Vec::with_capacity(self.window.min(n));
        let mut before: Option<(usize, f64)> = None;
        let mut at = 0;
        while at < n {
            let from = if self.window >= n {
                0
            } else {
                (at + 1).saturating_sub(half).min(n - self.window)
            };
            let to = n.min(from + self.window);
            patience.spend(to - from)?;
            let raw = self.y.get(at).copied().unwrap_or(f64::NAN);
            let value = self.at(at as isize, from, to, &mut scratch).unwrap_or(raw);
            let start = before.map_or(at, |(place, _)| place + 1);
            let (place, value_before) = before.unwrap_or((at, value));
            let step = (value - value_before) / (at - place).max(1) as f64;
            for (between, slot) in out.iter_mut().enumerate().take(at).skip(start) {
                *slot = value_before + step * (between - place) as f64;
            }
            if let Some(slot) = out.get_mut(at) {
                *slot = value;
            }
            before = Some((at, value));
            if at + 1 == n {
                break;
            }
            at = (at + jump).min(n - 1);
        }
        Ok(())
    }
}

/// The means of `window` neighbouring values, `values.len() - window + 1` of them.
pub(super) fn moving_means(values: &[f64], window: usize, out: &mut Vec<f64>) {
    out.clear();
    let Some(first) = values.get(..window) else {
        return;
    };
    let mut sum: f64 = first.iter().sum();
    out.push(sum / window as f64);
    for (new, old) in values.iter().skip(window).zip(values) {
        sum += new - old;
        out.push(sum / window as f64);
    }
}

/// Weights by distance: Tukey's bisquare, 0 from six median distances on.
pub(in crate::forecasts) fn bisquare(mut distances: Vec<f64>) -> Vec<f64> {
    let mut sorted = distances.clone();
    sorted.sort_by(f64::total_cmp);
    let at = |place: usize| sorted.get(place).copied().unwrap_or(0.0);
    let middle = sorted.len() / 2;
    let mut reach = 3.0 * (at(middle) + at(sorted.len().saturating_sub(middle + 1)));
    if reach <= 0.0 {
        // Most lie on the curve. What lies off it is judged by the mean, or the neighbours of a lone value would all be left out.
        reach = 6.0 * sorted.iter().sum::<f64>() / sorted.len().max(1) as f64;
    }
    for weight in &mut distances {
        *weight = if *weight <= 0.001 * reach {
            1.0
        } else if *weight <= 0.999 * reach {
            let share = *weight / reach;
            (1.0 - share * share) * (1.0 - share * share)
        } else {
            0.0
        };
    }
    distances
}
