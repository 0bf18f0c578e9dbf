//! Exponential smoothing: the innovations state space models of Hyndman, Koehler, Ord and Snyder (Forecasting with Exponential
//! Smoothing, 2008), as R's `ets` has them.
//!
//! A model has an error, a trend and a season, each additive or multiplicative, and trend and season may be absent; a trend may be
//! damped. Of the 30 combinations 15 are tried by default, the stable ones without a multiplicative trend; those with one (`MMN`, `MMdN`,
//! `MMM`, `MMdM`) are fitted where they are named. Smoothing parameters and starting states are estimated together by maximum
//! likelihood, within R's bounds, and the model is the one with the lowest corrected criterion of Akaike.
//!
//! - A season has 2 to 24 steps (R's limit) and occurs twice at least; `ZZZ` is non-seasonal otherwise, so that a week's
//!   days are a season here and a year's weeks are not.
//! - A step without a value leaves the model as if it had been as expected. Missing values before the first one are left out.
//! - Multiplicative models are for values above 0.
//! - A series whose values are all the same goes on like that, without an interval's width. Three or four values are smoothed
//!   with alpha 0.5; fewer are refused.
//! - Intervals are analytic; with a multiplicative trend they are quantiles of 5000 simulated paths.
//! - Forecasts are the model's own where R's (forecast 8.20) are not: there a damped trend with a multiplicative season starts undamped, and
//!   in the variance of (A,N,A) an error enters the season a step early.
//! - R searches from one place by Nelder and Mead's simplex. Likelihoods of these models have several peaks and flat valleys; here
//!   derivatives of all errors are carried along the recursion, and Gauss and Newton's steps with a learnt correction descend from
//!   several places. What is found is mostly better than R's, and takes few passes over the series.

mod bend;
mod descent;
mod fit;
mod form;
mod model;
mod moments;
mod paths;
mod recursion;
mod search;
mod space;
mod start;
mod tangents;

#[cfg(test)]
mod fit_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod textbook;

pub use fit::{EtsParams, fit, likelihood};
pub use form::{Form, Kind, MOST_SEASON, Pattern};
pub use model::{Ets, Quality};
pub use recursion::{State, Weights};
