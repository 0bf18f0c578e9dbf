//! Pairs: every two items are a candidate, so a triangle of counts needs no tree.

use super::baskets::View;
use super::count::{Counter, Credit, count};
use super::levels::Levels;
use super::{Ended, PHASE, check};
use crate::baskets::Database;
use crate::baskets::gate::Gate;
use crate::control::{Charge, Stop, reserve};

/// Adds the level of pairs. A pass counts as many as have `cells` counts in all threads together.
pub(super) fn find(
    database: &Database,
    levels: &mut Levels,
    cells: usize,
    gate: &Gate<'_>,
) -> Result<(), Ended> {
    let width = database.width() as u32;
    let view = View {
        offsets: &database.offsets,
        items: &database.items,
    };
    let mut level = levels.next(gate)?;
    let workers = rayon::current_num_threads();
    let mut first = 0;
    while first < width {
        check(gate, 2)?;
        let rows = Rows::from(first, width, cells / workers);
        let bytes = rows.cells.saturating_mul(4).saturating_mul(workers);
        let _charge = Charge::new(bytes as u64, PHASE, gate.control())?;
        let counts = count(view, || Triangle::new(rows, gate))?;
        let is_frequent = |count: &u32| *count >= database.min_count;
        let found = counts.iter().filter(|c| is_frequent(c)).count();
        gate.found(2, found as u64);
        check(gate, 2)?;
        level.reserve(found, gate.control())?;
        let mut left = counts.as_slice();
        for row in rows.first..rows.end {
            let (own, others) = left.split_at_checked(rows.len_of(row)).unwrap_or_default();
            left = others;
            level.begin(row);
            for (item, count) in (row + 1..).zip(own).filter(|(_, c)| is_frequent(c)) {
                level.push(item, *count);
            }
        }
        first = rows.end;
    }
    levels.add(level);
    Ok(())
}

/// Some rows of the triangle: the row of an item has a cell for each item of a higher number.
#[derive(Debug, Clone, Copy)]
struct Rows {
    first: u32,
    end: u32,
    width: u32,
    cells: usize,
}

impl Rows {
    /// As many as have `cells`, at least one.
    fn from(first: u32, width: u32, cells: usize) -> Rows {
        let mut rows = Rows {
            first,
            end: first,
            width,
            cells: 0,
        };
        while rows.end < width {
            let more = rows.len_of(rows.end);
            if rows.end > first && rows.cells + more > cells {
                break;
            }
            rows.cells += more;
            rows.end += 1;
        }
        rows
    }

    fn len_of(self, row: u32) -> usize {
        (self.width - 1).saturating_sub(row) as usize
    }

    /// Where a row begins.
    fn start_of(self, row: u32) -> usize {
        let before = (row - self.first) as usize;
        // The rows before it shrink by one cell each: n + (n - 1) + ...
        before * self.len_of(self.first) - before * before.saturating_sub(1) / 2
    }
}

struct Triangle<'a> {
    rows: Rows,
    counts: Vec<u32>,
    credit: Credit<'a>,
}

impl<'a> Triangle<'a> {
    fn new(rows: Rows, gate: &'a Gate<'a>) -> Result<Triangle<'a>, Stop> {
        let mut counts = Vec::new();
        reserve(&mut counts, rows.cells, PHASE)?;
        counts.resize(rows.cells, 0);
        Ok(Triangle {
            rows,
            counts,
            credit: Credit::new(gate, 2),
        })
    }
}

impl Counter for Triangle<'_> {
    fn add(&mut self, basket: &[u32]) -> Result<(), Ended> {
        let rows = self.rows;
        self.credit.spend(1)?;
        let mut rest = basket.get(basket.partition_point(|i| *i < rows.first)..);
        while let Some([row, others @ ..]) = rest
            && *row < rows.end
        {
            self.credit.spend(others.len())?;
            let cells = self
                .counts
                .get_mut(rows.start_of(*row)..)
                .unwrap_or_default();
            for other in others {
                if let Some(cell) = cells.get_mut((other - row - 1) as usize) {
                    *cell += 1;
                }
            }
            rest = Some(others);
        }
        Ok(())
    }

    fn counts(self) -> Vec<u32> {
        self.counts
    }
}
