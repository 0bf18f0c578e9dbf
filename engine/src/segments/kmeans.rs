//! k-means: Lloyd's algorithm (1982) from several starts, each by k-means++.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::error::SegmentError;
use super::model::{Assigned, assign_each, checked_shape};
use super::options::MOST_SEGMENTS;
use super::prepare::Preparation;
use super::start::plus_plus;
use super::tiles::{CHUNK, Chunk, LANES, Lanes, Tiles, added, total};
use crate::control::{Charge, Control, Stop, reserve};
use crate::random::Stream;

const PHASE: &str = "k means";
/// Tables up to this many rows run their starts at the same time; each then holds arrays of its own.
const SMALL: usize = 8 * CHUNK;
/// The shift of the centres at which a start ends, relative to the mean variance: scikit-learn's.
const TOLERANCE: f64 = 1e-4;

/// What a start of k-means ends with.
#[derive(Debug, Clone)]
pub(super) struct Partition {
    /// k x features.
    pub centres: Vec<f64>,
    /// Sum of the squared distances to the nearest centre.
    pub inertia: f64,
    /// Steps taken.
    pub iterations: u64,
}

/// How often k-means is started and how long each start may go on.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Starts, at least 1.
    pub n_init: u64,
    /// The most steps of a start.
    pub max_iter: u64,
    /// Seed of the random numbers; each start has a stream of its own.
    pub seed: i64,
}

/// What k-means finds.
#[derive(Debug)]
pub struct KMeans {
    /// k x features: the centres.
    pub centres: Vec<f64>,
    /// Index of each row's nearest centre, and its distance.
    pub assigned: Assigned,
    /// Sum of the squared distances to the nearest centre.
    pub inertia: f64,
    /// Steps of the best start.
    pub iterations: u64,
}

/// k-means on rows as they are (rows x features, NaN counts as 0), not standardised: the partition into `k` with the lowest
/// inertia of all starts.
///
/// # Errors
/// [`SegmentError::NoRows`], [`SegmentError::Segments`], [`SegmentError::TooFew`], [`SegmentError::Infinite`],
/// [`SegmentError::Stopped`].
pub fn kmeans(
    x: ArrayView2<'_, f64>,
    k: usize,
    effort: Effort,
    control: &dyn Control,
) -> Result<KMeans, SegmentError> {
    if x.is_empty() {
        return Err(SegmentError::NoRows);
    }
    if !(2..=MOST_SEGMENTS).contains(&k) {
        return Err(SegmentError::Segments(i64::try_from(k).unwrap_or(i64::MAX)));
    }
    let features: Vec<String> = (1..=x.ncols()).map(|j| j.to_string()).collect();
    checked_shape(x, &features, control)?;
    let tiles = Tiles::new(x, &Preparation::none(x.ncols()), control)?;
    let distinct = tiles.distinct(k, control)?;
    if distinct < k {
        return Err(SegmentError::TooFew { k, distinct });
    }
    let partition = best_partition(&tiles, k, effort, control)?;
    let mut assigned = Assigned::new(tiles.rows(), control)?;
    let out = (
        assigned.segments.as_mut_slice(),
        assigned.distances.as_mut_slice(),
    );
    assign_each(&tiles, out, control, |tile| {
        nearest(tile, &partition.centres)
    })?;
    Ok(KMeans {
        centres: partition.centres,
        assigned,
        inertia: partition.inertia,
        iterations: partition.iterations,
    })
}

