//! Rebuilding the warehouse from the lake alone.

use crate::ingest::batch::{Rejects, become_writer};
use crate::ingest::book::{Appended, Book, Bookkeeper};
use crate::ingest::facts::{Appender, Encoded, RowKeys};
use crate::ingest::{count, keys, numeric};
use crate::lake::{chosen, identity, sweep};
use crate::pg::error::{Failure, Outcome, spi};
use crate::pg::files::Folder;
use crate::pg::interrupt::{Crew, Watch, cancelled, cause, with_crew};
use crate::pg::privilege::FileRole;
use crate::warehouse::{self, Gathered};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::clean::decimal::format_decimal;
use retailscope_engine::clean::line::{AMOUNT_SCALE, LineBatch};
use retailscope_engine::control::{Charge, Control};
use retailscope_engine::lake::{
    LakeBatch, LakeError, LakeReader, Manifest, REJECT_LINE, RejectReader, checksum, manifest_path,
};
use retailscope_engine::warehouse::Account;
use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

/// Bytes of a manifest.
const MANIFEST: u64 = 16 << 20;

/// How to empty a warehouse by hand.
const TRUNCATE: &str = "To rebuild, empty the warehouse first: TRUNCATE retailscope.fact_sales, retailscope.etl_reject, \
    retailscope.lake_file, retailscope.etl_batch, retailscope.product_description, retailscope.mart_customer_rfm, \
    retailscope.mart_daily_kpis, retailscope.mart_state, retailscope.dim_customer, retailscope.dim_product, \
    retailscope.dim_date RESTART IDENTITY; SELECT rs_create_warehouse();";

/// Rows of the lake on their way to the facts.
struct Packet {
    lines: LineBatch,
    keys: RowKeys,
    encoded: Encoded,
    charge: Charge,
}

/// Rebuilds an empty warehouse from the lake alone, to the same rows, keys and cents.
///
/// # Errors
/// 55000 when the warehouse is not empty, XX001 when a file is damaged, 42501 for a folder that may not be read.
#[pg_extern(volatile, parallel_unsafe)]
#[search_path(pg_catalog, pg_temp)]
pub fn rs_load_lake(
    path: default!(Option<&str>, "NULL"),
) -> Result<
    TableIterator<
        'static,
        (
            name!(batches, i64),
            name!(lake_files, i64),
            name!(rows_loaded, i64),
            name!(amount_loaded, AnyNumeric),
            name!(gross_revenue, AnyNumeric),
            name!(seconds, f64),
        ),
    >,
    ErrorReport,
> {
    let started = Instant::now();
    let (folder, registered) = chosen(path, FileRole::Read)?;
    become_writer(false)?;
    keys::lock_warehouse()?;
    if count(
        "SELECT (SELECT count(*) FROM retailscope.etl_batch) + (SELECT count(*) FROM retailscope.fact_sales)",
    )? > 0
    {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "the warehouse is not empty",
        )
        .hint(TRUNCATE)
        .into());
    }
    sweep::refuse_unfinished(&folder)?;
    if registered {
        identity::adopt(&folder)?;
    }
    let manifests = manifests(&folder)?;
    let files: usize = manifests.iter().map(|m| m.files.len()).sum();
    let batches = i64::try_from(manifests.len()).unwrap_or(i64::MAX);
    let account = with_crew(|crew| restore(crew, &folder, &manifests, registered))?;
    Ok(TableIterator::once((
        batches,
        i64::try_from(files).unwrap_or(i64::MAX),
        i64::try_from(account.rows).unwrap_or(i64::MAX),
        numeric(account.amount)?,
        numeric(account.gross)?,
        started.elapsed().as_secs_f64(),
    )))
}

fn manifests(folder: &Folder) -> Outcome<Vec<Manifest>> {
    let ids = sweep::manifests(folder.path())?;
    if ids.is_empty() {
        return Err(Failure::new(
            PgSqlErrorCode::ERRCODE_UNDEFINED_FILE,
            format!("\"{}\" holds no lake", folder.path().display()),
        )
        .hint("A lake has manifests in its folder _retailscope. rs_ingest_file() reads other Parquet files."));
    }
    ids.into_iter()
        .map(|id| {
            let path = manifest_path(id);
            let mut bytes = Vec::new();
            folder
                .open(&path)?
                .take(MANIFEST)
                .read_to_end(&mut bytes)
                .map_err(|e| Failure::io("read", Path::new(&path), &e))?;
            Ok(Manifest::parse(&bytes)?)
        })
        .collect()
}

