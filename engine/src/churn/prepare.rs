//! What stands between features and a linear model: logarithms, means for missing values, standard units.

use ndarray::{Array2, ArrayView2};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::FitError;
use crate::control::{Charge, Control, Stop, reserve};

const PHASE: &str = "preparing features";

/// Rows that are worked off together. Fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 4096;

/// Prepared values stay within this, so that no later sum of products overflows.
const LARGEST: f64 = 1e100;

/// How features become the columns of a linear model; fitted on the training rows.
///
/// The columns are one for each feature, in their order, then one for each feature that had missing values in training: 1
/// where the value is missing, else 0. All of them are standardised to mean 0 and (population) standard deviation 1 as
/// scikit-learn's `StandardScaler` does, the features over their values that are there. A missing value becomes 0, the
/// mean, also where the feature was never missing in training. A column that is constant in training is 0 always.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Preparation {
    features: Vec<String>,
    log: bool,
    means: Vec<f64>,
    scales: Vec<f64>,
    varies: Vec<bool>,
    /// The features that have an indicator, ascending.
    indicated: Vec<u32>,
}

/// A prepared matrix and the memory that it is charged with.
#[derive(Debug)]
pub struct Prepared {
    matrix: Array2<f64>,
    _charge: Charge,
}

impl Prepared {
    fn of(
        rows: usize,
        columns: usize,
        values: Vec<f64>,
        charge: Charge,
    ) -> Result<Prepared, FitError> {
        let matrix = Array2::from_shape_vec((rows, columns), values)
            .map_err(|error| FitError::data(error.to_string()))?;
        Ok(Prepared {
            matrix,
            _charge: charge,
        })
    }

    /// Rows x columns of the preparation, all values finite, in standard layout.
    #[must_use]
    pub fn view(&self) -> ArrayView2<'_, f64> {
        self.matrix.view()
    }
}

/// Count, mean and sum of squared deviations of the values of one column that are there.
#[derive(Debug, Clone, Copy)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
    least: f64,
    most: f64,
}

impl Moments {
    const NONE: Moments = Moments {
        count: 0.0,
        mean: 0.0,
        squares: 0.0,
        least: f64::INFINITY,
        most: f64::NEG_INFINITY,
    };

