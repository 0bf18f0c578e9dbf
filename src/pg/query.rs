//! Queries that users write: prepared and looked at before they run, and run as they are, as no part of another statement, so
//! that there is nothing that a text could break out of.

use crate::pg::cursor::{BaseType, Rows, c_query, fetch_all};
use crate::pg::error::{Failure, Outcome};
use pgrx::prelude::*;
use std::ffi::CStr;

/// A query that a user gives as an argument: one SELECT, VALUES or TABLE.
#[derive(Debug, Clone, Copy)]
pub struct UserQuery<'a> {
    /// Its text.
    pub text: &'a str,
    /// What messages call it.
    pub argument: &'static str,
    /// One that would do.
    pub example: &'static str,
}

/// What a query gives.
#[derive(Debug)]
pub struct Form {
    /// Its columns.
    pub columns: Vec<Column>,
    /// The column that the rows are sorted by first, if rows of which it is the same text come one after the other.
    pub grouped_by: Option<usize>,
}

/// A column of a query.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What can be read of it.
    pub kind: Kind,
    /// How.
    pub base: BaseType,
    /// Its type as SQL writes it.
    pub type_name: String,
}

/// What can be read of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`Rows::number`].
    Number,
    /// [`Rows::number`], 0 or 1.
    Bool,
    /// [`Rows::moment`].
    Moment,
    /// [`as_text`] alone.
    Other,
}

impl UserQuery<'_> {
    /// Runs it with the rights, the search path and the snapshot of the calling statement: `accept` looks at its form first and
    /// makes what `each` gathers the batches of rows into.
    ///
    /// # Errors
    /// 22023 when it is something else; what `accept` and `each` give. PostgreSQL's own errors (a wrong syntax, no such table,
    /// no privilege) unwind.
    pub fn read<T>(
        &self,
        accept: impl FnOnce(&Form) -> Outcome<T>,
        mut each: impl FnMut(&mut T, &Rows<'_>) -> Outcome<()>,
    ) -> Outcome<T> {
        let text = c_query(self.text)?;
        Spi::connect_mut(|_client| {
            // SAFETY: an SPI session is open, at whose end the plan goes.
            unsafe {
                let plan = pg_sys::SPI_prepare_cursor(text.as_ptr(), 0, std::ptr::null_mut(), 0);
                let form = if plan.is_null() { None } else { form(plan) };
                let form = form.ok_or_else(|| self.refused("must be one query that only reads"))?;
                let mut gathered = accept(&form)?;
                // Read-only: PostgreSQL refuses row locks in it, and its snapshot is the one that is in force.
                let portal = pg_sys::SPI_cursor_open(
                    std::ptr::null(),
                    plan,
                    std::ptr::null_mut(),
                    std::ptr::null(),
                    true,
                );
                fetch_all(portal, |rows| each(&mut gathered, rows))?;
                Ok(gathered)
            }
        })
    }

    /// A refusal of the query (22023); `problem` is the rest of a sentence.
    pub fn refused(&self, problem: impl std::fmt::Display) -> Failure {
        Failure::invalid(format!("{} {problem}", self.argument))
            .hint(format!("Such as {}.", self.example))
    }
}

/// The form of a plan that is one SELECT and changes nothing; `None` for any other.
///
/// # Safety
/// An SPI session is open, and the plan was prepared in it.
unsafe fn form(plan: pg_sys::SPIPlanPtr) -> Option<Form> {
    // SAFETY: the caller's promise: SPI gives a list of sources, each with a list of queries and the form of its rows.
    unsafe {
        let source = only::<pg_sys::CachedPlanSource>(pg_sys::SPI_plan_get_plan_sources(plan))?;
        let query = only::<pg_sys::Query>((*source).query_list)?;
        let reads = (*query).commandType == pg_sys::CmdType::CMD_SELECT
            && !(*query).hasModifyingCTE
            && (*query).utilityStmt.is_null();
        let rows = (*source).resultDesc;
        if !reads || rows.is_null() {
            return None;
        }
        Some(Form {
            columns: (1..=(*rows).natts).map(|n| column(rows, n)).collect(),
            grouped_by: grouped_by(query),
        })
    }
}

/// Column `number`, counted from 1.
///
/// # Safety
/// The description has as many columns.
unsafe fn column(rows: pg_sys::TupleDesc, number: i32) -> Column {
    // SAFETY: the caller's promise; both texts are ours until the memory context goes.
    let (base, name, type_name) = unsafe {
        let oid = pg_sys::SPI_gettypeid(rows, number);
        let name = pg_sys::SPI_fname(rows, number);
        (
            pg_sys::getBaseType(oid),
            CStr::from_ptr(name).to_string_lossy().into_owned(),
            CStr::from_ptr(pg_sys::format_type_be(oid))
                .to_string_lossy()
                .into_owned(),
        )
    };
    let kind = match base {
        pg_sys::INT2OID
        | pg_sys::INT4OID
        | pg_sys::INT8OID
        | pg_sys::FLOAT4OID
        | pg_sys::FLOAT8OID
        | pg_sys::NUMERICOID => Kind::Number,
        pg_sys::BOOLOID => Kind::Bool,
        pg_sys::DATEOID | pg_sys::TIMESTAMPOID | pg_sys::TIMESTAMPTZOID => Kind::Moment,
        _ => Kind::Other,
    };
    Column {
        name,
        kind,
        base: BaseType(base),
        type_name,
    }
}

/// The column that a query is sorted by first, of a type whose equal values are the same text.
///
/// # Safety
/// A query as PostgreSQL's parser makes it.
unsafe fn grouped_by(query: *mut pg_sys::Query) -> Option<usize> {
    // SAFETY: the caller's promise.
    unsafe {
        let clauses = pgrx::PgList::<pg_sys::SortGroupClause>::from_pg((*query).sortClause);
        let entry = pg_sys::get_sortgroupclause_tle(clauses.get_ptr(0)?, (*query).targetList);
        if (*entry).resjunk {
            return None;
        }
        let expression = (*entry).expr.cast::<pg_sys::Node>();
        let is_plain = match pg_sys::exprType(expression) {
            pg_sys::INT2OID
            | pg_sys::INT4OID
            | pg_sys::INT8OID
            | pg_sys::UUIDOID
            | pg_sys::DATEOID => true,
            pg_sys::TEXTOID | pg_sys::VARCHAROID => {
                let collation = pg_sys::exprCollation(expression);
                collation != pg_sys::InvalidOid && pg_sys::get_collation_isdeterministic(collation)
            }
            _ => false,
        };
        let place = usize::try_from((*entry).resno).ok()?.checked_sub(1)?;
        is_plain.then_some(place)
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
