//! Fewer itemsets that say the same: the closed and the maximal ones.

use super::index::{Index, NODES_PER_LOOK, ROOT};
use crate::control::{Control, Stop, reserve};
use crate::names::{did_you_mean, listed, shown};
use crate::params::{ParamError, wrong};

const PHASE: &str = "condensing itemsets";

/// Which itemsets are kept (Pasquier et al. 1999 for the closed, Bayardo 1998 for the maximal ones).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condense {
    /// All of them.
    All,
    /// Those without a superset of the same support: from them the support of every other one can be told.
    Closed,
    /// Those without a frequent superset: from them it can be told which others are frequent.
    Maximal,
}

const NAMES: [(&str, Condense); 3] = [
    ("all", Condense::All),
    ("closed", Condense::Closed),
    ("maximal", Condense::Maximal),
];

/// The place of an itemset that was not mined.
const NOWHERE: u32 = u32::MAX;

impl Condense {
    /// By its name, the value of the key `itemsets`.
    ///
    /// # Errors
    /// [`ParamError::Value`].
    pub fn parse(name: &str) -> Result<Condense, ParamError> {
        let found = NAMES.iter().find(|(n, _)| *n == name);
        found.map(|(_, c)| *c).ok_or_else(|| {
            let known = NAMES.map(|(n, _)| n);
            let near = did_you_mean(name, &known);
            let (given, known) = (shown(name), listed(&known));
            wrong(
                "itemsets",
                format!("must be one of {known}, not {given}{near}"),
            )
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES
            .iter()
            .find(|(_, c)| *c == self)
            .map_or("", |(n, _)| n)
    }

    /// True for the nodes that are kept, in the order of [`super::Itemsets::nodes`].
    ///
    /// Only supersets among the mined count. Where `max_len` or a limit has cut the itemsets at a length, those of that
    /// length are all kept, although longer ones, which nobody has looked for, may have the same support or be frequent.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn kept(self, index: &Index<'_>, control: &dyn Control) -> Result<Vec<bool>, Stop> {
        let nodes = index.itemsets().nodes();
        control.budget(PHASE, nodes.len() as u64)?;
        let mut kept = Vec::new();
        reserve(&mut kept, nodes.len(), PHASE)?;
        kept.resize(nodes.len(), true);
        if self == Condense::All {
            return Ok(kept);
        }
        // When any superset counts, one of a single item more does. So each node marks its subsets of one item less. The path
        // of a node without its item at j is the path of its parent without that item, prolonged by the node's own item: one
        // step in the tree, when the places of the parent's subsets are at hand. `without` has them for each node of the path.
        let (mut path, mut without) = (vec![ROOT], Vec::new());
        for (place, node) in (1u32..).zip(nodes) {
            if (place as usize).is_multiple_of(NODES_PER_LOOK) {
                control.check()?;
            }
            let depth = node.depth as usize;
            let shorter = depth.saturating_sub(1);
            let start = depth * shorter / 2;
            path.truncate(depth);
            without.truncate(start);
            for at in start - shorter..start {
                let subset = without.get(at).copied().unwrap_or(NOWHERE);
                without.push(index.child(subset, node.item).unwrap_or(NOWHERE));
            }
            without.push(path.last().copied().unwrap_or(NOWHERE));
            path.push(place);
            for subset in without.get(start..).unwrap_or_default() {
                let Some(at) = (*subset as usize).checked_sub(1) else {
                    continue;
                };
                if let (Some(flag), Some(other)) = (kept.get_mut(at), nodes.get(at))
                    && (self == Condense::Maximal || other.support == node.support)
                {
                    *flag = false;
                }
            }
        }
        Ok(kept)
    }
}
