//! Which values a method is fitted to and which it is judged by: always earlier ones and later ones.

use std::ops::Range;

use super::ForecastError;

/// Places of the values to fit to, and of those to forecast. Training ends before the test begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Places of the values to fit to.
    pub train: Range<usize>,
    /// Places of the values to forecast.
    pub test: Range<usize>,
}

/// What a fold may be fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// All values before the fold.
    Expanding,
    /// So many of the last values before the fold, or all where there are fewer.
    Sliding(usize),
}

/// The most values that can be split.
const MOST_VALUES: usize = 1_000_000_000_000;
/// The most splits that are made.
const MOST_SPLITS: usize = 1_000_000;

fn within(
    what: &'static str,
    least: usize,
    most: usize,
    given: usize,
) -> Result<(), ForecastError> {
    if (least..=most).contains(&given) {
        return Ok(());
    }
    Err(ForecastError::Range {
        what,
        least: least as f64,
        most: most as f64,
        given: given as f64,
    })
}

/// The index sets of scikit-learn's `TimeSeriesSplit`: `n_splits` test sets one after the other that end with the last of `n` values,
/// each of `test_size` values (default: `n / (n_splits + 1)`, rounded down); training on all that is at least `gap` values earlier, or
/// on its last `max_train_size` values (0: all, as there).
///
/// # Errors
/// [`ForecastError::Range`] where scikit-learn raises: fewer than two splits, an empty test set, or too few values for the
/// first split to have one to train on; and for more than a million splits.
pub fn time_series_split(
    n: usize,
    n_splits: usize,
    test_size: Option<usize>,
    gap: usize,
    max_train_size: Option<usize>,
) -> Result<Vec<Split>, ForecastError> {
    within("n_splits", 2, MOST_SPLITS, n_splits)?;
    within("gap", 0, MOST_VALUES, gap)?;
    let folds = n_splits + 1;
    let (size, needed) = match test_size {
        Some(size) => {
            within("test_size", 1, MOST_VALUES, size)?;
            let tests = size.saturating_mul(n_splits);
            (size, tests.saturating_add(gap + 1).max(folds))
        }
        None => {
            // A rest of n / folds goes to the first training set, so more values do not always leave more for it: the least
            // n that is enough, from this one on.
            let size = (n / folds).max(1);
            let enough = size.max((gap + 1).saturating_sub(n_splits));
            let rest = (gap + 1).saturating_sub(enough);
            (
                n / folds,
                (enough.saturating_mul(folds) + rest).max(n.min(folds)),
            )
        }
    };
    let first = size.saturating_mul(n_splits);
    if n > MOST_VALUES || n < folds || n.saturating_sub(first) <= gap {
        within(
            "n with these splits",
            needed.min(MOST_VALUES),
            MOST_VALUES,
            n,
        )?;
    }
    let longest = max_train_size.filter(|m| *m > 0).unwrap_or(usize::MAX);
    let first = n.saturating_sub(first);
    Ok((0..n_splits)
        .map(|fold| split(first + fold * size, size, gap, longest))
        .collect())
}

/// A test set of `size` values from `test` on, and at most `longest` values to train on that end `gap` values earlier.
fn split(test: usize, size: usize, gap: usize, longest: usize) -> Split {
    let end = test.saturating_sub(gap);
    Split {
        train: end.saturating_sub(longest)..end,
        test: test..test + size,
    }
}

