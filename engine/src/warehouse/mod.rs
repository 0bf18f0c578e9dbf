//! Warehouse: what a batch of loaded lines means for the accounts and the dimensions.

pub mod account;
pub mod dimensions;

pub use account::Account;
pub use dimensions::{CustomerFacts, Dimensions};
