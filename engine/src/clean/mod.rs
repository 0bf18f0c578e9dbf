//! Clean: raw lines become typed lines with a kind and an identity, or rejects with a reason.

pub mod cleaner;
pub mod datetime;
pub mod decimal;
pub mod dedupe;
pub mod error;
pub mod identity;
pub mod line;
pub mod rules;
pub mod spill;
mod standard;
mod template;
mod text;

pub use cleaner::{Cleaner, Formats};
pub use error::CleanError;
pub use line::{LineBatch, LineKind, TextColumn};
pub use rules::{Rule, RuleKind, Rules};

#[cfg(test)]
mod cleaner_tests;
#[cfg(test)]
mod datetime_tests;
#[cfg(test)]
mod decimal_tests;
#[cfg(test)]
mod identity_tests;
#[cfg(test)]
mod memory_tests;
#[cfg(test)]
pub(crate) mod real_data_tests;
#[cfg(test)]
mod rules_tests;
