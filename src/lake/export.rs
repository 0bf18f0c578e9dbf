//! Writing facts to a lake: batches that it does not hold yet, or all of them into another folder.

use crate::ingest::batch::become_writer;
use crate::ingest::book::{Appended, Book, Bookkeeper};
use crate::ingest::count;
use crate::ingest::facts::RowKeys;
use crate::lake::write::LakeOutput;
use crate::lake::{chosen, identity, sweep};
use crate::pg::cursor::{Rows, for_each_batch};
use crate::pg::error::{Failure, Outcome, spi};
use crate::pg::files::Folder;
use crate::pg::interrupt::{Crew, cancelled, cause, with_crew};
use crate::pg::privilege::{FileRole, all_rows};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::clean::line::{Line, LineBatch, LineKind};
use retailscope_engine::clean::spill::Month;
use retailscope_engine::control::{Charge, Control};
use std::sync::mpsc::SyncSender;
use std::time::Instant;

/// Writes `fact_sales`, with the natural keys of its dimensions, as Hive-partitioned Parquet: into the folder `path`, which
/// must not hold a lake yet, or without it into `retailscope.lake_dir` those batches that are not there.
///
/// # Errors
/// 42501 without `pg_write_server_files` for a named folder, 55000 when it holds a lake, 22003 for a number by hand that has
/// more decimals than the lake keeps.
#[pg_extern(volatile, parallel_unsafe)]
#[search_path(pg_catalog, pg_temp)]
pub fn rs_export_lake(
    path: default!(Option<&str>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(batches, i64),
            name!(lake_files, i64),
            name!(rows, i64),
            name!(bytes, i64),
            name!(seconds, f64),
        ),
    >,
    ErrorReport,
> {
    let started = Instant::now();
    let (folder, own) = chosen(path, FileRole::Write)?;
    become_writer(false)?;
    let (batches, (files, rows, bytes)) = all_rows(|| export(&folder, own))?;
    Ok(TableIterator::once((
        batches,
        files,
        rows,
        bytes,
        started.elapsed().as_secs_f64(),
    )))
}

/// Gives the number of batches, and the files, rows and bytes written.
fn export(folder: &Folder, own: bool) -> Outcome<(i64, (i64, i64, i64))> {
    if own {
        sweep::sweep(folder)?;
    } else {
        identity::lock(folder)?;
        if !sweep::manifests(folder.path())?.is_empty() {
            return Err(Failure::new(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("\"{}\" already holds a lake", folder.path().display()),
            )
            .hint("Export into an empty folder."));
        }
        sweep::refuse_unfinished(folder)?;
    }
    refuse_inexact()?;
    let missing = missing_batches(&sweep::manifests(folder.path())?)?;
    let written = with_crew(|crew| {
        let mut sum = (0, 0, 0);
        for &batch in &missing {
            let (files, rows, bytes) = export_batch(crew, folder.clone(), batch, own)?;
            sum = (sum.0 + files, sum.1 + rows, sum.2 + bytes);
        }
        Ok(sum)
    })?;
    Ok((i64::try_from(missing.len()).unwrap_or(i64::MAX), written))
}

/// The lake's columns hold 4 decimals of a quantity and 6 of a price; more can only come from rows written by hand.
fn refuse_inexact() -> Outcome<()> {
    let wrong = count(
        "SELECT count(*) FROM retailscope.fact_sales f
         WHERE round(f.quantity, 4) <> f.quantity OR round(f.unit_price, 6) <> f.unit_price",
    )?;
    if wrong == 0 {
        return Ok(());
    }
    Err(Failure::new(
        PgSqlErrorCode::ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE,
        format!("{wrong} facts have more decimals than the lake keeps (quantity 4, unit_price 6)"),
    )
    .hint("Round them: the lake is exact or it is not written."))
}

/// The batches that have no manifest in the folder.
fn missing_batches(there: &[i64]) -> Outcome<Vec<i64>> {
    let mut ids = Vec::new();
    for_each_batch(
        "SELECT b.batch_id FROM retailscope.etl_batch b WHERE b.batch_id <> ALL ($1) ORDER BY b.batch_id",
        &[there.to_vec().into()],
        |rows| {
            ids.extend((0..rows.len()).filter_map(|row| rows.i64(row, 0)));
            Ok(())
        },
    )?;
    Ok(ids)
}

fn export_batch(
    crew: &Crew<'_, '_>,
    folder: Folder,
    batch: i64,
    own: bool,
) -> Outcome<(i64, i64, i64)> {
    let mut lake = LakeOutput::into_folder(folder, batch);
    // What it gathers is in the dimensions already: nobody listens.
    let (books_to, _, bookkeeper) = Bookkeeper::start(crew, batch)?;
    let sent = send_facts(crew, batch, &mut lake, &books_to);
    drop(books_to);
    match (sent, crew.join(bookkeeper)) {
        (Ok(()), Ok(closed)) => lake.record(closed.files),
        (sent, closed) => return Err(cause([sent.err(), closed.err()])),
    }
    if own {
        Spi::run_with_args(
            "UPDATE retailscope.etl_batch SET lake_files = $2 WHERE batch_id = $1",
            &[
                batch.into(),
                i32::try_from(lake.files()).unwrap_or(i32::MAX).into(),
            ],
        )
        .map_err(spi)?;
    }
    lake.finish(crew, own)
}

fn send_facts(
    crew: &Crew<'_, '_>,
    batch: i64,
    lake: &mut LakeOutput,
    to: &SyncSender<Book>,
) -> Outcome<()> {
    let mut month: Option<Month> = None;
    let mut done = 0u64;
    for_each_batch(
        include_str!("../../sql/export_facts.sql"),
        &[batch.into()],
        |rows| {
            let mut row = 0;
            while row < rows.len() {
                let this = Month::of(sold_at(rows, row));
                if month != Some(this) {
                    month = Some(this);
                    if !crew.send(to, lake.open_month(this, 0)?) {
                        return Err(cancelled());
                    }
                }
                let (book, taken) = packet(rows, row, (this, batch), crew.watch())?;
                row += taken;
                done += taken as u64;
                if !crew.send(to, book) {
                    return Err(cancelled());
                }
            }
            crew.watch().progress("exporting", done, 0);
            Ok(())
        },
    )
}

fn sold_at(rows: &Rows<'_>, row: usize) -> i64 {
    rows.i64(row, 1).unwrap_or(0)
}

/// The rows of one month from `start` on.
fn packet(
    rows: &Rows<'_>,
    start: usize,
    (month, batch): (Month, i64),
    control: &dyn Control,
) -> Outcome<(Book, usize)> {
    let text = |row, column| {
        rows.text(row, column)
            .and_then(|t| std::str::from_utf8(t).ok())
            .unwrap_or("")
    };
    let mut lines = LineBatch::default();
    let mut keys = RowKeys {
        sale_id: Vec::new(),
        customer: Vec::new(),
        product: Vec::new(),
        batch_id: Vec::new(),
    };
    let mut row = start;
    while row < rows.len() && Month::of(sold_at(rows, row)) == month {
        keys.sale_id.push(rows.i64(row, 0).unwrap_or(0));
        keys.customer.push(rows.i32(row, 2).unwrap_or(0));
        keys.product.push(rows.i32(row, 3).unwrap_or(0));
        keys.batch_id.push(batch);
        lines.push(&Line {
            hash: rows.uuid(row, 12).unwrap_or(0),
            sold_at: sold_at(rows, row),
            quantity: rows.i64(row, 4).unwrap_or(0),
            unit_price: rows.i64(row, 5).unwrap_or(0),
            kind: LineKind::parse(text(row, 6))
                .ok_or_else(|| Failure::internal("a fact has no line_kind"))?,
            is_merchandise: rows.bool(row, 7).unwrap_or(true),
            // Facts do not keep where a line stood in its source.
            line_no: 0,
            invoice_no: text(row, 8),
            stock_code: text(row, 9),
            description: text(row, 10),
            customer_id: text(row, 11),
            country: text(row, 13),
        });
        row += 1;
    }
    let charge = Charge::new(2 * lines.bytes() as u64, "exporting", control)?;
    let appended = Appended::new(lines, keys, charge);
    Ok((Book::Packet(Box::new(appended)), row - start))
}
