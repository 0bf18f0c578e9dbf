//! Reading frames through a cursor, in the caller's snapshot: one state of the facts.

use crate::churn::serving::Serving;
use crate::features;
use crate::pg::cursor::{Snapshot, for_each_batch_in};
use crate::pg::error::{Failure, Outcome};
use crate::pg::interrupt::Crew;
use retailscope_engine::churn::{Feature, FrameBuilder, FrameDigest, Frames};
use retailscope_engine::control::{Charge, Control, reserve};
use retailscope_engine::names::{did_you_mean, listed};

/// The features of these names, or all of them.
///
/// # Errors
/// 22023 for a name that is none.
pub fn features_named(names: Option<&[String]>) -> Outcome<Vec<Feature>> {
    let feature = |k: &features::Known| {
        if k.is_number {
            Feature::Number(k.name.to_owned())
        } else {
            Feature::Text(k.name.to_owned())
        }
    };
    let Some(names) = names else {
        return Ok(features::known().iter().map(feature).collect());
    };
    let all: Vec<&str> = features::known().iter().map(|k| k.name).collect();
    names
        .iter()
        .map(|name| {
            features::known()
                .iter()
                .find(|k| k.name == name)
                .map(feature)
                .ok_or_else(|| {
                    let shown: String = name.chars().take(60).collect();
                    Failure::invalid(format!(
                        "there is no feature \"{shown}\"{}",
                        did_you_mean(name, &all)
                    ))
                    .hint(format!("The features are {}.", listed(&all)))
                })
        })
        .collect()
}

/// The names of features, for a query.
pub fn names(features: &[Feature]) -> Vec<&str> {
    features.iter().map(Feature::name).collect()
}

/// How many of them are numbers; a query gives these first.
pub fn numbers(features: &[Feature]) -> usize {
    features
        .iter()
        .filter(|f| matches!(f, Feature::Number(_)))
        .count()
}

/// One frame as a model reads it: its columns row by row, and what the frame is.
///
/// # Errors
/// As [`read`].
pub fn read_encoded(
    serving: &Serving,
    day: i32,
    horizon: i32,
    crew: &Crew<'_, '_>,
) -> Outcome<(Vec<f64>, FrameDigest)> {
    let mut matrix = Vec::new();
    let mut charge = Charge::default();
    let frames = read_each(
        serving.model.features.clone(),
        &[day],
        horizon,
        crew,
        |numbers, texts| {
            if matrix.capacity() < matrix.len() + serving.encoder.width() {
                let more = (matrix.len() / 2).max(1024 * serving.encoder.width());
                let bytes = (matrix.len() + more) as u64 * 8;
                charge.set(bytes, "reading features", crew.watch())?;
                reserve(&mut matrix, more, "reading features")?;
            }
            serving.encoder.encode(numbers, texts, &mut matrix);
            Ok(())
        },
    )?;
    let holdout = frames.digests.into_iter().next();
    Ok((matrix, holdout.unwrap_or_else(|| FrameDigest::empty(day))))
}

/// The frames of these days (since 1970, ascending), the last of which is not trained on.
///
/// # Errors
/// What `rs_churn_frame` refuses; 53200 when they take too much memory.
pub fn read(
    features: Vec<Feature>,
    days: &[i32],
    horizon: i32,
    crew: &Crew<'_, '_>,
) -> Outcome<Frames> {
    read_each(features, days, horizon, crew, |_, _| Ok(()))
}

fn read_each(
    features: Vec<Feature>,
    days: &[i32],
    horizon: i32,
    crew: &Crew<'_, '_>,
    mut each: impl FnMut(&[f64], &[Option<&str>]) -> Outcome<()>,
) -> Outcome<Frames> {
    crew.announce("reading features");
    let sql = features::of_all(&names(&features))?;
    let shape = (numbers(&features), features.len() - numbers(&features));
    let mut builder = FrameBuilder::new(features, crew.watch());
    let mut row_numbers = Vec::new();
    let mut read = 0;
    for_each_batch_in(
        Snapshot::Statement,
        &sql,
        &[days.to_vec().into(), horizon.into()],
        |rows| {
            for row in 0..rows.len() {
                let texts = features::values(rows, row, 4, shape, &mut row_numbers);
                builder.push(
                    rows.i32(row, 0).unwrap_or_default(),
                    rows.text(row, 1).unwrap_or_default(),
                    &row_numbers,
                    &texts,
                    rows.f64(row, 2).unwrap_or_default(),
                    rows.bool(row, 3).unwrap_or_default(),
                )?;
                each(&row_numbers, &texts)?;
            }
            read += rows.len() as u64;
            crew.watch().progress("reading features", read, 0);
            crew.poll();
            Ok(())
        },
    )?;
    Ok(builder.finish(days.len().saturating_sub(1))?)
}
