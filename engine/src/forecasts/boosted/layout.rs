//! Which features a row has.

use serde::{Deserialize, Serialize};

use super::{BoostedParams, Strategy};
use crate::forecasts::{Input, MOST_STEPS};

/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400_000_000;
/// What a year is for weekdays to meet.
pub(super) const YEAR: i64 = 364 * DAY;
/// Steps of the recent level, about.
const LEVEL: usize = 28;
/// A default window fits this often into the series: of a longer one the trees would learn by heart in which year it is.
const WINDOW_FITS: usize = 10;
/// The longest season whose deviations are looked at.
const LONGEST_SEASON: usize = 366;
/// The longest lag and window.
pub(super) const LONGEST: usize = 10_000;

/// How far apart the steps of a dated series are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Pace {
    Hours,
    Days,
    Weeks,
    Months,
}

impl Pace {
    /// From ascending moments, by the middle of their distances; nothing for less than two.
    fn of(stamps: &[i64]) -> Option<Pace> {
        let mut gaps: Vec<i64> = stamps
            .iter()
            .zip(stamps.iter().skip(1))
            .map(|(a, b)| b.saturating_sub(*a))
            .collect();
        let middle = gaps.len() / 2;
        if gaps.is_empty() {
            return None;
        }
        let (_, gap, _) = gaps.select_nth_unstable(middle);
        Some(match *gap {
            gap if gap < DAY => Pace::Hours,
            gap if gap < 5 * DAY => Pace::Days,
            gap if gap < 27 * DAY => Pace::Weeks,
            _ => Pace::Months,
        })
    }
}

/// A feature. Values of the series are told relative to the recent level and in units of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Feature {
    /// Steps from the last known one to the one that is forecast.
    Horizon,
    /// The value so many steps before: 1 is the last known one.
    Lag(usize),
    /// The mean of so many last steps.
    Mean(usize),
    /// Their standard deviation.
    Std(usize),
    /// The least of them.
    Min(usize),
    /// The greatest of them.
    Max(usize),
    /// The mean of so many last values of the same phase of the season (the same weekday).
    Same(usize),
    /// The mean of how far these were off the level around them.
    Deviation(usize),
    /// The values around the same day of the year before, relative to the level of that time: those within so many
    /// half days.
    YearAgo(usize),
    /// The recent level relative to that of the year before.
    YearGrowth,
    /// Hour of the day.
    Hour,
    /// Monday is 1.
    Weekday,
    /// Day of the month.
    DayOfMonth,
    /// Day of the year.
    DayOfYear,
    /// Month of the year.
    Month,
    /// The regressor of this number at the step that is forecast.
    Regressor(usize),
    /// That less its mean in the steps of the recent level.
    RegressorChange(usize),
}

/// What a feature tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Recent values.
    Recent,
    /// The season, the calendar and the year before.
    Season,
    /// How far ahead the step is.
    Horizon,
    /// The regressor of this number.
    Regressor(usize),
}

impl Feature {
    /// A name, such as `lag 7`.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Feature::Horizon => "horizon".into(),
            Feature::Lag(n) => format!("lag {n}"),
            Feature::Mean(n) => format!("mean of {n}"),
            Feature::Std(n) => format!("standard deviation of {n}"),
            Feature::Min(n) => format!("minimum of {n}"),
            Feature::Max(n) => format!("maximum of {n}"),
            Feature::Same(n) => format!("mean of {n} of this phase"),
            Feature::Deviation(n) => format!("deviation of {n} of this phase"),
            Feature::YearAgo(n) => format!("year ago within {} days", n / 2),
            Feature::YearGrowth => "growth over a year".into(),
            Feature::Hour => "hour".into(),
            Feature::Weekday => "weekday".into(),
            Feature::DayOfMonth => "day of month".into(),
            Feature::DayOfYear => "day of year".into(),
            Feature::Month => "month".into(),
            Feature::Regressor(n) => format!("regressor {}", n + 1),
            Feature::RegressorChange(n) => format!("change of regressor {}", n + 1),
        }
    }

    /// What it tells of.
    #[must_use]
    pub fn role(self) -> Role {
        match self {
            Feature::Horizon => Role::Horizon,
            Feature::Lag(_)
            | Feature::Mean(_)
            | Feature::Std(_)
            | Feature::Min(_)
            | Feature::Max(_) => Role::Recent,
            Feature::Regressor(n) | Feature::RegressorChange(n) => Role::Regressor(n),
            _ => Role::Season,
        }
    }

    /// Whether it is the same for all steps ahead of one origin.
    pub(super) fn is_of_origin(self) -> bool {
        self.role() == Role::Recent || self == Feature::YearGrowth
    }

    /// Whether it is one that a model can have.
    fn is_sound(self, layout: &Layout) -> bool {
        match self {
            Feature::Lag(n)
            | Feature::Mean(n)
            | Feature::Std(n)
            | Feature::Min(n)
            | Feature::Max(n) => (1..=LONGEST).contains(&n),
            Feature::Same(n) => (1..=SAME).contains(&n) && layout.season > 1,
            Feature::Deviation(n) => {
                (1..=SAME).contains(&n) && (2..=LONGEST_SEASON).contains(&layout.season)
            }
            Feature::YearAgo(n) => n <= 100 && layout.pace.is_some(),
            Feature::Regressor(n) | Feature::RegressorChange(n) => n < layout.regressors,
            Feature::Horizon => true,
            _ => layout.pace.is_some(),
        }
    }
}

/// The most values of a phase that are looked at.
pub(super) const SAME: usize = 8;

