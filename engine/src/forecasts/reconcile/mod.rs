//! Forecasts that add up: of totals and of the series that they are totals of.

mod nonnegative;
mod weights;

use serde::{Deserialize, Serialize};

use super::ForecastError;
use super::observed::LARGEST;
use crate::control::{Charge, Control};
use weights::Weights;

/// The most totals: a matrix of their size is factored.
const MOST_TOTALS: usize = 500;
const PHASE: &str = "reconciling forecasts";

/// Which series are totals of which. Rows of forecasts and residuals are in this order: the totals, then the bottom series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Structure {
    totals: Vec<Vec<usize>>,
    bottoms: usize,
}

impl Structure {
    /// Totals, each of the bottom series with these numbers (from 0).
    ///
    /// # Errors
    /// [`ForecastError::Range`] for a number that is not that of a bottom series, [`ForecastError::Shape`] for a total of none or of one
    /// twice, or without bottom series. There may be up to 500 totals.
    pub fn new(totals: Vec<Vec<usize>>, bottoms: usize) -> Result<Structure, ForecastError> {
        let wrong = |what, found, wanted| {
            Err(ForecastError::Shape {
                what,
                found,
                wanted,
            })
        };
        if bottoms == 0 {
            return wrong("bottom series", 0, 1);
        }
        if totals.len() > MOST_TOTALS {
            return Err(ForecastError::Range {
                what: "totals",
                least: 0.0,
                most: MOST_TOTALS as f64,
                given: totals.len() as f64,
            });
        }
        for total in &totals {
            let mut parts = total.clone();
            parts.sort_unstable();
            parts.dedup();
            if parts.is_empty() || parts.len() != total.len() {
                return wrong("series of a total", parts.len(), total.len().max(1));
            }
            if let Some(last) = parts.last().filter(|last| **last >= bottoms) {
                return Err(ForecastError::Range {
                    what: "series of a total",
                    least: 0.0,
                    most: (bottoms - 1) as f64,
                    given: *last as f64,
                });
            }
        }
        Ok(Structure { totals, bottoms })
    }

    /// One total of all bottom series.
    ///
    /// # Errors
    /// [`ForecastError::Shape`] without bottom series.
    pub fn total_of(bottoms: usize) -> Result<Structure, ForecastError> {
        Structure::new(vec![(0..bottoms).collect()], bottoms)
    }

    /// Series, totals included.
    #[must_use]
    pub fn series(&self) -> usize {
        self.totals.len() + self.bottoms
    }

    /// Fills in the totals of what the bottom rows hold.
    fn add_up(&self, column: &mut [f64]) {
        let (totals, bottoms) = column.split_at_mut(self.totals.len());
        for (value, parts) in totals.iter_mut().zip(&self.totals) {
            *value = parts.iter().filter_map(|p| bottoms.get(*p)).sum();
        }
    }

    /// By how much each total differs from the sum of its series.
    fn discrepancies(&self, column: &[f64]) -> Vec<f64> {
        let mut sums = column.to_vec();
        self.add_up(&mut sums);
        let totals = column.iter().zip(sums).take(self.totals.len());
        totals.map(|(value, sum)| value - sum).collect()
    }
}

/// How forecasts are made to add up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reconciliation {
    /// Totals are the sums of the bottom forecasts; what was forecast for totals is not used.
    BottomUp,
    /// The least change of all forecasts (ordinary least squares).
    Ols,
    /// The least change over the variance of the residuals of each series (weighted least squares).
    Wls,
    /// Minimum trace with the shrunk covariance of the residuals.
    Mint,
}

impl Reconciliation {
    const NAMES: [(&'static str, Reconciliation); 5] = [
        ("bottom_up", Reconciliation::BottomUp),
        ("ols", Reconciliation::Ols),
        ("wls", Reconciliation::Wls),
        ("mint", Reconciliation::Mint),
        ("mint_shrink", Reconciliation::Mint),
    ];

    /// The method of a name: `bottom_up`, `ols`, `wls` or `mint`, which is `mint_shrink` too.
    ///
    /// # Errors
    /// [`ForecastError::Unknown`].
    pub fn parse(name: &str) -> Result<Reconciliation, ForecastError> {
        let found = Self::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, method)| *method).ok_or_else(|| {
            let known = Self::NAMES.map(|(known, _)| known);
            ForecastError::unknown("reconciliation", name, &known)
        })
    }
}

/// What is reconciled.
#[derive(Debug, Clone, Copy)]
pub struct Reconcile<'a> {
    /// Which series are totals of which.
    pub structure: &'a Structure,
    /// The method.
    pub method: Reconciliation,
    /// No value may be below 0: see [`reconcile`].
    pub non_negative: bool,
}

/// Forecasts that add up.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconciled {
    /// By series and step.
    pub forecasts: Vec<Vec<f64>>,
    /// By series: the root mean square of the residuals, once they are made to add up in the same way, over what it was. What the width of
    /// intervals is multiplied by. 1 where it cannot be told.
    pub spread: Vec<f64>,
}

/// Times with residuals of all series that a spread takes at least.
const LEAST_TIMES: usize = 10;

