//! What a change of each series costs: the covariance of its errors.

use rayon::prelude::*;

use super::{PHASE, Structure};
use crate::control::{Charge, Control, Stop};
use crate::forecasts::numeric::linear::{cholesky, cholesky_solve};

/// What is added to variances, relative to their mean, where the totals could not be reconciled by them alone.
const RIDGE: f64 = 1e-9;

/// W C', and C W C' factored; W is the covariance of the errors, C y the differences between totals and sums.
pub(super) struct Weights {
    /// By series, then by total.
    spread: Vec<f64>,
    /// The Cholesky factor, row by row.
    factor: Vec<f64>,
    variances: Vec<f64>,
    _charge: Charge,
}

impl Weights {
    /// All series alike and apart.
    pub(super) fn equal(structure: &Structure, control: &dyn Control) -> Result<Weights, Stop> {
        Weights::apart(structure, vec![1.0; structure.series()], control)
    }

    /// Each by the variance of its residuals, and apart.
    pub(super) fn variances(
        structure: &Structure,
        residuals: &[Vec<f64>],
        control: &dyn Control,
    ) -> Result<Weights, Stop> {
        Weights::apart(structure, variances(structure, residuals), control)
    }

    /// By these variances, without correlations.
    pub(super) fn apart(
        structure: &Structure,
        variances: Vec<f64>,
        control: &dyn Control,
    ) -> Result<Weights, Stop> {
        let none = vec![0.0; structure.series() * structure.totals.len()];
        Weights::new(structure, variances, &none, control)
    }

    /// By the covariances of the residuals, correlations shrunk to 0.
    pub(super) fn shrunk(
        structure: &Structure,
        residuals: &[Vec<f64>],
        control: &dyn Control,
    ) -> Result<Weights, Stop> {
        let variances = variances(structure, residuals);
        let deviations: Vec<f64> = variances.iter().map(|v| v.sqrt()).collect();
        let scored = Scored::new(residuals, control)?;
        let rows = (0..residuals.len())
            .into_par_iter()
            .map(|row| {
                control.check()?;
                let shares = scored.shares(row);
                let own = deviations.get(row).copied().unwrap_or(0.0);
                let covariances: Vec<f64> = shares
                    .correlations
                    .iter()
                    .zip(&deviations)
                    .map(|(correlation, other)| correlation * own * other)
                    .collect();
                let between = structure.discrepancies(&covariances);
                Ok((between, shares.squares, shares.chance))
            })
            .collect::<Result<Vec<_>, Stop>>()?;
        let chance: f64 = rows.iter().map(|row| row.2).sum();
        let squares: f64 = rows.iter().map(|row| row.1).sum();
        let keep = if squares > 0.0 {
            1.0 - (chance / squares).min(1.0)
        } else {
            0.0
        };
        let between: Vec<f64> = rows
            .iter()
            .flat_map(|row| row.0.iter().map(|covariance| keep * covariance))
            .collect();
        Weights::new(structure, variances, &between, control)
    }

    /// `between`: W C' of the covariances alone, by series and total.
    fn new(
        structure: &Structure,
        variances: Vec<f64>,
        between: &[f64],
        control: &dyn Control,
    ) -> Result<Weights, Stop> {
        let totals = structure.totals.len();
        let cells = totals.saturating_mul(structure.series().saturating_add(totals));
        let charge = Charge::new((cells as u64).saturating_mul(16), PHASE, control)?;
        let mean = variances.iter().sum::<f64>() / variances.len().max(1) as f64;
        // Correlations shrunk too little, or series that cannot be changed at all, leave nothing to solve.
        let attempts = [
            (1.0, 0.0),
            (1.0, RIDGE * mean),
            (0.0, RIDGE * mean),
            (0.0, 1.0),
        ];
        let mut spread = Vec::new();
        let mut factor = Vec::new();
        let mut used = Vec::new();
        for (keep, ridge) in attempts {
            control.check()?;
            used = variances.iter().map(|v| v + ridge).collect::<Vec<f64>>();
            spread = between.iter().map(|b| keep * b).collect();
            structure.add_variances(&used, &mut spread);
            factor = structure.between_totals(&spread);
            if cholesky(&mut factor, totals) {
                break;
            }
        }
        Ok(Weights {
            spread,
            factor,
            variances: used,
            _charge: charge,
        })
    }

    pub(super) fn by_series(&self) -> &[f64] {
        &self.variances
    }

    /// Moves the bottom series so that they and the totals become the nearest values that add up; the totals have then to be added up.
    pub(super) fn project(&self, structure: &Structure, column: &mut [f64]) {
        let totals = structure.totals.len();
        if totals == 0 {
            return;
        }
        let mut pull = structure.discrepancies(column);
        cholesky_solve(&self.factor, totals, &mut pull);
        let rows = self.spread.chunks_exact(totals);
        for (value, row) in column.iter_mut().zip(rows).skip(totals) {
            *value -= row.iter().zip(&pull).map(|(w, p)| w * p).sum::<f64>();
        }
    }
}

