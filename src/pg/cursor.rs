//! Reading rows in batches through a cursor: memory stays flat however many rows there are.

use crate::pg::datum;
use crate::pg::error::Outcome;
use pgrx::PgMemoryContexts;
use pgrx::prelude::*;
use std::ffi::{CStr, CString};
use std::marker::PhantomData;

/// The most rows per fetch.
const FETCH: usize = 8192;
/// Rows of the first fetch, before it is known how wide they are.
const FIRST: usize = 256;
/// Bytes that the rows of a fetch are meant to take, their unpacked texts included.
const BYTES: usize = 16 << 20;

/// What values of a type are made of: the type itself, or of a domain the one below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseType(pub(super) pg_sys::Oid);

/// One batch of rows, valid inside the callback of [`for_each_batch`].
pub struct Rows<'a> {
    table: &'a pg_sys::SPITupleTable,
    rows: usize,
}

impl<'a> Rows<'a> {
    pub(super) fn of(table: &'a pg_sys::SPITupleTable, rows: usize) -> Rows<'a> {
        Rows { table, rows }
    }

    /// Number of rows, at least one.
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.rows
    }

    fn datum(&self, row: usize, column: usize) -> Option<pg_sys::Datum> {
        if row >= self.rows {
            return None;
        }
        let mut null = false;
        // SAFETY: the table lives while the callback runs, `row` is below its number of rows, and SPI_getbinval checks the
        // column itself.
        let datum = unsafe {
            let tuple = *self.table.vals.add(row);
            pg_sys::SPI_getbinval(tuple, self.table.tupdesc, column as i32 + 1, &raw mut null)
        };
        if null { None } else { Some(datum) }
    }

    /// A row of `N` columns, all read at once: for queries of many rows. `None` when there are not as many.
    pub fn row<const N: usize>(&self, row: usize) -> Option<Row<'_, N>> {
        // SAFETY: the table lives while the callback runs; there are as many values as columns.
        unsafe {
            if row >= self.rows || usize::try_from((*self.table.tupdesc).natts) != Ok(N) {
                return None;
            }
            let mut read = Row {
                values: [pg_sys::Datum::null(); N],
                nulls: [true; N],
                of: PhantomData,
            };
            pg_sys::heap_deform_tuple(
                *self.table.vals.add(row),
                self.table.tupdesc,
                read.values.as_mut_ptr(),
                read.nulls.as_mut_ptr(),
            );
            Some(read)
        }
    }

    /// A `text` or `bytea` column (the query casts to it); columns count from 0.
    pub fn text(&self, row: usize, column: usize) -> Option<&[u8]> {
        // SAFETY: the column is of one of these types; what is compressed or out of line is copied into the batch's own memory
        // context, which outlives the borrow of `self`.
        self.datum(row, column).map(|d| unsafe { bytes(d) })
    }

    /// A `bigint` column.
    pub fn i64(&self, row: usize, column: usize) -> Option<i64> {
        self.datum(row, column).map(|d| d.value() as i64)
    }

    /// An `integer` column.
    pub fn i32(&self, row: usize, column: usize) -> Option<i32> {
        self.datum(row, column).map(|d| d.value() as i32)
    }

    /// A `float8` column.
    pub fn f64(&self, row: usize, column: usize) -> Option<f64> {
        self.datum(row, column)
            .map(|d| f64::from_bits(d.value() as u64))
    }

    /// A `boolean` column.
    pub fn bool(&self, row: usize, column: usize) -> Option<bool> {
        self.datum(row, column).map(|d| d.value() != 0)
    }

    /// A column of a type of numbers, or of `boolean` (1 for true).
    pub fn number(&self, row: usize, column: usize, base: BaseType) -> Option<f64> {
        if base.0 == pg_sys::NUMERICOID {
            return datum::double(self.text(row, column)?).or_else(|| {
                let written = std::str::from_utf8(self.written(row, column)?).ok()?;
                written.parse().ok()
            });
        }
        let value = self.datum(row, column)?.value();
        Some(match base.0 {
            pg_sys::FLOAT8OID => f64::from_bits(value as u64),
            pg_sys::FLOAT4OID => f64::from(f32::from_bits(value as u32)),
            pg_sys::INT8OID => value as i64 as f64,
            pg_sys::INT4OID => f64::from(value as i32),
            pg_sys::INT2OID => f64::from(value as i16),
            pg_sys::BOOLOID => f64::from(u8::from(value & 1 != 0)),
            _ => return None,
        })
    }

    /// A `date`, `timestamp`, or `timestamptz` column (on the clock of the session's time zone), in microseconds since 1970;
    /// `None` also for infinity.
    pub fn moment(&self, row: usize, column: usize, base: BaseType) -> Option<i64> {
        let datum = self.datum(row, column)?;
        let micros = match base.0 {
            pg_sys::DATEOID => match datum.value() as i32 {
                i32::MIN | i32::MAX => return None,
                day => i64::from(day).checked_mul(datum::DAY_MICROS)?,
            },
            pg_sys::TIMESTAMPOID => datum.value() as i64,
            // SAFETY: PostgreSQL's own conversion of a value of this type.
            pg_sys::TIMESTAMPTZOID => unsafe {
                pgrx::direct_function_call::<i64>(pg_sys::timestamptz_timestamp, &[Some(datum)])?
            },
            _ => return None,
        };
        match micros {
            i64::MIN | i64::MAX => None,
            micros => micros.checked_add(datum::EPOCH_MICROS),
        }
    }

    /// The type of a column.
    pub(super) fn type_of(&self, column: usize) -> pg_sys::Oid {
        // SAFETY: the table lives while the callback runs; SPI_gettypeid checks the column itself.
        unsafe { pg_sys::SPI_gettypeid(self.table.tupdesc, column as i32 + 1) }
    }

    /// Any column as its type writes it.
    pub(super) fn written(&self, row: usize, column: usize) -> Option<&[u8]> {
        if row >= self.rows {
            return None;
        }
        // SAFETY: as in `datum`; the text is made in the batch's own memory context.
        unsafe {
            let tuple = *self.table.vals.add(row);
            let text = pg_sys::SPI_getvalue(tuple, self.table.tupdesc, column as i32 + 1);
            (!text.is_null()).then(|| CStr::from_ptr(text).to_bytes())
        }
    }

    /// A `uuid` column.
    pub fn uuid(&self, row: usize, column: usize) -> Option<u128> {
        let datum = self.datum(row, column)?;
        // SAFETY: a uuid datum points to 16 bytes.
        let bytes = unsafe { *datum.cast_mut_ptr::<[u8; 16]>() };
        Some(u128::from_be_bytes(bytes))
    }
}

