//! Sequences.

use pgrx::prelude::*;

/// The sequence behind an identity column of one of our tables.
pub fn of_column(table: &str, column: &str) -> Option<pg_sys::Oid> {
    Spi::get_one_with_args::<pg_sys::Oid>(
        "SELECT pg_catalog.pg_get_serial_sequence($1, $2)::pg_catalog.regclass::pg_catalog.oid",
        &[table.into(), column.into()],
    )
    .ok()
    .flatten()
}

/// Takes `count` consecutive values and gives the first. The caller keeps other writers of the table out, so nobody takes
/// values in between.
pub fn take(sequence: pg_sys::Oid, count: i64) -> Option<i64> {
    // SAFETY: nextval and setval take a regclass and bigints; they check the privileges and the sequence's bounds.
    unsafe {
        let first =
            pgrx::direct_function_call::<i64>(pg_sys::nextval_oid, &[sequence.into_datum()])?;
        let last = first.checked_add(count)?.checked_sub(1)?;
        if last > first {
            pgrx::direct_function_call::<i64>(
                pg_sys::setval_oid,
                &[sequence.into_datum(), last.into_datum()],
            )?;
        }
        Some(first)
    }
}
