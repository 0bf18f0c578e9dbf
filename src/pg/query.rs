//! Queries that users write: prepared and looked at before they run, and run as they are, as no part of another statement, so
//! that there is nothing that a text could break out of.

use crate::pg::cursor::{Rows, c_query, fetch_all};
use crate::pg::error::{Failure, Outcome};
use pgrx::prelude::*;

/// Runs one SELECT (or VALUES, or TABLE) of `columns` columns, with the rights, the search path and the snapshot of the calling
/// statement, and gives its rows in batches to `each`. `argument` is what messages call it.
///
/// # Errors
/// 22023 when it is something else; what `each` gives. PostgreSQL's own errors (a wrong syntax, no such table, no privilege)
/// unwind.
pub fn for_each_batch_of(
    query: &str,
    argument: &str,
    columns: usize,
    each: impl FnMut(&Rows<'_>) -> Outcome<()>,
) -> Outcome<()> {
    let text = c_query(query)?;
    Spi::connect_mut(|_client| {
        // SAFETY: an SPI session is open, at whose end the plan goes.
        unsafe {
            let plan = pg_sys::SPI_prepare_cursor(text.as_ptr(), 0, std::ptr::null_mut(), 0);
            if plan.is_null() {
                return Err(not_one_select(argument));
            }
            let found = width(plan).ok_or_else(|| not_one_select(argument))?;
            if found != columns {
                return Err(Failure::invalid(format!(
                    "{argument} must be a query of {columns} columns, not of {found}"
                ))
                .hint(HINT));
            }
            // Read-only: PostgreSQL refuses row locks in it, and its snapshot is the one that is in force.
            let portal = pg_sys::SPI_cursor_open(
                std::ptr::null(),
                plan,
                std::ptr::null_mut(),
                std::ptr::null(),
                true,
            );
            fetch_all(portal, each)
        }
    })
}

const HINT: &str = "Such as SELECT invoice_no, stock_code FROM orders.";

fn not_one_select(argument: &str) -> Failure {
    Failure::invalid(format!("{argument} must be one query that only reads")).hint(HINT)
}

/// The columns of a plan that is one SELECT and changes nothing; `None` for any other.
///
/// # Safety
/// An SPI session is open, and the plan was prepared in it.
unsafe fn width(plan: pg_sys::SPIPlanPtr) -> Option<usize> {
    // SAFETY: the caller's promise: SPI gives a list of sources, each with a list of queries and the form of its rows.
    unsafe {
        let source = only::<pg_sys::CachedPlanSource>(pg_sys::SPI_plan_get_plan_sources(plan))?;
        let query = only::<pg_sys::Query>((*source).query_list)?;
        let reads = (*query).commandType == pg_sys::CmdType::CMD_SELECT
            && !(*query).hasModifyingCTE
            && (*query).utilityStmt.is_null();
        let rows = (*source).resultDesc;
        (reads && !rows.is_null()).then(|| usize::try_from((*rows).natts).unwrap_or(0))
    }
}

/// The element of a list that has one.
///
/// # Safety
/// The list is one of pointers to `T`.
unsafe fn only<T>(list: *mut pg_sys::List) -> Option<*mut T> {
    // SAFETY: the caller's promise.
    let list = unsafe { pgrx::PgList::<T>::from_pg(list) };
    (list.len() == 1).then(|| list.get_ptr(0)).flatten()
}

/// A value as text, of whatever type it is; `None` for NULL.
pub fn as_text<'r>(
    rows: &'r Rows<'_>,
    row: usize,
    column: usize,
    scratch: &'r mut String,
) -> Option<&'r [u8]> {
    use std::fmt::Write;
    scratch.clear();
    match rows.type_of(column) {
        pg_sys::TEXTOID | pg_sys::VARCHAROID => rows.text(row, column),
        // A text of its own in PostgreSQL's memory for each number takes longer than all the rest.
        pg_sys::INT8OID => {
            write!(scratch, "{}", rows.i64(row, column)?).ok()?;
            Some(scratch.as_bytes())
        }
        pg_sys::INT4OID => {
            write!(scratch, "{}", rows.i32(row, column)?).ok()?;
            Some(scratch.as_bytes())
        }
        _ => rows.written(row, column),
    }
}
