//! The system from outside, in one binary to link once: a module per subject.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod baskets;
mod catalog;
mod dump;
mod files;
mod install;
mod models;
mod names;
mod privileges;
mod refusals;
mod refusals_of_baskets;
mod refusals_of_forecasts;
mod refusals_of_params;
mod refusals_of_queries;
mod serving;
mod session;
mod support;
mod trojan;
mod upgrade;