/// The best partition into `k` of all starts. `k` is at least 1, and there are as many different rows.
pub(super) fn best_partition(
    tiles: &Tiles,
    k: usize,
    effort: Effort,
    control: &dyn Control,
) -> Result<Partition, Stop> {
    let tolerance = TOLERANCE * tiles.mean_variance(control)?;
    let one = |start: u64| {
        let mut stream = Stream::new(effort.seed, &format!("k-means {k}"), start);
        let centres = plus_plus(tiles, k, &mut stream, control)?;
        lloyd(tiles, centres, effort.max_iter, tolerance, control)
    };
    let all: Vec<Partition> = if tiles.rows() <= SMALL {
        (0..effort.n_init)
            .into_par_iter()
            .map(one)
            .collect::<Result<_, Stop>>()?
    } else {
        (0..effort.n_init).map(one).collect::<Result<_, Stop>>()?
    };
    // The first of equal ones.
    let best = all
        .into_iter()
        .reduce(|a, b| if b.inertia < a.inertia { b } else { a });
    best.ok_or(Stop::Cancelled)
}

/// What one look at all rows finds.
struct Look {
    /// k x features.
    sums: Vec<f64>,
    counts: Vec<u64>,
    inertia: f64,
    changed: bool,
}

/// Lloyd's steps from given centres, until no row changes its centre or the centres hardly move.
pub(super) fn lloyd(
    tiles: &Tiles,
    mut centres: Vec<f64>,
    max_iter: u64,
    tolerance: f64,
    control: &dyn Control,
) -> Result<Partition, Stop> {
    let n = tiles.rows();
    let k = centres.len() / tiles.features();
    let parts = (n / CHUNK + 1) * (centres.len() + 2 * k) * size_of::<f64>();
    let _charge = Charge::new((n + parts) as u64, PHASE, control)?;
    let mut labels: Vec<u8> = Vec::new();
    reserve(&mut labels, n, PHASE)?;
    labels.resize(n, u8::MAX);

    let mut look = look_at(tiles, &centres, &mut labels, control)?;
    let mut iterations = 0;
    while iterations < max_iter {
        iterations += 1;
        refill(tiles, &centres, &mut labels, &mut look, control)?;
        let moved = means(&look, &centres);
        let shift: f64 = moved
            .iter()
            .zip(&centres)
            .map(|(a, b)| (a - b) * (a - b))
            .sum();
        centres = moved;
        look = look_at(tiles, &centres, &mut labels, control)?;
        if !look.changed || shift <= tolerance {
            break;
        }
    }
    Ok(Partition {
        centres,
        inertia: look.inertia,
        iterations,
    })
}

fn means(look: &Look, centres: &[f64]) -> Vec<f64> {
    let p = centres.len() / look.counts.len();
    let mut means = centres.to_vec();
    for ((mean, sum), count) in means
        .chunks_exact_mut(p)
        .zip(look.sums.chunks_exact(p))
        .zip(&look.counts)
    {
        if *count > 0 {
            for (m, s) in mean.iter_mut().zip(sum) {
                *m = s / *count as f64;
            }
        }
    }
    means
}

/// The nearest centre of each row of a tile, and its squared distance.
#[inline]
pub(super) fn nearest(tile: &[Lanes], centres: &[f64]) -> (Lanes, Lanes) {
    let (mut best, mut which) = ([f64::INFINITY; LANES], [0.0; LANES]);
    for (c, centre) in centres.chunks_exact(tile.len()).enumerate() {
        let distance = squared(tile, centre);
        let number = c as f64;
        for lane in 0..LANES {
            let nearer = distance[lane] < best[lane];
            best[lane] = if nearer { distance[lane] } else { best[lane] };
            which[lane] = if nearer { number } else { which[lane] };
        }
    }
    (which, best)
}

/// The squared distances of the rows of a tile to a point.
#[inline]
pub(super) fn squared(tile: &[Lanes], point: &[f64]) -> Lanes {
    let mut sums = [0.0; LANES];
    for (values, c) in tile.iter().zip(point) {
        for lane in 0..LANES {
            let d = values[lane] - c;
            sums[lane] += d * d;
        }
    }
    sums
}

