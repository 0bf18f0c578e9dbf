//! Forecasts that add up and are not below 0.

use super::Structure;
use super::weights::Weights;
use crate::control::{Control, Stop};

/// Rounds of setting to 0 and reconciling; what is below 0 after the last one is set to 0 and added up.
const ROUNDS: usize = 10;

/// Replaces values that add up by such that are not below 0 either. `variances` tell how readily each series changes; without them only
/// bottom series below 0 do, and their totals.
pub(super) fn lift(
    structure: &Structure,
    variances: &[f64],
    column: &mut [f64],
    control: &dyn Control,
) -> Result<(), Stop> {
    let totals = structure.totals.len();
    let given = column.to_vec();
    let mut held = vec![false; column.len()];
    for _ in 0..ROUNDS {
        let below = |column: &[f64]| column.iter().skip(totals).any(|v| *v < 0.0);
        if variances.is_empty() || !below(column) {
            break;
        }
        for (held, value) in held.iter_mut().zip(column.iter()).skip(totals) {
            *held |= *value < 0.0;
        }
        let free = |(variance, held): (&f64, &bool)| if *held { 0.0 } else { *variance };
        let left: Vec<f64> = variances.iter().zip(&held).map(free).collect();
        for (value, (given, held)) in column.iter_mut().zip(given.iter().zip(&held)) {
            *value = if *held { 0.0 } else { *given };
        }
        let weights = Weights::apart(structure, left, control)?;
        weights.project(structure, column);
        structure.add_up(column);
    }
    for value in column.iter_mut().skip(totals) {
        *value = value.max(0.0);
    }
    structure.add_up(column);
    Ok(())
}
