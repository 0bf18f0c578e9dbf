//! The cleaning rules, which are data: `retailscope.clean_rule` and `retailscope.country_alias`.

use crate::pg::cursor::{Rows, for_each_batch};
use crate::pg::error::{Failure, Outcome, spi};
use pgrx::prelude::*;
use retailscope_engine::clean::LineKind;
use retailscope_engine::clean::rules::{Rule, RuleKind, Rules, standard_aliases, standard_rules};
use retailscope_engine::ingest::Field;

/// The rules in force.
///
/// # Errors
/// A pattern that is not a regular expression; PostgreSQL's own unwind.
pub fn read() -> Outcome<Rules> {
    let mut rules = Vec::new();
    for_each_batch(
        "SELECT r.field, r.pattern, r.line_kind, r.note, r.priority, r.is_merchandise
         FROM retailscope.clean_rule r WHERE r.enabled ORDER BY r.priority, r.rule_id",
        &[],
        |rows| {
            for row in 0..rows.len() {
                rules.push(rule(rows, row)?);
            }
            Ok(())
        },
    )?;
    let mut aliases = Vec::new();
    for_each_batch(
        "SELECT a.alias, a.country FROM retailscope.country_alias a ORDER BY a.alias",
        &[],
        |rows| {
            for row in 0..rows.len() {
                aliases.push((text(rows, row, 0), text(rows, row, 1)));
            }
            Ok(())
        },
    )?;
    Ok(Rules::compile(rules, aliases)?)
}

fn text(rows: &Rows<'_>, row: usize, column: usize) -> String {
    rows.text(row, column)
        .map(|t| String::from_utf8_lossy(t).into_owned())
        .unwrap_or_default()
}

fn rule(rows: &Rows<'_>, row: usize) -> Outcome<Rule> {
    let name = text(rows, row, 0);
    let field = Field::ALL
        .into_iter()
        .find(|f| f.name() == name)
        .ok_or_else(|| Failure::invalid(format!("clean_rule.field \"{name}\" is no field")))?;
    let kind = rows.text(row, 2).map(|kind| match kind {
        b"reject" => Some(RuleKind::Reject),
        kind => std::str::from_utf8(kind)
            .ok()
            .and_then(LineKind::parse)
            .map(RuleKind::Kind),
    });
    Ok(Rule {
        priority: rows.i32(row, 4).unwrap_or(100),
        field,
        pattern: text(rows, row, 1),
        kind: kind.flatten(),
        is_merchandise: rows.bool(row, 5),
        note: text(rows, row, 3),
    })
}

/// Writes the standard rules where they are not yet there.
///
/// # Errors
/// PostgreSQL's own unwind.
pub fn seed() -> Outcome<()> {
    for rule in standard_rules() {
        let kind = rule.kind.map(|kind| match kind {
            RuleKind::Kind(kind) => kind.name(),
            RuleKind::Reject => "reject",
        });
        Spi::run_with_args(
            "INSERT INTO retailscope.clean_rule (priority, field, pattern, line_kind, is_merchandise, note)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            &[
                rule.priority.into(),
                rule.field.name().into(),
                rule.pattern.into(),
                kind.into(),
                rule.is_merchandise.into(),
                rule.note.into(),
            ],
        )
        .map_err(spi)?;
    }
    for (alias, country) in standard_aliases() {
        Spi::run_with_args(
            "INSERT INTO retailscope.country_alias (alias, country) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            &[alias.into(), country.into()],
        )
        .map_err(spi)?;
    }
    Ok(())
}