/// Gives each row its nearest centre and adds up the rows of each.
fn look_at(
    tiles: &Tiles,
    centres: &[f64],
    labels: &mut [u8],
    control: &dyn Control,
) -> Result<Look, Stop> {
    let (p, k) = (tiles.features(), centres.len() / tiles.features());
    let parts: Vec<Look> = tiles
        .chunks()
        .zip(labels.par_chunks_mut(CHUNK))
        .map(|(chunk, labels)| {
            control.check()?;
            Ok(look_at_chunk(chunk, centres, labels, k, p))
        })
        .collect::<Result<_, Stop>>()?;
    let mut all = Look {
        sums: vec![0.0; k * p],
        counts: vec![0; k],
        inertia: 0.0,
        changed: false,
    };
    for part in parts {
        for (sum, s) in all.sums.iter_mut().zip(part.sums) {
            *sum += s;
        }
        for (count, c) in all.counts.iter_mut().zip(part.counts) {
            *count += c;
        }
        all.inertia += part.inertia;
        all.changed |= part.changed;
    }
    Ok(all)
}

fn look_at_chunk(chunk: Chunk<'_>, centres: &[f64], labels: &mut [u8], k: usize, p: usize) -> Look {
    let mut look = Look {
        sums: vec![0.0; k * p],
        counts: vec![0; k],
        inertia: 0.0,
        changed: false,
    };
    let mut inertia = [0.0; LANES];
    for ((live, tile), labels) in chunk.tiles().zip(labels.chunks_mut(LANES)) {
        let (which, best) = nearest(tile, centres);
        for (lane, label) in labels.iter_mut().enumerate().take(live) {
            let new = which[lane] as usize;
            look.changed |= usize::from(*label) != new;
            *label = new as u8;
            look.counts[new] += 1;
            inertia[lane] += best[lane];
            for (sum, values) in look.sums[new * p..(new + 1) * p].iter_mut().zip(tile) {
                *sum += values[lane];
            }
        }
    }
    look.inertia = total(&inertia);
    look
}

/// Gives each centre without rows the row that is farthest from its own centre and not alone there, as scikit-learn does.
fn refill(
    tiles: &Tiles,
    centres: &[f64],
    labels: &mut [u8],
    look: &mut Look,
    control: &dyn Control,
) -> Result<(), Stop> {
    let p = tiles.features();
    while let Some(empty) = look.counts.iter().position(|c| *c == 0) {
        let farthest = tiles
            .chunks()
            .zip(labels.par_chunks(CHUNK))
            .map(|(chunk, labels)| {
                control.check()?;
                let mut found: Option<(f64, usize)> = None;
                for (t, (live, tile)) in chunk.tiles().enumerate() {
                    for lane in 0..live {
                        let label = usize::from(labels[t * LANES + lane]);
                        let own = centres.get(label * p..(label + 1) * p).unwrap_or_default();
                        let d = squared(tile, own)[lane];
                        if look.counts[label] > 1 && found.is_none_or(|(best, _)| d > best) {
                            found = Some((d, chunk.first + t * LANES + lane));
                        }
                    }
                }
                Ok(found)
            })
            .collect::<Result<Vec<_>, Stop>>()?
            .into_iter()
            .flatten()
            .reduce(|a, b| if b.0 > a.0 { b } else { a });
        let Some((_, row)) = farthest else {
            return Ok(());
        };
        let old = usize::from(labels[row]);
        for (j, value) in tiles.row(row).into_iter().enumerate() {
            look.sums[old * p + j] -= value;
            look.sums[empty * p + j] = value;
        }
        look.counts[old] -= 1;
        look.counts[empty] = 1;
        labels[row] = empty as u8;
    }
    Ok(())
}

/// The sums over all rows of what `of` gives for each chunk.
pub(super) fn summed(
    tiles: &Tiles,
    len: usize,
    control: &dyn Control,
    of: impl Fn(Chunk<'_>) -> Vec<f64> + Sync + Send,
) -> Result<Vec<f64>, Stop> {
    Ok(added(&tiles.map(control, of)?, len))
}
