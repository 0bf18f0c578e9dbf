//! Lake files follow the transaction: hidden while it runs, visible once it has committed, gone when it has not.
//!
//! A file is written under a hidden name next to its place and synced. At commit it is renamed; when the transaction, or
//! the savepoint that made it, rolls back it is deleted. A crash in between is mended by `crate::lake::sweep`, which
//! knows from `retailscope.lake_file` what was committed.

use crate::pg::files::sync_folder;
use pgrx::prelude::*;
use std::collections::BTreeSet;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, Once, PoisonError};

struct Pending {
    hidden: PathBuf,
    place: PathBuf,
    level: pg_sys::SubTransactionId,
}

// One backend has one transaction; the mutex only satisfies the compiler, nobody contends for it.
static PENDING: Mutex<Vec<Pending>> = Mutex::new(Vec::new());
// The folders that the transaction writes to, locked against other databases until it ends.
static LOCKED: Mutex<Vec<(PathBuf, File)>> = Mutex::new(Vec::new());
static REGISTER: Once = Once::new();

fn with_pending<T>(work: impl FnOnce(&mut Vec<Pending>) -> T) -> T {
    work(&mut PENDING.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The hidden name under which a file waits for the commit.
pub fn hidden_name(place: &Path) -> PathBuf {
    let name = place
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    place.with_file_name(format!(".{name}.tmp"))
}

/// Locks a folder for this transaction; false when another process has it.
///
/// # Errors
/// As the system says.
pub fn lock(folder: &Path) -> std::io::Result<bool> {
    register_callbacks();
    let mut locked = LOCKED.lock().unwrap_or_else(PoisonError::into_inner);
    if locked.iter().any(|(path, _)| path == folder) {
        return Ok(true);
    }
    let handle = File::open(folder)?;
    match handle.try_lock() {
        Ok(()) => {
            locked.push((folder.to_path_buf(), handle));
            Ok(true)
        }
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn unlock_all() {
    LOCKED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clear();
}

fn register_callbacks() {
    REGISTER.call_once(|| {
        // SAFETY: both callbacks are static functions and are registered once per process.
        unsafe {
            pg_sys::RegisterXactCallback(Some(at_transaction_event), std::ptr::null_mut());
            pg_sys::RegisterSubXactCallback(Some(at_savepoint_event), std::ptr::null_mut());
        }
    });
}

/// Hands a file that was just created under `hidden` to the current transaction. Renames at commit happen in the
/// order of these calls, so a manifest that is handed over last appears last.
pub fn register(hidden: PathBuf, place: PathBuf) {
    register_callbacks();
    // SAFETY: reads the transaction state on the main thread.
    let level = unsafe { pg_sys::GetCurrentSubTransactionId() };
    with_pending(|all| {
        all.push(Pending {
            hidden,
            place,
            level,
        })
    });
}

/// True for a hidden file of the current transaction.
pub fn holds(hidden: &Path) -> bool {
    with_pending(|all| all.iter().any(|file| file.hidden == hidden))
}

#[pg_guard]
unsafe extern "C-unwind" fn at_transaction_event(
    event: pg_sys::XactEvent::Type,
    _arg: *mut std::ffi::c_void,
) {
    match event {
        pg_sys::XactEvent::XACT_EVENT_COMMIT => {
            publish(&with_pending(std::mem::take));
            unlock_all();
        }
        pg_sys::XactEvent::XACT_EVENT_ABORT => {
            discard(&with_pending(std::mem::take));
            unlock_all();
        }
        pg_sys::XactEvent::XACT_EVENT_PRE_PREPARE if with_pending(|all| !all.is_empty()) => {
            ereport!(
                ERROR,
                PgSqlErrorCode::ERRCODE_FEATURE_NOT_SUPPORTED,
                "cannot PREPARE a transaction that has written to the lake"
            );
        }
        // Nothing was written: the folder is free again.
        pg_sys::XactEvent::XACT_EVENT_PREPARE => unlock_all(),
        _ => {}
    }
}

#[pg_guard]
unsafe extern "C-unwind" fn at_savepoint_event(
    event: pg_sys::SubXactEvent::Type,
    own: pg_sys::SubTransactionId,
    parent: pg_sys::SubTransactionId,
    _arg: *mut std::ffi::c_void,
) {
    match event {
        pg_sys::SubXactEvent::SUBXACT_EVENT_COMMIT_SUB => with_pending(|all| {
            for file in all.iter_mut().filter(|f| f.level == own) {
                file.level = parent;
            }
        }),
        pg_sys::SubXactEvent::SUBXACT_EVENT_ABORT_SUB => {
            let gone = with_pending(|all| {
                let (gone, kept) = std::mem::take(all)
                    .into_iter()
                    .partition(|f: &Pending| f.level == own);
                *all = kept;
                gone
            });
            discard(&gone);
        }
        _ => {}
    }
}

/// The transaction has committed: nothing here may fail, so what cannot be done now is left to the sweep and said.
fn publish(files: &[Pending]) {
    let mut folders = BTreeSet::new();
    let mut left = 0usize;
    for file in files {
        // A manifest must not become visible before the entries of its data files are durable.
        if file.place.extension().is_some_and(|e| e == "json") {
            folders.iter().for_each(|f: &PathBuf| drop(sync_folder(f)));
        }
        if std::fs::rename(&file.hidden, &file.place).is_err() {
            left += 1;
        }
        if let Some(folder) = file.place.parent() {
            folders.insert(folder.to_path_buf());
        }
    }
    folders.iter().for_each(|f| drop(sync_folder(f)));
    if left > 0 {
        pgrx::warning!(
            "{left} committed lake files could not be renamed to their place; the next ingest or rs_lake_sweep() will do it"
        );
    }
}

fn discard(files: &[Pending]) {
    for file in files {
        // A file that was never created, or is gone already, is what is wanted.
        drop(std::fs::remove_file(&file.hidden));
        // Empty folders made for it go too; the system refuses when they hold anything.
        for folder in file.hidden.ancestors().skip(1).take(2) {
            let ours = folder
                .file_name()
                .is_some_and(|n| n.to_string_lossy().contains('=') || n == "_retailscope");
            if !ours || std::fs::remove_dir(folder).is_err() {
                break;
            }
        }
    }
}
