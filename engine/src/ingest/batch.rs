//! Batches of raw lines, the common output of all readers.

/// The source fields that RetailScope knows, in their canonical order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Field {
    /// The invoice (order, receipt) number.
    InvoiceNo = 0,
    /// The article number.
    StockCode = 1,
    /// The article's text.
    Description = 2,
    /// Units sold; negative for returns.
    Quantity = 3,
    /// When it was sold.
    SoldAt = 4,
    /// The price of one unit.
    UnitPrice = 5,
    /// The customer's number.
    CustomerId = 6,
    /// The customer's country.
    Country = 7,
}

/// Number of [`Field`]s.
pub const FIELDS: usize = 8;

impl Field {
    /// All fields, in canonical order.
    pub const ALL: [Field; FIELDS] = [
        Field::InvoiceNo,
        Field::StockCode,
        Field::Description,
        Field::Quantity,
        Field::SoldAt,
        Field::UnitPrice,
        Field::CustomerId,
        Field::Country,
    ];

    /// The name used in mappings, messages and columns.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Field::InvoiceNo => "invoice_no",
            Field::StockCode => "stock_code",
            Field::Description => "description",
            Field::Quantity => "quantity",
            Field::SoldAt => "sold_at",
            Field::UnitPrice => "unit_price",
            Field::CustomerId => "customer_id",
            Field::Country => "country",
        }
    }
}

/// A line that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Physical line of the source at which it starts (1 is the first line of the file, header included); for relations
    /// and Parquet the row, from 1.
    pub line_no: u64,
    /// Why, for example `unit_price is not a number: "N/A"`.
    pub reason: String,
    /// The line as it came; bytes that are not text stand as `\xHH`.
    pub raw: String,
}

/// A span of [`RawBatch::bytes`]; `end < start` never holds.
pub type Span = (u32, u32);

/// The span of a field that is absent (no such column, or NULL).
pub const ABSENT: Span = (u32::MAX, u32::MAX);

/// Up to about 64k raw lines: one byte buffer and spans into it, so that a line costs no allocation.
#[derive(Debug, Default, Clone)]
pub struct RawBatch {
    /// UTF-8 text that all spans point into (a reader has decoded other encodings before).
    pub bytes: Vec<u8>,
    /// `rows * FIELDS` spans, row by row in [`Field`] order; [`ABSENT`] for NULL.
    pub fields: Vec<Span>,
    /// `rows * extras` spans: the source's columns that map onto no field, in the source's order. They are part of a
    /// line's identity.
    pub extra_fields: Vec<Span>,
    /// Columns per row in `extra_fields`.
    pub extras: usize,
    /// Per row, the line as it came; [`ABSENT`] where the source has no text lines (relations, Parquet).
    pub raw: Vec<Span>,
    /// Per row, its line number.
    pub line_no: Vec<u64>,
    /// Lines that could not even be split into fields. They are counted as read.
    pub rejects: Vec<Reject>,
}

impl RawBatch {
    /// An empty batch whose rows have `extras` extra columns.
    #[must_use]
    pub fn new(extras: usize) -> Self {
        RawBatch {
            extras,
            ..RawBatch::default()
        }
    }

    /// Number of rows, refused lines not counted.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.line_no.len()
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.fields.clear();
        self.extra_fields.clear();
        self.raw.clear();
        self.line_no.clear();
        self.rejects.clear();
    }

    /// The bytes of a span; `None` for [`ABSENT`] and for a span that does not fit the buffer.
    #[must_use]
    pub fn slice(&self, span: Span) -> Option<&[u8]> {
        if span == ABSENT {
            return None;
        }
        self.bytes.get(span.0 as usize..span.1 as usize)
    }

    /// A field's text, untrimmed; `None` when absent.
    #[must_use]
    pub fn field(&self, row: usize, field: Field) -> Option<&[u8]> {
        self.fields
            .get(row * FIELDS + field as usize)
            .and_then(|&s| self.slice(s))
    }

    /// The extra columns of a row.
    #[must_use]
    pub fn extra(&self, row: usize) -> &[Span] {
        self.extra_fields
            .get(row * self.extras..(row + 1) * self.extras)
            .unwrap_or(&[])
    }

    /// The line as it came, or where the source has no text lines its fields joined as CSV.
    #[must_use]
    pub fn raw_text(&self, row: usize) -> String {
        if let Some(raw) = self.raw.get(row).and_then(|&s| self.slice(s)) {
            return printable(raw);
        }
        let mut out = String::new();
        let spans = self
            .fields
            .get(row * FIELDS..(row + 1) * FIELDS)
            .unwrap_or(&[]);
        for (i, &span) in spans.iter().chain(self.extra(row)).enumerate() {
            if i > 0 {
                out.push(',');
            }
            let text = printable(self.slice(span).unwrap_or(b""));
            if text.contains([',', '"', '\n', '\r']) {
                out.push('"');
                out.push_str(&text.replace('"', "\"\""));
                out.push('"');
            } else {
                out.push_str(&text);
            }
        }
        out
    }
}

/// Bytes as text that Postgres can store: what is not UTF-8, and NUL, becomes `\xHH`.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\0' {
                out.push_str("\\x00")
            } else {
                out.push(c)
            }
        }
        for b in chunk.invalid() {
            out.push_str(&format!("\\x{b:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_text_stays_visible() {
        assert_eq!(printable(b"a\0b\xff\xc3\xa9"), "a\\x00b\\xFF\u{e9}");
    }

    #[test]
    fn a_row_without_a_text_line_is_shown_as_csv() {
        let mut batch = RawBatch::new(1);
        batch.bytes.extend_from_slice(b"1,\"x\"7");
        batch.fields.extend([(0, 2), (2, 5)]);
        batch.fields.extend([ABSENT; FIELDS - 2]);
        batch.extra_fields.push((5, 6));
        batch.raw.push(ABSENT);
        batch.line_no.push(1);
        assert_eq!(batch.raw_text(0), "\"1,\",\"\"\"x\"\"\",,,,,,,7");
    }
}
