//! The rules that serve: all of a model's, and what they advise for a basket.

use crate::baskets::{TASK, products};
use crate::models::{Cache, Stored, bytes_of, no_model, rule_model, serving_or_hint, stored};
use crate::pg::error::{Failure, Outcome};
use crate::pg::rowset::{Call, Cell, RowSet};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::baskets::{RuleModel, RuleRow};
use std::rc::Rc;

thread_local! {
    static MODELS: Cache<RuleModel> = const { Cache::new() };
}

fn load(stored: &Stored) -> Outcome<Rc<RuleModel>> {
    MODELS.with(|cache| cache.get(stored, |stored| rule_model(&bytes_of(stored)?)))
}

/// The rules of a stored model, the best first.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_model_rules(model_id bigint)
RETURNS TABLE(rank integer, antecedent text[], consequent text[], support float8, confidence float8, lift float8, leverage float8,
              conviction float8, zhang float8, baskets bigint, p_value float8, antecedent_descriptions text[],
              consequent_descriptions text[], q_value float8, confidence_low float8, confidence_high float8, antecedent_baskets bigint,
              consequent_baskets bigint, jaccard float8, cosine float8, kulczynski float8, improvement float8, revenue float8,
              months integer, months_held integer, rest_baskets bigint, rest_confidence float8)
LANGUAGE c STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
pub fn rs_model_rules(call: Call, model_id: i64) -> Result<(), ErrorReport> {
    all_rules(RowSet::begin(&call)?, model_id)?;
    Ok(())
}

fn all_rules(mut out: RowSet, model_id: i64) -> Outcome<()> {
    let stored = stored(model_id)?.ok_or_else(|| no_model(model_id))?;
    let model = load(&stored)?;
    for (rank, rule) in (1i32..).zip(model.rows()) {
        put(&mut out, rank, &rule)?;
        if rank % 256 == 0 {
            pgrx::check_for_interrupts!();
        }
    }
    Ok(())
}

fn put(out: &mut RowSet, rank: i32, rule: &RuleRow<'_>) -> Outcome<()> {
    out.put(&[
        Cell::Int(rank),
        Cell::Texts(&rule.antecedent),
        Cell::Texts(&rule.consequent),
        Cell::Float(rule.support),
        Cell::Float(rule.confidence),
        Cell::Float(rule.lift),
        Cell::Float(rule.leverage),
        Cell::Float(rule.conviction),
        Cell::Float(rule.zhang),
        Cell::Big(rule.baskets),
        Cell::Float(rule.p_value),
        Cell::Texts(&rule.antecedent_descriptions),
        Cell::Texts(&rule.consequent_descriptions),
        Cell::Float(rule.q_value),
        Cell::Float(rule.confidence_low),
        Cell::Float(rule.confidence_high),
        Cell::Big(rule.antecedent_baskets),
        Cell::Big(rule.consequent_baskets),
        Cell::Float(rule.jaccard),
        Cell::Float(rule.cosine),
        Cell::Float(rule.kulczynski),
        rule.improvement.map_or(Cell::Null, Cell::Float),
        Cell::Float(rule.revenue),
        Cell::Int(rule.months),
        Cell::Int(rule.months_held),
        rule.rest_baskets.map_or(Cell::Null, Cell::Big),
        rule.rest_confidence.map_or(Cell::Null, Cell::Float),
    ])
}

/// What goes with a basket, by the rules that serve.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_recommend(items text[], n integer DEFAULT 5)
RETURNS TABLE(item text, description text, score float8, because text[], source text)
LANGUAGE c STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
pub fn rs_recommend(
    call: Call,
    items: Option<pgrx::Array<'_, &str>>,
    n: Option<i32>,
) -> Result<(), ErrorReport> {
    recommend(RowSet::begin(&call)?, items, n)?;
    Ok(())
}

fn recommend(mut out: RowSet, items: Option<pgrx::Array<'_, &str>>, n: Option<i32>) -> Outcome<()> {
    let n = match n {
        None => usize::MAX,
        Some(n) => usize::try_from(n).map_err(|_| {
            Failure::invalid(format!("n must be 0 or more, not {n}")).hint("NULL gives all.")
        })?,
    };
    let stored = serving_or_hint(TASK, "SELECT * FROM rs_mine_rules();")?;
    let model = load(&stored)?;
    let mut basket = Vec::new();
    for item in items.iter().flat_map(pgrx::Array::iter).flatten() {
        pgrx::check_for_interrupts!();
        basket.extend(products::known(item)?);
    }
    let codes: Vec<&str> = basket.iter().map(String::as_str).collect();
    for advice in model.recommend(&codes, n) {
        out.put(&[
            Cell::Text(advice.item),
            advice.description.map_or(Cell::Null, Cell::Text),
            Cell::Float(advice.score),
            Cell::Texts(&advice.because),
            Cell::Text(advice.source),
        ])?;
    }
    Ok(())
}
