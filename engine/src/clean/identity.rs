//! A line's identity: the 128-bit XXH3 of all its source columns, normalised.
//!
//! Two lines are the same line when every source column says the same after trimming, whatever file they came in. Rules
//! and aliases are no part of it: changing them never makes an old line new. The hash finds exact copies; it is not meant
//! to withstand someone who builds two lines to collide.
//!
//! The layout is stored in every warehouse and lake, so it must never change: per text its length in bytes (u32) and its
//! UTF-8 bytes, per number 8 bytes (all little-endian), in the order invoice_no, stock_code, description, quantity,
//! sold_at, unit_price, customer_id, country; then per extra column, sorted by name, its name as a text, a byte that is 0
//! for NULL and else 1, and for 1 the value as a text. [`nth_identity`] is a part of the layout.

use twox_hash::XxHash3_128;

/// The source columns that every line has, normalised.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// Trimmed, upper case.
    pub invoice_no: &'a str,
    /// Trimmed, upper case.
    pub stock_code: &'a str,
    /// Trimmed, without control characters, case kept.
    pub description: &'a str,
    /// Mantissa with [`super::line::QUANTITY_SCALE`] decimals.
    pub quantity: i64,
    /// Microseconds since 1970.
    pub sold_at: i64,
    /// Mantissa with [`super::line::PRICE_SCALE`] decimals.
    pub unit_price: i64,
    /// As in [`super::line::Line::customer_id`].
    pub customer_id: &'a str,
    /// Trimmed, before aliases; empty when unknown.
    pub country: &'a str,
}

/// Hashes lines one after the other in one buffer.
#[derive(Debug, Default)]
pub struct Hasher {
    buffer: Vec<u8>,
}

impl Hasher {
    /// Starts a line.
    pub fn start(&mut self, source: &Source<'_>) {
        self.buffer.clear();
        self.text(source.invoice_no);
        self.text(source.stock_code);
        self.text(source.description);
        for number in [source.quantity, source.sold_at, source.unit_price] {
            self.buffer.extend_from_slice(&number.to_le_bytes());
        }
        self.text(source.customer_id);
        self.text(source.country);
    }

    /// Adds an extra column; the caller keeps them sorted by name. `None` is NULL, which is not the empty text.
    pub fn extra(&mut self, name: &str, value: Option<&str>) {
        self.text(name);
        self.buffer.push(u8::from(value.is_some()));
        if let Some(value) = value {
            self.text(value);
        }
    }

    /// The identity of the line.
    #[must_use]
    pub fn finish(&self) -> u128 {
        XxHash3_128::oneshot(&self.buffer)
    }

    fn text(&mut self, text: &str) {
        // Texts are at most a batch long, and a batch is addressed with u32.
        self.buffer
            .extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.buffer.extend_from_slice(text.as_bytes());
    }
}

/// The 128-bit XXH3 of a text, by which one too long for an index is found.
#[must_use]
pub fn text_hash(text: &str) -> u128 {
    XxHash3_128::oneshot(text.as_bytes())
}

/// The identity of the `n`-th further occurrence of a line in one source, where duplicates are kept.
///
/// `n` = 0 is the first occurrence and keeps the line's own hash. Others keep its high 64 bits, by which large months are
/// divided into passes, so that all occurrences of a line fall to one pass; their low 64 bits are those of the 128-bit XXH3
/// of (hash, n), little-endian. The same file read again finds the same identities.
#[must_use]
pub fn nth_identity(hash: u128, n: u32) -> u128 {
    if n == 0 {
        return hash;
    }
    let mut bytes = [0; 20];
    let (head, tail) = bytes.split_at_mut(16);
    head.copy_from_slice(&hash.to_le_bytes());
    tail.copy_from_slice(&n.to_le_bytes());
    let low = XxHash3_128::oneshot(&bytes) & u128::from(u64::MAX);
    (hash & !u128::from(u64::MAX)) | low
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    const SOURCE: Source<'static> = Source {
        invoice_no: "489434",
        stock_code: "85048",
        description: "15CM CHRISTMAS GLASS BALL 20 LIGHTS",
        quantity: 120_000,
        sold_at: 1_259_653_500_000_000,
        unit_price: 6_950_000,
        customer_id: "13085",
        country: "United Kingdom",
    };

    const GOLDEN_PLAIN: u128 = 0x8a58_4ba7_e10a_a6d2_174a_4fca_1695_ca6e;
    const GOLDEN_EXTRA: u128 = 0xd351_861e_38cf_54fc_b182_f9b1_3443_8a65;
    const GOLDEN_SECOND: u128 = 0x8a58_4ba7_e10a_a6d2_25fd_7742_90dd_3041;

    fn hash(source: &Source<'_>, extra: &[(&str, Option<&str>)]) -> u128 {
        let mut hasher = Hasher::default();
        hasher.start(source);
        for (name, value) in extra {
            hasher.extra(name, *value);
        }
        hasher.finish()
    }

    #[test]
    fn the_layout_never_changes() {
        // From python3 xxhash 4.1.0, xxh3_128_intdigest over the bytes that the module's header describes; of the second
        // occurrence the low half.
        assert_eq!(hash(&SOURCE, &[]), GOLDEN_PLAIN);
        let extra = [("a", None), ("till", Some("7"))];
        assert_eq!(hash(&SOURCE, &extra), GOLDEN_EXTRA);
        assert_eq!(nth_identity(GOLDEN_PLAIN, 0), GOLDEN_PLAIN);
        assert_eq!(nth_identity(GOLDEN_PLAIN, 1), GOLDEN_SECOND);
    }

    #[test]
    fn every_column_counts_and_none_runs_into_the_next() {
        let s = SOURCE;
        let one = (s.invoice_no, s.stock_code);
        let all = [
            hash(&s, &[]),
            hash(
                &Source {
                    invoice_no: "4894348",
                    stock_code: "5048",
                    ..s
                },
                &[],
            ),
            hash(
                &Source {
                    invoice_no: one.1,
                    stock_code: one.0,
                    ..s
                },
                &[],
            ),
            hash(
                &Source {
                    description: "",
                    ..s
                },
                &[],
            ),
            hash(&Source { quantity: 1, ..s }, &[]),
            hash(&Source { sold_at: 1, ..s }, &[]),
            hash(&Source { unit_price: 1, ..s }, &[]),
            hash(
                &Source {
                    quantity: s.unit_price,
                    unit_price: s.quantity,
                    ..s
                },
                &[],
            ),
            hash(
                &Source {
                    customer_id: "",
                    ..s
                },
                &[],
            ),
            hash(&Source { country: "", ..s }, &[]),
            hash(&s, &[("a", None)]),
            hash(&s, &[("a", Some(""))]),
            hash(&s, &[("a", Some("b"))]),
            hash(&s, &[("ab", Some(""))]),
            hash(&s, &[("b", Some("a"))]),
        ];
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }

    #[test]
    fn further_occurrences_differ_from_each_other() {
        let all: HashSet<u128> = (0..1000)
            .flat_map(|n| [nth_identity(1, n), nth_identity(2, n)])
            .collect();
        assert_eq!(all.len(), 2000);
        // Those of a line fall to the same pass.
        let high: HashSet<u128> = (0..1000)
            .map(|n| nth_identity(GOLDEN_PLAIN, n) >> 64)
            .collect();
        assert_eq!(high.into_iter().collect::<Vec<_>>(), [GOLDEN_PLAIN >> 64]);
    }
}
