//! The settings `retailscope.*`.

use pgrx::prelude::*;
use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};
use std::ffi::{CStr, CString};
use std::path::PathBuf;

static LAKE_DIR: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static ALLOWED_DIRS: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(Some(c""));
static THREADS: GucSetting<i32> = GucSetting::<i32>::new(0);
static MAX_MEMORY: GucSetting<i32> = GucSetting::<i32>::new(512);

/// Defines the settings and reserves the prefix, so that a misspelt one is an error instead of a silent placeholder.
pub fn define() {
    GucRegistry::define_string_guc(
        c"retailscope.lake_dir",
        c"Folder of the Parquet lake.",
        c"Every ingested batch is also written there as year=YYYY/month=MM Parquet files. Empty: no lake is written. The folder must exist and be writable for the server.",
        &LAKE_DIR,
        GucContext::Suset,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_string_guc(
        c"retailscope.allowed_dirs",
        c"Folders, separated by commas, in which server files may be read and written by name.",
        c"Roles that are not superusers need it besides pg_read_server_files or pg_write_server_files. Once it is set, it binds superusers too.",
        &ALLOWED_DIRS,
        GucContext::Suset,
        GucFlags::SUPERUSER_ONLY,
    );
    GucRegistry::define_int_guc(
        c"retailscope.threads",
        c"Worker threads that one call may use beside its server process.",
        c"0 takes the number of processors, at most 4. Results do not depend on it.",
        &THREADS,
        0,
        64,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_int_guc(
        c"retailscope.max_memory",
        c"Memory that one call may take for its own structures.",
        c"Over it the call fails with out_of_memory (53200) before the memory is taken.",
        &MAX_MEMORY,
        32,
        1 << 20,
        GucContext::Suset,
        GucFlags::UNIT_MB,
    );
    reserve_prefix();
    hide_backtraces();
}

/// A `RUST_BACKTRACE` in the server's environment would show every user the inside of this library in the DETAIL of an
/// error. Whether backtraces are captured is decided once per copy of the standard library, at the first capture, so that
/// is done here under a variable of our own, which is then put back for other libraries.
fn hide_backtraces() {
    const NAME: &str = "RUST_LIB_BACKTRACE";
    let before = std::env::var_os(NAME);
    // SAFETY: _PG_init runs on the only thread of its process.
    unsafe { std::env::set_var(NAME, "0") };
    drop(std::backtrace::Backtrace::capture());
    // SAFETY: as above.
    unsafe {
        match before {
            Some(value) => std::env::set_var(NAME, value),
            None => std::env::remove_var(NAME),
        }
    }
}

#[cfg(any(feature = "pg15", feature = "pg16", feature = "pg17", feature = "pg18"))]
fn reserve_prefix() {
    // SAFETY: a constant C string; called once, from _PG_init.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"retailscope".as_ptr()) }
}

#[cfg(any(feature = "pg13", feature = "pg14"))]
fn reserve_prefix() {
    // SAFETY: a constant C string; called once, from _PG_init.
    unsafe { pg_sys::EmitWarningsOnPlaceholders(c"retailscope".as_ptr()) }
}

fn text(setting: &'static GucSetting<Option<CString>>) -> Option<String> {
    let value = setting.get()?.to_str().ok()?.trim().to_owned();
    if value.is_empty() { None } else { Some(value) }
}

/// The lake's folder; `None` when no lake is to be written.
pub fn lake_dir() -> Option<PathBuf> {
    text(&LAKE_DIR).map(PathBuf::from)
}

/// The folders in which files may be named by users.
pub fn allowed_dirs() -> Vec<PathBuf> {
    text(&ALLOWED_DIRS)
        .map(|list| {
            list.split(',')
                .map(str::trim)
                .filter(|d| !d.is_empty())
                .map(PathBuf::from)
                .collect()
        })
        .unwrap_or_default()
}

/// Worker threads, at least 1.
pub fn threads() -> usize {
    match usize::try_from(THREADS.get()) {
        Ok(n) if n > 0 => n,
        _ => std::thread::available_parallelism()
            .map_or(1, usize::from)
            .min(4),
    }
}

/// Bytes that a call's own structures may take.
pub fn max_memory() -> u64 {
    u64::try_from(MAX_MEMORY.get()).unwrap_or(0) << 20
}

/// Bytes that a temporary file may take (`temp_file_limit`), `None` without a limit.
pub fn temporary_file_limit() -> Option<u64> {
    // SAFETY: a setting of every backend, in kB.
    u64::try_from(unsafe { pg_sys::temp_file_limit })
        .ok()
        .map(|kb| kb << 10)
}

/// Runs `work` under other values of settings; they end with it, or with the transaction that fails.
pub fn locally<T>(settings: &[(&CStr, &CStr)], work: impl FnOnce() -> T) -> T {
    // SAFETY: as a function's own SET clause does (fmgr.c, fmgr_security_definer): a nest level that is closed below, or by
    // the end of the transaction when an error passes.
    let level = unsafe { pg_sys::NewGUCNestLevel() };
    for (name, value) in settings {
        // SAFETY: as above, with C strings.
        unsafe {
            pg_sys::set_config_option(
                name.as_ptr(),
                value.as_ptr(),
                pg_sys::GucContext::PGC_USERSET,
                pg_sys::GucSource::PGC_S_SESSION,
                pg_sys::GucAction::GUC_ACTION_SAVE,
                true,
                0,
                false,
            );
        }
    }
    let result = work();
    // SAFETY: closes the level opened above.
    unsafe { pg_sys::AtEOXact_GUC(true, level) };
    result
}
