//! Rows of features: what is known at an origin of a step ahead of it.

use super::history::History;
use super::layout::{DAY, Feature, Layout, SAME, YEAR};
use crate::calendar::{civil, days};

/// The least unit of a row, relative to the mean size of all values before it: a shop that sold nothing for four weeks is
/// not told in units of nothing.
const LEAST_UNIT: f64 = 0.1;

/// The largest number of a row: bins take no infinite ones.
const FARTHEST: f64 = 1e12;

/// Makes rows of a series. A row looks at values of steps before its origin alone, and at dates and regressors of the step that
/// it is for.
pub(super) struct Rows<'a> {
    layout: &'a Layout,
    series: &'a History,
    /// The weekday of each step, where phases are weekdays.
    weekdays: Vec<u32>,
    /// The mean size of all known values before each step, and before the one after the last.
    sizes: Vec<f64>,
}

/// What all rows of an origin share.
pub(super) struct Origin {
    /// The steps before it are known.
    at: usize,
    /// The recent level.
    pub(super) level: f64,
    /// What values are told in.
    pub(super) unit: f64,
    /// The features that are the same for all steps.
    shared: Vec<f64>,
    /// Level and unit of the year before.
    year_ago: Option<(f64, f64)>,
}

/// Sums of known values.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    count: usize,
    sum: f64,
    size: f64,
}

impl Sums {
    fn of(values: &[f64]) -> Sums {
        let mut sums = Sums::default();
        for value in values.iter().filter(|v| !v.is_nan()) {
            sums.count += 1;
            sums.sum += value;
            sums.size += value.abs();
        }
        sums
    }

    fn mean(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    fn mean_size(self) -> f64 {
        self.size / self.count.max(1) as f64
    }
}

fn weekday(stamp: i64) -> u32 {
    (i64::from(days(stamp)) + 3).rem_euclid(7) as u32
}

impl<'a> Rows<'a> {
    pub(super) fn new(layout: &'a Layout, series: &'a History) -> Rows<'a> {
        let weekdays = if layout.by_weekday {
            series.stamps.iter().map(|s| weekday(*s)).collect()
        } else {
            Vec::new()
        };
        let (mut count, mut sum) = series.known;
        let mut sizes = Vec::with_capacity(series.y.len() + 1);
        sizes.push(sum / count.max(1) as f64);
        for value in &series.y {
            if !value.is_nan() {
                count = count.saturating_add(1);
                sum += value.abs();
            }
            sizes.push(sum / count.max(1) as f64);
        }
        Rows {
            layout,
            series,
            weekdays,
            sizes,
        }
    }

    /// The known values of the steps from one to before another, none where the first is before the beginning.
    fn between(&self, from: Option<usize>, to: usize) -> &[f64] {
        from.and_then(|from| self.series.y.get(from..to))
            .unwrap_or_default()
    }

    /// The value of a step as a target of an origin; nothing where it is missing.
    pub(super) fn target(&self, origin: &Origin, ahead: usize) -> Option<f64> {
        let step = origin.at.checked_add(ahead)?.checked_sub(1)?;
        let value = self.series.y.get(step).filter(|v| !v.is_nan())?;
        let relative = (value - origin.level) / origin.unit;
        Some(relative.clamp(-FARTHEST, FARTHEST))
    }

    /// The origin before step `at`; nothing when no value is known before it.
    pub(super) fn origin(&self, at: usize) -> Option<Origin> {
        let layout = self.layout;
        let recent = Sums::of(self.between(Some(at.saturating_sub(layout.level)), at));
        let level = recent.mean().or_else(|| {
            let before = self.between(Some(0), at).iter().rev();
            before.copied().find(|v| !v.is_nan()).or(self.series.last)
        })?;
        let size = self.sizes.get(at).copied().unwrap_or(0.0);
        let unit = unit(recent.mean_size(), size);
        let mut origin = Origin {
            at,
            level,
            unit,
            shared: Vec::new(),
            year_ago: self.year_ago(at, size),
        };
        let shared = layout.features.iter().take_while(|f| f.is_of_origin());
        origin.shared = shared.map(|f| self.recent(&origin, *f)).collect();
        Some(origin)
    }

