//! Lines to write, and short ways to write and read them.

use std::fs::File;
use std::io::{Seek, Write};

use crate::clean::line::{Line, LineKind};
use crate::control::Free;
use crate::lake::{LakeBatch, LakeError, LakeReader, LakeWriter, Written};

/// Small numbers that look random: a linear congruential generator.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}

const WORDS: [&str; 16] = [
    "WHITE",
    "HANGING",
    "HEART",
    "T-LIGHT",
    "HOLDER",
    "RED",
    "RETROSPOT",
    "CAKE",
    "STAND",
    "METAL",
    "SIGN",
    "CHRISTMAS",
    "GLASS",
    "BALL",
    "LIGHTS",
    "VINTAGE",
];

/// Lines of the shape of Online Retail II: some 20 lines an invoice, 4,000 products, 5,000 customers, a fifth unknown.
pub fn realistic(rows: usize) -> LakeBatch {
    let mut dice = Dice(7);
    let mut out = LakeBatch::default();
    let (mut invoice, mut left, mut sold_at, mut customer) =
        (489_434, 0, 1_259_653_500_000_000_i64, 0);
    for row in 0..rows {
        if left == 0 {
            invoice += 1;
            left = 1 + dice.roll(40);
            sold_at += i64::try_from(60_000_000 * dice.roll(50)).unwrap();
            customer = if dice.roll(5) == 0 {
                0
            } else {
                12_346 + dice.roll(5_000)
            };
        }
        left -= 1;
        let product = dice.roll(4_000);
        let description: Vec<_> = (0..3 + product % 4)
            .map(|i| WORDS[((product * 7 + i * (product % 5 + 3)) % 16) as usize])
            .collect();
        let returned = dice.roll(50) == 0;
        let units = i64::try_from(1 + dice.roll(24)).unwrap();
        let hash = (u128::from(dice.roll(u64::MAX)) << 96)
            ^ (u128::from(dice.roll(u64::MAX)) << 40)
            ^ row as u128;
        out.lines.push(&Line {
            hash,
            sold_at,
            quantity: if returned { -units } else { units } * 10_000,
            unit_price: i64::try_from(5 * (5 + product % 300)).unwrap() * 10_000,
            kind: if returned {
                LineKind::Return
            } else {
                LineKind::Sale
            },
            is_merchandise: product != 0,
            line_no: row as u64 + 2,
            invoice_no: &format!("{}{invoice}", if returned { "C" } else { "" }),
            stock_code: &format!("{}", 20_000 + product),
            description: &description.join(" "),
            customer_id: &if customer == 0 {
                String::new()
            } else {
                customer.to_string()
            },
            country: if customer % 11 == 1 {
                "France"
            } else {
                "United Kingdom"
            },
        });
        out.sale_id.push(row as i64 + 1);
        out.customer_key
            .push(i32::try_from(customer % 5_000).unwrap());
        out.product_key.push(i32::try_from(product + 1).unwrap());
        out.batch_id.push(7);
    }
    out
}

pub fn write_to<W: Write + Send>(out: W, batches: &[LakeBatch]) -> Result<(W, Written), LakeError> {
    let mut writer = LakeWriter::new(out, 7)?;
    for batch in batches {
        writer.write(&batch.lines, &batch.keys(), &batch.batch_id, &Free)?;
    }
    writer.finish()
}

pub fn write(batches: &[LakeBatch]) -> (Vec<u8>, Written) {
    write_to(Vec::new(), batches).unwrap()
}

pub fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

/// All rows of a file in one batch.
pub fn read(bytes: &[u8]) -> Result<LakeBatch, LakeError> {
    let mut reader = LakeReader::open(file(bytes), &Free)?;
    let (mut all, mut batch) = (LakeBatch::default(), LakeBatch::default());
    while reader.next(&mut batch, &Free)? {
        append(&mut all, &batch);
    }
    assert_eq!(all.rows() as u64, reader.rows());
    Ok(all)
}

pub fn append(all: &mut LakeBatch, batch: &LakeBatch) {
    for row in 0..batch.rows() {
        all.lines.push(&batch.lines.line(row).unwrap());
    }
    all.sale_id.extend(&batch.sale_id);
    all.customer_key.extend(&batch.customer_key);
    all.product_key.extend(&batch.product_key);
    all.batch_id.extend(&batch.batch_id);
}
