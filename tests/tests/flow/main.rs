//! What flows through the stages, seen from outside: a module per stage, one for limits and abuse, one for the real data.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod adopted;
mod crash;
mod dirty;
mod formats;
mod hidden;
mod ingest;
mod lake;
mod limits;
mod marts;
mod preload;
mod real_data;
mod sources;
mod support;
mod texts;
mod values;
