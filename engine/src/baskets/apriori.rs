//! apriori

use super::Database;
use super::gate::Gate;
use super::itemsets::Node;
use crate::control::Stop;

/// All frequent itemsets in preorder.
///
/// # Errors
/// [`Stop`].
pub fn mine(database: &Database, gate: &Gate<'_>) -> Result<Vec<Node>, Stop> {
    super::eclat::mine(database, gate)
}
