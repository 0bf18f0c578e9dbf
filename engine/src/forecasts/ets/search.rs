//! The search for a form's best parameters, and for the best form.

use super::descent::{Data, Descent, Goal, deviance};
use super::form::{Form, Kind};
use super::recursion::{State, Weights};
use super::space::{BETA, FIRST_SEASON, GAMMA, PHI, Point, Space, TREND};
use super::start::start;
use crate::control::{Control, Stop};

/// Where descents begin: alpha, the shares of beta and gamma, phi. Likelihoods of these models have several peaks; chosen so that on 310
/// monthly and daily series, of retail and simulated, few peaks are higher than the highest of these descents.
const PLAIN: &[[f64; 4]] = &[[0.6, 0.0, 0.0, 1.0], [0.03, 0.0, 0.0, 1.0]];
const TRENDED: &[[f64; 4]] = &[
    [0.3, 0.02, 0.0, 1.0],
    [0.1, 0.8, 0.0, 1.0],
    [0.6, 0.2, 0.0, 1.0],
    [0.03, 0.2, 0.0, 1.0],
];
const DAMPED: &[[f64; 4]] = &[
    [0.3, 0.02, 0.0, 0.85],
    [0.03, 0.02, 0.0, 0.85],
    [0.9, 0.02, 0.0, 0.97],
    [0.03, 0.02, 0.0, 0.97],
];
const SEASONAL: &[[f64; 4]] = &[
    [0.03, 0.0, 0.2, 1.0],
    [0.9, 0.0, 0.05, 1.0],
    [0.03, 0.0, 0.6, 1.0],
];
const SEASONAL_TREND: &[[f64; 4]] = &[
    [0.3, 0.8, 0.2, 1.0],
    [0.03, 0.8, 0.005, 1.0],
    [0.1, 0.2, 0.6, 1.0],
    [0.9, 0.8, 0.05, 1.0],
];
const SEASONAL_DAMPED: &[[f64; 4]] = &[
    [0.3, 0.02, 0.05, 0.85],
    [0.1, 0.02, 0.6, 0.97],
    [0.3, 0.8, 0.005, 0.97],
    [0.03, 0.2, 0.005, 0.97],
];

/// Steps of each descent before only the promising ones go on.
const FIRST_ROUNDS: usize = 2;
/// Where phi begins at the peak of the undamped form.
const KIN_PHI: f64 = 0.97;
/// How often a start that no model holds at is moved towards a plainer one.
const HALVINGS: usize = 8;

/// Akaike's criterion, corrected for the number of values; infinite where that is too small.
pub(super) fn aicc(deviance: f64, size: usize, n: f64) -> f64 {
    let k = size as f64;
    if n <= k + 1.0 {
        return f64::INFINITY;
    }
    deviance + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0)
}

