//! Does the lake still hold what the warehouse says it holds?

use crate::ingest::numeric;
use crate::pg::cursor::for_each_batch;
use crate::pg::error::{Failure, Outcome};
use crate::pg::files::Folder;
use crate::pg::interrupt::with_crew;
use crate::pg::settings;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::control::Control;
use retailscope_engine::lake::{LakeBatch, LakeError, LakeReader, checksum};
use std::collections::VecDeque;
use std::fs::File;
use std::io::Seek;

/// One lake file as it should be and as it is.
type Status = (
    String,
    i64,
    Option<i64>,
    AnyNumeric,
    Option<AnyNumeric>,
    bool,
    String,
);

struct Expected {
    path: String,
    rows: i64,
    amount: String,
    bytes: i64,
    crc32c: i64,
}

/// Reads every lake file and compares rows, money and checksum with what was registered when it was written.
#[pg_extern(volatile, parallel_unsafe)]
#[search_path(pg_catalog, pg_temp)]
pub fn rs_lake_status() -> Result<
    TableIterator<
        'static,
        (
            name!(path, String),
            name!(expected_rows, i64),
            name!(rows, Option<i64>),
            name!(expected_amount, AnyNumeric),
            name!(amount, Option<AnyNumeric>),
            name!(ok, bool),
            name!(detail, String),
        ),
    >,
    ErrorReport,
> {
    Ok(TableIterator::new(statuses()?))
}

fn statuses() -> Outcome<Vec<Status>> {
    let expected = expected()?;
    if expected.is_empty() {
        return Ok(Vec::new());
    }
    let folder = Folder::lake()?;
    with_crew(|crew| {
        let control = crew.watch();
        let total = expected.len() as u64;
        let threads = settings::threads();
        let mut all = Vec::with_capacity(expected.len());
        let mut running = VecDeque::new();
        for file in expected {
            let opened = match &folder {
                Some(folder) => folder.open(&file.path),
                None => Err(Failure::internal("retailscope.lake_dir is not set")),
            };
            let (bytes, crc) = (file.bytes, file.crc32c);
            let reader = crew.spawn("lake reader", move || read(opened?, bytes, crc, control))?;
            running.push_back((file, reader));
            if running.len() >= threads
                && let Some((file, reader)) = running.pop_front()
            {
                all.push(status(file, crew.join(reader))?);
                control.progress("checking the lake", all.len() as u64, total);
            }
        }
        for (file, reader) in running {
            all.push(status(file, crew.join(reader))?);
        }
        Ok(all)
    })
}

fn expected() -> Outcome<Vec<Expected>> {
    let mut all = Vec::new();
    let text =
        |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    for_each_batch(
        "SELECT f.path, f.rows, f.amount::text, f.bytes, f.crc32c FROM retailscope.lake_file f ORDER BY f.path",
        &[],
        |rows| {
            for row in 0..rows.len() {
                all.push(Expected {
                    path: text(rows.text(row, 0)),
                    rows: rows.i64(row, 1).unwrap_or(0),
                    amount: text(rows.text(row, 2)),
                    bytes: rows.i64(row, 3).unwrap_or(0),
                    crc32c: rows.i64(row, 4).unwrap_or(0),
                });
            }
            Ok(())
        },
    )?;
    Ok(all)
}

/// Rows and amount of a file, after its checksum has been found right.
fn read(mut file: File, bytes: i64, crc: i64, control: &dyn Control) -> Outcome<(i64, i128)> {
    let (found_bytes, found_crc) = checksum(&file, control)?;
    if i64::try_from(found_bytes) != Ok(bytes) || i64::from(found_crc) != crc {
        return Err(
            LakeError::Corrupted("its bytes are not those that were written".to_owned()).into(),
        );
    }
    file.rewind()
        .map_err(|e| Failure::io("read", std::path::Path::new("lake file"), &e))?;
    let mut reader = LakeReader::open(file, control)?;
    let mut batch = LakeBatch::default();
    let (mut rows, mut amount) = (0i64, 0i128);
    while reader.next(&mut batch, control)? {
        rows += i64::try_from(batch.lines.rows()).unwrap_or(0);
        amount = batch.lines.add_amounts(amount)?;
    }
    Ok((rows, amount))
}

fn status(file: Expected, found: Outcome<(i64, i128)>) -> Outcome<Status> {
    let expected = AnyNumeric::try_from(file.amount.as_str())
        .map_err(|e| Failure::internal(format!("lake_file.amount of {}: {e}", file.path)))?;
    match found {
        Ok((rows, amount)) => {
            let amount = numeric(amount)?;
            let ok = rows == file.rows && amount == expected;
            let detail = if ok {
                "as written"
            } else {
                "rows or amount differ"
            };
            Ok((
                file.path,
                file.rows,
                Some(rows),
                expected,
                Some(amount),
                ok,
                detail.to_owned(),
            ))
        }
        Err(failure) if failure.is_cancel() => Err(failure),
        Err(failure) => Ok((
            file.path,
            file.rows,
            None,
            expected,
            None,
            false,
            failure.message().to_owned(),
        )),
    }
}