fn restore(
    crew: &Crew<'_, '_>,
    folder: &Folder,
    manifests: &[Manifest],
    registered: bool,
) -> Outcome<Account> {
    let control = crew.watch();
    warehouse::ensure_dates(manifests.iter().flat_map(|m| &m.files).map(|f| f.year))?;
    let total: u64 = manifests
        .iter()
        .flat_map(|m| &m.files)
        .map(|f| f.rows)
        .sum();
    for manifest in manifests {
        restore_batch(manifest, registered)?;
        restore_rejects(crew, folder, manifest)?;
    }
    let (to, from) = sync_channel::<Packet>(3);
    let (from_folder, files) = (folder.clone(), manifests.to_vec());
    let reader = crew.spawn("lake reader", move || {
        files
            .iter()
            .try_for_each(|m| read_files(&from_folder, m, &to, control))
    })?;
    // The bookkeeper writes no files here: it only gathers for accounts and dimensions.
    let (books_to, gathered_from, bookkeeper) = Bookkeeper::start(crew, 0)?;
    let appended = append(crew, &from, &books_to, &gathered_from, total);
    drop((from, books_to));
    let closed = match (appended, crew.join(reader), crew.join(bookkeeper)) {
        (Ok(()), Ok(()), Ok(closed)) => closed,
        (appended, read, closed) => return Err(cause([appended.err(), read.err(), closed.err()])),
    };
    while let Ok(gathered) = gathered_from.try_recv() {
        warehouse::update_dimensions(gathered)?;
    }
    if registered {
        register(manifests)?;
    }
    settle_sequences(manifests)?;
    Ok(closed.account)
}

fn restore_batch(manifest: &Manifest, registered: bool) -> Outcome<()> {
    // A lake that is only read from stays another's: this warehouse's own has nothing of the batch yet.
    let files = if registered { manifest.files.len() } else { 0 };
    let record = serde_json::to_value(&manifest.batch)
        .map_err(|e| Failure::internal(format!("the record of a batch: {e}")))?;
    Spi::run_with_args(
        include_str!("../../sql/restore_batch.sql"),
        &[
            pgrx::JsonB(record).into(),
            i32::try_from(files).unwrap_or(i32::MAX).into(),
        ],
    )
    .map_err(spi)
}

fn restore_rejects(crew: &Crew<'_, '_>, folder: &Folder, manifest: &Manifest) -> Outcome<()> {
    let Some(record) = &manifest.rejects else {
        return Ok(());
    };
    let mut file = folder.open(&record.path)?;
    verify(
        &mut file,
        &record.path,
        record.bytes,
        record.crc32c,
        crew.watch(),
    )?;
    let mut reader = RejectReader::new(file, REJECT_LINE, crew.watch())?;
    let mut rejects = Rejects::of(manifest.batch.batch_id);
    while let Some(reject) = reader.next(crew.watch())? {
        crew.poll();
        rejects.push(reject)?;
    }
    rejects.flush()
}

fn verify(file: &mut File, path: &str, bytes: u64, crc: u32, control: &dyn Control) -> Outcome<()> {
    if checksum(&*file, control)? != (bytes, crc) {
        return Err(LakeError::Corrupted(format!(
            "\"{path}\": its bytes are not those that were written"
        ))
        .into());
    }
    file.rewind()
        .map_err(|e| Failure::io("read", Path::new(path), &e))
}

/// The reader's thread.
fn read_files(
    folder: &Folder,
    manifest: &Manifest,
    to: &SyncSender<Packet>,
    control: &Watch,
) -> Outcome<()> {
    for record in &manifest.files {
        // One at a time: a lake may have more files than a process may have open.
        let mut file = folder.open(&record.path)?;
        verify(
            &mut file,
            &record.path,
            record.bytes,
            record.crc32c,
            control,
        )?;
        let mut reader = LakeReader::open(file, control)?;
        let (mut rows, mut amount) = (0u64, 0i128);
        let mut batch = LakeBatch::default();
        while reader.next(&mut batch, control)? {
            let LakeBatch {
                lines,
                sale_id,
                customer_key,
                product_key,
                batch_id,
            } = std::mem::take(&mut batch);
            // Appending checks no foreign keys: the manifest's own batch is the one that was restored.
            if batch_id.iter().any(|&id| id != manifest.batch.batch_id) {
                return Err(LakeError::Corrupted(format!(
                    "\"{}\" holds rows of another batch",
                    record.path
                ))
                .into());
            }
            rows += lines.rows() as u64;
            amount = lines.add_amounts(amount)?;
            let keys = RowKeys {
                sale_id,
                customer: customer_key,
                product: product_key,
                batch_id,
            };
            let packet = Packet {
                // as lines, and encoded
                charge: Charge::new(2 * lines.bytes() as u64, "reading the lake", control)?,
                encoded: Encoded::new(&lines),
                lines,
                keys,
            };
            control.idle(|| to.send(packet)).map_err(|_| cancelled())?;
        }
        if rows != record.rows || format_decimal(amount, AMOUNT_SCALE) != record.amount {
            return Err(LakeError::Corrupted(format!(
                "\"{}\" does not hold what its manifest says",
                record.path
            ))
            .into());
        }
    }
    Ok(())
}

