//! Batches of raw lines, the common output of all readers.

use crate::control::{Charge, Control, Stop};

/// The most lines of a batch, refused ones among them.
pub const BATCH_ROWS: usize = 65_536;
/// A batch that holds this many bytes of text, or of spans, takes no further line.
pub const BATCH_BYTES: usize = 8 << 20;
/// Several batches are under way at once, each with its text and spans: of a small memory one takes this part.
const SHARE: u64 = 32;

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

/// Longest raw text of a refused line, in bytes; one that is cut says so at its end.
pub const MAX_RAW: usize = 1 << 20;
/// Room for the words that say so.
const CUT: usize = 64;
/// Longest reason, in bytes: a rule's note may be longer.
pub const MAX_REASON: usize = 10_000;

/// A line that was refused, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Physical line of the source at which it starts (1 is the first line of the file, header included); for relations
    /// and Parquet the row, from 1.
    pub line_no: u64,
    /// Why, for example `unit_price is not a number: "N/A"`.
    pub reason: String,
    /// The line as it came, at most [`MAX_RAW`] bytes of it; bytes that are not text stand as `\xHH`.
    pub raw: String,
}

impl Reject {
    /// The same with reason and raw text within their limits, wherever it came from.
    #[must_use]
    pub fn bounded(mut self) -> Reject {
        if self.reason.len() > MAX_REASON {
            self.reason
                .truncate(self.reason.floor_char_boundary(MAX_REASON));
        }
        if self.raw.len() > MAX_RAW {
            self.raw = printable(self.raw.as_bytes());
        }
        self
    }

    /// Bytes of its texts.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.reason.len() + self.raw.len()
    }
}

/// A span of [`RawBatch::bytes`]; `end < start` never holds.
pub type Span = (u32, u32);

/// The span of a field that is absent (no such column, or NULL).
pub const ABSENT: Span = (u32::MAX, u32::MAX);

/// Up to about 64k raw lines: one byte buffer and spans into it, so that a line costs no allocation.
#[derive(Debug)]
pub struct RawBatch {
    /// UTF-8 text that all spans point into (a reader has decoded other encodings before).
    pub bytes: Vec<u8>,
    /// `rows * FIELDS` spans, row by row in [`Field`] order; [`ABSENT`] for NULL.
    pub fields: Vec<Span>,
    /// `rows * extras` spans: the source's columns that map onto no field, ordered by name. They are part of a line's
    /// identity.
    pub extra_fields: Vec<Span>,
    /// Columns per row in `extra_fields`.
    pub extras: usize,
    /// Per row, the line as it came; [`ABSENT`] where the source has no text lines (relations, Parquet).
    pub raw: Vec<Span>,
    /// Per row, its line number.
    pub line_no: Vec<u64>,
    /// Lines that could not even be split into fields. They are counted as read.
    pub rejects: Vec<Reject>,
    /// Per [`Field`], whether the source has it as a number or a time: its text is then in one form (a decimal point,
    /// ISO 8601), and options that say how texts are written do not apply.
    pub typed: [bool; FIELDS],
    /// Bytes of the rejects.
    reject_bytes: usize,
    /// Bytes of constants beyond their one copy in `bytes`: each row has them again once it is cleaned or shown.
    repeated: usize,
    /// Bytes of text, and of spans, with which the batch is full.
    room: usize,
    charge: Charge,
}

impl Default for RawBatch {
    fn default() -> Self {
        RawBatch::new(0)
    }
}

impl RawBatch {
    /// An empty batch whose rows have `extras` extra columns.
    #[must_use]
    pub fn new(extras: usize) -> Self {
        RawBatch {
            bytes: Vec::new(),
            fields: Vec::new(),
            extra_fields: Vec::new(),
            extras,
            raw: Vec::new(),
            line_no: Vec::new(),
            rejects: Vec::new(),
            typed: [false; FIELDS],
            reject_bytes: 0,
            repeated: 0,
            room: BATCH_BYTES,
            charge: Charge::default(),
        }
    }

    /// Whether the source has a field as a number or a time (see [`RawBatch::typed`]).
    #[must_use]
    pub fn is_typed(&self, field: Field) -> bool {
        self.typed.get(field as usize).copied().unwrap_or(false)
    }

