//! The options of mining, checked before anything is read.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use super::condense::Condense;
use super::{Algorithm, BasketError, LONGEST, Measure};
use crate::params::{Params, wrong};

/// The most items of an itemset from which rules are made: each has a rule for every split in two.
pub const LONGEST_RULE: usize = 20;
/// The most names in a list of items.
pub const MOST_ITEMS: usize = 1_000;
/// The most invoices in a list.
pub const MOST_INVOICES: usize = 10_000;

const RULE_KEYS: [&str; 19] = [
    "min_count",
    "max_antecedent",
    "max_consequent",
    "include",
    "exclude",
    "country",
    "segment",
    "itemsets",
    "max_itemsets",
    "max_rules",
    "time_budget_ms",
    "exclude_invoices",
    "top_k",
    "rank_by",
    "merchandise_only",
    "min_improvement",
    "validation_days",
    "promote",
    "nowait",
];
const ITEMSET_KEYS: [&str; 4] = ["min_count", "itemsets", "max_itemsets", "time_budget_ms"];

/// What rules are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleParams {
    /// The least share of baskets that hold an itemset; above 0.
    pub min_support: f64,
    /// The least confidence of a rule.
    pub min_confidence: f64,
    /// The least lift of a rule.
    pub min_lift: f64,
    /// Items of an itemset, both sides of a rule together; 1 to 20.
    pub max_len: usize,
    /// How itemsets are found.
    pub algorithm: Algorithm,
    /// The fewest baskets that hold an itemset, instead of `min_support`.
    pub min_count: Option<u32>,
    /// Items of an antecedent.
    pub max_antecedent: usize,
    /// Items of a consequent.
    pub max_consequent: usize,
    /// Items of which a rule must have one, as they were named; none: any rule.
    pub include: Vec<String>,
    /// Items that are left out, as they were named.
    pub exclude: Vec<String>,
    /// The country whose baskets are mined.
    pub country: Option<String>,
    /// The segment of customers whose baskets are mined.
    pub segment: Option<String>,
    /// The itemsets of which rules are made.
    pub itemsets: Condense,
    /// The most itemsets; over it the longest are dropped.
    pub max_itemsets: u64,
    /// The most rules; over it the worst by `rank_by` are dropped.
    pub max_rules: usize,
    /// Milliseconds that mining may take; over it the longest itemsets are dropped.
    pub time_budget_ms: u64,
    /// Invoices that are left out.
    pub exclude_invoices: Vec<String>,
    /// How many rules are wanted, the best by `rank_by`.
    pub top_k: Option<usize>,
    /// What rules are ranked by.
    pub rank_by: Measure,
    /// Whether only merchandise is mined: no postage, fees or vouchers.
    pub merchandise_only: bool,
    /// By how much a rule's confidence must be above that of each simpler rule for the same consequent (Bayardo, Agrawal and
    /// Gunopulos 1999); it must be above it in any case. `None`: no rule is left out for it.
    pub min_improvement: Option<f64>,
    /// Days at the end on which the advice is validated; 0: it is not. `None`: the last fifth, when there are baskets enough.
    pub validation_days: Option<u32>,
    /// Whether the model is to serve; `None`: unless it is of a part of the baskets.
    pub promote: Option<bool>,
    /// Whether to fail at once when another session mines.
    pub nowait: bool,
}

