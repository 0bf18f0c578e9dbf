//! How good the advice would have been: rules of the earlier baskets advise the later ones.

use rayon::prelude::*;

use super::advice::Advice;
use super::train::{Curve, Job};
use super::{BasketError, RuleModel};
use crate::control::{Charge, Stop};
use crate::random::Stream;

const PHASE: &str = "validating advice";

/// Items that are advised for each basket.
const ADVISED: usize = 5;
/// Baskets of both parts, for the days to be chosen by ourselves.
const ENOUGH: usize = 100;
/// Parts of the later baskets that threads work on.
const PIECES: usize = 8;
/// Points of a curve end here.
const LAST_THRESHOLD: f64 = 0.9;
const MILLIONTHS: f64 = 1e6;

/// What came of it.
pub(super) struct Validation {
    /// Metric and value.
    pub metrics: Vec<(String, f64)>,
    /// Curves by name.
    pub curves: Vec<(&'static str, Curve)>,
}

/// Counts over baskets.
#[derive(Default)]
struct Tally {
    baskets: u32,
    /// The hidden item was among those advised.
    hits: u32,
    /// It was among the first of those that rules alone advise.
    rule_hits: u32,
    /// It was among the best sellers.
    popular_hits: u32,
    /// Rules advised anything.
    fired: u32,
    /// By threshold: baskets for which a rule of so much confidence fired, and those where it hit.
    fired_at: Vec<u32>,
    hits_at: Vec<u32>,
    /// By rule: baskets with the antecedent, and with both sides.
    left: Vec<u32>,
    both: Vec<u32>,
}

impl Tally {
    fn new(thresholds: usize, rules: usize) -> Tally {
        Tally {
            fired_at: vec![0; thresholds],
            hits_at: vec![0; thresholds],
            left: vec![0; rules],
            both: vec![0; rules],
            ..Tally::default()
        }
    }

