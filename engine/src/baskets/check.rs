//! Whether a stored model is whole.

use super::RuleModel;
use super::measures::Counts;
use super::model::{Lists, MOST_POPULAR, Rules};

impl RuleModel {
    /// Checks what was read from outside: after it, no call fails on the model itself.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), &'static str> {
        let items = self.codes.len();
        if self.descriptions.len() != items || self.counts.len() != items {
            return Err("the model has parts of different lengths");
        }
        if !self.codes.is_sorted_by(|a, b| a < b) {
            return Err("the model's items are not in order");
        }
        let mut texts = self.codes.iter().chain(self.descriptions.iter().flatten());
        if texts.any(|text| text.contains('\0')) {
            return Err("the model has a text that cannot be shown");
        }
        if self.counts.iter().any(|count| *count > self.total) {
            return Err("the model counts more baskets than there are");
        }
        self.check_rules()?;
        self.complements.check(items, self.total)?;
        let mut popular = self.popular.clone();
        popular.sort_unstable();
        let known = popular.iter().all(|item| (*item as usize) < items);
        if popular.len() > MOST_POPULAR || !known || !popular.is_sorted_by(|a, b| a < b) {
            return Err("the model's best sellers do not fit");
        }
        Ok(())
    }

    fn check_rules(&self) -> Result<(), &'static str> {
        let (rules, items) = (&self.rules, self.codes.len());
        let all = self.len();
        check_lists(&rules.antecedents, all, items)?;
        check_lists(&rules.consequents, all, items)?;
        let rest = rules.rest.iter();
        let columns = [
            &rules.baskets,
            &rules.antecedent_baskets,
            &rules.consequent_baskets,
            &rules.months,
            &rules.months_held,
        ];
        let floats = [
            &rules.p_values,
            &rules.q_values,
            &rules.improvements,
            &rules.revenue,
        ];
        let whole = columns.iter().all(|c| c.len() == all)
            && floats.iter().all(|c| c.len() == all)
            && rest
                .into_iter()
                .all(|r| r.baskets.len() == all && r.antecedent_baskets.len() == all);
        if !whole {
            return Err("the model has parts of different lengths");
        }
        let shares = |values: &[f64]| values.iter().all(|v| (0.0..=1.0).contains(v));
        let finite = rules.improvements.iter().all(|v| v.abs() <= 1.0)
            && rules.revenue.iter().all(|v| v.is_finite());
        if !shares(&rules.p_values) || !shares(&rules.q_values) || !finite {
            return Err("the model has a number that is out of its range");
        }
        match (0..all).all(|at| self.fits(rules, at)) {
            true => Ok(()),
            false => Err("the counts of a rule do not fit each other"),
        }
    }

    fn fits(&self, rules: &Rules, at: usize) -> bool {
        let Some(counts) = self.rule_counts(at) else {
            return false;
        };
        let Counts {
            both,
            left,
            right,
            total,
        } = counts;
        let (antecedent, consequent) = (rules.antecedents.get(at), rules.consequents.get(at));
        let most = |items: &[u32]| {
            let count = |item: &u32| self.counts.get(*item as usize).copied().unwrap_or(0);
            items.iter().map(count).min().unwrap_or(0)
        };
        let months = |column: &[u32]| column.get(at).copied().unwrap_or(0);
        let rest = rules.rest.as_ref().is_none_or(|rest| {
            let (both, left) = (rest.baskets.get(at), rest.antecedent_baskets.get(at));
            both <= left
        });
        both >= 1
            && both <= left.min(right)
            && left <= most(antecedent)
            && right <= most(consequent)
            && u64::from(left) + u64::from(right) <= u64::from(total) + u64::from(both)
            && !antecedent
                .iter()
                .any(|i| consequent.binary_search(i).is_ok())
            && i32::try_from(months(&rules.months)).is_ok()
            && months(&rules.months_held) <= months(&rules.months)
            && rest
    }
}

/// Lists of ascending items, none of them empty.
fn check_lists(lists: &Lists, all: usize, items: usize) -> Result<(), &'static str> {
    let ends = lists.ends.len() == all
        && lists.ends.is_sorted()
        && lists.ends.last().map_or(0, |end| *end as usize) == lists.items.len();
    let fits = |list: &[u32]| {
        let known = list.last().is_some_and(|last| (*last as usize) < items);
        known && list.is_sorted_by(|a, b| a < b)
    };
    match ends && (0..all).all(|at| fits(lists.get(at))) {
        true => Ok(()),
        false => Err("the items of a rule are not in order"),
    }
}
