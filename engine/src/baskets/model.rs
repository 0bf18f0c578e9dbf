//! Rules as they are stored, and how they are read.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::advice::Lookup;
use super::complements::Complements;
use super::evidence::Evidence;
use super::measures::Counts;
use super::rules::Found;
use super::significance::wilson;
use super::{BasketError, Baskets};
use crate::control::{Control, Stop, reserve};

const PHASE: &str = "storing rules";
/// The most best sellers that are stored.
pub(super) const MOST_POPULAR: usize = 50;

/// A model of what is bought together. Items are numbered in the order of their codes' bytes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RuleModel {
    /// Baskets that were mined.
    pub(super) total: u32,
    /// Codes of the items, ascending.
    pub(super) codes: Vec<String>,
    /// What the items are called.
    pub(super) descriptions: Vec<Option<String>>,
    /// Baskets that hold an item.
    pub(super) counts: Vec<u32>,
    pub(super) rules: Rules,
    /// For each item what was most often bought with it.
    pub(super) complements: Complements,
    /// The items in most baskets, the best first.
    pub(super) popular: Vec<u32>,
    #[serde(skip)]
    pub(super) lookup: OnceLock<Lookup>,
}

/// Rules by rank, as columns.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Rules {
    pub antecedents: Lists,
    pub consequents: Lists,
    pub baskets: Vec<u32>,
    pub antecedent_baskets: Vec<u32>,
    pub consequent_baskets: Vec<u32>,
    pub p_values: Vec<f64>,
    pub q_values: Vec<f64>,
    pub improvements: Vec<f64>,
    pub revenue: Vec<f64>,
    pub months: Vec<u32>,
    pub months_held: Vec<u32>,
    /// Of a model of a part of the baskets.
    pub rest: Option<Rest>,
}

/// What is known of rules outside the group that was mined.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Rest {
    pub baskets: Vec<u32>,
    pub antecedent_baskets: Vec<u32>,
}

/// Lists of items, one behind the other.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Lists {
    /// Where each ends in `items`.
    pub ends: Vec<u32>,
    pub items: Vec<u32>,
}

impl Lists {
    pub(super) fn get(&self, at: usize) -> &[u32] {
        let start = match at.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(0),
            None => 0,
        };
        let end = self.ends.get(at).copied().unwrap_or(start);
        self.items
            .get(start as usize..end as usize)
            .unwrap_or_default()
    }

    pub(super) fn push(&mut self, items: &[u32]) -> Result<(), Stop> {
        reserve(&mut self.ends, 1, PHASE)?;
        reserve(&mut self.items, items.len(), PHASE)?;
        self.items.extend_from_slice(items);
        self.ends.push(self.items.len() as u32);
        Ok(())
    }
}

/// A rule with all that is known of it. Items of a side are in the order of their codes' bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleRow<'a> {
    /// Codes of the items that the rule starts from.
    pub antecedent: Vec<&'a str>,
    /// Codes of the items that it advises.
    pub consequent: Vec<&'a str>,
    /// What the antecedent's items are called; an item without a description is called by its code.
    pub antecedent_descriptions: Vec<&'a str>,
    /// What the consequent's items are called.
    pub consequent_descriptions: Vec<&'a str>,
    /// Share of the baskets that hold all items.
    pub support: f64,
    /// Share of the antecedent's baskets that hold the consequent too.
    pub confidence: f64,
    /// Support over what it would be by chance.
    pub lift: f64,
    /// Support less what it would be by chance.
    pub leverage: f64,
    /// How much less often the rule fails than by chance; infinite when it never fails.
    pub conviction: f64,
    /// Zhang's measure, from -1 to 1.
    pub zhang: f64,
    /// Baskets that hold all items.
    pub baskets: i64,
    /// Fisher's exact test, one-sided: the probability of so many baskets or more by chance.
    pub p_value: f64,
    /// The same after Benjamini and Hochberg, over all rules that were tested.
    pub q_value: f64,
    /// Lower end of Wilson's interval of 95 % for the confidence.
    pub confidence_low: f64,
    /// Its upper end.
    pub confidence_high: f64,
    /// Baskets that hold the antecedent.
    pub antecedent_baskets: i64,
    /// Baskets that hold the consequent.
    pub consequent_baskets: i64,
    /// Share of the baskets with either side that hold both.
    pub jaccard: f64,
    /// Support over the geometric mean of the supports of the sides.
    pub cosine: f64,
    /// Mean of the confidences of the rule and its reverse.
    pub kulczynski: f64,
    /// Confidence less the highest one of a simpler rule for the same consequent.
    pub improvement: Option<f64>,
    /// What the rule's items earned in the baskets that hold them all.
    pub revenue: f64,
    /// Months in which the antecedent was bought.
    pub months: i32,
    /// Of these the months in which the rule had the confidence that was asked for.
    pub months_held: i32,
    /// Of baskets outside the group that was mined those that hold all items; `None` when all baskets were mined.
    pub rest_baskets: Option<i64>,
    /// The rule's confidence there; `None` too where nobody bought the antecedent.
    pub rest_confidence: Option<f64>,
}

