//! Stable numbers of segments: new segments are matched to those of the model before.

use super::model::SegmentModel;

/// Stands for a distance that cannot be computed.
const FAR: f64 = 1e150;

/// The number of each new segment, and the highest number ever given. `centres` (segments x features, prepared) belong to
/// `model`, whose numbers are not known yet; `monetary` is what its segments are ordered by when there is no predecessor.
pub(super) fn numbered(
    model: &SegmentModel,
    monetary: &[f64],
    previous: Option<&SegmentModel>,
) -> (Vec<u32>, u32) {
    let k = model.len();
    let Some(previous) = previous else {
        let mut order: Vec<usize> = (0..k).collect();
        order.sort_by(|a, b| monetary[*b].total_cmp(&monetary[*a]).then(a.cmp(b)));
        let mut ids = vec![0; k];
        for (id, segment) in (1..).zip(order) {
            ids[segment] = id;
        }
        return (ids, k as u32);
    };
    let costs = distances(model, previous);
    let matched = if costs.is_empty() {
        vec![None; k]
    } else {
        assignment(&costs)
    };
    let mut last = previous.last_id;
    let ids = matched
        .into_iter()
        .map(|old| match old {
            Some(old) => previous.segment_ids[old],
            None => {
                last = last.saturating_add(1);
                last
            }
        })
        .collect();
    (ids, last)
}

/// New x old: distances of the centres in the new model's prepared space, over the features that both models have; nothing
/// when they have none in common.
fn distances(model: &SegmentModel, previous: &SegmentModel) -> Vec<Vec<f64>> {
    let common: Vec<(usize, usize)> = model
        .features
        .iter()
        .enumerate()
        .filter_map(|(new, name)| {
            let old = previous.features.iter().position(|f| f == name)?;
            Some((new, old))
        })
        .collect();
    if common.is_empty() {
        return Vec::new();
    }
    (0..model.len())
        .map(|new| {
            (0..previous.len())
                .map(|old| {
                    let square: f64 = common
                        .iter()
                        .map(|(j, i)| {
                            let units = previous.centre_in_units(old, *i);
                            let there = model.preparation.prepared(*j, units);
                            (model.centre(new, *j) - there).powi(2)
                        })
                        .sum();
                    let distance = square.sqrt();
                    if distance < FAR { distance } else { FAR }
                })
                .collect()
        })
        .collect()
}

/// The column of each row in the assignment of least cost (Kuhn 1955, Munkres 1957; by shortest augmenting paths as Jonker
/// and Volgenant 1987). Of a matrix with more rows than columns some rows have none. Costs are finite.
pub(super) fn assignment(costs: &[Vec<f64>]) -> Vec<Option<usize>> {
    let (rows, columns) = (costs.len(), costs.first().map_or(0, Vec::len));
    if rows > columns {
        let turned: Vec<Vec<f64>> = (0..columns)
            .map(|c| costs.iter().map(|row| row[c]).collect())
            .collect();
        let mut found = vec![None; rows];
        for (column, row) in assignment(&turned).into_iter().enumerate() {
            if let Some(row) = row {
                found[row] = Some(column);
            }
        }
        return found;
    }
    // Column `columns` is where each search begins.
    let mut row_of: Vec<Option<usize>> = vec![None; columns + 1];
    let (mut u, mut v) = (vec![0.0; rows], vec![0.0; columns + 1]);
    for start in 0..rows {
        row_of[columns] = Some(start);
        let mut at = columns;
        let mut least = vec![f64::INFINITY; columns];
        let mut from = vec![columns; columns];
        let mut used = vec![false; columns + 1];
        while let Some(row) = row_of[at] {
            used[at] = true;
            let (mut delta, mut next) = (f64::INFINITY, None);
            for column in 0..columns {
                if used[column] {
                    continue;
                }
                let reduced = costs[row][column] - u[row] - v[column];
                if reduced < least[column] {
                    least[column] = reduced;
                    from[column] = at;
                }
                if least[column] < delta {
                    delta = least[column];
                    next = Some(column);
                }
            }
            let Some(next) = next else { break };
            for column in 0..=columns {
                if used[column] {
                    if let Some(row) = row_of[column] {
                        u[row] += delta;
                    }
                    v[column] -= delta;
                } else {
                    least[column] -= delta;
                }
            }
            at = next;
        }
        while at != columns {
            let before = from[at];
            row_of[at] = row_of[before];
            at = before;
        }
    }
    let mut found = vec![None; rows];
    for (column, row) in row_of.into_iter().take(columns).enumerate() {
        if let Some(row) = row {
            found[row] = Some(column);
        }
    }
    found
}
