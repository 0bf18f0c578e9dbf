//! What is mined: the items that options name, and the group of baskets.

use crate::baskets::products;
use crate::pg::cursor::{Snapshot, for_each_batch_in};
use crate::pg::error::{Failure, Outcome};
use pgrx::prelude::*;
use retailscope_engine::names::{did_you_mean, listed, shown};
use std::collections::{BTreeSet, HashSet};

/// The stock codes that entries of `include` or `exclude` stand for: a code, a description, or a pattern of LIKE with `%`,
/// whatever the case, in which a backslash is a backslash.
///
/// # Errors
/// 22023 for an entry that no product matches.
pub fn items(entries: &[String]) -> Outcome<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for entry in entries {
        if !entry.contains('%') {
            all.extend(products::known(entry)?);
            continue;
        }
        let before = all.len();
        let mut found = 0usize;
        for_each_batch_in(
            Snapshot::Statement,
            "SELECT p.stock_code FROM retailscope.dim_product AS p, lower(replace($1, 'I', 'i')) AS pattern
             WHERE lower(replace(p.stock_code, 'I', 'i')) LIKE pattern ESCAPE '' OR lower(replace(p.description, 'I', 'i')) LIKE pattern ESCAPE ''",
            &[entry.as_str().into()],
            |rows| {
                found += rows.len();
                all.extend((0..rows.len()).filter_map(|row| text(rows.text(row, 0)?)));
                Ok(())
            },
        )?;
        if found == 0 && all.len() == before {
            return Err(Failure::invalid(format!(
                "no product's stock code or description is like {}",
                shown(entry)
            ))
            .hint("In a pattern % stands for any characters, _ for any one, and case does not matter."));
        }
    }
    Ok(all)
}

fn text(bytes: &[u8]) -> Option<String> {
    Some(String::from_utf8_lossy(bytes).into_owned())
}

/// The keys of the customers of a segment: one that a model made, or else one of RFM.
///
/// # Errors
/// 22023 when there is none of this name.
pub fn customers(segment: &str) -> Outcome<HashSet<i32>> {
    for sql in [
        "SELECT c.customer_key FROM retailscope.mart_customer_segments AS m
         JOIN retailscope.dim_customer AS c ON c.customer_id = m.customer_id WHERE m.segment = $1",
        "SELECT m.customer_key FROM retailscope.mart_customer_rfm AS m WHERE m.rfm_segment = $1",
    ] {
        let mut keys = HashSet::new();
        for_each_batch_in(Snapshot::Statement, sql, &[segment.into()], |rows| {
            keys.extend((0..rows.len()).filter_map(|row| rows.i32(row, 0)));
            Ok(())
        })?;
        if !keys.is_empty() {
            return Ok(keys);
        }
    }
    let known = column(
        "SELECT m.segment FROM retailscope.mart_customer_segments AS m
         UNION SELECT m.rfm_segment FROM retailscope.mart_customer_rfm AS m ORDER BY 1",
    )?;
    Err(unknown(
        "segment",
        segment,
        &known,
        "There are none yet: SELECT * FROM rs_refresh_marts(); SELECT * FROM rs_train_segments();",
    ))
}

/// Why a country has no baskets.
///
/// # Errors
/// PostgreSQL's own unwind.
pub fn no_baskets_of(country: &str) -> Outcome<Failure> {
    let known = column("SELECT DISTINCT f.country FROM retailscope.fact_sales AS f ORDER BY 1")?;
    if known.iter().any(|k| k == country) {
        return Ok(Failure::new(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("there are no baskets of the country {}", shown(country)),
        )
        .hint("Choose wider dates, or another segment."));
    }
    Ok(unknown(
        "country",
        country,
        &known,
        "There are no sales yet.",
    ))
}

fn column(sql: &str) -> Outcome<Vec<String>> {
    let mut all = Vec::new();
    for_each_batch_in(Snapshot::Statement, sql, &[], |rows| {
        all.extend((0..rows.len()).filter_map(|row| text(rows.text(row, 0)?)));
        Ok(())
    })?;
    Ok(all)
}

fn unknown(what: &str, name: &str, known: &[String], none: &str) -> Failure {
    let hint = match known {
        [] => none.to_owned(),
        known if what == "country" => format!("The countries are {}.", listed(known)),
        known => format!("The segments are {}.", listed(known)),
    };
    Failure::invalid(format!(
        "there is no {what} {}{}",
        shown(name),
        did_you_mean(name, known)
    ))
    .hint(hint)
}