/// What a model is made of.
pub(super) struct Parts<'a> {
    pub baskets: &'a Baskets,
    /// The baskets that were mined.
    pub selected: &'a [bool],
    /// Items that are left out.
    pub excluded: &'a [bool],
    pub descriptions: &'a [Option<String>],
    /// Ids of the items' numbers.
    pub ids: &'a [u32],
    pub found: &'a Found,
    /// Of each rule; none where nobody reads it.
    pub evidence: &'a [Evidence],
    /// True for a model of a part of the baskets.
    pub narrowed: bool,
}

impl RuleModel {
    /// Puts a model together.
    ///
    /// # Errors
    /// [`BasketError::Stopped`].
    pub(super) fn new(parts: &Parts<'_>, control: &dyn Control) -> Result<RuleModel, BasketError> {
        let labels = parts.baskets.labels();
        let text: usize = labels.iter().map(|l| l.len() + 100).sum();
        let rules = parts.found.rules.len() as u64;
        control.budget(PHASE, text as u64 + rules * 150)?;
        let mut counts = vec![0u32; labels.len()];
        let mut total = 0;
        for (basket, _) in parts.selected.iter().enumerate().filter(|(_, s)| **s) {
            total += 1;
            for item in parts.baskets.items(basket) {
                if let Some(count) = counts.get_mut(*item as usize) {
                    *count += 1;
                }
            }
        }
        control.check()?;
        let excluded = |item: u32| parts.excluded.get(item as usize) == Some(&true);
        let mut popular: Vec<(u32, u32)> = counts.iter().copied().zip(0u32..).collect();
        popular.retain(|(count, item)| *count > 0 && !excluded(*item));
        popular.sort_unstable_by_key(|(count, item)| (std::cmp::Reverse(*count), *item));
        let rules = Rules::new(parts, control)?;
        let descriptions = (0..labels.len())
            .map(|at| parts.descriptions.get(at).cloned().flatten())
            .collect();
        Ok(RuleModel {
            total,
            codes: labels.to_vec(),
            descriptions,
            counts,
            rules,
            complements: Complements::new(parts.baskets, parts.selected, parts.excluded, control)?,
            popular: popular.iter().take(MOST_POPULAR).map(|p| p.1).collect(),
            lookup: OnceLock::new(),
        })
    }

