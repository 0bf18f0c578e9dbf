//! Trees: one histogram tree learner for forests, AdaBoost and gradient boosting, with exact TreeSHAP.
//!
//! [`Bins::fit`] and [`Bins::apply`] turn features into bytes once; [`forest::fit`], [`adaboost::fit`] and [`boosting::fit`]
//! train on them; all of them return an [`Ensemble`].

pub mod adaboost;
mod bins;
pub mod boosting;
mod ensemble;
pub mod forest;
mod forest_params;
mod grow;
mod histogram;
mod logistic;
mod partition;
mod score;
mod shap;
mod split;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod testing;

pub use bins::{Binned, Bins, MAX_BINS};
pub use ensemble::{Ensemble, MAX_DEPTH, Node};
pub use shap::Explainer;
