//! Mining: sales are read as baskets in one snapshot, the engine mines on worker threads, the registry stores what comes out.

use crate::baskets::read::{Lines, Products, Wanted, read};
use crate::baskets::{Limits, TASK, select, spent_of};
use crate::models::{self, NewModel};
use crate::pg::cursor::in_fresh_snapshot;
use crate::pg::datum::EPOCH_DAYS;
use crate::pg::error::{Failure, Outcome};
use crate::pg::interrupt::{Watch, with_crew};
use crate::pg::json::Document;
use crate::pg::privilege::all_rows;
use crate::pg::rowset::{Call, Cell, RowSet};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::baskets::{Cap, RuleParams, Trained, train};
use retailscope_engine::day_text;
use retailscope_engine::models::{Kind, Schema, seal};
use std::collections::BTreeSet;
use std::time::Instant;

/// Mining chooses at random which items validation hides, always in the same way.
const SEED: i64 = 42;

/// What is asked for.
struct Request {
    params: RuleParams,
    from: Option<i32>,
    to: Option<i32>,
    began: Instant,
}

/// What the registry's transaction has to write, and what the call tells.
struct Outcomes {
    new: NewModel,
    bytes: Vec<u8>,
    items: usize,
    itemsets: u64,
    rules: usize,
    caps: Vec<Cap>,
    longest: usize,
    /// What options say.
    promote: Option<bool>,
    /// True when a country or a segment was mined.
    is_part: bool,
}

/// Mines rules, stores them as a model, and lets it serve.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_mine_rules(min_support float8 DEFAULT 0.01, min_confidence float8 DEFAULT 0.3, min_lift float8 DEFAULT 1.0,
                                          max_len integer DEFAULT 4, algorithm text DEFAULT 'fpgrowth', from_date date DEFAULT NULL,
                                          to_date date DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS TABLE(model_id bigint, baskets bigint, items bigint, itemsets bigint, rules bigint, truncated boolean, seconds float8,
              algorithm text, longest integer, promoted boolean, verdict text)
LANGUAGE c VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
#[allow(clippy::too_many_arguments)]
pub fn rs_mine_rules(
    call: Call,
    min_support: Option<f64>,
    min_confidence: Option<f64>,
    min_lift: Option<f64>,
    max_len: Option<i32>,
    algorithm: Option<&str>,
    from_date: Option<pgrx::datum::Date>,
    to_date: Option<pgrx::datum::Date>,
    options: Option<Document>,
) -> Result<(), ErrorReport> {
    let began = Instant::now();
    let options = match options {
        Some(document) => document.value("options")?,
        None => serde_json::json!({}),
    };
    let day = |d: pgrx::datum::Date| d.to_pg_epoch_days().saturating_add(EPOCH_DAYS);
    let request = Request {
        params: RuleParams::parse(
            min_support.unwrap_or(0.01),
            min_confidence.unwrap_or(0.3),
            min_lift.unwrap_or(1.0),
            i64::from(max_len.unwrap_or(4)),
            algorithm.unwrap_or("fpgrowth"),
            &options,
        )
        .map_err(Failure::from)?,
        from: from_date.filter(|d| !d.is_neg_infinity()).map(day),
        to: to_date.filter(|d| !d.is_infinity()).map(day),
        began,
    };
    drop(options);
    let (limits, caps) = mine(RowSet::begin(&call)?, request)?;
    limits.report(&caps);
    Ok(())
}

fn mine(mut out: RowSet, request: Request) -> Outcome<(Limits, Vec<Cap>)> {
    let limits = Limits {
        what: "rules",
        longest: 0,
        max_itemsets: request.params.max_itemsets,
        time_budget_ms: request.params.time_budget_ms,
        max_rules: request.params.max_rules,
    };
    let began = request.began;
    models::lock(TASK, request.params.nowait)?;
    // Rules of the sales that one role may see would serve everybody. Another session may have stored a model, or loaded
    // sales, while this one waited.
    let mut mined = all_rows(|| in_fresh_snapshot(|| read_and_mine(request)))?;
    decide(&mut mined);
    let model_id = models::store(&mined.new, &mined.bytes)?;
    let promote = mined.promote == Some(true);
    if promote {
        models::promote(model_id, &mined.new.verdict)?;
    }
    out.put(&[
        Cell::Big(model_id),
        Cell::Big(mined.new.training_rows as i64),
        Cell::Big(mined.items as i64),
        Cell::Big(i64::try_from(mined.itemsets).unwrap_or(i64::MAX)),
        Cell::Big(mined.rules as i64),
        Cell::Bool(!mined.caps.is_empty()),
        Cell::Float(began.elapsed().as_secs_f64()),
        Cell::Text(mined.new.algorithm),
        Cell::Int(i32::try_from(mined.longest).unwrap_or(i32::MAX)),
        Cell::Bool(promote),
        Cell::Text(&mined.new.verdict),
    ])?;
    let longest = mined.longest;
    Ok((Limits { longest, ..limits }, mined.caps))
}

