//! The sample generator as a source.

use crate::pg::error::{Failure, Outcome};
use retailscope_engine::control::Control;
use retailscope_engine::ingest::sample::SampleSales;
use retailscope_engine::ingest::{IngestError, RawBatch, RawSource};

/// Made-up sales, read like a file.
pub struct Generator {
    sales: SampleSales,
}

impl Generator {
    /// Checks the arguments.
    ///
    /// # Errors
    /// 22023 for numbers out of range.
    pub fn new(customers: i32, days: i32, seed: i64) -> Outcome<Generator> {
        let positive = |name: &str, value: i32| {
            u32::try_from(value)
                .map_err(|_| Failure::invalid(format!("{name} must not be negative: {value}")))
        };
        let sales = SampleSales::new(
            positive("customers", customers)?,
            positive("days", days)?,
            seed,
        )?;
        Ok(Generator { sales })
    }
}

impl RawSource for Generator {
    fn extra_columns(&self) -> &[String] {
        &[]
    }

    fn next_batch(
        &mut self,
        batch: &mut RawBatch,
        control: &dyn Control,
    ) -> Result<bool, IngestError> {
        Ok(self.sales.next_batch(batch, control)?)
    }

    fn position(&self) -> (u64, u64) {
        self.sales.position()
    }

    /// Generated lines have no bytes of their own; the call that made them is the batch's source.
    fn content_hash(&self) -> [u8; 32] {
        [0; 32]
    }
}
