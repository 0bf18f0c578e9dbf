//! Ingest: a file, a relation or the sample generator flows through cleaning into the lake and the warehouse.

pub mod batch;
pub mod book;
pub mod facts;
pub mod keys;
mod load;
mod prepare;
pub mod rules;
mod sample;
mod table;

use crate::lake::write::LakeOutput;
use crate::pg::error::{Outcome, spi};
use crate::pg::files;
use crate::pg::interrupt::{Crew, with_crew};
use crate::pg::json::Document;
use batch::{Batch, Totals};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use prepare::Prepared;
use retailscope_engine::clean::decimal::format_decimal;
use retailscope_engine::clean::line::AMOUNT_SCALE;
use retailscope_engine::ingest::{Mapping, Options, open_file};
use std::time::Instant;

/// The row that every ingest gives back.
type Ingested = TableIterator<
    'static,
    (
        i64,
        i64,
        i64,
        i64,
        i64,
        Option<pgrx::datum::Date>,
        Option<pgrx::datum::Date>,
        AnyNumeric,
        AnyNumeric,
        i32,
        f64,
    ),
>;

/// Loads a file on the server: .csv, .csv.gz, .csv.zst or .parquet.
///
/// # Errors
/// 42501 without `pg_read_server_files` or outside `retailscope.allowed_dirs`, 22P04 for a file that is not what it claims
/// to be, 22023 for a wrong mapping or option.
#[pg_extern(volatile, parallel_unsafe)]
#[search_path(pg_catalog, pg_temp)]
fn rs_ingest_file(
    path: &str,
    mapping: default!(Document, "'{}'"),
    options: default!(Document, "'{}'"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(batch_id, i64),
            name!(rows_read, i64),
            name!(rows_loaded, i64),
            name!(rows_duplicate, i64),
            name!(rows_rejected, i64),
            name!(first_date, Option<pgrx::datum::Date>),
            name!(last_date, Option<pgrx::datum::Date>),
            name!(gross_revenue, AnyNumeric),
            name!(net_revenue, AnyNumeric),
            name!(lake_files, i32),
            name!(seconds, f64),
        ),
    >,
    ErrorReport,
> {
    let started = Instant::now();
    let (mapping, options) = (mapping.value("mapping")?, options.value("options")?);
    let (columns, choices) = parse(&mapping, &options)?;
    let file = files::open_for_reading(path)?;
    Ok(ingest(
        started,
        path,
        &mapping,
        &options,
        &choices,
        |crew, batch| {
            let source = open_file(file, path, &columns, &choices, crew.watch())?;
            prepare::from_source(crew, source, &choices, batch)
        },
    )?)
}

/// Loads a table, view, foreign table or partitioned table; rows and columns that the caller may not see are not read.
///
/// The declaration is written out because pgrx has no `regclass`.
///
/// # Errors
/// 42501 without SELECT on it, 22023 for a wrong mapping or option.
#[pg_extern(
    sql = "CREATE FUNCTION rs_ingest_table(source regclass, mapping jsonb DEFAULT '{}', options jsonb DEFAULT '{}')
RETURNS TABLE (batch_id bigint, rows_read bigint, rows_loaded bigint, rows_duplicate bigint, rows_rejected bigint,
    first_date date, last_date date, gross_revenue numeric, net_revenue numeric, lake_files integer, seconds double precision)
VOLATILE PARALLEL UNSAFE STRICT SET search_path = pg_catalog, pg_temp
LANGUAGE c AS 'MODULE_PATHNAME', 'rs_ingest_table_wrapper';"
)]
fn rs_ingest_table(
    source: pgrx::pg_sys::Oid,
    mapping: default!(Document, "'{}'"),
    options: default!(Document, "'{}'"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(batch_id, i64),
            name!(rows_read, i64),
            name!(rows_loaded, i64),
            name!(rows_duplicate, i64),
            name!(rows_rejected, i64),
            name!(first_date, Option<pgrx::datum::Date>),
            name!(last_date, Option<pgrx::datum::Date>),
            name!(gross_revenue, AnyNumeric),
            name!(net_revenue, AnyNumeric),
            name!(lake_files, i32),
            name!(seconds, f64),
        ),
    >,
    ErrorReport,
> {
    let started = Instant::now();
    let (mapping, options) = (mapping.value("mapping")?, options.value("options")?);
    let (columns, choices) = parse(&mapping, &options)?;
    let relation = table::Relation::describe(source, &columns, &choices)?;
    let name = relation.name().to_owned();
    Ok(ingest(
        started,
        &name,
        &mapping,
        &options,
        &choices,
        |crew, batch| {
            prepare::from_main_thread(crew, relation.extra_columns(), &choices, batch, |sink| {
                relation.read(crew.watch(), sink)
            })
        },
    )?)
}

/// Makes up the sales of a retailer and loads them: the same rows for the same arguments.
///
/// # Errors
/// 22023 for numbers out of range.
#[pg_extern(volatile, parallel_unsafe)]
#[search_path(pg_catalog, pg_temp)]
fn rs_generate_sales(
    customers: default!(i32, 2000),
    days: default!(i32, 730),
    seed: default!(i64, 42),
) -> Result<
    TableIterator<
        'static,
        (
            name!(batch_id, i64),
            name!(rows_read, i64),
            name!(rows_loaded, i64),
            name!(rows_duplicate, i64),
            name!(rows_rejected, i64),
            name!(first_date, Option<pgrx::datum::Date>),
            name!(last_date, Option<pgrx::datum::Date>),
            name!(gross_revenue, AnyNumeric),
            name!(net_revenue, AnyNumeric),
            name!(lake_files, i32),
            name!(seconds, f64),
        ),
    >,
    ErrorReport,
> {
    let started = Instant::now();
    let none = serde_json::json!({});
    let (_, choices) = parse(&none, &none)?;
    let source = sample::Generator::new(customers, days, seed)?;
    let name = format!("rs_generate_sales({customers}, {days}, {seed})");
    Ok(ingest(
        started,
        &name,
        &none,
        &none,
        &choices,
        |crew, batch| prepare::from_source(crew, Box::new(source), &choices, batch),
    )?)
}

fn parse(mapping: &serde_json::Value, options: &serde_json::Value) -> Outcome<(Mapping, Options)> {
    Ok((Mapping::parse(mapping)?, Options::parse(options)?))
}

/// What all three do: take the writer's place, open the record, prepare, load, close.
fn ingest(
    started: Instant,
    source: &str,
    mapping: &serde_json::Value,
    options: &serde_json::Value,
    choices: &Options,
    prepare: impl for<'s, 'e> FnOnce(&Crew<'s, 'e>, &mut Batch) -> Outcome<Prepared>,
) -> Outcome<Ingested> {
    batch::become_writer(choices.nowait)?;
    keys::lock_warehouse()?;
    with_crew(|crew| {
        let mut batch = Batch::begin(source, mapping, options)?;
        let lake = LakeOutput::begin(batch.id)?;
        let prepared = prepare(crew, &mut batch)?;
        let (totals, lake) = load::load(crew, prepared, choices.keep_duplicates, &mut batch, lake)?;
        batch.finish(&totals)?;
        if let Some(lake) = lake {
            lake.finish(crew, true)?;
        }
        result(&batch, &totals, started)
    })
}

fn result(batch: &Batch, totals: &Totals, started: Instant) -> Outcome<Ingested> {
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let loaded = &totals.loaded;
    let date = |day: Option<i32>| day.and_then(batch::date_of);
    Ok(TableIterator::once((
        batch.id,
        count(totals.rows_read),
        count(loaded.rows),
        count(totals.rows_duplicate),
        count(totals.rows_rejected),
        date(loaded.days.map(|d| d.0)),
        date(loaded.days.map(|d| d.1)),
        numeric(loaded.gross)?,
        numeric(loaded.net)?,
        i32::try_from(totals.lake_files).unwrap_or(i32::MAX),
        started.elapsed().as_secs_f64(),
    )))
}

/// An amount as `numeric`.
///
/// # Errors
/// Never for the texts that we make; the conversion can only say so by a result.
pub fn numeric(amount: i128) -> Outcome<AnyNumeric> {
    AnyNumeric::try_from(format_decimal(amount, AMOUNT_SCALE).as_str())
        .map_err(|e| crate::pg::Failure::internal(format!("an amount is no number: {e}")))
}

extension_sql_file!(
    "../../sql/pipeline.sql",
    name = "pipeline",
    requires = [rs_ingest_file, rs_generate_sales, "marts"]
);
extension_sql_file!(
    "../../sql/ingest_comments.sql",
    name = "ingest_comments",
    requires = [rs_ingest_file, rs_ingest_table, rs_generate_sales]
);

/// Number of rows of a query that counts.
///
/// # Errors
/// PostgreSQL's own unwind.
pub fn count(sql: &str) -> Outcome<i64> {
    Ok(Spi::get_one::<i64>(sql).map_err(spi)?.unwrap_or(0))
}
