//! Second half of an ingest: month by month, duplicates are dropped and the rest is appended to the facts and the lake.
//!
//! Three parties work at once: a thread finds the fresh lines and encodes them, the main thread resolves keys and appends
//! rows, and the bookkeeper writes the lake and gathers what the dimensions need to know.

use crate::ingest::batch::{Batch, Totals};
use crate::ingest::book::{Appended, Book, Bookkeeper};
use crate::ingest::facts::{Appender, Encoded, RowKeys};
use crate::ingest::keys::{self, Product};
use crate::ingest::prepare::Prepared;
use crate::lake::write::LakeOutput;
use crate::pg::cursor::for_each_batch;
use crate::pg::error::{Failure, Outcome};
use crate::pg::interrupt::{Crew, Watch, cancelled, cause};
use crate::pg::sequence;
use crate::warehouse;
use retailscope_engine::clean::dedupe::{Fresh, Interner, Known, Plan};
use retailscope_engine::clean::line::{LineBatch, add_amount};
use retailscope_engine::clean::spill::{Month, MonthFacts, SpillError, Spilled};
use retailscope_engine::control::{Charge, Control, Stop};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// Fresh lines on their way to the facts.
struct Packet {
    lines: LineBatch,
    encoded: Encoded,
    customers: Vec<u32>,
    products: Vec<u32>,
    fresh_customers: Vec<Fresh>,
    fresh_products: Vec<Fresh>,
    fresh_is_merchandise: Vec<bool>,
    charge: Charge,
}

/// What the finder tells the main thread.
enum Found {
    Packet(Box<Packet>),
    /// A month, or a pass over it, has ended.
    EndOfPass,
}

/// One piece of the finder's work: a month and, where it is large, one of several passes over it.
#[derive(Clone, Copy)]
struct Pass {
    facts: MonthFacts,
    plan: Plan,
    number: u32,
}

/// A worker's reason to stop: its own failure, or that nobody listens any more.
enum Halt {
    Failed(SpillError),
    Alone,
}

impl From<SpillError> for Halt {
    fn from(error: SpillError) -> Self {
        Halt::Failed(error)
    }
}

impl From<Halt> for Failure {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Failed(error) => error.into(),
            Halt::Alone => cancelled(),
        }
    }
}

/// Loads what was prepared.
///
/// # Errors
/// The failure of whichever party failed first; PostgreSQL's own unwind.
pub fn load(
    crew: &Crew<'_, '_>,
    prepared: Prepared,
    keep_duplicates: bool,
    batch: &mut Batch,
    mut lake: Option<LakeOutput>,
) -> Outcome<(Totals, Option<LakeOutput>)> {
    let Prepared {
        spilled,
        rows_read,
        rows_rejected,
        content_hash,
    } = prepared;
    let control = crew.watch();
    let months = spilled.months();
    let lines: u64 = months.iter().map(|m| m.rows).sum();
    warehouse::ensure_dates(months.iter().map(|m| m.month.year()))?;
    let passes = plan(&months, keep_duplicates, control)?;

    let (known_to, known_from) = channel::<Vec<u128>>();
    let (found_to, found_from) = sync_channel::<Found>(4);
    let finder_passes = passes.clone();
    let finder = crew.spawn("finder", move || {
        find(&spilled, &finder_passes, &known_from, &found_to, control)
    })?;
    let (books_to, gathered_from, bookkeeper) = Bookkeeper::start(crew, batch.id)?;

    let appended = append_all(
        crew,
        &passes,
        lines,
        &known_to,
        &found_from,
        &books_to,
        &gathered_from,
        batch,
        &mut lake,
    );
    drop((known_to, found_from, books_to));
    let ((duplicates, duplicate_amount), closed) =
        match (appended, crew.join(finder), crew.join(bookkeeper)) {
            (Ok(()), Ok(duplicates), Ok(closed)) => (duplicates, closed),
            (appended, found, closed) => {
                return Err(cause([appended.err(), found.err(), closed.err()]));
            }
        };
    // What the bookkeeper has gathered is still in the queue.
    while let Ok(gathered) = gathered_from.try_recv() {
        warehouse::update_dimensions(gathered)?;
    }
    if let Some(lake) = &mut lake {
        lake.record(closed.files);
    }
    let totals = Totals {
        rows_read,
        rows_rejected,
        rows_duplicate: duplicates,
        amount_duplicate: duplicate_amount,
        loaded: closed.account,
        content_hash,
        lake_files: lake.as_ref().map_or(0, LakeOutput::files),
    };
    Ok((totals, lake))
}