/// The bytes of a value of variable length, without its header.
///
/// # Safety
/// It is such a value, and lives for `'a`, as does the current memory context.
unsafe fn bytes<'a>(value: pg_sys::Datum) -> &'a [u8] {
    // SAFETY: the caller's promise.
    unsafe {
        let mut value = value.cast_mut_ptr::<pg_sys::varlena>();
        let is_plain = pgrx::varlena::varatt_is_4b_u(value)
            || pgrx::varlena::varatt_is_1b(value) && !pgrx::varlena::varatt_is_1b_e(value);
        if !is_plain {
            value = pg_sys::pg_detoast_datum_packed(value);
        }
        std::slice::from_raw_parts(
            pgrx::varlena::vardata_any(value).cast::<u8>(),
            pgrx::varlena::varsize_any_exhdr(value),
        )
    }
}

/// A row of [`Rows::row`], valid as long as they are.
pub struct Row<'r, const N: usize> {
    values: [pg_sys::Datum; N],
    nulls: [bool; N],
    of: PhantomData<&'r ()>,
}

impl<'r, const N: usize> Row<'r, N> {
    fn datum(&self, column: usize) -> Option<pg_sys::Datum> {
        match self.nulls.get(column) {
            Some(false) => self.values.get(column).copied(),
            _ => None,
        }
    }

    /// A `text` column.
    pub fn text(&self, column: usize) -> Option<&'r [u8]> {
        // SAFETY: as in `Rows::text`.
        self.datum(column).map(|d| unsafe { bytes(d) })
    }

    /// An `integer` column.
    pub fn i32(&self, column: usize) -> Option<i32> {
        self.datum(column).map(|d| d.value() as i32)
    }

    /// A `boolean` column.
    pub fn bool(&self, column: usize) -> Option<bool> {
        self.datum(column).map(|d| d.value() & 1 != 0)
    }

    /// A `date` column, in days since 1970.
    pub fn day(&self, column: usize) -> Option<i32> {
        self.i32(column)?.checked_add(datum::EPOCH_DAYS)
    }

    /// A `numeric` column, in ten-thousandths; `None` also for what is no number.
    pub fn ten_thousandths(&self, column: usize) -> Option<i64> {
        datum::ten_thousandths(self.text(column)?)
    }
}

/// Which rows a query sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Snapshot {
    /// Those of a new snapshot: also what this transaction wrote, or others committed before a lock was got.
    Fresh,
    /// Those that the calling statement sees, as a function that is STABLE must.
    Statement,
}

