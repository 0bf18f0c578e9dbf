//! Creating tables that belong to their owner and not to the extension.

use crate::pg::error::{Failure, Outcome};
use crate::pg::plan::run_kept;
use pgrx::prelude::*;
use std::ffi::CStr;

/// Runs `ddl` so that what it creates does not become a member of the extension, also inside `CREATE EXTENSION`.
///
/// A table that is a member loses its rows, indexes and policies in a dump and is dropped with the extension without a
/// question (docs/decisions.md), so membership is switched off around the statements and restored after, also on error.
pub fn outside_extension<T>(ddl: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            // SAFETY: the flag is a process-global of PostgreSQL's, read and written on the main thread only.
            unsafe { pg_sys::creating_extension = self.0 }
        }
    }
    // SAFETY: as above.
    let _restore = unsafe {
        let before = Restore(pg_sys::creating_extension);
        pg_sys::creating_extension = false;
        before
    };
    ddl()
}

/// True while pg_restore or psql replays a dump: dumps switch `row_security` off, people do not.
pub fn restoring() -> bool {
    // SAFETY: a setting of every backend.
    unsafe { !pg_sys::row_security }
}

/// True in binary upgrade mode, where the old cluster's tables are put back as they were.
pub fn upgrading() -> bool {
    // SAFETY: set once at server start.
    unsafe { pg_sys::IsBinaryUpgrade }
}

/// Refuses a database whose texts are not UTF-8: the readers make UTF-8, and it is stored as it is.
///
/// # Errors
/// 0A000 for any other encoding.
pub fn require_utf8() -> Outcome<()> {
    // SAFETY: constants of this database.
    let (encoding, name) = unsafe {
        let name = CStr::from_ptr(pg_sys::GetDatabaseEncodingName())
            .to_string_lossy()
            .into_owned();
        (pg_sys::GetDatabaseEncoding(), name)
    };
    if u32::try_from(encoding) == Ok(pg_sys::pg_enc::PG_UTF8) {
        return Ok(());
    }
    Err(Failure::new(
        PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
        format!("retailscope needs a database with the encoding UTF8, this one has {name}"),
    )
    .hint("CREATE DATABASE shop ENCODING 'UTF8' TEMPLATE template0;"))
}

/// The extension's schema as SQL writes it: our own functions are called by their full names.
///
/// # Errors
/// 55000 when the extension has gone.
pub fn schema() -> Outcome<String> {
    // Kept also because it takes no transaction id, which neither a parallel worker nor a standby has.
    let found = run_kept(
        "SELECT pg_catalog.quote_ident(n.nspname) FROM pg_catalog.pg_extension AS e
         JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
         WHERE e.extname OPERATOR(pg_catalog.=) 'retailscope'",
        &[],
        |rows| {
            let name = rows.and_then(|r| r.text(0, 0));
            Ok(name.map(|n| String::from_utf8_lossy(n).into_owned()))
        },
    )?;
    found.ok_or_else(|| {
        Failure::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "the extension retailscope is not installed in this database",
        )
        .hint("CREATE EXTENSION retailscope;")
    })
}