impl RuleParams {
    /// Reads and checks the arguments and the options of `rs_mine_rules`.
    ///
    /// # Errors
    /// [`BasketError::Argument`], [`BasketError::Algorithm`], [`BasketError::Params`].
    pub fn parse(
        min_support: f64,
        min_confidence: f64,
        min_lift: f64,
        max_len: i64,
        algorithm: &str,
        options: &Value,
    ) -> Result<RuleParams, BasketError> {
        let params = Params::parse(options, &RULE_KEYS)?;
        let min_count = min_count(&params)?;
        let min_support = support(min_support, min_count)?;
        within("min_confidence", min_confidence, 0.0..=1.0, "from 0 to 1")?;
        within("min_lift", min_lift, 0.0..=1e6, "from 0 to 1000000")?;
        let max_len = length(max_len, LONGEST_RULE, "from 1 to 20")?;
        let side = |key| -> Result<usize, BasketError> {
            let most = params.integer(key, 1..=LONGEST_RULE as u64)?;
            Ok(most.map_or(max_len.saturating_sub(1).max(1), |m| m as usize))
        };
        let rank_by = params.choice("rank_by", &Measure::NAMES)?;
        let top_k = params.integer("top_k", 1..=10_000_000)?;
        let validation_days = params.integer("validation_days", 0..=3_650)?;
        Ok(RuleParams {
            min_support,
            min_confidence,
            min_lift,
            max_len,
            algorithm: Algorithm::parse(algorithm)?,
            min_count,
            max_antecedent: side("max_antecedent")?,
            max_consequent: side("max_consequent")?,
            include: texts(&params, "include", MOST_ITEMS)?,
            exclude: texts(&params, "exclude", MOST_ITEMS)?,
            country: text(&params, "country")?,
            segment: text(&params, "segment")?,
            itemsets: itemsets(&params)?,
            max_itemsets: max_itemsets(&params)?,
            max_rules: params
                .integer("max_rules", 1..=10_000_000)?
                .map_or(100_000, |n| n as usize),
            time_budget_ms: time_budget(&params)?,
            exclude_invoices: texts(&params, "exclude_invoices", MOST_INVOICES)?,
            top_k: top_k.map(|n| n as usize),
            rank_by: rank_by.and_then(Measure::of).unwrap_or(Measure::Lift),
            merchandise_only: params.boolean("merchandise_only")?.unwrap_or(true),
            min_improvement: params.number("min_improvement", 0.0..=1.0)?,
            validation_days: validation_days.map(|n| n as u32),
            promote: params.boolean("promote")?,
            nowait: params.boolean("nowait")?.unwrap_or(false),
        })
    }

    /// All that decides which rules are found, for the registry: what was not given has its default, or is left out where it
    /// has none.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut all = Map::new();
        let mut put = |key: &str, value: Value| {
            let empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
            if !empty {
                all.insert(key.to_owned(), value);
            }
        };
        put("min_support", json!(self.min_support));
        put("min_confidence", json!(self.min_confidence));
        put("min_lift", json!(self.min_lift));
        put("max_len", json!(self.max_len));
        put("algorithm", json!(self.algorithm.name()));
        put("min_count", json!(self.min_count));
        put("max_antecedent", json!(self.max_antecedent));
        put("max_consequent", json!(self.max_consequent));
        put("include", json!(self.include));
        put("exclude", json!(self.exclude));
        put("country", json!(self.country));
        put("segment", json!(self.segment));
        put("itemsets", json!(self.itemsets.name()));
        put("max_itemsets", json!(self.max_itemsets));
        put("max_rules", json!(self.max_rules));
        put("time_budget_ms", json!(self.time_budget_ms));
        put("exclude_invoices", json!(self.exclude_invoices));
        put("top_k", json!(self.top_k));
        put("rank_by", json!(self.rank_by.name()));
        put("merchandise_only", json!(self.merchandise_only));
        put("min_improvement", json!(self.min_improvement));
        put("validation_days", json!(self.validation_days));
        put("promote", json!(self.promote));
        Value::Object(all)
    }
}

/// What itemsets are asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct ItemsetParams {
    /// The least share of baskets that hold an itemset; above 0.
    pub min_support: f64,
    /// Items of an itemset; 1 to [`LONGEST`].
    pub max_len: usize,
    /// How itemsets are found.
    pub algorithm: Algorithm,
    /// The fewest baskets that hold an itemset, instead of `min_support`.
    pub min_count: Option<u32>,
    /// The itemsets that are kept.
    pub itemsets: Condense,
    /// The most itemsets; over it the longest are dropped.
    pub max_itemsets: u64,
    /// Milliseconds that mining may take; over it the longest itemsets are dropped.
    pub time_budget_ms: u64,
}

