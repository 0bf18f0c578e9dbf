//! Lines in columns become arrow arrays.

use std::sync::Arc;

use arrow_array::types::{Date32Type, Decimal64Type, Decimal128Type, TimestampMicrosecondType};
use arrow_array::{
    ArrayRef, BooleanArray, FixedSizeBinaryArray, Int32Array, Int64Array, PrimitiveArray,
    RecordBatch, StringArray,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{ArrowError, DataType, SchemaRef};

use super::LakeError;
use super::schema::{HASH_BYTES, NUMBER_PRECISION};
use crate::calendar::days;
use crate::clean::line::{LineBatch, TextColumn};

/// The keys that the warehouse gave to the rows of a batch, one of each per row.
#[derive(Debug, Clone, Copy)]
pub struct Keys<'a> {
    /// `fact_sales.sale_id`.
    pub sale_id: &'a [i64],
    /// `dim_customer.customer_key`.
    pub customer_key: &'a [i32],
    /// `dim_product.product_key`.
    pub product_key: &'a [i32],
}

/// The rows of `lines` as a record batch of `schema`, refused when a value does not fit its column.
pub(super) fn record_batch(
    schema: &SchemaRef,
    lines: &LineBatch,
    keys: &Keys<'_>,
    batch_id: &[i64],
) -> Result<RecordBatch, LakeError> {
    let rows = lines.rows();
    let counts = [
        ("sold_at", lines.sold_at.len()),
        ("quantity", lines.quantity.len()),
        ("unit_price", lines.unit_price.len()),
        ("kind", lines.kind.len()),
        ("is_merchandise", lines.is_merchandise.len()),
        ("line_no", lines.line_no.len()),
        ("sale_id", keys.sale_id.len()),
        ("customer_key", keys.customer_key.len()),
        ("product_key", keys.product_key.len()),
        ("batch_id", batch_id.len()),
    ];
    if let Some((name, n)) = counts.into_iter().find(|&(_, n)| n != rows) {
        return Err(LakeError::BadData(format!(
            "{n} values of {name} for {rows} lines"
        )));
    }
    check_numbers(lines)?;

    let kind_names = kinds(lines)?;
    let hashes: Vec<u8> = lines.hash.iter().flat_map(|h| h.to_be_bytes()).collect();
    let amounts: Vec<i128> = lines
        .quantity
        .iter()
        .zip(&lines.unit_price)
        .map(|(&q, &p)| i128::from(q) * i128::from(p))
        .collect();
    let line_nos: Vec<i64> = lines
        .line_no
        .iter()
        .map(|&n| i64::try_from(n).unwrap_or(i64::MAX))
        .collect();

    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(keys.sale_id.to_vec())),
        Arc::new(PrimitiveArray::<Date32Type>::from_iter_values(
            lines.sold_at.iter().map(|&t| days(t)),
        )),
        Arc::new(
            PrimitiveArray::<TimestampMicrosecondType>::from_iter_values(
                lines.sold_at.iter().copied(),
            ),
        ),
        Arc::new(text("invoice_no", &lines.invoice_no, rows, false)?),
        Arc::new(text("stock_code", &lines.stock_code, rows, false)?),
        Arc::new(text("description", &lines.description, rows, true)?),
        Arc::new(
            PrimitiveArray::<Decimal64Type>::from(lines.quantity.clone())
                .with_data_type(type_of(schema, "quantity")?),
        ),
        Arc::new(
            PrimitiveArray::<Decimal64Type>::from(lines.unit_price.clone())
                .with_data_type(type_of(schema, "unit_price")?),
        ),
        Arc::new(
            PrimitiveArray::<Decimal128Type>::from(amounts)
                .with_data_type(type_of(schema, "amount")?),
        ),
        Arc::new(text("customer_id", &lines.customer_id, rows, true)?),
        Arc::new(text("country", &lines.country, rows, false)?),
        Arc::new(kind_names),
        Arc::new(BooleanArray::from(lines.is_merchandise.clone())),
        Arc::new(Int64Array::from(line_nos)),
        Arc::new(Int64Array::from(batch_id.to_vec())),
        Arc::new(Int32Array::from(keys.customer_key.to_vec())),
        Arc::new(Int32Array::from(keys.product_key.to_vec())),
        Arc::new(
            FixedSizeBinaryArray::try_new(HASH_BYTES, Buffer::from_vec(hashes), None)
                .map_err(refused)?,
        ),
    ];
    RecordBatch::try_new(Arc::clone(schema), columns).map_err(refused)
}

/// The decimals have 18 digits, the line number 63 bits: a value beyond would be stored as another.
fn check_numbers(lines: &LineBatch) -> Result<(), LakeError> {
    let limit = 10_i64.pow(u32::from(NUMBER_PRECISION)).unsigned_abs();
    let line_no = |row: usize| lines.line_no.get(row).copied().unwrap_or(0);
    for (column, values) in [
        ("quantity", &lines.quantity),
        ("unit_price", &lines.unit_price),
    ] {
        if let Some((row, v)) = values
            .iter()
            .enumerate()
            .find(|(_, v)| v.unsigned_abs() >= limit)
        {
            return Err(LakeError::OutOfRange {
                column,
                value: format!("(mantissa) {v}"),
                line_no: line_no(row),
            });
        }
    }
    match lines.line_no.iter().find(|&&n| i64::try_from(n).is_err()) {
        Some(&n) => Err(LakeError::OutOfRange {
            column: "line_no",
            value: n.to_string(),
            line_no: n,
        }),
        None => Ok(()),
    }
}

fn refused(error: ArrowError) -> LakeError {
    LakeError::BadData(error.to_string())
}

fn type_of(schema: &SchemaRef, name: &str) -> Result<DataType, LakeError> {
    schema
        .field_with_name(name)
        .map(|f| f.data_type().clone())
        .map_err(refused)
}

/// The column's bytes as they are, with offsets made of its ends; an empty value is NULL where the column may be.
fn text(
    name: &str,
    column: &TextColumn,
    rows: usize,
    nullable: bool,
) -> Result<StringArray, LakeError> {
    let mut offsets: Vec<i32> = Vec::with_capacity(rows + 1);
    offsets.push(0);
    let mut last = 0;
    for &end in &column.ends {
        let end = i32::try_from(end)
            .map_err(|_| LakeError::BadData(format!("over 2 GiB of {name} in one batch")))?;
        if end < last {
            return Err(LakeError::BadData(format!(
                "the ends of {name} do not rise"
            )));
        }
        last = end;
        offsets.push(end);
    }
    if column.ends.len() != rows || usize::try_from(last).ok() != Some(column.bytes.len()) {
        return Err(LakeError::BadData(format!(
            "{name} does not hold {rows} values"
        )));
    }
    if memchr::memchr(0, &column.bytes).is_some() {
        return Err(LakeError::BadData(format!("a NUL byte in {name}")));
    }
    let nulls = nullable.then(|| {
        offsets
            .windows(2)
            .map(|w| w.first() != w.last())
            .collect::<NullBuffer>()
    });
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    StringArray::try_new(offsets, Buffer::from_slice_ref(&column.bytes), nulls)
        .map_err(|e| LakeError::BadData(format!("{name}: {e}")))
}

fn kinds(lines: &LineBatch) -> Result<StringArray, LakeError> {
    let mut names = TextColumn::default();
    for kind in &lines.kind {
        names.push(kind.name());
    }
    text("line_kind", &names, lines.rows(), false)
}
