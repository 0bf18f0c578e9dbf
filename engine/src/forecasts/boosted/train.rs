//! The rows that a model is trained on.

use ndarray::Array2;
use rayon::prelude::*;

use super::history::History;
use super::layout::Layout;
use super::rows::Rows;
use crate::control::{Charge, Control, Stop, reserve};
use crate::random::Stream;

/// Steps ahead that are drawn for each origin: rows of one origin tell much the same.
const AHEAD: usize = 8;
/// The most rows.
const ROWS: usize = 1 << 15;
/// Origins of one task.
const CHUNK: usize = 64;

const PHASE: &str = "rows of a boosted forecast";

/// Rows, their targets, and where they are from.
pub(super) struct Training {
    /// Rows x features.
    pub(super) x: Array2<f64>,
    /// The value of each row's step, relative to its origin's level and in its unit.
    pub(super) targets: Vec<f64>,
    /// The origin and the steps ahead of each row.
    #[cfg(test)]
    pub(super) from: Vec<(usize, usize)>,
    _charge: Charge,
}

/// The origins of a series, each with steps ahead of it whose values are known.
fn draws(steps: usize, layout: &Layout, seed: i64) -> Vec<(usize, Vec<usize>)> {
    let origins = steps.saturating_sub(layout.level);
    let each = AHEAD.min(layout.horizon);
    let most = ROWS / each;
    let chosen = Stream::new(seed, "origins of a boosted forecast", 0).sample(origins, most);
    chosen
        .into_iter()
        .map(|origin| {
            let at = origin + layout.level;
            let mut stream = Stream::new(seed, "steps ahead of a boosted forecast", at as u64);
            let farthest = layout.horizon.min(steps - at);
            let ahead = stream.sample(farthest, each);
            (at, ahead.into_iter().map(|a| a + 1).collect())
        })
        .collect()
}

impl Training {
    /// The rows of a series.
    pub(super) fn new(
        layout: &Layout,
        series: &History,
        seed: i64,
        control: &dyn Control,
    ) -> Result<Training, Stop> {
        control.check()?;
        let features = layout.features.len();
        let draws = draws(series.y.len(), layout, seed);
        let most: usize = draws.iter().map(|(_, ahead)| ahead.len()).sum();
        // The rows of the tasks, and then all of them.
        let bytes = 2 * most * (features + 1) * size_of::<f64>();
        let charge = Charge::new(bytes as u64, PHASE, control)?;
        let rows = Rows::new(layout, series);
        let parts = draws
            .par_chunks(CHUNK)
            .map(|draws| {
                let mut part = Part::default();
                let count = draws.iter().map(|(_, ahead)| ahead.len()).sum::<usize>();
                reserve(&mut part.cells, count * features, PHASE)?;
                for (at, ahead) in draws {
                    // A window may be long.
                    control.check()?;
                    part.add(&rows, *at, ahead, features);
                }
                Ok(part)
            })
            .collect::<Result<Vec<Part>, Stop>>()?;
        let mut all = Part::default();
        reserve(&mut all.cells, most * features, PHASE)?;
        for part in parts {
            all.cells.extend(part.cells);
            all.targets.extend(part.targets);
            #[cfg(test)]
            all.from.extend(part.from);
        }
        let shape = (all.targets.len(), features);
        // The shape is that of the cells by construction.
        let x = Array2::from_shape_vec(shape, all.cells).unwrap_or_default();
        Ok(Training {
            x,
            targets: all.targets,
            #[cfg(test)]
            from: all.from,
            _charge: charge,
        })
    }
}

/// Rows of some origins.
#[derive(Default)]
struct Part {
    cells: Vec<f64>,
    targets: Vec<f64>,
    #[cfg(test)]
    from: Vec<(usize, usize)>,
}

impl Part {
    fn add(&mut self, rows: &Rows<'_>, at: usize, ahead: &[usize], features: usize) {
        let Some(origin) = rows.origin(at) else {
            return;
        };
        for ahead in ahead {
            let Some(target) = rows.target(&origin, *ahead) else {
                continue;
            };
            let begin = self.cells.len();
            self.cells.resize(begin + features, f64::NAN);
            if let Some(row) = self.cells.get_mut(begin..) {
                rows.write(&origin, *ahead, row);
            }
            self.targets.push(target);
            #[cfg(test)]
            self.from.push((at, *ahead));
        }
    }
}
