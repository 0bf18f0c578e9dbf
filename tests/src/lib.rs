//! Private PostgreSQL clusters for tests that see the extension as its users do: from outside, over a connection.
//!
//! A cluster lives in a folder of its own, listens on a socket there and on no port, and is stopped and removed when its
//! [`Cluster`] is dropped and also when the test process ends in any other way.
//!
//! Which server: `PG_BINDIR`, else what `PG_CONFIG` says, else the system's PostgreSQL (`PG`, 15). The extension must be
//! installed there.

// Tests stop at the first surprise: a panic is how they say so.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc
)]

mod cluster;
mod server;
mod text;
mod wire;

pub use cluster::{Cluster, InitOptions};
pub use server::must;
pub use text::{error_text, hint, query_one, rows_as_text, sqlstate};
pub use wire::Wire;

use std::path::PathBuf;
use std::process::Command;

/// The folder of real data, if `RETAILSCOPE_DATA` names one; a test without it prints a note and is over.
pub fn data() -> Option<PathBuf> {
    let folder = std::env::var_os("RETAILSCOPE_DATA").filter(|v| !v.is_empty());
    if folder.is_none() {
        println!("RETAILSCOPE_DATA is not set: skipped");
    }
    folder.map(|f| {
        let folder = PathBuf::from(f);
        if folder.is_absolute() {
            return folder;
        }
        // Cargo runs tests in the package's folder; people mean the folder from which they called.
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        PathBuf::from(root).join(folder)
    })
}

/// A program of the Python environment that `RETAILSCOPE_TOOLS` names, such as `python3` or `pgspot`, run by the tests' own
/// user. Without that variable, `None`: the test prints a note and is over. With it, as `make test` always sets it, a tool
/// that is missing is a failure.
pub fn tool(name: &str) -> Option<Command> {
    let Some(folder) = std::env::var_os("RETAILSCOPE_TOOLS").filter(|v| !v.is_empty()) else {
        println!("RETAILSCOPE_TOOLS is not set: {name} is skipped");
        return None;
    };
    let program = PathBuf::from(folder).join("bin").join(name);
    assert!(
        program.exists(),
        "{} is not there: `scripts/test.sh` makes it",
        program.display()
    );
    Some(Command::new(program))
}
