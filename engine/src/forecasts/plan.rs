//! Which part of a series a method is chosen on, and which part it is judged on.

use super::splits::{Window, rolling_origins};

/// Origins of the holdout.
const HOLDOUT: usize = 3;

/// Origins in the past: those that a method is chosen by, and later ones that it is judged by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Steps that are known at each origin of the validation; what is forecast from them ends where the holdout begins.
    pub validation: Vec<usize>,
    /// Steps that are known at each origin of the holdout.
    pub holdout: Vec<usize>,
}

impl Plan {
    /// For a series of so many steps, of which `least` must be known at the first origin. The holdout takes at most a quarter of the
    /// series and three horizons, the validation `folds` horizons before it. Short series have fewer origins; the shortest have none.
    #[must_use]
    pub fn of(steps: usize, horizon: usize, folds: usize, least: usize) -> Plan {
        let affordable = (steps / 4 / horizon.max(1)).clamp(1, HOLDOUT);
        let holdout = origins(
            steps,
            horizon,
            affordable,
            horizon,
            least.saturating_add(horizon),
        );
        let Some(begin) = holdout.first().copied() else {
            // Too short for both: what is chosen is not judged.
            return Plan {
                validation: origins(steps, horizon, folds, horizon, least),
                holdout: Vec::new(),
            };
        };
        Plan {
            validation: origins(begin, horizon, folds, horizon, least),
            holdout,
        }
    }

    /// Where the validation ends.
    #[must_use]
    pub fn validation_end(&self, steps: usize) -> usize {
        self.holdout.first().copied().unwrap_or(steps)
    }
}

/// Steps that are known at each origin of a walk whose last one lies `horizon` steps before the end and each other `step` before the next:
/// as many as `folds` and `least` known steps allow, ascending.
#[must_use]
pub fn origins(
    steps: usize,
    horizon: usize,
    folds: usize,
    step: usize,
    least: usize,
) -> Vec<usize> {
    let splits = rolling_origins(
        steps,
        horizon,
        folds,
        Some(step),
        0,
        Window::Expanding,
        least,
    );
    let ends = splits.into_iter().flatten().map(|split| split.train.end);
    ends.collect()
}

/// The steps that must be known at the first origin: two seasons, or ten steps.
#[must_use]
pub fn least_known(season: usize) -> usize {
    (2 * season).max(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn validation_ends_where_the_holdout_begins() {
        let plan = Plan::of(738, 30, 5, 14);
        assert_eq!(plan.holdout, [648, 678, 708]);
        assert_eq!(plan.validation, [498, 528, 558, 588, 618]);
        assert_eq!(plan.validation_end(738), 648);
        let short = Plan::of(60, 14, 5, 14);
        assert_eq!((short.holdout, short.validation), (vec![46], vec![18, 32]));
        let shorter = Plan::of(30, 14, 5, 14);
        assert_eq!((shorter.holdout, shorter.validation), (vec![], vec![16]));
        assert_eq!(Plan::of(20, 14, 5, 14), Plan::default());
    }
}