    /// Empties the batch for rows with `extras` extra columns, as many as the memory of `control` has room for.
    pub fn begin(&mut self, extras: usize, control: &dyn Control) {
        self.clear();
        self.extras = extras;
        let share = usize::try_from(control.memory_limit() / SHARE).unwrap_or(usize::MAX);
        self.room = share.min(BATCH_BYTES);
    }

    /// True when the batch takes no further line: by its lines, its text, or its spans (of a wide source, mostly NULLs).
    #[must_use]
    pub fn is_full(&self) -> bool {
        let spans = size_of::<Span>() * (self.fields.len() + self.extra_fields.len());
        self.rows() + self.rejects.len() >= BATCH_ROWS
            || self.text_bytes() + self.reject_bytes >= self.room
            || spans >= self.room
    }

    /// Bytes of the rows' text, constants counted for each row.
    #[must_use]
    pub fn text_bytes(&self) -> usize {
        self.bytes.len() + self.repeated
    }

    /// Takes a line that was refused.
    pub fn refuse(&mut self, reject: Reject) {
        self.reject_bytes += reject.bytes();
        self.rejects.push(reject);
    }

    /// Counts `bytes` of constants for a row more, or with a negative number for one that was taken back.
    pub(super) fn repeat(&mut self, bytes: isize) {
        self.repeated = self.repeated.saturating_add_signed(bytes);
    }

