//! The model that serves, decoded and kept.

use crate::churn::{TASK, frames};
use crate::features;
use crate::models::{Cache, Stored, bytes_of, serving_or_hint};
use crate::pg::error::Outcome;
use crate::pg::interrupt::OnMainThread;
use retailscope_engine::churn::{ChurnModel, Encoder, Feature};
use retailscope_engine::models::{self, Kind, ModelError};
use std::rc::Rc;

thread_local! {
    static MODELS: Cache<Serving> = const { Cache::new() };
}

/// A model and what it needs to be asked.
pub struct Serving {
    /// The model.
    pub model: ChurnModel,
    /// From values to columns.
    pub encoder: Encoder,
    /// Numbers and texts among its features.
    pub shape: (usize, usize),
    /// The query for the features of one customer.
    pub one: String,
}

/// The model that serves, as the calling statement sees it.
///
/// # Errors
/// 55000 without one; XX001 when it is damaged.
pub fn serving() -> Outcome<(Stored, Rc<Serving>)> {
    let stored = serving_or_hint(TASK, "SELECT * FROM rs_train_churn();")?;
    Ok((stored, load(&stored)?))
}

/// A stored model, decoded, checked, and kept for the next call.
///
/// # Errors
/// XX001 when it is damaged, 55000 when it is no model of churn.
pub fn load(stored: &Stored) -> Outcome<Rc<Serving>> {
    MODELS.with(|cache| cache.get(stored, decode))
}

fn decode(stored: &Stored) -> Outcome<Serving> {
    let bytes = bytes_of(stored)?;
    let model: ChurnModel = models::open(&bytes)?.decode(Kind::Churn, &OnMainThread::new()?)?;
    model.check().map_err(ModelError::Corrupted)?;
    features::check(
        model
            .features
            .iter()
            .map(|f| (f.name(), matches!(f, Feature::Number(_)))),
    )?;
    let numbers = frames::numbers(&model.features);
    Ok(Serving {
        encoder: model.encoder(),
        shape: (numbers, model.features.len() - numbers),
        one: features::of_one(&frames::names(&model.features)),
        model,
    })
}
