//! Churn: who is about to leave, how sure that is and why.

pub mod calibration;
pub mod curves;
pub mod delong;
mod fit_error;
pub mod logistic;
pub mod metrics;
mod normal;
pub mod prepare;
pub mod ranking;
pub mod threshold;

pub use fit_error::FitError;

#[cfg(test)]
mod calibration_tests;
#[cfg(test)]
mod delong_tests;
#[cfg(test)]
mod logistic_tests;
#[cfg(test)]
mod metrics_tests;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod prepare_tests;
