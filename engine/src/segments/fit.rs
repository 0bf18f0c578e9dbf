//! From customers to a model of segments.

use ndarray::ArrayView2;

use super::error::SegmentError;
use super::kmeans::{Effort, Partition, best_partition};
use super::matching::numbered;
use super::mixture::fit_mixture;
use super::model::{Assigned, Components, CurvePoint, SegmentModel, checked_shape};
use super::naming::named;
use super::options::{Algorithm, MOST_SEGMENTS, ValidSegmentParams};
use super::prepare::Preparation;
use super::profile::{Profile, Rfm};
use super::silhouette::silhouettes;
use super::tiles::Tiles;
use crate::control::{Charge, Control, Stop, reserve};
use crate::random::Stream;

const PHASE: &str = "segments";

/// A model, and where it puts the customers on whom it was trained.
#[derive(Debug)]
pub struct Fitted {
    /// The model; its curve says how k was chosen.
    pub model: SegmentModel,
    /// Segment (its index in the model) and distance of each row.
    pub assigned: Assigned,
}

/// Finds segments. `x` is rows x features in original units (NaN = missing), in the order of the parameters' features; `rfm`
/// are the classic features of the same rows, for profiles and names. Without `k` it is chosen, between `k_min` and `k_max`.
/// `previous` is the model whose segment numbers are to be kept; it has passed [`SegmentModel::check`].
///
/// The result is the same, bit for bit, for any number of threads; it depends on the order of the rows.
///
/// # Errors
/// [`SegmentError::NoRows`], [`SegmentError::TooFew`], [`SegmentError::Segments`], [`SegmentError::Shape`],
/// [`SegmentError::Infinite`], [`SegmentError::Degenerate`], [`SegmentError::Stopped`].
pub fn fit(
    x: ArrayView2<'_, f64>,
    rfm: &Rfm<'_>,
    k: Option<usize>,
    params: &ValidSegmentParams,
    seed: i64,
    previous: Option<&SegmentModel>,
    control: &dyn Control,
) -> Result<Fitted, SegmentError> {
    if let Some(wrong) = k.filter(|k| !(2..=MOST_SEGMENTS).contains(k)) {
        return Err(SegmentError::Segments(
            i64::try_from(wrong).unwrap_or(i64::MAX),
        ));
    }
    check_input(x, rfm, &params.features, control)?;
    let preparation = Preparation::fit(x, params.log, &params.features, control)?;
    let tiles = Tiles::new(x, &preparation, control)?;
    let (least, most) = range(&tiles, k, params, control)?;

    let (components, curve) = chosen(&tiles, least, most, params, seed, control)?;
    let mut assigned = Assigned::new(tiles.rows(), control)?;
    let out = (
        assigned.segments.as_mut_slice(),
        assigned.distances.as_mut_slice(),
    );
    components.assign(&tiles, out, control)?;
    let k = components.len(tiles.features());
    let labels = &assigned.segments;
    let profile = Profile::new(x, &params.features, rfm, labels, k, control)?;
    let unnumbered = SegmentModel {
        algorithm: params.algorithm,
        features: params.features.clone(),
        preparation,
        components,
        segment_ids: vec![0; k],
        last_id: 0,
        names: Vec::new(),
        profile,
        curve,
    };
    let (model, place) = in_order(unnumbered, previous);
    for segment in &mut assigned.segments {
        *segment = place[*segment as usize];
    }
    Ok(Fitted { model, assigned })
}

fn check_input(
    x: ArrayView2<'_, f64>,
    rfm: &Rfm<'_>,
    features: &[String],
    control: &dyn Control,
) -> Result<(), SegmentError> {
    let n = x.nrows();
    if n == 0 {
        return Err(SegmentError::NoRows);
    }
    checked_shape(x, features, control)?;
    for (name, column) in [
        ("recency_days", rfm.recency_days),
        ("frequency", rfm.frequency),
        ("monetary", rfm.monetary),
    ] {
        if column.len() != n {
            return Err(SegmentError::Shape {
                what: name,
                found: column.len(),
                wanted: n,
            });
        }
        // Their sums become the profile's means.
        if !column
            .iter()
            .filter(|v| !v.is_nan())
            .sum::<f64>()
            .is_finite()
        {
            return Err(SegmentError::Infinite {
                feature: name.to_owned(),
            });
        }
    }
    for (name, column) in features.iter().zip(x.columns()) {
        control.check()?;
        if !column
            .iter()
            .filter(|v| !v.is_nan())
            .sum::<f64>()
            .is_finite()
        {
            return Err(SegmentError::Infinite {
                feature: name.clone(),
            });
        }
    }
    Ok(())
}

