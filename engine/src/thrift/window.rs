//! What it takes to decode some rows in a row of Parquet columns, worked out from the headers of their pages.

use crate::control::{self, Control, Stop};

/// Numbers of rows that are tried: 1, 2, 4 and so on.
const STEPS: usize = 18;
/// Bytes that a value takes in the decoded column: a view of a text, or a decimal; smaller types are taken for as large.
const CELL: u64 = 16;

#[derive(Debug, Clone, Copy)]
struct Page {
    chunk: u32,
    rows: u32,
    bytes: u32,
}

/// The pages of one column, over all row groups in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Column {
    pages: Vec<Page>,
    /// Per column chunk, the bytes of its dictionary once it is decoded.
    dictionaries: Vec<u64>,
    packed: u32,
}

impl Column {
    /// Begins the next column chunk.
    pub(crate) fn chunk(&mut self, phase: &'static str) -> Result<(), Stop> {
        control::reserve(&mut self.dictionaries, 1, phase)?;
        self.dictionaries.push(0);
        Ok(())
    }

    /// Adds a dictionary of the present chunk, of `entries` values in `bytes`.
    pub(crate) fn dictionary(&mut self, entries: u32, bytes: u32, packed: u32) {
        if let Some(sum) = self.dictionaries.last_mut() {
            *sum += u64::from(bytes) + CELL * u64::from(entries);
        }
        self.packed = self.packed.max(packed);
    }

    /// Adds a page of values to the present chunk.
    pub(crate) fn page(
        &mut self,
        rows: u32,
        bytes: u32,
        packed: u32,
        phase: &'static str,
    ) -> Result<(), Stop> {
        control::reserve(&mut self.pages, 1, phase)?;
        let chunk = u32::try_from(self.dictionaries.len()).unwrap_or(u32::MAX);
        self.pages.push(Page { chunk, rows, bytes });
        self.packed = self.packed.max(packed);
        Ok(())
    }

    /// Bytes that the counts themselves take.
    pub(crate) fn bytes(&self) -> u64 {
        (self.pages.len() * size_of::<Page>() + self.dictionaries.len() * size_of::<u64>()) as u64
    }

    /// Bytes to decode a single row, wherever it is.
    pub(crate) fn least(&self) -> u64 {
        self.held(1) + CELL + u64::from(self.packed)
    }

    /// Bytes of the largest pages and dictionaries that `step` rows in a row can lie in, wherever they begin: texts are
    /// looked up in their pages, so that all of them stay until the rows are used up.
    fn held(&self, step: u64) -> u64 {
        let dictionary = |chunk: u32| {
            let at = (chunk as usize).checked_sub(1);
            at.and_then(|at| self.dictionaries.get(at))
                .copied()
                .unwrap_or(0)
        };
        let mut oldest = self.pages.iter().peekable();
        let (mut chunk, mut rows, mut bytes, mut most) = (0, 0_u64, 0_u64, 0);
        for page in &self.pages {
            if page.chunk != chunk {
                chunk = page.chunk;
                bytes += dictionary(chunk);
            }
            rows += u64::from(page.rows);
            bytes += u64::from(page.bytes);
            // The rows can begin within the oldest page and end within the newest.
            while let Some(first) = oldest.peek()
                && rows - u64::from(first.rows) >= step + u64::from(page.rows)
            {
                rows -= u64::from(first.rows);
                bytes -= u64::from(first.bytes);
                let gone = first.chunk;
                oldest.next();
                if oldest.peek().is_some_and(|next| next.chunk != gone) {
                    bytes -= dictionary(gone);
                }
            }
            most = most.max(bytes);
        }
        most
    }
}

/// What columns take together, by the number of rows that are decoded at once.
#[derive(Debug, Default)]
pub(crate) struct Demand {
    steps: [u64; STEPS],
    /// The largest page as it is stored: one at a time is unpacked.
    packed: u64,
}

impl Demand {
    /// Adds a column; looks at the control between the passes over its pages.
    pub(crate) fn add(&mut self, column: &Column, control: &dyn Control) -> Result<(), Stop> {
        for (rows, sum) in (0..).map(|power| 1_u64 << power).zip(&mut self.steps) {
            control.check()?;
            *sum = sum.saturating_add(column.held(rows) + CELL * rows);
        }
        self.packed = self.packed.max(column.packed.into());
        Ok(())
    }

    /// Bytes to decode `rows` rows at once, or up to twice as many.
    pub(crate) fn bytes(&self, rows: usize) -> u64 {
        let step = rows.max(1).next_power_of_two().ilog2() as usize;
        let bytes = self.steps.get(step).or(self.steps.last());
        bytes.copied().unwrap_or(0).saturating_add(self.packed)
    }

    /// The most rows, up to `most`, that take at most `bytes`; one at least.
    pub(crate) fn rows(&self, most: usize, bytes: u64) -> usize {
        let mut rows = most.max(1);
        while rows > 1 && self.bytes(rows) > bytes {
            rows = rows.next_power_of_two() / 2;
        }
        rows
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::control::testing::Probe;

    /// A column of chunks, each of a dictionary's bytes (0: none) and pages of (rows, bytes).
    fn column(chunks: &[(u32, &[(u32, u32)])]) -> Column {
        let mut column = Column::default();
        for (dictionary, pages) in chunks {
            column.chunk("test").unwrap();
            if *dictionary > 0 {
                column.dictionary(2, *dictionary, 7);
            }
            for (rows, bytes) in *pages {
                column.page(*rows, *bytes, 1, "test").unwrap();
            }
        }
        column
    }

    #[test]
    fn the_pages_of_a_step_are_counted() {
        // Pages of one row: a step of 3 rows lies in 3 of them, and may be decoded from 4.
        let five: Vec<(u32, u32)> = (1..=5).map(|n| (1, n * 10)).collect();
        assert_eq!(column(&[(100, &five)]).held(3), 132 + 140);
        assert_eq!(
            column(&[(0, &[(100, 10), (100, 20), (100, 30)])]).held(3),
            50
        );
    }

    #[test]
    fn steps_run_over_the_borders_of_row_groups() {
        let groups: Vec<(u32, &[(u32, u32)])> = vec![(1_000, &[(10, 500), (10, 500)]); 8];
        let column = column(&groups);
        // on the border of groups: two pages and two dictionaries, three pages, four of three groups; all
        assert_eq!(column.held(1), 2 * 500 + 2 * 1_032);
        assert_eq!(column.held(20), 3 * 500 + 2 * 1_032);
        assert_eq!(column.held(22), 4 * 500 + 3 * 1_032);
        assert_eq!(column.held(1_000), 8 * (1_000 + 1_032));
    }

    #[test]
    fn rows_are_lowered_until_they_fit() {
        let groups: Vec<(u32, &[(u32, u32)])> = vec![(0, &[(200, 50_000_000)]); 24];
        let (column, control) = (column(&groups), Probe::patient());
        let mut demand = Demand::default();
        demand.add(&column, &control).unwrap();
        demand.add(&column, &control).unwrap();
        assert!(demand.bytes(65_536) > 2_400_000_000);
        let rows = demand.rows(65_536, 450_000_000);
        assert_eq!(rows, 512);
        assert!(demand.bytes(rows) <= 450_000_000);
        // two pages of each column, whatever the number
        assert_eq!(demand.rows(65_536, 1), 1);
        assert_eq!(demand.bytes(1), 200_000_000 + 2 * CELL + 1);
        assert!(control.looks() > 0);
    }
}
