//! Folds of a series by their places.

use crate::pg::error::{Failure, Outcome};
use crate::pg::rowset::{Call, Cell, RowSet};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::forecasts::time_series_split;

/// The index sets of scikit-learn's TimeSeriesSplit.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_time_series_split(n integer, n_splits integer DEFAULT 5, test_size integer DEFAULT NULL, gap integer DEFAULT 0,
                                                 max_train_size integer DEFAULT NULL)
RETURNS TABLE(fold integer, train_start integer, train_end integer, test_start integer, test_end integer)
LANGUAGE c IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
pub fn rs_time_series_split(
    call: Call,
    n: Option<i32>,
    n_splits: Option<i32>,
    test_size: Option<i32>,
    gap: Option<i32>,
    max_train_size: Option<i32>,
) -> Result<(), ErrorReport> {
    let Some(n) = n else {
        return Err(Failure::invalid("n must not be NULL")
            .hint("It is the number of values: SELECT * FROM rs_time_series_split(24, 3);")
            .into());
    };
    let splits = time_series_split(
        size("n", n)?,
        size("n_splits", n_splits.unwrap_or(5))?,
        test_size.map(|n| size("test_size", n)).transpose()?,
        size("gap", gap.unwrap_or(0))?,
        max_train_size
            .map(|n| size("max_train_size", n))
            .transpose()?,
    )
    .map_err(Failure::from)?;
    let mut out = RowSet::begin(&call)?;
    // Places are below n, which is such a number.
    let place = |at: usize| Cell::Int(i32::try_from(at).unwrap_or(i32::MAX));
    for (fold, split) in (1i32..).zip(&splits) {
        out.put(&[
            Cell::Int(fold),
            place(split.train.start),
            place(split.train.end.saturating_sub(1)),
            place(split.test.start),
            place(split.test.end.saturating_sub(1)),
        ])?;
        if fold % 4096 == 0 {
            pgrx::check_for_interrupts!();
        }
    }
    Ok(())
}

fn size(name: &str, given: i32) -> Outcome<usize> {
    usize::try_from(given)
        .map_err(|_| Failure::invalid(format!("{name} must not be negative, it is {given}")))
}
