//! Decoded columns become lines again, each row checked.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal64Type, Decimal128Type, Int32Type, Int64Type,
    TimestampMicrosecondType,
};
use arrow_array::{Array, RecordBatch, StringViewArray};

use super::LakeError;
use super::columns::Keys;
use crate::calendar::days;
use crate::clean::line::{LineBatch, LineKind, TextColumn};

/// Lines as read from a lake file, with their keys.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LakeBatch {
    /// The lines; an absent description or customer is empty.
    pub lines: LineBatch,
    /// Per row, `fact_sales.sale_id`.
    pub sale_id: Vec<i64>,
    /// Per row, `dim_customer.customer_key`.
    pub customer_key: Vec<i32>,
    /// Per row, `dim_product.product_key`.
    pub product_key: Vec<i32>,
    /// Per row, the batch that loaded it.
    pub batch_id: Vec<i64>,
}

impl LakeBatch {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.lines.rows()
    }

    /// The keys, for writing the rows again.
    #[must_use]
    pub fn keys(&self) -> Keys<'_> {
        Keys {
            sale_id: &self.sale_id,
            customer_key: &self.customer_key,
            product_key: &self.product_key,
        }
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.lines.clear();
        self.sale_id.clear();
        self.customer_key.clear();
        self.product_key.clear();
        self.batch_id.clear();
    }
}

/// How many of the first rows hold at most `limit` bytes of text; one at least.
pub(super) fn fitting(batch: &RecordBatch, limit: usize) -> Result<usize, LakeError> {
    let texts = TEXTS
        .iter()
        .map(|name| text(batch, name))
        .collect::<Result<Vec<_>, _>>()?;
    let total: usize = texts
        .iter()
        .map(|t| t.lengths().map(|n| n as usize).sum::<usize>())
        .sum();
    if total <= limit {
        return Ok(batch.num_rows());
    }
    let mut bytes = 0;
    let mut lengths: Vec<_> = texts.iter().map(|t| t.lengths()).collect();
    for row in 0..batch.num_rows() {
        bytes += lengths
            .iter_mut()
            .filter_map(Iterator::next)
            .map(|n| n as usize)
            .sum::<usize>();
        if bytes > limit {
            return Ok(row.max(1));
        }
    }
    Ok(batch.num_rows())
}

const TEXTS: [&str; 5] = [
    "invoice_no",
    "stock_code",
    "description",
    "customer_id",
    "country",
];

/// Appends the rows of a batch of [`super::schema::read_schema`].
pub(super) fn append(batch: &RecordBatch, out: &mut LakeBatch) -> Result<(), LakeError> {
    let sale_id = numbers::<Int64Type>(batch, "sale_id")?;
    let date = numbers::<Date32Type>(batch, "date")?;
    let sold_at = numbers::<TimestampMicrosecondType>(batch, "sold_at")?;
    let quantity = numbers::<Decimal64Type>(batch, "quantity")?;
    let unit_price = numbers::<Decimal64Type>(batch, "unit_price")?;
    let amount = numbers::<Decimal128Type>(batch, "amount")?;
    let line_no = numbers::<Int64Type>(batch, "line_no")?;
    let of_row = |row: usize| {
        sale_id
            .get(row)
            .map_or(String::new(), |id| format!(" in the row of sale_id {id}"))
    };

    let product = |(&q, &p): (&i64, &i64)| i128::from(q) * i128::from(p);
    if let Some(row) = quantity
        .iter()
        .zip(unit_price)
        .zip(amount)
        .position(|(qp, &a)| product(qp) != a)
    {
        return Err(LakeError::corrupted(format!(
            "the amount is not quantity times unit price{}",
            of_row(row)
        )));
    }
    if let Some(row) = sold_at.iter().zip(date).position(|(&t, &d)| days(t) != d) {
        return Err(LakeError::corrupted(format!(
            "date and sold_at differ{}",
            of_row(row)
        )));
    }
    if let Some(row) = line_no.iter().position(|&n| n < 0) {
        return Err(LakeError::corrupted(format!(
            "line_no is negative{}",
            of_row(row)
        )));
    }

    let lines = &mut out.lines;
    for (row, name) in text(batch, "line_kind")?.iter().enumerate() {
        let kind = name.and_then(LineKind::parse).ok_or_else(|| {
            LakeError::corrupted(format!(
                "line_kind {:?} is none{}",
                shortened(name.unwrap_or("")),
                of_row(row)
            ))
        })?;
        lines.kind.push(kind);
    }
    let hashes = column(batch, "line_hash", |c| c.as_fixed_size_binary_opt())?;
    for bytes in hashes.iter().flatten() {
        let bytes = <[u8; 16]>::try_from(bytes)
            .map_err(|_| LakeError::corrupted("a line_hash is not 16 bytes"))?;
        lines.hash.push(u128::from_be_bytes(bytes));
    }
    lines.is_merchandise.extend(
        column(batch, "is_merchandise", |c| c.as_boolean_opt())?
            .iter()
            .map(|v| v == Some(true)),
    );
    lines
        .line_no
        .extend(line_no.iter().map(|n| n.unsigned_abs()));
    lines.sold_at.extend_from_slice(sold_at);
    lines.quantity.extend_from_slice(quantity);
    lines.unit_price.extend_from_slice(unit_price);
    append_text(batch, "invoice_no", &mut lines.invoice_no)?;
    append_text(batch, "stock_code", &mut lines.stock_code)?;
    append_text(batch, "description", &mut lines.description)?;
    append_text(batch, "customer_id", &mut lines.customer_id)?;
    append_text(batch, "country", &mut lines.country)?;
    out.customer_key
        .extend_from_slice(numbers::<Int32Type>(batch, "customer_key")?);
    out.product_key
        .extend_from_slice(numbers::<Int32Type>(batch, "product_key")?);
    out.batch_id
        .extend_from_slice(numbers::<Int64Type>(batch, "batch_id")?);
    out.sale_id.extend_from_slice(sale_id);
    Ok(())
}

fn append_text(batch: &RecordBatch, name: &str, out: &mut TextColumn) -> Result<(), LakeError> {
    let before = out.bytes.len();
    for value in text(batch, name)? {
        out.push(value.unwrap_or(""));
    }
    // Postgres cannot store it, and the writer refuses it.
    if memchr::memchr(0, out.bytes.get(before..).unwrap_or(&[])).is_some() {
        return Err(LakeError::corrupted(format!("a NUL byte in {name}")));
    }
    Ok(())
}

/// The start of a text, for a message.
fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn column<'a, T>(
    batch: &'a RecordBatch,
    name: &str,
    cast: impl Fn(&'a dyn Array) -> Option<&'a T>,
) -> Result<&'a T, LakeError> {
    let found = batch.column_by_name(name).and_then(|c| cast(c.as_ref()));
    found.ok_or_else(|| LakeError::corrupted(format!("no column {name}")))
}

fn numbers<'a, T: ArrowPrimitiveType>(
    batch: &'a RecordBatch,
    name: &str,
) -> Result<&'a [T::Native], LakeError> {
    column(batch, name, |c| c.as_primitive_opt::<T>()).map(|c| &**c.values())
}

fn text<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringViewArray, LakeError> {
    column(batch, name, |c| c.as_string_view_opt())
}