/// The numbers of segments to try.
fn range(
    tiles: &Tiles,
    k: Option<usize>,
    params: &ValidSegmentParams,
    control: &dyn Control,
) -> Result<(usize, usize), SegmentError> {
    let (least, most) = match k {
        Some(k) => (k, k),
        None => (params.k_min as usize, params.k_max as usize),
    };
    let distinct = tiles.distinct(most, control)?;
    if distinct < least {
        return Err(SegmentError::TooFew { k: least, distinct });
    }
    Ok((least, most.min(distinct)))
}

/// The components with the best k, and the curve.
fn chosen(
    tiles: &Tiles,
    least: usize,
    most: usize,
    params: &ValidSegmentParams,
    seed: i64,
    control: &dyn Control,
) -> Result<(Components, Vec<CurvePoint>), SegmentError> {
    let sample = Sample::new(tiles, params.sample as usize, seed, control)?;
    let mut labellings = Vec::new();
    let charge = (most - least + 1) * sample.tiles.rows();
    let _charge = Charge::new(charge as u64, PHASE, control)?;
    let mut curve = Vec::new();
    let mut all = Vec::new();
    for k in least..=most {
        control.progress(PHASE, (k - least) as u64, (most - least + 1) as u64);
        let effort = Effort {
            n_init: params.n_init,
            max_iter: params.max_iter,
            seed,
        };
        let partition = best_partition(tiles, k, effort, control)?;
        let (components, point) = components(tiles, partition, params, control)?;
        labellings.push(sample.labels(&components, control)?);
        curve.push(point);
        all.push(components);
    }
    for (point, silhouette) in
        curve
            .iter_mut()
            .zip(silhouettes(&sample.tiles, &labellings, control)?)
    {
        point.silhouette = silhouette;
    }
    // The first of equal ones: the fewest segments.
    let value = |point: &CurvePoint| point.bic.unwrap_or(-point.silhouette);
    let best = all
        .into_iter()
        .zip(&curve)
        .reduce(|a, b| if value(b.1) < value(a.1) { b } else { a })
        .map(|(components, _)| components)
        .ok_or(SegmentError::NoRows)?;
    Ok((best, curve))
}

fn components(
    tiles: &Tiles,
    partition: Partition,
    params: &ValidSegmentParams,
    control: &dyn Control,
) -> Result<(Components, CurvePoint), SegmentError> {
    let mut point = CurvePoint {
        k: (partition.centres.len() / tiles.features()) as u32,
        inertia: None,
        silhouette: 0.0,
        bic: None,
        iterations: partition.iterations,
    };
    Ok(match params.algorithm {
        Algorithm::KMeans => {
            point.inertia = Some(partition.inertia);
            (Components::Centres(partition.centres), point)
        }
        Algorithm::GaussianMixture => {
            let fitted = fit_mixture(tiles, &partition, params.max_iter, control)?;
            point.bic = Some(fitted.bic(tiles.rows()));
            point.iterations = fitted.iterations;
            (Components::Mixture(fitted.mixture), point)
        }
    })
}

/// The rows by which silhouettes are computed.
struct Sample {
    tiles: Tiles,
}

impl Sample {
    fn new(tiles: &Tiles, most: usize, seed: i64, control: &dyn Control) -> Result<Sample, Stop> {
        let rows = Stream::new(seed, "silhouette", 0).sample(tiles.rows(), most);
        let tiles = tiles.subset(&rows, control)?;
        Ok(Sample { tiles })
    }

    fn labels(
        &self,
        components: &Components,
        control: &dyn Control,
    ) -> Result<Vec<u8>, SegmentError> {
        let mut assigned = Assigned::new(self.tiles.rows(), control)?;
        let out = (
            assigned.segments.as_mut_slice(),
            assigned.distances.as_mut_slice(),
        );
        components.assign(&self.tiles, out, control)?;
        let mut labels = Vec::new();
        reserve(&mut labels, assigned.segments.len(), PHASE)?;
        labels.extend(assigned.segments.iter().map(|s| *s as u8));
        Ok(labels)
    }
}

/// Numbers and names the segments and puts them in the order of their numbers; also, where each one went.
fn in_order(mut model: SegmentModel, previous: Option<&SegmentModel>) -> (SegmentModel, Vec<u32>) {
    let k = model.len();
    let monetary: Vec<f64> = (0..k)
        .map(|s| {
            model
                .profile
                .mean(s, "monetary")
                .unwrap_or(f64::NEG_INFINITY)
        })
        .collect();
    let (ids, last_id) = numbered(&model, &monetary, previous);
    let mut order: Vec<usize> = (0..k).collect();
    order.sort_by_key(|s| ids[*s]);
    let mut place = vec![0; k];
    for (to, from) in order.iter().enumerate() {
        place[*from] = to as u32;
    }
    model.components = model.components.reordered(&order, model.features.len());
    model.profile = model.profile.reordered(&order);
    model.segment_ids = order.iter().map(|s| ids[*s]).collect();
    model.last_id = last_id;
    model.names = named(&model.profile, &model.features);
    (model, place)
}
