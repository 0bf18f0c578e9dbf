//! The money of a batch, exact.

use crate::clean::line::{Line, LineKind};

/// Totals over loaded lines, at amount scale; sums of 1e9 lines of the largest amount stay far below the limits of `i128`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Lines.
    pub rows: u64,
    /// Amount of all lines.
    pub amount: i128,
    /// Amount of merchandise sales.
    pub gross: i128,
    /// Amount of merchandise sales and returns.
    pub net: i128,
    /// First and last day, in days since 1970.
    pub days: Option<(i32, i32)>,
}

impl Account {
    /// Counts a line of `day`; `is_merchandise` is what the product dimension says.
    pub fn add(&mut self, line: &Line<'_>, is_merchandise: bool, day: i32) {
        let amount = line.amount();
        self.rows += 1;
        self.amount += amount;
        if is_merchandise {
            match line.kind {
                LineKind::Sale => {
                    self.gross += amount;
                    self.net += amount;
                }
                LineKind::Return => self.net += amount,
                LineKind::Fee | LineKind::Adjustment | LineKind::Free => {}
            }
        }
        self.days = Some(
            self.days
                .map_or((day, day), |(first, last)| (first.min(day), last.max(day))),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_merchandise_counts_as_revenue_and_returns_are_netted() {
        let line = |kind, quantity| Line {
            hash: 0,
            sold_at: 0,
            quantity,
            unit_price: 2_500_000,
            kind,
            is_merchandise: true,
            line_no: 1,
            invoice_no: "1",
            stock_code: "A",
            description: "",
            customer_id: "",
            country: "",
        };
        let mut account = Account::default();
        account.add(&line(LineKind::Sale, 40_000), true, 5);
        account.add(&line(LineKind::Return, -10_000), true, 3);
        account.add(&line(LineKind::Fee, 10_000), false, 9);
        account.add(&line(LineKind::Sale, 10_000), false, 9);
        let unit = 25_000_000_000;
        assert_eq!(
            account,
            Account {
                rows: 4,
                amount: 5 * unit,
                gross: 4 * unit,
                net: 3 * unit,
                days: Some((3, 9))
            }
        );
    }
}
