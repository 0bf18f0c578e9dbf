//! The record of an ingest in `etl_batch`, and its refused lines.

use crate::pg::error::{Failure, Outcome, spi};
use pgrx::prelude::*;
use retailscope_engine::clean::decimal::format_decimal;
use retailscope_engine::clean::line::{AMOUNT_SCALE, add_amount};
use retailscope_engine::ingest::Reject;
use retailscope_engine::warehouse::Account;
use std::io::Write;

/// Refused lines that are written at once, and their bytes, whichever is reached first.
const REJECTS: usize = 5000;
const REJECT_BYTES: usize = 8 << 20;

/// Takes the one writer's place until the end of the transaction; everything that changes facts or marts does so first.
///
/// # Errors
/// 55P03 with `nowait` when another ingest or refresh runs; 40001 under REPEATABLE READ when one has committed since this
/// transaction's snapshot; PostgreSQL's own unwind.
pub fn become_writer(nowait: bool) -> Outcome<()> {
    let sql = if nowait {
        "SELECT last_batch_id FROM retailscope.warehouse_state FOR UPDATE NOWAIT"
    } else {
        "SELECT last_batch_id FROM retailscope.warehouse_state FOR UPDATE"
    };
    let held = Spi::connect_mut(|client| client.update(sql, None, &[]).map(|rows| rows.len()))
        .map_err(spi)?;
    if held == 1 {
        return Ok(());
    }
    Err(Failure::new(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        "retailscope.warehouse_state has lost its row",
    )
    .hint("SELECT rs_create_warehouse(); puts it back."))
}

/// An ingest under way.
pub struct Batch {
    /// `etl_batch.batch_id`
    pub id: i64,
    /// Its refused lines.
    pub rejects: Rejects,
}

/// Refused lines of a batch on their way to `etl_reject`, written in packets.
pub struct Rejects {
    batch_id: i64,
    packet: Vec<Reject>,
    bytes: usize,
}

impl Rejects {
    /// None yet.
    pub fn of(batch_id: i64) -> Rejects {
        Rejects {
            batch_id,
            packet: Vec::new(),
            bytes: 0,
        }
    }

    /// Takes a refused line.
    ///
    /// # Errors
    /// PostgreSQL's own unwind.
    pub fn push(&mut self, reject: Reject) -> Outcome<()> {
        // A rule's note and the name of a column may be of any length, and the lake must be able to hold the line.
        let reject = reject.bounded();
        self.bytes += reject.bytes();
        self.packet.push(reject);
        if self.packet.len() >= REJECTS || self.bytes >= REJECT_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes the lines that are still in memory.
    ///
    /// # Errors
    /// PostgreSQL's own unwind.
    pub fn flush(&mut self) -> Outcome<()> {
        self.bytes = 0;
        let packet = std::mem::take(&mut self.packet);
        if packet.is_empty() {
            return Ok(());
        }
        write_rejects(self.batch_id, &packet)
    }
}

/// What an ingest came to.
pub struct Totals {
    /// Lines read.
    pub rows_read: u64,
    /// Lines refused.
    pub rows_rejected: u64,
    /// Lines that were there before.
    pub rows_duplicate: u64,
    /// Their money.
    pub amount_duplicate: i128,
    /// Lines loaded, and their money.
    pub loaded: Account,
    /// SHA-256 of the source.
    pub content_hash: Option<[u8; 32]>,
    /// Lake files written.
    pub lake_files: usize,
}

impl Batch {
    /// Opens the record.
    ///
    /// # Errors
    /// PostgreSQL's own unwind.
    pub fn begin(
        source: &str,
        mapping: &serde_json::Value,
        options: &serde_json::Value,
    ) -> Outcome<Batch> {
        let id = Spi::get_one_with_args::<i64>(
            "INSERT INTO retailscope.etl_batch (source, started_at, status, mapping, options)
             VALUES ($1, pg_catalog.clock_timestamp(), 'running', $2, $3) RETURNING batch_id",
            &[
                source.into(),
                pgrx::JsonB(mapping.clone()).into(),
                pgrx::JsonB(options.clone()).into(),
            ],
        )
        .map_err(spi)?
        .ok_or_else(|| Failure::internal("etl_batch gave no batch_id"))?;
        Ok(Batch {
            id,
            rejects: Rejects::of(id),
        })
    }

    /// Closes the record; the balance of rows and money is a constraint of the table.
    ///
    /// # Errors
    /// 22003 when the money read is over 38 digits; PostgreSQL's own unwind.
    pub fn finish(&mut self, totals: &Totals) -> Outcome<()> {
        self.rejects.flush()?;
        let loaded = &totals.loaded;
        let amount_read = add_amount(loaded.amount, totals.amount_duplicate)?;
        let money = |amount: i128| format_decimal(amount, AMOUNT_SCALE);
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        let date = |day: Option<i32>| day.and_then(date_of);
        Spi::run_with_args(
            include_str!("../../sql/finish_batch.sql"),
            &[
                self.id.into(),
                totals.content_hash.map(hex).into(),
                count(totals.rows_read).into(),
                count(loaded.rows).into(),
                count(totals.rows_duplicate).into(),
                count(totals.rows_rejected).into(),
                money(amount_read).into(),
                money(loaded.amount).into(),
                money(totals.amount_duplicate).into(),
                money(loaded.gross).into(),
                money(loaded.net).into(),
                date(loaded.days.map(|d| d.0)).into(),
                date(loaded.days.map(|d| d.1)).into(),
                i32::try_from(totals.lake_files).unwrap_or(i32::MAX).into(),
            ],
        )
        .map_err(spi)?;
        Spi::run_with_args(
            "UPDATE retailscope.warehouse_state SET last_batch_id = $1",
            &[self.id.into()],
        )
        .map_err(spi)
    }
}

fn write_rejects(batch_id: i64, rejects: &[Reject]) -> Outcome<()> {
    let lines: Vec<i64> = rejects
        .iter()
        .map(|r| i64::try_from(r.line_no).unwrap_or(i64::MAX))
        .collect();
    let reasons: Vec<&str> = rejects.iter().map(|r| r.reason.as_str()).collect();
    let raws: Vec<&str> = rejects.iter().map(|r| r.raw.as_str()).collect();
    Spi::run_with_args(
        "INSERT INTO retailscope.etl_reject (batch_id, line_no, reason, raw)
         SELECT $1, r.line_no, r.reason, r.raw
         FROM unnest($2::bigint[], $3::text[], $4::text[]) AS r(line_no, reason, raw)",
        &[batch_id.into(), lines.into(), reasons.into(), raws.into()],
    )
    .map_err(spi)
}

/// A day since 1970 as a date.
pub fn date_of(day: i32) -> Option<pgrx::datum::Date> {
    pgrx::datum::Date::try_from(day.checked_sub(crate::pg::datum::EPOCH_DAYS)?).ok()
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: [u8; 32]) -> String {
    let mut out = Vec::with_capacity(64);
    for byte in bytes {
        // Writing into a Vec cannot fail.
        let _written = write!(out, "{byte:02x}");
    }
    String::from_utf8(out).unwrap_or_default()
}