/// The form with the lowest corrected criterion of Akaike, and the best point for it; nothing where no form holds.
///
/// # Errors
/// [`Stop::Cancelled`].
pub(super) fn best<'a>(
    forms: &[Form],
    season: usize,
    data: &Data<'a>,
    control: &dyn Control,
) -> Result<Option<(Space, Point)>, Stop> {
    let mut best: Option<(f64, Form, Descent<'a>)> = None;
    let mut peaks: Vec<(Form, Point)> = Vec::new();
    for form in forms {
        let space = Space::new(*form, season);
        // What its size costs a form is known beforehand.
        let cost = aicc(0.0, form.size(season), data.n);
        let least = best.as_ref().map_or(f64::INFINITY, |b| b.0);
        let mut from = kin(*form, &peaks);
        if from.is_empty() {
            from = begin(&space, data, control)?;
        }
        let Some(peak) = climb(&space, data, &from, least - cost, control)? else {
            continue;
        };
        peaks.push((*form, peak.point));
        let aicc = peak.deviance() + cost;
        if aicc < least {
            best = Some((aicc, *form, peak));
        }
    }
    let Some((_, form, mut peak)) = best else {
        return Ok(None);
    };
    peak.run(Goal::LAST, control)?;
    Ok(Some((Space::new(form, season), peak.point)))
}

/// The peaks of forms that differ from a form in their error or in damping alone, where its own are near.
fn kin(form: Form, peaks: &[(Form, Point)]) -> Vec<Point> {
    let peak = |of: Form| peaks.iter().find(|p| p.0 == of).map(|p| p.1);
    let mut kin = Vec::new();
    if form.positive() {
        let error = Kind::Additive;
        kin.extend(peak(Form { error, ..form }));
    }
    if form.damped {
        let undamped = Form {
            damped: false,
            ..form
        };
        kin.extend(peak(undamped).map(|mut point| {
            point[PHI] = KIN_PHI;
            point
        }));
    }
    kin
}

/// The best of the descents from some points; nothing, or one that ends above `limit`, once it is plain that all end above it.
fn climb<'a>(
    space: &Space,
    data: &Data<'a>,
    from: &[Point],
    limit: f64,
    control: &dyn Control,
) -> Result<Option<Descent<'a>>, Stop> {
    let first = Goal {
        rounds: FIRST_ROUNDS,
        ..Goal::SEARCH
    };
    let mut descents = Vec::with_capacity(from.len());
    for point in from {
        let mut descent = Descent::new(space, data, point, control)?;
        descent.run(first, control)?;
        descents.push(descent);
    }
    descents.retain(|d| d.deviance().is_finite());
    descents.sort_by(|a, b| a.hope().total_cmp(&b.hope()));
    let mut best: Option<Descent<'a>> = None;
    for mut descent in descents {
        let limit = best.as_ref().map_or(limit, |b| limit.min(b.deviance()));
        if best.as_ref().is_some_and(|b| b.reaches(&descent)) || descent.hopeless(limit) {
            continue;
        }
        descent.run(
            Goal {
                limit,
                ..Goal::SEARCH
            },
            control,
        )?;
        if best
            .as_ref()
            .is_none_or(|b| descent.deviance() < b.deviance())
        {
            best = Some(descent);
        }
    }
    Ok(best)
}

/// The points where descents begin that know no other form's peak.
fn begin(space: &Space, data: &Data<'_>, control: &dyn Control) -> Result<Vec<Point>, Stop> {
    let state = start(space.form, space.period, data.y);
    let starts = match (space.has(GAMMA), space.has(BETA), space.has(PHI)) {
        (false, false, _) => PLAIN,
        (false, true, false) => TRENDED,
        (false, true, true) => DAMPED,
        (true, false, _) => SEASONAL,
        (true, true, false) => SEASONAL_TREND,
        (true, true, true) => SEASONAL_DAMPED,
    };
    let points = starts
        .iter()
        .map(|numbers| holding(space, data, numbers, &state, control));
    points.collect()
}

/// The point of a start: where the model does not hold there, with ever smaller effects of trend and season.
fn holding(
    space: &Space,
    data: &Data<'_>,
    numbers: &[f64; 4],
    state: &State,
    control: &dyn Control,
) -> Result<Point, Stop> {
    let [alpha, beta, gamma, phi] = *numbers;
    let weights = Weights {
        alpha,
        beta,
        gamma,
        phi,
    };
    let mut point = space.point(&weights, state);
    point[BETA] = beta;
    point[GAMMA] = gamma;
    let neutral = f64::from(u8::from(space.form.season == Kind::Multiplicative));
    let still = f64::from(u8::from(space.form.trend == Kind::Multiplicative));
    for _ in 0..HALVINGS {
        if deviance(space, data, &point, control)?.is_finite() {
            break;
        }
        for effect in &mut point[FIRST_SEASON..space.width()] {
            *effect = (*effect + neutral) / 2.0;
        }
        point[TREND] = (point[TREND] + still) / 2.0;
        point[BETA] /= 2.0;
        point[GAMMA] /= 2.0;
    }
    Ok(point)
}
