//! The columns of a data file and how Parquet stores them.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use parquet::arrow::ArrowSchemaConverter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::{ColumnPath, SchemaDescriptor};

use crate::clean::line::{AMOUNT_SCALE, PRICE_SCALE, QUANTITY_SCALE};

/// The version of the lake's format that this release writes and reads.
pub const LAKE_FORMAT: u32 = 1;

/// Key of the footer's metadata: the format version.
pub(super) const KEY_FORMAT: &str = "retailscope.lake_format";
/// Key of the footer's metadata: the batch that wrote the file.
pub(super) const KEY_BATCH: &str = "retailscope.batch_id";
/// Key of the footer's metadata: the checksum over all values.
pub(super) const KEY_CONTENT: &str = "retailscope.content_crc32c";

/// Rows of a row group.
pub(super) const ROW_GROUP_ROWS: usize = 131_072;
/// A row group also ends at this many encoded bytes, so that long texts cannot fill the memory.
const ROW_GROUP_BYTES: usize = 24 << 20;

/// Digits of a quantity and of a unit price.
pub(super) const NUMBER_PRECISION: u8 = 18;
/// Digits of an amount.
const AMOUNT_PRECISION: u8 = 38;
/// Bytes of a line's hash.
pub(super) const HASH_BYTES: i32 = 16;

fn schema(text: DataType) -> SchemaRef {
    // The scales are 4, 6 and 10, so the casts are exact.
    let number = |scale: u32| DataType::Decimal64(NUMBER_PRECISION, scale as i8);
    let required = |name: &str, kind: DataType| Field::new(name, kind, false);
    Arc::new(Schema::new(vec![
        required("sale_id", DataType::Int64),
        required("date", DataType::Date32),
        required("sold_at", DataType::Timestamp(TimeUnit::Microsecond, None)),
        required("invoice_no", text.clone()),
        required("stock_code", text.clone()),
        Field::new("description", text.clone(), true),
        required("quantity", number(QUANTITY_SCALE)),
        required("unit_price", number(PRICE_SCALE)),
        required(
            "amount",
            DataType::Decimal128(AMOUNT_PRECISION, AMOUNT_SCALE as i8),
        ),
        Field::new("customer_id", text.clone(), true),
        required("country", text.clone()),
        required("line_kind", text),
        required("is_merchandise", DataType::Boolean),
        required("line_no", DataType::Int64),
        required("batch_id", DataType::Int64),
        required("customer_key", DataType::Int32),
        required("product_key", DataType::Int32),
        required("line_hash", DataType::FixedSizeBinary(HASH_BYTES)),
    ]))
}

/// The columns as arrays to write. A decimal of 18 digits is the same Parquet type whether arrow holds it in 64 or in
/// 128 bits; other readers take it as `decimal128(18, s)`.
pub(super) fn write_schema() -> SchemaRef {
    schema(DataType::Utf8)
}

/// The columns as arrays to read. Texts come as views into the decoded pages: a small file whose rows all point at one
/// long value then takes no more memory than its pages do.
pub(super) fn read_schema() -> SchemaRef {
    schema(DataType::Utf8View)
}

/// The file's schema as Parquet states it.
pub(super) fn parquet_schema() -> Result<SchemaDescriptor, ParquetError> {
    ArrowSchemaConverter::new().convert(&write_schema())
}

/// How a file is written. Nothing in it depends on the time or the machine, so the same input gives the same bytes.
pub(super) fn properties(batch_id: i64) -> Result<WriterProperties, ParquetError> {
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("retailscope {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(vec![
            KeyValue::new(KEY_FORMAT.into(), LAKE_FORMAT.to_string()),
            KeyValue::new(KEY_BATCH.into(), batch_id.to_string()),
        ]));
    for name in [
        "sale_id",
        "date",
        "sold_at",
        "batch_id",
        "customer_key",
        "product_key",
    ] {
        builder =
            builder.set_column_statistics_enabled(ColumnPath::from(name), EnabledStatistics::Chunk);
    }
    // Counted up by one for most rows: a delta takes a bit or two, a dictionary would only be tried and thrown away.
    for name in ["sale_id", "line_no"] {
        builder = builder
            .set_column_dictionary_enabled(ColumnPath::from(name), false)
            .set_column_encoding(ColumnPath::from(name), Encoding::DELTA_BINARY_PACKED);
    }
    // A hash has neither repetitions nor structure.
    builder = builder
        .set_column_dictionary_enabled(ColumnPath::from("line_hash"), false)
        .set_column_compression(ColumnPath::from("line_hash"), Compression::UNCOMPRESSED);
    Ok(builder.build())
}
