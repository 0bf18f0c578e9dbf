//! Baskets: what is bought together, and what that advises.
//!
//! [`BasketsBuilder`] takes lines of baskets in any order. A [`Database`] holds the baskets that are mined, with their frequent
//! items alone; [`mine()`] finds the frequent itemsets by one of three algorithms, all with the same result, within limits.
//! [`train()`] makes rules of them, each with its evidence, and a [`RuleModel`] that advises what goes with a basket.

mod advice;
mod apriori;
mod check;
mod complements;
mod condense;
mod database;
mod eclat;
mod error;
mod evidence;
mod found;
mod fpgrowth;
mod gate;
mod index;
mod itemsets;
mod lattice;
mod listing;
mod measures;
mod mine;
mod model;
mod options;
mod rows;
mod rules;
mod search;
mod significance;
mod splits;
mod store;
mod threshold;
mod train;
mod validate;

pub use advice::Recommendation;
pub use condense::Condense;
pub use database::Database;
pub use error::BasketError;
pub use gate::{Cap, LONGEST, Limits};
pub use index::Index;
pub use itemsets::{Itemsets, Node};
pub use listing::Listing;
pub use measures::Measure;
pub use mine::{Algorithm, Mined, mine};
pub use model::{RuleModel, RuleRow};
pub use options::{ItemsetParams, RuleParams};
pub use store::{About, Baskets, BasketsBuilder, MONEY_UNITS};
pub use threshold::Fraction;
pub use train::{Curve, Metric, Request, Trained, train};

#[cfg(test)]
mod condense_tests;
#[cfg(test)]
mod gate_tests;
#[cfg(test)]
mod mine_tests;
#[cfg(test)]
mod miners_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod real_data_tests;
#[cfg(test)]
mod rules_real_tests;
#[cfg(test)]
mod rules_tests;
#[cfg(test)]
mod significance_tests;
#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod testing;
