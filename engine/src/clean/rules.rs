//! Rules that are data: which codes and invoices are fees, adjustments, returns, or no merchandise.

pub use super::standard::{standard_aliases, standard_rules};

use super::error::CleanError;
use super::line::LineKind;
use super::text::{MAX_NAME, trimmed};
use crate::ingest::{FIELDS, Field};
use hashbrown::HashMap;
use regex::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

/// Most bytes that one compiled pattern may take, and all of a field together. They bound the time of a match as well.
const MAX_PATTERN: usize = 2 << 20;
const MAX_SET: usize = 8 << 20;

/// Remembered outcomes per field, and the longest text that is remembered, in bytes.
const SLOTS: usize = 1 << 13;
const MAX_REMEMBERED: usize = 64;

/// What a rule makes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// The line gets this kind.
    Kind(LineKind),
    /// The line is refused, with the rule's note as the reason.
    Reject,
}

/// A rule: lines whose field matches get a kind, or are merchandise or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Rules are tried from the lowest number up; equal numbers in the order in which they are given.
    pub priority: i32,
    /// The field that is looked at, after normalising.
    pub field: Field,
    /// A regular expression that must match the whole field; upper and lower case are the same.
    pub pattern: String,
    /// The kind, where the rule decides that.
    pub kind: Option<RuleKind>,
    /// Whether the line is merchandise, where the rule decides that.
    pub is_merchandise: Option<bool>,
    /// What the rule is about; shown to users.
    pub note: String,
}

/// Compiled rules and country aliases.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// By priority; the index is the rank.
    ranked: Vec<Rule>,
    fields: [Option<FieldRules>; FIELDS],
    /// By the alias in upper case.
    aliases: HashMap<String, String>,
}

#[derive(Debug, Clone)]
struct FieldRules {
    set: RegexSet,
    /// The rank of each pattern in the set.
    ranks: Vec<usize>,
}

impl Rules {
    /// Compiles rules and aliases (alias, country).
    ///
    /// # Errors
    /// [`CleanError`] for a pattern that is no regular expression or too large, a rule on a field without text, or an alias
    /// without a name or a country. It names the rule or the alias.
    pub fn compile(
        mut rules: Vec<Rule>,
        aliases: Vec<(String, String)>,
    ) -> Result<Rules, CleanError> {
        rules.sort_by_key(|rule| rule.priority);
        let mut compiled = Rules::default();
        for rule in &rules {
            check(rule)?;
        }
        for field in Field::ALL {
            let of_field = || {
                rules
                    .iter()
                    .enumerate()
                    .filter(|(_, rule)| rule.field == field)
            };
            if of_field().next().is_none() {
                continue;
            }
            let set = RegexSetBuilder::new(of_field().map(|(_, rule)| anchored(&rule.pattern)))
                .case_insensitive(true)
                .size_limit(MAX_SET)
                .build()
                .map_err(|e| CleanError::RulesTooLarge {
                    field: field.name(),
                    problem: problem(&e),
                })?;
            let ranks = of_field().map(|(rank, _)| rank).collect();
            if let Some(slot) = compiled.fields.get_mut(field as usize) {
                *slot = Some(FieldRules { set, ranks });
            }
        }
        compiled.ranked = rules;
        for (alias, country) in aliases {
            let (name, target) = (trimmed(&alias).to_uppercase(), trimmed(&country).to_owned());
            let problem = match () {
                () if name.is_empty() => "the alias is empty",
                () if target.is_empty() => "it names no country",
                () if target.len() > MAX_NAME => "the country's name is too long",
                () => {
                    compiled.aliases.insert(name, target);
                    continue;
                }
            };
            return Err(CleanError::Alias {
                alias,
                country,
                problem,
            });
        }
        Ok(compiled)
    }

    /// No rules and no aliases: the signs of quantity and price decide the kind, and everything is merchandise.
    #[must_use]
    pub fn none() -> Rules {
        Rules::default()
    }

    /// The country that a name in upper case is an alias of.
    pub(super) fn alias(&self, upper: &str) -> Option<&str> {
        self.aliases.get(upper).map(String::as_str)
    }

    fn verdict(&self, field: Field, text: &str) -> Verdict {
        let mut verdict = Verdict::default();
        if let Some(Some(rules)) = self.fields.get(field as usize) {
            for rank in rules
                .set
                .matches(text)
                .iter()
                .filter_map(|i| rules.ranks.get(i).copied())
            {
                let rule = self.ranked.get(rank);
                verdict = verdict.and(Verdict {
                    kind: rule.and_then(|r| r.kind).map(|_| rank),
                    merchandise: rule.and_then(|r| r.is_merchandise).map(|_| rank),
                });
            }
        }
        verdict
    }
}

