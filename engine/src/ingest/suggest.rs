//! A mapping to start from, for a source whose columns are called otherwise.

use serde_json::Value;

use super::batch::Field;
use super::mapping::known;
use crate::names::{nearest, normal};

/// For each missing field a pair of a mapping: the free column whose name is nearest, or else the next free one.
pub(super) fn suggested(missing: &[Field], mut free: Vec<&str>) -> Vec<(String, Value)> {
    let mut chosen: Vec<Option<String>> = missing
        .iter()
        .map(|f| {
            let near = known(*f)
                .iter()
                .chain([&f.name()])
                .find_map(|k| nearest(k, &free))
                .or_else(|| {
                    free.iter()
                        .copied()
                        .find(|c| usual(*f).contains(&normal(c).as_str()))
                })
                .map(str::to_owned)?;
            free.retain(|c| *c != near);
            Some(near)
        })
        .collect();
    let mut rest = free.into_iter();
    for slot in chosen.iter_mut().filter(|c| c.is_none()) {
        *slot = rest.next().map(str::to_owned);
    }
    let pair = |(f, column): (&Field, Option<String>)| {
        let column = column.unwrap_or_else(|| format!("column of {}", f.name()));
        (column.chars().take(60).collect(), Value::from(f.name()))
    };
    missing.iter().zip(chosen).map(pair).collect()
}

/// What columns of a required field are called elsewhere: good enough to suggest, not to assume.
fn usual(field: Field) -> &'static [&'static str] {
    match field {
        Field::InvoiceNo => &[
            "orderno",
            "orderid",
            "ordernumber",
            "order",
            "receiptno",
            "receipt",
            "transactionid",
            "ticket",
            "basketid",
        ],
        Field::StockCode => &[
            "sku",
            "productid",
            "itemid",
            "articleno",
            "product",
            "item",
            "article",
            "ean",
        ],
        Field::Quantity => &["qty", "units", "pieces", "count"],
        Field::SoldAt => &[
            "ts",
            "orderdate",
            "date",
            "datetime",
            "timestamp",
            "createdat",
            "saledate",
            "orderedat",
        ],
        Field::UnitPrice => &["itemprice", "saleprice", "amount", "unitcost"],
        _ => &[],
    }
}
