//! Rules as they are found: splits of itemsets, and their rank.

use std::cmp::Ordering;

use super::gate::Cap;
use super::measures::Counts;
use super::options::LONGEST_RULE;
use crate::control::Charge;

/// The frequent itemsets of one length that rules are made of.
#[derive(Debug)]
pub(super) struct Level {
    /// Items of each.
    pub length: usize,
    /// Numbers of the items of each, ascending, one itemset after the other.
    pub paths: Vec<u32>,
    pub _charge: Charge,
}

/// A rule: a split of an itemset.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    /// What it is ranked by, the larger the better.
    pub value: f64,
    /// Its counts.
    pub counts: Counts,
    /// Fisher's p-value.
    pub p_value: f64,
    /// Its confidence less the highest one of a simpler rule for the same consequent.
    pub improvement: f64,
    /// Items of both sides together.
    pub length: usize,
    /// The itemset, among those of its length.
    pub at: u32,
    /// A bit for each item of the itemset that is in the antecedent.
    pub mask: u32,
}

/// Rules that reach all thresholds, by rank.
#[derive(Debug)]
pub(super) struct Found {
    /// The rules.
    pub rules: Vec<Rule>,
    /// Their p-values after Benjamini and Hochberg, over all rules tested.
    pub q_values: Vec<f64>,
    /// How many rules were tested.
    pub tested: u64,
    /// Items of the longest itemsets whose rules were all tested.
    pub longest: usize,
    /// The limits that were reached.
    pub caps: Vec<Cap>,
    /// The itemsets that rules are splits of.
    pub levels: Vec<Level>,
    pub _charge: Charge,
}

impl Found {
    /// Says that rules of so many items, and longer ones, were not all tested.
    pub(super) fn cut(&mut self, length: usize, cap: Cap) {
        self.longest = self.longest.min(length.saturating_sub(1));
        self.caps.push(cap);
    }

    /// The sides of a rule as ascending numbers.
    pub(super) fn sides(&self, rule: &Rule) -> (Vec<u32>, Vec<u32>) {
        let mut sides = (Vec::new(), Vec::new());
        for (bit, item) in path(&self.levels, rule).iter().enumerate() {
            if rule.mask >> bit & 1 == 1 {
                sides.0.push(*item);
            } else {
                sides.1.push(*item);
            }
        }
        sides
    }
}

/// The order of rules: by what they are ranked by, then by baskets, then by the labels of the antecedent's items and of the
/// consequent's. `ids` are the items' ids, which are in the order of labels.
pub(super) fn rank(a: &Rule, b: &Rule, levels: &[Level], ids: &[u32]) -> Ordering {
    let by_value = b.value.total_cmp(&a.value);
    by_value
        .then(b.counts.both.cmp(&a.counts.both))
        .then_with(|| Sides::of(a, levels, ids).cmp(&Sides::of(b, levels, ids)))
}

/// The items of a rule's sides by id, ascending.
struct Sides {
    items: [u32; LONGEST_RULE],
    left: usize,
    length: usize,
}

impl Sides {
    fn of(rule: &Rule, levels: &[Level], ids: &[u32]) -> Sides {
        let left = rule.mask.count_ones() as usize;
        let mut items = [0; LONGEST_RULE];
        let (antecedent, consequent) = items.split_at_mut(left.min(LONGEST_RULE));
        let (mut to_left, mut to_right) = (antecedent.iter_mut(), consequent.iter_mut());
        for (bit, item) in path(levels, rule).iter().enumerate() {
            let slot = match rule.mask >> bit & 1 {
                1 => to_left.next(),
                _ => to_right.next(),
            };
            if let (Some(slot), Some(id)) = (slot, ids.get(*item as usize)) {
                *slot = *id;
            }
        }
        antecedent.sort_unstable();
        if let Some(filled) = consequent.get_mut(..rule.length.saturating_sub(left)) {
            filled.sort_unstable();
        }
        Sides {
            items,
            left,
            length: rule.length,
        }
    }

    fn cmp(&self, other: &Sides) -> Ordering {
        fn sides(s: &Sides) -> (&[u32], &[u32]) {
            let all = s.items.get(..s.length).unwrap_or_default();
            let (left, right) = all.split_at(s.left.min(all.len()));
            (left, right)
        }
        sides(self).cmp(&sides(other))
    }
}

fn path<'l>(levels: &'l [Level], rule: &Rule) -> &'l [u32] {
    let level = levels.iter().find(|l| l.length == rule.length);
    let start = rule.at as usize * rule.length;
    level
        .and_then(|l| l.paths.get(start..start + rule.length))
        .unwrap_or_default()
}
