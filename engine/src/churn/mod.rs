//! Churn: who is about to leave, how sure that is and why.
//!
//! [`frame`] holds features and labels as of some days, [`train`] chooses and fits a learner, [`model`] predicts and explains,
//! [`evaluate`] says how good it is. The other modules are what these are made of.

pub mod calibration;
pub mod curves;
pub mod delong;
pub mod evaluate;
pub mod expression;
mod fit_error;
pub mod frame;
pub mod learner;
pub mod logistic;
pub mod metrics;
pub mod model;
mod normal;
pub mod options;
pub mod prepare;
pub mod promotion;
pub mod ranking;
mod search;
pub mod threshold;
pub mod train;

pub use fit_error::FitError;
pub use frame::{Column, Feature, FrameBuilder, FrameDigest, Frames, Part};
pub use model::{ChurnModel, Encoder, Explanation, Unit};

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
