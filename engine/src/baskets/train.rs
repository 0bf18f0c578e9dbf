//! From baskets to a model of what is bought together.

use super::gate::Cap;
use super::{BasketError, Baskets, RuleModel, RuleParams};
use crate::control::Control;

/// What is mined, and how. Slices are by item id, as in [`Baskets::labels`].
#[derive(Debug)]
pub struct Request<'a> {
    /// The options.
    pub params: &'a RuleParams,
    /// The baskets; those outside the group are only compared with.
    pub baskets: &'a Baskets,
    /// What the items are called.
    pub descriptions: &'a [Option<String>],
    /// Items that are left out.
    pub excluded: &'a [bool],
    /// Items of which a rule must have one.
    pub included: Option<&'a [bool]>,
    /// Chooses the items that validation hides.
    pub seed: i64,
}

/// Points of a curve: x, y, and the threshold where there is one.
pub type Curve = Vec<(f64, f64, Option<f64>)>;

/// A model, and what is to be said of it.
#[derive(Debug)]
pub struct Trained {
    /// The model.
    pub model: RuleModel,
    /// Baskets that were mined.
    pub baskets: u32,
    /// Frequent items.
    pub items: usize,
    /// Frequent itemsets, the single items included, that were kept.
    pub itemsets: u64,
    /// Rules.
    pub rules: usize,
    /// The limits that were reached.
    pub caps: Vec<Cap>,
    /// Items of the longest itemsets that are complete.
    pub longest: usize,
    /// Data set (`train`, `holdout`), metric and value.
    pub metrics: Vec<(&'static str, String, f64)>,
    /// Curves by name.
    pub curves: Vec<(&'static str, Curve)>,
}

/// Mines rules. `spent` tells the share of the time budget that has been used.
///
/// # Errors
/// [`BasketError::NoBaskets`] when the group has none, [`BasketError::Stopped`].
pub fn train(
    request: &Request<'_>,
    _spent: &(dyn Fn() -> f64 + Sync),
    _control: &dyn Control,
) -> Result<Trained, BasketError> {
    if !request.baskets.about().iter().any(|a| a.in_group) {
        return Err(BasketError::NoBaskets);
    }
    Ok(Trained {
        model: RuleModel::default(),
        baskets: 0,
        items: 0,
        itemsets: 0,
        rules: 0,
        caps: Vec::new(),
        longest: 0,
        metrics: Vec::new(),
        curves: Vec::new(),
    })
}
