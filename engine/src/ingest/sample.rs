//! A made-up retailer whose sales are raw lines, so that they go through the same path as a file.
//!
//! The lines are a pure function of (customers, days, seed): the bits come from ChaCha8, one stream per purpose, and what
//! is made of them uses only integers and the float operations that are exact by IEEE 754 (see the module `chance`). The same
//! arguments therefore give the same bytes on every machine, and a test holds a checksum of them.
//!
//! What is planted, and what a user may hope to find again:
//! - the shop is closed on Sundays, on 25 and 26 December and on 1 January; sales rise in autumn and peak before Christmas;
//! - about 900 articles in 12 families with seasons of their own, popularity by a power law, price changes on Mondays,
//!   promotions by the week;
//! - suites (cup, saucer, teapot) and colours of a design are bought together;
//! - customers of four types come over time at gamma-distributed rates, are lost with a chance that depends on the type,
//!   and sometimes come back; about a fifth of the lines have no customer;
//! - returns, postage, discounts, write-offs, and about one dirty line in a hundred.
//!
//! Memory follows the number of customers and the busiest day, not the number of lines.

mod calendar;
mod chance;
mod customers;
mod lines;
mod orders;
mod products;
mod shop;
mod words;

#[cfg(test)]
mod tests;

use self::chance::{Chance, Stream};
use self::customers::Customers;
use self::lines::{Draft, Invoice};
use self::products::Catalogue;
use self::shop::Shop;
use super::batch::{BATCH_ROWS, RawBatch};
use crate::control::{Control, Stop};
use crate::error::{Class, Classified};

/// The most customers of a sample.
pub const MAX_CUSTOMERS: u32 = 1_000_000;
/// The most days of a sample: ten years.
pub const MAX_DAYS: u32 = 3_650;

/// Why a sample cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SampleError {
    /// No or too many customers.
    #[error("customers must be between 1 and {MAX_CUSTOMERS}, not {0}")]
    Customers(u32),
    /// No or too many days.
    #[error("days must be between 1 and {MAX_DAYS}, not {0}")]
    Days(u32),
}

impl Classified for SampleError {
    fn class(&self) -> Class {
        Class::InvalidParameter
    }
}

/// Sales of a made-up retailer, batch by batch.
pub struct SampleSales {
    customers: u32,
    days: u32,
    seed: i64,
    /// Made on the first batch, where the work can be stopped.
    shop: Option<Shop>,
    /// The invoice that is being written, and how many of its lines are.
    invoice: Invoice,
    drafts: Vec<Draft>,
    written: usize,
    line_no: u64,
}

impl SampleSales {
    /// Sales to `customers` customers (1 to 1,000,000) over `days` days (1 to 3,650), the last of which is 2024-12-31.
    ///
    /// # Errors
    /// [`SampleError`] when a number is out of its range.
    pub fn new(customers: u32, days: u32, seed: i64) -> Result<SampleSales, SampleError> {
        if !(1..=MAX_CUSTOMERS).contains(&customers) {
            return Err(SampleError::Customers(customers));
        }
        if !(1..=MAX_DAYS).contains(&days) {
            return Err(SampleError::Days(days));
        }
        let (invoice, drafts) = (Invoice::default(), Vec::new());
        Ok(SampleSales {
            customers,
            days,
            seed,
            shop: None,
            invoice,
            drafts,
            written: 0,
            line_no: 0,
        })
    }

    /// Empties the batch and fills it with up to 65,536 lines in the order of time; false when none are left.
    ///
    /// # Errors
    /// [`Stop`] when cancelled, or when the customers would take more memory than allowed. The lines of this batch are
    /// lost then.
    pub fn next_batch(
        &mut self,
        batch: &mut RawBatch,
        control: &dyn Control,
    ) -> Result<bool, Stop> {
        batch.begin(0, control);
        if self.shop.is_none() {
            self.shop = Some(self.found(control)?);
        }
        let Some(shop) = &mut self.shop else {
            return Ok(false);
        };
        // A line may be written twice, so that the last place is only used by chance.
        while batch.rows() + 2 <= BATCH_ROWS && !batch.is_full() {
            if let Some(draft) = self.drafts.get(self.written) {
                let Some(day) = shop.days.get(shop.day) else {
                    break;
                };
                let line = (&self.invoice, day, draft);
                lines::write(
                    batch,
                    &mut self.line_no,
                    line,
                    &shop.catalogue,
                    &mut shop.chance,
                );
                self.written += 1;
                continue;
            }
            control.check()?;
            let Some(invoice) = shop.next(&mut self.drafts) else {
                break;
            };
            self.invoice = invoice;
            self.written = 0;
        }
        batch.settle(control)?;
        control.progress("generating", shop.day as u64, u64::from(self.days));
        Ok(batch.rows() > 0)
    }

    /// Days done, and days in all.
    #[must_use]
    pub fn position(&self) -> (u64, u64) {
        (
            self.shop.as_ref().map_or(0, |s| s.day as u64),
            u64::from(self.days),
        )
    }

    /// Founds the shop: its calendar, its range and its customers.
    fn found(&self, control: &dyn Control) -> Result<Shop, Stop> {
        let days = calendar::calendar(self.days, &mut Chance::new(self.seed, Stream::Calendar));
        let catalogue = Catalogue::new(&mut Chance::new(self.seed, Stream::Products), self.days);
        let chance = &mut Chance::new(self.seed, Stream::Customers);
        let customers = Customers::new(self.customers, &days, chance, control)?;
        Ok(Shop::new(
            days,
            catalogue,
            customers,
            self.customers,
            self.seed,
        ))
    }
}