    /// How many rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.baskets.len()
    }

    /// True without any rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.baskets.is_empty()
    }

    /// Baskets that were mined.
    #[must_use]
    pub fn baskets(&self) -> u32 {
        self.total
    }

    pub(super) fn code(&self, item: u32) -> &str {
        self.codes.get(item as usize).map_or("", String::as_str)
    }

    pub(super) fn description(&self, item: u32) -> Option<&str> {
        self.descriptions.get(item as usize)?.as_deref()
    }

    /// The rules in the order of their rank.
    pub fn rows(&self) -> impl Iterator<Item = RuleRow<'_>> {
        (0..self.len()).filter_map(|at| self.row(at))
    }

    pub(super) fn rule_counts(&self, at: usize) -> Option<Counts> {
        Some(Counts {
            both: *self.rules.baskets.get(at)?,
            left: *self.rules.antecedent_baskets.get(at)?,
            right: *self.rules.consequent_baskets.get(at)?,
            total: self.total,
        })
    }

    fn row(&self, at: usize) -> Option<RuleRow<'_>> {
        let rules = &self.rules;
        let counts = self.rule_counts(at)?;
        let codes = |items: &[u32]| items.iter().map(|i| self.code(*i)).collect();
        let names = |items: &[u32]| {
            let name = |i: &u32| self.description(*i).unwrap_or(self.code(*i));
            items.iter().map(name).collect()
        };
        let (left, right) = (rules.antecedents.get(at), rules.consequents.get(at));
        let (confidence_low, confidence_high) = wilson(counts.both, counts.left);
        let rest = rules.rest.as_ref().and_then(|rest| {
            let (both, left) = (*rest.baskets.get(at)?, *rest.antecedent_baskets.get(at)?);
            Some((both, left))
        });
        Some(RuleRow {
            antecedent: codes(left),
            consequent: codes(right),
            antecedent_descriptions: names(left),
            consequent_descriptions: names(right),
            support: counts.support(),
            confidence: counts.confidence(),
            lift: counts.lift(),
            leverage: counts.leverage(),
            conviction: counts.conviction(),
            zhang: counts.zhang(),
            baskets: counts.both.into(),
            p_value: *rules.p_values.get(at)?,
            q_value: *rules.q_values.get(at)?,
            confidence_low,
            confidence_high,
            antecedent_baskets: counts.left.into(),
            consequent_baskets: counts.right.into(),
            jaccard: counts.jaccard(),
            cosine: counts.cosine(),
            kulczynski: counts.kulczynski(),
            improvement: rules.improvements.get(at).copied(),
            revenue: *rules.revenue.get(at)?,
            months: i32::try_from(*rules.months.get(at)?).ok()?,
            months_held: i32::try_from(*rules.months_held.get(at)?).ok()?,
            rest_baskets: rest.map(|(both, _)| both.into()),
            rest_confidence: rest
                .filter(|(_, left)| *left > 0)
                .map(|(both, left)| f64::from(both) / f64::from(left)),
        })
    }
}

impl Rules {
    fn new(parts: &Parts<'_>, control: &dyn Control) -> Result<Rules, Stop> {
        let mut rules = Rules {
            rest: parts.narrowed.then(Rest::default),
            ..Rules::default()
        };
        let ids = |numbers: &[u32]| {
            let id = |number: &u32| parts.ids.get(*number as usize).copied();
            let mut ids: Vec<u32> = numbers.iter().filter_map(id).collect();
            ids.sort_unstable();
            ids
        };
        for (at, (rule, q_value)) in parts
            .found
            .rules
            .iter()
            .zip(&parts.found.q_values)
            .enumerate()
        {
            if at % (1 << 12) == 0 {
                control.check()?;
            }
            let (left, right) = parts.found.sides(rule);
            rules.antecedents.push(&ids(&left))?;
            rules.consequents.push(&ids(&right))?;
            rules.baskets.push(rule.counts.both);
            rules.antecedent_baskets.push(rule.counts.left);
            rules.consequent_baskets.push(rule.counts.right);
            rules.p_values.push(rule.p_value);
            rules.q_values.push(*q_value);
            rules.improvements.push(rule.improvement);
            let evidence = parts.evidence.get(at).copied().unwrap_or_default();
            rules.revenue.push(evidence.revenue);
            rules.months.push(evidence.months);
            rules.months_held.push(evidence.months_held);
            if let Some(rest) = &mut rules.rest {
                rest.baskets.push(evidence.rest_both);
                rest.antecedent_baskets.push(evidence.rest_left);
            }
        }
        Ok(rules)
    }
}
