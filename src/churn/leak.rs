//! The proof that a model knew nothing of the future: its training features, computed again from facts that end before each
//! frame's day.

use crate::churn::{frames, serving};
use crate::features;
use crate::models::{no_model, stored};
use crate::pg::cursor::{Snapshot, for_each_batch_in};
use crate::pg::datum::date;
use crate::pg::error::Outcome;
use crate::pg::interrupt::with_crew;
use crate::pg::privilege::all_rows;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::churn::{ChurnModel, FrameBuilder, FrameDigest};
use retailscope_engine::day_text;

/// Cutoff, feature, rows, detail.
type Difference = (pgrx::datum::Date, String, i64, String);

/// Computes the features of a model's training frames and of its holdout anew, from a relation that has no fact of a frame's day or later, and
/// compares them with what the model was trained on. Returns the differences: none, unless a feature saw the future or facts have changed since.
#[pg_extern(stable, parallel_unsafe)]
#[search_path(pg_catalog, pg_temp)]
pub fn rs_verify_no_leak(
    model_id: i64,
) -> Result<
    TableIterator<
        'static,
        (
            name!(cutoff, pgrx::datum::Date),
            name!(feature, String),
            name!(customers, i64),
            name!(detail, String),
        ),
    >,
    ErrorReport,
> {
    // Rows that are hidden from the caller would look like differences.
    let found = all_rows(|| differences(model_id))?;
    Ok(TableIterator::new(found))
}

fn differences(model_id: i64) -> Outcome<Vec<Difference>> {
    let stored = stored(model_id)?.ok_or_else(|| no_model(model_id))?;
    let serving = serving::load(&stored)?;
    let model = &serving.model;
    let mut found = Vec::new();
    for trained in model.frames.iter().chain([&model.holdout]) {
        let now = recomputed(model, serving.shape, trained.cutoff)?;
        let day = pgrx::datum::Date::try_from(trained.cutoff - crate::pg::datum::EPOCH_DAYS);
        let Ok(day) = day else { continue };
        if now.rows != trained.rows {
            found.push((
                day,
                "(customers)".to_owned(),
                i64::try_from(now.rows).unwrap_or(i64::MAX),
                format!(
                    "the model knew {} customers before {}, the facts before that day have {}",
                    trained.rows,
                    day_text(trained.cutoff),
                    now.rows
                ),
            ));
        }
        let pairs = trained.features.iter().zip(&now.features);
        for (feature, (then, again)) in model.features.iter().zip(pairs) {
            if then != again && now.rows == trained.rows {
                found.push((
                    day,
                    feature.name().to_owned(),
                    i64::try_from(now.rows).unwrap_or(i64::MAX),
                    format!(
                        "values of {} in training differ from those that the facts before {} give",
                        feature.name(),
                        day_text(trained.cutoff)
                    ),
                ));
            }
        }
    }
    Ok(found)
}

fn recomputed(model: &ChurnModel, shape: (usize, usize), cutoff: i32) -> Outcome<FrameDigest> {
    with_crew(|crew| {
        crew.announce("verifying features");
        let sql = features::of_truncated_facts(&frames::names(&model.features));
        let mut builder = FrameBuilder::new(model.features.clone(), crew.watch());
        let mut numbers = Vec::new();
        for_each_batch_in(Snapshot::Statement, &sql, &[date(cutoff)], |rows| {
            for row in 0..rows.len() {
                let texts = features::values(rows, row, 1, shape, &mut numbers);
                let customer = rows.text(row, 0).unwrap_or_default();
                builder.push(cutoff, customer, &numbers, &texts, 0.0, false)?;
            }
            crew.poll();
            Ok(())
        })?;
        let frames = builder.finish(0)?;
        Ok(frames
            .digests
            .into_iter()
            .next()
            .unwrap_or_else(|| FrameDigest::empty(cutoff)))
    })
}
