//! The pure algorithms of RetailScope.
//!
//! Data flows in one direction and so do the imports (an architecture test holds them to it):
//! `ingest` (readers) -> `clean` (typed lines, rules, duplicates) -> `lake` (Parquet) -> `warehouse` (facts and dimensions)
//! -> `churn` and `segments` (models of customers), `baskets` (what is bought together), `forecasts`
//! (what a series will be) -> `models` (their artifacts).
//! Nothing here knows Postgres, reads the wall clock or draws from a global random source.

pub mod baskets;
mod calendar;
pub mod churn;
pub mod clean;
pub mod control;
pub mod error;
pub mod forecasts;
pub mod ingest;
pub mod lake;
pub mod models;
pub mod names;
pub mod params;
pub mod random;
pub mod segments;
mod sorting;
mod thrift;
pub mod trees;
pub mod warehouse;

pub use calendar::day_text;