    /// The level a year before the recent one, when at least half of it is known.
    fn year_ago(&self, at: usize, size: f64) -> Option<(f64, f64)> {
        if !self.layout.looks_back_a_year() {
            return None;
        }
        let stamp = |at: usize| Some(self.series.stamps.get(at)?.saturating_sub(YEAR));
        let from = stamp(at.checked_sub(self.layout.level)?)?;
        let to = stamp(at.checked_sub(1)?)?;
        let sums = Sums::of(self.dated(from, to, at));
        let mean = sums.mean()?;
        (2 * sums.count >= self.layout.level).then(|| (mean, unit(sums.mean_size(), size)))
    }

    /// The values from one moment to another, of steps before `end`.
    fn dated(&self, from: i64, to: i64, end: usize) -> &[f64] {
        let stamps = &self.series.stamps;
        let from = stamps.partition_point(|stamp| *stamp < from);
        let to = stamps.partition_point(|stamp| *stamp <= to).min(end);
        self.series.y.get(from..to).unwrap_or_default()
    }

    /// A feature that all steps share.
    fn recent(&self, origin: &Origin, feature: Feature) -> f64 {
        let at = origin.at;
        let relative = |value: f64| (value - origin.level) / origin.unit;
        let window = |n: usize| self.between(at.checked_sub(n), at);
        let known = |n: usize| window(n).iter().copied().filter(|v| !v.is_nan());
        match feature {
            Feature::Lag(n) => window(n).first().copied().map_or(f64::NAN, relative),
            Feature::Mean(n) => Sums::of(window(n)).mean().map_or(f64::NAN, relative),
            Feature::Std(n) => {
                let sums = Sums::of(window(n));
                let Some(mean) = sums.mean() else {
                    return f64::NAN;
                };
                let squares: f64 = known(n).map(|v| (v - mean) * (v - mean)).sum();
                (squares / sums.count as f64).sqrt() / origin.unit
            }
            Feature::Min(n) => known(n).reduce(f64::min).map_or(f64::NAN, relative),
            Feature::Max(n) => known(n).reduce(f64::max).map_or(f64::NAN, relative),
            Feature::YearGrowth => origin
                .year_ago
                .map_or(f64::NAN, |(level, unit)| (origin.level - level) / unit),
            _ => f64::NAN,
        }
    }

    /// Writes the row of the step `ahead` steps after an origin's last known one (1 is the next).
    pub(super) fn write(&self, origin: &Origin, ahead: usize, row: &mut [f64]) {
        let step = origin.at.saturating_add(ahead).saturating_sub(1);
        let same = self.same(origin.at, step);
        let (of_origin, of_step) = row.split_at_mut(origin.shared.len().min(row.len()));
        of_origin.copy_from_slice(&origin.shared[..of_origin.len()]);
        let features = self.layout.features.iter().skip(origin.shared.len());
        for (cell, feature) in of_step.iter_mut().zip(features) {
            *cell = self.ahead(origin, ahead, step, *feature, &same);
        }
        for cell in row {
            *cell = cell.clamp(-FARTHEST, FARTHEST);
        }
    }

    /// The last steps of the same phase before an origin, the newest first.
    fn same(&self, at: usize, step: usize) -> Vec<usize> {
        let season = self.layout.season;
        if season < 2 {
            return Vec::new();
        }
        if self.layout.by_weekday {
            let of = |step: usize| self.weekdays.get(step);
            let from = at.saturating_sub((SAME + 1) * season);
            let steps = (from..at).rev();
            return steps.filter(|s| of(*s) == of(step)).take(SAME).collect();
        }
        // The phase of the step, in the last season before the origin.
        let behind = (step - at) / season * season + season;
        let newest = step.checked_sub(behind);
        let steps = (0..SAME).map(|n| newest?.checked_sub(n * season));
        steps.map_while(|s| s).collect()
    }