    fn add(&mut self, other: &Tally) {
        let add = |to: &mut Vec<u32>, from: &[u32]| {
            to.iter_mut().zip(from).for_each(|(a, b)| *a += b);
        };
        self.baskets += other.baskets;
        self.hits += other.hits;
        self.rule_hits += other.rule_hits;
        self.popular_hits += other.popular_hits;
        self.fired += other.fired;
        add(&mut self.fired_at, &other.fired_at);
        add(&mut self.hits_at, &other.hits_at);
        add(&mut self.left, &other.left);
        add(&mut self.both, &other.both);
    }
}

/// Mines the baskets before the last days, hides an item of each later basket that has two known ones, and looks whether
/// the advice for the rest names it. `None` when there are too few baskets, or no time.
///
/// # Errors
/// [`BasketError::Stopped`].
pub(super) fn validate(
    job: &Job<'_>,
    spent: &(dyn Fn() -> f64 + Sync),
) -> Result<Option<Validation>, BasketError> {
    let (request, control) = (job.request, job.control);
    let Some((earlier, later, days)) = split(job) else {
        return Ok(None);
    };
    if spent() >= 1.0 {
        return Ok(None);
    }
    control.progress(PHASE, 0, 0);
    let earlier = Job {
        selected: &earlier,
        ..*job
    };
    let model = earlier.mine(spent)?.model(&[], false)?;
    let first = request.params.min_confidence;
    let thresholds: Vec<f64> = (0..)
        .map(|step| ((first * MILLIONTHS).round() + 50_000.0 * f64::from(step)) / MILLIONTHS)
        .take_while(|threshold| *threshold <= LAST_THRESHOLD)
        .collect();
    let piece = later.len().div_ceil(PIECES).max(1);
    let bytes = (PIECES + 1) * (model.len() + thresholds.len()) * 8;
    let _charge = Charge::new(bytes as u64, PHASE, control)?;
    let salt = Stream::new(request.seed, "hidden item", 0).bits();
    let tallies: Result<Vec<Tally>, Stop> = later
        .par_chunks(piece)
        .map(|piece| tally(job, &model, piece, &thresholds, salt))
        .collect();
    let mut all = Tally::new(thresholds.len(), model.len());
    for tally in &tallies? {
        all.add(tally);
    }
    Ok((all.baskets > 0).then(|| summed_up(&all, &model, &thresholds, days)))
}

/// The baskets of the earlier days as flags, those of the later days, and how many days these are.
fn split(job: &Job<'_>) -> Option<(Vec<bool>, Vec<u32>, i64)> {
    let about = job.request.baskets.about();
    let group = || about.iter().zip(job.selected).filter(|(_, s)| **s);
    let days = || group().map(|(a, _)| i64::from(a.day));
    let (first, last) = (days().min()?, days().max()?);
    let asked = job.request.params.validation_days;
    let later_days = asked.map_or((last - first + 1) / 5, i64::from);
    if later_days == 0 {
        return None;
    }
    let is_later = |day: i32| i64::from(day) > last - later_days;
    let all = || about.iter().zip(job.selected);
    let earlier: Vec<bool> = all().map(|(a, s)| *s && !is_later(a.day)).collect();
    let later: Vec<u32> = (0u32..)
        .zip(all())
        .filter(|(_, (a, s))| **s && is_later(a.day))
        .map(|(basket, _)| basket)
        .collect();
    let least = if asked.is_some() { 1 } else { ENOUGH };
    let enough = later.len() >= least && earlier.iter().filter(|e| **e).count() >= least;
    enough.then_some((earlier, later, later_days))
}

fn tally(
    job: &Job<'_>,
    model: &RuleModel,
    later: &[u32],
    thresholds: &[f64],
    salt: u64,
) -> Result<Tally, Stop> {
    let mut tally = Tally::new(thresholds.len(), model.len());
    let (baskets, excluded) = (job.request.baskets, job.request.excluded);
    for basket in later {
        job.control.check()?;
        let basket = *basket as usize;
        let is_known = |item: &u32| {
            let at = *item as usize;
            model.counts.get(at).is_some_and(|c| *c > 0) && excluded.get(at) != Some(&true)
        };
        let mut known = baskets.items(basket).to_vec();
        known.retain(is_known);
        model.for_each_firing(&known, |rule| {
            let consequent = model.rules.consequents.get(rule as usize);
            let holds = consequent.iter().all(|i| known.binary_search(i).is_ok());
            if let Some(left) = tally.left.get_mut(rule as usize) {
                *left += 1;
            }
            if let Some(both) = tally.both.get_mut(rule as usize) {
                *both += u32::from(holds);
            }
        });
        if known.len() < 2 {
            continue;
        }
        let key = baskets.keys().get(basket).copied().unwrap_or(0) ^ salt;
        let hidden = known.remove(((u128::from(key) * known.len() as u128) >> 64) as usize);
        let advice = model.advise(&known, ADVISED);
        let by_rules = model.advise_by_rules(&known);
        let hit = |advice: &mut dyn Iterator<Item = &Advice>| {
            u32::from(advice.take(ADVISED).any(|a| a.item == hidden))
        };
        let popular = model.popular.iter();
        let mut popular = popular
            .filter(|i| known.binary_search(i).is_err())
            .take(ADVISED);
        tally.baskets += 1;
        tally.hits += hit(&mut advice.iter());
        tally.popular_hits += u32::from(popular.any(|i| *i == hidden));
        tally.fired += u32::from(!by_rules.is_empty());
        tally.rule_hits += hit(&mut by_rules.iter());
        let slots = tally.fired_at.iter_mut().zip(&mut tally.hits_at);
        for (threshold, (fired, hits)) in thresholds.iter().zip(slots) {
            let mut so_sure = by_rules
                .iter()
                .filter(|a| a.score() >= *threshold)
                .peekable();
            *fired += u32::from(so_sure.peek().is_some());
            *hits += hit(&mut so_sure);
        }
    }
    Ok(tally)
}

fn summed_up(all: &Tally, model: &RuleModel, thresholds: &[f64], days: i64) -> Validation {
    let baskets = f64::from(all.baskets);
    let mut metrics = vec![
        ("baskets", baskets),
        ("days", days as f64),
        ("rules", model.len() as f64),
        ("hit_rate_at_5", f64::from(all.hits) / baskets),
        ("rule_hit_rate_at_5", f64::from(all.rule_hits) / baskets),
        (
            "popular_hit_rate_at_5",
            f64::from(all.popular_hits) / baskets,
        ),
        ("rule_coverage", f64::from(all.fired) / baskets),
    ];
    if all.fired > 0 {
        let precision = f64::from(all.rule_hits) / f64::from(all.fired);
        metrics.push(("rule_precision_at_5", precision));
    }
    // Each rule as often as its antecedent was bought in the later days.
    let fired: f64 = all.left.iter().map(|n| f64::from(*n)).sum();
    if fired > 0.0 {
        let held: f64 = all.both.iter().map(|n| f64::from(*n)).sum();
        let promised = all.left.iter().enumerate();
        let promised: f64 = promised
            .filter_map(|(at, n)| Some(f64::from(*n) * model.rule_counts(at)?.confidence()))
            .sum();
        metrics.push(("rule_confidence_promised", promised / fired));
        metrics.push(("rule_confidence_kept", held / fired));
    }
    let points = thresholds.iter().zip(all.fired_at.iter().zip(&all.hits_at));
    let coverage = points
        .clone()
        .map(|(x, (fired, _))| (*x, f64::from(*fired) / baskets, None));
    let hit_rate = points
        .filter(|(_, (fired, _))| **fired > 0)
        .map(|(x, (fired, hits))| (*x, f64::from(*hits) / f64::from(*fired), None));
    Validation {
        curves: vec![
            ("hit_rate_by_confidence", hit_rate.collect()),
            ("coverage_by_confidence", coverage.collect()),
        ],
        metrics: metrics
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    }
}
