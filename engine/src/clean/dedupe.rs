//! Duplicates: a line counts once, within its source and across all that was loaded before.

use super::identity::nth_identity;
use super::line::{LineBatch, TextColumn, add_amount};
use super::spill::{MonthFacts, SpillError, Spilled};
use crate::control::{Charge, Control, Stop, no_memory};
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

/// Bytes that an identity takes in a set that is made for its number, at most: an entry and its mark, in a table of up to
/// twice the places and an eighth more.
const SEEN_BYTES: u64 = 40;
/// Bytes that it takes in the table of counts, likewise.
const COUNTS_BYTES: u64 = 76;
/// Share of the memory limit that the identities of a pass may take.
const SHARE: u64 = 4;
/// Lines per packet of fresh lines, and their bytes: at most this many, and this part of the memory, since some are on their
/// way at once.
const PACKET: usize = 16_384;
const PACKET_BYTES: u64 = 4 << 20;
const PACKET_SHARE: u64 = 128;
/// The phases of what is held here.
const IDENTITIES: &str = "identities of a month";
const NAMES: &str = "natural keys of a month";

/// How one month's lines are told apart within the memory limit: in `passes` passes over them, each of which looks at the
/// identities that fall to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    passes: u32,
    /// Identities that fall to one pass, about.
    identities: u64,
    keep_duplicates: bool,
}

