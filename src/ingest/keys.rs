//! Surrogate keys: natural keys of a packet are looked up, and made where they are new, set-wise.

use crate::pg::cursor::for_each_batch;
use crate::pg::error::{Failure, Outcome, spi};
use pgrx::prelude::*;
use retailscope_engine::clean::dedupe::Fresh;

/// A product as the dimension has it.
#[derive(Debug, Clone, Copy)]
pub struct Product {
    /// `dim_product.product_key`
    pub key: i32,
    /// `dim_product.is_merchandise`, which a user may have changed.
    pub is_merchandise: bool,
}

/// Blocks other writers of facts and dimensions until the end of the transaction: keys that facts refer to cannot vanish
/// meanwhile, which is what their foreign keys would have checked row by row, and indexes can be built at the end.
///
/// # Errors
/// PostgreSQL's own unwind (no privilege).
pub fn lock_warehouse() -> Outcome<()> {
    Spi::run(
        "LOCK TABLE retailscope.fact_sales, retailscope.dim_customer, retailscope.dim_product, retailscope.dim_date
         IN SHARE ROW EXCLUSIVE MODE",
    )
    .map_err(spi)
}

/// The customers' keys, in the order of `fresh`; the empty name is the unknown customer, key 0.
///
/// # Errors
/// PostgreSQL's own unwind.
pub fn customers(fresh: &[Fresh]) -> Outcome<Vec<i32>> {
    let names: Vec<&str> = fresh.iter().map(|(_, name)| &**name).collect();
    let mut keys = vec![0; names.len()];
    for_each_batch(
        include_str!("../../sql/customer_keys.sql"),
        &[names.into()],
        |rows| {
            for row in 0..rows.len() {
                place(&mut keys, rows.i64(row, 0), rows.i32(row, 1))?;
            }
            Ok(())
        },
    )?;
    Ok(keys)
}

/// The products' keys, in the order of `fresh`; `is_merchandise` is for those that are new.
///
/// # Errors
/// PostgreSQL's own unwind.
pub fn products(fresh: &[Fresh], is_merchandise: &[bool]) -> Outcome<Vec<Product>> {
    let codes: Vec<&str> = fresh.iter().map(|(_, code)| &**code).collect();
    let mut found = vec![
        Product {
            key: 0,
            is_merchandise: false
        };
        codes.len()
    ];
    for_each_batch(
        include_str!("../../sql/product_keys.sql"),
        &[codes.into(), is_merchandise.to_vec().into()],
        |rows| {
            for row in 0..rows.len() {
                let product = rows.i32(row, 1).map(|key| Product {
                    key,
                    is_merchandise: rows.bool(row, 2).unwrap_or(true),
                });
                place(&mut found, rows.i64(row, 0), product)?;
            }
            Ok(())
        },
    )?;
    Ok(found)
}

fn place<T>(all: &mut [T], position: Option<i64>, value: Option<T>) -> Outcome<()> {
    let slot = position
        .and_then(|p| usize::try_from(p).ok())
        .and_then(|p| all.get_mut(p.wrapping_sub(1)));
    match (slot, value) {
        (Some(slot), Some(value)) => {
            *slot = value;
            Ok(())
        }
        _ => Err(Failure::internal("a dimension gave no key")),
    }
}

/// `count` fresh values of the sequence of `fact_sales.sale_id`.
///
/// # Errors
/// PostgreSQL's own unwind.
pub fn sale_ids(sequence: pg_sys::Oid, count: usize) -> Outcome<Vec<i64>> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    crate::pg::sequence::take(sequence, count)
        .map(|first| (first..first + count).collect())
        .ok_or_else(|| Failure::internal("the sequence of sale_id gave no value"))
}
