//! Functions that return many rows: they go into a tuplestore, which keeps `work_mem` in memory and the rest in a temporary
//! file, so that a million predictions take no more memory than a thousand.

use crate::pg::datum::{EPOCH_DAYS, EPOCH_MICROS};
use crate::pg::error::{Failure, Outcome};
use pgrx::PgMemoryContexts;
use pgrx::callconv::{Arg, ArgAbi};
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::prelude::*;

/// The call of a function that is under way, as an argument that SQL does not see. Only PostgreSQL's call makes one.
pub struct Call(pg_sys::FunctionCallInfo);

// SAFETY: what pgrx gives for the call's own structure.
unsafe impl<'fcx> ArgAbi<'fcx> for Call {
    unsafe fn unbox_arg_unchecked(arg: Arg<'_, 'fcx>) -> Self {
        // SAFETY: the caller's promise.
        Call(unsafe { pg_sys::FunctionCallInfo::unbox_arg_unchecked(arg) })
    }

    fn is_virtual_arg() -> bool {
        true
    }
}

// SAFETY: it has no form in SQL.
unsafe impl SqlTranslatable for Call {
    const TYPE_IDENT: &'static str = pgrx::pgrx_resolved_type!(Call);
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::Skip);
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> = Ok(ReturnsRef::One(SqlMappingRef::Skip));
}

/// A value of a row.
#[derive(Debug, Clone, Copy)]
pub enum Cell<'a> {
    /// NULL.
    Null,
    /// `text`.
    Text(&'a str),
    /// `text[]`.
    Texts(&'a [&'a str]),
    /// `double precision`.
    Float(f64),
    /// `boolean`.
    Bool(bool),
    /// `integer`.
    Int(i32),
    /// `bigint`.
    Big(i64),
    /// `date`, in days since 1970.
    Date(i32),
    /// `timestamp`, in microseconds since 1970.
    Timestamp(i64),
}

/// Rows between two times that their texts are freed.
const ROWS: usize = 1024;

/// The rows that a function returns.
pub struct RowSet {
    store: *mut pg_sys::Tuplestorestate,
    description: pg_sys::TupleDesc,
    columns: usize,
    scratch: PgMemoryContexts,
    rows: usize,
}

impl RowSet {
    /// The result of a function that is declared with RETURNS TABLE and called where rows may stand.
    ///
    /// # Errors
    /// 0A000 where PostgreSQL takes no set of rows.
    pub fn begin(call: &Call) -> Outcome<RowSet> {
        let fcinfo = call.0;
        let refused = || {
            Failure::new(
                PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
                "set-valued function called in context that cannot accept a set",
            )
        };
        // SAFETY: PostgreSQL's own call, in the way of its manual ("C-Language Functions", returning sets): the executor
        // hands a ReturnSetInfo where it takes sets; store and description live as long as the query.
        unsafe {
            let info = (*fcinfo).resultinfo.cast::<pg_sys::ReturnSetInfo>();
            if info.is_null() || (*info).type_ != pg_sys::NodeTag::T_ReturnSetInfo {
                return Err(refused());
            }
            let modes = (*info).allowedModes as u32;
            if modes & pg_sys::SetFunctionReturnMode::SFRM_Materialize == 0 {
                return Err(refused());
            }
            let before = pg_sys::MemoryContextSwitchTo((*(*info).econtext).ecxt_per_query_memory);
            let mut description: pg_sys::TupleDesc = std::ptr::null_mut();
            let class =
                pg_sys::get_call_result_type(fcinfo, std::ptr::null_mut(), &raw mut description);
            let store = pg_sys::tuplestore_begin_heap(
                modes & pg_sys::SetFunctionReturnMode::SFRM_Materialize_Random != 0,
                false,
                pg_sys::work_mem,
            );
            pg_sys::MemoryContextSwitchTo(before);
            if class != pg_sys::TypeFuncClass::TYPEFUNC_COMPOSITE || description.is_null() {
                return Err(refused());
            }
            (*info).returnMode = pg_sys::SetFunctionReturnMode::SFRM_Materialize;
            (*info).setResult = store;
            (*info).setDesc = description;
            Ok(RowSet {
                store,
                description,
                columns: usize::try_from((*description).natts).unwrap_or(0),
                scratch: PgMemoryContexts::new("retailscope result row"),
                rows: 0,
            })
        }
    }

    /// Adds a row; it has as many cells as the function has columns, of their types.
    ///
    /// # Errors
    /// An internal one for another number of cells.
    pub fn put(&mut self, cells: &[Cell<'_>]) -> Outcome<()> {
        if cells.len() != self.columns {
            return Err(Failure::internal(format!(
                "a row of {} cells for {} columns",
                cells.len(),
                self.columns
            )));
        }
        let (store, description) = (self.store, self.description);
        // SAFETY: as many values as the description has columns; the store copies what they point to, before it is freed.
        unsafe {
            self.scratch.switch_to(|_| {
                let mut values: Vec<pg_sys::Datum> = cells.iter().map(|c| datum(*c)).collect();
                let mut nulls: Vec<bool> = cells.iter().map(|c| matches!(c, Cell::Null)).collect();
                pg_sys::tuplestore_putvalues(
                    store,
                    description,
                    values.as_mut_ptr(),
                    nulls.as_mut_ptr(),
                );
            });
            self.rows += 1;
            if self.rows.is_multiple_of(ROWS) {
                self.scratch.reset();
            }
        }
        Ok(())
    }
}

fn text_datum(text: &str) -> pg_sys::Datum {
    text.into_datum().unwrap_or(pg_sys::Datum::from(0))
}

/// A value in the current memory context.
fn datum(cell: Cell<'_>) -> pg_sys::Datum {
    match cell {
        Cell::Null => pg_sys::Datum::from(0),
        Cell::Text(text) => text_datum(text),
        Cell::Texts(texts) => {
            let mut elements: Vec<pg_sys::Datum> = texts.iter().map(|t| text_datum(t)).collect();
            // SAFETY: as many datums as are told, all of type text; the array is a copy of them.
            let array = unsafe {
                pg_sys::construct_array(
                    elements.as_mut_ptr(),
                    i32::try_from(elements.len()).unwrap_or(i32::MAX),
                    pg_sys::TEXTOID,
                    -1,
                    false,
                    pg_sys::TYPALIGN_INT as std::ffi::c_char,
                )
            };
            pg_sys::Datum::from(array)
        }
        Cell::Float(value) => pg_sys::Datum::from(value.to_bits()),
        Cell::Bool(value) => pg_sys::Datum::from(value),
        Cell::Int(value) => pg_sys::Datum::from(value),
        Cell::Big(value) => pg_sys::Datum::from(value),
        Cell::Date(day) => pg_sys::Datum::from(day.saturating_sub(EPOCH_DAYS)),
        Cell::Timestamp(micros) => pg_sys::Datum::from(micros.saturating_sub(EPOCH_MICROS)),
    }
}
