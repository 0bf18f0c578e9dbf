//! Year over year: the level of the last weeks, moved as the same weeks of the year before moved, with the weekday's share.
//!
//! What shops do by hand: "six weeks before Christmas we sold 1.4 times what we sold six weeks earlier". In logarithms: the mean of
//! the last [`LEVEL_DAYS`] without their weekdays, plus [`SHRINK`] of the growth of the year before (the mean of the days around the
//! same weekday of the year before, less the mean of the weeks that lie a year before the level), plus the weekday. A whole
//! number of weeks, 52, makes a year, so that weekdays meet. Where several years are known, their growths are averaged. The three
//! constants were chosen on the daily revenue of Online Retail II, where the errors hardly change around them (docs/decisions.md).

use serde::{Deserialize, Serialize};

use super::{Ahead, Fitted, ForecastError, Input, Path};
use crate::calendar::days;
use crate::control::Control;

/// Days of a year of whole weeks.
const YEAR: i32 = 364;
/// Days that make the level.
const LEVEL_DAYS: i32 = 42;
/// Days around a day of the past that tell its level.
const AROUND: i32 = 21;
/// Days that tell what a weekday is worth.
const WEEKDAY_DAYS: i32 = 182;
/// How much of the last years' growth is expected again.
const SHRINK: f64 = 0.75;
/// Years that are looked back at.
const YEARS: i32 = 3;
/// Fewer values make no mean.
const LEAST: usize = 3;

const NAME: &str = "year_over_year";

/// A fitted method: the days that it looks back at.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct YearOverYear {
    /// Days (since 1970) with a value, ascending.
    days: Vec<i32>,
    /// Their values' logarithms.
    logs: Vec<f64>,
    /// The last step, with or without a value.
    last: i32,
}

/// Fits to a series of days or weeks.
///
/// # Errors
/// [`ForecastError::Shape`] without stamps, [`ForecastError::NotPositive`] for a value that is not above 0,
/// [`ForecastError::TooShort`] for less than a year and the weeks that make the level.
pub fn fit(input: &Input<'_>, control: &dyn Control) -> Result<YearOverYear, ForecastError> {
    let mut fitted = YearOverYear {
        last: i32::MIN,
        ..YearOverYear::default()
    };
    fitted.append(input, control)?;
    let needed = YEAR + LEVEL_DAYS;
    let first = fitted.days.first().copied().unwrap_or(fitted.last);
    let span = fitted.last.saturating_sub(first).saturating_add(1);
    if span < needed || fitted.growth_at(fitted.last.saturating_add(1)).is_none() {
        return Err(ForecastError::TooShort {
            method: NAME,
            needed: needed.unsigned_abs() as usize,
            found: fitted.days.len(),
        });
    }
    Ok(fitted)
}

