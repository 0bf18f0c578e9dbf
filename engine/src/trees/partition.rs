//! Parting the rows of a node between its children, in their order.

use rayon::prelude::*;

use super::histogram::CHUNK;

/// Moves the rows for which `left` holds to the front of `rows` and returns their number; both parts keep their order.
/// `spare` is as long as `rows`.
pub(super) fn partition(
    rows: &mut [u32],
    spare: &mut [u32],
    left: impl Fn(u32) -> bool + Sync,
) -> usize {
    if rows.len() <= CHUNK {
        return part(rows, spare, &left);
    }
    let lefts: Vec<usize> = rows
        .par_chunks_mut(CHUNK)
        .zip(spare.par_chunks_mut(CHUNK))
        .map(|(rows, spare)| part(rows, spare, &left))
        .collect();
    let total: usize = lefts.iter().sum();
    let (mut to_left, mut to_right) = spare.split_at_mut(total);
    for (rows, &count) in rows.chunks(CHUNK).zip(&lefts) {
        let (left, right) = rows.split_at(count);
        let (head, tail) = to_left.split_at_mut(left.len());
        head.copy_from_slice(left);
        to_left = tail;
        let (head, tail) = to_right.split_at_mut(right.len());
        head.copy_from_slice(right);
        to_right = tail;
    }
    rows.copy_from_slice(spare);
    total
}

fn part(rows: &mut [u32], spare: &mut [u32], left: &impl Fn(u32) -> bool) -> usize {
    // Without a branch: which side a row takes is not predictable. `lefts` never gets ahead of the row that is read.
    let (mut lefts, mut rights) = (0, 0);
    for i in 0..rows.len() {
        let row = rows[i];
        let goes_left = usize::from(left(row));
        rows[lefts] = row;
        spare[rights] = row;
        lefts += goes_left;
        rights += 1 - goes_left;
    }
    rows[lefts..].copy_from_slice(&spare[..rights]);
    lefts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_keep_their_order() {
        for n in [0u32, 1, 10, 100_000] {
            let mut rows: Vec<u32> = (0..n).collect();
            let mut spare = vec![0; rows.len()];
            let left = |row: u32| row % 3 == 1;
            let lefts = partition(&mut rows, &mut spare, left);
            let expected: Vec<u32> = (0..n)
                .filter(|r| left(*r))
                .chain((0..n).filter(|r| !left(*r)))
                .collect();
            assert_eq!(lefts, (0..n).filter(|r| left(*r)).count());
            assert_eq!(rows, expected);
        }
    }
}
