//! A segmentation as it is stored, and how customers are assigned with it.

use ndarray::ArrayView2;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::error::SegmentError;
use super::kmeans;
use super::mixture::Mixture;
use super::options::{Algorithm, MOST_FEATURES, MOST_SEGMENTS};
use super::prepare::Preparation;
use super::profile::Profile;
use super::tiles::{LANES, Lanes, Tiles};
use crate::control::{Charge, Control, Free, reserve};

const PHASE: &str = "segment assignment";
/// Rows that are prepared at once when a batch is assigned.
const BATCH: usize = 16 * super::tiles::CHUNK;

/// The segments in the space of the prepared features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Components {
    /// Segments x features: centres.
    Centres(Vec<f64>),
    /// Gaussians.
    Mixture(Mixture),
}

/// How well a number of segments fits the customers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Segments.
    pub k: u32,
    /// Of k-means: sum of the squared distances to the centres, prepared.
    pub inertia: Option<f64>,
    /// Mean silhouette (of a sample when there are many customers), from -1 to 1: the larger the better.
    pub silhouette: f64,
    /// Of the mixture: the Bayesian information criterion, the lower the better.
    pub bic: Option<f64>,
    /// Steps of the best start of k-means; of the mixture its own.
    pub iterations: u64,
}

/// A segmentation. Segments are in the order of their numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SegmentModel {
    /// How customers are grouped.
    pub algorithm: Algorithm,
    /// Names of the features, in the order of the matrix's columns.
    pub features: Vec<String>,
    /// How features are prepared.
    pub preparation: Preparation,
    /// Where the segments are.
    pub components: Components,
    /// Number of each segment; it stays with the segment when a later model is matched to this one.
    pub segment_ids: Vec<u32>,
    /// The highest number that this model or one before it has given.
    pub last_id: u32,
    /// Name of each segment.
    pub names: Vec<String>,
    /// What the customers were like on whom the model was trained.
    pub profile: Profile,
    /// The numbers of segments that were tried, ascending.
    pub curve: Vec<CurvePoint>,
}

/// The segments of rows.
#[derive(Debug)]
pub struct Assigned {
    /// Index of each row's segment in the model.
    pub segments: Vec<u32>,
    /// Euclidean distance of each row to its centre in the prepared space; of a mixture Mahalanobis' distance.
    pub distances: Vec<f64>,
    _charge: Charge,
}

impl SegmentModel {
    /// Number of segments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.segment_ids.len()
    }

    /// True of no model that passes [`SegmentModel::check`].
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segment_ids.is_empty()
    }

    /// Checks what was read from outside: after it, no call fails on the model itself.
    ///
    /// # Errors
    /// What is wrong.
    pub fn check(&self) -> Result<(), &'static str> {
        let (k, p) = (self.segment_ids.len(), self.features.len());
        if !(1..=MOST_SEGMENTS).contains(&k) || !(1..=MOST_FEATURES).contains(&p) {
            return Err("the model has too few or too many segments or features");
        }
        self.preparation.check()?;
        if self.preparation.features() != p || self.names.len() != k {
            return Err("the model has parts of different lengths");
        }
        match (&self.components, self.algorithm) {
            (Components::Centres(centres), Algorithm::KMeans) => {
                if centres.len() != k * p || !centres.iter().all(|c| c.is_finite()) {
                    return Err("the model's centres do not fit");
                }
            }
            (Components::Mixture(mixture), Algorithm::GaussianMixture) => {
                if mixture.weights.len() != k {
                    return Err("the model has parts of different lengths");
                }
                mixture.check(p)?;
            }
            _ => return Err("the model's components are not those of its algorithm"),
        }
        let ascending = self.segment_ids.is_sorted_by(|a, b| a < b);
        let in_range = i32::try_from(self.last_id).is_ok()
            && self
                .segment_ids
                .last()
                .is_some_and(|id| *id <= self.last_id);
        if !(ascending && in_range) {
            return Err("the model's segment numbers are not in order");
        }
        let finite = self.curve.iter().all(|point| {
            point.silhouette.is_finite()
                && point.inertia.is_none_or(f64::is_finite)
                && point.bic.is_none_or(f64::is_finite)
        });
        if !finite {
            return Err("the model's curve has a number that is not finite");
        }
        self.profile.check(k)
    }

    /// One coordinate of a segment's centre, prepared.
    pub(super) fn centre(&self, segment: usize, feature: usize) -> f64 {
        let means = match &self.components {
            Components::Centres(centres) => centres,
            Components::Mixture(mixture) => &mixture.means,
        };
        means[segment * self.features.len() + feature]
    }

    /// One coordinate of a segment's centre, in original units. Both must exist.
    #[must_use]
    pub fn centre_in_units(&self, segment: usize, feature: usize) -> f64 {
        self.preparation
            .original(feature, self.centre(segment, feature))
    }

    /// The segment (its index) and distance of one customer: features in original units, in the model's order, NaN =
    /// missing. The same numbers as [`SegmentModel::assign`].
    ///
    /// # Errors
    /// [`SegmentError::Shape`] when the number of values does not fit, [`SegmentError::Infinite`].
    pub fn assign_row(&self, row: &[f64]) -> Result<(usize, f64), SegmentError> {
        let x = ArrayView2::from_shape((1, row.len()), row).map_err(|_| SegmentError::NoRows)?;
        let assigned = self.assign(x, &Free)?;
        match (assigned.segments.first(), assigned.distances.first()) {
            (Some(segment), Some(distance)) => Ok((*segment as usize, *distance)),
            _ => Err(SegmentError::NoRows),
        }
    }

    /// The segments of rows (rows x features, original units, NaN = missing).
    ///
    /// # Errors
    /// [`SegmentError::Shape`] when the number of columns does not fit, [`SegmentError::Infinite`],
    /// [`SegmentError::Stopped`].
    pub fn assign(
        &self,
        x: ArrayView2<'_, f64>,
        control: &dyn Control,
    ) -> Result<Assigned, SegmentError> {
        checked_shape(x, &self.features, control)?;
        let mut assigned = Assigned::new(x.nrows(), control)?;
        for (done, rows) in x.axis_chunks_iter(ndarray::Axis(0), BATCH).enumerate() {
            control.progress(PHASE, (done * BATCH) as u64, x.nrows() as u64);
            let tiles = Tiles::new(rows, &self.preparation, control)?;
            let range = done * BATCH..done * BATCH + rows.nrows();
            let out = (
                &mut assigned.segments[range.clone()],
                &mut assigned.distances[range],
            );
            self.components.assign(&tiles, out, control)?;
        }
        Ok(assigned)
    }
}

