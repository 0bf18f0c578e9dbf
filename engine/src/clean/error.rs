//! What can be wrong with the settings of cleaning. Wrong lines are not errors: they become rejects.

use crate::error::{Class, Classified};

/// Why a set of rules, aliases or date formats cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CleanError {
    /// A rule's pattern is not a regular expression, or one that would take too much memory.
    #[error("the rule on {field} with the pattern {pattern:?} cannot be used: {problem}")]
    Pattern {
        /// The rule's field.
        field: &'static str,
        /// The rule's pattern.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A rule looks at a field that holds no text.
    #[error("the rule with the pattern {pattern:?} looks at {field}, which is not a text")]
    RuleField {
        /// The rule's field.
        field: &'static str,
        /// The rule's pattern.
        pattern: String,
    },
    /// There are more rules than can be matched at once.
    #[error("the rules on {field} are too large together: {problem}")]
    RulesTooLarge {
        /// The field that they look at.
        field: &'static str,
        /// Which limit they break.
        problem: String,
    },
    /// A country alias has no name, or names no country.
    #[error("the country alias {alias:?} -> {country:?} cannot be used: {problem}")]
    Alias {
        /// The alias.
        alias: String,
        /// What it stands for.
        country: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A date format cannot be read by.
    #[error("the date format {format:?} cannot be used: {problem}")]
    DateFormat {
        /// The format.
        format: String,
        /// What is wrong with it; names the part.
        problem: String,
    },
}

impl Classified for CleanError {
    fn class(&self) -> Class {
        Class::InvalidParameter
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            CleanError::Pattern { .. } => {
                "Correct or disable the rule in retailscope.clean_rule. A pattern is a regular expression that \
                 must match the whole field; upper and lower case are the same."
            }
            CleanError::RuleField { .. } => {
                "Rules can look at invoice_no, stock_code, description, customer_id and country."
            }
            CleanError::RulesTooLarge { .. } => {
                "Disable some rules in retailscope.clean_rule, or write shorter patterns."
            }
            CleanError::Alias { .. } => "Correct or delete the row in retailscope.country_alias.",
            CleanError::DateFormat { .. } => {
                "Write it like \"MM/DD/YYYY HH24:MI\" (parts: YYYY YY MM Mon Month DD HH24 HH12 HH MI SS MS US AM) \
                 or like \"%d.%m.%Y %H:%M\"."
            }
        };
        Some(hint.to_owned())
    }
}
