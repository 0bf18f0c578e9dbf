//! The day up to which everything is known.

use crate::pg::cursor::{Snapshot, for_each_batch_in};
use crate::pg::datum::EPOCH_DAYS;
use crate::pg::error::{Failure, Outcome};
use crate::pg::plan::run_kept;
use crate::pg::settings::locally;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// The day after the newest fact, in days since 1970.
///
/// The batches and the marts know it, mostly, and the index by blocks (BRIN) tells at once that no fact is later and some are
/// of that day. Only after changes by hand are the facts read for it.
///
/// # Errors
/// 55000 without facts.
pub fn day_after_newest() -> Outcome<i32> {
    let stated = run_kept(
        "SELECT max(t.day) - date '1970-01-01'
         FROM (SELECT max(b.last_date) FROM retailscope.etl_batch AS b
               UNION ALL SELECT max(s.as_of) - 1 FROM retailscope.mart_state AS s) AS t (day)",
        &[],
        |rows| Ok(rows.and_then(|r| r.i32(0, 0))),
    )?;
    if let Some(day) = stated
        && is_newest(day)?
    {
        return Ok(day + 1);
    }
    let mut newest = None;
    for_each_batch_in(
        Snapshot::Statement,
        "SELECT max(f.date) - date '1970-01-01' FROM retailscope.fact_sales AS f",
        &[],
        |rows| {
            newest = rows.i32(0, 0);
            Ok(())
        },
    )?;
    newest.map(|day| day + 1).ok_or_else(|| {
        Failure::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "there are no sales yet",
        )
        .hint("Load some first, with rs_ingest_file() or rs_generate_sales().")
    })
}

/// The day as of which models predict: the day after the newest fact.
#[pg_extern(stable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
pub fn rs_default_as_of() -> Result<Option<pgrx::datum::Date>, ErrorReport> {
    let day = day_after_newest()?;
    Ok(pgrx::datum::Date::try_from(day - EPOCH_DAYS).ok())
}

fn is_newest(day: i32) -> Outcome<bool> {
    // A plan for any day expects a third of the facts to be later, and would read them all, or all of the index by customer.
    // Only the index by blocks tells at once that there is none.
    let by_blocks = [
        (c"enable_seqscan", c"off"),
        (c"enable_indexscan", c"off"),
        (c"enable_indexonlyscan", c"off"),
    ];
    locally(&by_blocks, || {
        run_kept(
            "SELECT EXISTS (SELECT FROM retailscope.fact_sales AS f WHERE f.date = date '1970-01-01' + $1)
                AND NOT EXISTS (SELECT FROM retailscope.fact_sales AS f WHERE f.date > date '1970-01-01' + $1)",
            &[day.into()],
            |rows| Ok(rows.and_then(|r| r.bool(0, 0)) == Some(true)),
        )
    })
}
