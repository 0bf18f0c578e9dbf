//! What every fitted method can do.

use super::{Ahead, ForecastError, Input, Path};
use crate::control::Control;

/// A method that was fitted to a series. It keeps what it needs to go on: parameters and the state at the last step.
pub trait Fitted {
    /// The steps after the last one that it has seen.
    ///
    /// # Errors
    /// [`ForecastError::Shape`] when stamps or regressors are not those of the horizon; [`ForecastError::Stopped`].
    fn forecast(&self, ahead: &Ahead<'_>, control: &dyn Control) -> Result<Path, ForecastError>;

    /// Takes in the values that came after the last step, with their stamps and regressors. Parameters stay as they are:
    /// the state moves on, as it would have with these parameters had the values been there from the beginning.
    ///
    /// # Errors
    /// [`ForecastError::Shape`] when regressors are missing; [`ForecastError::Stopped`].
    fn append(&mut self, newer: &Input<'_>, control: &dyn Control) -> Result<(), ForecastError>;

    /// Verifies a model that was read from bytes: every size fits every other, every number is finite.
    ///
    /// # Errors
    /// What does not fit.
    fn check(&self) -> Result<(), &'static str>;
}