    fn of(values: &[f64]) -> Moments {
        let count = values.len() as f64;
        if values.is_empty() {
            return Moments::NONE;
        }
        let mean = values.iter().sum::<f64>() / count;
        Moments {
            count,
            mean,
            squares: values.iter().map(|v| (v - mean) * (v - mean)).sum(),
            least: values.iter().copied().fold(f64::INFINITY, f64::min),
            most: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    /// Both together (Chan, Golub and LeVeque 1979, pairwise update of the variance).
    fn and(self, other: Moments) -> Moments {
        let count = self.count + other.count;
        if count == 0.0 {
            return Moments::NONE;
        }
        let apart = other.mean - self.mean;
        Moments {
            count,
            mean: self.mean + apart * (other.count / count),
            squares: self.squares
                + other.squares
                + apart * apart * self.count * other.count / count,
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }

    /// Mean, scale and whether the column varies, by the rule of scikit-learn's `_is_constant_feature`.
    fn standard(self) -> (f64, f64, bool) {
        if self.count == 0.0 {
            return (0.0, 1.0, false);
        }
        if self.least == self.most {
            return (self.least, 1.0, false);
        }
        let variance = self.squares / self.count;
        let noise =
            self.count * f64::EPSILON * variance + (self.count * self.mean * f64::EPSILON).powi(2);
        if variance <= noise {
            (self.mean, 1.0, false)
        } else {
            (self.mean, variance.sqrt(), true)
        }
    }
}

fn signed_log(value: f64) -> f64 {
    value.abs().ln_1p().copysign(value)
}

impl Preparation {
    /// Fits on `x` (rows x features, NaN = missing, standard layout) and prepares it, as [`Preparation::apply`] would; `names`
    /// are the features' names, in the order of the columns. With `log`, each value first becomes sign(x) ln(1 + |x|).
    ///
    /// # Errors
    /// [`FitError::Data`] for no rows, another number of names, values too large for a mean; [`FitError::Stopped`].
    pub fn fit_apply(
        x: ArrayView2<'_, f64>,
        names: &[String],
        log: bool,
        control: &dyn Control,
    ) -> Result<(Preparation, Prepared), FitError> {
        let width = names.len();
        let values = flat(&x, width)?;
        if values.is_empty() {
            return Err(FitError::data(
                "there is nothing to prepare: no rows or no features",
            ));
        }
        let rows = x.nrows();
        let parts = rows.div_ceil(CHUNK);
        let bytes = parts * width * size_of::<Moments>();
        let _charge = Charge::new(bytes as u64, PHASE, control)?;
        let mut partial: Vec<Moments> = Vec::new();
        reserve(&mut partial, parts * width, PHASE)?;
        partial.resize(parts * width, Moments::NONE);
        // Logarithms cost more than all else here: they are taken once.
        let (mut taken, charge) = room(values.len(), control)?;
        partial
            .par_chunks_mut(width)
            .zip(taken.par_chunks_mut(CHUNK * width))
            .zip(values.par_chunks(CHUNK * width))
            .try_for_each(|((moments, taken), chunk)| {
                for (taken, value) in taken.iter_mut().zip(chunk) {
                    *taken = if log { signed_log(*value) } else { *value };
                }
                let mut there = Vec::new();
                reserve(&mut there, CHUNK, PHASE)?;
                for (column, moments) in moments.iter_mut().enumerate() {
                    control.check()?;
                    there.clear();
                    let cells = taken.iter().skip(column).step_by(width);
                    there.extend(cells.copied().filter(|v| !v.is_nan()));
                    *moments = Moments::of(&there);
                }
                Ok::<(), Stop>(())
            })?;

        let mut total = vec![Moments::NONE; width];
        for moments in partial.chunks(width) {
            for (total, part) in total.iter_mut().zip(moments) {
                *total = total.and(*part);
            }
        }
        let mut preparation = Preparation {
            features: names.to_vec(),
            log,
            means: Vec::new(),
            scales: Vec::new(),
            varies: Vec::new(),
            indicated: Vec::new(),
        };
        for moments in &total {
            preparation.push(moments.standard());
        }
        for (feature, moments) in (0u32..).zip(&total) {
            let missing = rows as f64 - moments.count;
            if missing > 0.0 {
                let share = missing / rows as f64;
                preparation.indicated.push(feature);
                preparation.push(match moments.count {
                    0.0 => (1.0, 1.0, false),
                    _ => (share, (share * (1.0 - share)).sqrt(), true),
                });
            }
        }
        preparation
            .check()
            .map_err(|_| FitError::data("features have values that are too large for a mean"))?;
        let prepared = preparation.standardised(rows, taken, charge, control)?;
        Ok((preparation, prepared))
    }

    /// Puts rows of logarithms into standard units: in their place, where there are no indicators.
    fn standardised(
        &self,
        rows: usize,
        mut taken: Vec<f64>,
        charge: Charge,
        control: &dyn Control,
    ) -> Result<Prepared, FitError> {
        let (width, columns) = (self.features.len(), self.columns());
        if columns > width {
            let (mut out, own) = room(rows.saturating_mul(columns), control)?;
            out.par_chunks_mut(CHUNK * columns)
                .zip(taken.par_chunks(CHUNK * width))
                .try_for_each(|(out, chunk)| {
                    control.check()?;
                    let rows = out.chunks_exact_mut(columns).zip(chunk.chunks_exact(width));
                    rows.for_each(|(out, row)| self.fill(row, out, |v| v));
                    Ok::<(), Stop>(())
                })?;
            return Prepared::of(rows, columns, out, own);
        }
        taken.par_chunks_mut(CHUNK * width).try_for_each(|chunk| {
            control.check()?;
            for row in chunk.chunks_exact_mut(width) {
                for (value, units) in row.iter_mut().zip(self.of_columns()) {
                    *value = standard(*value, units);
                }
            }
            Ok::<(), Stop>(())
        })?;
        Prepared::of(rows, columns, taken, charge)
    }

    fn push(&mut self, (mean, scale, varies): (f64, f64, bool)) {
        self.means.push(mean);
        self.scales.push(scale);
        self.varies.push(varies);
    }

    /// Verifies a preparation that was read from bytes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), &'static str> {
        let (features, columns) = (self.features.len(), self.columns());
        if [self.means.len(), self.scales.len(), self.varies.len()] != [columns; 3] {
            return Err("a preparation's columns differ in number");
        }
        let ascending = self
            .indicated
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if a < b));
        if !ascending
            || self
                .indicated
                .last()
                .is_some_and(|&f| f as usize >= features)
        {
            return Err("a preparation has an indicator of a feature that does not exist");
        }
        if !self.means.iter().chain(&self.scales).all(|v| v.is_finite())
            || !self.scales.iter().all(|&s| s > 0.0)
        {
            return Err("a preparation's means or scales are no numbers");
        }
        Ok(())
    }

