//! Apriori (Agrawal and Srikant 1994): itemsets level by level. What is frequent has frequent subsets alone, so the candidates
//! of a level are those whose subsets of one item less were all found in the level before; one pass over the baskets counts
//! them.
//!
//! A level with more candidates than fit a block is counted in several passes, so that memory is bounded by what is frequent,
//! which the limit of itemsets bounds. What is counted by several threads are integers: their sums are the same in any order.

mod baskets;
mod count;
mod generate;
mod levels;
mod pairs;
#[cfg(test)]
mod tests;

use super::Database;
use super::gate::Gate;
use super::itemsets::Node;
use crate::control::{Charge, Stop, reserve};
use baskets::Rest;
use levels::Levels;

const PHASE: &str = "apriori";
/// Counts of a pass over the baskets, in all threads together: 8 MiB.
const CELLS_PER_PASS: usize = 1 << 21;

/// Why a level is not finished.
enum Ended {
    Stopped(Stop),
    /// A limit was reached: itemsets as long as those of the level are no longer looked for.
    Cut,
}

impl From<Stop> for Ended {
    fn from(stop: Stop) -> Ended {
        Ended::Stopped(stop)
    }
}

/// [`Gate::check`], and whether itemsets of `length` items are still looked for.
fn check(gate: &Gate<'_>, length: usize) -> Result<(), Ended> {
    gate.check()?;
    if gate.longest() < length {
        return Err(Ended::Cut);
    }
    Ok(())
}

/// All frequent itemsets in preorder.
///
/// # Errors
/// [`Stop`].
pub fn mine(database: &Database, gate: &Gate<'_>) -> Result<Vec<Node>, Stop> {
    mine_in_passes(database, CELLS_PER_PASS, gate)
}

fn mine_in_passes(database: &Database, cells: usize, gate: &Gate<'_>) -> Result<Vec<Node>, Stop> {
    let mut levels = Levels::new(database, gate)?;
    match search(database, &mut levels, cells, gate) {
        Err(Ended::Stopped(stop)) => return Err(stop),
        Ok(()) | Err(Ended::Cut) => {}
    }
    let longest = gate.longest();
    let count = levels.itemsets(longest);
    let bytes = count.saturating_mul(size_of::<Node>()) as u64;
    let _charge = Charge::new(bytes, PHASE, gate.control())?;
    let mut nodes = Vec::new();
    reserve(&mut nodes, count, PHASE)?;
    levels.preorder(longest, gate.control(), &mut nodes)?;
    Ok(nodes)
}

/// Adds level after level until one is empty or a limit is reached; an unfinished one is dropped.
fn search(
    database: &Database,
    levels: &mut Levels,
    cells: usize,
    gate: &Gate<'_>,
) -> Result<(), Ended> {
    gate.looking_for(2);
    check(gate, 2)?;
    pairs::find(database, levels, cells, gate)?;
    let mut rest: Option<Rest> = None;
    for length in 3usize.. {
        if levels.last_is_empty() {
            break;
        }
        gate.looking_for(length);
        check(gate, length)?;
        let useful = levels.useful(length, gate)?;
        let rest = match rest.as_mut() {
            Some(rest) => Rest::shrink(rest, &useful, length, gate)?,
            None => rest.insert(Rest::new(database, &useful, length, gate)?),
        };
        generate::find(rest, levels, (length, database.min_count, cells), gate)?;
    }
    Ok(())
}
