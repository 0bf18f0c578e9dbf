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
pub use text::{error_text, hint, query_one, rows_as_text, sqlstate};
pub use wire::Wire;

use std::path::PathBuf;

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
