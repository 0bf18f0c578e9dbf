//! Predictions: of every customer in one pass, of one, and of one who is not in the warehouse.

use crate::churn::frames;
use crate::churn::serving::{Serving, serving};
use crate::features::{self, day_after_newest};
use crate::pg::cursor::{Snapshot, for_each_batch_in};
use crate::pg::datum::date;
use crate::pg::error::{Failure, Outcome};
use crate::pg::interrupt::OnMainThread;
use crate::pg::json::Document;
use crate::pg::plan::run_kept;
use crate::pg::rowset::{Call, Cell, RowSet};
use ndarray::ArrayView2;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::churn::Feature;
use retailscope_engine::names::{did_you_mean, listed};
use serde_json::Value;

/// A row of the three functions.
type Prediction = (Option<String>, f64, bool, &'static str, i64);

/// How a probability is called. The bands are thirds: they say how sure a model is, the threshold says whether to act.
fn risk(probability: f64) -> &'static str {
    if probability < 1.0 / 3.0 {
        "low"
    } else if probability < 2.0 / 3.0 {
        "medium"
    } else {
        "high"
    }
}

fn prediction(
    serving: &Serving,
    model_id: i64,
    customer: Option<String>,
    probability: f64,
) -> Prediction {
    (
        customer,
        probability,
        probability >= serving.model.threshold,
        risk(probability),
        model_id,
    )
}

/// The probability of churn of every customer as of the day after the newest fact, by the model that serves.
#[pg_extern(sql = r#"
CREATE FUNCTION @extschema@.rs_predict_churn()
RETURNS TABLE(customer_id text, churn_probability float8, churned boolean, risk text, model_id bigint)
LANGUAGE c STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS '@MODULE_PATHNAME@', '@FUNCTION_NAME@';
"#)]
pub fn rs_predict_churn_all(call: Call) -> Result<(), ErrorReport> {
    predict_all(RowSet::begin(&call)?)?;
    Ok(())
}

fn predict_all(mut out: RowSet) -> Outcome<()> {
    let control = OnMainThread::new()?;
    let (stored, serving) = serving()?;
    let sql = features::of_one_day(&frames::names(&serving.model.features))?;
    let width = serving.encoder.width();
    let (mut numbers, mut matrix) = (Vec::new(), Vec::new());
    let day = day_after_newest()?;
    for_each_batch_in(Snapshot::Statement, &sql, &[date(day)], |rows| {
        matrix.clear();
        for row in 0..rows.len() {
            let texts = features::values(rows, row, 1, serving.shape, &mut numbers);
            serving.encoder.encode(&numbers, &texts, &mut matrix);
        }
        let x = ArrayView2::from_shape((rows.len(), width), &matrix)
            .map_err(|e| Failure::internal(e.to_string()))?;
        let probabilities = serving.model.probabilities(x, &control)?;
        for (row, probability) in probabilities.into_iter().enumerate() {
            let id = rows.text(row, 0).unwrap_or_default();
            out.put(&[
                Cell::Text(std::str::from_utf8(id).unwrap_or_default()),
                Cell::Float(probability),
                Cell::Bool(probability >= serving.model.threshold),
                Cell::Text(risk(probability)),
                Cell::Big(stored.model_id),
            ])?;
        }
        Ok(())
    })
}

/// One customer's columns, as of the day after the newest fact.
///
/// # Errors
/// 22023 for a customer who is not known, or had no merchandise sale.
pub fn columns_of(serving: &Serving, customer: &str) -> Outcome<Features> {
    let day = day_after_newest()?;
    let found = run_kept(&serving.one, &[date(day), customer.into()], |rows| {
        let Some(rows) = rows else { return Ok(None) };
        let mut numbers = Vec::new();
        let texts = features::values(rows, 0, 1, serving.shape, &mut numbers);
        Ok(Some(features_of(serving, &numbers, &texts)))
    })?;
    found.ok_or_else(|| features::unknown_customer(customer))
}

/// What is known of a customer.
pub struct Features {
    /// For each feature its number, or NaN.
    pub numbers: Vec<f64>,
    /// For each feature its text.
    pub texts: Vec<Option<String>>,
    /// The model's columns.
    pub columns: Vec<f64>,
}