impl ItemsetParams {
    /// Reads and checks the arguments and the options of `rs_frequent_itemsets`.
    ///
    /// # Errors
    /// [`BasketError::Argument`], [`BasketError::Algorithm`], [`BasketError::Params`].
    pub fn parse(
        min_support: f64,
        max_len: Option<i64>,
        algorithm: &str,
        options: &Value,
    ) -> Result<ItemsetParams, BasketError> {
        let params = Params::parse(options, &ITEMSET_KEYS)?;
        let min_count = min_count(&params)?;
        let max_len = max_len.unwrap_or(LONGEST as i64);
        Ok(ItemsetParams {
            min_support: support(min_support, min_count)?,
            max_len: length(max_len, LONGEST, "from 1 to 64")?,
            algorithm: Algorithm::parse(algorithm)?,
            min_count,
            itemsets: itemsets(&params)?,
            max_itemsets: max_itemsets(&params)?,
            time_budget_ms: time_budget(&params)?,
        })
    }
}

fn argument(name: &'static str, range: &'static str, given: impl ToString) -> BasketError {
    BasketError::Argument {
        name,
        range,
        given: given.to_string(),
    }
}

fn within(
    name: &'static str,
    value: f64,
    range: RangeInclusive<f64>,
    words: &'static str,
) -> Result<(), BasketError> {
    match range.contains(&value) {
        true => Ok(()),
        false => Err(argument(name, words, value)),
    }
}

/// Zero is none: with a count instead the share does not matter.
fn support(given: f64, min_count: Option<u32>) -> Result<f64, BasketError> {
    let positive = given > 0.0 || (given == 0.0 && min_count.is_some());
    match positive && given <= 1.0 {
        true => Ok(given),
        false => Err(argument("min_support", "above 0 and at most 1", given)),
    }
}

fn length(given: i64, most: usize, words: &'static str) -> Result<usize, BasketError> {
    let valid = usize::try_from(given).ok();
    valid
        .filter(|n| (1..=most).contains(n))
        .ok_or_else(|| argument("max_len", words, given))
}

fn min_count(params: &Params<'_>) -> Result<Option<u32>, BasketError> {
    let count = params.integer("min_count", 1..=u64::from(u32::MAX))?;
    Ok(count.map(|n| n as u32))
}

fn itemsets(params: &Params<'_>) -> Result<Condense, BasketError> {
    let name = params.text("itemsets")?;
    Ok(name
        .map(Condense::parse)
        .transpose()?
        .unwrap_or(Condense::All))
}

fn max_itemsets(params: &Params<'_>) -> Result<u64, BasketError> {
    let most = params.integer("max_itemsets", 1..=100_000_000)?;
    Ok(most.unwrap_or(1_000_000))
}

fn time_budget(params: &Params<'_>) -> Result<u64, BasketError> {
    let milliseconds = params.integer("time_budget_ms", 1..=86_400_000)?;
    Ok(milliseconds.unwrap_or(60_000))
}

fn text(params: &Params<'_>, key: &'static str) -> Result<Option<String>, BasketError> {
    Ok(params.text(key)?.map(str::to_owned))
}

