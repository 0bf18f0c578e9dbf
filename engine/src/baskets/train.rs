//! From baskets to a model of what is bought together.

use rayon::prelude::*;

use super::evidence::{Evidence, Sheet};
use super::gate::{Cap, Limits};
use super::model::Parts;
use super::rules::Found;
use super::search::Search;
use super::validate::validate;
use super::{
    BasketError, Baskets, Database, Fraction, Measure, Mined, RuleModel, RuleParams, mine,
};
use crate::control::{Charge, Control, Stop, reserve};

const PHASE: &str = "gathering evidence";

/// What is mined, and how. Slices are by item id, as in [`Baskets::labels`].
#[derive(Debug)]
pub struct Request<'a> {
    /// The options.
    pub params: &'a RuleParams,
    /// The baskets; those outside the group are only compared with.
    pub baskets: &'a Baskets,
    /// What the items are called.
    pub descriptions: &'a [Option<String>],
    /// Items that are left out.
    pub excluded: &'a [bool],
    /// Items of which a rule must have one.
    pub included: Option<&'a [bool]>,
    /// Chooses the items that validation hides.
    pub seed: i64,
}

/// Points of a curve: x, y, and the threshold where there is one.
pub type Curve = Vec<(f64, f64, Option<f64>)>;

/// Data set (`train`, `holdout`), name and value of a metric.
pub type Metric = (&'static str, String, f64);

/// A model, and what is to be said of it.
#[derive(Debug)]
pub struct Trained {
    /// The model.
    pub model: RuleModel,
    /// Baskets that were mined.
    pub baskets: u32,
    /// Frequent items.
    pub items: usize,
    /// Frequent itemsets, the single items included, that were kept.
    pub itemsets: u64,
    /// Rules.
    pub rules: usize,
    /// The limits that were reached.
    pub caps: Vec<Cap>,
    /// Items of the longest itemsets that are complete.
    pub longest: usize,
    /// How good it is.
    pub metrics: Vec<Metric>,
    /// Curves by name.
    pub curves: Vec<(&'static str, Curve)>,
}

/// Shares of the time after which mining, the tests of rules, the evidence and the validation must end.
const MINING: f64 = 0.5;
const TESTING: f64 = 0.7;
const EVIDENCE: f64 = 0.8;
const VALIDATION: f64 = 0.95;

/// Rules of one evidence that are gathered between two looks at the time.
const BATCH: usize = 1 << 10;

/// A search for rules in some of the baskets.
#[derive(Clone, Copy)]
pub(super) struct Job<'a> {
    pub request: &'a Request<'a>,
    /// The baskets that are mined.
    pub selected: &'a [bool],
    pub control: &'a dyn Control,
}

/// Itemsets and the rules from them.
pub(super) struct Outcome<'a> {
    job: Job<'a>,
    mined: Mined,
    found: Found,
    /// Itemsets that were kept.
    itemsets: u64,
}

/// Mines rules. `spent` tells the share of the time budget that has been used.
///
/// The model is the same, bit for bit, for any number of threads and any order of lines, unless time runs out.
///
/// # Errors
/// [`BasketError::NoBaskets`] when the group has none, [`BasketError::Stopped`].
pub fn train(
    request: &Request<'_>,
    spent: &(dyn Fn() -> f64 + Sync),
    control: &dyn Control,
) -> Result<Trained, BasketError> {
    let about = request.baskets.about();
    let selected: Vec<bool> = about.iter().map(|a| a.in_group).collect();
    let job = Job {
        request,
        selected: &selected,
        control,
    };
    let mut outcome = job.mine(&|| spent() / TESTING)?;
    let evidence = outcome.evidence(&|| spent() >= EVIDENCE)?;
    let narrowed = request.params.country.is_some() || request.params.segment.is_some();
    let model = outcome.model(&evidence, narrowed)?;
    drop(evidence);
    let started = spent();
    let left = (VALIDATION - started).max(f64::MIN_POSITIVE);
    let validation = validate(&job, &|| (spent() - started) / left)?;
    let Outcome {
        mined,
        found,
        itemsets,
        ..
    } = outcome;
    let mut caps = mined.caps.clone();
    caps.extend(found.caps.iter().filter(|cap| !mined.caps.contains(cap)));
    caps.dedup();
    let values = [
        ("baskets", f64::from(mined.database.total)),
        ("items", mined.database.width() as f64),
        ("itemsets", itemsets as f64),
        ("rules", model.len() as f64),
        ("tested", found.tested as f64),
    ];
    let mut metrics: Vec<Metric> = values
        .into_iter()
        .map(|(name, value)| ("train", name.to_owned(), value))
        .collect();
    let mut curves = Vec::new();
    if let Some(validation) = validation {
        let values = validation.metrics.into_iter();
        metrics.extend(values.map(|(name, value)| ("holdout", name, value)));
        curves = validation.curves;
    }
    Ok(Trained {
        baskets: mined.database.total,
        items: mined.database.width(),
        itemsets,
        rules: model.len(),
        caps,
        longest: found.longest,
        metrics,
        curves,
        model,
    })
}