impl Plan {
    /// The plan for a month of the source to which the warehouse already holds `known` lines. With `keep_duplicates` the
    /// n-th occurrence within the source counts as a line of its own.
    #[must_use]
    pub fn new(
        month: &MonthFacts,
        known: u64,
        keep_duplicates: bool,
        control: &dyn Control,
    ) -> Plan {
        let identities = month.rows.saturating_add(known);
        let counts = if keep_duplicates { COUNTS_BYTES } else { 0 };
        let need = identities.saturating_mul(SEEN_BYTES + counts);
        let have = (control.memory_limit() / SHARE).max(1 << 20);
        let passes = u32::try_from(need.div_ceil(have))
            .unwrap_or(u32::MAX)
            .max(1);
        Plan {
            passes,
            identities: identities.div_ceil(u64::from(passes)),
            keep_duplicates,
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
#[derive(Debug)]
pub struct Known {
    plan: Plan,
    pass: u32,
    seen: Seen,
    counts: Counts,
    charge: Charge,
    /// Lines that were there before, by this pass.
    pub duplicates: u64,
    /// Their money, at amount scale.
    pub duplicate_amount: i128,
}

impl Known {
    /// None yet; there is room for as many as fall to pass `pass` of `plan`.
    ///
    /// # Errors
    /// [`Stop`] when they do not fit into the memory.
    pub fn new(plan: Plan, pass: u32, control: &dyn Control) -> Result<Known, Stop> {
        let mut known = Known {
            plan,
            pass,
            seen: Seen::default(),
            counts: Counts::default(),
            charge: Charge::default(),
            duplicates: 0,
            duplicate_amount: 0,
        };
        let identities = usize::try_from(plan.identities).unwrap_or(usize::MAX);
        known.room(identities, control)?;
        Ok(known)
    }

    /// Makes room for `more` identities. Tables that grow are there twice for a moment.
    fn room(&mut self, more: usize, control: &dyn Control) -> Result<(), Stop> {
        let counts = if self.plan.keep_duplicates {
            COUNTS_BYTES
        } else {
            0
        };
        let coming = (self.seen.len() as u64).saturating_add(more as u64);
        let coming = coming.saturating_mul(SEEN_BYTES + counts);
        self.charge
            .set(self.bytes().saturating_add(coming), IDENTITIES, control)?;
        self.seen
            .try_reserve(more)
            .map_err(no_memory(IDENTITIES, coming))?;
        if self.plan.keep_duplicates {
            self.counts
                .try_reserve(more)
                .map_err(no_memory(IDENTITIES, coming))?;
        }
        self.charge.set(self.bytes(), IDENTITIES, control)
    }

    /// Bytes of the tables.
    fn bytes(&self) -> u64 {
        (self.seen.allocation_size() + self.counts.allocation_size()) as u64
    }

    /// Makes room for one more: mostly there is some, and the hash has only given this pass a little more than its part.
    fn room_for_one(&mut self, control: &dyn Control) -> Result<(), Stop> {
        let counted = self.plan.keep_duplicates && self.counts.len() == self.counts.capacity();
        if counted || self.seen.len() == self.seen.capacity() {
            self.room(self.seen.len().max(1024), control)?;
        }
        Ok(())
    }

    /// Adds an identity that the warehouse holds.
    ///
    /// # Errors
    /// [`Stop`] when it does not fit into the memory.
    pub fn insert(&mut self, identity: u128, control: &dyn Control) -> Result<(), Stop> {
        self.room_for_one(control)?;
        self.seen.insert(identity);
        Ok(())
    }

    /// Gives the fresh lines of a month to `each`, in packets of about 16k lines.
    ///
    /// # Errors
    /// [`SpillError`], or what `each` gives.
    pub fn fresh<E: From<SpillError>>(
        &mut self,
        spilled: &Spilled,
        month: &MonthFacts,
        control: &dyn Control,
        mut each: impl FnMut(LineBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let room = (control.memory_limit() / PACKET_SHARE).min(PACKET_BYTES);
        let mut packet = LineBatch::default();
        let mut packet_bytes = 0;
        spilled.read(month.month, control, |lines| {
            let mut row = 0;
            while let Some(mut line) = lines.line(row) {
                row += 1;
                if !self.plan.takes(self.pass, line.hash) {
                    continue;
                }
                self.room_for_one(control).map_err(SpillError::from)?;
                if self.plan.keep_duplicates {
                    let count = self.counts.entry(line.hash).or_insert(0);
                    line.hash = nth_identity(line.hash, *count);
                    *count = count.saturating_add(1);
                }
                if self.seen.insert(line.hash) {
                    packet.push(&line);
                    packet_bytes += line.bytes() as u64;
                    if packet.rows() >= PACKET || packet_bytes >= room {
                        packet_bytes = 0;
                        each(std::mem::take(&mut packet))?;
                    }
                } else {
                    self.duplicates += 1;
                    self.duplicate_amount = add_amount(self.duplicate_amount, line.amount())
                        .map_err(SpillError::from)?;
                }
            }
            control.check().map_err(SpillError::from)?;
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
    texts: u64,
    charge: Charge,
}

impl Interner {
    /// The numbers of a column's values; values seen for the first time are appended to `fresh`.
    ///
    /// # Errors
    /// [`Stop`] when the values do not fit into the memory.
    pub fn number(
        &mut self,
        column: &TextColumn,
        rows: usize,
        fresh: &mut Vec<Fresh>,
        control: &dyn Control,
    ) -> Result<Vec<u32>, Stop> {
        let mut numbers = Vec::with_capacity(rows);
        for row in 0..rows {
            let value = column.get(row);
            if let Some(&number) = self.numbers.get(value) {
                numbers.push(number);
                continue;
            }
            if self.numbers.len() == self.numbers.capacity() {
                self.grow(control)?;
            }
            let number = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
            self.texts += value.len() as u64;
            self.numbers.insert(value.into(), number);
            fresh.push((row, value.into()));
            numbers.push(number);
        }
        self.charge.set(self.bytes(), NAMES, control)?;
        Ok(numbers)
    }

    /// Doubles the table; old and new are there for a moment.
    fn grow(&mut self, control: &dyn Control) -> Result<(), Stop> {
        let more = self.numbers.len().max(256);
        // 25 bytes an entry, in a table of twice the places and an eighth more
        let coming = 60 * (self.numbers.len() + more) as u64;
        self.charge.set(self.bytes() + coming, NAMES, control)?;
        self.numbers
            .try_reserve(more)
            .map_err(no_memory(NAMES, coming))
    }

    /// Bytes of the table and its texts.
    fn bytes(&self) -> u64 {
        self.numbers.allocation_size() as u64 + self.texts
    }
}

#[cfg(test)]
#[path = "dedupe_tests.rs"]
mod tests;
