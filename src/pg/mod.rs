//! The only place that touches PostgreSQL's C interface: settings, errors, interrupts, cursors, files, bulk insertion,
//! privileges and installation. `unsafe` is allowed here and denied elsewhere.
#![allow(unsafe_code)]

pub mod bulk;
pub mod cursor;
pub mod datum;
pub mod error;
pub mod files;
pub mod install;
pub mod interrupt;
pub mod json;
mod memory;
pub mod pending;
pub mod plan;
pub mod privilege;
pub mod query;
pub mod rowset;
pub mod sequence;
pub mod settings;
pub mod versions;

pub use error::{Failure, Outcome};