/// The features of a model, and what they are made from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Layout {
    /// First those that are the same for all steps ahead.
    pub(super) features: Vec<Feature>,
    /// Steps of the season, 1 for none.
    pub(super) season: usize,
    /// Phases are weekdays and not places in the season: trading days drop out of their weeks.
    pub(super) by_weekday: bool,
    /// Nothing where steps have no dates.
    pub(super) pace: Option<Pace>,
    /// Steps of the recent level.
    pub(super) level: usize,
    /// Regressors.
    pub(super) regressors: usize,
    /// The farthest step ahead that the model was trained for.
    pub(super) horizon: usize,
    /// Steps are forecast one after the other.
    pub(super) recursive: bool,
}

impl Layout {
    pub(super) fn new(input: &Input<'_>, params: &BoostedParams) -> Layout {
        let steps = input.y.len();
        let season = if input.season * 2 <= steps {
            input.season.max(1)
        } else {
            1
        };
        let third = (steps / 3).max(1);
        // Whole seasons, as many as come near to four weeks.
        let level = season * (LEVEL / season).max(1);
        let level = if level <= third {
            level
        } else {
            season.min(third)
        };
        let pace = Pace::of(input.stamps);
        let recursive = params.strategy == Strategy::Recursive;
        let mut layout = Layout {
            features: Vec::new(),
            season,
            by_weekday: pace == Some(Pace::Days) && (2..=7).contains(&season),
            pace,
            level,
            regressors: input.regressors.len(),
            horizon: if recursive {
                1
            } else {
                params.max_horizon.clamp(1, third)
            },
            recursive,
        };
        layout.features = layout.list(input, params);
        layout
    }

    fn list(&self, input: &Input<'_>, params: &BoostedParams) -> Vec<Feature> {
        let half = input.y.len() / 2;
        let season = self.season;
        let mut features = Vec::new();
        let lags = params.lags.clone().unwrap_or_else(|| {
            let seasons = input.seasons.iter().copied();
            let mut lags: Vec<usize> = (1..=3)
                .chain((1..=4).map(|n| n * season))
                .chain(seasons)
                .filter(|lag| *lag <= half)
                .collect();
            lags.sort_unstable();
            lags.dedup();
            lags
        });
        features.extend(lags.into_iter().map(Feature::Lag));
        let windows = params.windows.clone().unwrap_or_else(|| {
            let week = (5..=7).contains(&season);
            let mut windows = if week {
                vec![season, 2 * season, 4 * season]
            } else {
                vec![4, 13, season, 2 * season]
            };
            windows.sort_unstable();
            windows.dedup();
            windows.retain(|w| (2..=input.y.len() / WINDOW_FITS).contains(w));
            windows
        });
        for window in windows {
            features.extend([
                Feature::Mean(window),
                Feature::Std(window),
                Feature::Min(window),
                Feature::Max(window),
            ]);
        }
        let year_ago: &[usize] = match self.pace {
            Some(Pace::Days) => &[1, 7, 21],
            Some(Pace::Weeks) => &[7, 21, 49],
            _ => &[],
        };
        // Half of the rows must know of the year before.
        let span = input.stamps.last().zip(input.stamps.first());
        let long = span.is_some_and(|(last, first)| last.saturating_sub(*first) >= 2 * YEAR);
        let year_ago = if long { year_ago } else { &[] };
        if !year_ago.is_empty() {
            features.push(Feature::YearGrowth);
        }
        // The same for all steps so far.
        if self.horizon > 1 {
            features.push(Feature::Horizon);
        }
        if season > 1 {
            features.extend([1, 4, SAME].map(Feature::Same));
        }
        if (2..=LONGEST_SEASON).contains(&season) {
            features.extend([4, SAME].map(Feature::Deviation));
        }
        features.extend(year_ago.iter().map(|n| Feature::YearAgo(*n)));
        features.extend_from_slice(match self.pace {
            Some(Pace::Hours) => &[Feature::Hour, Feature::Weekday, Feature::DayOfYear],
            Some(Pace::Days) => &[Feature::Weekday, Feature::DayOfMonth, Feature::DayOfYear],
            Some(Pace::Weeks) => &[Feature::DayOfYear],
            Some(Pace::Months) => &[Feature::Month],
            None => &[],
        });
        features.extend(
            (0..self.regressors).flat_map(|n| [Feature::Regressor(n), Feature::RegressorChange(n)]),
        );
        features
    }

    /// Steps before an origin that its rows look at, the year before aside.
    pub(super) fn reach(&self) -> usize {
        let of = |feature: &Feature| match *feature {
            Feature::Lag(n)
            | Feature::Mean(n)
            | Feature::Std(n)
            | Feature::Min(n)
            | Feature::Max(n) => n,
            Feature::Same(n) | Feature::Deviation(n) => (n + 2) * self.season,
            _ => 0,
        };
        let farthest = self.features.iter().map(of).max().unwrap_or(0);
        farthest.max(self.level)
    }

    /// Whether rows look at the year before.
    pub(super) fn looks_back_a_year(&self) -> bool {
        let year = |f: &Feature| matches!(f, Feature::YearAgo(_) | Feature::YearGrowth);
        self.features.iter().any(year)
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        let sizes = (1..=MOST_STEPS).contains(&self.season)
            && (1..=MOST_STEPS).contains(&self.level)
            && (1..=MOST_STEPS).contains(&self.horizon);
        if !sizes {
            return Err("a size of the features is out of range");
        }
        if self.by_weekday && self.pace != Some(Pace::Days) {
            return Err("weekdays without days");
        }
        if !self.features.iter().all(|f| f.is_sound(self)) {
            return Err("a feature does not exist");
        }
        if !self.features.is_sorted_by_key(|f| !f.is_of_origin()) {
            return Err("the features are out of order");
        }
        Ok(())
    }
}
