//! Segments: what kinds of customers there are.
//!
//! Features are put on a logarithmic scale, standardised and grouped, by k-means or by a mixture of Gaussians. The number of
//! segments is the caller's, or the one that fits best: for k-means the one with the largest mean silhouette, for the mixture
//! the one with the lowest Bayesian information criterion. Both curves are stored with the model. Segments have numbers that
//! stay when a model is trained again, and names made from their profiles.

mod error;
mod fit;
mod kmeans;
mod matching;
mod mixture;
mod model;
mod naming;
mod options;
mod prepare;
mod profile;
mod silhouette;
mod start;
mod tiles;

#[cfg(test)]
mod fit_tests;
#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod real_data_tests;

pub use error::SegmentError;
pub use fit::{Fitted, fit};
pub use kmeans::{Effort, KMeans, kmeans};
pub use mixture::Mixture;
pub use model::{Assigned, Components, CurvePoint, SegmentModel};
pub use options::{
    Algorithm, MOST_FEATURES, MOST_SEGMENTS, SegmentParams, ValidSegmentParams, check_k,
};
pub use prepare::Preparation;
pub use profile::{Profile, Rfm};
