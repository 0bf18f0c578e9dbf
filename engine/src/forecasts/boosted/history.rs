//! The last steps of a series, as far back as features look.

use serde::{Deserialize, Serialize};

use super::layout::{DAY, Layout, YEAR};
use crate::forecasts::{Ahead, ForecastError, Input, MOST_STEPS};

/// The largest value of a series.
pub(super) const LARGEST: f64 = 1e15;

/// What is kept of a series.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct History {
    /// The values of the last steps; NaN where one is missing.
    pub(super) y: Vec<f64>,
    /// The moment of each step, where steps have one.
    pub(super) stamps: Vec<i64>,
    /// The regressors.
    pub(super) regressors: Vec<Vec<f64>>,
    /// How many steps before these have a value, and the sum of the sizes of their values.
    pub(super) known: (u64, f64),
    /// The last of these values.
    pub(super) last: Option<f64>,
}

impl History {
    pub(super) fn new(input: &Input<'_>) -> Result<History, ForecastError> {
        let mut history = History {
            regressors: vec![Vec::new(); input.regressors.len()],
            ..History::default()
        };
        history.extend(input, !input.stamps.is_empty())?;
        Ok(history)
    }

    /// Adds steps with their values.
    pub(super) fn extend(&mut self, newer: &Input<'_>, dated: bool) -> Result<(), ForecastError> {
        let steps = newer.y.len();
        if newer.y.iter().any(|v| v.abs() > LARGEST) {
            return Err(ForecastError::Infinite);
        }
        self.extend_known(steps, newer.stamps, newer.regressors, dated)?;
        self.y.extend_from_slice(newer.y);
        Ok(())
    }

    /// The series with what is known of the steps ahead.
    pub(super) fn with_ahead(
        &self,
        ahead: &Ahead<'_>,
        dated: bool,
    ) -> Result<History, ForecastError> {
        let mut series = self.clone();
        series.extend_known(ahead.horizon, ahead.stamps, ahead.regressors, dated)?;
        Ok(series)
    }

    fn extend_known(
        &mut self,
        steps: usize,
        stamps: &[i64],
        regressors: &[Vec<f64>],
        dated: bool,
    ) -> Result<(), ForecastError> {
        let shape = |what, found, wanted| ForecastError::Shape {
            what,
            found,
            wanted,
        };
        let dates = if dated { steps } else { 0 };
        if dated && stamps.len() != dates {
            return Err(shape("dates", stamps.len(), dates));
        }
        let previous = self.stamps.last().into_iter().chain(stamps);
        if dated && !previous.is_sorted_by(|a, b| a < b) {
            return Err(shape("dates after the last one", 0, dates));
        }
        if regressors.len() != self.regressors.len() {
            return Err(shape("regressors", regressors.len(), self.regressors.len()));
        }
        if let Some(column) = regressors.iter().find(|c| c.len() != steps) {
            return Err(shape("a regressor", column.len(), steps));
        }
        self.stamps.extend(stamps.iter().take(dates));
        for (column, newer) in self.regressors.iter_mut().zip(regressors) {
            column.extend_from_slice(newer);
        }
        Ok(())
    }

    /// Forgets what no feature looks at.
    pub(super) fn trim(&mut self, layout: &Layout) {
        let steps = self.y.len();
        let mut first = steps.saturating_sub(layout.reach());
        if layout.looks_back_a_year() {
            let level = steps.saturating_sub(layout.level);
            let oldest = self.stamps.get(level).map_or(i64::MIN, |stamp| {
                stamp.saturating_sub(YEAR).saturating_sub(30 * DAY)
            });
            first = first.min(self.stamps.partition_point(|stamp| *stamp < oldest));
        }
        for value in self.y.drain(..first) {
            if !value.is_nan() {
                self.known.0 += 1;
                self.known.1 += value.abs();
                self.last = Some(value);
            }
        }
        self.stamps.drain(..first.min(self.stamps.len()));
        for column in &mut self.regressors {
            column.drain(..first);
        }
    }

    pub(super) fn check(&self, layout: &Layout) -> Result<(), &'static str> {
        let steps = self.y.len();
        let dates = if layout.pace.is_some() { steps } else { 0 };
        if steps > MOST_STEPS || self.stamps.len() != dates {
            return Err("the kept series has not a date for each step");
        }
        if !self.stamps.is_sorted_by(|a, b| a < b) {
            return Err("the dates of the kept series are out of order");
        }
        if self.regressors.len() != layout.regressors
            || self.regressors.iter().any(|c| c.len() != steps)
        {
            return Err("the kept series has not a regressor for each step");
        }
        let given = self.regressors.iter().flatten().chain(self.last.iter());
        let in_range = |v: &f64| v.abs() <= LARGEST;
        if !self.y.iter().all(|v| v.is_nan() || in_range(v))
            || !given.copied().all(|v| in_range(&v))
        {
            return Err("a value of the kept series is out of range");
        }
        if !(self.known.1 >= 0.0 && self.known.1.is_finite()) {
            return Err("the sum of what is not kept is out of range");
        }
        Ok(())
    }
}