impl YearOverYear {
    /// What was fitted.
    #[must_use]
    pub fn label(&self) -> &'static str {
        NAME
    }

    /// The logarithms of the days from `from` to before `to`, with their weekdays.
    fn between(&self, from: i32, to: i32) -> impl Iterator<Item = (usize, f64)> + '_ {
        let start = self.days.partition_point(|d| *d < from);
        let known = self.days.iter().zip(&self.logs).skip(start);
        known
            .take_while(move |(day, _)| **day < to)
            .map(|(day, log)| (weekday(*day), *log))
    }

    /// What each weekday is worth, against the mean of all.
    fn weekdays(&self) -> [f64; 7] {
        let mut sums = [(0.0, 0usize); 7];
        let mut all = (0.0, 0usize);
        for (weekday, log) in self.between(self.last.saturating_sub(WEEKDAY_DAYS - 1), i32::MAX) {
            if let Some(sum) = sums.get_mut(weekday) {
                *sum = (sum.0 + log, sum.1 + 1);
            }
            all = (all.0 + log, all.1 + 1);
        }
        let mean = |(sum, n): (f64, usize)| (n >= LEAST).then(|| sum / n as f64);
        let level = mean(all).unwrap_or(0.0);
        sums.map(|sum| mean(sum).map_or(0.0, |m| m - level))
    }

    /// The mean from `from` to before `to`, without the weekdays.
    fn mean(&self, from: i32, to: i32, weekdays: &[f64; 7]) -> Option<f64> {
        let (mut sum, mut n) = (0.0, 0usize);
        for (weekday, log) in self.between(from, to) {
            sum += log - weekdays.get(weekday).copied().unwrap_or(0.0);
            n += 1;
        }
        (n >= LEAST).then(|| sum / n as f64)
    }

    fn growth(&self, day: i32, weekdays: &[f64; 7]) -> Option<f64> {
        let (mut sum, mut years) = (0.0, 0);
        let end = self.last.saturating_add(1);
        for year in 1..=YEARS {
            let (then, end) = (
                day.saturating_sub(YEAR * year),
                end.saturating_sub(YEAR * year),
            );
            // What is not past yet tells nothing.
            if then > self.last {
                continue;
            }
            let around = self.mean(
                then.saturating_sub(AROUND / 2),
                then.saturating_add(AROUND / 2 + 1),
                weekdays,
            );
            let before = self.mean(end.saturating_sub(LEVEL_DAYS), end, weekdays);
            if let (Some(around), Some(before)) = (around, before) {
                sum += around - before;
                years += 1;
            }
        }
        (years > 0).then(|| sum / f64::from(years))
    }

    fn growth_at(&self, day: i32) -> Option<f64> {
        self.growth(day, &self.weekdays())
    }
}

/// Monday is 0.
fn weekday(day: i32) -> usize {
    (i64::from(day) + 3).rem_euclid(7) as usize
}

impl Fitted for YearOverYear {
    fn forecast(&self, ahead: &Ahead<'_>, control: &dyn Control) -> Result<Path, ForecastError> {
        control.check()?;
        if ahead.stamps.len() != ahead.horizon {
            return Err(ForecastError::Shape {
                what: "stamps of coming steps",
                found: ahead.stamps.len(),
                wanted: ahead.horizon,
            });
        }
        let weekdays = self.weekdays();
        let end = self.last.saturating_add(1);
        // After a long break the newest values there are.
        let newest = self.days.last().map_or(end, |d| d.saturating_add(1));
        let level = self
            .mean(end.saturating_sub(LEVEL_DAYS), end, &weekdays)
            .or_else(|| self.mean(newest.saturating_sub(LEVEL_DAYS), newest, &weekdays))
            .or_else(|| self.mean(i32::MIN, i32::MAX, &weekdays))
            .unwrap_or(0.0);
        let mean = ahead.stamps.iter().map(|stamp| {
            let day = days(*stamp);
            let growth = self.growth(day, &weekdays).unwrap_or(0.0);
            let weekday = weekdays.get(weekday(day)).copied().unwrap_or(0.0);
            (level + SHRINK * growth + weekday).exp()
        });
        Ok(Path::of(mean.collect()))
    }

    fn append(&mut self, newer: &Input<'_>, control: &dyn Control) -> Result<(), ForecastError> {
        control.check()?;
        if newer.stamps.len() != newer.y.len() {
            return Err(ForecastError::Shape {
                what: "stamps",
                found: newer.stamps.len(),
                wanted: newer.y.len(),
            });
        }
        for (stamp, value) in newer.stamps.iter().zip(newer.y) {
            self.last = self.last.max(days(*stamp));
            if value.is_nan() {
                continue;
            }
            if *value <= 0.0 {
                return Err(ForecastError::NotPositive { method: NAME });
            }
            self.days.push(days(*stamp));
            self.logs.push(value.ln());
        }
        let from = self.last.saturating_sub((YEARS + 1) * YEAR);
        let old = self.days.partition_point(|d| *d < from);
        self.days.drain(..old);
        self.logs.drain(..old);
        Ok(())
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.days.len() != self.logs.len() || self.days.is_empty() {
            return Err("a year has days without values");
        }
        if !self.days.is_sorted() || self.logs.iter().any(|l| l.is_nan() || l.abs() >= 100.0) {
            return Err("a year's values are impossible");
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "yearly_tests.rs"]
#[allow(clippy::unwrap_used)]
mod tests;
