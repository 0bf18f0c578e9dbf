//! What goes with a basket: by rules, by what was bought with its items, and what sells best.

use std::cmp::Ordering;
use std::collections::HashMap;

use super::RuleModel;
use super::significance::wilson;

/// An item that goes with a basket, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Recommendation<'a> {
    /// Its code.
    pub item: &'a str,
    /// What it is called.
    pub description: Option<&'a str>,
    /// How likely it is: the confidence of the rule, the share of the baskets with the item of `because` that held it, or the
    /// share of all baskets.
    pub score: f64,
    /// The items of the basket that it goes with; none for a best seller.
    pub because: Vec<&'a str>,
    /// `rule`, `complement` or `popular`.
    pub source: &'static str,
}

/// For each item the rules that begin with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Lookup {
    /// Where the rules of each item begin, and one more for the end.
    starts: Vec<u32>,
    rules: Vec<u32>,
}

impl Lookup {
    /// A rule is found by the rarest item of its antecedent: seldom in vain.
    fn new(model: &RuleModel) -> Lookup {
        let count = |item: &u32| model.counts.get(*item as usize).copied().unwrap_or(0);
        let keys: Vec<u32> = (0..model.len())
            .map(|rule| {
                let items = model.rules.antecedents.get(rule).iter();
                items.min_by_key(|i| (count(i), **i)).copied().unwrap_or(0)
            })
            .collect();
        let mut starts = vec![0u32; model.codes.len() + 1];
        for key in &keys {
            if let Some(slot) = starts.get_mut(*key as usize + 1) {
                *slot += 1;
            }
        }
        let mut sum = 0;
        for slot in &mut starts {
            sum += *slot;
            *slot = sum;
        }
        let mut next = starts.clone();
        let mut rules = vec![0u32; keys.len()];
        for (rule, key) in (0u32..).zip(&keys) {
            if let Some(at) = next.get_mut(*key as usize)
                && let Some(slot) = rules.get_mut(*at as usize)
            {
                *slot = rule;
                *at += 1;
            }
        }
        Lookup { starts, rules }
    }

    fn of(&self, item: u32) -> &[u32] {
        let at = item as usize;
        match (self.starts.get(at), self.starts.get(at + 1)) {
            (Some(start), Some(end)) => self
                .rules
                .get(*start as usize..*end as usize)
                .unwrap_or_default(),
            _ => &[],
        }
    }
}

/// Why an item is advised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    /// A rule, by its rank.
    Rule(u32),
    /// An item of the basket that it was bought with.
    With(u32),
    /// It sells well.
    Popular,
}

/// An item that is advised: `part` of `whole` baskets speak for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Advice {
    pub item: u32,
    pub part: u32,
    pub whole: u32,
    pub reason: Reason,
}

impl Advice {
    /// The share of baskets that speaks for the item.
    pub(super) fn score(&self) -> f64 {
        f64::from(self.part) / f64::from(self.whole.max(1))
    }

    /// What it is ranked by: the share that can be counted on, so that 2 baskets of 2 are not before 700 of 1,000.
    fn sure(&self) -> f64 {
        wilson(self.part, self.whole.max(1)).0
    }

    /// The surer one comes first, then the one with more baskets, then a rule, then the lower item.
    fn before(&self, other: &Advice) -> Ordering {
        other
            .sure()
            .total_cmp(&self.sure())
            .then(other.part.cmp(&self.part))
            .then(self.reason.cmp(&other.reason))
            .then(self.item.cmp(&other.item))
    }
}

impl RuleModel {
    /// Calls `each` with the rules whose antecedent is in a basket (ascending items).
    pub(super) fn for_each_firing(&self, basket: &[u32], mut each: impl FnMut(u32)) {
        let lookup = self.lookup.get_or_init(|| Lookup::new(self));
        for item in basket {
            for rule in lookup.of(*item) {
                let mut items = self.rules.antecedents.get(*rule as usize).iter();
                if items.all(|i| basket.binary_search(i).is_ok()) {
                    each(*rule);
                }
            }
        }
    }