fn check(rule: &Rule) -> Result<(), CleanError> {
    let (field, pattern) = (rule.field.name(), rule.pattern.clone());
    if matches!(
        rule.field,
        Field::Quantity | Field::SoldAt | Field::UnitPrice
    ) {
        return Err(CleanError::RuleField { field, pattern });
    }
    // Alone as well as anchored: "a)|(b" is a pattern only between the parentheses of the anchors.
    compiled(&rule.pattern)
        .and_then(|_| compiled(&anchored(&rule.pattern)))
        .map(|_| ())
        .map_err(|e| CleanError::Pattern {
            field,
            pattern,
            problem: problem(&e),
        })
}

fn compiled(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .case_insensitive(true)
        .size_limit(MAX_PATTERN)
        .build()
}

fn anchored(pattern: &str) -> String {
    format!(r"\A(?:{pattern})\z")
}

/// The last line of a regex error says what is wrong; the lines before draw the pattern.
fn problem(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or("");
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

/// The ranks of the rules that decide, as far as the fields seen so far tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Verdict {
    kind: Option<usize>,
    merchandise: Option<usize>,
}

impl Verdict {
    fn and(self, other: Verdict) -> Verdict {
        let first = |a: Option<usize>, b: Option<usize>| a.into_iter().chain(b).min();
        Verdict {
            kind: first(self.kind, other.kind),
            merchandise: first(self.merchandise, other.merchandise),
        }
    }
}

/// The texts of a line that rules look at, normalised.
#[derive(Debug, Clone, Copy)]
pub(super) struct Texts<'a> {
    pub invoice_no: &'a str,
    pub stock_code: &'a str,
    pub description: &'a str,
    pub customer_id: &'a str,
    pub country: &'a str,
}

/// What the rules say about a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Its kind, where a rule decides that, and whether it is merchandise.
    Line {
        kind: Option<LineKind>,
        is_merchandise: bool,
    },
    /// It is refused, for this reason.
    Reject(String),
}

/// Applies rules and remembers what came of a text, in a fixed number of slots per field.
#[derive(Debug)]
pub(super) struct Matcher {
    rules: Rules,
    /// Per field with rules; a text has one slot and takes it from whatever was there.
    remembered: [Vec<(String, Verdict)>; FIELDS],
}

impl Matcher {
    pub fn new(rules: Rules) -> Matcher {
        let mut remembered: [Vec<(String, Verdict)>; FIELDS] = Default::default();
        for (slots, field) in remembered.iter_mut().zip(Field::ALL) {
            if let Some(Some(_)) = rules.fields.get(field as usize) {
                // An empty slot stands for the empty text.
                slots.resize(SLOTS, (String::new(), rules.verdict(field, "")));
            }
        }
        Matcher { rules, remembered }
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub fn outcome(&mut self, texts: &Texts<'_>) -> Outcome {
        let verdict = self
            .verdict(Field::InvoiceNo, texts.invoice_no)
            .and(self.verdict(Field::StockCode, texts.stock_code))
            .and(self.verdict(Field::Description, texts.description))
            .and(self.verdict(Field::CustomerId, texts.customer_id))
            .and(self.verdict(Field::Country, texts.country));
        let rule = |rank: Option<usize>| rank.and_then(|r| self.rules.ranked.get(r));
        let kind = match rule(verdict.kind) {
            Some(Rule {
                kind: Some(RuleKind::Kind(kind)),
                ..
            }) => Some(*kind),
            Some(
                rule @ Rule {
                    kind: Some(RuleKind::Reject),
                    ..
                },
            ) => return Outcome::Reject(reason(rule)),
            _ => None,
        };
        let is_merchandise = rule(verdict.merchandise)
            .and_then(|r| r.is_merchandise)
            .unwrap_or(true);
        Outcome::Line {
            kind,
            is_merchandise,
        }
    }

    fn verdict(&mut self, field: Field, text: &str) -> Verdict {
        let Some(slots) = self
            .remembered
            .get_mut(field as usize)
            .filter(|slots| !slots.is_empty())
        else {
            return Verdict::default();
        };
        if text.len() > MAX_REMEMBERED {
            return self.rules.verdict(field, text);
        }
        let Some((known, verdict)) = slots.get_mut(slot(text)) else {
            return self.rules.verdict(field, text);
        };
        if known != text {
            known.clear();
            known.push_str(text);
            *verdict = self.rules.verdict(field, text);
        }
        *verdict
    }
}

fn slot(text: &str) -> usize {
    // FNV-1a: short texts, and only the spread matters.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 32)) as usize % SLOTS
}

fn reason(rule: &Rule) -> String {
    if rule.note.trim().is_empty() {
        return format!("{} matches the rule {:?}", rule.field.name(), rule.pattern);
    }
    rule.note.clone()
}
