//! RetailScope: retail intelligence inside PostgreSQL.
//!
//! This crate is the boundary: it decodes arguments, runs SQL, calls `retailscope-engine` and encodes rows. Set-based work
//! lives in `sql/`, algorithms in the engine, and everything that needs `unsafe` in [`pg`].

// pgrx wants a function's row type spelled out in its signature, and its error report by value.
#![allow(clippy::type_complexity, clippy::result_large_err)]

use pgrx::prelude::*;

mod baskets;
mod churn;
mod features;
mod forecasts;
mod ingest;
mod lake;
mod models;
pub mod pg;
mod segments;
mod warehouse;

#[cfg(any(test, feature = "pg_test"))]
#[path = "../pg_test/mod.rs"]
mod pg_test_suite;

::pgrx::pg_module_magic!(name, version);

/// Called by PostgreSQL when the library is loaded: defines settings, starts nothing.
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    pg::settings::define();
}

/// What pgrx's test runner asks for by this name.
#[cfg(test)]
pub mod pg_test {
    /// Called before each test.
    pub fn setup(_options: Vec<&str>) {}

    /// Lines of the test server's configuration.
    pub fn postgresql_conf_options() -> Vec<&'static str> {
        vec!["max_prepared_transactions = 2", "fsync = off"]
    }
}
