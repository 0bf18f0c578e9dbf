//! Parting the rows of a node between its children, in their order.

use rayon::prelude::*;

use super::histogram::CHUNK;

/// Which codes of a feature go left.
pub(super) type Sides = [bool; 256];

/// Codes up to `bin` go left, and that of missing values, which is `missing`, as told.
pub(super) fn sides(bin: u8, missing: usize, missing_left: bool) -> Sides {
    std::array::from_fn(|code| code <= usize::from(bin) || (missing_left && code == missing))
}

/// Moves the rows that go left by their codes to the front of `rows` and returns their number; both parts keep their order.
/// `spare` is as long as `rows`.
pub(super) fn partition(
    rows: &mut [u32],
    spare: &mut [u32],
    column: &[u8],
    sides: &Sides,
) -> usize {
    if rows.len() <= CHUNK {
        return part(rows, spare, column, sides);
    }
    let lefts: Vec<usize> = rows
        .par_chunks_mut(CHUNK)
        .zip(spare.par_chunks_mut(CHUNK))
        .map(|(rows, spare)| part(rows, spare, column, sides))
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

fn part(rows: &mut [u32], spare: &mut [u32], column: &[u8], sides: &Sides) -> usize {
    // Without a branch: which side a row takes is not predictable. `lefts` never gets ahead of the row that is read.
    let (mut lefts, mut rights) = (0usize, 0usize);
    for i in 0..rows.len() {
        let row = rows[i];
        let left = usize::from(sides[usize::from(column[row as usize])]);
        rows[lefts] = row;
        spare[rights] = row;
        lefts = lefts.wrapping_add(left);
        rights = rights.wrapping_add(1 - left);
    }
    rows[lefts..].copy_from_slice(&spare[..rights]);
    lefts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_values_go_where_they_are_told() {
        let left = |missing_left| {
            let sides = sides(3, 9, missing_left);
            (0..256).filter(|c| sides[*c]).collect::<Vec<_>>()
        };
        assert_eq!(left(false), [0, 1, 2, 3]);
        assert_eq!(left(true), [0, 1, 2, 3, 9]);
        // All known values to the left.
        assert_eq!(sides(8, 9, false).iter().filter(|s| **s).count(), 9);
    }

    #[test]
    fn both_parts_keep_their_order() {
        for n in [0u32, 1, 10, 100_000] {
            let mut rows: Vec<u32> = (0..n).collect();
            let mut spare = vec![0; rows.len()];
            let left = |row: u32| row % 3 == 1;
            let column: Vec<u8> = (0..n).map(|row| (row % 3) as u8).collect();
            let mut sides = [false; 256];
            sides[1] = true;
            let lefts = partition(&mut rows, &mut spare, &column, &sides);
            let expected: Vec<u32> = (0..n)
                .filter(|r| left(*r))
                .chain((0..n).filter(|r| !left(*r)))
                .collect();
            assert_eq!(lefts, (0..n).filter(|r| left(*r)).count());
            assert_eq!(rows, expected);
        }
    }
}
