//! Duplicates: a line counts once, within its source and across all that was loaded before.

use super::identity::nth_identity;
use super::line::{LineBatch, TextColumn, add_amount};
use super::spill::{MonthFacts, SpillError, Spilled};
use crate::control::{Control, Stop};
use hashbrown::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// Identities are hashes already: their low half is as good as any hash of them.
#[derive(Debug, Default, Clone)]
pub struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0u8; 8];
            word.iter_mut().zip(chunk).for_each(|(w, b)| *w = *b);
            self.0 ^= u64::from_ne_bytes(word);
        }
    }
}

type Seen = HashSet<u128, BuildHasherDefault<Identity>>;
type Counts = HashMap<u128, u32, BuildHasherDefault<Identity>>;

/// Bytes that one identity takes in a set that has just grown, old table and new.
const BYTES_PER_IDENTITY: u64 = 48;
/// Share of the memory limit that the set may take.
const SHARE: u64 = 4;
/// Lines per packet of fresh lines.
const PACKET: usize = 16_384;

/// How one month's lines are told apart within the memory limit: in `passes` passes over them, each of which looks at the
/// identities that fall to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    passes: u32,
}

impl Plan {
    /// The plan for a month of the source to which the warehouse already holds `known` lines.
    #[must_use]
    pub fn new(month: &MonthFacts, known: u64, control: &dyn Control) -> Plan {
        let need = month
            .rows
            .saturating_add(known)
            .saturating_mul(BYTES_PER_IDENTITY);
        let have = (control.memory_limit() / SHARE).max(1 << 20);
        Plan {
            passes: u32::try_from(need.div_ceil(have))
                .unwrap_or(u32::MAX)
                .max(1),
        }
    }

    /// Number of passes.
    #[must_use]
    pub fn passes(self) -> u32 {
        self.passes
    }

    /// True when an identity falls to a pass. The high half decides, so that the low half stays good for the set.
    #[must_use]
    pub fn takes(self, pass: u32, identity: u128) -> bool {
        self.passes == 1 || ((identity >> 64) as u64) % u64::from(self.passes) == u64::from(pass)
    }
}

/// The identities of one pass.
#[derive(Debug, Default)]
pub struct Known {
    seen: Seen,
    counts: Counts,
    /// Lines that were there before, by this pass.
    pub duplicates: u64,
    /// Their money, at amount scale.
    pub duplicate_amount: i128,
}

impl Known {
    /// Adds an identity that the warehouse holds.
    pub fn insert(&mut self, identity: u128) {
        self.seen.insert(identity);
    }

    /// Gives the fresh lines of a month, pass `pass` of `plan`, to `each` in packets of about 16k lines. With
    /// `keep_duplicates` the n-th occurrence within the source counts as a line of its own.
    ///
    /// # Errors
    /// [`SpillError`], or what `each` gives.
    pub fn fresh<E: From<SpillError>>(
        &mut self,
        spilled: &Spilled,
        month: &MonthFacts,
        (plan, pass): (Plan, u32),
        keep_duplicates: bool,
        control: &dyn Control,
        mut each: impl FnMut(LineBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut packet = LineBatch::default();
        spilled.read(month.month, control, |lines| {
            let mut row = 0;
            while let Some(mut line) = lines.line(row) {
                row += 1;
                if !plan.takes(pass, line.hash) {
                    continue;
                }
                if keep_duplicates {
                    let count = self.counts.entry(line.hash).or_insert(0);
                    line.hash = nth_identity(line.hash, *count);
                    *count = count.saturating_add(1);
                }
                if self.seen.insert(line.hash) {
                    packet.push(&line);
                    if packet.rows() >= PACKET {
                        each(std::mem::take(&mut packet))?;
                    }
                } else {
                    self.duplicates += 1;
                    self.duplicate_amount = add_amount(self.duplicate_amount, line.amount())
                        .map_err(SpillError::from)?;
                }
            }
            control
                .check()
                .map_err(|stop: Stop| SpillError::from(stop))?;
            Ok::<(), E>(())
        })?;
        if packet.rows() > 0 {
            each(packet)
        } else {
            Ok(())
        }
    }
}

/// A value seen for the first time, with the row of its packet in which it stood.
pub type Fresh = (usize, Box<str>);

/// Numbers the distinct values of a column, in the order of their first appearance.
#[derive(Debug, Default)]
pub struct Interner {
    numbers: HashMap<Box<str>, u32>,
    bytes: u64,
}

impl Interner {
    /// The numbers of a column's values; values seen for the first time are appended to `fresh`.
    pub fn number(&mut self, column: &TextColumn, rows: usize, fresh: &mut Vec<Fresh>) -> Vec<u32> {
        (0..rows)
            .map(|row| {
                let value = column.get(row);
                if let Some(&number) = self.numbers.get(value) {
                    return number;
                }
                let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
                self.bytes += value.len() as u64 + 64;
                self.numbers.insert(value.into(), number);
                fresh.push((row, value.into()));
                number
            })
            .collect()
    }

