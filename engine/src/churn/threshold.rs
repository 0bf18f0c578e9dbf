//! From which probability on a customer is contacted.

use super::ranking::Ranking;
use crate::params::{ParamError, wrong};

/// The threshold for stated costs: a contact costs `offer_cost` and brings `saved_margin` where the customer would have
/// churned, so it pays where p saved_margin > offer_cost (both in the same money).
///
/// # Errors
/// [`ParamError::Value`] when the costs are no positive numbers or the offer costs as much as it can bring.
pub fn by_costs(offer_cost: f64, saved_margin: f64) -> Result<f64, ParamError> {
    for (key, value) in [("offer_cost", offer_cost), ("saved_margin", saved_margin)] {
        if !(value.is_finite() && value > 0.0) {
            return Err(wrong(key, "must be above 0"));
        }
    }
    if offer_cost >= saved_margin {
        let problem = format!(
            "{offer_cost} is not below \"saved_margin\" {saved_margin}: contacting a customer could never pay"
        );
        return Err(wrong("offer_cost", problem));
    }
    Ok(offer_cost / saved_margin)
}

/// The threshold with the highest F1 for ranked probabilities: the middle between the lowest probability that is above it and
/// the next one (0 when there is none). Among equally good ones the highest, which contacts the fewest. `None` when nobody
/// churned.
#[must_use]
pub fn by_f1(ranking: &Ranking) -> Option<f64> {
    let positives = u128::from(ranking.positives());
    let (mut contacted, mut found) = (0u128, 0u128);
    let mut best: Option<(u128, u128, f64, f64)> = None;
    let mut groups = ranking.tied().peekable();
    while let Some(tied) = groups.next() {
        contacted += u128::from(tied.count);
        found += u128::from(tied.positives);
        // F1 = 2 found / (contacted + positives), compared in whole numbers.
        let whole = contacted + positives;
        if best.is_none_or(|(part, of, ..)| found * of > part * whole) {
            let next = groups.peek().map_or(0.0, |next| next.score);
            best = Some((found, whole, tied.score, next));
        }
    }
    let (_, _, lowest, next) = best.filter(|_| positives > 0)?;
    let middle = next + (lowest - next) / 2.0;
    // Between neighbouring numbers there is no middle.
    Some(if middle > next { middle } else { lowest })
}