impl Assigned {
    pub(super) fn new(rows: usize, control: &dyn Control) -> Result<Assigned, SegmentError> {
        let charge = Charge::new(rows as u64 * 12, PHASE, control)?;
        let (mut segments, mut distances) = (Vec::new(), Vec::new());
        reserve(&mut segments, rows, PHASE)?;
        segments.resize(rows, 0);
        reserve(&mut distances, rows, PHASE)?;
        distances.resize(rows, 0.0);
        Ok(Assigned {
            segments,
            distances,
            _charge: charge,
        })
    }
}

impl Components {
    /// Number of segments, for `p` features.
    pub(super) fn len(&self, p: usize) -> usize {
        match self {
            Components::Centres(centres) => centres.len() / p,
            Components::Mixture(mixture) => mixture.weights.len(),
        }
    }

    /// The segment and distance of each row.
    pub(super) fn assign(
        &self,
        tiles: &Tiles,
        (segments, distances): (&mut [u32], &mut [f64]),
        control: &dyn Control,
    ) -> Result<(), SegmentError> {
        match self {
            Components::Centres(centres) => {
                assign_each(tiles, (segments, distances), control, |tile| {
                    kmeans::nearest(tile, centres)
                })
            }
            Components::Mixture(mixture) => {
                let constants = mixture.constants();
                assign_each(tiles, (segments, distances), control, |tile| {
                    mixture.nearest(&constants, tile)
                })
            }
        }
    }

    /// The components in another order.
    pub(super) fn reordered(self, order: &[usize], p: usize) -> Components {
        let pick = |values: &[f64], width: usize| -> Vec<f64> {
            order
                .iter()
                .flat_map(|c| values[c * width..(c + 1) * width].to_vec())
                .collect()
        };
        match self {
            Components::Centres(centres) => Components::Centres(pick(&centres, p)),
            Components::Mixture(mixture) => Components::Mixture(Mixture {
                weights: pick(&mixture.weights, 1),
                means: pick(&mixture.means, p),
                factors: pick(&mixture.factors, p * p),
            }),
        }
    }
}

/// The segment and distance of each row, of which `nearest` gives number and square for a tile.
pub(super) fn assign_each(
    tiles: &Tiles,
    (segments, distances): (&mut [u32], &mut [f64]),
    control: &dyn Control,
    nearest: impl Fn(&[Lanes]) -> (Lanes, Lanes) + Sync + Send,
) -> Result<(), SegmentError> {
    tiles
        .chunks()
        .zip(segments.par_chunks_mut(super::tiles::CHUNK))
        .zip(distances.par_chunks_mut(super::tiles::CHUNK))
        .try_for_each(|((chunk, segments), distances)| {
            control.check()?;
            for (((live, tile), segments), distances) in chunk
                .tiles()
                .zip(segments.chunks_mut(LANES))
                .zip(distances.chunks_mut(LANES))
            {
                let (which, squares) = nearest(tile);
                for lane in 0..live {
                    segments[lane] = which[lane] as u32;
                    distances[lane] = squares[lane].sqrt();
                }
            }
            Ok(())
        })
}

/// Refuses a matrix that does not fit the features or has an infinite value.
pub(super) fn checked_shape(
    x: ArrayView2<'_, f64>,
    features: &[String],
    control: &dyn Control,
) -> Result<(), SegmentError> {
    if x.ncols() != features.len() {
        return Err(SegmentError::Shape {
            what: "features of a customer",
            found: x.ncols(),
            wanted: features.len(),
        });
    }
    for rows in x.axis_chunks_iter(ndarray::Axis(0), super::tiles::CHUNK) {
        control.check()?;
        // The fast way first: it only says whether there is one.
        if rows.iter().any(|v| v.is_infinite()) {
            let found = features
                .iter()
                .zip(rows.columns())
                .find(|(_, column)| column.iter().any(|v| v.is_infinite()));
            return Err(SegmentError::Infinite {
                feature: found.map(|(f, _)| f.clone()).unwrap_or_default(),
            });
        }
    }
    Ok(())
}
