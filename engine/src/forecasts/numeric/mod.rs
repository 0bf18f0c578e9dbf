//! Numerical tools of the methods.

mod gamma;
mod levenberg;
pub mod linear;
mod normal;
mod special;

pub use gamma::{chi_square_above, incomplete_gamma_above};
pub use levenberg::{LeastSquares, Residuals, least_squares};
pub use normal::{normal_cdf, normal_quantile};
pub use special::{incomplete_beta, student_t_cdf, student_t_quantile};
