//! Typed lines in columns: what cleaning makes and the lake and the warehouse take.

use crate::error::{Class, Classified};

/// Decimals of a quantity: a mantissa of 12_000 is 1.2 units.
pub const QUANTITY_SCALE: u32 = 4;
/// Decimals of a unit price: a mantissa of 2_550_000 is 2.55.
pub const PRICE_SCALE: u32 = 6;
/// Decimals of an amount, the exact product of quantity and price.
pub const AMOUNT_SCALE: u32 = QUANTITY_SCALE + PRICE_SCALE;

/// What a line is, decided by its code, its invoice and its signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum LineKind {
    /// Goods or services sold at a price.
    Sale = 0,
    /// Goods that came back: a cancellation, or a negative quantity with a price.
    Return = 1,
    /// Postage, bank charges, commissions.
    Fee = 2,
    /// Bad debt, discounts and corrections by hand.
    Adjustment = 3,
    /// No price: gifts, write-offs, stock notes.
    Free = 4,
}

impl LineKind {
    /// All kinds, by their number.
    pub const ALL: [LineKind; 5] = [
        LineKind::Sale,
        LineKind::Return,
        LineKind::Fee,
        LineKind::Adjustment,
        LineKind::Free,
    ];

    /// The value of the column `line_kind`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            LineKind::Sale => "sale",
            LineKind::Return => "return",
            LineKind::Fee => "fee",
            LineKind::Adjustment => "adjustment",
            LineKind::Free => "free",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<LineKind> {
        LineKind::ALL.into_iter().find(|k| k.name() == name)
    }

    /// The kind of that number.
    #[must_use]
    pub fn from_u8(n: u8) -> Option<LineKind> {
        LineKind::ALL.get(usize::from(n)).copied()
    }
}

/// A column of text: one buffer and the end of each value.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct TextColumn {
    /// All values, one after the other; UTF-8.
    pub bytes: Vec<u8>,
    /// Per row, where its value ends in `bytes`.
    pub ends: Vec<u32>,
}

impl TextColumn {
    /// Appends a value.
    pub fn push(&mut self, value: &str) {
        self.bytes.extend_from_slice(value.as_bytes());
        // A batch is flushed long before 4 GiB of text; the saturating cast keeps even a faulty caller in bounds.
        self.ends
            .push(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX));
    }

    /// The value of a row; empty where there is none.
    #[must_use]
    pub fn get(&self, row: usize) -> &str {
        let start = if row == 0 {
            0
        } else {
            self.ends.get(row - 1).copied().unwrap_or(0) as usize
        };
        let end = self.ends.get(row).copied().unwrap_or(0) as usize;
        self.bytes
            .get(start..end)
            .and_then(|b| std::str::from_utf8(b).ok())
            .unwrap_or("")
    }

    /// Empties the column and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

/// One typed line, borrowed from wherever it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Identity: a 128-bit hash of all source columns, normalised (see `clean::identity`).
    pub hash: u128,
    /// Microseconds since 1970-01-01 00:00:00, in the shop's own wall-clock time (no time zone).
    pub sold_at: i64,
    /// Units, with [`QUANTITY_SCALE`] decimals.
    pub quantity: i64,
    /// Price of a unit, with [`PRICE_SCALE`] decimals.
    pub unit_price: i64,
    /// What the line is.
    pub kind: LineKind,
    /// False for postage, fees, vouchers, tests and adjustments.
    pub is_merchandise: bool,
    /// Where the line stood in its source.
    pub line_no: u64,
    /// Invoice number: trimmed, upper case, not empty.
    pub invoice_no: &'a str,
    /// Stock code: trimmed, upper case, not empty.
    pub stock_code: &'a str,
    /// Description: trimmed; empty when there is none.
    pub description: &'a str,
    /// Customer: trimmed, `13085.0` read as `13085`; empty when unknown.
    pub customer_id: &'a str,
    /// Country: trimmed, aliases resolved; `Unspecified` when there is none.
    pub country: &'a str,
}

impl Line<'_> {
    /// Quantity times price, with [`AMOUNT_SCALE`] decimals: exact.
    #[must_use]
    pub fn amount(&self) -> i128 {
        i128::from(self.quantity) * i128::from(self.unit_price)
    }

    /// Bytes that the line takes in a [`LineBatch`].
    #[must_use]
    pub fn bytes(&self) -> usize {
        let texts = [
            self.invoice_no,
            self.stock_code,
            self.description,
            self.customer_id,
            self.country,
        ];
        texts.iter().map(|text| text.len() + 4).sum::<usize>() + LineBatch::FIXED_BYTES
    }
}

