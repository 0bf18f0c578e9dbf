//! From an invoice to raw lines, with the dirt that real exports have.

use super::calendar::Day;
use super::chance::Chance;
use super::products::Catalogue;
use super::words::{COUNTRIES, NOTES};
use crate::ingest::batch::{ABSENT, RawBatch, Span};

/// What is no merchandise: code and description.
pub(super) const SPECIALS: [(&str, &str); 5] = [
    ("POST", "POSTAGE"),
    ("DOT", "DOTCOM POSTAGE"),
    ("BANK CHARGES", "Bank Charges"),
    ("M", "Manual"),
    ("D", "Discount"),
];

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Product(u16),
    /// A stock note on a product: position in [`NOTES`].
    Note(u16, u8),
    /// Position in [`SPECIALS`].
    Special(u8),
}

/// A line before it is written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draft {
    pub item: Item,
    pub quantity: i32,
    /// Price of a unit in pence.
    pub cents: u32,
}

/// The head of an invoice.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Invoice {
    pub number: u64,
    /// Written with a `C` before the number.
    pub credit: bool,
    /// Minute of the day.
    pub minute: u32,
    /// From 0; `None` is a guest.
    pub customer: Option<u32>,
    pub country: u8,
}

/// How a line is spoilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dirt {
    None,
    /// Written twice.
    Twice,
    NoPrice,
    NoDate,
    NoQuantity,
    Code,
    Padding,
    NoDescription,
    CustomerAsFloat,
    Country,
}

/// Dirt in 100,000 lines. The three kinds that make a line unreadable sum to 0.15 %.
const DIRT: [(Dirt, u32); 9] = [
    (Dirt::Twice, 500),
    (Dirt::NoPrice, 50),
    (Dirt::NoDate, 50),
    (Dirt::NoQuantity, 50),
    (Dirt::Code, 100),
    (Dirt::Padding, 100),
    (Dirt::NoDescription, 90),
    (Dirt::CustomerAsFloat, 90),
    (Dirt::Country, 60),
];

/// The first customer's number.
const FIRST_CUSTOMER: u64 = 12_346;

fn dirt(chance: &mut Chance) -> Dirt {
    let mut at = chance.below(100_000);
    for (dirt, share) in DIRT {
        if at < share {
            return dirt;
        }
        at -= share;
    }
    Dirt::None
}

/// Appends a line to the batch, now and then twice.
pub(super) fn write(
    batch: &mut RawBatch,
    line_no: &mut u64,
    (invoice, day, draft): (&Invoice, &Day, &Draft),
    catalogue: &Catalogue,
    chance: &mut Chance,
) {
    let dirt = dirt(chance);
    let from = batch.fields.len();
    let out = &mut batch.bytes;
    let mut spans = [ABSENT; 8];
    let mut start = out.len();
    let mut field = 0;
    let mut end = |out: &Vec<u8>| {
        if let Some(span) = spans.get_mut(field) {
            *span = span_of(start, out.len());
        }
        start = out.len();
        field += 1;
    };

    if invoice.credit {
        out.push(b'C');
    }
    number(out, invoice.number, 6);
    end(out);
    let (code, description) = texts(draft.item, catalogue);
    spoilt_code(out, code, dirt, chance);
    end(out);
    if dirt != Dirt::NoDescription {
        let pad = if dirt == Dirt::Padding {
            1 + chance.below(3)
        } else {
            0
        };
        out.extend(std::iter::repeat_n(b' ', (pad / 2) as usize));
        out.extend_from_slice(description.as_bytes());
        out.extend(std::iter::repeat_n(b' ', (pad - pad / 2) as usize));
    }
    end(out);
    if dirt != Dirt::NoQuantity {
        if draft.quantity < 0 {
            out.push(b'-');
        }
        number(out, u64::from(draft.quantity.unsigned_abs()), 1);
    }
    end(out);
    if dirt == Dirt::NoDate {
        out.extend_from_slice(
            chance
                .pick(&["#VALUE!", "0000-00-00 00:00:00", "not known"])
                .as_bytes(),
        );
    } else {
        timestamp(out, day, invoice.minute);
    }
    end(out);
    if dirt == Dirt::NoPrice {
        out.extend_from_slice(b"N/A");
    } else {
        number(out, u64::from(draft.cents / 100), 1);
        out.push(b'.');
        number(out, u64::from(draft.cents % 100), 2);
    }
    end(out);
    if let Some(customer) = invoice.customer {
        number(out, FIRST_CUSTOMER + u64::from(customer), 5);
        if dirt == Dirt::CustomerAsFloat {
            out.extend_from_slice(b".0");
        }
    }
    end(out);
    let country = COUNTRIES
        .get(usize::from(invoice.country))
        .map_or("", |c| c.0);
    let short = dirt == Dirt::Country && invoice.country == 0;
    out.extend_from_slice(if short { "U.K." } else { country }.as_bytes());
    end(out);

    batch.fields.extend_from_slice(&spans);
    let copies = if dirt == Dirt::Twice { 2 } else { 1 };
    if copies == 2 {
        // The spans of a row may be those of another: the text is the same.
        batch.fields.extend_from_within(from..);
    }
    for _ in 0..copies {
        *line_no += 1;
        batch.line_no.push(*line_no);
        batch.raw.push(ABSENT);
    }
}

fn span_of(start: usize, end: usize) -> Span {
    // A batch is some 7 MB.
    (
        u32::try_from(start).unwrap_or(u32::MAX),
        u32::try_from(end).unwrap_or(u32::MAX),
    )
}

fn texts(item: Item, catalogue: &Catalogue) -> (&str, &str) {
    match item {
        Item::Product(id) => {
            let p = catalogue.product(id);
            (&p.code, &p.description)
        }
        Item::Note(id, note) => (
            &catalogue.product(id).code,
            NOTES.get(usize::from(note)).copied().unwrap_or_default(),
        ),
        Item::Special(i) => SPECIALS.get(usize::from(i)).copied().unwrap_or_default(),
    }
}

/// The code as it is, or in lower case, or with blanks.
fn spoilt_code(out: &mut Vec<u8>, code: &str, dirt: Dirt, chance: &mut Chance) {
    let at = out.len();
    let way = if dirt == Dirt::Code {
        chance.below(3)
    } else {
        3
    };
    if way == 0 {
        out.push(b' ');
    }
    out.extend_from_slice(code.as_bytes());
    match way {
        1 => out.push(b' '),
        2 => {
            let lower = code.to_ascii_lowercase();
            out.truncate(at);
            out.extend_from_slice(lower.as_bytes());
            if lower == code {
                out.push(b' ');
            }
        }
        _ => {}
    }
}

/// `YYYY-MM-DD HH:MM:00`: like most tills, this one keeps no seconds.
fn timestamp(out: &mut Vec<u8>, day: &Day, minute: u32) {
    number(out, u64::from(day.year), 4);
    out.push(b'-');
    number(out, u64::from(day.month), 2);
    out.push(b'-');
    number(out, u64::from(day.dom), 2);
    out.push(b' ');
    number(out, u64::from(minute / 60), 2);
    out.push(b':');
    number(out, u64::from(minute % 60), 2);
    out.extend_from_slice(b":00");
}

/// A number with at least so many digits.
fn number(out: &mut Vec<u8>, mut n: u64, digits: usize) {
    let at = out.len();
    while n > 0 || out.len() < at + digits {
        out.push(b'0' + (n % 10) as u8);
        n /= 10;
    }
    if let Some(written) = out.get_mut(at..) {
        written.reverse();
    }
}
