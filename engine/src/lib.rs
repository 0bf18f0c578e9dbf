//! The pure algorithms of RetailScope.
//!
//! Data flows in one direction and so do the imports (an architecture test holds them to it):
//! `ingest` (readers) -> `clean` (typed lines, rules, duplicates) -> `lake` (Parquet) -> `warehouse` (facts and dimensions).
//! Nothing here knows Postgres, reads the wall clock or draws from a global random source.

mod calendar;
pub mod clean;
pub mod control;
pub mod error;
pub mod ingest;
pub mod lake;
mod thrift;
pub mod warehouse;
