//! Itemsets by their items: the support of any itemset that was mined.

use super::itemsets::{Itemsets, Node};
use crate::control::{Charge, Control, Stop, reserve};

const PHASE: &str = "indexing itemsets";
/// Nodes between two looks at the control.
pub(super) const NODES_PER_LOOK: usize = 1 << 16;

/// A longer itemset, below the one that it prolongs.
#[derive(Debug, Clone, Copy, Default)]
struct Child {
    item: u32,
    /// Its place in the tree, see [`Index::child`].
    place: u32,
}

/// Finds an itemset by walking down from the root, item by item.
#[derive(Debug)]
pub struct Index<'a> {
    itemsets: &'a Itemsets,
    /// Where the children of each place begin in `children`, and one more for the end.
    starts: Vec<u32>,
    /// By parent, siblings in ascending numbers of their items.
    children: Vec<Child>,
    _charge: Charge,
}

/// The place of the empty itemset; node `n` has the place `n + 1`.
pub(super) const ROOT: u32 = 0;

impl<'a> Index<'a> {
    /// Takes 12 bytes for each itemset.
    ///
    /// # Errors
    /// [`Stop`].
    pub fn new(itemsets: &'a Itemsets, control: &dyn Control) -> Result<Index<'a>, Stop> {
        let nodes = itemsets.nodes();
        let bytes = (nodes.len() as u64).saturating_mul(12) + 8;
        if u32::try_from(nodes.len()).is_ok_and(|n| n < u32::MAX - 1) {
            let charge = Charge::new(bytes, PHASE, control)?;
            let starts = starts(nodes, control)?;
            let mut index = Index {
                itemsets,
                starts,
                children: Vec::new(),
                _charge: charge,
            };
            index.fill(control)?;
            Ok(index)
        } else {
            Err(Stop::NoMemory {
                phase: PHASE,
                bytes,
            })
        }
    }

    /// Puts each node among the children of its parent; afterwards `starts` are the starts and no longer the ends.
    fn fill(&mut self, control: &dyn Control) -> Result<(), Stop> {
        let nodes = self.itemsets.nodes();
        reserve(&mut self.children, nodes.len(), PHASE)?;
        self.children.resize(nodes.len(), Child::default());
        let (starts, children) = (&mut self.starts, &mut self.children);
        with_parents(nodes, control, |parent, child| {
            if let Some(next) = starts.get_mut(parent as usize)
                && let Some(slot) = children.get_mut(*next as usize)
            {
                *slot = child;
                *next += 1;
            }
        })?;
        // Each start has moved to its end, which is the start of the next place.
        self.starts.rotate_right(1);
        if let Some(first) = self.starts.first_mut() {
            *first = 0;
        }
        Ok(())
    }

    /// The itemsets that are indexed.
    #[must_use]
    pub fn itemsets(&self) -> &'a Itemsets {
        self.itemsets
    }

    /// The place of the itemset that has one item more, a higher number than the others, than the one at `place`.
    pub(super) fn child(&self, place: u32, item: u32) -> Option<u32> {
        let at = place as usize;
        let (start, end) = (*self.starts.get(at)?, *self.starts.get(at + 1)?);
        let children = self.children.get(start as usize..end as usize)?;
        // All items are below the root, at their numbers.
        let here = children.get(item as usize).filter(|c| c.item == item);
        let found = here.or_else(|| {
            let at = children.partition_point(|c| c.item < item);
            children.get(at).filter(|c| c.item == item)
        });
        found.map(|c| c.place)
    }

    /// The node of an itemset: its index in [`Itemsets::nodes`]. `items` are numbers of the [`super::Database`], ascending.
    #[must_use]
    pub fn node(&self, items: &[u32]) -> Option<usize> {
        let place = items
            .iter()
            .try_fold(ROOT, |place, item| self.child(place, *item))?;
        (place as usize).checked_sub(1)
    }

    /// The baskets that hold all of some items (ascending numbers of the [`super::Database`]); `None` when they are not among
    /// the itemsets that were mined.
    #[must_use]
    pub fn support(&self, items: &[u32]) -> Option<u32> {
        self.itemsets
            .nodes()
            .get(self.node(items)?)
            .map(|n| n.support)
    }
}

/// Where the children of each place begin.
fn starts(nodes: &[Node], control: &dyn Control) -> Result<Vec<u32>, Stop> {
    let mut starts: Vec<u32> = Vec::new();
    reserve(&mut starts, nodes.len() + 2, PHASE)?;
    starts.resize(nodes.len() + 2, 0);
    with_parents(nodes, control, |parent, _| {
        if let Some(count) = starts.get_mut(parent as usize) {
            *count += 1;
        }
    })?;
    let mut sum = 0;
    for slot in &mut starts {
        sum += std::mem::replace(slot, sum);
    }
    Ok(starts)
}

/// Calls `each` with the place of the parent of every node, in preorder.
fn with_parents(
    nodes: &[Node],
    control: &dyn Control,
    mut each: impl FnMut(u32, Child),
) -> Result<(), Stop> {
    let mut path = vec![ROOT];
    for (place, node) in (1u32..).zip(nodes) {
        if (place as usize).is_multiple_of(NODES_PER_LOOK) {
            control.check()?;
        }
        path.truncate(node.depth as usize);
        if let Some(parent) = path.last() {
            let item = node.item;
            each(*parent, Child { item, place });
        }
        path.push(place);
    }
    control.check()
}