/// Runs `work` in a new snapshot: what it reads as the calling statement does is what is there now, such as what others
/// committed while this one waited for a lock, and all of it is of one state.
pub fn in_fresh_snapshot<T>(work: impl FnOnce() -> T) -> T {
    // SAFETY: as SPI does it for a query that is not read-only (spi.c, _SPI_execute_plan); an error that passes ends the
    // transaction, which drops what is still on the stack of snapshots.
    unsafe {
        pg_sys::CommandCounterIncrement();
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
    }
    let result = work();
    // SAFETY: takes off what was pushed above; `work` leaves the stack as it found it.
    unsafe { pg_sys::PopActiveSnapshot() };
    result
}

/// A query as SPI takes it.
pub(super) fn c_query(sql: &str) -> Outcome<CString> {
    CString::new(sql).map_err(|_| crate::pg::Failure::invalid("a query contains a NUL byte"))
}

/// Arguments as SPI takes them.
pub(super) struct Arguments {
    pub(super) types: Vec<pg_sys::Oid>,
    pub(super) nulls: Vec<std::ffi::c_char>,
    pub(super) values: Vec<pg_sys::Datum>,
}

impl Arguments {
    pub(super) fn new(arguments: &[pgrx::datum::DatumWithOid<'_>]) -> Arguments {
        let null = |a: &pgrx::datum::DatumWithOid<'_>| match a.datum() {
            Some(_) => b' ' as std::ffi::c_char,
            None => b'n' as std::ffi::c_char,
        };
        Arguments {
            types: arguments.iter().map(|a| a.oid()).collect(),
            nulls: arguments.iter().map(null).collect(),
            values: arguments
                .iter()
                .map(|a| {
                    a.datum()
                        .map_or(pg_sys::Datum::from(0), |d| d.sans_lifetime())
                })
                .collect(),
        }
    }
}

/// Runs `sql` and gives its rows in batches to `each`. Privileges are the caller's.
///
/// # Errors
/// What `each` gives. PostgreSQL's own errors (no such column, no privilege, cancel) unwind.
pub fn for_each_batch(
    sql: &str,
    arguments: &[pgrx::datum::DatumWithOid<'_>],
    each: impl FnMut(&Rows<'_>) -> Outcome<()>,
) -> Outcome<()> {
    for_each_batch_in(Snapshot::Fresh, sql, arguments, each)
}

/// [`for_each_batch`] of the rows that a snapshot has.
///
/// # Errors
/// As there.
pub fn for_each_batch_in(
    snapshot: Snapshot,
    sql: &str,
    arguments: &[pgrx::datum::DatumWithOid<'_>],
    each: impl FnMut(&Rows<'_>) -> Outcome<()>,
) -> Outcome<()> {
    let sql = c_query(sql)?;
    let Arguments {
        mut types,
        mut nulls,
        mut values,
    } = Arguments::new(arguments);
    Spi::connect_mut(|_client| {
        // SAFETY: an SPI session is open; arrays have as many entries as there are arguments.
        unsafe {
            let portal = pg_sys::SPI_cursor_open_with_args(
                std::ptr::null(),
                sql.as_ptr(),
                arguments.len() as i32,
                types.as_mut_ptr(),
                values.as_mut_ptr(),
                nulls.as_mut_ptr(),
                snapshot == Snapshot::Statement,
                0,
            );
            fetch_all(portal, each)
        }
    })
}

/// Gives all rows of a portal in batches to `each` and closes it.
///
/// # Errors
/// What `each` gives.
///
/// # Safety
/// An SPI session is open, and the portal was opened in it.
pub(super) unsafe fn fetch_all(
    portal: pg_sys::Portal,
    mut each: impl FnMut(&Rows<'_>) -> Outcome<()>,
) -> Outcome<()> {
    // SAFETY: the caller's promise; the tuple table of a fetch is used only until it is freed.
    unsafe {
        let mut scratch = PgMemoryContexts::new("retailscope cursor batch");
        let mut fetch = FIRST;
        let outcome = loop {
            pg_sys::SPI_cursor_fetch(portal, true, fetch as std::ffi::c_long);
            let table = pg_sys::SPI_tuptable;
            let rows = pg_sys::SPI_processed as usize;
            if table.is_null() || rows == 0 {
                break Ok(());
            }
            let outcome = scratch.switch_to(|_| each(&Rows::of(&*table, rows)));
            let held = pg_sys::MemoryContextMemAllocated((*table).tuptabcxt, true)
                + pg_sys::MemoryContextMemAllocated(scratch.value(), true);
            fetch = (BYTES / (held / rows).max(1)).clamp(1, FETCH);
            scratch.reset();
            pg_sys::SPI_freetuptable(table);
            if outcome.is_err() {
                break outcome;
            }
            pgrx::check_for_interrupts!();
        };
        // Else the portal would stay open, with its locks and its memory, until the transaction ends.
        pg_sys::SPI_cursor_close(portal);
        outcome
    }
}