    /// The items that rules advise for a basket (ascending items), each with its best rule.
    fn by_rules(&self, basket: &[u32]) -> HashMap<u32, Advice> {
        let mut best = HashMap::new();
        self.for_each_firing(basket, |rule| {
            let Some(counts) = self.rule_counts(rule as usize) else {
                return;
            };
            let items = self.rules.consequents.get(rule as usize);
            if items.iter().any(|i| basket.binary_search(i).is_ok()) {
                return;
            }
            for item in items {
                let new = Advice {
                    item: *item,
                    part: counts.both,
                    whole: counts.left,
                    reason: Reason::Rule(rule),
                };
                keep_best(&mut best, new);
            }
        });
        best
    }

    /// The items that rules advise for a basket (ascending items), the best first.
    pub(super) fn advise_by_rules(&self, basket: &[u32]) -> Vec<Advice> {
        sorted(self.by_rules(basket))
    }

    /// The `n` items that go best with a basket (ascending items), the best first.
    ///
    /// Rules and complements are ranked together: on Online Retail II one of five items hits more often so than when rules
    /// come first, since few items are frequent enough for rules.
    pub(super) fn advise(&self, basket: &[u32], n: usize) -> Vec<Advice> {
        let mut best = self.by_rules(basket);
        for with in basket {
            for (item, part, whole) in self.complements.of(*with) {
                if basket.binary_search(&item).is_err() {
                    let new = Advice {
                        item,
                        part,
                        whole,
                        reason: Reason::With(*with),
                    };
                    keep_best(&mut best, new);
                }
            }
        }
        let mut advice = sorted(best);
        advice.truncate(n);
        for item in &self.popular {
            if advice.len() >= n {
                break;
            }
            let known = advice.iter().any(|a| a.item == *item);
            if basket.binary_search(item).is_err() && !known {
                advice.push(Advice {
                    item: *item,
                    part: self.counts.get(*item as usize).copied().unwrap_or(0),
                    whole: self.total,
                    reason: Reason::Popular,
                });
            }
        }
        advice
    }

    /// The `n` items that go best with a basket of these codes (unknown ones are ignored): by rules and by what was most often
    /// bought with an item of the basket, the surest first (by the lower end of Wilson's interval of the score), then best
    /// sellers. Never an item that is in the basket.
    #[must_use]
    pub fn recommend(&self, basket: &[&str], n: usize) -> Vec<Recommendation<'_>> {
        let number = |code: &&str| self.codes.binary_search_by(|c| c.as_str().cmp(code)).ok();
        let mut items: Vec<u32> = basket.iter().filter_map(number).map(|i| i as u32).collect();
        items.sort_unstable();
        items.dedup();
        let shown = |advice: Advice| {
            let (because, source) = match advice.reason {
                Reason::Rule(rule) => {
                    let items = self.rules.antecedents.get(rule as usize);
                    (items.iter().map(|i| self.code(*i)).collect(), "rule")
                }
                Reason::With(item) => (vec![self.code(item)], "complement"),
                Reason::Popular => (Vec::new(), "popular"),
            };
            Recommendation {
                item: self.code(advice.item),
                description: self.description(advice.item),
                score: advice.score(),
                because,
                source,
            }
        };
        self.advise(&items, n).into_iter().map(shown).collect()
    }
}

/// Of the reasons for an item the best one stays.
fn keep_best(best: &mut HashMap<u32, Advice>, new: Advice) {
    let old = best.entry(new.item).or_insert(new);
    if new.before(old).is_lt() {
        *old = new;
    }
}

fn sorted(best: HashMap<u32, Advice>) -> Vec<Advice> {
    let mut all: Vec<Advice> = best.into_values().collect();
    all.sort_unstable_by(Advice::before);
    all
}
