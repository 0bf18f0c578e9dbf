//! A checksum over all values of a file, whatever the encoding.

use crate::clean::line::{LineBatch, TextColumn};

use super::columns::Keys;

/// Number of running checksums: 11 of numbers and flags, two for each of the five texts.
const PARTS: usize = 21;

/// A checksum (CRC-32C) for each column, fed batch by batch; where the batches end makes no difference.
#[derive(Debug, Default)]
pub(super) struct Digest {
    parts: [u32; PARTS],
    scratch: Vec<u8>,
}

impl Digest {
    /// Adds the rows of a batch.
    pub(super) fn add(&mut self, lines: &LineBatch, keys: &Keys<'_>, batch_id: &[i64]) {
        let scratch = &mut self.scratch;
        let mut parts = self.parts.iter_mut();
        let mut add = |bytes: &[u8]| {
            if let Some(part) = parts.next() {
                *part = crc32c::crc32c_append(*part, bytes);
            }
        };
        add(fill(scratch, lines.hash.iter().map(|v| v.to_le_bytes())));
        add(fill(scratch, lines.sold_at.iter().map(|v| v.to_le_bytes())));
        add(fill(
            scratch,
            lines.quantity.iter().map(|v| v.to_le_bytes()),
        ));
        add(fill(
            scratch,
            lines.unit_price.iter().map(|v| v.to_le_bytes()),
        ));
        add(fill(scratch, lines.kind.iter().map(|&v| [v as u8])));
        add(fill(
            scratch,
            lines.is_merchandise.iter().map(|&v| [u8::from(v)]),
        ));
        add(fill(scratch, lines.line_no.iter().map(|v| v.to_le_bytes())));
        add(fill(scratch, keys.sale_id.iter().map(|v| v.to_le_bytes())));
        add(fill(
            scratch,
            keys.customer_key.iter().map(|v| v.to_le_bytes()),
        ));
        add(fill(
            scratch,
            keys.product_key.iter().map(|v| v.to_le_bytes()),
        ));
        add(fill(scratch, batch_id.iter().map(|v| v.to_le_bytes())));
        for column in [
            &lines.invoice_no,
            &lines.stock_code,
            &lines.description,
            &lines.customer_id,
            &lines.country,
        ] {
            add(fill(scratch, lengths(column)));
            add(&column.bytes);
        }
    }

    /// The checksums as hexadecimal text.
    pub(super) fn text(&self) -> String {
        self.parts.iter().map(|p| format!("{p:08x}")).collect()
    }
}

fn fill<const N: usize>(scratch: &mut Vec<u8>, values: impl Iterator<Item = [u8; N]>) -> &[u8] {
    scratch.clear();
    for value in values {
        scratch.extend_from_slice(&value);
    }
    scratch
}

/// Lengths and not ends: they do not depend on where a batch began.
fn lengths(column: &TextColumn) -> impl Iterator<Item = [u8; 4]> + '_ {
    let mut start = 0;
    column.ends.iter().map(move |&end| {
        let length = end.wrapping_sub(start);
        start = end;
        length.to_le_bytes()
    })
}
