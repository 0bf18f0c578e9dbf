//! Clean lines wait in a temporary file, sorted by month, until the whole source has been read.
//!
//! A line's duplicates share its time, hence its month: with one month at a time in hand, duplicates are found exactly
//! with little memory, whatever the order and the size of the source; facts are appended in the order of time, and the
//! lake gets one file a month.

use super::datetime::civil;
use super::line::{LineBatch, LineKind, SumOutOfRange, TextColumn};
use crate::control::{Charge, Control, Stop, no_memory};
use crate::error::{Class, Classified};
use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// Bytes of a month's lines that are written at once.
const BLOCK: usize = 1 << 20;
/// Bytes of all months' lines that may wait in memory, and the part of it that they may take.
const WAITING: usize = 32 << 20;
const WAITING_SHARE: u64 = 8;
/// Lines between two looks at how much waits.
const LOOK: usize = 256;
/// The phases in which lines are held here.
const SORTING: &str = "sorting lines by month";
const READING: &str = "reading lines of a month";

/// What can go wrong with the temporary file.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    /// Writing or reading failed.
    #[error("the temporary file of the ingest failed: {0}")]
    Io(#[from] std::io::Error),
    /// What was read is not what was written.
    #[error("the temporary file of the ingest is damaged")]
    Damaged,
    /// The temporary file would grow over its limit.
    #[error(
        "the temporary file of the ingest would be larger than temp_file_limit ({limit} bytes)"
    )]
    Limit {
        /// Bytes allowed.
        limit: u64,
    },
    /// The money of the duplicates is too large for a sum.
    #[error(transparent)]
    Sum(#[from] SumOutOfRange),
    /// The work was stopped.
    #[error(transparent)]
    Stopped(#[from] Stop),
}

impl Classified for SpillError {
    fn class(&self) -> Class {
        match self {
            SpillError::Io(_) => Class::Io,
            SpillError::Damaged => Class::Corrupted,
            SpillError::Limit { .. } => Class::LimitExceeded,
            SpillError::Sum(sum) => sum.class(),
            SpillError::Stopped(stop) => stop.class(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            SpillError::Limit { .. } => {
                Some("Raise temp_file_limit, or ingest the source in parts.".into())
            }
            SpillError::Sum(sum) => sum.hint(),
            SpillError::Stopped(stop) => stop.hint(),
            _ => None,
        }
    }
}

/// A calendar month: `year * 12 + month - 1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month(i32);

impl Month {
    /// The month of a time in microseconds since 1970.
    #[must_use]
    pub fn of(micros: i64) -> Month {
        let (year, month, _) = civil(micros);
        Month(year * 12 + i32::try_from(month).unwrap_or(1) - 1)
    }

    /// The year.
    #[must_use]
    pub fn year(self) -> i32 {
        self.0.div_euclid(12)
    }

    /// The month of the year, 1 to 12.
    #[must_use]
    pub fn month(self) -> u32 {
        u32::try_from(self.0.rem_euclid(12)).unwrap_or(0) + 1
    }
}

#[derive(Debug)]
struct Block {
    offset: u64,
    length: usize,
    check: u32,
}

/// The lines of one month.
#[derive(Debug, Default)]
struct Part {
    waiting: LineBatch,
    blocks: Vec<Block>,
    rows: u64,
    first: i64,
    last: i64,
}

/// Lines by month, in a temporary file.
#[derive(Debug)]
pub struct Spill {
    file: File,
    limit: Option<u64>,
    end: u64,
    waiting: usize,
    parts: BTreeMap<Month, Part>,
    charge: Charge,
}

/// What is known of a month's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthFacts {
    /// The month.
    pub month: Month,
    /// Number of lines, duplicates among them.
    pub rows: u64,
    /// Earliest time.
    pub first: i64,
    /// Latest time.
    pub last: i64,
}

impl Spill {
    /// Starts with an empty file that no one else uses; `limit` is the most bytes that it may grow to.
    #[must_use]
    pub fn new(file: File, limit: Option<u64>) -> Spill {
        Spill {
            file,
            limit,
            end: 0,
            waiting: 0,
            parts: BTreeMap::new(),
            charge: Charge::default(),
        }
    }

    /// Takes the lines of a batch.
    ///
    /// # Errors
    /// [`SpillError`]
    pub fn push(&mut self, lines: &LineBatch, control: &dyn Control) -> Result<(), SpillError> {
        // What waits, these lines, and room that columns grow into.
        let most = self.waiting + lines.bytes();
        self.charge
            .set((most + most / 2) as u64, SORTING, control)?;
        let mut row = 0;
        while let Some(line) = lines.line(row) {
            control.check()?;
            let month = Month::of(line.sold_at);
            let part = self.parts.entry(month).or_insert_with(|| Part {
                first: line.sold_at,
                last: line.sold_at,
                ..Part::default()
            });
            let before = part.waiting.bytes();
            row += part.take_run(lines, row, month);
            let after = part.waiting.bytes();
            self.waiting += after.saturating_sub(before);
            if after >= BLOCK {
                self.flush(month)?;
            }
        }
        let share = usize::try_from(control.memory_limit() / WAITING_SHARE).unwrap_or(usize::MAX);
        if self.waiting > share.min(WAITING) {
            self.flush_all()?;
        }
        let waiting = self.waiting + self.waiting / 2;
        Ok(self.charge.set(waiting as u64, SORTING, control)?)
    }

    /// Ends the writing.
    ///
    /// # Errors
    /// [`SpillError`]
    pub fn finish(mut self) -> Result<Spilled, SpillError> {
        self.flush_all()?;
        Ok(Spilled {
            file: self.file,
            parts: self.parts,
        })
    }

    fn flush_all(&mut self) -> Result<(), SpillError> {
        let months: Vec<Month> = self.parts.keys().copied().collect();
        months.into_iter().try_for_each(|month| self.flush(month))
    }

    fn flush(&mut self, month: Month) -> Result<(), SpillError> {
        let Some(part) = self.parts.get_mut(&month) else {
            return Ok(());
        };
        if part.waiting.rows() == 0 {
            return Ok(());
        }
        self.waiting = self.waiting.saturating_sub(part.waiting.bytes());
        let bytes = codec::encode(&part.waiting)?;
        part.waiting = LineBatch::default();
        let end = self.end + bytes.len() as u64;
        if let Some(limit) = self.limit
            && end > limit
        {
            return Err(SpillError::Limit { limit });
        }
        self.file.write_all_at(&bytes, self.end)?;
        part.blocks.push(Block {
            offset: self.end,
            length: bytes.len(),
            check: crc32c::crc32c(&bytes),
        });
        self.end = end;
        Ok(())
    }
}

impl Part {
    /// Takes the rows from `row` on that fall into `month`, up to a block's worth; gives their number.
    fn take_run(&mut self, lines: &LineBatch, row: usize, month: Month) -> usize {
        let mut taken = 0;
        let mut day = i64::MIN;
        // Sources mostly come in the order of time, and within one day the month cannot change.
        while let Some(line) = lines.line(row + taken) {
            let this_day = line.sold_at.div_euclid(86_400_000_000);
            if this_day != day && Month::of(line.sold_at) != month {
                break;
            }
            if taken > 0 && taken % LOOK == 0 && self.waiting.bytes() >= BLOCK {
                break;
            }
            day = this_day;
            self.first = self.first.min(line.sold_at);
            self.last = self.last.max(line.sold_at);
            self.waiting.push(&line);
            taken += 1;
        }
        self.rows += taken as u64;
        taken
    }
}

/// The finished temporary file.
#[derive(Debug)]
pub struct Spilled {
    file: File,
    parts: BTreeMap<Month, Part>,
}

impl Spilled {
    /// The months, in order.
    #[must_use]
    pub fn months(&self) -> Vec<MonthFacts> {
        self.parts
            .iter()
            .map(|(&month, part)| MonthFacts {
                month,
                rows: part.rows,
                first: part.first,
                last: part.last,
            })
            .collect()
    }

    /// Gives the lines of a month to `each`, in the order in which they came.
    ///
    /// # Errors
    /// [`SpillError`], or what `each` gives.
    pub fn read<E: From<SpillError>>(
        &self,
        month: Month,
        control: &dyn Control,
        mut each: impl FnMut(&LineBatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(part) = self.parts.get(&month) else {
            return Ok(());
        };
        let mut bytes = Vec::new();
        let mut lines = LineBatch::default();
        let mut charge = Charge::default();
        for block in &part.blocks {
            control.check().map_err(SpillError::from)?;
            // as it is stored, and as lines
            let held = charge.bytes().max(2 * block.length as u64);
            charge
                .set(held, READING, control)
                .map_err(SpillError::from)?;
            bytes.clear();
            bytes
                .try_reserve_exact(block.length)
                .map_err(no_memory(READING, held))
                .map_err(SpillError::from)?;
            bytes.resize(block.length, 0);
            self.file
                .read_exact_at(&mut bytes, block.offset)
                .map_err(SpillError::from)?;
            if crc32c::crc32c(&bytes) != block.check {
                return Err(SpillError::Damaged.into());
            }
            codec::decode(&bytes, &mut lines).ok_or(SpillError::Damaged)?;
            each(&lines)?;
        }
        Ok(())
    }
}

/// A block of lines as bytes: column after column.
mod codec {
    use super::{LineBatch, LineKind, SORTING, Stop, TextColumn};
    use crate::control::reserve;

    pub(super) fn encode(lines: &LineBatch) -> Result<Vec<u8>, Stop> {
        let mut out = Vec::new();
        reserve(&mut out, lines.bytes() + 64, SORTING)?;
        put_u32(&mut out, lines.rows());
        out.extend(lines.hash.iter().flat_map(|v| v.to_le_bytes()));
        for column in [&lines.sold_at, &lines.quantity, &lines.unit_price] {
            out.extend(column.iter().flat_map(|v| v.to_le_bytes()));
        }
        out.extend(lines.line_no.iter().flat_map(|v| v.to_le_bytes()));
        out.extend(lines.kind.iter().map(|&k| k as u8));
        out.extend(lines.is_merchandise.iter().map(|&m| u8::from(m)));
        for column in texts(lines) {
            put_u32(&mut out, column.bytes.len());
            out.extend(column.ends.iter().flat_map(|v| v.to_le_bytes()));
            out.extend_from_slice(&column.bytes);
        }
        Ok(out)
    }

    pub(super) fn decode(bytes: &[u8], lines: &mut LineBatch) -> Option<()> {
        lines.clear();
        let mut rest = bytes;
        let rows = take_u32(&mut rest)?;
        lines
            .hash
            .extend(take::<16>(&mut rest, rows)?.map(u128::from_le_bytes));
        for column in [
            &mut lines.sold_at,
            &mut lines.quantity,
            &mut lines.unit_price,
        ] {
            column.extend(take::<8>(&mut rest, rows)?.map(i64::from_le_bytes));
        }
        lines
            .line_no
            .extend(take::<8>(&mut rest, rows)?.map(u64::from_le_bytes));
        for [kind] in take::<1>(&mut rest, rows)? {
            lines.kind.push(LineKind::from_u8(kind)?);
        }
        lines
            .is_merchandise
            .extend(take::<1>(&mut rest, rows)?.map(|[m]| m != 0));
        for column in [
            &mut lines.invoice_no,
            &mut lines.stock_code,
            &mut lines.description,
            &mut lines.customer_id,
            &mut lines.country,
        ] {
            let length = take_u32(&mut rest)?;
            column
                .ends
                .extend(take::<4>(&mut rest, rows)?.map(u32::from_le_bytes));
            let (text, after) = rest.split_at_checked(length)?;
            column.bytes.extend_from_slice(text);
            rest = after;
        }
        rest.is_empty().then_some(())
    }

    fn texts(lines: &LineBatch) -> [&TextColumn; 5] {
        [
            &lines.invoice_no,
            &lines.stock_code,
            &lines.description,
            &lines.customer_id,
            &lines.country,
        ]
    }

    fn put_u32(out: &mut Vec<u8>, value: usize) {
        out.extend_from_slice(&u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes());
    }

    fn take_u32(rest: &mut &[u8]) -> Option<usize> {
        let (head, after) = rest.split_first_chunk::<4>()?;
        *rest = after;
        usize::try_from(u32::from_le_bytes(*head)).ok()
    }

    fn take<'a, const N: usize>(
        rest: &mut &'a [u8],
        rows: usize,
    ) -> Option<impl Iterator<Item = [u8; N]> + use<'a, N>> {
        let (column, after) = rest.split_at_checked(rows.checked_mul(N)?)?;
        *rest = after;
        Some(column.as_chunks::<N>().0.iter().copied())
    }
}

#[cfg(test)]
#[path = "spill_tests.rs"]
mod tests;
