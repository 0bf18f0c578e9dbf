//! The choice of a method: each forecasts the past, and the one that did it best is taken.

use rayon::prelude::*;

use super::intermittent::is_intermittent;
use super::metrics::{Accumulator, Scale, Scores};
use super::options::ForecastParams;
use super::recipe::{Recipe, median};
use super::timeline::Timeline;
use super::walk::{Outcome, Run, Walk};
use super::{ForecastError, Method};
use crate::control::Control;

/// Errors that differ by less than this share are as good as each other: the simpler method is taken.
const TIE: f64 = 0.01;

/// Members of the median err at most this much more than the best of them.
const NEAR_BEST: f64 = 1.2;

/// The most members that validation keeps.
const KEPT: usize = 5;

/// Known steps from which boosted trees are tried.
const BOOSTED_FROM: usize = 90;

/// What a method reached.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The method.
    pub method: Method,
    /// The mean over the origins of the mean absolute scaled error; `None` where it could not be fitted or measured.
    pub mase: Option<f64>,
    /// The same, made comparable where the method was judged by fewer origins than others.
    levelled: Option<f64>,
    /// The errors of all origins together.
    pub scores: Option<Scores>,
    /// Why it could not be fitted.
    pub note: Option<String>,
    runs: Vec<Run>,
}

/// The choice.
#[derive(Debug, Clone)]
pub struct Choice {
    /// The method.
    pub method: Method,
    /// The members of the median, when it is that.
    pub members: Vec<Method>,
    /// All that were tried, the median last.
    pub tried: Vec<Tried>,
}

impl Choice {
    /// What is to be fitted.
    #[must_use]
    pub fn recipe(&self, params: &ForecastParams, horizon: usize) -> Recipe {
        if self.method == Method::Ensemble {
            params.median_of(&self.members, horizon)
        } else {
            params.recipe(self.method, horizon)
        }
    }
}

/// Chooses by a walk; among the methods that take long too, `with_slow`.
///
/// # Errors
/// [`ForecastError::Stopped`]; what the last method gives when none can be fitted.
pub fn choose(
    walk: &Walk<'_>,
    params: &ForecastParams,
    with_slow: bool,
    control: &dyn Control,
) -> Result<Choice, ForecastError> {
    let first = walk.cutoffs.first().copied().unwrap_or(0);
    let known = walk.observed.before(first);
    let (timeline, steps) = Timeline::learn(&known, walk.options)?;
    let candidates = match &params.models {
        Some(models) => {
            let mut models = models.clone();
            if !models.contains(&Method::SeasonalNaive) {
                models.push(Method::SeasonalNaive);
            }
            models
        }
        None => candidates(&timeline, &steps.y, with_slow),
    };
    control.progress("choosing a model", 0, candidates.len() as u64);
    let horizon = walk.gap + walk.horizon;
    let mut tried: Vec<Tried> = candidates
        .par_iter()
        .map(|method| try_one(walk, *method, &params.recipe(*method, horizon), control))
        .collect::<Result<_, _>>()?;
    tried.sort_by_key(|t| t.method);
    let reference = Reference::of(&tried, walk);
    for one in &mut tried {
        one.levelled = reference.levelled(one);
    }
    let members = members(&tried);
    if members.len() > 1 {
        let runs: Vec<&[Run]> = tried
            .iter()
            .filter(|t| members.contains(&t.method))
            .map(|t| t.runs.as_slice())
            .collect();
        let mut median = scored(Method::Ensemble, medians(&runs), walk.level);
        median.levelled = reference.levelled(&median);
        tried.push(median);
    }
    let method = if params.method == Method::Ensemble && members.len() > 1 {
        Method::Ensemble
    } else {
        best(&tried).ok_or_else(|| none_fits(&tried))?
    };
    Ok(Choice {
        method,
        members,
        tried,
    })
}

