//! Frequent itemsets by one of three algorithms: the same itemsets from each.

use super::gate::{Cap, Gate, Limits};
use super::{BasketError, Database, Itemsets, Node, apriori, eclat, fpgrowth};
use crate::control::{Charge, Control};
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
    /// Eclat where the frequent items are in less than a 16th of the baskets on average, FP-growth otherwise. Measured on one
    /// thread in CPU seconds (`benches/baskets.py`), FP-growth and Eclat: Online Retail II (1 %) at a support of 1 % 0.032 and
    /// 0.035, at 0.2 % 0.43 and 0.23; fimi retail (0.5 %) at 0.1 % 0.036 and 0.038; mushroom (45 %) at 20 % 0.006 and 0.008.
    Auto,
}

/// Baskets are sparse when a frequent item is in less than one of so many.
const SPARSE: u64 = 16;

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
    _charge: Charge,
}

/// The algorithm for baskets of this density.
fn suited(database: &Database) -> Algorithm {
    let baskets = database.offsets.len().saturating_sub(1) as u64;
    let cells = baskets.saturating_mul(database.width() as u64);
    if (database.items.len() as u64).saturating_mul(SPARSE) < cells {
        Algorithm::Eclat
    } else {
        Algorithm::FpGrowth
    }
}

/// Bytes that an itemset takes at most, from its node, twice while a list of nodes grows, to its place in a listing or an index.
const BYTES: u64 = 96;

/// The most itemsets that there is memory for. What is over it is cut by length, as for any limit, instead of an error.
fn affordable(control: &dyn Control) -> u64 {
    let held = control.held().map_or(0, |held| held.bytes());
    (control.memory_limit().saturating_sub(held) / BYTES).max(1)
}

/// All frequent itemsets within the limits, and within memory. `spent` tells the share of its time that the work has used (0 at the start, 1
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
        Algorithm::Auto => suited(&database),
        named => named,
    };
    let affordable = affordable(control);
    let within = Limits {
        max_itemsets: limits.max_itemsets.min(affordable),
        ..limits
    };
    let gate = Gate::new(within, spent, control);
    let mut nodes = match algorithm {
        Algorithm::Apriori => apriori::mine(&database, &gate)?,
        Algorithm::Eclat => eclat::mine(&database, &gate)?,
        Algorithm::FpGrowth | Algorithm::Auto => fpgrowth::mine(&database, &gate)?,
    };
    // A limit may have been reached after a part was handed over.
    gate.prune(&mut nodes);
    let bytes = nodes.capacity().saturating_mul(size_of::<Node>());
    let charge = Charge::new(bytes as u64, "mining itemsets", control)?;
    let mut caps = gate.caps();
    if affordable < limits.max_itemsets {
        for cap in &mut caps {
            if *cap == Cap::Itemsets {
                *cap = Cap::Memory;
            }
        }
    }
    Ok(Mined {
        itemsets: Itemsets::from_preorder(nodes),
        database,
        algorithm,
        longest: gate.longest(),
        caps,
        _charge: charge,
    })
}