/// Folds for a walk forward, the oldest first: the last one tests the last `horizon` of `n` values, each earlier one begins `step` values
/// earlier (default: `horizon`, so that no value is tested twice). Training ends `gap` values before its test. There are fewer than
/// `folds` where the earlier ones would leave less than `least_train` values to train on.
///
/// # Errors
/// [`ForecastError::Range`] when `horizon`, `folds`, `step` or the window's length is 0; [`ForecastError::TooShort`] when there is no
/// fold with `least_train` values to train on.
pub fn rolling_origins(
    n: usize,
    horizon: usize,
    folds: usize,
    step: Option<usize>,
    gap: usize,
    window: Window,
    least_train: usize,
) -> Result<Vec<Split>, ForecastError> {
    let step = step.unwrap_or(horizon);
    for (what, given) in [("horizon", horizon), ("folds", folds), ("step", step)] {
        within(what, 1, MOST_VALUES, given)?;
    }
    let longest = match window {
        Window::Expanding => usize::MAX,
        Window::Sliding(length) => {
            within("the window", 1, MOST_VALUES, length)?;
            length
        }
    };
    let least = least_train.max(1);
    let too_short = |needed, found| ForecastError::TooShort {
        method: "a backtest with this horizon",
        needed,
        found,
    };
    if longest < least {
        return Err(too_short(least, longest));
    }
    let needed = least.saturating_add(gap).saturating_add(horizon);
    let spare = n.checked_sub(needed).ok_or_else(|| too_short(needed, n))?;
    let count = (spare / step + 1).min(folds);
    Ok((0..count)
        .rev()
        .map(|back| split(n - horizon - back * step, horizon, gap, longest))
        .collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::forecasts::oracle;

    #[test]
    fn index_sets_are_those_of_scikit_learn() {
        for fold in oracle::time_series_split() {
            let splits = time_series_split(
                fold.n,
                fold.n_splits,
                fold.test_size,
                fold.gap,
                fold.max_train_size,
            )
            .unwrap();
            assert_eq!(splits.len(), fold.n_splits);
            let expected = Split {
                train: fold.train.0..fold.train.1 + 1,
                test: fold.test.0..fold.test.1 + 1,
            };
            assert_eq!(splits[fold.fold], expected, "{fold:?}");
        }
        // 0 is no limit there.
        assert_eq!(
            time_series_split(12, 3, None, 0, Some(0)).unwrap(),
            time_series_split(12, 3, None, 0, None).unwrap()
        );
    }

    /// What scikit-learn 1.x does: `n_splits < 2`, `n_splits + 1 > n` and `n - gap - test_size * n_splits <= 0` raise.
    #[test]
    fn refusals_are_those_of_scikit_learn() {
        let least = |n, k, size, gap| match time_series_split(n, k, size, gap, None) {
            Ok(splits) => {
                assert!(splits.iter().all(|s| !s.train.is_empty()
                    && !s.test.is_empty()
                    && s.train.end + gap == s.test.start));
                assert_eq!(splits.last().unwrap().test.end, n);
                None
            }
            Err(ForecastError::Range { least, given, .. }) => {
                assert!(given < least);
                Some(least as usize)
            }
            Err(other) => panic!("{other}"),
        };
        assert_eq!(least(10, 1, None, 0), Some(2));
        assert_eq!(least(3, 3, None, 0), Some(4));
        assert_eq!(least(10, 2, Some(0), 0), Some(1));
        assert_eq!(least(10, 3, Some(3), 1), Some(11));
        for n in 0..40 {
            for k in 2..7 {
                for gap in 0..9 {
                    for size in [None, Some(1), Some(2), Some(5)] {
                        let taken = size.unwrap_or(n / (k + 1)) * k;
                        let raises = k + 1 > n || n <= gap + taken;
                        let needed = least(n, k, size, gap);
                        assert_eq!(needed.is_some(), raises, "{n} {k} {gap} {size:?}");
                        // The number that is named is enough, and the least that is.
                        if let Some(needed) = needed {
                            assert_eq!(least(needed, k, size, gap), None, "{n} {k} {gap} {size:?}");
                            assert!((n..needed).all(|n| least(n, k, size, gap).is_some()));
                        }
                    }
                }
            }
        }
        for (n, k, size, gap) in [
            (usize::MAX, 2, None, 0),
            (10, usize::MAX, None, 0),
            (10, 2, Some(usize::MAX), 0),
            (10, 2, None, usize::MAX),
            (10, 1_000_000, Some(1_000_000_000_000), 1_000_000_000_000),
        ] {
            assert!(time_series_split(n, k, size, gap, None).is_err());
        }
    }

    #[test]
    fn origins_end_with_the_last_value() {
        let folds = |n, folds, step, gap, window| {
            rolling_origins(n, 7, folds, step, gap, window, 20).unwrap()
        };
        assert_eq!(
            folds(100, 2, None, 0, Window::Expanding),
            [
                Split {
                    train: 0..86,
                    test: 86..93
                },
                Split {
                    train: 0..93,
                    test: 93..100
                }
            ]
        );
        assert_eq!(
            folds(100, 2, Some(1), 3, Window::Sliding(50)),
            [
                Split {
                    train: 39..89,
                    test: 92..99
                },
                Split {
                    train: 40..90,
                    test: 93..100
                }
            ]
        );
        // A step longer than the horizon leaves values that are not tested.
        let apart = folds(100, 3, Some(20), 0, Window::Expanding);
        let tests: Vec<usize> = apart.iter().map(|s| s.test.start).collect();
        assert_eq!(tests, [53, 73, 93]);
        // Fewer where the past is too short, at least one, none below that.
        assert_eq!(folds(41, 9, None, 0, Window::Expanding).len(), 3);
        assert_eq!(folds(40, 9, None, 0, Window::Expanding).len(), 2);
        assert_eq!(folds(27, 9, None, 0, Window::Sliding(500))[0].train, 0..20);
        let none = rolling_origins(26, 7, 9, None, 0, Window::Expanding, 20);
        assert!(matches!(
            none,
            Err(ForecastError::TooShort {
                needed: 27,
                found: 26,
                ..
            })
        ));
        assert!(rolling_origins(100, 7, 9, None, 0, Window::Sliding(19), 20).is_err());
    }

    #[test]
    fn origins_of_nothing_are_refused() {
        for (horizon, folds, step, gap, window) in [
            (0, 1, None, 0, Window::Expanding),
            (1, 0, None, 0, Window::Expanding),
            (1, 1, Some(0), 0, Window::Expanding),
            (1, 1, None, 0, Window::Sliding(0)),
            (1, 1, None, usize::MAX, Window::Expanding),
            (usize::MAX, 1, None, 0, Window::Expanding),
        ] {
            assert!(rolling_origins(10, horizon, folds, step, gap, window, 1).is_err());
        }
        assert!(rolling_origins(0, 1, 1, None, 0, Window::Expanding, 0).is_err());
        let huge = rolling_origins(10, 1, usize::MAX, Some(usize::MAX), 0, Window::Expanding, 0);
        assert!(huge.is_err());
        assert_eq!(
            rolling_origins(10, 1, 1_000_000, None, 0, Window::Expanding, 0)
                .unwrap()
                .len(),
            9
        );
    }
}