    fn ahead(
        &self,
        origin: &Origin,
        ahead: usize,
        step: usize,
        feature: Feature,
        same: &[usize],
    ) -> f64 {
        let value = |step: &usize| self.series.y.get(*step).copied().filter(|v| !v.is_nan());
        let stamp = self.series.stamps.get(step).copied();
        let of_date = |f: fn(i64) -> f64| stamp.map_or(f64::NAN, f);
        match feature {
            Feature::Horizon => ahead.min(self.layout.horizon) as f64,
            Feature::Same(n) => mean(same.iter().filter_map(value).take(n))
                .map_or(f64::NAN, |mean| (mean - origin.level) / origin.unit),
            Feature::Deviation(n) => {
                let off = same.iter().filter_map(|s| Some((*s, value(s)?))).take(n);
                mean(off.map(|(step, value)| self.deviation(origin.at, step, value)))
                    .unwrap_or(f64::NAN)
            }
            Feature::YearAgo(half_days) => {
                let Some((stamp, (level, unit))) = stamp.zip(origin.year_ago) else {
                    return f64::NAN;
                };
                let middle = stamp.saturating_sub(YEAR);
                let reach = half_days as i64 * DAY / 2;
                let (from, to) = (middle.saturating_sub(reach), middle.saturating_add(reach));
                let there = Sums::of(self.dated(from, to, origin.at)).mean();
                there.map_or(f64::NAN, |mean| (mean - level) / unit)
            }
            Feature::Hour => of_date(|s| (s.rem_euclid(DAY) / (DAY / 24)) as f64),
            Feature::Weekday => of_date(|s| f64::from(weekday(s) + 1)),
            Feature::DayOfMonth => of_date(|s| f64::from(civil(s).2)),
            Feature::DayOfYear => of_date(day_of_year),
            Feature::Month => of_date(|s| f64::from(civil(s).1)),
            Feature::Regressor(n) => self.regressor(n, step),
            Feature::RegressorChange(n) => {
                let from = origin.at.saturating_sub(self.layout.level);
                let column = self.series.regressors.get(n);
                let recent = column
                    .and_then(|c| c.get(from..origin.at))
                    .unwrap_or_default();
                self.regressor(n, step) - Sums::of(recent).mean().unwrap_or(f64::NAN)
            }
            _ => f64::NAN,
        }
    }

    fn regressor(&self, n: usize, step: usize) -> f64 {
        let column = self.series.regressors.get(n);
        column
            .and_then(|c| c.get(step))
            .copied()
            .unwrap_or(f64::NAN)
    }

    /// How far a value is off the mean of the season around its step, in units of that season.
    fn deviation(&self, at: usize, step: usize, value: f64) -> f64 {
        let season = self.layout.season;
        let to = (step.saturating_sub(season / 2) + season).min(at);
        let around = Sums::of(self.between(to.checked_sub(season), to));
        let size = self.sizes.get(at).copied().unwrap_or(0.0);
        let mean = around.mean().unwrap_or(f64::NAN);
        (value - mean) / unit(around.mean_size(), size)
    }
}

/// The unit for values of a mean size, where all values before are of another mean size; over 0.
fn unit(size: f64, before: f64) -> f64 {
    let unit = size.max(LEAST_UNIT * before);
    if unit > 0.0 { unit } else { 1.0 }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (mut count, mut sum) = (0usize, 0.0);
    for value in values {
        count += 1;
        sum += value;
    }
    (count > 0).then(|| sum / count as f64)
}

fn day_of_year(stamp: i64) -> f64 {
    let (_, month, day) = civil(stamp);
    // As in a leap year: the same day has the same number every year.
    let before = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];
    let month = before
        .get(month.saturating_sub(1) as usize)
        .copied()
        .unwrap_or(0);
    f64::from(month + day)
}
