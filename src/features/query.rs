//! The queries that read features: of all customers, of one, and of one day from facts that end before it.

use crate::features::catalog::{SOURCE, known};
use crate::pg::cursor::Rows;
use crate::pg::error::{Failure, Outcome};
use crate::pg::install;
use std::sync::LazyLock;

/// The body of `rs_customer_features`, which is also run in other forms: one text, one definition.
static BODY: LazyLock<&'static str> =
    LazyLock::new(|| SOURCE.split("$body$").nth(1).unwrap_or_default());

/// Stands in the body where a condition narrows it to one customer.
const ONE_CUSTOMER: &str = "/* and one customer */";
/// How the body reads facts.
const FACTS: &str = "retailscope.fact_sales AS f";

/// The columns that a query gives after its own: numbers as double precision, then texts, each in the order of `features`.
fn columns(features: &[&str]) -> String {
    let is_number = |name: &str| known().iter().any(|k| k.name == name && k.is_number);
    let numbers = features
        .iter()
        .filter(|f| is_number(f))
        .map(|f| format!("c.{f}::pg_catalog.float8"));
    let texts = features
        .iter()
        .filter(|f| !is_number(f))
        .map(|f| format!("c.{f}"));
    numbers.chain(texts).collect::<Vec<_>>().join(", ")
}

/// The names of the columns of the body.
fn names() -> String {
    let names: Vec<&str> = known().iter().map(|k| k.name).collect();
    format!("customer_id, {}", names.join(", "))
}

/// Training frames: the days `$1` (integers since 1970), the horizon `$2` in days. Columns: day since 1970, customer_id, money, churned, features. One statement sees one state of the
/// facts.
///
/// # Errors
/// When the extension has gone.
pub fn of_all(features: &[&str]) -> Outcome<String> {
    Ok(format!(
        "SELECT d.day, c.customer_id, c.monetary::pg_catalog.float8, c.churned, {}
         FROM pg_catalog.unnest($1) AS d (day)
         CROSS JOIN LATERAL {}.rs_churn_frame(date '1970-01-01' OPERATOR(pg_catalog.+) d.day, $2) AS c
         ORDER BY d.day, c.customer_id COLLATE pg_catalog.\"C\"",
        columns(features),
        install::schema()?
    ))
}

/// The features of all customers as of `$1`, in the order of their ids. Columns: customer_id, features.
///
/// # Errors
/// When the extension has gone.
pub fn of_one_day(features: &[&str]) -> Outcome<String> {
    Ok(format!(
        "SELECT c.customer_id, {} FROM {}.rs_customer_features($1) AS c ORDER BY c.customer_id COLLATE pg_catalog.\"C\"",
        columns(features),
        install::schema()?
    ))
}

/// The features of the customer `$2` as of `$1`. Columns: customer_id, features.
pub fn of_one(features: &[&str]) -> String {
    let body = BODY.replace(
        ONE_CUSTOMER,
        "AND f.customer_key = (SELECT k.customer_key FROM retailscope.dim_customer AS k WHERE k.customer_id = $2)",
    );
    format!(
        "SELECT c.customer_id, {} FROM ({body}) AS c ({})",
        columns(features),
        names()
    )
}

/// The features of all customers as of `$1`, computed from a relation that has no later facts at all. Columns: customer_id,
/// features.
pub fn of_truncated_facts(features: &[&str]) -> String {
    let body = BODY.replace(
        FACTS,
        "(SELECT t.* FROM retailscope.fact_sales AS t WHERE t.date < $1) AS f",
    );
    format!(
        "SELECT c.customer_id, {} FROM ({body}) AS c ({}) ORDER BY c.customer_id COLLATE \"C\"",
        columns(features),
        names()
    )
}

/// The values of a row, from the column `first` on.
pub fn values<'r>(
    rows: &'r Rows<'_>,
    row: usize,
    first: usize,
    (numbers, texts): (usize, usize),
    into: &mut Vec<f64>,
) -> Vec<Option<&'r str>> {
    into.clear();
    into.extend((0..numbers).map(|n| rows.f64(row, first + n).unwrap_or(f64::NAN)));
    (0..texts)
        .map(|t| {
            let bytes = rows.text(row, first + numbers + t)?;
            std::str::from_utf8(bytes).ok()
        })
        .collect()
}

/// A customer of whom there are no features.
pub fn unknown_customer(customer: &str) -> Failure {
    let shown: String = customer.chars().take(60).collect();
    Failure::invalid(format!("there is no customer \"{shown}\" with a merchandise sale"))
        .hint("The customers are in retailscope.dim_customer; first_sale_date tells who has bought merchandise.")
}
