//! Lake: rebuilding the warehouse from it, exporting to it, checking and mending it.

mod export;
mod identity;
mod restore;
pub mod status;
pub mod sweep;
pub mod write;

use crate::pg::error::{Failure, Outcome};
use crate::pg::files::Folder;
use crate::pg::privilege::FileRole;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

/// The folder that a call works on, the named one or `retailscope.lake_dir`, and whether it is the latter: only then are
/// its files this warehouse's lake.
fn chosen(path: Option<&str>, role: FileRole) -> Outcome<(Folder, bool)> {
    let own = Folder::lake()?;
    match (path, own) {
        (Some(path), own) => {
            let folder = Folder::named(path, role)?;
            let same = own.is_some_and(|lake| lake.path() == folder.path());
            Ok((folder, same))
        }
        (None, Some(own)) => Ok((own, true)),
        (None, None) => Err(Failure::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "retailscope.lake_dir is not set",
        )
        .hint("Name a folder in the call, or as superuser: ALTER DATABASE shop SET retailscope.lake_dir = '/srv/lake/shop';")),
    }
}

/// Mends what a crash left in the lake's folder: committed files get their names, remains of unfinished work are deleted.
/// Every ingest does the same before it writes.
#[pg_extern(volatile, parallel_unsafe)]
#[search_path(pg_catalog, pg_temp)]
fn rs_lake_sweep()
-> Result<TableIterator<'static, (name!(published, i64), name!(removed, i64))>, ErrorReport> {
    crate::ingest::batch::become_writer(false)?;
    let swept = sweep::sweep(&chosen(None, FileRole::Write)?.0)?;
    Ok(TableIterator::once((swept.published, swept.removed)))
}

extension_sql_file!(
    "../../sql/lake_comments.sql",
    name = "lake_comments",
    requires = [
        rs_lake_sweep,
        status::rs_lake_status,
        restore::rs_load_lake,
        export::rs_export_lake
    ]
);
