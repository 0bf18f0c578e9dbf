//! Which steps a series has for a model: the days on which the shop may be open, and what is known of each.
//!
//! A shop that is closed on Saturdays has a week of six days. Steps of closed weekdays are left out; a day that is closed though
//! its weekday is not (a holiday, the days after Christmas) stays as a step without a value, so that the steps of a week keep
//! their places in it. Coming steps that are expected to be closed are forecast as 0.

use serde::{Deserialize, Serialize};

use super::frequency::Frequency;
use super::observed::{MOST_STEPS, Observed};
use super::trading::Opening;
use super::{ForecastError, Input};
use crate::calendar::days;

/// The longest horizon, in steps.
pub const MOST_HORIZON: usize = 1000;

/// Columns that are made of holidays.
const HOLIDAY_COLUMNS: [(&str, i32); 3] = [
    ("holiday", 0),
    ("day before a holiday", 1),
    ("day after a holiday", -1),
];

/// What steps there are, as a model keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Timeline {
    /// The distance between steps of the grid.
    pub(super) frequency: Frequency,
    /// The moment of the grid's first step.
    pub(super) first: i64,
    /// Steps of the grid that the model has seen.
    pub(super) seen: usize,
    /// Whether a closed day has no value; otherwise it has one of 0 like any other.
    pub(super) closed_days: bool,
    /// When the shop is open; `None` where it always is.
    pub(super) opening: Option<Opening>,
    /// Steps of a model's season.
    pub(super) season: usize,
    /// Steps of all seasons.
    pub(super) seasons: Vec<usize>,
    /// Names of the regressors that the user gave.
    pub(super) names: Vec<String>,
    /// Which of [`HOLIDAY_COLUMNS`] are regressors.
    pub(super) holiday_columns: Vec<usize>,
    /// Days that are holidays, ascending.
    pub(super) holidays: Vec<i32>,
    /// True for a series that was never below 0: its forecasts are not either.
    pub(super) floor: bool,
}

/// How steps are chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimelineOptions {
    /// Whether closed days are learnt.
    pub learn_closed: bool,
    /// The season, where it is given.
    pub season: Option<usize>,
    /// Whether holidays are regressors.
    pub holiday_columns: bool,
}

/// Steps of a series for a model.
#[derive(Debug, Clone, Default)]
pub struct Steps {
    /// A value for each step; NaN where there is none.
    pub y: Vec<f64>,
    /// The moment of each step.
    pub stamps: Vec<i64>,
    /// The regressors, by column.
    pub regressors: Vec<Vec<f64>>,
}

impl Steps {
    /// As the input of a method.
    #[must_use]
    pub fn input<'a>(&'a self, timeline: &'a Timeline, seed: i64) -> Input<'a> {
        Input {
            y: &self.y,
            season: timeline.season,
            seasons: &timeline.seasons,
            stamps: &self.stamps,
            regressors: &self.regressors,
            seed,
        }
    }
}

/// Coming steps.
#[derive(Debug, Clone, Default)]
pub struct Coming {
    /// The moment of each step of the grid.
    pub stamps: Vec<i64>,
    /// For each step of the grid whether it is a step of the model.
    pub in_model: Vec<bool>,
    /// For each step of the grid whether the shop is expected to be open.
    pub open: Vec<bool>,
    /// The steps of the model; their values are not known.
    pub steps: Steps,
}

