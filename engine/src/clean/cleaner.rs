//! Raw lines become typed lines, or rejects with a reason.

use super::datetime::{DateParser, parse_iso};
use super::decimal::parse_decimal;
use super::error::CleanError;
use super::identity::{Hasher, Source};
use super::line::{Line, LineBatch, LineKind, PRICE_SCALE, QUANTITY_SCALE};
use super::rules::{Matcher, Outcome, Rules, Texts};
use super::text::{
    MAX_DESCRIPTION, MAX_NAME, customer, is_unknown, quoted, trimmed, upper, without_controls,
};
use crate::control::{Control, Stop};
use crate::ingest::batch::Span;
use crate::ingest::{Field, RawBatch, Reject};

/// The country of a line that names none.
const UNSPECIFIED: &str = "Unspecified";

/// Rows between two looks at the control: well under a millisecond.
const ROWS_PER_CHECK: usize = 256;

/// Bytes that a typed line takes beside its texts, at most.
const BYTES_PER_LINE: u64 = 80;

/// How a source writes its values as text. What it has as numbers and times of its own ([`RawBatch::typed`]) means what it
/// means, whatever is said here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Formats {
    /// Date formats, tried in this order before ISO 8601 (see [`DateParser`]).
    pub date_formats: Vec<String>,
    /// Whether the decimal point is a comma.
    pub decimal_comma: bool,
}

/// Cleans the batches of one source.
#[derive(Debug)]
pub struct Cleaner {
    matcher: Matcher,
    dates: DateParser,
    decimal_comma: bool,
    /// Name and position of the extra columns, by name.
    extra_columns: Vec<(String, usize)>,
    hasher: Hasher,
    country: Country,
    buffers: Buffers,
}

#[derive(Debug, Default)]
struct Buffers {
    invoice_no: String,
    stock_code: String,
    description: String,
}

impl Cleaner {
    /// A cleaner for a source whose extra columns have these names, in the order of [`RawBatch::extra`].
    ///
    /// # Errors
    /// [`CleanError::DateFormat`] when a date format is wrong.
    pub fn new(
        rules: Rules,
        formats: &Formats,
        extra_columns: &[String],
    ) -> Result<Cleaner, CleanError> {
        let mut extra_columns: Vec<(String, usize)> =
            extra_columns.iter().cloned().zip(0..).collect();
        extra_columns.sort();
        Ok(Cleaner {
            matcher: Matcher::new(rules),
            dates: DateParser::new(&formats.date_formats)?,
            decimal_comma: formats.decimal_comma,
            extra_columns,
            hasher: Hasher::default(),
            country: Country::default(),
            buffers: Buffers::default(),
        })
    }

    /// Appends the typed lines to `out` and the refused ones to `rejects`; `raw.rejects` stays where it is.
    ///
    /// # Errors
    /// [`Stop`] when the work is cancelled or the lines would take too much memory; `out` and `rejects` then hold a part.
    pub fn clean(
        &mut self,
        raw: &RawBatch,
        out: &mut LineBatch,
        rejects: &mut Vec<Reject>,
        control: &dyn Control,
    ) -> Result<(), Stop> {
        let coming = raw.text_bytes() as u64 + raw.rows() as u64 * BYTES_PER_LINE;
        control.budget("clean", out.bytes() as u64 + coming)?;
        let batch = Batch::new(raw);
        for (row, &line_no) in raw.line_no.iter().enumerate() {
            if row % ROWS_PER_CHECK == 0 {
                control.check()?;
            }
            if let Err(reason) = self.row(&batch, row, line_no, out) {
                rejects.push(Reject {
                    line_no,
                    reason,
                    raw: raw.raw_text(row),
                });
            }
        }
        Ok(())
    }

    fn row(
        &mut self,
        batch: &Batch<'_>,
        row: usize,
        line_no: u64,
        out: &mut LineBatch,
    ) -> Result<(), String> {
        let text = |field| batch.field(row, field);
        let Buffers {
            invoice_no,
            stock_code,
            description,
        } = &mut self.buffers;
        let invoice_no = code(Field::InvoiceNo, text(Field::InvoiceNo)?, invoice_no)?;
        let stock_code = code(Field::StockCode, text(Field::StockCode)?, stock_code)?;
        let description = without_controls(text(Field::Description)?, description);
        limited(Field::Description, description, MAX_DESCRIPTION)?;
        let number = |field, scale| {
            let comma = self.decimal_comma && !batch.raw.is_typed(field);
            number(field, text(field)?, comma, scale)
        };
        let quantity = number(Field::Quantity, QUANTITY_SCALE)?;
        let sold_at = match batch.raw.is_typed(Field::SoldAt) {
            true => moment(text(Field::SoldAt)?, parse_iso, |_| false)?,
            false => moment(
                text(Field::SoldAt)?,
                |text| self.dates.parse(text),
                |text| self.dates.is_other_form(text),
            )?,
        };
        let unit_price = number(Field::UnitPrice, PRICE_SCALE)?;
        let customer_id = customer(trimmed(text(Field::CustomerId)?));
        limited(Field::CustomerId, customer_id, MAX_NAME)?;
        let country = trimmed(text(Field::Country)?);
        limited(Field::Country, country, MAX_NAME)?;
        self.country.read(country, self.matcher.rules());
        let country = self.country.name.as_str();

        self.hasher.start(&Source {
            invoice_no,
            stock_code,
            description,
            quantity,
            sold_at,
            unit_price,
            customer_id,
            country: &self.country.identity,
        });
        for (name, position) in &self.extra_columns {
            self.hasher.extra(name, batch.extra(row, *position, name)?);
        }

        let texts = Texts {
            invoice_no,
            stock_code,
            description,
            customer_id,
            country,
        };
        let (by_rule, is_merchandise) = match self.matcher.outcome(&texts) {
            Outcome::Line {
                kind,
                is_merchandise,
            } => (kind, is_merchandise),
            Outcome::Reject(reason) => return Err(reason),
        };
        out.push(&Line {
            hash: self.hasher.finish(),
            sold_at,
            quantity,
            unit_price,
            kind: kind(quantity, unit_price, by_rule),
            is_merchandise,
            line_no,
            invoice_no,
            stock_code,
            description,
            customer_id,
            country,
        });
        Ok(())
    }
}