fn append(
    crew: &Crew<'_, '_>,
    from: &Receiver<Packet>,
    books_to: &SyncSender<Book>,
    gathered_from: &Receiver<Gathered>,
    total: u64,
) -> Outcome<()> {
    let mut appender = Appender::open()?;
    let (mut customers, mut products) = (HashSet::from([0]), HashSet::new());
    let mut known = Charge::default();
    let mut done = 0u64;
    while let Some(packet) = crew.receive(from) {
        restore_keys(&packet, &mut customers, &mut products)?;
        let held = (customers.capacity() + products.capacity()) as u64 * 8;
        known.set(held, "keys of the dimensions", crew.watch())?;
        appender.append(&packet.lines, &packet.encoded, &packet.keys)?;
        done += packet.lines.rows() as u64;
        let Packet {
            lines,
            keys,
            charge,
            ..
        } = packet;
        let appended = Appended::new(lines, keys, charge);
        if !crew.send(books_to, Book::Packet(Box::new(appended))) {
            return Err(cancelled());
        }
        while let Ok(gathered) = gathered_from.try_recv() {
            warehouse::update_dimensions(gathered)?;
        }
        crew.watch().progress("loading", done, total);
    }
    crew.announce("building indexes");
    appender.finish()
}

/// Dimension rows with the keys that they had.
fn restore_keys(
    packet: &Packet,
    customers: &mut HashSet<i32>,
    products: &mut HashSet<i32>,
) -> Outcome<()> {
    let (mut customer_keys, mut names) = (Vec::new(), Vec::new());
    let (mut product_keys, mut codes, mut merchandise) = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..packet.lines.rows() {
        let (Some(line), Some(&customer), Some(&product)) = (
            packet.lines.line(row),
            packet.keys.customer.get(row),
            packet.keys.product.get(row),
        ) else {
            break;
        };
        if customers.insert(customer) {
            customer_keys.push(customer);
            names.push(line.customer_id.to_owned());
        }
        if products.insert(product) {
            product_keys.push(product);
            codes.push(line.stock_code.to_owned());
            merchandise.push(line.is_merchandise);
        }
    }
    if !names.is_empty() {
        Spi::run_with_args(
            "INSERT INTO retailscope.dim_customer (customer_key, customer_id)
             SELECT * FROM unnest($1::integer[], $2::text[])",
            &[customer_keys.into(), names.into()],
        )
        .map_err(spi)?;
    }
    if !codes.is_empty() {
        Spi::run_with_args(
            "INSERT INTO retailscope.dim_product (product_key, stock_code, is_merchandise)
             SELECT * FROM unnest($1::integer[], $2::text[], $3::boolean[])",
            &[product_keys.into(), codes.into(), merchandise.into()],
        )
        .map_err(spi)?;
    }
    Ok(())
}

fn register(manifests: &[Manifest]) -> Outcome<()> {
    for manifest in manifests {
        crate::lake::write::register_files(manifest.batch.batch_id, &manifest.files)?;
    }
    Ok(())
}

/// New rows continue after the restored keys.
fn settle_sequences(manifests: &[Manifest]) -> Outcome<()> {
    Spi::run(include_str!("../../sql/settle_sequences.sql")).map_err(spi)?;
    let newest = manifests
        .iter()
        .map(|m| m.batch.batch_id)
        .max()
        .unwrap_or(0);
    Spi::run_with_args(
        "UPDATE retailscope.warehouse_state SET last_batch_id = $1",
        &[newest.into()],
    )
    .map_err(spi)
}
