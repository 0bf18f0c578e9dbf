//! Fact rows: encoded on a worker thread, appended on the main thread.

use crate::pg::bulk::{BulkInsert, Indexes};
use crate::pg::datum::{EPOCH_DAYS, EPOCH_MICROS, Varlena};
use crate::pg::error::{Outcome, spi};
use crate::pg::settings::locally;
use pgrx::prelude::*;
use retailscope_engine::clean::decimal::format_decimal;
use retailscope_engine::clean::line::{
    AMOUNT_SCALE, LineBatch, LineKind, PRICE_SCALE, QUANTITY_SCALE,
};

/// The columns that are appended, in the order of [`Appender::append`]'s datums.
const COLUMNS: [(&str, pg_sys::Oid); 13] = [
    ("sale_id", pg_sys::INT8OID),
    ("date", pg_sys::DATEOID),
    ("sold_at", pg_sys::TIMESTAMPOID),
    ("customer_key", pg_sys::INT4OID),
    ("product_key", pg_sys::INT4OID),
    ("invoice_no", pg_sys::TEXTOID),
    ("quantity", pg_sys::NUMERICOID),
    ("unit_price", pg_sys::NUMERICOID),
    ("amount", pg_sys::NUMERICOID),
    ("line_kind", pg_sys::TEXTOID),
    ("batch_id", pg_sys::INT8OID),
    ("country", pg_sys::TEXTOID),
    ("line_hash", pg_sys::UUIDOID),
];

/// The constraints that cleaning and the keys' look-up satisfy by construction.
const KNOWN: [&str; 6] = [
    "fact_sales_line_kind",
    "fact_sales_amount",
    "fact_sales_date_fkey",
    "fact_sales_customer_key_fkey",
    "fact_sales_product_key_fkey",
    "fact_sales_batch_id_fkey",
];

/// The columns of a packet of lines in PostgreSQL's binary form.
pub struct Encoded {
    values: Varlena,
    identities: Vec<[u8; 16]>,
    /// Per row: invoice_no, quantity, unit_price, amount, country.
    offsets: Vec<[u32; 5]>,
    kinds: [u32; 5],
}

impl Encoded {
    /// Encodes lines; pure work for a worker thread.
    pub fn new(lines: &LineBatch) -> Encoded {
        let mut values = Varlena::default();
        let kinds = LineKind::ALL.map(|kind| values.text(kind.name()));
        let mut offsets = Vec::with_capacity(lines.rows());
        // An invoice's lines follow each other: equal neighbours share one value.
        let (mut invoice, mut country) = (("", 0), ("", 0));
        for row in 0..lines.rows() {
            let Some(line) = lines.line(row) else { break };
            if row == 0 || line.invoice_no != invoice.0 {
                invoice = (lines.invoice_no.get(row), values.text(line.invoice_no));
            }
            if row == 0 || line.country != country.0 {
                country = (lines.country.get(row), values.text(line.country));
            }
            offsets.push([
                invoice.1,
                values.numeric(i128::from(line.quantity), QUANTITY_SCALE),
                values.numeric(i128::from(line.unit_price), PRICE_SCALE),
                values.numeric(line.amount(), AMOUNT_SCALE),
                country.1,
            ]);
        }
        Encoded {
            values,
            identities: lines.hash.iter().map(|h| h.to_be_bytes()).collect(),
            offsets,
            kinds,
        }
    }
}

/// The keys of a packet's rows.
pub struct RowKeys {
    /// `fact_sales.sale_id`
    pub sale_id: Vec<i64>,
    /// `dim_customer.customer_key`
    pub customer: Vec<i32>,
    /// `dim_product.product_key`
    pub product: Vec<i32>,
    /// `etl_batch.batch_id`
    pub batch_id: Vec<i64>,
}

/// Appends packets to `fact_sales`: directly while the table is as we made it, else by SQL.
pub struct Appender {
    direct: Option<BulkInsert>,
    was_empty: bool,
}

impl Appender {
    /// Opens the table, from which the caller keeps other writers.
    ///
    /// # Errors
    /// As [`BulkInsert::open`].
    pub fn open() -> Outcome<Appender> {
        let was_empty = crate::ingest::count(
            "SELECT count(*) FROM (SELECT FROM retailscope.fact_sales LIMIT 1) f",
        )? == 0;
        let indexes = if was_empty {
            Indexes::Rebuild
        } else {
            Indexes::Maintain
        };
        let direct = BulkInsert::open(c"retailscope", c"fact_sales", &COLUMNS, &KNOWN, indexes)?;
        Ok(Appender { direct, was_empty })
    }