/// Without a price or a quantity a line is free, whatever the rules say; without a rule the signs decide.
fn kind(quantity: i64, unit_price: i64, by_rule: Option<LineKind>) -> LineKind {
    match by_rule {
        _ if unit_price == 0 || quantity == 0 => LineKind::Free,
        Some(kind) => kind,
        None if unit_price < 0 => LineKind::Adjustment,
        None if quantity < 0 => LineKind::Return,
        None => LineKind::Sale,
    }
}

fn code<'a>(field: Field, text: &'a str, buffer: &'a mut String) -> Result<&'a str, String> {
    let code = upper(trimmed(text), buffer);
    if code.is_empty() {
        return Err(format!("{} is empty", field.name()));
    }
    limited(field, code, MAX_NAME)?;
    Ok(code)
}

fn limited(field: Field, text: &str, max: usize) -> Result<(), String> {
    if text.len() > max {
        return Err(format!(
            "{} is longer than {max} bytes: {}",
            field.name(),
            quoted(text)
        ));
    }
    Ok(())
}

fn number(field: Field, text: &str, decimal_comma: bool, scale: u32) -> Result<i64, String> {
    let text = trimmed(text);
    parse_decimal(text, decimal_comma, scale)
        .map_err(|e| format!("{} {e}: {}", field.name(), quoted(text)))
}

fn moment(
    text: &str,
    parse: impl Fn(&str) -> Option<i64>,
    is_other_form: impl Fn(&str) -> bool,
) -> Result<i64, String> {
    let text = trimmed(text);
    parse(text).ok_or_else(|| {
        let advice = match is_other_form(text) {
            true => " (give options date_format, for example \"MM/DD/YYYY HH24:MI\")",
            false => "",
        };
        format!(
            "{} is not a date: {}{advice}",
            Field::SoldAt.name(),
            quoted(text)
        )
    })
}

/// The country of the last line: the next line has mostly the same.
#[derive(Debug)]
struct Country {
    source: String,
    /// The text in the source, empty when it stands for "no value".
    identity: String,
    /// With aliases resolved.
    name: String,
}

impl Default for Country {
    fn default() -> Country {
        Country {
            source: String::new(),
            identity: String::new(),
            name: UNSPECIFIED.to_owned(),
        }
    }
}

impl Country {
    fn read(&mut self, source: &str, rules: &Rules) {
        if self.source == source {
            return;
        }
        *self = Country {
            source: source.to_owned(),
            ..Country::default()
        };
        if !is_unknown(source) {
            self.identity = source.to_owned();
            self.name = rules
                .alias(&source.to_uppercase())
                .unwrap_or(source)
                .to_owned();
        }
    }
}

/// A raw batch that is checked once for what a field must not hold, so that its fields need not be.
struct Batch<'a> {
    raw: &'a RawBatch,
    /// All bytes, when they are UTF-8 throughout.
    text: Option<&'a str>,
    has_nul: bool,
}

impl<'a> Batch<'a> {
    fn new(raw: &'a RawBatch) -> Batch<'a> {
        let has_nul = memchr::memchr(0, &raw.bytes).is_some();
        Batch {
            raw,
            text: std::str::from_utf8(&raw.bytes).ok(),
            has_nul,
        }
    }

    /// A field's text, untrimmed; empty when absent.
    fn field(&self, row: usize, field: Field) -> Result<&'a str, String> {
        let position = row * crate::ingest::FIELDS + field as usize;
        let Some(bytes) = self
            .raw
            .fields
            .get(position)
            .and_then(|&span| self.slice(span))
        else {
            return Ok("");
        };
        let text = bytes.map_err(|()| format!("{} is not valid UTF-8", field.name()))?;
        if self.has_nul && text.contains('\0') {
            return Err(format!("{} contains a NUL byte", field.name()));
        }
        Ok(text)
    }

    /// An extra column's text, trimmed; `None` when absent.
    fn extra(&self, row: usize, position: usize, name: &str) -> Result<Option<&'a str>, String> {
        let Some(text) = self
            .raw
            .extra(row)
            .get(position)
            .and_then(|&span| self.slice(span))
        else {
            return Ok(None);
        };
        let text = text.map_err(|()| format!("the column {} is not valid UTF-8", quoted(name)))?;
        Ok(Some(trimmed(text)))
    }

    fn slice(&self, span: Span) -> Option<Result<&'a str, ()>> {
        let bytes = self.raw.slice(span)?;
        let known = self
            .text
            .and_then(|t| t.get(span.0 as usize..span.1 as usize));
        Some(known.map_or_else(|| std::str::from_utf8(bytes).map_err(|_| ()), Ok))
    }
}
