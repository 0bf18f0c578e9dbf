//! A churn model: what is stored, what predicts, what explains.

use std::collections::HashMap;

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

use super::FitError;
use super::calibration::Calibration;
use super::frame::{Column, Feature, FrameDigest};
use super::learner::{Learner, Scale};
use crate::control::Control;

/// A trained model of churn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChurnModel {
    /// The algorithm's name in SQL.
    pub algorithm: String,
    /// Churned means: no merchandise sale in so many days.
    pub horizon_days: i32,
    /// What it reads, in the order of the values of a row.
    pub features: Vec<Feature>,
    /// What it makes of them.
    pub columns: Vec<Column>,
    /// From columns to a score.
    pub learner: Learner,
    /// From a score to a probability.
    pub calibration: Calibration,
    /// From this probability on a customer counts as churned.
    pub threshold: f64,
    /// What it was trained on.
    pub frames: Vec<FrameDigest>,
    /// What it was evaluated on.
    pub holdout: FrameDigest,
}

/// What a sum of contributions is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// The log-odds of the predicted probability.
    LogOdds,
    /// The predicted probability.
    Probability,
    /// The score before a calibration that is not linear.
    Score,
}

/// Why a customer's prediction is what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What the contributions add up to, with the base.
    pub unit: Unit,
    /// What the average customer has.
    pub base: f64,
    /// For each feature what it adds.
    pub contributions: Vec<f64>,
}

/// From one value of each feature to columns.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// For each number: its column.
    numbers: Vec<Option<usize>>,
    /// For each text: the columns of its levels.
    levels: Vec<HashMap<String, usize>>,
    width: usize,
}

impl Encoder {
    /// One row's columns, from its numbers and texts in the order of the features.
    pub fn encode(&self, numbers: &[f64], texts: &[Option<&str>], row: &mut Vec<f64>) {
        let start = row.len();
        row.resize(start + self.width, 0.0);
        let mut put = |column: usize, value: f64| {
            if let Some(cell) = row.get_mut(start + column) {
                *cell = value;
            }
        };
        for (at, column) in self.numbers.iter().enumerate() {
            let value = numbers.get(at).copied().unwrap_or(f64::NAN);
            if let Some(column) = column {
                put(
                    *column,
                    if value.is_finite() {
                        value + 0.0
                    } else {
                        f64::NAN
                    },
                );
            }
        }
        for (at, levels) in self.levels.iter().enumerate() {
            let level = texts.get(at).copied().flatten().and_then(|t| levels.get(t));
            if let Some(column) = level {
                put(*column, 1.0);
            }
        }
    }

    /// Columns of a row.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }
}

impl ChurnModel {
    /// Verifies a model that was read from bytes, so that nothing later can go wrong with it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.features.is_empty() || self.columns.is_empty() {
            return Err("it has no features");
        }
        let fits = |c: &Column| match (self.features.get(c.feature as usize), &c.level) {
            (Some(Feature::Number(_)), level) => level.is_none(),
            (Some(Feature::Text(_)), level) => level.is_some(),
            (None, _) => false,
        };
        if !self.columns.iter().all(fits) {
            return Err("a column belongs to no feature");
        }
        if !(0.0..=1.0).contains(&self.threshold) {
            return Err("its threshold is no probability");
        }
        if self.horizon_days < 1 {
            return Err("its horizon is no number of days");
        }
        let digests = self.frames.iter().chain([&self.holdout]);
        if digests
            .into_iter()
            .any(|d| d.features.len() != self.features.len())
        {
            return Err("its frames have other features");
        }
        self.calibration.check()?;
        self.learner.check(self.columns.len())
    }

    /// What turns values into columns.
    #[must_use]
    pub fn encoder(&self) -> Encoder {
        let mut encoder = Encoder {
            numbers: Vec::new(),
            levels: Vec::new(),
            width: self.columns.len(),
        };
        for (at, feature) in (0u32..).zip(&self.features) {
            let mut own = self
                .columns
                .iter()
                .enumerate()
                .filter(|(_, c)| c.feature == at);
            match feature {
                Feature::Number(_) => encoder.numbers.push(own.next().map(|(i, _)| i)),
                Feature::Text(_) => encoder.levels.push(
                    own.filter_map(|(i, c)| Some((c.level.clone()?, i)))
                        .collect(),
                ),
            }
        }
        encoder
    }

    /// The probability that a score stands for.
    #[must_use]
    pub fn probability(&self, score: f64) -> f64 {
        match &self.calibration {
            Calibration::None => self.learner.scale().probability(score),
            fitted => fitted.apply(score),
        }
    }

    /// The probability of churn of each row of the matrix (rows x columns).
    ///
    /// # Errors
    /// [`FitError::Stopped`].
    pub fn probabilities(
        &self,
        x: ArrayView2<'_, f64>,
        control: &dyn Control,
    ) -> Result<Vec<f64>, FitError> {
        let mut scores = self.learner.score(x, control)?;
        for score in &mut scores {
            *score = self.probability(*score);
        }
        Ok(scores)
    }

    /// The probability of churn of one row of columns, to the same bits.
    #[must_use]
    pub fn probability_of_row(&self, row: &[f64]) -> f64 {
        self.probability(self.learner.score_row(row))
    }

    /// Why a row's probability is what it is: exact linear contributions or exact TreeSHAP (Lundberg, Erion, Lee 2018), those
    /// of a text's columns summed.
    ///
    /// A logistic calibration is linear in the score, so contributions go through it and add up to the log-odds of the
    /// probability. They do not go through other curves; there they add up to the score before the calibration.
    #[must_use]
    pub fn explain(&self, row: &[f64]) -> Explanation {
        let (base, by_column) = self.learner.contributions(row);
        let (unit, factor, offset) = match (&self.calibration, self.learner.scale()) {
            (Calibration::Platt { a, b }, _) => (Unit::LogOdds, *a, *b),
            (Calibration::Isotonic { .. }, _) => (Unit::Score, 1.0, 0.0),
            (Calibration::None, Scale::Probability) => (Unit::Probability, 1.0, 0.0),
            (Calibration::None, _) => (Unit::LogOdds, 1.0, 0.0),
        };
        let mut contributions = vec![0.0; self.features.len()];
        for (column, added) in self.columns.iter().zip(by_column) {
            if let Some(sum) = contributions.get_mut(column.feature as usize) {
                *sum += added * factor;
            }
        }
        Explanation {
            unit,
            base: base * factor + offset,
            contributions,
        }
    }

    /// The columns as people read them: `recency_days`, `country = France`.
    #[must_use]
    pub fn column_names(&self) -> Vec<String> {
        column_names(&self.features, &self.columns)
    }
}

/// See [`ChurnModel::column_names`].
#[must_use]
pub fn column_names(features: &[Feature], columns: &[Column]) -> Vec<String> {
    columns
        .iter()
        .map(|c| {
            let name = features.get(c.feature as usize).map_or("", Feature::name);
            match &c.level {
                Some(level) => format!("{name} = {level}"),
                None => name.to_owned(),
            }
        })
        .collect()
}