/// A sum of amounts that `i128` does not hold. One amount has up to 34 digits, so some 17,000 lines of the largest suffice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sum of the amounts is over 38 digits")]
pub struct SumOutOfRange;

impl Classified for SumOutOfRange {
    fn class(&self) -> Class {
        Class::OutOfRange
    }

    fn hint(&self) -> Option<String> {
        Some("Look for quantities and prices that cannot be meant; the source may be loaded in parts.".into())
    }
}

/// Adds an amount to a sum of amounts.
///
/// # Errors
/// [`SumOutOfRange`] when the sum has no room for it.
pub fn add_amount(sum: i128, amount: i128) -> Result<i128, SumOutOfRange> {
    sum.checked_add(amount).ok_or(SumOutOfRange)
}

/// Typed lines in columns; all columns have the same number of rows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LineBatch {
    /// See [`Line::hash`].
    pub hash: Vec<u128>,
    /// See [`Line::sold_at`].
    pub sold_at: Vec<i64>,
    /// See [`Line::quantity`].
    pub quantity: Vec<i64>,
    /// See [`Line::unit_price`].
    pub unit_price: Vec<i64>,
    /// See [`Line::kind`].
    pub kind: Vec<LineKind>,
    /// See [`Line::is_merchandise`].
    pub is_merchandise: Vec<bool>,
    /// See [`Line::line_no`].
    pub line_no: Vec<u64>,
    /// See [`Line::invoice_no`].
    pub invoice_no: TextColumn,
    /// See [`Line::stock_code`].
    pub stock_code: TextColumn,
    /// See [`Line::description`].
    pub description: TextColumn,
    /// See [`Line::customer_id`].
    pub customer_id: TextColumn,
    /// See [`Line::country`].
    pub country: TextColumn,
}

impl LineBatch {
    /// 16 hash + 3 * 8 numbers + 8 line number + 2 flags
    const FIXED_BYTES: usize = 50;

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.hash.len()
    }

    /// Appends a line.
    pub fn push(&mut self, line: &Line<'_>) {
        self.hash.push(line.hash);
        self.sold_at.push(line.sold_at);
        self.quantity.push(line.quantity);
        self.unit_price.push(line.unit_price);
        self.kind.push(line.kind);
        self.is_merchandise.push(line.is_merchandise);
        self.line_no.push(line.line_no);
        self.invoice_no.push(line.invoice_no);
        self.stock_code.push(line.stock_code);
        self.description.push(line.description);
        self.customer_id.push(line.customer_id);
        self.country.push(line.country);
    }

    /// The line of a row; `None` beyond the last.
    #[must_use]
    pub fn line(&self, row: usize) -> Option<Line<'_>> {
        Some(Line {
            hash: *self.hash.get(row)?,
            sold_at: *self.sold_at.get(row)?,
            quantity: *self.quantity.get(row)?,
            unit_price: *self.unit_price.get(row)?,
            kind: *self.kind.get(row)?,
            is_merchandise: *self.is_merchandise.get(row)?,
            line_no: *self.line_no.get(row)?,
            invoice_no: self.invoice_no.get(row),
            stock_code: self.stock_code.get(row),
            description: self.description.get(row),
            customer_id: self.customer_id.get(row),
            country: self.country.get(row),
        })
    }

    /// A sum of amounts and the amounts of all rows, with [`AMOUNT_SCALE`] decimals.
    ///
    /// # Errors
    /// [`SumOutOfRange`] when it is too large.
    pub fn add_amounts(&self, sum: i128) -> Result<i128, SumOutOfRange> {
        self.quantity
            .iter()
            .zip(&self.unit_price)
            .try_fold(sum, |sum, (&quantity, &price)| {
                add_amount(sum, i128::from(quantity) * i128::from(price))
            })
    }

    /// Bytes that the batch holds.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let text = [
            &self.invoice_no,
            &self.stock_code,
            &self.description,
            &self.customer_id,
            &self.country,
        ]
        .iter()
        .map(|c| c.bytes.len() + 4 * c.ends.len())
        .sum::<usize>();
        text + self.rows() * Self::FIXED_BYTES
    }

    /// Empties the batch and keeps its memory.
    pub fn clear(&mut self) {
        self.hash.clear();
        self.sold_at.clear();
        self.quantity.clear();
        self.unit_price.clear();
        self.kind.clear();
        self.is_merchandise.clear();
        self.line_no.clear();
        for c in [
            &mut self.invoice_no,
            &mut self.stock_code,
            &mut self.description,
            &mut self.customer_id,
            &mut self.country,
        ] {
            c.clear();
        }
    }
}
