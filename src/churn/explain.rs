//! Why a customer's prediction is what it is.

use crate::churn::predict::columns_of;
use crate::churn::serving::serving;
use crate::features::meaning;
use crate::pg::error::Outcome;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::churn::Unit;

/// Feature, value, contribution, meaning.
type Reason = (String, Option<f64>, f64, String);

/// What each feature of a customer adds to the prediction.
#[pg_extern(stable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
pub fn rs_explain_churn(
    customer_id: &str,
) -> Result<
    TableIterator<
        'static,
        (
            name!(feature, String),
            name!(value, Option<f64>),
            name!(contribution, f64),
            name!(meaning, String),
        ),
    >,
    ErrorReport,
> {
    Ok(TableIterator::new(reasons(customer_id)?))
}

/// The strongest first, then what the average customer has.
fn reasons(customer: &str) -> Outcome<Vec<Reason>> {
    let (_, serving) = serving()?;
    let known = columns_of(&serving, customer)?;
    let explanation = serving.model.explain(&known.columns);
    let mut reasons: Vec<Reason> = serving
        .model
        .features
        .iter()
        .zip(explanation.contributions)
        .zip(known.numbers.iter().zip(&known.texts))
        .map(|((feature, contribution), (number, text))| {
            let meaning = match text {
                Some(text) => format!("{}: {text}", meaning(feature.name())),
                None => meaning(feature.name()).to_owned(),
            };
            let value = Some(*number).filter(|n| n.is_finite());
            (feature.name().to_owned(), value, contribution, meaning)
        })
        .collect();
    reasons.sort_by(|a, b| b.2.abs().total_cmp(&a.2.abs()).then(a.0.cmp(&b.0)));
    let of_all = match explanation.unit {
        Unit::LogOdds => {
            "the average customer; all contributions add up to the log-odds of the probability"
        }
        Unit::Probability => "the average customer; all contributions add up to the probability",
        Unit::Score => {
            "the average customer; all contributions add up to the score before calibration"
        }
    };
    reasons.push((
        "(base)".to_owned(),
        None,
        explanation.base,
        of_all.to_owned(),
    ));
    Ok(reasons)
}