fn read_and_mine(request: Request) -> Outcome<Outcomes> {
    let clock = Instant::now();
    let params = &request.params;
    if let (Some(from), Some(to)) = (request.from, request.to)
        && from > to
    {
        return Err(Failure::invalid("from_date is after to_date")
            .hint("Both are days of sales that are mined."));
    }
    let excluded = select::items(&params.exclude)?;
    let included = match params.include.as_slice() {
        [] => None,
        entries => Some(select::items(entries)?),
    };
    let customers = match &params.segment {
        Some(segment) => Some(select::customers(segment)?),
        None => None,
    };
    with_crew(|crew| {
        let params = &request.params;
        let mut products = Products::read(crew)?;
        let wanted = Wanted {
            from: request.from,
            to: request.to,
            without: &params.exclude_invoices,
            merchandise_only: params.merchandise_only,
            country: params.country.as_deref(),
            customers,
        };
        let lines = read(&wanted, &mut products, crew)?;
        if lines.of_group == 0
            && lines.builder.lines() > 0
            && let Some(country) = wanted.country
        {
            return Err(select::no_baskets_of(country)?);
        }
        drop(wanted);
        let watch = crew.watch();
        let worker = crew.spawn("rules", move || {
            watch.in_parallel(|| {
                let spent = spent_of(request.params.time_budget_ms, clock);
                compute(
                    &request,
                    lines,
                    products,
                    &excluded,
                    included.as_ref(),
                    &spent,
                    watch,
                )
            })
        })?;
        crew.join(worker)
    })
}

fn compute(
    request: &Request,
    lines: Lines,
    products: Products,
    excluded: &BTreeSet<String>,
    included: Option<&BTreeSet<String>>,
    spent: &(dyn Fn() -> f64 + Sync),
    watch: &Watch,
) -> Outcome<Outcomes> {
    let params = &request.params;
    let baskets = lines.builder.finish(watch)?;
    let labels = baskets.labels();
    let among = |names: &BTreeSet<String>| -> Vec<bool> {
        labels.iter().map(|label| names.contains(label)).collect()
    };
    let (excluded, included) = (among(excluded), included.map(among));
    let descriptions = products.descriptions(labels);
    let trained = train(
        &retailscope_engine::baskets::Request {
            params,
            baskets: &baskets,
            descriptions: &descriptions,
            excluded: &excluded,
            included: included.as_deref(),
            seed: SEED,
        },
        spent,
        watch,
    )?;
    let schema = Schema {
        features: Vec::new(),
        types: Vec::new(),
    };
    let bytes = seal(Kind::Baskets, &schema, &trained.model, watch)?;
    let mined = baskets.about().iter().filter(|a| a.in_group);
    let newest = mined.map(|a| a.day).max().unwrap_or(0);
    Ok(outcomes(
        request,
        trained,
        bytes,
        newest + 1,
        baskets.hash(),
    ))
}

fn outcomes(
    request: &Request,
    trained: Trained,
    bytes: Vec<u8>,
    as_of: i32,
    data_hash: String,
) -> Outcomes {
    let p = &request.params;
    let mut params = p.to_json();
    if let Some(all) = params.as_object_mut() {
        for (key, day) in [("from_date", request.from), ("to_date", request.to)] {
            all.extend(day.map(|d| (key.to_owned(), day_text(d).into())));
        }
    }
    let new = NewModel {
        task: TASK.into(),
        algorithm: p.algorithm.name(),
        params,
        seed: SEED,
        as_of,
        training_rows: trained.baskets as usize,
        data_hash,
        features: Vec::new(),
        seconds: request.began.elapsed().as_secs_f64(),
        verdict: String::new(),
        metrics: trained.metrics,
        importance: Vec::new(),
        curves: trained.curves,
    };
    Outcomes {
        new,
        bytes,
        items: trained.items,
        itemsets: trained.itemsets,
        rules: trained.rules,
        caps: trained.caps,
        longest: trained.longest,
        promote: p.promote,
        is_part: p.country.is_some() || p.segment.is_some(),
    }
}

/// Whether the model comes to serve, and why.
fn decide(mined: &mut Outcomes) {
    let (promote, verdict) = match mined.promote {
        Some(true) => (true, "the newest rules serve"),
        Some(false) => (false, "options say not to promote it"),
        None if mined.is_part => (
            false,
            "rules of a part of the baskets serve only when they are promoted",
        ),
        // A limit that was reached at night must not leave the shop without advice.
        None if mined.rules == 0 && matches!(models::serving(TASK), Ok(Some(_))) => {
            (false, "it has no rules: the model before serves on")
        }
        None => (true, "the newest rules serve"),
    };
    mined.promote = Some(promote);
    verdict.clone_into(&mut mined.new.verdict);
}
