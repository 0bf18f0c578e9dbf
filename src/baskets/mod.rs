//! Baskets at the boundary: sales are read as baskets, rules are mined, stored and asked, and any query's itemsets are listed.

mod itemsets;
mod mine;
mod products;
mod read;
mod select;
mod serve;

use crate::pg::error::warn;
use pgrx::prelude::*;
use retailscope_engine::baskets::Cap;
use std::time::Instant;

/// The name of the task in the registry.
const TASK: &str = "baskets";

/// The share of a time budget that has been used since `began`.
fn spent_of(budget_ms: u64, began: Instant) -> impl Fn() -> f64 + Sync {
    move || began.elapsed().as_secs_f64() * 1000.0 / budget_ms as f64
}

/// The limits of a search, for what is said when one was reached.
struct Limits {
    /// What is complete up to a length: "rules", "itemsets".
    what: &'static str,
    longest: usize,
    max_itemsets: u64,
    time_budget_ms: u64,
    max_rules: usize,
}

impl Limits {
    /// A WARNING for each limit that was reached. To be called last (see [`warn`]).
    fn report(&self, caps: &[Cap]) {
        let cut = |limit: String| {
            let what = self.what;
            match self.longest {
                0 | 1 => format!("single items alone are complete: {limit} was reached"),
                longest => {
                    format!("{what} of up to {longest} items are complete: {limit} was reached")
                }
            }
        };
        for cap in caps {
            match cap {
                Cap::Itemsets => warn(
                    cut(format!("max_itemsets ({})", self.max_itemsets)),
                    "Raise min_support, or max_itemsets in options, or lower max_len.",
                ),
                Cap::Memory => warn(
                    cut(format!(
                        "retailscope.max_memory ({} MB)",
                        crate::pg::settings::max_memory() >> 20
                    )),
                    "Raise min_support, or retailscope.max_memory, or lower max_len.",
                ),
                Cap::Time => warn(
                    cut(format!("time_budget_ms ({})", self.time_budget_ms)),
                    "Raise min_support, or time_budget_ms in options, or lower max_len.",
                ),
                Cap::Tests => warn(
                    cut("the most rules that are tested".to_owned()),
                    "Raise min_support, or lower max_len, max_antecedent or max_consequent.",
                ),
                Cap::Rules => warn(
                    format!(
                        "only the best rules are kept: max_rules ({}) was reached",
                        self.max_rules
                    ),
                    "Raise min_confidence, min_lift or min_support, or max_rules in options; top_k asks for the best ones.",
                ),
            }
        }
    }
}

extension_sql_file!(
    "../../sql/baskets.sql",
    name = "baskets",
    requires = [
        "models",
        mine::rs_mine_rules,
        serve::rs_model_rules,
        serve::rs_recommend,
        products::rs_stock_codes,
        itemsets::rs_frequent_itemsets
    ]
);
