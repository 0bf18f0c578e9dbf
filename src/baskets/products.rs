//! Products by what people call them: a stock code, or a description.

use crate::pg::cursor::{Snapshot, for_each_batch_in};
use crate::pg::error::{Failure, Outcome};
use crate::pg::plan::run_kept;
use crate::pg::settings::locally;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use retailscope_engine::names::{did_you_mean, nearest, shown};

/// The stock codes that a text stands for: the code itself, or the codes of all products of this description.
#[pg_extern(stable, parallel_safe)]
#[search_path(pg_catalog, pg_temp)]
pub fn rs_stock_codes(item: &str) -> Result<Vec<String>, ErrorReport> {
    Ok(known(item)?)
}

/// The stock codes that a text stands for; case and blanks around do not matter, nor repeated ones in a description. None
/// for what the warehouse does not know.
///
/// # Errors
/// PostgreSQL's own unwind.
pub fn codes_of(item: &str) -> Outcome<Vec<String>> {
    let code = item.trim().to_uppercase();
    let by_code = "SELECT p.stock_code FROM retailscope.dim_product AS p WHERE p.stock_code = $1";
    let found = codes(by_code, &code)?;
    if !found.is_empty() {
        return Ok(found);
    }
    let name = item.split_whitespace().collect::<Vec<_>>().join(" ");
    // Without statistics the planner would rather compute this of every product.
    locally(&[(c"enable_seqscan", c"off")], || {
        codes(
            "SELECT p.stock_code FROM retailscope.dim_product AS p
             WHERE lower(replace(btrim(regexp_replace(p.description, '[[:space:]]+', ' ', 'g')), 'I', 'i')) = lower(replace($1, 'I', 'i'))
             ORDER BY p.stock_code COLLATE \"C\"",
            &name,
        )
    })
}

/// [`codes_of`], at least one.
///
/// # Errors
/// 22023 with the nearest name for what the warehouse does not know.
pub fn known(item: &str) -> Outcome<Vec<String>> {
    let found = codes_of(item)?;
    if found.is_empty() {
        return Err(unknown(item)?);
    }
    Ok(found)
}

fn codes(sql: &str, argument: &str) -> Outcome<Vec<String>> {
    run_kept(sql, &[argument.into()], |rows| {
        let Some(rows) = rows else {
            return Ok(Vec::new());
        };
        let text = |row| Some(String::from_utf8_lossy(rows.text(row, 0)?).into_owned());
        Ok((0..rows.len()).filter_map(text).collect())
    })
}

/// The refusal of a name that no product has.
///
/// # Errors
/// PostgreSQL's own unwind.
pub fn unknown(item: &str) -> Outcome<Failure> {
    // The nearest of each batch, and then of these: all names need not be held.
    let mut near: Vec<String> = Vec::new();
    if item.trim().is_empty() {
        return Ok(refusal(item, &near));
    }
    for_each_batch_in(
        Snapshot::Statement,
        "SELECT p.stock_code, p.description FROM retailscope.dim_product AS p ORDER BY p.stock_code COLLATE \"C\"",
        &[],
        |rows| {
            let texts: Vec<&str> = (0..rows.len())
                .flat_map(|row| [rows.text(row, 0), rows.text(row, 1)])
                .filter_map(|bytes| std::str::from_utf8(bytes?).ok())
                .filter(|name| name.contains(char::is_alphanumeric))
                .collect();
            near.extend(nearest(item, &texts).map(str::to_owned));
            Ok(())
        },
    )?;
    Ok(refusal(item, &near))
}

fn refusal(item: &str, near: &[String]) -> Failure {
    Failure::invalid(format!(
        "there is no product {}{}",
        shown(item),
        did_you_mean(item, near)
    ))
    .hint("Products have a stock code and a description: SELECT * FROM retailscope.dim_product WHERE description ILIKE '%...%';")
}
