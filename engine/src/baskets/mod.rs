//! Baskets: what is bought together, and what that advises.
//!
//! [`BasketsBuilder`] takes lines of baskets in any order. A [`Database`] holds the baskets that are mined, with their frequent
//! items alone; [`mine()`] finds the frequent itemsets by one of three algorithms, all with the same result, within limits.

mod apriori;
mod condense;
mod database;
mod eclat;
mod error;
mod found;
mod fpgrowth;
mod gate;
mod index;
mod itemsets;
mod lattice;
mod mine;
#[cfg(test)]
mod miners_tests;
mod rows;
mod store;
mod threshold;

pub use condense::Condense;
pub use database::Database;
pub use error::BasketError;
pub use gate::{Cap, LONGEST, Limits};
pub use index::Index;
pub use itemsets::{Itemsets, Node};
pub use mine::{Algorithm, Mined, mine};
pub use store::{About, Baskets, BasketsBuilder, MONEY_UNITS};
pub use threshold::Fraction;

#[cfg(test)]
mod condense_tests;
#[cfg(test)]
mod gate_tests;
#[cfg(test)]
mod mine_tests;
#[cfg(test)]
mod real_data_tests;
#[cfg(test)]
mod store_tests;
#[cfg(test)]
mod testing;
