//! A series as it was observed: on a grid of equal steps, with what is known of coming ones.

use super::ForecastError;
use super::frequency::Frequency;
use crate::control::{Control, reserve};

/// The most steps that a series may have.
pub const MOST_STEPS: usize = 200_000;
/// The largest value, of either sign.
pub const LARGEST: f64 = 1e15;

const PHASE: &str = "reading series";

/// A series on its grid.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The distance between steps.
    pub frequency: Frequency,
    /// The moment of the first step, in microseconds since 1970.
    pub first: i64,
    /// A value for each step; NaN where there is none.
    pub values: Vec<f64>,
    /// Whether the shop was open, for each step; empty where nobody knows.
    pub open: Vec<bool>,
    /// Names of the regressors.
    pub names: Vec<String>,
    /// The regressors: for each name a value for each step, and for coming steps as far as they are known.
    pub regressors: Vec<Vec<f64>>,
    /// Days (since 1970) that are holidays, ascending, past and coming ones.
    pub holidays: Vec<i32>,
    /// What was done to the data, as sentences.
    pub notes: Vec<String>,
}

impl Observed {
    /// A series without regressors and holidays.
    #[must_use]
    pub fn new(frequency: Frequency, first: i64, values: Vec<f64>) -> Observed {
        Observed {
            frequency,
            first,
            values,
            open: Vec::new(),
            names: Vec::new(),
            regressors: Vec::new(),
            holidays: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Puts moments and their values on a grid, in any order. The frequency is found where it is not given. Values of one step are
    /// added up; steps without any have none. Of each row the values after the first are regressors, named by `names`; a row whose
    /// own value is NaN tells regressors only, and coming steps are such rows after the last one with a value.
    ///
    /// # Errors
    /// [`ForecastError::Empty`], [`ForecastError::Infinite`], [`ForecastError::Range`] for too many steps,
    /// [`ForecastError::Regressor`] for one that is missing where there is a value.
    pub fn on_grid(
        mut rows: Vec<(i64, Vec<f64>)>,
        names: &[String],
        frequency: Option<Frequency>,
        control: &dyn Control,
    ) -> Result<Observed, ForecastError> {
        control.check()?;
        rows.sort_by_key(|row| row.0);
        let mut stamps: Vec<i64> = Vec::new();
        reserve(&mut stamps, rows.len(), PHASE)?;
        stamps.extend(rows.iter().map(|row| row.0));
        stamps.dedup();
        let frequency = frequency.unwrap_or_else(|| Frequency::detect(&stamps));
        let value = |row: &(i64, Vec<f64>)| row.1.first().copied().unwrap_or(f64::NAN);
        let mut known = rows.iter().filter(|row| !value(row).is_nan());
        let first = known.next().ok_or(ForecastError::Empty)?.0;
        let last = known.next_back().map_or(first, |row| row.0);
        let steps = |stamp| {
            let place = frequency.steps_between(first, stamp)?;
            (place.0 < MOST_STEPS).then_some(place)
        };
        let (Some((end, _)), Some((horizon, _))) =
            (steps(last), stamps.last().and_then(|s| steps(*s)))
        else {
            return Err(ForecastError::Range {
                what: "steps from the first to the last value",
                least: 1.0,
                most: MOST_STEPS as f64,
                given: (last as f64 - first as f64) / frequency.after(0, 1).unwrap_or(1) as f64,
            });
        };
        let bytes = (end + 1 + names.len() * (horizon + 1)) * size_of::<f64>();
        control.budget(PHASE, bytes as u64)?;
        let mut values = vec![f64::NAN; end + 1];
        let mut regressors = vec![vec![f64::NAN; horizon + 1]; names.len()];
        let (mut together, mut moved) = (0u64, 0u64);
        for row in &rows {
            // What was before the first value is of no use.
            let Some((step, exact)) = steps(row.0) else {
                continue;
            };
            for (column, value) in regressors.iter_mut().zip(row.1.iter().skip(1)) {
                if let Some(cell) = column.get_mut(step)
                    && !value.is_nan()
                {
                    *cell = *value;
                }
            }
            let value = value(row);
            if value.is_nan() {
                continue;
            }
            moved += u64::from(!exact);
            if let Some(cell) = values.get_mut(step) {
                together += u64::from(!cell.is_nan());
                *cell = if cell.is_nan() { value } else { *cell + value };
            }
        }
        let mut observed = Observed::new(frequency, first, values);
        if together > 0 {
            observed.notes.push(format!(
                "{together} values of steps that have one were added to it"
            ));
        }
        if moved > 0 {
            observed.notes.push(format!(
                "{moved} values between steps of a {} belong to the step before them",
                frequency.name()
            ));
        }
        observed.names = names.to_vec();
        observed.regressors = regressors;
        observed.check()?;
        Ok(observed)
    }

    /// Verifies the values.
    ///
    /// # Errors
    /// [`ForecastError::Infinite`], [`ForecastError::Empty`], [`ForecastError::Regressor`].
    pub fn check(&self) -> Result<(), ForecastError> {
        if self.values.iter().all(|v| v.is_nan()) {
            return Err(ForecastError::Empty);
        }
        let too_large = |v: &f64| v.abs() > LARGEST;
        if self.values.iter().any(too_large) {
            return Err(ForecastError::Infinite);
        }
        for (name, column) in self.names.iter().zip(&self.regressors) {
            let wrong = |problem| ForecastError::Regressor {
                name: name.clone(),
                problem,
            };
            if column.iter().any(too_large) {
                return Err(wrong("a value is infinite or larger than 1e15"));
            }
            let missing = self
                .values
                .iter()
                .zip(column)
                .any(|(v, r)| !v.is_nan() && r.is_nan());
            if missing || column.len() < self.values.len() {
                return Err(wrong("has no value where the series has one"));
            }
        }
        Ok(())
    }

    /// Steps that were observed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// True when there is no step.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The moment of a step, observed or coming.
    #[must_use]
    pub fn stamp(&self, step: usize) -> Option<i64> {
        self.frequency.after(self.first, step)
    }

    /// What was known before step `end`: its values, and of regressors and holidays those of coming steps too.
    #[must_use]
    pub fn before(&self, end: usize) -> Observed {
        Observed {
            values: self.values.iter().take(end).copied().collect(),
            open: self.open.iter().take(end).copied().collect(),
            notes: Vec::new(),
            ..self.clone()
        }
    }
}

impl Observed {
    /// The series without its first `from` steps.
    #[must_use]
    pub fn after(mut self, from: usize) -> Observed {
        fn without<T>(values: &mut Vec<T>, from: usize) {
            values.drain(..from.min(values.len()));
        }
        self.first = self.stamp(from).unwrap_or(self.first);
        without(&mut self.values, from);
        without(&mut self.open, from);
        for column in &mut self.regressors {
            without(column, from);
        }
        self
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::frequency::DAY;
    use super::*;
    use crate::control::Free;

    fn grid(rows: &[(i64, f64)]) -> Result<Observed, ForecastError> {
        let rows = rows.iter().map(|(d, v)| (d * DAY, vec![*v])).collect();
        Observed::on_grid(rows, &[], None, &Free)
    }

    #[test]
    fn rows_in_any_order_make_a_grid() {
        let series = grid(&[
            (5, 2.0),
            (3, 1.0),
            (4, f64::NAN),
            (5, 0.5),
            (8, 4.0),
            (9, f64::NAN),
        ])
        .unwrap();
        assert_eq!((series.first, series.len()), (3 * DAY, 6));
        assert_eq!(series.frequency, Frequency::DAY);
        assert_eq!(
            [series.values[0], series.values[2], series.values[5]],
            [1.0, 2.5, 4.0]
        );
        assert!(series.values[1].is_nan() && series.values[3].is_nan());
        assert_eq!(
            series.notes,
            ["1 values of steps that have one were added to it"]
        );
    }

    #[test]
    fn regressors_reach_beyond_the_values() {
        let names = ["price".to_owned()];
        let rows = vec![
            (0, vec![1.0, 9.0]),
            (DAY, vec![2.0, 8.0]),
            (2 * DAY, vec![f64::NAN, 7.0]),
        ];
        let series = Observed::on_grid(rows.clone(), &names, None, &Free).unwrap();
        assert_eq!(series.len(), 2);
        assert_eq!(series.regressors, [[9.0, 8.0, 7.0]]);
        let mut holed = rows;
        holed[1].1[1] = f64::NAN;
        let error = Observed::on_grid(holed, &names, None, &Free).unwrap_err();
        assert!(matches!(error, ForecastError::Regressor { .. }), "{error}");
    }

    #[test]
    fn what_cannot_be_a_series_is_refused() {
        assert!(matches!(grid(&[]), Err(ForecastError::Empty)));
        assert!(matches!(grid(&[(1, f64::NAN)]), Err(ForecastError::Empty)));
        assert!(matches!(
            grid(&[(1, f64::INFINITY), (2, 1.0)]),
            Err(ForecastError::Infinite)
        ));
        let far = Observed::on_grid(
            vec![(0, vec![1.0]), (1, vec![1.0]), (i64::MAX, vec![2.0])],
            &[],
            None,
            &Free,
        );
        assert!(matches!(far, Err(ForecastError::Range { .. })));
    }
}
