//! The first centres of k-means: k-means++ (Arthur and Vassilvitskii 2007), the greedy variant that draws several candidates
//! for each centre and keeps the best.

use rayon::prelude::*;

use super::kmeans::{squared, summed};
use super::tiles::{CHUNK, LANES, Lanes, Tiles, total};
use crate::control::{Charge, Control, Stop, reserve};
use crate::random::Stream;

const PHASE: &str = "k means start";

/// Draws `k` centres (k x features) among the rows, of which there is at least one.
pub(super) fn plus_plus(
    tiles: &Tiles,
    k: usize,
    stream: &mut Stream,
    control: &dyn Control,
) -> Result<Vec<f64>, Stop> {
    let mut nearest = Nearest::new(tiles, control)?;
    let mut centres = tiles.row(stream.below(tiles.rows()));
    nearest.update(tiles, &centres, control)?;
    let trials = 2 + (k as f64).ln() as usize;
    for _ in 1..k {
        let candidates: Vec<Vec<f64>> = (0..trials)
            .map(|_| tiles.row(nearest.draw(stream.unit())))
            .collect();
        let potentials = nearest.potentials(tiles, &candidates, control)?;
        // The first of equal ones.
        let best = candidates
            .into_iter()
            .zip(potentials)
            .reduce(|a, b| if b.1 < a.1 { b } else { a });
        if let Some((centre, _)) = best {
            nearest.update(tiles, &centre, control)?;
            centres.extend(centre);
        }
    }
    Ok(centres)
}

/// The squared distance of each row to the nearest centre so far.
struct Nearest {
    /// By tile; 0 for what fills up the last one.
    squares: Vec<Lanes>,
    /// Their sum, by chunk.
    sums: Vec<f64>,
    _charge: Charge,
}

impl Nearest {
    fn new(tiles: &Tiles, control: &dyn Control) -> Result<Nearest, Stop> {
        let n = tiles.rows();
        let charge = Charge::new(n.div_ceil(LANES) as u64 * 64, PHASE, control)?;
        let mut squares = Vec::new();
        reserve(&mut squares, n.div_ceil(LANES), PHASE)?;
        squares.resize(n.div_ceil(LANES), [f64::INFINITY; LANES]);
        if let Some(last) = squares.last_mut() {
            last[(n - 1) % LANES + 1..].fill(0.0);
        }
        Ok(Nearest {
            squares,
            sums: Vec::new(),
            _charge: charge,
        })
    }

    fn update(&mut self, tiles: &Tiles, centre: &[f64], control: &dyn Control) -> Result<(), Stop> {
        self.sums = tiles
            .chunks()
            .zip(self.squares.par_chunks_mut(CHUNK / LANES))
            .map(|(chunk, squares)| {
                control.check()?;
                let mut sums = [0.0; LANES];
                for ((_, tile), nearest) in chunk.tiles().zip(squares) {
                    let distance = squared(tile, centre);
                    for lane in 0..LANES {
                        nearest[lane] = smaller(nearest[lane], distance[lane]);
                        sums[lane] += nearest[lane];
                    }
                }
                Ok(total(&sums))
            })
            .collect::<Result<_, Stop>>()?;
        Ok(())
    }

    /// A row, with a probability that is proportional to its squared distance; `unit` is uniform in `[0, 1)`.
    fn draw(&self, unit: f64) -> usize {
        let mut left = unit * self.sums.iter().sum::<f64>();
        // Rounding may carry the draw over the end: then it is the last row that is not a centre.
        let mut last = 0;
        for (c, (sum, squares)) in self
            .sums
            .iter()
            .zip(self.squares.chunks(CHUNK / LANES))
            .enumerate()
        {
            if left >= *sum && c + 1 < self.sums.len() {
                left -= sum;
                continue;
            }
            for (row, square) in squares.iter().flatten().enumerate() {
                if *square > 0.0 {
                    last = c * CHUNK + row;
                    if left < *square {
                        return last;
                    }
                    left -= square;
                }
            }
        }
        last
    }

    /// What the sum of the squared distances would be with each candidate.
    fn potentials(
        &self,
        tiles: &Tiles,
        candidates: &[Vec<f64>],
        control: &dyn Control,
    ) -> Result<Vec<f64>, Stop> {
        summed(tiles, candidates.len(), control, |chunk| {
            let mut sums = vec![[0.0; LANES]; candidates.len()];
            let squares = &self.squares[chunk.first / LANES..];
            for ((_, tile), nearest) in chunk.tiles().zip(squares) {
                for (sums, candidate) in sums.iter_mut().zip(candidates) {
                    let distance = squared(tile, candidate);
                    for lane in 0..LANES {
                        sums[lane] += smaller(nearest[lane], distance[lane]);
                    }
                }
            }
            sums.iter().map(total).collect()
        })
    }
}

/// `f64::min` without its care for NaN, which keeps the compiler from using the machine's instruction.
#[inline]
fn smaller(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}
