//! What differs between PostgreSQL's major versions.

use pgrx::prelude::*;

/// Adds a stored row to the indexes of its table.
///
/// # Safety
/// `info` has its indexes open, `slot` holds a row that was just inserted, `executor` is the state that `info` belongs to.
#[cfg(feature = "pg13")]
pub unsafe fn insert_index_tuples(
    info: *mut pg_sys::ResultRelInfo,
    slot: *mut pg_sys::TupleTableSlot,
    executor: *mut pg_sys::EState,
) {
    // SAFETY: the caller's promise. In 13 the relation is taken from the executor's state.
    unsafe {
        (*executor).es_result_relation_info = info;
        pg_sys::ExecInsertIndexTuples(
            slot,
            executor,
            false,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        );
    }
}

/// Adds a stored row to the indexes of its table.
///
/// # Safety
/// `info` has its indexes open, `slot` holds a row that was just inserted, `executor` is the state that `info` belongs to.
#[cfg(any(feature = "pg14", feature = "pg15"))]
pub unsafe fn insert_index_tuples(
    info: *mut pg_sys::ResultRelInfo,
    slot: *mut pg_sys::TupleTableSlot,
    executor: *mut pg_sys::EState,
) {
    // SAFETY: the caller's promise.
    unsafe {
        pg_sys::ExecInsertIndexTuples(
            info,
            slot,
            executor,
            false,
            false,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        );
    }
}

/// Adds a stored row to the indexes of its table.
///
/// # Safety
/// `info` has its indexes open, `slot` holds a row that was just inserted, `executor` is the state that `info` belongs to.
#[cfg(any(feature = "pg16", feature = "pg17", feature = "pg18"))]
pub unsafe fn insert_index_tuples(
    info: *mut pg_sys::ResultRelInfo,
    slot: *mut pg_sys::TupleTableSlot,
    executor: *mut pg_sys::EState,
) {
    // SAFETY: the caller's promise.
    unsafe {
        pg_sys::ExecInsertIndexTuples(
            info,
            slot,
            executor,
            false,
            false,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            false,
        );
    }
}

/// Builds all indexes of a table anew.
///
/// # Safety
/// The caller holds a lock on the table that keeps other writers out.
#[cfg(feature = "pg13")]
pub unsafe fn rebuild_indexes(table: pg_sys::Oid) {
    // SAFETY: the caller's promise.
    unsafe { pg_sys::reindex_relation(table, pg_sys::REINDEX_REL_CHECK_CONSTRAINTS as i32, 0) };
}

/// Builds all indexes of a table anew.
///
/// # Safety
/// The caller holds a lock on the table that keeps other writers out.
#[cfg(any(feature = "pg14", feature = "pg15", feature = "pg16"))]
pub unsafe fn rebuild_indexes(table: pg_sys::Oid) {
    let mut parameters = pg_sys::ReindexParams::default();
    // SAFETY: the caller's promise.
    unsafe {
        pg_sys::reindex_relation(
            table,
            pg_sys::REINDEX_REL_CHECK_CONSTRAINTS as i32,
            &raw mut parameters,
        )
    };
}

/// Builds all indexes of a table anew.
///
/// # Safety
/// The caller holds a lock on the table that keeps other writers out.
#[cfg(any(feature = "pg17", feature = "pg18"))]
pub unsafe fn rebuild_indexes(table: pg_sys::Oid) {
    let parameters = pg_sys::ReindexParams::default();
    // SAFETY: the caller's promise; without a statement no event triggers fire.
    unsafe {
        pg_sys::reindex_relation(
            std::ptr::null(),
            table,
            pg_sys::REINDEX_REL_CHECK_CONSTRAINTS as i32,
            &raw const parameters,
        )
    };
}