/// How many passes each month takes, given what the warehouse already holds of its days.
fn plan(months: &[MonthFacts], keep_duplicates: bool, control: &dyn Control) -> Outcome<Vec<Pass>> {
    let mut passes = Vec::new();
    for facts in months {
        let known = count_known(facts)?;
        let plan = Plan::new(facts, known, keep_duplicates, control);
        passes.extend((0..plan.passes()).map(|number| Pass {
            facts: *facts,
            plan,
            number,
        }));
    }
    Ok(passes)
}

fn day_range(facts: &MonthFacts) -> [pgrx::datum::DatumWithOid<'static>; 2] {
    let day = |micros| crate::ingest::batch::date_of(crate::ingest::facts::day_of(micros));
    [day(facts.first).into(), day(facts.last).into()]
}

fn count_known(facts: &MonthFacts) -> Outcome<u64> {
    let mut known = 0;
    for_each_batch(
        "SELECT pg_catalog.count(*) FROM retailscope.fact_sales f WHERE f.date BETWEEN $1 AND $2",
        &day_range(facts),
        |rows| {
            known = rows
                .i64(0, 0)
                .and_then(|n| u64::try_from(n).ok())
                .unwrap_or(0);
            Ok(())
        },
    )?;
    Ok(known)
}

/// Sends the identities that the warehouse holds for a pass; the empty packet ends them.
fn send_known(pass: &Pass, to: &Sender<Vec<u128>>) -> Outcome<()> {
    for_each_batch(
        "SELECT f.line_hash FROM retailscope.fact_sales f WHERE f.date BETWEEN $1 AND $2",
        &day_range(&pass.facts),
        |rows| {
            let known: Vec<u128> = (0..rows.len())
                .filter_map(|row| rows.uuid(row, 0))
                .filter(|&identity| pass.plan.takes(pass.number, identity))
                .collect();
            if !known.is_empty() {
                // A closed queue: joining the finder tells why.
                to.send(known).map_err(|_| cancelled())?;
            }
            Ok(())
        },
    )?;
    to.send(Vec::new()).map_err(|_| cancelled())
}

/// The finder's thread: drops duplicates, numbers natural keys, encodes.
fn find(
    spilled: &Spilled,
    passes: &[Pass],
    known_from: &Receiver<Vec<u128>>,
    to: &SyncSender<Found>,
    control: &Watch,
) -> Outcome<(u64, i128)> {
    let (mut duplicates, mut amount) = (0, 0);
    let mut interners = (Interner::default(), Interner::default());
    let mut month: Option<Month> = None;
    for pass in passes {
        let mut known = Known::new(pass.plan, pass.number, control)?;
        loop {
            let identities = control
                .idle(|| known_from.recv())
                .map_err(|_| cancelled())?;
            if identities.is_empty() {
                break;
            }
            for identity in identities {
                known.insert(identity, control)?;
            }
        }
        if month.replace(pass.facts.month) != Some(pass.facts.month) {
            interners = (Interner::default(), Interner::default());
        }
        known.fresh::<Halt>(spilled, &pass.facts, control, |lines| {
            let packet = packet(lines, &mut interners, control).map_err(SpillError::from)?;
            control
                .idle(|| to.send(Found::Packet(Box::new(packet))))
                .map_err(|_| Halt::Alone)
        })?;
        duplicates += known.duplicates;
        amount = add_amount(amount, known.duplicate_amount)?;
        control
            .idle(|| to.send(Found::EndOfPass))
            .map_err(|_| cancelled())?;
    }
    Ok((duplicates, amount))
}

