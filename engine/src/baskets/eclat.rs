//! Eclat (Zaki 2000): the baskets of an itemset are the intersection of the baskets of its parts.

use super::Database;
use super::gate::Gate;
use super::itemsets::Node;
use crate::control::Stop;

/// All frequent itemsets in preorder.
///
/// # Errors
/// [`Stop`].
pub fn mine(database: &Database, gate: &Gate<'_>) -> Result<Vec<Node>, Stop> {
    let mut lists: Vec<Vec<u32>> = vec![Vec::new(); database.width()];
    for (basket, items) in (0u32..).zip(database.baskets()) {
        for item in items {
            if let Some(list) = lists.get_mut(*item as usize) {
                list.push(basket);
            }
        }
    }
    let class: Vec<(u32, Vec<u32>)> = (0u32..).zip(lists).collect();
    let mut nodes = Vec::new();
    extend(&class, 1, database.min_count as usize, gate, &mut nodes)?;
    Ok(nodes)
}

fn extend(
    class: &[(u32, Vec<u32>)],
    depth: usize,
    min_count: usize,
    gate: &Gate<'_>,
    nodes: &mut Vec<Node>,
) -> Result<(), Stop> {
    if depth > gate.longest() {
        return Ok(());
    }
    for (at, (item, list)) in class.iter().enumerate() {
        gate.check()?;
        gate.found(depth, 1);
        nodes.push(Node {
            depth: depth as u32,
            item: *item,
            support: list.len() as u32,
        });
        let rest = class.get(at + 1..).unwrap_or_default();
        let next: Vec<(u32, Vec<u32>)> = rest
            .iter()
            .map(|(other, baskets)| (*other, common(list, baskets)))
            .filter(|(_, baskets)| baskets.len() >= min_count)
            .collect();
        extend(&next, depth + 1, min_count, gate, nodes)?;
    }
    Ok(())
}

fn common(a: &[u32], b: &[u32]) -> Vec<u32> {
    let mut out = Vec::new();
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        match x.cmp(y) {
            std::cmp::Ordering::Less => drop(a.next()),
            std::cmp::Ordering::Greater => drop(b.next()),
            std::cmp::Ordering::Equal => {
                out.push(**x);
                a.next();
                b.next();
            }
        }
    }
    out
}
