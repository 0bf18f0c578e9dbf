//! Tests of the lake.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod hostile;
mod manifests;
mod rejected;
mod round_trip;
mod sample;
mod tools;
