//! Frequent itemsets by one of three algorithms: the same itemsets from each.

use super::gate::{Cap, Gate, Limits};
use super::{BasketError, Database, Itemsets, apriori, eclat, fpgrowth};
use crate::control::Control;
use crate::names::{did_you_mean, listed};

/// How itemsets are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// Level by level, by candidates whose subsets are all frequent (Agrawal and Srikant 1994).
    Apriori,
    /// By growing patterns in a tree of common prefixes (Han, Pei and Yin 2000).
    FpGrowth,
    /// By intersecting the sets of baskets that hold an item (Zaki 2000).
    Eclat,
    /// The one of the last two that suits the density of the baskets.
    Auto,
}

const NAMES: [(&str, Algorithm); 4] = [
    ("apriori", Algorithm::Apriori),
    ("fpgrowth", Algorithm::FpGrowth),
    ("eclat", Algorithm::Eclat),
    ("auto", Algorithm::Auto),
];

impl Algorithm {
    /// By its name.
    ///
    /// # Errors
    /// [`BasketError::Algorithm`].
    pub fn parse(name: &str) -> Result<Algorithm, BasketError> {
        let found = NAMES.iter().find(|(n, _)| *n == name);
        found.map(|(_, a)| *a).ok_or_else(|| {
            let known = NAMES.map(|(n, _)| n);
            BasketError::Algorithm {
                given: name.chars().take(60).collect(),
                near: did_you_mean(name, &known),
                known: listed(&known),
            }
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(_, a)| *a == self)
            .map_or("", |(n, _)| n)
    }
}

/// Itemsets with what their numbers mean.
#[derive(Debug)]
pub struct Mined {
    /// The baskets they were mined from.
    pub database: Database,
    /// All frequent itemsets of up to `longest` items.
    pub itemsets: Itemsets,
    /// The algorithm that ran: never [`Algorithm::Auto`].
    pub algorithm: Algorithm,
    /// Items of the longest itemsets that were looked for.
    pub longest: usize,
    /// The limits that were reached.
    pub caps: Vec<Cap>,
}

/// All frequent itemsets within the limits. `spent` tells the share of its time that the work has used (0 at the start, 1
/// when the time is up; always 0 without a limit).
///
/// # Errors
/// [`BasketError::Stopped`].
pub fn mine(
    database: Database,
    algorithm: Algorithm,
    limits: Limits,
    spent: &(dyn Fn() -> f64 + Sync),
    control: &dyn Control,
) -> Result<Mined, BasketError> {
    let algorithm = match algorithm {
        Algorithm::Auto => Algorithm::FpGrowth,
        named => named,
    };
    let gate = Gate::new(limits, spent, control);
    let mut nodes = match algorithm {
        Algorithm::Apriori => apriori::mine(&database, &gate)?,
        Algorithm::Eclat => eclat::mine(&database, &gate)?,
        Algorithm::FpGrowth | Algorithm::Auto => fpgrowth::mine(&database, &gate)?,
    };
    // A limit may have been reached after a part was handed over.
    gate.prune(&mut nodes);
    Ok(Mined {
        itemsets: Itemsets::from_preorder(nodes),
        database,
        algorithm,
        longest: gate.longest(),
        caps: gate.caps(),
    })
}
