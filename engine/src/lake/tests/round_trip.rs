//! What is written is read back.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use proptest::prelude::*;

use super::sample::{Dice, append, file, read, realistic, write, write_to};
use crate::clean::line::{Line, LineKind};
use crate::control::testing::Probe;
use crate::control::{Control, Free, Stop};
use crate::error::{Class, Classified};
use crate::lake::{LakeBatch, LakeError, LakeReader, LakeWriter, checksum};

const LIMIT: i64 = 999_999_999_999_999_999;

prop_compose! {
    fn batch()(rows in prop::collection::vec((
        (any::<u128>(), any::<i64>(), prop_oneof![-LIMIT..=LIMIT, Just(LIMIT), Just(-LIMIT), -50_i64..50],
         prop_oneof![0..=LIMIT, Just(LIMIT), 0_i64..50], 0_usize..5, any::<bool>(), 0..=i64::MAX.unsigned_abs()),
        ("[^\0]{0,8}", "[A-Z0-9]{0,6}", "[^\0]{0,40}", "[0-9]{0,5}", "[^\0]{0,12}"),
        (any::<i64>(), any::<i32>(), any::<i32>(), any::<i64>()),
    ), 0..300)) -> LakeBatch {
        let mut out = LakeBatch::default();
        for ((hash, sold_at, quantity, unit_price, kind, is_merchandise, line_no), texts, keys) in &rows {
            out.lines.push(&Line {
                hash: *hash, sold_at: *sold_at, quantity: *quantity, unit_price: *unit_price,
                kind: LineKind::ALL[*kind], is_merchandise: *is_merchandise, line_no: *line_no,
                invoice_no: &texts.0, stock_code: &texts.1, description: &texts.2, customer_id: &texts.3,
                country: &texts.4,
            });
            out.sale_id.push(keys.0);
            out.customer_key.push(keys.1);
            out.product_key.push(keys.2);
            out.batch_id.push(keys.3);
        }
        out
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_column_comes_back(batches in prop::collection::vec(batch(), 0..4)) {
        let mut all = LakeBatch::default();
        for b in &batches {
            append(&mut all, b);
        }
        let sum = (0..all.rows()).try_fold(0_i128, |s, r| s.checked_add(all.lines.line(r).unwrap().amount()));
        let result = write_to(Vec::new(), &batches);
        let Some(sum) = sum else {
            prop_assert!(matches!(result, Err(LakeError::SumOutOfRange(_))));
            return Ok(());
        };
        let (bytes, written) = result.unwrap();
        prop_assert_eq!(written.rows, all.rows() as u64);
        prop_assert_eq!(written.amount, sum);
        prop_assert_eq!(written.bytes, bytes.len() as u64);
        prop_assert_eq!(written.crc32c, crc32c::crc32c(&bytes));
        prop_assert_eq!(written.min_sale_id, all.sale_id.iter().copied().min().unwrap_or(0));
        prop_assert_eq!(written.max_sale_id, all.sale_id.iter().copied().max().unwrap_or(0));
        prop_assert_eq!(read(&bytes).unwrap(), all);
    }
}

#[test]
fn row_groups_and_batches_do_not_show() {
    let all = realistic(300_000);
    let (bytes, _) = write(std::slice::from_ref(&all));
    assert_eq!(read(&bytes).unwrap(), all);
    let mut reader = LakeReader::open(file(&bytes), &Free).unwrap();
    assert_eq!(reader.rows(), 300_000);
    let mut batch = LakeBatch::default();
    let mut sizes = Vec::new();
    while reader.next(&mut batch, &Free).unwrap() {
        sizes.push(batch.rows());
    }
    assert!(
        sizes.iter().all(|&n| n <= 81_920) && sizes.len() <= 6,
        "{sizes:?}"
    );
    // At the end it stays.
    assert!(!reader.next(&mut batch, &Free).unwrap() && batch.rows() == 0);
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let batches = [realistic(5_000), realistic(3_000)];
    let (one, w1) = write(&batches);
    let (two, w2) = write(&batches);
    assert!(one == two && w1 == w2);
    let created_by = format!("retailscope {}", env!("CARGO_PKG_VERSION"));
    assert!(memchr::memmem::find(&one, created_by.as_bytes()).is_some());
}

/// A description of 200,000 bytes in each of 4,000 rows: 800 MB of text from a file of a few KB.
#[test]
fn long_texts_are_read_in_small_batches() {
    let long = "x".repeat(200_000);
    let mut rows = realistic(4_000);
    rows.lines.description.clear();
    let mut writer = LakeWriter::new(Vec::new(), 7).unwrap();
    for part in 0..8 {
        let mut batch = LakeBatch::default();
        for row in part * 500..part * 500 + 500 {
            batch.lines.push(&Line {
                description: &long,
                ..rows.lines.line(row).unwrap()
            });
        }
        let keys = rows.keys();
        let keys = crate::lake::Keys {
            sale_id: &keys.sale_id[..500],
            customer_key: &keys.customer_key[..500],
            product_key: &keys.product_key[..500],
        };
        writer
            .write(&batch.lines, &keys, &rows.batch_id[..500], &Free)
            .unwrap();
    }
    let (bytes, written) = writer.finish().unwrap();
    assert!(bytes.len() < 2 << 20, "{}", bytes.len());
    let mut reader = LakeReader::open(file(&bytes), &Free).unwrap();
    let (mut batch, mut n) = (LakeBatch::default(), 0);
    while reader.next(&mut batch, &Free).unwrap() {
        assert!(batch.lines.bytes() < 40 << 20);
        assert!((0..batch.rows()).all(|r| batch.lines.line(r).unwrap().description == long));
        n += batch.rows() as u64;
    }
    assert_eq!(n, written.rows);
}

/// Texts that neither repeat nor pack well: pages of a few rows, row groups that end early.
#[test]
fn long_texts_do_not_fill_the_writer() {
    let mut dice = Dice(9);
    let plain = realistic(2_400);
    let mut rows = plain.clone();
    rows.lines.clear();
    for row in 0..plain.rows() {
        let text: String = (0..1_500)
            .map(|_| format!("{:08x}", dice.roll(u64::from(u32::MAX))))
            .collect();
        rows.lines.push(&Line {
            description: &text,
            ..plain.lines.line(row).unwrap()
        });
    }
    let control = Peak(AtomicU64::new(0));
    let mut writer = LakeWriter::new(Vec::new(), 7).unwrap();
    let mut all = LakeBatch::default();
    for _ in 0..4 {
        writer
            .write(&rows.lines, &rows.keys(), &rows.batch_id, &control)
            .unwrap();
        append(&mut all, &rows);
    }
    let (bytes, _) = writer.finish().unwrap();
    // The batch twice, and at most a row group.
    let own = control.0.into_inner() - 2 * rows.lines.bytes() as u64;
    assert!(own < 40 << 20, "{own}");
    assert!(bytes.len() > 50 << 20, "{}", bytes.len());
    assert!(read(&bytes).unwrap() == all);
}

/// Notes the most memory that was asked for.
struct Peak(AtomicU64);

impl Control for Peak {
    fn should_stop(&self) -> bool {
        false
    }
    fn progress(&self, _: &'static str, _: u64, _: u64) {}
    fn memory_limit(&self) -> u64 {
        1 << 30
    }
    fn budget(&self, _: &'static str, bytes: u64) -> Result<(), Stop> {
        self.0.fetch_max(bytes, Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let refuse = |change: &dyn Fn(&mut LakeBatch)| {
        let mut batch = realistic(10);
        change(&mut batch);
        write_to(Vec::new(), &[batch]).unwrap_err()
    };
    let e = refuse(&|b| b.lines.quantity[3] = LIMIT + 1);
    assert_eq!(e.class(), Class::OutOfRange);
    assert!(
        e.to_string().contains("quantity") && e.to_string().contains("of line 5 "),
        "{e}"
    );
    assert_eq!(
        refuse(&|b| b.lines.unit_price[3] = i64::MIN).class(),
        Class::OutOfRange
    );
    assert_eq!(
        refuse(&|b| b.lines.line_no[3] = u64::MAX).class(),
        Class::OutOfRange
    );
    assert_eq!(
        refuse(&|b| b.lines.invoice_no.bytes[0] = 0).class(),
        Class::BadData
    );
    assert_eq!(
        refuse(&|b| b.lines.invoice_no.bytes[0] = 0xff).class(),
        Class::BadData
    );
    assert_eq!(
        refuse(&|b| b.lines.country.ends[0] = u32::MAX).class(),
        Class::BadData
    );
    assert_eq!(
        refuse(&|b| b.lines.country.ends[0] = 900).class(),
        Class::BadData
    );
    assert!(
        refuse(&|b| b.sale_id.truncate(9))
            .to_string()
            .contains("9 values of sale_id for 10 lines")
    );
    assert!(
        refuse(&|b| b.lines.kind.truncate(9))
            .to_string()
            .contains("kind")
    );
}

/// A disk that is full after some bytes.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(buf.len())
            .ok_or_else(|| std::io::Error::from(std::io::ErrorKind::StorageFull))?;
        Ok(buf.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_io_error() {
    for room in [0, 100, 20_000] {
        let error = write_to(Full(room), &[realistic(5_000)])
            .map(drop)
            .unwrap_err();
        assert!(
            matches!(&error, LakeError::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull),
            "{error:?}"
        );
    }
}

#[test]
fn work_can_be_stopped_and_bounded() {
    let rows = realistic(70_000);
    let (bytes, _) = write(std::slice::from_ref(&rows));
    for n in 0..5 {
        let c = Probe::stopping_after(n);
        let mut writer = LakeWriter::new(Vec::new(), 7).unwrap();
        let e = writer
            .write(&rows.lines, &rows.keys(), &rows.batch_id, &c)
            .unwrap_err();
        assert!(matches!(e, LakeError::Stopped(Stop::Cancelled)), "{n}");
        let c = Probe::stopping_after(n);
        let mut batch = LakeBatch::default();
        let e = LakeReader::open(file(&bytes), &c)
            .and_then(|mut r| r.next(&mut batch, &c))
            .unwrap_err();
        assert!(matches!(e, LakeError::Stopped(Stop::Cancelled)), "{n}");
    }
    let small = Probe::patient().granting(100_000);
    let mut writer = LakeWriter::new(Vec::new(), 7).unwrap();
    let e = writer
        .write(&rows.lines, &rows.keys(), &rows.batch_id, &small)
        .unwrap_err();
    assert_eq!(e.class(), Class::OutOfMemory);
    assert_eq!(
        LakeReader::open(file(&bytes), &small)
            .map(drop)
            .unwrap_err()
            .class(),
        Class::OutOfMemory
    );
    assert!(matches!(
        checksum(&bytes[..], &Probe::stopping_after(0)),
        Err(LakeError::Stopped(Stop::Cancelled))
    ));
}