fn none_fits(tried: &[Tried]) -> ForecastError {
    if tried.iter().any(|t| t.note.is_none()) {
        ForecastError::NoFit { method: "auto" }
    } else {
        ForecastError::TooShort {
            method: "auto",
            needed: 2,
            found: 1,
        }
    }
}

/// The methods that a series is long and dense enough for.
fn candidates(timeline: &Timeline, y: &[f64], with_slow: bool) -> Vec<Method> {
    let known = y.iter().filter(|v| !v.is_nan()).count();
    let season = timeline.season;
    let mut methods = vec![Method::Naive, Method::Mean];
    let seasonal = season > 1 && known >= 2 * season;
    if seasonal {
        methods.extend([Method::SeasonalNaive, Method::WeekdayMean]);
    }
    if known >= 3 {
        methods.push(Method::Drift);
    }
    if known >= 8 {
        methods.extend([Method::Theta, Method::Ets, Method::Sarima]);
    }
    if seasonal && !timeline.seasons.is_empty() {
        methods.push(Method::Mstl);
    }
    let a_year = timeline.season * 60;
    if timeline.has_weeks() && known >= a_year && y.iter().all(|v| v.is_nan() || *v > 0.0) {
        methods.push(Method::YearOverYear);
    }
    if is_intermittent(y) {
        methods.extend([Method::Croston, Method::Sba, Method::Tsb]);
    }
    if with_slow && known >= BOOSTED_FROM {
        methods.push(Method::Xgboost);
    }
    methods
}

fn try_one(
    walk: &Walk<'_>,
    method: Method,
    recipe: &Recipe,
    control: &dyn Control,
) -> Result<Tried, ForecastError> {
    // A method that needs a year is judged by the origins that have one behind them.
    let mut skipped = 0;
    loop {
        let part = Walk {
            cutoffs: walk.cutoffs.get(skipped..).unwrap_or_default(),
            ..*walk
        };
        match part.run(recipe, control) {
            Ok(runs) => return Ok(scored(method, runs, walk.level)),
            Err(ForecastError::Stopped(stop)) => return Err(stop.into()),
            Err(ForecastError::TooShort { .. }) if 2 * (skipped + 1) <= walk.cutoffs.len() => {
                skipped += 1;
            }
            Err(other) => {
                return Ok(Tried {
                    method,
                    mase: None,
                    levelled: None,
                    scores: None,
                    note: Some(other.to_string()),
                    runs: Vec::new(),
                });
            }
        }
    }
}

/// The simple method of a series, at all origins: what methods that were judged by fewer are compared through.
struct Reference {
    mase: Option<f64>,
    runs: Vec<Run>,
    level: f64,
}

impl Reference {
    fn of(tried: &[Tried], walk: &Walk<'_>) -> Reference {
        let full = |method| {
            let found = tried.iter().find(|t| t.method == method);
            found.filter(|t| t.runs.len() == walk.cutoffs.len())
        };
        let simple = full(Method::SeasonalNaive).or_else(|| full(Method::Naive));
        Reference {
            mase: simple.and_then(|t| t.mase),
            runs: simple.map(|t| t.runs.clone()).unwrap_or_default(),
            level: walk.level,
        }
    }

    /// The scaled error of a method as if it had done at all origins as it did at its own, relative to the simple method.
    fn levelled(&self, tried: &Tried) -> Option<f64> {
        let own = tried.mase?;
        if tried.runs.len() >= self.runs.len() {
            return Some(own);
        }
        let is_same = |run: &&Run| tried.runs.iter().any(|own| own.cutoff == run.cutoff);
        let same: Vec<Run> = self.runs.iter().filter(is_same).cloned().collect();
        let (theirs, _) = measure(&same, self.level);
        let theirs = theirs.filter(|t| *t > 0.0)?;
        Some(own * self.mase? / theirs)
    }
}

fn scored(method: Method, runs: Vec<Run>, level: f64) -> Tried {
    let (mase, scores) = measure(&runs, level);
    Tried {
        method,
        mase,
        levelled: None,
        scores,
        note: None,
        runs,
    }
}

