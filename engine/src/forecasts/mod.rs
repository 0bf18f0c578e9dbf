//! Forecasts: what a series will be, how far off that may be, and which method has earned to say it.
//!
//! A method is fitted to an [`Input`] (values at equal steps, with what is known of each step) and gives a [`Path`] for the
//! steps of an [`Ahead`]. Nothing here looks at a value after the last one of its input; what is known of coming steps (their
//! dates, regressors) is handed over as such.

pub mod anomalies;
mod backtest;
mod batch;
pub mod boosted;
mod calibrate;
pub mod changepoints;
mod compare;
mod conformal;
mod conformal_pool;
pub mod decompose;
mod error;
pub mod ets;
mod explain;
mod explained;
mod forecaster;
mod frequency;
mod hierarchy;
pub mod holidays;
pub mod intermittent;
mod method;
mod metrics;
mod model;
pub mod mstl;
pub mod numeric;
mod observed;
mod options;
#[cfg(test)]
#[allow(dead_code, clippy::panic, clippy::unwrap_used)]
pub(crate) mod oracle;
mod plan;
mod recipe;
mod reconcile;
pub mod sarima;
mod select;
mod series;
mod simple;
mod splits;
pub mod statistics;
pub mod stl;
mod stored;
pub mod theta;
mod timeline;
mod trading;
mod train;
mod transform;
mod walk;
mod yearly;

pub use compare::{Dm, diebold_mariano};
pub use conformal::{Conformal, local_level};
pub use error::ForecastError;
pub use explain::{Background, Explanation, explain, usual_values};
pub use frequency::Frequency;
pub use method::Method;
pub use metrics::{Accumulator, IntervalScores, Scale, Scores, Tally};
pub use model::Fitted;
pub use observed::{MOST_STEPS, Observed};
pub use reconcile::{Reconcile, Reconciled, Reconciliation, Structure, reconcile};
pub use series::{Ahead, Input, Path, filled};
pub use splits::{Split, Window, rolling_origins, time_series_split};
pub use trading::Opening;

pub use backtest::{BacktestParams, BacktestRequest, FoldRow, backtest};
pub use batch::{BatchRequest, SeriesForecast, forecast_series};
pub use forecaster::{Forecaster, Point};
pub use hierarchy::{HierarchyForecast, forecast_hierarchy};
pub use options::{ForecastParams, Interval};
pub use stored::{ForecastModel, check_level};
pub use timeline::{MOST_HORIZON, Timeline, TimelineOptions, check_horizon};
pub use train::{TrainRequest, Trained, train};
