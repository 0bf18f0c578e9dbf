//! Sorting of long lists that can be cancelled, which one call of a library cannot.

use std::cmp::Ordering;

use rayon::prelude::*;

use crate::control::{Charge, Control, Stop, reserve};

/// Elements that are sorted or merged between two looks at the control: a few milliseconds.
pub(crate) const RUN: usize = 1 << 16;

/// Sorts by a total order: runs first, then pairs of them are merged. A list that is longer than a run is held twice meanwhile.
///
/// # Errors
/// [`Stop`]; the order is then any.
pub(crate) fn sort_by<T: Copy + Send + Sync>(
    values: &mut Vec<T>,
    compare: impl Fn(&T, &T) -> Ordering + Sync,
    phase: &'static str,
    control: &dyn Control,
) -> Result<(), Stop> {
    values.par_chunks_mut(RUN).try_for_each(|run| {
        control.check()?;
        run.sort_unstable_by(&compare);
        Ok::<(), Stop>(())
    })?;
    let rows = values.len();
    if rows <= RUN {
        return Ok(());
    }
    let bytes = (rows as u64).saturating_mul(size_of::<T>() as u64);
    let _charge = Charge::new(bytes, phase, control)?;
    let mut merged: Vec<T> = Vec::new();
    reserve(&mut merged, rows, phase)?;
    merged.extend_from_slice(values);
    let mut width = RUN;
    while width < rows {
        merged
            .par_chunks_mut(2 * width)
            .zip(values.par_chunks(2 * width))
            .try_for_each(|(out, pair)| {
                let (a, b) = pair.split_at(width.min(pair.len()));
                merge(a, b, out, &compare, control)
            })?;
        std::mem::swap(values, &mut merged);
        width *= 2;
    }
    Ok(())
}

fn merge<T: Copy>(
    a: &[T],
    b: &[T],
    out: &mut [T],
    compare: &impl Fn(&T, &T) -> Ordering,
    control: &dyn Control,
) -> Result<(), Stop> {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    for out in out.chunks_mut(RUN) {
        control.check()?;
        for slot in out {
            let first = match (a.peek(), b.peek()) {
                (Some(x), Some(y)) => compare(x, y).is_le(),
                (left, _) => left.is_some(),
            };
            if let Some(&value) = if first { a.next() } else { b.next() } {
                *slot = value;
            }
        }
    }
    Ok(())
}