fn texts(params: &Params<'_>, key: &'static str, most: usize) -> Result<Vec<String>, BasketError> {
    let list = params.texts(key)?.unwrap_or_default();
    if list.len() > most {
        let problem = format!("must have at most {most} entries, not {}", list.len());
        return Err(wrong(key, problem).into());
    }
    Ok(list.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::error::{Class, Classified};

    fn parse(options: Value) -> Result<RuleParams, BasketError> {
        RuleParams::parse(0.01, 0.3, 1.0, 4, "fpgrowth", &options)
    }

    #[test]
    fn options_have_defaults_and_are_read() {
        let params = parse(json!({})).unwrap();
        assert_eq!((params.max_antecedent, params.max_consequent), (3, 3));
        assert_eq!(
            (params.max_itemsets, params.max_rules),
            (1_000_000, 100_000)
        );
        assert_eq!(
            (params.time_budget_ms, params.rank_by),
            (60_000, Measure::Lift)
        );
        assert!(params.merchandise_only && !params.nowait);
        assert_eq!((params.promote, params.itemsets), (None, Condense::All));
        let options = json!({"min_count": 396, "max_antecedent": 2, "max_consequent": 1, "include": ["22423"],
            "exclude": ["PADS"], "country": "France", "segment": "Champions", "itemsets": "closed",
            "max_itemsets": 5, "max_rules": 6, "time_budget_ms": 7, "exclude_invoices": ["541431", "581483"],
            "top_k": 8, "rank_by": "p_value", "merchandise_only": false, "min_improvement": 0.1,
            "validation_days": 0, "promote": true, "nowait": true});
        let read = parse(options.clone()).unwrap();
        // What is stored is what was given, and the arguments.
        let stored = read.to_json();
        for (key, value) in options.as_object().unwrap() {
            if key != "nowait" {
                assert_eq!(&stored[key], value, "{key}");
            }
        }
        assert_eq!(
            (&stored["min_support"], &stored["max_len"]),
            (&json!(0.01), &json!(4))
        );
        assert!(read.nowait && stored.get("nowait").is_none());
        assert_eq!(RULE_KEYS.len(), options.as_object().unwrap().len());
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_name() {
        let many: Vec<String> = (0..1_001).map(|i| i.to_string()).collect();
        for (options, part) in [
            (json!({"min_cuont": 1}), "did you mean \"min_count\"?"),
            (
                json!({"min_count": 0}),
                "\"min_count\" must be a whole number from 1",
            ),
            (json!({"itemsets": "close"}), "did you mean \"closed\"?"),
            (
                json!({"rank_by": "confidense"}),
                "did you mean \"confidence\"?",
            ),
            (json!({"include": many}), "at most 1000 entries, not 1001"),
            (
                json!({"country": 1}),
                "\"country\" must be a string, not a number",
            ),
            (json!({"min_improvement": 1.5}), "from 0 to 1, not 1.5"),
            (json!({"max_rules": 10_000_001}), "from 1 to 10000000"),
        ] {
            let error = parse(options).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
            assert_eq!(error.class(), Class::InvalidParameter);
        }
        let none = json!({});
        for (support, confidence, lift, len, algorithm, part) in [
            (
                0.0,
                0.3,
                1.0,
                4,
                "fpgrowth",
                "min_support must be above 0 and at most 1, not 0",
            ),
            (f64::NAN, 0.3, 1.0, 4, "fpgrowth", "min_support must be"),
            (
                0.1,
                -0.1,
                1.0,
                4,
                "fpgrowth",
                "min_confidence must be from 0 to 1, not -0.1",
            ),
            (0.1, 0.3, f64::INFINITY, 4, "fpgrowth", "min_lift must be"),
            (
                0.1,
                0.3,
                1.0,
                21,
                "fpgrowth",
                "max_len must be from 1 to 20, not 21",
            ),
            (
                0.1,
                0.3,
                1.0,
                i64::MIN,
                "fpgrowth",
                "max_len must be from 1 to 20",
            ),
            (0.1, 0.3, 1.0, 4, "fpgrwth", "did you mean \"fpgrowth\"?"),
        ] {
            let error = RuleParams::parse(support, confidence, lift, len, algorithm, &none);
            let error = error.unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
            assert_eq!(error.class(), Class::InvalidParameter);
        }
        assert!(RuleParams::parse(0.0, 0.3, 1.0, 4, "auto", &json!({"min_count": 2})).is_ok());
        assert_eq!(
            ItemsetParams::parse(0.1, None, "eclat", &none)
                .unwrap()
                .max_len,
            64
        );
        assert!(ItemsetParams::parse(0.1, Some(0), "eclat", &none).is_err());
        assert!(ItemsetParams::parse(0.1, None, "eclat", &json!({"top_k": 3})).is_err());
    }
}
