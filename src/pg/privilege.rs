//! Who may do what beyond the privileges that SQL statements check by themselves.

use crate::pg::error::{Failure, Outcome};
use crate::pg::settings::locally;
use pgrx::prelude::*;
use std::ffi::CStr;

/// A predefined role that guards server files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileRole {
    /// `pg_read_server_files`
    Read,
    /// `pg_write_server_files`
    Write,
}

impl FileRole {
    /// The role's name.
    pub fn name(self) -> &'static str {
        match self {
            FileRole::Read => "pg_read_server_files",
            FileRole::Write => "pg_write_server_files",
        }
    }

    fn oid(self) -> pg_sys::Oid {
        pg_sys::Oid::from(match self {
            FileRole::Read => pg_sys::ROLE_PG_READ_SERVER_FILES,
            FileRole::Write => pg_sys::ROLE_PG_WRITE_SERVER_FILES,
        })
    }
}

/// Runs `work` so that it sees all rows or fails: where row-level security would hide some from the user, PostgreSQL
/// refuses the query (42501). For what is everybody's, such as a lake, a part of it would be a lie.
pub fn all_rows<T>(work: impl FnOnce() -> T) -> T {
    locally(&[(c"row_security", c"off")], work)
}

/// True for superusers.
pub fn is_superuser() -> bool {
    // SAFETY: reads the current role's flag.
    unsafe { pg_sys::superuser() }
}

/// Refuses (25006) in a transaction that may not write, such as any on a standby, before work is done in vain.
pub fn require_writable(work: &CStr) {
    // SAFETY: a C string; the error unwinds as PostgreSQL's own do.
    unsafe { pg_sys::PreventCommandIfReadOnly(work.as_ptr()) }
}

/// Refuses unless the user has the privileges of `role`.
///
/// # Errors
/// 42501 with the GRANT that would help.
pub fn require(role: FileRole) -> Outcome<()> {
    // SAFETY: catalog look-ups on the main thread.
    let granted = unsafe { pg_sys::has_privs_of_role(pg_sys::GetUserId(), role.oid()) };
    if granted {
        return Ok(());
    }
    let verb = if role == FileRole::Read {
        "read"
    } else {
        "write"
    };
    Err(Failure::new(
        PgSqlErrorCode::ERRCODE_INSUFFICIENT_PRIVILEGE,
        format!(
            "must be superuser or have privileges of the role {} to {verb} server files",
            role.name()
        ),
    )
    .hint("rs_ingest_table() and client-side COPY into a table of your own need no such role."))
}
