//! Frequent itemsets of any query.

use crate::baskets::{Limits, spent_of};
use crate::pg::error::{Failure, Outcome};
use crate::pg::interrupt::{Crew, Watch, with_crew};
use crate::pg::json::Document;
use crate::pg::query::{UserQuery, as_text};
use crate::pg::rowset::{Call, Cell, RowSet};
use crate::pg::settings::locally;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::baskets::{
    About, BasketsBuilder, Cap, Condense, Database, Fraction, Index, ItemsetParams,
    Limits as Bounds, Listing, mine,
};
use retailscope_engine::control::Control;
use serde_json::{Value, json};
use std::time::Instant;

const PHASE: &str = "reading baskets";

/// All lines of a query are of one group and no day.
const ABOUT: About = About {
    day: 0,
    in_group: true,
};

/// Itemsets as they are returned.
struct Found {
    listing: Listing,
    labels: Vec<String>,
    baskets: u32,
    caps: Vec<Cap>,
    longest: usize,
}

/// Lists the itemsets that are frequent in the baskets of a query. Without a search path of its own: the query is the caller's.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_frequent_itemsets(baskets text, min_support float8, max_len integer DEFAULT NULL,
                                                 algorithm text DEFAULT 'fpgrowth', options jsonb DEFAULT '{}')
RETURNS TABLE(itemset text[], support float8, baskets bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
pub fn rs_frequent_itemsets(
    call: Call,
    baskets: Option<&str>,
    min_support: Option<f64>,
    max_len: Option<i32>,
    algorithm: Option<&str>,
    options: Option<Document>,
) -> Result<(), ErrorReport> {
    let options = match options {
        Some(document) => document.value("options")?,
        None => json!({}),
    };
    let params = checked(
        min_support,
        max_len,
        algorithm.unwrap_or("fpgrowth"),
        options,
    )?;
    let Some(query) = baskets else {
        return Err(Failure::invalid("baskets must not be NULL")
            .hint("It is a query of baskets and items, such as SELECT invoice_no, stock_code FROM orders.")
            .into());
    };
    let (limits, caps) = list(RowSet::begin(&call)?, query, params)?;
    limits.report(&caps);
    Ok(())
}

/// A support above 1 is a number of baskets.
fn checked(
    min_support: Option<f64>,
    max_len: Option<i32>,
    algorithm: &str,
    mut options: Value,
) -> Outcome<ItemsetParams> {
    let Some(mut support) = min_support else {
        return Err(Failure::invalid("min_support must not be NULL")
            .hint("A share of the baskets, such as 0.01, or above 1 a number of them."));
    };
    if support > 1.0 {
        if support.fract() != 0.0 || support > f64::from(u32::MAX) {
            return Err(Failure::invalid(format!(
                "min_support must be a share of the baskets, at most 1, or a whole number of them, not {support}"
            )));
        }
        if let Some(all) = options.as_object_mut() {
            all.entry("min_count").or_insert(json!(support as u32));
        }
        support = 1.0;
    }
    Ok(ItemsetParams::parse(
        support,
        max_len.map(i64::from),
        algorithm,
        &options,
    )?)
}

fn list(mut out: RowSet, query: &str, params: ItemsetParams) -> Outcome<(Limits, Vec<Cap>)> {
    let mut limits = Limits {
        what: "itemsets",
        longest: 0,
        max_itemsets: params.max_itemsets,
        time_budget_ms: params.time_budget_ms,
        max_rules: 0,
    };
    let clock = Instant::now();
    let found = with_crew(|crew| {
        let builder = read(query, crew)?;
        if builder.is_empty() {
            return Ok(None);
        }
        let watch = crew.watch();
        let worker = crew.spawn("itemsets", move || {
            let spent = spent_of(params.time_budget_ms, clock);
            watch.in_parallel(|| find(builder, &params, &spent, watch))
        })?;
        crew.join(worker).map(Some)
    })?;
    // A query without rows has no baskets, and so no itemsets.
    let Some(found) = found else {
        return Ok((limits, Vec::new()));
    };
    let mut names: Vec<&str> = Vec::new();
    for (place, (items, support)) in found.listing.iter().enumerate() {
        names.clear();
        names.extend(
            items
                .iter()
                .filter_map(|id| found.labels.get(*id as usize))
                .map(String::as_str),
        );
        out.put(&[
            Cell::Texts(&names),
            Cell::Float(f64::from(support) / f64::from(found.baskets)),
            Cell::Big(i64::from(support)),
        ])?;
        if place % 1024 == 0 {
            pgrx::check_for_interrupts!();
        }
    }
    limits.longest = found.longest;
    Ok((limits, found.caps))
}

fn read(query: &str, crew: &Crew<'_, '_>) -> Outcome<BasketsBuilder> {
    crew.announce(PHASE);
    let query = UserQuery {
        text: query,
        argument: "baskets",
        example: "SELECT invoice_no, stock_code FROM orders",
    };
    let (mut first, mut second) = (String::new(), String::new());
    let mut read = 0u64;
    // Compiling the query takes longer than it saves, and hears no cancel.
    locally(&[(c"jit", c"off")], || {
        query.read(
            |form| match form.columns.len() {
                2 => Ok(BasketsBuilder::default()),
                n => Err(query.refused(format!("must be a query of 2 columns, not of {n}"))),
            },
            |builder, rows| {
                for row in 0..rows.len() {
                    // Nobody knows what a line without a basket belongs to.
                    let Some(basket) = as_text(rows, row, 0, &mut first) else {
                        continue;
                    };
                    let item = as_text(rows, row, 1, &mut second);
                    builder.push(basket, item, 0.0, ABOUT, crew.watch())?;
                }
                read += rows.len() as u64;
                crew.watch().progress(PHASE, read, 0);
                crew.poll();
                Ok(())
            },
        )
    })
}

fn find(
    builder: BasketsBuilder,
    params: &ItemsetParams,
    spent: &(dyn Fn() -> f64 + Sync),
    watch: &Watch,
) -> Outcome<Found> {
    let baskets = builder.finish(watch)?;
    let share =
        Fraction::of(params.min_support).map_or(1, |share| share.count_of(baskets.len() as u64));
    let min_count = params
        .min_count
        .unwrap_or(u32::try_from(share).unwrap_or(u32::MAX));
    let database = Database::new(&baskets, None, None, min_count, watch)?;
    let bounds = Bounds {
        max_len: params.max_len,
        max_itemsets: params.max_itemsets,
    };
    let total = database.total;
    let mined = mine(database, params.algorithm, bounds, spent, watch)?;
    let kept = match params.itemsets {
        Condense::All => None,
        fewer => Some(fewer.kept(&Index::new(&mined.itemsets, watch)?, watch)?),
    };
    Ok(Found {
        listing: Listing::new(&mined, kept.as_deref(), watch)?,
        labels: baskets.labels().to_vec(),
        baskets: total,
        caps: mined.caps,
        longest: mined.longest,
    })
}