    /// Appends the rows of a packet.
    ///
    /// # Errors
    /// PostgreSQL's own (a user's constraint, say) unwind.
    pub fn append(&mut self, lines: &LineBatch, encoded: &Encoded, keys: &RowKeys) -> Outcome<()> {
        match &mut self.direct {
            Some(direct) => append_directly(direct, lines, encoded, keys),
            None => append_by_sql(lines, keys)?,
        }
        Ok(())
    }

    /// Ends the appending and makes the rows visible to what follows.
    ///
    /// # Errors
    /// PostgreSQL's own unwind.
    pub fn finish(self) -> Outcome<()> {
        if let Some(direct) = self.direct {
            direct.finish();
        }
        if self.was_empty {
            rough_statistics()?;
        }
        Ok(())
    }
}

/// Statistics from a small sample, so that the first queries are not planned as if the table had no more than a page;
/// autovacuum makes better ones in its time.
fn rough_statistics() -> Outcome<()> {
    // Others than the owner would only be warned that they may not.
    let may = crate::ingest::count(
        "SELECT count(*) FROM pg_class c
         WHERE c.oid = 'retailscope.fact_sales'::regclass AND pg_has_role(current_user, c.relowner, 'USAGE')",
    )? > 0;
    if !may {
        return Ok(());
    }
    locally(&[(c"default_statistics_target", c"10")], || {
        Spi::run("ANALYZE retailscope.fact_sales").map_err(spi)
    })
}

fn append_directly(direct: &mut BulkInsert, lines: &LineBatch, encoded: &Encoded, keys: &RowKeys) {
    let pointer = |offset: u32| {
        pg_sys::Datum::from(
            encoded
                .values
                .at(offset)
                .unwrap_or(&[])
                .as_ptr()
                .cast_mut()
                .cast::<std::ffi::c_void>(),
        )
    };
    let at =
        |values: &[i64], row: usize| pg_sys::Datum::from(values.get(row).copied().unwrap_or(0));
    let key =
        |values: &[i32], row: usize| pg_sys::Datum::from(values.get(row).copied().unwrap_or(0));
    direct.insert(lines.rows(), |row, datums| {
        let sold_at = lines.sold_at.get(row).copied().unwrap_or(0);
        let kind = lines.kind.get(row).map_or(0, |&k| k as usize);
        let [invoice, quantity, price, amount, country] =
            encoded.offsets.get(row).copied().unwrap_or([0; 5]);
        let identity = encoded
            .identities
            .get(row)
            .map_or(std::ptr::null(), |i| i.as_ptr());
        let row_datums: [pg_sys::Datum; 13] = [
            at(&keys.sale_id, row),
            pg_sys::Datum::from(day_of(sold_at) - EPOCH_DAYS),
            pg_sys::Datum::from(sold_at - EPOCH_MICROS),
            key(&keys.customer, row),
            key(&keys.product, row),
            pointer(invoice),
            pointer(quantity),
            pointer(price),
            pointer(amount),
            pointer(encoded.kinds.get(kind).copied().unwrap_or(0)),
            at(&keys.batch_id, row),
            pointer(country),
            pg_sys::Datum::from(identity.cast_mut().cast::<std::ffi::c_void>()),
        ];
        datums.copy_from_slice(&row_datums);
    });
}

/// Days since 1970 of a time.
pub fn day_of(micros: i64) -> i32 {
    retailscope_engine::clean::datetime::days(micros)
}

/// The executor's way, for a table with triggers, constraints or columns of the user's own.
fn append_by_sql(lines: &LineBatch, keys: &RowKeys) -> Outcome<()> {
    let all = || (0..lines.rows()).filter_map(|row| lines.line(row));
    let seconds: Vec<i64> = lines.sold_at.clone();
    let decimals = |value: &dyn Fn(&retailscope_engine::clean::line::Line<'_>) -> String| {
        all().map(|line| value(&line)).collect::<Vec<String>>()
    };
    Spi::run_with_args(
        include_str!("../../sql/append_facts.sql"),
        &[
            keys.sale_id.clone().into(),
            seconds.into(),
            keys.customer.clone().into(),
            keys.product.clone().into(),
            decimals(&|l| l.invoice_no.to_owned()).into(),
            decimals(&|l| format_decimal(i128::from(l.quantity), QUANTITY_SCALE)).into(),
            decimals(&|l| format_decimal(i128::from(l.unit_price), PRICE_SCALE)).into(),
            decimals(&|l| format_decimal(l.amount(), AMOUNT_SCALE)).into(),
            decimals(&|l| l.kind.name().to_owned()).into(),
            keys.batch_id.clone().into(),
            decimals(&|l| l.country.to_owned()).into(),
            decimals(&|l| format!("{:032x}", l.hash)).into(),
        ],
    )
    .map_err(spi)
}