    /// Bytes that the values take, about.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::clean::line::{Line, LineKind};
    use crate::clean::spill::Spill;
    use crate::control::Free;
    use crate::control::testing::Probe;
    use crate::error::{Class, Classified};

    fn spilled_line(hash: u128) -> Line<'static> {
        Line {
            hash,
            sold_at: 0,
            quantity: 10_000,
            unit_price: 1_000_000,
            kind: LineKind::Sale,
            is_merchandise: true,
            line_no: 0,
            invoice_no: "1",
            stock_code: "A",
            description: "",
            customer_id: "",
            country: "",
        }
    }

    fn spilled(hashes: &[u128]) -> Spilled {
        let mut batch = LineBatch::default();
        for (line_no, &hash) in (0..).zip(hashes) {
            let line = spilled_line(hash);
            batch.push(&Line { line_no, ..line });
        }
        let mut spill = Spill::new(tempfile::tempfile().unwrap(), None);
        spill.push(&batch).unwrap();
        spill.finish().unwrap()
    }

    fn fresh(
        spilled: &Spilled,
        known: &[u128],
        keep: bool,
        control: &dyn Control,
    ) -> (Vec<u64>, u64, i128) {
        let month = spilled.months()[0];
        let plan = Plan::new(&month, known.len() as u64, control);
        let (mut lines, mut duplicates, mut amount) = (Vec::new(), 0, 0);
        for pass in 0..plan.passes() {
            let mut set = Known::default();
            known
                .iter()
                .filter(|&&k| plan.takes(pass, k))
                .for_each(|&k| set.insert(k));
            set.fresh::<SpillError>(spilled, &month, (plan, pass), keep, control, |batch| {
                lines.extend(&batch.line_no);
                Ok(())
            })
            .unwrap();
            duplicates += set.duplicates;
            amount += set.duplicate_amount;
        }
        lines.sort_unstable();
        (lines, duplicates, amount)
    }

    #[test]
    fn a_line_counts_once_within_and_across_sources() {
        let (lines, duplicates, amount) = fresh(&spilled(&[5, 6, 5, 7, 6, 5]), &[7], false, &Free);
        assert_eq!((lines, duplicates), (vec![0, 1], 4));
        assert_eq!(amount, 4 * 10_000 * 1_000_000);
    }

    #[test]
    fn kept_duplicates_are_lines_of_their_own_but_only_once_loaded() {
        let source = spilled(&[5, 5, 5, 6]);
        assert_eq!(fresh(&source, &[], true, &Free).0, [0, 1, 2, 3]);
        let loaded: Vec<u128> = [(5, 0), (5, 1), (6, 0)]
            .map(|(h, n)| nth_identity(h, n))
            .to_vec();
        assert_eq!(fresh(&source, &loaded, true, &Free).0, [2]);
    }

    /// `count` identities, spread over both halves.
    fn identities(count: u128) -> impl Iterator<Item = u128> {
        (1..=count).map(|i| i.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835))
    }

    #[test]
    fn passes_find_the_same_lines_as_one() {
        let hashes: Vec<u128> = identities(40_000).chain(identities(20_000)).collect();
        let source = spilled(&hashes);
        let small = Probe::patient().granting(4 << 20);
        assert!(Plan::new(&source.months()[0], 0, &small).passes() > 1);
        assert_eq!(
            fresh(&source, &hashes[..10], false, &small),
            fresh(&source, &hashes[..10], false, &Free)
        );
    }

    #[test]
    fn kept_duplicates_are_known_again_in_many_passes() {
        let hashes: Vec<u128> = identities(20_000).chain(identities(20_000)).collect();
        let source = spilled(&hashes);
        let small = Probe::patient().granting(4 << 20);
        assert_eq!(Plan::new(&source.months()[0], 40_000, &small).passes(), 4);
        let (lines, duplicates, _) = fresh(&source, &[], true, &small);
        assert_eq!((lines.len(), duplicates), (40_000, 0));
        let loaded: Vec<u128> = (0..2)
            .flat_map(|n| identities(20_000).map(move |hash| nth_identity(hash, n)))
            .collect();
        let (lines, duplicates, _) = fresh(&source, &loaded, true, &small);
        assert_eq!((lines, duplicates), (vec![], 40_000));
    }

    #[test]
    fn more_money_than_a_sum_holds_is_an_error() {
        let mut batch = LineBatch::default();
        let mut line = spilled_line(1);
        (line.quantity, line.unit_price) = (i64::MAX, i64::MAX);
        (0..4).for_each(|_| batch.push(&line));
        let mut spill = Spill::new(tempfile::tempfile().unwrap(), None);
        spill.push(&batch).unwrap();
        let source = spill.finish().unwrap();
        let month = source.months()[0];
        let plan = Plan::new(&month, 0, &Free);
        let error = Known::default()
            .fresh::<SpillError>(&source, &month, (plan, 0), false, &Free, |_| Ok(()))
            .unwrap_err();
        assert_eq!(error.class(), Class::OutOfRange);
        assert_eq!(
            error.to_string(),
            "the sum of the amounts is over 38 digits"
        );
    }
}
