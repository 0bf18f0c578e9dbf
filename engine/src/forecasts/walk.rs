//! Walking forward: forecasts from several origins in the past, each made from what was known there.

use super::ForecastError;
use super::forecaster::Forecaster;
use super::observed::Observed;
use super::recipe::Recipe;
use super::timeline::TimelineOptions;
use crate::control::Control;

/// A forecast step and what came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Steps after the origin, from 1, on the grid.
    pub ahead: usize,
    /// The step of the model, from 0; `None` where the day was expected to be closed.
    pub step: Option<usize>,
    /// What came.
    pub actual: f64,
    /// What was forecast.
    pub forecast: f64,
    /// Within what.
    pub bounds: Option<(f64, f64)>,
}

/// The forecasts from one origin.
#[derive(Debug, Clone)]
pub struct Run {
    /// Steps of the grid that were known.
    pub cutoff: usize,
    /// The steps that count: all but closed days that were expected to be closed, and missing values.
    pub outcomes: Vec<Outcome>,
    /// The steps of the model that were known, for the scale of errors.
    pub known: Vec<f64>,
    /// The season of the model.
    pub season: usize,
}

/// What is asked of a walk.
#[derive(Debug, Clone, Copy)]
pub struct Walk<'a> {
    /// The series.
    pub observed: &'a Observed,
    /// How steps are chosen, at each origin anew.
    pub options: TimelineOptions,
    /// How many steps of the grid are known at each origin, ascending.
    pub cutoffs: &'a [usize],
    /// Steps of the grid to forecast from each.
    pub horizon: usize,
    /// Steps of the grid between the last known one and the first that counts.
    pub gap: usize,
    /// The most steps that a method is fitted to, the newest; all of them without.
    pub window: Option<usize>,
    /// What intervals are to cover.
    pub level: f64,
    /// Whether the method is fitted at each origin; otherwise it is fitted at the first and takes in what came after.
    pub refit: bool,
    /// What random draws come from.
    pub seed: i64,
}

impl Walk<'_> {
    /// Forecasts from each origin.
    ///
    /// # Errors
    /// What fitting and forecasting give at any of them.
    pub fn run(&self, recipe: &Recipe, control: &dyn Control) -> Result<Vec<Run>, ForecastError> {
        let mut runs = Vec::with_capacity(self.cutoffs.len());
        let mut standing: Option<(Forecaster, usize)> = None;
        for cutoff in self.cutoffs.iter().copied() {
            control.check()?;
            let forecaster = match standing.take() {
                Some((mut forecaster, seen)) if !self.refit => {
                    forecaster.append(&self.between(seen, cutoff)?, control)?;
                    forecaster
                }
                _ => self.fit(cutoff, recipe, control)?,
            };
            runs.push(self.look(&forecaster, cutoff, control)?);
            standing = Some((forecaster, cutoff));
        }
        Ok(runs)
    }

    /// Fits by what was known at an origin.
    pub(super) fn fit(
        &self,
        cutoff: usize,
        recipe: &Recipe,
        control: &dyn Control,
    ) -> Result<Forecaster, ForecastError> {
        Forecaster::fit(
            &self.known(cutoff),
            recipe,
            self.options,
            self.seed,
            control,
        )
    }

    /// What a method is fitted to at an origin.
    pub(super) fn known(&self, cutoff: usize) -> Observed {
        let known = self.observed.before(cutoff);
        match self.window.and_then(|window| cutoff.checked_sub(window)) {
            Some(from) if from > 0 => known.after(from),
            _ => known,
        }
    }

    /// The steps from `from` to `to`.
    fn between(&self, from: usize, to: usize) -> Result<Observed, ForecastError> {
        let between = self.observed.before(to).after(from);
        if between.is_empty() {
            return Err(ForecastError::Empty);
        }
        Ok(between)
    }

    /// Forecasts, and then looks at what came.
    pub(super) fn look(
        &self,
        forecaster: &Forecaster,
        cutoff: usize,
        control: &dyn Control,
    ) -> Result<Run, ForecastError> {
        // Regressors are known in advance, values are not: they are not handed over.
        let known = self.known(cutoff);
        let ahead = self.gap.saturating_add(self.horizon);
        let points = forecaster.forecast(&known, ahead, self.level, control)?;
        let steps = forecaster.timeline.steps(&known, 0)?;
        let mut outcomes = Vec::with_capacity(self.horizon);
        for (at, point) in points.iter().enumerate().skip(self.gap) {
            let Some(value) = self.observed.values.get(cutoff + at).copied() else {
                break;
            };
            let was_open = self.observed.open.get(cutoff + at).copied();
            let actual = match was_open {
                Some(false) => 0.0,
                _ => value,
            };
            let closed_as_expected =
                point.step.is_none() && (was_open == Some(false) || actual == 0.0);
            if actual.is_nan() || closed_as_expected {
                continue;
            }
            outcomes.push(Outcome {
                ahead: at + 1 - self.gap,
                step: point.step,
                actual,
                forecast: point.forecast,
                bounds: point.bounds,
            });
        }
        Ok(Run {
            cutoff,
            outcomes,
            season: forecaster.timeline.season,
            known: steps.y,
        })
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