    /// The number of columns of a prepared matrix.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.features.len() + self.indicated.len()
    }

    /// The names of the features, as given.
    #[must_use]
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// True when values go through sign(x) ln(1 + |x|) first.
    #[must_use]
    pub fn log(&self) -> bool {
        self.log
    }

    /// The names of the columns: `name`, then `name is missing` for the indicators.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let indicators = self
            .indicated
            .iter()
            .filter_map(|&f| self.features.get(f as usize));
        let indicators = indicators.map(|name| format!("{name} is missing"));
        self.features.iter().cloned().chain(indicators).collect()
    }

    /// For each column the number of the feature that it comes from.
    pub fn sources(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.features.len()).chain(self.indicated.iter().map(|&f| f as usize))
    }

    /// For each column mean and standard deviation in training, after the logarithm; `None` where it is constant and
    /// prepared as 0.
    pub fn units(&self) -> impl Iterator<Item = Option<(f64, f64)>> + '_ {
        let units = self.means.iter().zip(&self.scales).zip(&self.varies);
        units.map(|((&mean, &scale), &varies)| varies.then_some((mean, scale)))
    }

    /// Prepares `x` (rows x features, NaN = missing, standard layout).
    ///
    /// # Errors
    /// [`FitError::Data`] for another number of columns than in training; [`FitError::Stopped`].
    pub fn apply(
        &self,
        x: ArrayView2<'_, f64>,
        control: &dyn Control,
    ) -> Result<Prepared, FitError> {
        let (rows, width, columns) = (x.nrows(), self.features.len(), self.columns());
        let values = flat(&x, width)?;
        let cells = rows
            .checked_mul(columns)
            .ok_or_else(|| FitError::data("the matrix is too large"))?;
        let (mut prepared, charge) = room(cells, control)?;
        if !values.is_empty() {
            prepared
                .par_chunks_mut(CHUNK * columns)
                .zip(values.par_chunks(CHUNK * width))
                .try_for_each(|(out, chunk)| {
                    control.check()?;
                    let rows = out.chunks_exact_mut(columns).zip(chunk.chunks_exact(width));
                    rows.for_each(|(out, row)| self.fill(row, out, |v| self.taken(v)));
                    Ok::<(), Stop>(())
                })?;
        }
        Prepared::of(rows, columns, prepared, charge)
    }

    /// Prepares one customer's features, to the same bits as [`Preparation::apply`]; values that are not there are missing.
    #[must_use]
    pub fn apply_row(&self, row: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.columns()];
        self.fill(row, &mut out, |v| self.taken(v));
        out
    }

    /// A value as it is standardised.
    fn taken(&self, value: f64) -> f64 {
        if self.log { signed_log(value) } else { value }
    }

    /// Mean, scale and whether it varies of each column.
    fn of_columns(&self) -> impl Iterator<Item = (f64, f64, bool)> + '_ {
        let units = self.means.iter().zip(&self.scales).zip(&self.varies);
        units.map(|((&mean, &scale), &varies)| (mean, scale, varies))
    }

    /// A prepared row; `taken` makes a value of the row what is standardised.
    fn fill(&self, row: &[f64], out: &mut [f64], taken: impl Fn(f64) -> f64) {
        let value = |feature: usize| row.get(feature).copied().unwrap_or(f64::NAN);
        let mut columns = out.iter_mut().zip(self.of_columns());
        for feature in 0..self.features.len() {
            let Some((out, units)) = columns.next() else {
                return;
            };
            *out = standard(taken(value(feature)), units);
        }
        for (&feature, (out, (mean, scale, varies))) in self.indicated.iter().zip(columns) {
            let missing = f64::from(value(feature as usize).is_nan());
            *out = if varies {
                (missing - mean) / scale
            } else {
                0.0
            };
        }
    }
}

/// A value of a feature in its column's unit; 0, the mean, where it is missing.
fn standard(value: f64, (mean, scale, varies): (f64, f64, bool)) -> f64 {
    if value.is_nan() || !varies {
        0.0
    } else {
        ((value - mean) / scale).clamp(-LARGEST, LARGEST)
    }
}

/// Zeros, charged.
fn room(cells: usize, control: &dyn Control) -> Result<(Vec<f64>, Charge), Stop> {
    let charge = Charge::new((cells as u64).saturating_mul(8), PHASE, control)?;
    let mut zeros: Vec<f64> = Vec::new();
    reserve(&mut zeros, cells, PHASE)?;
    zeros.resize(cells, 0.0);
    Ok((zeros, charge))
}

/// The cells of a matrix with `width` columns, row by row.
fn flat<'a>(x: &'a ArrayView2<'_, f64>, width: usize) -> Result<&'a [f64], FitError> {
    if x.ncols() != width {
        return Err(FitError::data(format!(
            "{} columns of features where {width} are expected",
            x.ncols()
        )));
    }
    x.as_slice()
        .ok_or_else(|| FitError::data("the matrix is not in standard layout"))
}