/// The mean of the origins' scaled errors, and the errors of all origins together.
#[must_use]
pub fn measure(runs: &[Run], level: f64) -> (Option<f64>, Option<Scores>) {
    let mut all = Accumulator::new(level);
    let (mut sum, mut count) = (0.0, 0u32);
    for run in runs {
        let errors = of_run(run, level);
        if let Some(mase) = errors.scores().and_then(|s| s.mase) {
            sum += mase;
            count += 1;
        }
        all.merge(&errors);
    }
    ((count > 0).then(|| sum / f64::from(count)), all.scores())
}

/// The errors of one origin.
#[must_use]
pub fn of_run(run: &Run, level: f64) -> Accumulator {
    let scale = Scale::of(&run.known, run.season);
    let mut errors = Accumulator::new(level);
    for outcome in &run.outcomes {
        errors.push(outcome.actual, outcome.forecast, outcome.bounds, scale);
    }
    errors
}

/// The figure that methods are compared by: scaled errors, or where there is no scale plain ones.
fn loss(tried: &Tried) -> Option<f64> {
    let plain = tried.scores.as_ref().map(|s| s.mae);
    tried.levelled.or(plain).filter(|l| l.is_finite())
}

/// The simplest of the methods that are as good as the best. One that is no better than the seasonal naive is not taken.
fn best(tried: &[Tried]) -> Option<Method> {
    let least = tried.iter().filter_map(loss).min_by(f64::total_cmp)?;
    let bar = tried
        .iter()
        .find(|t| t.method == Method::SeasonalNaive)
        .and_then(loss)
        .unwrap_or(f64::INFINITY);
    let good = |t: &&Tried| {
        loss(t).is_some_and(|l| {
            l <= least * (1.0 + TIE) && (l < bar || t.method == Method::SeasonalNaive)
        })
    };
    let simplest = tried.iter().filter(good).map(|t| t.method).min();
    simplest.or(Some(Method::SeasonalNaive).filter(|_| bar.is_finite()))
}

/// The methods whose median is worth a try.
fn members(tried: &[Tried]) -> Vec<Method> {
    let bar = tried
        .iter()
        .find(|t| t.method == Method::SeasonalNaive)
        .and_then(loss)
        .unwrap_or(f64::INFINITY);
    let mut good: Vec<(f64, Method)> = tried
        .iter()
        .filter_map(|t| Some((loss(t)?, t.method)))
        .filter(|(loss, _)| *loss <= bar)
        .collect();
    good.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let least = good.first().map_or(0.0, |g| g.0);
    good.retain(|(loss, _)| *loss <= least * NEAR_BEST);
    good.truncate(KEPT);
    let mut members: Vec<Method> = good.into_iter().map(|(_, method)| method).collect();
    members.sort_unstable();
    members
}

/// The median of the members' forecasts at each step of each origin that all of them have.
fn medians(members: &[&[Run]]) -> Vec<Run> {
    let Some((first, others)) = members.split_first() else {
        return Vec::new();
    };
    let mut values = Vec::with_capacity(members.len());
    let mut runs = Vec::with_capacity(first.len());
    for run in *first {
        let same = others
            .iter()
            .map(|runs| runs.iter().find(|other| other.cutoff == run.cutoff));
        let Some(same) = same.collect::<Option<Vec<&Run>>>() else {
            continue;
        };
        let outcomes = run.outcomes.iter().enumerate().map(|(at, outcome)| {
            values.clear();
            values.push(outcome.forecast);
            values.extend(
                same.iter()
                    .filter_map(|r| Some(r.outcomes.get(at)?.forecast)),
            );
            Outcome {
                forecast: median(&mut values),
                bounds: None,
                ..*outcome
            }
        });
        runs.push(Run {
            outcomes: outcomes.collect(),
            ..run.clone()
        });
    }
    runs
}