impl Structure {
    /// Adds W C' of a diagonal W, by series and total.
    fn add_variances(&self, variances: &[f64], spread: &mut [f64]) {
        let totals = self.totals.len();
        for (at, parts) in self.totals.iter().enumerate() {
            let own = std::iter::once((at, 1.0));
            for (series, sign) in own.chain(parts.iter().map(|p| (totals + p, -1.0))) {
                if let (Some(cell), Some(variance)) =
                    (spread.get_mut(series * totals + at), variances.get(series))
                {
                    *cell += sign * variance;
                }
            }
        }
    }

    /// C times a matrix by series and total.
    fn between_totals(&self, spread: &[f64]) -> Vec<f64> {
        let totals = self.totals.len();
        let row = |series: usize| spread.get(series * totals..(series + 1) * totals);
        let mut out = Vec::with_capacity(totals * totals);
        for (at, parts) in self.totals.iter().enumerate() {
            let mut sum = row(at).unwrap_or_default().to_vec();
            for part in parts.iter().filter_map(|p| row(totals + p)) {
                sum.iter_mut().zip(part).for_each(|(s, p)| *s -= p);
            }
            out.extend(sum);
        }
        out
    }
}

/// Mean squares of the residuals of each series. One without any residual gets the mean of its kind, totals or bottom series.
fn variances(structure: &Structure, residuals: &[Vec<f64>]) -> Vec<f64> {
    let mut out: Vec<f64> = residuals.iter().map(|row| mean_square(row)).collect();
    let (totals, bottoms) = out.split_at_mut(structure.totals.len());
    for kind in [totals, bottoms] {
        let known = kind.iter().filter(|v| !v.is_nan());
        let (sum, n) = known.fold((0.0, 0.0), |(sum, n), v| (sum + v, n + 1.0));
        let mean = if n > 0.0 { sum / n } else { 0.0 };
        kind.iter_mut()
            .filter(|v| v.is_nan())
            .for_each(|v| *v = mean);
    }
    out
}

/// NaN when all are missing.
fn mean_square(row: &[f64]) -> f64 {
    let known = row.iter().filter(|v| !v.is_nan());
    let (sum, n) = known.fold((0.0, 0.0), |(sum, n), v| (sum + v * v, n + 1.0));
    sum / n
}

/// Residuals over their root mean square, 0 where missing, and which are there.
struct Scored {
    rows: Vec<Vec<f64>>,
    /// 1 where there is a residual; nothing when no row misses one.
    there: Option<Vec<Vec<f64>>>,
    times: f64,
    _charge: Charge,
}

/// The correlations of a series with the others.
struct Shares {
    /// 0 with itself.
    correlations: Vec<f64>,
    /// The sum of their squares.
    squares: f64,
    /// The sum of their variances by chance.
    chance: f64,
}

impl Scored {
    fn new(residuals: &[Vec<f64>], control: &dyn Control) -> Result<Scored, Stop> {
        let times = residuals.first().map_or(0, Vec::len);
        let cells = (residuals.len() as u64).saturating_mul(times as u64);
        let holes = residuals.iter().flatten().any(|v| v.is_nan());
        let bytes = cells.saturating_mul(if holes { 16 } else { 8 });
        let charge = Charge::new(bytes, PHASE, control)?;
        let score = |row: &Vec<f64>| {
            let deviation = mean_square(row).sqrt();
            let over = |v: &f64| {
                let score = v / deviation;
                if score.is_finite() { score } else { 0.0 }
            };
            row.iter().map(over).collect()
        };
        let there = |row: &Vec<f64>| {
            row.iter()
                .map(|v| f64::from(u8::from(!v.is_nan())))
                .collect()
        };
        Ok(Scored {
            rows: residuals.iter().map(score).collect(),
            there: holes.then(|| residuals.iter().map(there).collect()),
            times: times as f64,
            _charge: charge,
        })
    }

    fn shares(&self, row: usize) -> Shares {
        let mut shares = Shares {
            correlations: Vec::with_capacity(self.rows.len()),
            squares: 0.0,
            chance: 0.0,
        };
        let Some(own) = self.rows.get(row) else {
            return shares;
        };
        for (at, other) in self.rows.iter().enumerate() {
            let n = self.together(row, at);
            if at == row || n < 2.0 {
                shares.correlations.push(0.0);
                continue;
            }
            let (mut sum, mut squares) = (0.0, 0.0);
            for product in own.iter().zip(other).map(|(a, b)| a * b) {
                sum += product;
                squares += product * product;
            }
            let correlation = (sum / n).clamp(-1.0, 1.0);
            shares.correlations.push(correlation);
            shares.squares += correlation * correlation;
            shares.chance += (squares - sum * sum / n) / (n * (n - 1.0));
        }
        shares
    }

    /// Times at which both series have a residual.
    fn together(&self, a: usize, b: usize) -> f64 {
        match self.there.as_ref().and_then(|t| t.get(a).zip(t.get(b))) {
            Some((a, b)) => a.iter().zip(b).map(|(a, b)| a * b).sum(),
            None => self.times,
        }
    }
}
