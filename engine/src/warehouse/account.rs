//! The money of a batch, exact.

use crate::clean::line::{Line, LineKind, SumOutOfRange, add_amount};

/// Totals over loaded lines, at amount scale.
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
    ///
    /// # Errors
    /// [`SumOutOfRange`] when a total has no room for the line; the account is then of no use.
    pub fn add(
        &mut self,
        line: &Line<'_>,
        is_merchandise: bool,
        day: i32,
    ) -> Result<(), SumOutOfRange> {
        let amount = line.amount();
        self.rows += 1;
        self.amount = add_amount(self.amount, amount)?;
        if is_merchandise {
            match line.kind {
                LineKind::Sale => {
                    self.gross = add_amount(self.gross, amount)?;
                    self.net = add_amount(self.net, amount)?;
                }
                LineKind::Return => self.net = add_amount(self.net, amount)?,
                LineKind::Fee | LineKind::Adjustment | LineKind::Free => {}
            }
        }
        self.days = Some(
            self.days
                .map_or((day, day), |(first, last)| (first.min(day), last.max(day))),
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Class, Classified};

    fn line(kind: LineKind, quantity: i64, unit_price: i64) -> Line<'static> {
        Line {
            hash: 0,
            sold_at: 0,
            quantity,
            unit_price,
            kind,
            is_merchandise: true,
            line_no: 1,
            invoice_no: "1",
            stock_code: "A",
            description: "",
            customer_id: "",
            country: "",
        }
    }

    #[test]
    fn only_merchandise_counts_as_revenue_and_returns_are_netted() {
        let mut account = Account::default();
        for (kind, quantity, is_merchandise, day) in [
            (LineKind::Sale, 40_000, true, 5),
            (LineKind::Return, -10_000, true, 3),
            (LineKind::Fee, 10_000, false, 9),
            (LineKind::Sale, 10_000, false, 9),
        ] {
            let line = line(kind, quantity, 2_500_000);
            assert_eq!(account.add(&line, is_merchandise, day), Ok(()));
        }
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

    #[test]
    fn a_total_that_does_not_fit_is_an_error() {
        // Just below 10^12 each, as cleaning lets through: 1.7e38 / 1e34 of them fit.
        let line = line(
            LineKind::Sale,
            9_999_999_999_999_999,
            999_999_999_999_999_999,
        );
        let mut account = Account::default();
        let error = (0..20_000).find_map(|_| account.add(&line, true, 1).err());
        assert_eq!(account.rows, 17_015);
        assert_eq!(error.map(|e| e.class()), Some(Class::OutOfRange));
    }
}
