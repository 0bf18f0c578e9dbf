//! The silhouette (Rousseeuw 1987): how much nearer rows are to their own segment than to the next.

use rayon::prelude::*;

use super::kmeans::squared;
use super::tiles::{LANES, Lanes, Tiles};
use crate::control::{Charge, Control, Stop, reserve};

const PHASE: &str = "silhouette";

/// The mean silhouette of each labelling of the rows, with Euclidean distances, exactly. All labellings share the distances,
/// which are what takes the time. A row that is alone in its segment has silhouette 0, and so has every row when there is
/// only one segment.
pub(super) fn silhouettes(
    tiles: &Tiles,
    labellings: &[Vec<u8>],
    control: &dyn Control,
) -> Result<Vec<f64>, Stop> {
    let m = tiles.rows();
    let plan = Plan::new(m, labellings, control)?;
    let mut by_row: Vec<f64> = Vec::new();
    let _charge = Charge::new((m * tiles.features() * 8) as u64, PHASE, control)?;
    reserve(&mut by_row, m * tiles.features(), PHASE)?;
    (0..m).for_each(|i| by_row.extend(tiles.row(i)));

    let done = std::sync::atomic::AtomicU64::new(0);
    let groups = tiles
        .chunks()
        .flat_map_iter(|chunk| {
            chunk
                .tiles()
                .enumerate()
                .map(move |(t, (live, tile))| (chunk.first + t * LANES, live, tile))
        })
        .collect::<Vec<_>>();
    let parts = groups
        .par_iter()
        .map(|(first, live, tile)| {
            control.check()?;
            let sums = plan.distances(tile, &by_row);
            let finished = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            if finished.is_multiple_of(64) {
                control.progress(PHASE, finished, groups.len() as u64);
            }
            Ok(plan.silhouettes(*first, *live, &sums))
        })
        .collect::<Result<Vec<_>, Stop>>()?;
    let sums = super::tiles::added(&parts, labellings.len());
    Ok(sums.iter().map(|s| s / m.max(1) as f64).collect())
}

/// Where the distances to each row are added, for all labellings at once.
struct Plan {
    /// Rows x labellings: the slot of the row's segment.
    slots: Vec<u16>,
    /// Labellings + 1: where the slots of each begin.
    starts: Vec<usize>,
    /// By slot: rows in the segment.
    counts: Vec<u32>,
    _charge: Charge,
}

impl Plan {
    fn new(m: usize, labellings: &[Vec<u8>], control: &dyn Control) -> Result<Plan, Stop> {
        let mut starts = vec![0];
        let mut end = 0;
        for labels in labellings {
            end += labels.iter().max().map_or(0, |l| usize::from(*l) + 1);
            starts.push(end);
        }
        let len = m * labellings.len();
        let charge = Charge::new(len as u64 * 2, PHASE, control)?;
        let mut slots = Vec::new();
        reserve(&mut slots, len, PHASE)?;
        let mut counts = vec![0; end];
        for row in 0..m {
            for (labels, start) in labellings.iter().zip(&starts) {
                let slot = start + usize::from(labels[row]);
                counts[slot] += 1;
                slots.push(slot as u16);
            }
        }
        Ok(Plan {
            slots,
            starts,
            counts,
            _charge: charge,
        })
    }

    fn labellings(&self) -> usize {
        self.starts.len() - 1
    }

    /// By slot: the sums of the distances of a tile's rows to the rows of the segment.
    fn distances(&self, tile: &[Lanes], by_row: &[f64]) -> Vec<Lanes> {
        let mut sums = vec![[0.0; LANES]; self.counts.len()];
        for (other, slots) in by_row
            .chunks_exact(tile.len())
            .zip(self.slots.chunks_exact(self.labellings()))
        {
            let distance = squared(tile, other).map(f64::sqrt);
            for slot in slots {
                let sum = &mut sums[usize::from(*slot)];
                for lane in 0..LANES {
                    sum[lane] += distance[lane];
                }
            }
        }
        sums
    }

    /// By labelling: the sum of the silhouettes of a tile's rows.
    fn silhouettes(&self, first: usize, live: usize, sums: &[Lanes]) -> Vec<f64> {
        let labellings = self.labellings();
        (0..labellings)
            .map(|q| {
                (0..live)
                    .map(|lane| {
                        let own = usize::from(self.slots[(first + lane) * labellings + q]);
                        let mates = f64::from(self.counts[own]) - 1.0;
                        let within = sums[own][lane] / mates;
                        let between = (self.starts[q]..self.starts[q + 1])
                            .filter(|slot| *slot != own && self.counts[*slot] > 0)
                            .map(|slot| sums[slot][lane] / f64::from(self.counts[slot]))
                            .fold(f64::INFINITY, f64::min);
                        let larger = within.max(between);
                        if mates > 0.0 && larger > 0.0 && between.is_finite() {
                            (between - within) / larger
                        } else {
                            0.0
                        }
                    })
                    .sum()
            })
            .collect()
    }
}
