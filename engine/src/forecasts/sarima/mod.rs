//! SARIMA and SARIMAX: seasonal autoregressive integrated moving averages, with regressors where there are any (Box, Jenkins,
//! Reinsel and Ljung 2015), by exact maximum likelihood, with orders from the series where none are given.
//!
//! The likelihood is that of Harvey's state space form of the differenced series with its stationary start (Harvey 1989), computed
//! in O(width) per value where none is missing (`quick`) and by the Kalman filter with the differences in the state where some
//! are (`kalman`). Its residuals are minimised as a least squares problem (`likelihood`).

mod differences;
mod estimate;
mod fit;
mod kalman;
mod likelihood;
mod model;
mod params;
mod polynomial;
mod problem;
mod quick;
mod search;
mod settle;
mod start;
mod stationary;

#[cfg(test)]
mod likelihood_tests;
#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod tests;

pub use differences::{ndiffs, nsdiffs};
pub use fit::fit;
pub use model::Sarima;
pub use params::{MOST_DIFFERENCES, MOST_LAG, MOST_ORDER, MOST_SEASONAL_ORDER, SarimaParams};
