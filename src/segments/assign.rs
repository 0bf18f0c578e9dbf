//! Which segment a customer belongs to, by the model that serves.

use crate::features::{self, day_after_newest};
use crate::models::{Cache, Stored, bytes_of, segment_model, serving_or_hint};
use crate::pg::cursor::{Snapshot, for_each_batch_in};
use crate::pg::datum::date;
use crate::pg::error::{Failure, Outcome};
use crate::pg::interrupt::OnMainThread;
use crate::pg::plan::run_kept;
use crate::pg::rowset::{Call, Cell, RowSet};
use crate::segments::TASK;
use ndarray::ArrayView2;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::segments::SegmentModel;
use std::rc::Rc;

thread_local! {
    static MODELS: Cache<SegmentModel> = const { Cache::new() };
}

/// Customer, segment_id, segment, distance, model_id.
type Segment = (Option<String>, i32, String, f64, i64);

/// A stored model, decoded, checked, and kept for the next call.
///
/// # Errors
/// XX001 when it is damaged, 55000 when it is no model of segments.
pub fn load(stored: &Stored) -> Outcome<Rc<SegmentModel>> {
    MODELS.with(|cache| cache.get(stored, |stored| segment_model(&bytes_of(stored)?)))
}

fn serving() -> Outcome<(Stored, Rc<SegmentModel>)> {
    let stored = serving_or_hint(TASK, "SELECT * FROM rs_train_segments();")?;
    Ok((stored, load(&stored)?))
}

fn names(model: &SegmentModel) -> Vec<&str> {
    model.features.iter().map(String::as_str).collect()
}

/// Number and name of a segment by its place in the model.
fn label(model: &SegmentModel, at: usize) -> (i32, &str) {
    let id = model.segment_ids.get(at).copied().unwrap_or(0);
    let name = model.names.get(at).map_or("", String::as_str);
    (i32::try_from(id).unwrap_or(i32::MAX), name)
}

fn one(model: &SegmentModel, model_id: i64, id: Option<&str>, row: &[f64]) -> Outcome<Segment> {
    OnMainThread::new()?;
    let (at, distance) = model.assign_row(row)?;
    let (segment_id, segment) = label(model, at);
    let customer = id.map(str::to_owned);
    Ok((customer, segment_id, segment.to_owned(), distance, model_id))
}

/// The segment of every customer as of the day after the newest fact.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_segment_customers()
RETURNS TABLE(customer_id text, segment_id integer, segment text, distance float8, model_id bigint)
LANGUAGE c STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
pub fn rs_segment_customers(call: Call) -> Result<(), ErrorReport> {
    segment_all(RowSet::begin(&call)?)?;
    Ok(())
}

fn segment_all(mut out: RowSet) -> Outcome<()> {
    let control = OnMainThread::new()?;
    let (stored, model) = serving()?;
    let sql = features::of_one_day(&names(&model))?;
    let width = model.features.len();
    let (mut numbers, mut matrix) = (Vec::new(), Vec::new());
    let day = day_after_newest()?;
    for_each_batch_in(Snapshot::Statement, &sql, &[date(day)], |rows| {
        matrix.clear();
        for row in 0..rows.len() {
            features::values(rows, row, 1, (width, 0), &mut numbers);
            matrix.extend_from_slice(&numbers);
        }
        let x = ArrayView2::from_shape((rows.len(), width), &matrix)
            .map_err(|e| Failure::internal(e.to_string()))?;
        let assigned = model.assign(x, &control)?;
        for (row, (at, distance)) in assigned
            .segments
            .iter()
            .zip(&assigned.distances)
            .enumerate()
        {
            let id = rows.text(row, 0).unwrap_or_default();
            let (segment_id, segment) = label(&model, *at as usize);
            out.put(&[
                Cell::Text(std::str::from_utf8(id).unwrap_or_default()),
                Cell::Int(segment_id),
                Cell::Text(segment),
                Cell::Float(*distance),
                Cell::Big(stored.model_id),
            ])?;
        }
        Ok(())
    })
}

/// The segment of one customer as of the day after the newest fact.
#[pg_extern(stable, parallel_safe, name = "rs_segment_customer")]
#[search_path(pg_catalog, pg_temp)]
pub fn rs_segment_customer_id(
    customer_id: &str,
) -> Result<
    TableIterator<
        'static,
        (
            name!(customer_id, Option<String>),
            name!(segment_id, i32),
            name!(segment, String),
            name!(distance, f64),
            name!(model_id, i64),
        ),
    >,
    ErrorReport,
> {
    Ok(TableIterator::once(of_customer(customer_id)?))
}

fn of_customer(customer: &str) -> Outcome<Segment> {
    let (stored, model) = serving()?;
    let sql = features::of_one(&names(&model));
    let day = day_after_newest()?;
    let row = run_kept(&sql, &[date(day), customer.into()], |rows| {
        Ok(rows.map(|rows| {
            let mut numbers = Vec::new();
            features::values(rows, 0, 1, (model.features.len(), 0), &mut numbers);
            numbers
        }))
    })?;
    match row {
        Some(row) => one(&model, stored.model_id, Some(customer), &row),
        None => Err(features::unknown_customer(customer)),
    }
}

/// The segment of a customer with these figures, by a model of just these features.
#[pg_extern(stable, parallel_safe, name = "rs_segment_customer")]
#[search_path(pg_catalog, pg_temp)]
pub fn rs_segment_customer_rfm(
    recency_days: f64,
    frequency: f64,
    monetary: f64,
) -> Result<
    TableIterator<
        'static,
        (
            name!(customer_id, Option<String>),
            name!(segment_id, i32),
            name!(segment, String),
            name!(distance, f64),
            name!(model_id, i64),
        ),
    >,
    ErrorReport,
> {
    Ok(TableIterator::once(of_figures(
        recency_days,
        frequency,
        monetary,
    )?))
}

fn of_figures(recency_days: f64, frequency: f64, monetary: f64) -> Outcome<Segment> {
    let given = [
        ("recency_days", recency_days),
        ("frequency", frequency),
        ("monetary", monetary),
    ];
    if let Some((name, value)) = given.iter().find(|(_, v)| !v.is_finite()) {
        return Err(Failure::invalid(format!(
            "{name} must be a number, not {value}"
        ))
        .hint("Days since the last order, orders, gross sales: rs_segment_customer(30, 4, 250.00)."));
    }
    let (stored, model) = serving()?;
    let row = model
        .features
        .iter()
        .map(|f| given.iter().find(|(name, _)| name == f).map(|(_, v)| *v))
        .collect::<Option<Vec<f64>>>()
        .ok_or_else(|| {
            Failure::new(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!(
                    "model {} reads {}: recency, frequency and money are not enough",
                    stored.model_id,
                    model.features.join(", ")
                ),
            )
            .hint("Ask for a customer of the warehouse: rs_segment_customer('12347').")
        })?;
    one(&model, stored.model_id, None, &row)
}
