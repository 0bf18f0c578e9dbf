//! The features that there are, read from the function that makes them.

use crate::pg::error::{Failure, Outcome};
use pgrx::prelude::*;
use std::sync::LazyLock;

/// The function's text: its signature names the features, its body computes them.
pub(super) const SOURCE: &str = include_str!("../../sql/features.sql");

/// A feature of a customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// The column's name.
    pub name: &'static str,
    /// False for a text.
    pub is_number: bool,
}

/// All features, in the order of the columns of `rs_customer_features`.
pub fn known() -> &'static [Known] {
    static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| {
        let columns = SOURCE
            .split_once("RETURNS TABLE(")
            .and_then(|(_, rest)| rest.split_once(')'))
            .map_or("", |(columns, _)| columns);
        columns
            .split(',')
            .filter_map(|column| {
                let mut words = column.split_whitespace();
                let (name, kind) = (words.next()?, words.next()?);
                Some(Known {
                    name,
                    is_number: kind != "text",
                })
            })
            .filter(|k| k.name != "customer_id")
            .collect()
    });
    &KNOWN
}

/// Refuses what a stored model calls its features unless they are, each a number or a text as it is: their names become part
/// of queries that run with the rights of whoever predicts, and what a column is read as must be what it is.
///
/// # Errors
/// 55000 with the name.
pub fn check<'a>(features: impl IntoIterator<Item = (&'a str, bool)>) -> Outcome<()> {
    let stranger = features.into_iter().find(|(name, is_number)| {
        !known()
            .iter()
            .any(|k| k.name == *name && k.is_number == *is_number)
    });
    let Some((name, _)) = stranger else {
        return Ok(());
    };
    let shown: String = name.chars().take(60).collect();
    Err(Failure::new(
        PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("the model reads \"{shown}\", which is no such feature of this version"),
    )
    .hint("Train it again, or let another one serve: SELECT * FROM rs_models(); SELECT rs_promote(model_id)."))
}

/// What a feature means, for people who read an explanation.
pub fn meaning(feature: &str) -> &'static str {
    MEANINGS
        .iter()
        .find(|(name, _)| *name == feature)
        .map_or("", |(_, meaning)| meaning)
}

/// One for each feature; a test compares the lists.
pub(super) const MEANINGS: [(&str, &str); 47] = [
    ("recency_days", "days since the last order"),
    ("frequency", "orders in all"),
    ("monetary", "gross sales in all"),
    ("monetary_net", "sales less returns"),
    ("tenure_days", "days since the first order"),
    ("average_order_value", "mean value of an order"),
    ("mean_gap_days", "mean days between orders"),
    (
        "recency_over_gap",
        "days since the last order, in usual gaps between orders",
    ),
    ("orders_30", "orders in the last 30 days"),
    ("orders_90", "orders in the last 90 days"),
    ("orders_180", "orders in the last 180 days"),
    ("orders_365", "orders in the last 365 days"),
    ("spend_30", "gross sales of the last 30 days"),
    ("spend_90", "gross sales of the last 90 days"),
    ("spend_180", "gross sales of the last 180 days"),
    ("spend_365", "gross sales of the last 365 days"),
    (
        "spend_trend",
        "sales of the last 90 days less those of the 90 before",
    ),
    ("units", "units bought"),
    ("distinct_products", "different products bought"),
    ("returns_amount", "value of returned goods"),
    ("returns_share", "returned goods as a share of sales"),
    ("country", "country"),
    ("last_order_value", "value of the last order"),
    ("std_order_value", "spread of the order values"),
    ("last_order_over_average", "last order over the mean order"),
    (
        "last_3_orders_over_average",
        "last three orders over the mean order",
    ),
    (
        "orders_trend",
        "orders of the last 90 days less those of the 90 before",
    ),
    (
        "relative_spend_trend",
        "change of sales between the last 90 days and the 90 before",
    ),
    (
        "spend_90_share",
        "share of all sales that fell in the last 90 days",
    ),
    ("std_gap_days", "spread of the days between orders"),
    ("max_gap_days", "longest time between orders, in days"),
    ("last_gap_days", "days between the last two orders"),
    (
        "recency_over_max_gap",
        "days since the last order, in longest gaps",
    ),
    (
        "recency_over_tenure",
        "days since the last order as a share of the time as a customer",
    ),
    ("lines", "invoice lines"),
    ("units_per_order", "units in an order"),
    ("products_per_order", "different products per order"),
    ("average_unit_price", "mean price of a unit"),
    ("variety", "different products per invoice line"),
    ("return_invoices", "returns"),
    (
        "returns_180",
        "value of goods returned in the last 180 days",
    ),
    ("weekend_share", "share of orders at weekends"),
    ("mean_hour", "usual hour of ordering"),
    ("std_hour", "spread of the hour of ordering"),
    ("active_months", "months with an order"),
    ("active_months_share", "share of months with an order"),
    (
        "top_product_share",
        "share of sales of the favourite product",
    ),
];
