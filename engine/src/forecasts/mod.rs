//! Forecasts: what a series will be, how far off that may be, and which method has earned to say it.
//!
//! A method is fitted to an [`Input`] (values at equal steps, with what is known of each step) and gives a [`Path`] for the
//! steps of an [`Ahead`]. Nothing here looks at a value after the last one of its input; what is known of coming steps (their
//! dates, regressors) is handed over as such.

mod error;
pub mod ets;
mod model;
pub mod numeric;
#[cfg(test)]
#[allow(dead_code, clippy::panic, clippy::unwrap_used)]
pub(crate) mod oracle;
mod series;

pub use error::ForecastError;
pub use model::Fitted;
pub use series::{Ahead, Input, Path, filled};