fn features_of(serving: &Serving, numbers: &[f64], texts: &[Option<&str>]) -> Features {
    let mut columns = Vec::new();
    serving.encoder.encode(numbers, texts, &mut columns);
    let (mut number, mut text) = (numbers.iter(), texts.iter());
    let mut all = Features {
        numbers: Vec::new(),
        texts: Vec::new(),
        columns,
    };
    for feature in &serving.model.features {
        match feature {
            Feature::Number(_) => {
                all.numbers.push(number.next().copied().unwrap_or(f64::NAN));
                all.texts.push(None);
            }
            Feature::Text(_) => {
                all.numbers.push(f64::NAN);
                all.texts
                    .push(text.next().copied().flatten().map(str::to_owned));
            }
        }
    }
    all
}

/// The probability of churn of one customer as of the day after the newest fact.
#[pg_extern(stable, parallel_safe, name = "rs_predict_churn")]
#[search_path(pg_catalog, pg_temp)]
pub fn rs_predict_churn_one(
    customer_id: &str,
) -> Result<
    TableIterator<
        'static,
        (
            name!(customer_id, Option<String>),
            name!(churn_probability, f64),
            name!(churned, bool),
            name!(risk, &'static str),
            name!(model_id, i64),
        ),
    >,
    ErrorReport,
> {
    let (stored, serving) = serving()?;
    let known = columns_of(&serving, customer_id)?;
    let probability = serving.model.probability_of_row(&known.columns);
    let row = prediction(
        &serving,
        stored.model_id,
        Some(customer_id.to_owned()),
        probability,
    );
    Ok(TableIterator::once(row))
}

/// The probability of churn of a customer who is not in the warehouse.
#[pg_extern(stable, parallel_safe, name = "rs_predict_churn")]
#[search_path(pg_catalog, pg_temp)]
pub fn rs_predict_churn_features(
    features: Document,
) -> Result<
    TableIterator<
        'static,
        (
            name!(customer_id, Option<String>),
            name!(churn_probability, f64),
            name!(churned, bool),
            name!(risk, &'static str),
            name!(model_id, i64),
        ),
    >,
    ErrorReport,
> {
    let (stored, serving) = serving()?;
    let columns = columns_from(&serving, &features.value("features")?)?;
    let probability = serving.model.probability_of_row(&columns);
    let row = prediction(&serving, stored.model_id, None, probability);
    Ok(TableIterator::once(row))
}

/// The columns for features by name: each that the model reads must be there, null where it is not known.
fn columns_from(serving: &Serving, json: &Value) -> Outcome<Vec<f64>> {
    let wanted = frames::names(&serving.model.features);
    let hint = || {
        format!(
            "The model reads {}. Give each, null where it is not known: SELECT to_jsonb(f) FROM rs_customer_features(current_date) AS f LIMIT 1 shows the form.",
            wanted.join(", ")
        )
    };
    let Value::Object(given) = json else {
        return Err(Failure::invalid("features must be a JSON object").hint(hint()));
    };
    let all: Vec<&str> = features::known().iter().map(|k| k.name).collect();
    if let Some(key) = given
        .keys()
        .find(|k| !all.contains(&k.as_str()) && k.as_str() != "customer_id")
    {
        let shown: String = key.chars().take(60).collect();
        let near = did_you_mean(key, &all);
        return Err(
            Failure::invalid(format!("there is no feature \"{shown}\"{near}")).hint(hint()),
        );
    }
    let missing: Vec<&str> = wanted
        .iter()
        .copied()
        .filter(|w| !given.contains_key(*w))
        .collect();
    if !missing.is_empty() {
        let names = listed(&missing);
        return Err(Failure::invalid(format!("features lack {names}")).hint(hint()));
    }
    let (mut numbers, mut texts) = (Vec::new(), Vec::new());
    for feature in &serving.model.features {
        match (feature, given.get(feature.name())) {
            (Feature::Number(_), None | Some(Value::Null)) => numbers.push(f64::NAN),
            (Feature::Number(name), Some(value)) => {
                numbers.push(value.as_f64().ok_or_else(|| {
                    Failure::invalid(format!("feature \"{name}\" must be a number or null"))
                        .hint(hint())
                })?);
            }
            (Feature::Text(_), None | Some(Value::Null)) => texts.push(None),
            (Feature::Text(name), Some(value)) => {
                texts.push(Some(value.as_str().ok_or_else(|| {
                    Failure::invalid(format!("feature \"{name}\" must be a string or null"))
                        .hint(hint())
                })?));
            }
        }
    }
    let mut columns = Vec::new();
    serving.encoder.encode(&numbers, &texts, &mut columns);
    Ok(columns)
}