/// Makes forecasts (`base`, by series and step) add up, to rounding. `residuals` are the errors of each series one step ahead at the times that it was
/// fitted to, the same times for all (NaN: missing); for bottom-up and OLS they only tell the spread and may be empty.
///
/// All methods but bottom-up find the forecasts nearest to the given ones among those that add up; what is near is told by
/// a covariance matrix W of the errors: y - W C' (C W C')^-1 C y, where C y are the differences between totals and sums (Wickramasuriya,
/// Athanasopoulos and Hyndman, JASA 114, 2019, in the form of the projection). MinT shrinks the correlations of the residuals to 0
/// by the share of Schaefer and Strimmer (Statistical Applications in Genetics and Molecular Biology 4, 2005). A series whose residuals are all
/// 0 is left as it is, unless nothing else could be changed.
///
/// With `non_negative`, bottom series that would be below 0 are set to 0 and the rest is reconciled once more by the variances, until
/// none is (as Di Fonzo and Girolimetto, International Journal of Forecasting 39, 2023, whose method sets them to 0 and adds up).
///
/// # Errors
/// [`ForecastError::Shape`] when rows are missing or differ in length, [`ForecastError::Infinite`] for a value that is no
/// number or over 1e15, [`ForecastError::Stopped`].
pub fn reconcile(
    request: &Reconcile<'_>,
    base: &[Vec<f64>],
    residuals: &[Vec<f64>],
    control: &dyn Control,
) -> Result<Reconciled, ForecastError> {
    let structure = request.structure;
    let horizon = checked(structure, "forecasts", base)?;
    let needs_residuals = matches!(request.method, Reconciliation::Wls | Reconciliation::Mint);
    let times = if residuals.is_empty() && !needs_residuals {
        0
    } else {
        checked(structure, "residuals", residuals)?
    };
    if base
        .iter()
        .flatten()
        .any(|v| v.is_nan() || v.abs() > LARGEST)
        || residuals.iter().flatten().any(|v| v.abs() > LARGEST)
    {
        return Err(ForecastError::Infinite);
    }
    let cells = structure.series().saturating_mul(horizon.saturating_add(1));
    let _charge = Charge::new(cells as u64 * 16, PHASE, control)?;
    let weights = match request.method {
        Reconciliation::BottomUp => None,
        Reconciliation::Ols => Some(Weights::equal(structure, control)?),
        Reconciliation::Wls => Some(Weights::variances(structure, residuals, control)?),
        Reconciliation::Mint => Some(Weights::shrunk(structure, residuals, control)?),
    };
    let projection = |column: &mut [f64]| {
        if let Some(weights) = &weights {
            weights.project(structure, column);
        }
        structure.add_up(column);
    };
    let mut forecasts = vec![vec![0.0; horizon]; structure.series()];
    for step in 0..horizon {
        control.check()?;
        let mut column = column_of(base, step);
        projection(&mut column);
        if request.non_negative {
            let variances = weights.as_ref().map_or(&[][..], Weights::by_series);
            nonnegative::lift(structure, variances, &mut column, control)?;
        }
        for (row, value) in forecasts.iter_mut().zip(column) {
            if let Some(cell) = row.get_mut(step) {
                *cell = value;
            }
        }
    }
    let spread = spread(structure, residuals, times, projection, control)?;
    Ok(Reconciled { forecasts, spread })
}

/// The length of the rows, which are as many as there are series and all as long.
fn checked(
    structure: &Structure,
    what: &'static str,
    rows: &[Vec<f64>],
) -> Result<usize, ForecastError> {
    let shape = |found, wanted| ForecastError::Shape {
        what,
        found,
        wanted,
    };
    if rows.len() != structure.series() {
        return Err(shape(rows.len(), structure.series()));
    }
    let length = rows.first().map_or(0, Vec::len);
    match rows.iter().find(|row| row.len() != length) {
        Some(odd) => Err(shape(odd.len(), length)),
        None => Ok(length),
    }
}

fn column_of(rows: &[Vec<f64>], at: usize) -> Vec<f64> {
    rows.iter()
        .map(|row| row.get(at).copied().unwrap_or(f64::NAN))
        .collect()
}

fn spread(
    structure: &Structure,
    residuals: &[Vec<f64>],
    times: usize,
    projection: impl Fn(&mut [f64]),
    control: &dyn Control,
) -> Result<Vec<f64>, ForecastError> {
    let mut sums = vec![(0.0, 0.0); structure.series()];
    let mut complete = 0;
    for time in 0..times {
        control.check()?;
        let before = column_of(residuals, time);
        if before.iter().any(|v| v.is_nan()) {
            continue;
        }
        complete += 1;
        let mut after = before.clone();
        projection(&mut after);
        for (sum, (before, after)) in sums.iter_mut().zip(before.iter().zip(after)) {
            *sum = (sum.0 + before * before, sum.1 + after * after);
        }
    }
    let ratio = |(before, after): &(f64, f64)| {
        if complete >= LEAST_TIMES && *before > 0.0 {
            (after / before).sqrt()
        } else {
            1.0
        }
    };
    Ok(sums.iter().map(ratio).collect())
}

#[cfg(test)]
mod tests;