impl Timeline {
    /// Learns from a series which steps there are, and gives them.
    ///
    /// # Errors
    /// What [`Observed::check`] gives; [`ForecastError::Empty`] when no step is left.
    pub fn learn(
        observed: &Observed,
        options: TimelineOptions,
    ) -> Result<(Timeline, Steps), ForecastError> {
        observed.check()?;
        let opening = (options.learn_closed && observed.frequency == Frequency::DAY)
            .then(|| opening(observed))
            .flatten();
        let base = match &opening {
            Some(opening) => opening.days_a_week(),
            None => observed.frequency.season(),
        };
        let season = options.season.unwrap_or(base).max(1);
        let floor = observed.values.iter().all(|v| v.is_nan() || *v >= 0.0);
        let mut timeline = Timeline {
            frequency: observed.frequency,
            first: observed.first,
            seen: 0,
            closed_days: options.learn_closed,
            opening,
            season,
            seasons: Vec::new(),
            names: observed.names.clone(),
            holiday_columns: Vec::new(),
            holidays: observed.holidays.clone(),
            floor,
        };
        if options.holiday_columns && observed.frequency == Frequency::DAY {
            timeline.holiday_columns = (0..HOLIDAY_COLUMNS.len()).collect();
        }
        let mut steps = timeline.steps(observed, 0)?;
        // A column that is always the same explains nothing, and some methods cannot do with one.
        let own = timeline.names.len();
        let varied = |column: &Vec<f64>| {
            let known = || column.iter().zip(&steps.y).filter(|(_, y)| !y.is_nan());
            known().filter(|(v, _)| **v > 0.0).count() > 1 && known().any(|(v, _)| *v == 0.0)
        };
        let kept: Vec<bool> = steps.regressors.iter().skip(own).map(varied).collect();
        let mut keep = kept.iter();
        timeline
            .holiday_columns
            .retain(|_| keep.next().copied().unwrap_or(false));
        let mut keep = std::iter::repeat_n(&true, own).chain(&kept);
        steps
            .regressors
            .retain(|_| keep.next().copied().unwrap_or(true));
        timeline.seen = observed.len();
        if steps.y.iter().all(|v| v.is_nan()) {
            return Err(ForecastError::Empty);
        }
        timeline.seasons = timeline.all_seasons(steps.y.len(), options.season.is_some());
        Ok((timeline, steps))
    }

    /// The seasons that `steps` are enough for.
    fn all_seasons(&self, steps: usize, given: bool) -> Vec<usize> {
        let mut seasons = Vec::new();
        if self.season > 1 {
            seasons.push(self.season);
        }
        if !given && self.frequency == Frequency::HOUR {
            seasons.push(7 * 24);
        }
        if !given && self.frequency == Frequency::DAY {
            // A year, in weeks of open days.
            seasons.push(self.season.saturating_mul(52));
        }
        seasons.retain(|s| s.saturating_mul(2) <= steps);
        seasons
    }

    /// The steps of a series from step `from` of its grid on.
    ///
    /// # Errors
    /// [`ForecastError::Range`] for a grid that leaves the calendar.
    pub(super) fn steps(&self, observed: &Observed, from: usize) -> Result<Steps, ForecastError> {
        let mut steps = Steps {
            regressors: vec![Vec::new(); self.names.len() + self.holiday_columns.len()],
            ..Steps::default()
        };
        for (at, value) in observed.values.iter().enumerate().skip(from) {
            let stamp = observed.stamp(at).ok_or_else(too_far)?;
            if !self.is_step(stamp) {
                continue;
            }
            let was_open = match observed.open.get(at) {
                _ if !self.closed_days => true,
                Some(open) => *open,
                // A day without sales on which the shop is expected to be closed.
                None => *value != 0.0 || self.is_open(stamp),
            };
            steps.y.push(if was_open { *value } else { f64::NAN });
            self.put_regressors(observed, at, stamp, &mut steps)?;
        }
        Ok(steps)
    }

    /// The `horizon` steps of the grid after those that the model has seen.
    ///
    /// # Errors
    /// [`ForecastError::Range`] for a horizon that is too long or leaves the calendar; [`ForecastError::Regressor`] when a
    /// regressor is not known that far.
    pub fn coming(&self, known: &Observed, horizon: usize) -> Result<Coming, ForecastError> {
        check_horizon(horizon)?;
        let mut coming = Coming {
            steps: Steps {
                regressors: vec![Vec::new(); self.names.len() + self.holiday_columns.len()],
                ..Steps::default()
            },
            ..Coming::default()
        };
        for ahead in 0..horizon {
            let at = self.seen.saturating_add(ahead);
            let stamp = self.frequency.after(self.first, at).ok_or_else(too_far)?;
            let is_step = self.is_step(stamp);
            coming.stamps.push(stamp);
            coming.in_model.push(is_step);
            coming.open.push(is_step && self.is_open(stamp));
            if is_step {
                self.put_regressors(known, at, stamp, &mut coming.steps)?;
            }
        }
        Ok(coming)
    }