impl<'a> Job<'a> {
    /// The fewest baskets of an itemset: a count that was given is of the whole group, of a part it is its share.
    fn min_count(&self) -> Result<u32, BasketError> {
        let chosen = |flags: &[bool]| flags.iter().filter(|f| **f).count() as u64;
        let total = chosen(self.selected);
        if total == 0 {
            return Err(BasketError::NoBaskets);
        }
        let params = self.request.params;
        let count = match params.min_count {
            Some(count) => {
                let about = self.request.baskets.about();
                let group = about.iter().filter(|a| a.in_group).count() as u64;
                (u64::from(count) * total).div_ceil(group.max(1))
            }
            None => Fraction::of(params.min_support)
                .unwrap_or(Fraction::ZERO)
                .count_of(total),
        };
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Frequent itemsets and the rules from them, when `spent` tells the share of the time for both.
    pub(super) fn mine(
        &self,
        spent: &(dyn Fn() -> f64 + Sync),
    ) -> Result<Outcome<'a>, BasketError> {
        let (params, control) = (self.request.params, self.control);
        let database = Database::new(
            self.request.baskets,
            Some(self.selected),
            Some(self.request.excluded),
            self.min_count()?,
            control,
        )?;
        let limits = Limits {
            max_len: params.max_len,
            max_itemsets: params.max_itemsets,
        };
        let mining = || spent() * TESTING / MINING;
        let mined = mine(database, params.algorithm, limits, &mining, control)?;
        let ids = &mined.database.ids;
        let sheet = match params.rank_by {
            Measure::Revenue => Some(Sheet::new(
                self.request.baskets,
                self.selected,
                ids,
                control,
            )?),
            _ => None,
        };
        let search = Search {
            mined: &mined,
            params,
            included: self.request.included,
            sheet: sheet.as_ref(),
            late: &|| spent() >= 1.0,
            control,
        };
        let (found, itemsets) = search.run()?;
        drop(sheet);
        Ok(Outcome {
            job: *self,
            mined,
            found,
            itemsets,
        })
    }
}

impl Outcome<'_> {
    /// What the baskets say of each rule. Of the rules of more than two items those are dropped for which there is no time, and
    /// all longer ones.
    fn evidence(&mut self, late: &(dyn Fn() -> bool + Sync)) -> Result<Vec<Evidence>, BasketError> {
        let (request, control) = (self.job.request, self.job.control);
        let ids = &self.mined.database.ids;
        let sheet = Sheet::new(request.baskets, self.job.selected, ids, control)?;
        let least = Fraction::of(request.params.min_confidence).unwrap_or(Fraction::ZERO);
        let rules = self.found.rules.len();
        let bytes = rules * 2 * size_of::<Evidence>();
        let _charge = Charge::new(bytes as u64, PHASE, control)?;
        let mut evidence: Vec<Evidence> = Vec::new();
        reserve(&mut evidence, rules, PHASE)?;
        evidence.resize(rules, Evidence::default());
        let lengths = 2..=self.found.longest;
        let mut done = 0;
        for length in lengths {
            let of_length = |at: &usize| {
                let rule = self.found.rules.get(*at);
                rule.is_some_and(|r| r.length == length)
            };
            let chosen: Vec<usize> = (0..rules).filter(of_length).collect();
            for batch in chosen.chunks(BATCH) {
                control.progress(PHASE, done as u64, rules as u64);
                if length > 2 && late() {
                    return Ok(self.drop_from(length, evidence));
                }
                let gathered: Result<Vec<Evidence>, Stop> = batch
                    .par_iter()
                    .filter_map(|at| self.found.rules.get(*at))
                    .map(|rule| {
                        let (left, right) = self.found.sides(rule);
                        sheet.evidence(&left, &right, least, control)
                    })
                    .collect();
                for (at, gathered) in batch.iter().zip(gathered?) {
                    if let Some(slot) = evidence.get_mut(*at) {
                        *slot = gathered;
                    }
                }
                done += batch.len();
            }
        }
        Ok(evidence)
    }

    fn drop_from(&mut self, length: usize, evidence: Vec<Evidence>) -> Vec<Evidence> {
        self.found.cut(length, Cap::Time);
        let short: Vec<bool> = self.found.rules.iter().map(|r| r.length < length).collect();
        fn keep<T>(values: &mut Vec<T>, flags: &[bool]) {
            let mut flags = flags.iter();
            values.retain(|_| flags.next() == Some(&true));
        }
        let mut evidence = evidence;
        keep(&mut evidence, &short);
        keep(&mut self.found.rules, &short);
        keep(&mut self.found.q_values, &short);
        evidence
    }

    /// The model of these rules.
    pub(super) fn model(
        &self,
        evidence: &[Evidence],
        narrowed: bool,
    ) -> Result<RuleModel, BasketError> {
        let request = self.job.request;
        let parts = Parts {
            baskets: request.baskets,
            selected: self.job.selected,
            excluded: request.excluded,
            descriptions: request.descriptions,
            ids: &self.mined.database.ids,
            found: &self.found,
            evidence,
            narrowed,
        };
        RuleModel::new(&parts, self.job.control)
    }
}
