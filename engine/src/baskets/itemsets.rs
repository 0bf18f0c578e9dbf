//! Frequent itemsets as miners find them: a prefix tree in preorder.

/// A node of the tree: the itemset of its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Items of the path, this one included: 1 for a single item.
    pub depth: u32,
    /// The last item of the path, by its number in the [`super::Database`].
    pub item: u32,
    /// Baskets that hold all items of the path.
    pub support: u32,
}

/// Itemsets in preorder. A path has its items in ascending numbers (the rarest first), and siblings are in ascending numbers
/// too: whatever algorithm found them, the same itemsets are the same nodes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Itemsets {
    nodes: Vec<Node>,
}

impl Itemsets {
    /// Takes nodes in preorder.
    #[must_use]
    pub fn from_preorder(nodes: Vec<Node>) -> Itemsets {
        Itemsets { nodes }
    }

    /// The nodes in preorder.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Number of itemsets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True without any itemset.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Calls `each` with every itemset (its items in ascending numbers) and its support, in preorder, until it fails.
    ///
    /// # Errors
    /// What `each` gives.
    pub fn try_for_each<E>(
        &self,
        mut each: impl FnMut(usize, &[u32], u32) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut path: Vec<u32> = Vec::new();
        for (at, node) in self.nodes.iter().enumerate() {
            path.truncate((node.depth as usize).saturating_sub(1));
            path.push(node.item);
            each(at, &path, node.support)?;
        }
        Ok(())
    }

    /// Itemsets of 1, 2, ... items.
    #[must_use]
    pub fn by_size(&self) -> Vec<u64> {
        let mut sizes: Vec<u64> = Vec::new();
        for node in &self.nodes {
            let at = (node.depth as usize).saturating_sub(1);
            if sizes.len() <= at {
                sizes.resize(at + 1, 0);
            }
            if let Some(size) = sizes.get_mut(at) {
                *size += 1;
            }
        }
        sizes
    }
}
