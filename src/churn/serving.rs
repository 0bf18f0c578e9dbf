//! The model that serves, decoded and kept.

use crate::churn::{TASK, frames};
use crate::features;
use crate::models::{Cache, Stored, bytes_of, churn_model, serving_or_hint};
use crate::pg::error::Outcome;
use retailscope_engine::churn::{ChurnModel, Encoder};
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
    let model = churn_model(&bytes_of(stored)?)?;
    let numbers = frames::numbers(&model.features);
    Ok(Serving {
        encoder: model.encoder(),
        shape: (numbers, model.features.len() - numbers),
        one: features::of_one(&frames::names(&model.features)),
        model,
    })
}
