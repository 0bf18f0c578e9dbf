#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::*;
use crate::clean::line::Line;
use crate::control::Free;
use crate::control::testing::Probe;

fn lines(days: &[i64]) -> LineBatch {
    let mut batch = LineBatch::default();
    for (i, day) in days.iter().enumerate() {
        let text = format!("T{i}");
        batch.push(&Line {
            hash: i as u128,
            sold_at: day * 86_400_000_000 + 5,
            quantity: -(i as i64),
            unit_price: 7,
            kind: LineKind::ALL[i % 5],
            is_merchandise: i % 2 == 0,
            line_no: i as u64 + 2,
            invoice_no: &text,
            stock_code: "A",
            description: "",
            customer_id: &text,
            country: "\u{e9}",
        });
    }
    batch
}

fn read_all(spilled: &Spilled) -> Vec<(Month, LineBatch)> {
    let mut all = Vec::new();
    for facts in spilled.months() {
        spilled
            .read::<SpillError>(facts.month, &Free, |batch| {
                all.push((facts.month, batch.clone()));
                Ok(())
            })
            .unwrap();
    }
    all
}

#[test]
fn lines_come_back_by_month_in_their_order() {
    // 1970-01-01, 1970-02-01, 1970-01-31, 1969-12-31
    let days = [0, 31, 30, -1];
    let mut spill = Spill::new(tempfile::tempfile().unwrap(), None);
    spill.push(&lines(&days), &Free).unwrap();
    spill.push(&lines(&days), &Free).unwrap();
    let spilled = spill.finish().unwrap();
    let facts = spilled.months();
    assert_eq!(
        facts
            .iter()
            .map(|f| (f.month.year(), f.month.month(), f.rows))
            .collect::<Vec<_>>(),
        [(1969, 12, 2), (1970, 1, 4), (1970, 2, 2)]
    );
    assert_eq!(
        (facts[1].first, facts[1].last),
        (5, 30 * 86_400_000_000 + 5)
    );
    let january = &read_all(&spilled)[1].1;
    assert_eq!(january.line_no, [2, 4, 2, 4]);
    assert_eq!(january.invoice_no.get(3), "T2");
    assert_eq!(january.line(1), lines(&days).line(2));
}

#[test]
fn what_waits_is_bounded_by_the_memory() {
    let control = Probe::patient().granting(4 << 20);
    let mut spill = Spill::new(tempfile::tempfile().unwrap(), None);
    // 120 months, so that none fills a block
    let days: Vec<i64> = (0..3_650).collect();
    let batch = lines(&days);
    let mut most = 0;
    for _ in 0..40 {
        spill.push(&batch, &control).unwrap();
        most = most.max(control.held_bytes());
        assert_eq!(
            control.held_bytes(),
            (spill.waiting + spill.waiting / 2) as u64
        );
    }
    assert!(most > 0 && most < 1 << 20, "{most}");
    let spilled = spill.finish().unwrap();
    assert_eq!(control.held_bytes(), 0);
    let rows: u64 = spilled.months().iter().map(|m| m.rows).sum();
    assert_eq!(rows, 40 * 3_650);
    // a block is read within the memory too, and given back
    let read = |control: &Probe| {
        spilled.read::<SpillError>(Month::of(0), control, |_| {
            assert!(control.held_bytes() > 0);
            Ok(())
        })
    };
    read(&control).unwrap();
    assert_eq!(control.held_bytes(), 0);
    assert!(matches!(
        read(&Probe::patient().granting(100)),
        Err(SpillError::Stopped(Stop::Memory { phase: READING, .. }))
    ));
}

#[test]
fn one_month_comes_in_blocks_of_their_size() {
    let mut spill = Spill::new(tempfile::tempfile().unwrap(), None);
    spill.push(&lines(&[0; 50_000]), &Free).unwrap();
    let spilled = spill.finish().unwrap();
    let blocks = &spilled.parts[&Month::of(0)].blocks;
    assert!(blocks.len() > 2);
    assert!(blocks.iter().all(|b| b.length < BLOCK + LOOK * 200));
    let read: Vec<u64> = read_all(&spilled)
        .into_iter()
        .flat_map(|(_, batch)| batch.line_no)
        .collect();
    assert!(read.into_iter().eq(2..50_002));
}

#[test]
fn the_file_stays_below_its_limit() {
    let mut spill = Spill::new(tempfile::tempfile().unwrap(), Some(100));
    spill.push(&lines(&[1, 2, 3]), &Free).unwrap();
    assert!(matches!(
        spill.finish(),
        Err(SpillError::Limit { limit: 100 })
    ));
}

#[test]
fn a_damaged_block_is_noticed() {
    let mut spill = Spill::new(tempfile::tempfile().unwrap(), None);
    spill.push(&lines(&[1]), &Free).unwrap();
    let spilled = spill.finish().unwrap();
    spilled.file.write_all_at(b"x", 30).unwrap();
    let read = spilled.read::<SpillError>(Month::of(0), &Free, |_| Ok(()));
    assert!(matches!(read, Err(SpillError::Damaged)));
}

#[test]
fn no_bytes_make_the_decoder_panic() {
    let good = codec::encode(&lines(&[1, 2])).unwrap();
    let mut out = LineBatch::default();
    for cut in 0..good.len() {
        assert!(codec::decode(&good[..cut], &mut out).is_none());
    }
    assert!(codec::decode(&good, &mut out).is_some());
    assert!(codec::decode(&[0xff; 64], &mut out).is_none());
}