fn packet(
    lines: LineBatch,
    (customers, products): &mut (Interner, Interner),
    control: &dyn Control,
) -> Result<Packet, Stop> {
    // as lines, and encoded
    let charge = Charge::new(2 * lines.bytes() as u64, "lines to load", control)?;
    let (mut fresh_customers, mut fresh_products) = (Vec::new(), Vec::new());
    let customer_numbers = customers.number(
        &lines.customer_id,
        lines.rows(),
        &mut fresh_customers,
        control,
    )?;
    let product_numbers = products.number(
        &lines.stock_code,
        lines.rows(),
        &mut fresh_products,
        control,
    )?;
    let fresh_is_merchandise = fresh_products
        .iter()
        .map(|(row, _)| lines.is_merchandise.get(*row).copied().unwrap_or(true))
        .collect();
    Ok(Packet {
        charge,
        encoded: Encoded::new(&lines),
        lines,
        customers: customer_numbers,
        products: product_numbers,
        fresh_customers,
        fresh_products,
        fresh_is_merchandise,
    })
}

/// The main thread's part.
#[allow(clippy::too_many_arguments)]
fn append_all(
    crew: &Crew<'_, '_>,
    passes: &[Pass],
    lines: u64,
    known_to: &Sender<Vec<u128>>,
    found_from: &Receiver<Found>,
    books_to: &SyncSender<Book>,
    gathered_from: &Receiver<warehouse::Gathered>,
    batch: &Batch,
    lake: &mut Option<LakeOutput>,
) -> Outcome<()> {
    let mut appender = Appender::open()?;
    let sequence = sequence::of_column("retailscope.fact_sales", "sale_id")
        .ok_or_else(|| Failure::internal("fact_sales.sale_id has lost its sequence"))?;
    let (mut customers, mut products): (Vec<i32>, Vec<Product>) = (Vec::new(), Vec::new());
    let mut month: Option<Month> = None;
    let mut done = 0u64;
    // The finder always has the next pass's identities waiting, so that it need not pause between months.
    if let Some(first) = passes.first() {
        send_known(first, known_to)?;
    }
    for (at, pass) in passes.iter().enumerate() {
        if let Some(next) = passes.get(at + 1) {
            send_known(next, known_to)?;
        }
        if month.replace(pass.facts.month) != Some(pass.facts.month) {
            customers.clear();
            products.clear();
            let _closed = crew.send(books_to, Book::EndOfMonth);
        }
        let mut open = false;
        loop {
            let mut packet = match crew.receive(found_from) {
                None => return Err(cancelled()),
                Some(Found::EndOfPass) => break,
                Some(Found::Packet(packet)) => *packet,
            };
            customers.extend(keys::customers(&packet.fresh_customers)?);
            products.extend(keys::products(
                &packet.fresh_products,
                &packet.fresh_is_merchandise,
            )?);
            let rows = packet.lines.rows();
            let product = |number: &u32| products.get(*number as usize).copied();
            let row_keys = RowKeys {
                sale_id: keys::sale_ids(sequence, rows)?,
                customer: packet
                    .customers
                    .iter()
                    .map(|&n| customers.get(n as usize).copied().unwrap_or(0))
                    .collect(),
                product: packet
                    .products
                    .iter()
                    .map(|n| product(n).map_or(0, |p| p.key))
                    .collect(),
                batch_id: vec![batch.id; rows],
            };
            // The dimension decides, which a user may have changed since the rules made it.
            packet.lines.is_merchandise = packet
                .products
                .iter()
                .map(|n| product(n).is_some_and(|p| p.is_merchandise))
                .collect();
            appender.append(&packet.lines, &packet.encoded, &row_keys)?;
            if let (Some(lake), false) = (lake.as_mut(), open) {
                open = true;
                let book = lake.open_month(pass.facts.month, pass.number)?;
                let _sent = crew.send(books_to, book);
            }
            let appended = Appended::new(packet.lines, row_keys, packet.charge);
            if !crew.send(books_to, Book::Packet(Box::new(appended))) {
                return Err(cancelled());
            }
            done += rows as u64;
            crew.watch().progress("loading", done, lines);
            while let Ok(gathered) = gathered_from.try_recv() {
                warehouse::update_dimensions(gathered)?;
            }
        }
    }
    crew.announce("building indexes");
    appender.finish()
}
