//! What flows through the stages, seen from outside: a module per stage, some for limits and abuse, one for the real data.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod address_space;
mod adopted;
mod baskets_limits;
mod baskets_real;
mod cancel;
mod cancel_baskets;
mod cancel_forecasts;
mod cancel_models;
mod churn_real;
mod crash;
mod determinism;
mod dirty;
mod edge_values;
mod explanations;
mod features;
mod forecasts_real;
mod formats;
mod frozen_models;
mod growth;
mod hidden;
mod ingest;
mod lake;
mod leakage;
mod limits;
mod marts;
mod memory;
mod model_memory;
mod model_writers;
mod preload;
mod progress;
mod random_calls;
mod real_data;
mod registry;
mod segments;
mod shop;
mod sources;
mod standby;
mod support;
mod texts;
mod threads;
mod values;