    fn put_regressors(
        &self,
        observed: &Observed,
        at: usize,
        stamp: i64,
        steps: &mut Steps,
    ) -> Result<(), ForecastError> {
        steps.stamps.push(stamp);
        let own = observed
            .regressors
            .iter()
            .map(|column| column.get(at).copied());
        let day = days(stamp);
        let holidays = self.holiday_columns.iter().map(|which| {
            let (_, shift) = HOLIDAY_COLUMNS.get(*which).copied().unwrap_or_default();
            let is_one = self
                .holidays
                .binary_search(&day.saturating_add(shift))
                .is_ok();
            Some(f64::from(u8::from(is_one)))
        });
        let own = own.take(self.names.len());
        for ((column, value), name) in steps.regressors.iter_mut().zip(own.chain(holidays)).zip(
            self.names
                .iter()
                .map(String::as_str)
                .chain(std::iter::repeat("")),
        ) {
            let known = value.filter(|v| !v.is_nan());
            // Where the series has no value, what it would be explained by is of no matter.
            let missing = observed.values.get(at).is_some_and(|v| v.is_nan());
            match known {
                Some(value) => column.push(value),
                None if missing => column.push(column.last().copied().unwrap_or(0.0)),
                None => {
                    return Err(ForecastError::Regressor {
                        name: name.to_owned(),
                        problem: "is not known for the whole horizon",
                    });
                }
            }
        }
        Ok(())
    }

    /// True when the grid's step at this moment is one of the model's.
    fn is_step(&self, stamp: i64) -> bool {
        let opening = self.opening.as_ref();
        opening.is_none_or(|opening| opening.opens_on(days(stamp)))
    }

    /// True when the shop is expected to be open.
    fn is_open(&self, stamp: i64) -> bool {
        let opening = self.opening.as_ref();
        opening.is_none_or(|opening| opening.is_open(days(stamp)))
    }

    /// True where a week is a season: days.
    pub(super) fn has_weeks(&self) -> bool {
        self.frequency == Frequency::DAY && (2..=7).contains(&self.season)
    }

    /// Names of all regressors, those made of holidays last.
    #[must_use]
    pub fn regressor_names(&self) -> Vec<String> {
        let holidays = self
            .holiday_columns
            .iter()
            .filter_map(|at| HOLIDAY_COLUMNS.get(*at));
        let mut names = self.names.clone();
        names.extend(holidays.map(|(name, _)| (*name).to_owned()));
        names
    }

    /// The moment of the last step that the model has seen.
    #[must_use]
    pub fn end(&self) -> i64 {
        let last = self.seen.saturating_sub(1);
        self.frequency.after(self.first, last).unwrap_or(self.first)
    }

    /// Verifies what was read from bytes.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self) -> Result<(), &'static str> {
        let in_step = match self.frequency {
            Frequency::Every(micros) => micros > 0,
            Frequency::Months(months) => months > 0 && months <= 1200,
        };
        if !in_step || self.seen == 0 || self.seen > 2 * MOST_STEPS {
            return Err("its steps are impossible");
        }
        if self.season == 0 || self.season > MOST_STEPS || self.seasons.iter().any(|s| *s < 2) {
            return Err("its seasons are impossible");
        }
        if self
            .holiday_columns
            .iter()
            .any(|c| *c >= HOLIDAY_COLUMNS.len())
        {
            return Err("it has unknown columns of holidays");
        }
        if !self.holidays.is_sorted() {
            return Err("its holidays are in no order");
        }
        self.opening.as_ref().map_or(Ok(()), Opening::check)
    }
}

/// When the shop is open, from what was open; `None` for one that is never closed.
fn opening(observed: &Observed) -> Option<Opening> {
    let open: Vec<bool> = if observed.open.is_empty() {
        observed
            .values
            .iter()
            .map(|v| !v.is_nan() && *v != 0.0)
            .collect()
    } else {
        observed.open.clone()
    };
    let opening = Opening::learn(days(observed.first), &open, &observed.holidays);
    (!opening.is_always()).then_some(opening)
}

/// Verifies a horizon.
///
/// # Errors
/// [`ForecastError::Range`].
pub fn check_horizon(horizon: usize) -> Result<(), ForecastError> {
    if (1..=MOST_HORIZON).contains(&horizon) {
        return Ok(());
    }
    Err(ForecastError::Range {
        what: "horizon",
        least: 1.0,
        most: MOST_HORIZON as f64,
        given: horizon as f64,
    })
}

fn too_far() -> ForecastError {
    ForecastError::Range {
        what: "year",
        least: 1900.0,
        most: 2199.0,
        given: 2200.0,
    }
}
