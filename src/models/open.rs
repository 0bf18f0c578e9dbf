//! From the bytes of a model to the model, with all that can be wrong with it checked.

use crate::features;
use crate::pg::error::Outcome;
use crate::pg::interrupt::OnMainThread;
use retailscope_engine::baskets::RuleModel;
use retailscope_engine::churn::{ChurnModel, Feature};
use retailscope_engine::forecasts::ForecastModel;
use retailscope_engine::models::{self, Kind, ModelError};
use retailscope_engine::segments::SegmentModel;

/// A model of churn.
///
/// # Errors
/// XX001 when it is damaged, 55000 when it is of another kind, of a newer format, or reads features that this version has not.
pub fn churn_model(bytes: &[u8]) -> Outcome<ChurnModel> {
    let model: ChurnModel = models::open(bytes)?.decode(Kind::Churn, &OnMainThread::new()?)?;
    model.check().map_err(ModelError::Corrupted)?;
    features::check(
        model
            .features
            .iter()
            .map(|f| (f.name(), matches!(f, Feature::Number(_)))),
    )?;
    Ok(model)
}

/// A model of segments.
///
/// # Errors
/// As [`churn_model`].
pub fn segment_model(bytes: &[u8]) -> Outcome<SegmentModel> {
    let model: SegmentModel = models::open(bytes)?.decode(Kind::Segments, &OnMainThread::new()?)?;
    model.check().map_err(ModelError::Corrupted)?;
    features::check(model.features.iter().map(|f| (f.as_str(), true)))?;
    Ok(model)
}

/// A model of rules.
///
/// # Errors
/// As [`churn_model`].
pub fn rule_model(bytes: &[u8]) -> Outcome<RuleModel> {
    let model: RuleModel = models::open(bytes)?.decode(Kind::Baskets, &OnMainThread::new()?)?;
    model.check().map_err(ModelError::Corrupted)?;
    Ok(model)
}

/// A model of a forecast.
///
/// # Errors
/// As [`churn_model`].
pub fn forecast_model(bytes: &[u8]) -> Outcome<ForecastModel> {
    let model: ForecastModel =
        models::open(bytes)?.decode(Kind::Forecast, &OnMainThread::new()?)?;
    model.check().map_err(ModelError::Corrupted)?;
    Ok(model)
}

/// Whatever model it is: an error if it could not be asked.
///
/// # Errors
/// As [`churn_model`].
pub fn verify(bytes: &[u8]) -> Outcome<()> {
    match models::open(bytes)?.kind {
        Kind::Churn => churn_model(bytes).map(drop),
        Kind::Segments => segment_model(bytes).map(drop),
        Kind::Baskets => rule_model(bytes).map(drop),
        Kind::Forecast => forecast_model(bytes).map(drop),
    }
}
