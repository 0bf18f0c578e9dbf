//! Forecasts: what a series will be, how far off that may be, and which method has earned to say it.
//!
//! A method is fitted to an [`Input`] (values at equal steps, with what is known of each step) and gives a [`Path`] for the
//! steps of an [`Ahead`]. Nothing here looks at a value after the last one of its input; what is known of coming steps (their
//! dates, regressors) is handed over as such.

mod compare;
mod error;
mod frequency;
pub mod holidays;
pub mod intermittent;
mod method;
mod metrics;
mod model;
pub mod numeric;
mod observed;
#[cfg(test)]
#[allow(dead_code, clippy::panic, clippy::unwrap_used)]
pub(crate) mod oracle;
mod plan;
mod series;
pub mod simple;
mod splits;
pub mod statistics;
pub mod stl;
pub mod theta;
mod timeline;
mod trading;
pub mod transform;
mod yearly;

pub use compare::{Dm, diebold_mariano};
pub use error::ForecastError;
pub use frequency::Frequency;
pub use method::Method;
pub use metrics::{Accumulator, IntervalScores, Scale, Scores, Tally};
pub use model::Fitted;
pub use observed::{MOST_STEPS, Observed};
pub use series::{Ahead, Input, Path, filled};
pub use splits::{Split, Window, rolling_origins, time_series_split};
pub use trading::Opening;
