//! Why a forecast is what it is.

use super::{Boosted, Feature};
use crate::control::Control;
use crate::forecasts::{Ahead, ForecastError};
use crate::trees::Explainer;

/// The parts of a forecast: `level` and all contributions add up to `forecast`.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The forecast.
    pub forecast: f64,
    /// What the model would forecast knowing nothing but the recent level.
    pub level: f64,
    /// What each feature adds (Shapley values of the trees, in units of the series).
    pub contributions: Vec<(Feature, f64)>,
}

impl Boosted {
    /// Explains the forecast of each step ahead.
    ///
    /// # Errors
    /// As [`Fitted::forecast`](crate::forecasts::Fitted::forecast).
    pub fn explain(
        &self,
        ahead: &Ahead<'_>,
        control: &dyn Control,
    ) -> Result<Vec<Explained>, ForecastError> {
        let steps = self.steps(ahead, control)?;
        let explainer = Explainer::new(&self.trees);
        let mut shares = vec![0.0; self.layout.features.len()];
        steps
            .iter()
            .map(|step| {
                control.check()?;
                let expected = explainer.explain(&step.row, &mut shares);
                let features = self.layout.features.iter().zip(&shares);
                Ok(Explained {
                    forecast: step.forecast(&self.trees),
                    level: step.level + step.unit * expected,
                    contributions: features.map(|(f, share)| (*f, share * step.unit)).collect(),
                })
            })
            .collect()
    }
}
