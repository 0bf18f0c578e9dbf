//! Numerical tools of the methods.

mod normal;

pub use normal::{normal_cdf, normal_quantile};