    /// Charges what the batch holds to the work under `control`, until it is dropped. A reader does so before it hands a
    /// batch out.
    ///
    /// # Errors
    /// [`Stop::Memory`] when all that the work holds is over the limit.
    pub fn settle(&mut self, control: &dyn Control) -> Result<(), Stop> {
        let spans = self.fields.capacity() + self.extra_fields.capacity() + self.raw.capacity();
        let bytes = self.bytes.capacity()
            + spans * size_of::<Span>()
            + self.line_no.capacity() * size_of::<u64>()
            + self.reject_bytes
            + self.rejects.capacity() * size_of::<Reject>();
        self.charge.set(bytes as u64, "reading lines", control)
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
        (self.reject_bytes, self.repeated) = (0, 0);
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

    /// The line as it came, or where the source has no text lines its fields joined as CSV; at most [`MAX_RAW`] bytes.
    #[must_use]
    pub fn raw_text(&self, row: usize) -> String {
        if let Some(raw) = self.raw.get(row).and_then(|&s| self.slice(s)) {
            return printable(raw);
        }
        let mut out = Printable::default();
        let spans = self
            .fields
            .get(row * FIELDS..(row + 1) * FIELDS)
            .unwrap_or(&[]);
        for (i, &span) in spans.iter().chain(self.extra(row)).enumerate() {
            if i > 0 {
                out.push(b",", false);
            }
            let value = self.slice(span).unwrap_or(b"");
            let quoted = value
                .iter()
                .any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r'));
            if quoted {
                out.push(b"\"", false);
            }
            out.push(value, quoted);
            if quoted {
                out.push(b"\"", false);
            }
        }
        out.finish()
    }
}

/// Bytes as text that Postgres can store: what is not UTF-8, and NUL, becomes `\xHH`. At most [`MAX_RAW`] bytes: what is
/// beyond is only counted.
#[must_use]
pub fn printable(bytes: &[u8]) -> String {
    let mut out = Printable::default();
    out.push(bytes, false);
    out.finish()
}

/// A text that is being made printable.
#[derive(Default)]
struct Printable {
    text: String,
    /// Bytes that have had no room.
    cut: usize,
}

impl Printable {
    /// Appends bytes, with `double_quotes` as a CSV field in quotes has them.
    fn push(&mut self, bytes: &[u8], double_quotes: bool) {
        let mut left = bytes.len();
        'room: for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                let fits = match c {
                    '\0' => self.put("\\x00"),
                    '"' if double_quotes => self.put("\"\""),
                    _ => self.put(c.encode_utf8(&mut [0; 4])),
                };
                if !fits {
                    break 'room;
                }
                left -= c.len_utf8();
            }
            for b in chunk.invalid() {
                if !self.put(&format!("\\x{b:02X}")) {
                    break 'room;
                }
                left -= 1;
            }
        }
        self.cut += left;
    }

    /// Appends a text where there is room for it; nothing follows what had none.
    fn put(&mut self, text: &str) -> bool {
        let fits = self.cut == 0 && self.text.len() + text.len() <= MAX_RAW - CUT;
        if fits {
            self.text.push_str(text);
        }
        fits
    }

    fn finish(mut self) -> String {
        if self.cut > 0 {
            self.text
                .push_str(&format!(" ... ({} more bytes are not kept)", self.cut));
        }
        self.text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::control::testing::Probe;

    #[test]
    fn what_is_not_text_stays_visible() {
        assert_eq!(printable(b"a\0b\xff\xc3\xa9"), "a\\x00b\\xFF\u{e9}");
    }

    #[test]
    fn what_is_kept_of_a_line_is_bounded() {
        let whole = "\u{e9}".repeat((MAX_RAW - CUT) / 2);
        assert_eq!(printable(whole.as_bytes()), whole);
        let long = format!("x{whole}yz");
        let kept = printable(long.as_bytes());
        assert!(kept.len() <= MAX_RAW && long.starts_with(&kept[..MAX_RAW - CUT - 1]));
        assert!(
            kept.ends_with("\u{e9} ... (4 more bytes are not kept)"),
            "{}",
            &kept[kept.len() - 60..]
        );
        // Bytes that are shown as four are counted as one.
        let kept = printable(&vec![0xFF; MAX_RAW]);
        let shown = kept.matches("\\xFF").count();
        assert_eq!(shown, (MAX_RAW - CUT) / 4);
        assert!(kept.ends_with(&format!("({} more bytes are not kept)", MAX_RAW - shown)));
        // A row of many values, each of which would have room.
        let mut batch = RawBatch::new(0);
        batch.bytes = vec![b'\n'; MAX_RAW / 2];
        batch.fields = vec![(0, (MAX_RAW / 2) as u32); FIELDS];
        batch.raw.push(ABSENT);
        batch.line_no.push(1);
        let text = batch.raw_text(0);
        assert!(text.len() <= MAX_RAW && text.ends_with(" more bytes are not kept)"));
    }

    #[test]
    fn a_reject_from_elsewhere_is_brought_within_its_limits() {
        let reject = |reason: usize, raw: usize| Reject {
            line_no: 1,
            reason: "\u{e9}".repeat(reason),
            raw: "\u{1}".repeat(raw),
        };
        let small = reject(MAX_REASON / 2, MAX_RAW);
        assert_eq!(small.clone().bounded(), small);
        let large = reject(MAX_REASON, 2 * MAX_RAW).bounded();
        assert!(large.reason.len() <= MAX_REASON && large.raw.len() <= MAX_RAW);
        assert_eq!(large.clone().bounded(), large);
    }

    #[test]
    fn a_batch_is_full_by_lines_by_text_and_by_spans() {
        let control = Probe::patient();
        let rows_of = |extras: usize, text: usize, control: &Probe| {
            let mut batch = RawBatch::new(0);
            batch.begin(extras, control);
            while !batch.is_full() {
                batch.bytes.resize(batch.bytes.len() + text, b'x');
                batch.fields.extend([ABSENT; FIELDS]);
                batch
                    .extra_fields
                    .resize(batch.extra_fields.len() + extras, ABSENT);
                batch.line_no.push(1);
            }
            batch.settle(control).unwrap();
            (batch.rows(), control.held_bytes())
        };
        assert_eq!(rows_of(0, 10, &control).0, BATCH_ROWS);
        assert_eq!(rows_of(0, 1_000, &control).0, BATCH_BYTES / 1_000 + 1);
        let (rows, held) = rows_of(1_000, 0, &control);
        assert_eq!(rows, BATCH_BYTES / 8 / 1_008 + 1);
        assert!(held >= BATCH_BYTES as u64 && held < 3 * BATCH_BYTES as u64);
        assert_eq!(control.held_bytes(), 0);
        let small = Probe::patient().granting(32 << 20);
        assert!(rows_of(1_000, 1_000, &small).1 < 4 << 20);
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
