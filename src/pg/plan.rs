//! Queries that are planned once per session: a look-up of one customer costs more to plan than to run.

use crate::pg::cursor::{Arguments, Rows, c_query};
use crate::pg::error::{Failure, Outcome};
use pgrx::prelude::*;
use std::cell::RefCell;
use std::collections::HashMap;

/// Plans that a session keeps. They belong to texts of ours, of which there are few; the limit is for models whose
/// features differ.
const KEPT: usize = 64;

thread_local! {
    static PLANS: RefCell<HashMap<String, pg_sys::SPIPlanPtr>> = RefCell::default();
}

/// Runs a query in the snapshot of the calling statement and gives all of its rows, which are few, to `each`. Its plan is kept and follows changes of tables by itself.
///
/// # Errors
/// What `each` gives. PostgreSQL's own errors unwind.
pub fn run_kept<T>(
    sql: &str,
    arguments: &[pgrx::datum::DatumWithOid<'_>],
    each: impl FnOnce(Option<&Rows<'_>>) -> Outcome<T>,
) -> Outcome<T> {
    let Arguments {
        mut types,
        nulls,
        mut values,
    } = Arguments::new(arguments);
    Spi::connect_mut(|_client| {
        let plan = match PLANS.with_borrow(|plans| plans.get(sql).copied()) {
            Some(plan) => plan,
            None => keep(sql, &mut types)?,
        };
        // SAFETY: an SPI session is open, the plan was kept, and it was prepared for as many arguments of these types; the
        // rows are used only until the session ends.
        unsafe {
            let code = pg_sys::SPI_execute_plan(plan, values.as_mut_ptr(), nulls.as_ptr(), true, 0);
            if code < 0 {
                return Err(Failure::internal(format!("SPI_execute_plan gave {code}")));
            }
            let rows = pg_sys::SPI_processed as usize;
            let table = pg_sys::SPI_tuptable;
            if table.is_null() || rows == 0 {
                each(None)
            } else {
                each(Some(&Rows::of(&*table, rows)))
            }
        }
    })
}

fn keep(sql: &str, types: &mut [pg_sys::Oid]) -> Outcome<pg_sys::SPIPlanPtr> {
    let query = c_query(sql)?;
    // SAFETY: an SPI session is open; kept plans are freed only here, where none of them runs.
    unsafe {
        // One plan for all values from the first call on: PostgreSQL would plan the first five anew, each for longer than it
        // takes to run.
        let plan = pg_sys::SPI_prepare_cursor(
            query.as_ptr(),
            types.len() as i32,
            types.as_mut_ptr(),
            pg_sys::CURSOR_OPT_GENERIC_PLAN as i32,
        );
        if plan.is_null() || pg_sys::SPI_keepplan(plan) != 0 {
            return Err(Failure::internal("a query could not be prepared"));
        }
        PLANS.with_borrow_mut(|plans| {
            if plans.len() >= KEPT {
                for (_, old) in plans.drain() {
                    pg_sys::SPI_freeplan(old);
                }
            }
            plans.insert(sql.to_owned(), plan);
        });
        Ok(plan)
    }
}
