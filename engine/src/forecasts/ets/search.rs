//! The search for a form's best parameters, and for the best form.

use super::descent::{Data, Goal, Place, descend, deviance};
use super::form::{Form, Kind};
use super::recursion::{State, Weights};
use super::space::{BETA, FIRST_SEASON, GAMMA, Point, Space, TREND};
use super::start::start;
use crate::control::{Control, Stop};

/// Where descents begin: alpha, the shares of beta and gamma, phi. Likelihoods of these models have several peaks; on 310 monthly
/// and daily series of retail, real and simulated, descents from these find the highest of those found from 72 places, with a
/// handful of exceptions that cost less than 1 of the log-likelihood.
const PLAIN: [[f64; 4]; 2] = [[0.5, 0.0, 0.0, 1.0], [0.05, 0.0, 0.0, 1.0]];
const TRENDED: [[f64; 4]; 3] = [
    [0.5, 0.3, 0.0, 0.97],
    [0.05, 0.9, 0.0, 0.97],
    [0.05, 0.02, 0.0, 0.97],
];
const SEASONAL: [[f64; 4]; 2] = [[0.5, 0.0, 0.5, 1.0], [0.9, 0.0, 0.01, 1.0]];
const BOTH: [[f64; 4]; 3] = [
    [0.5, 0.02, 0.1, 0.9],
    [0.05, 0.3, 0.5, 0.97],
    [0.05, 0.02, 0.01, 0.97],
];

/// Steps of each descent before only the promising ones go on.
const FIRST_ROUNDS: usize = 4;
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

/// The form with the lowest corrected criterion of Akaike, and the best place for it; nothing where no form holds.
///
/// # Errors
/// [`Stop::Cancelled`].
pub(super) fn best(
    forms: &[Form],
    season: usize,
    data: &Data<'_>,
    control: &dyn Control,
) -> Result<Option<(Space, Place)>, Stop> {
    let mut best: Option<(f64, Space, Place)> = None;
    for form in forms {
        let space = Space::new(*form, season);
        // What its size costs a form is known beforehand.
        let cost = aicc(0.0, form.size(season), data.n);
        let limit = best.map_or(f64::INFINITY, |(aicc, _, _)| aicc - cost);
        let place = peak(&space, data, limit, control)?;
        let aicc = place.deviance + cost;
        if aicc.is_finite() && best.is_none_or(|(least, _, _)| aicc < least) {
            best = Some((aicc, space, place));
        }
    }
    let Some((_, space, place)) = best else {
        return Ok(None);
    };
    let last = descend(&space, data, &place.point, Goal::LAST, control)?;
    Ok(Some((space, last)))
}

/// The best place of a form, or one that is above `limit` once it is plain that the best is too.
fn peak(space: &Space, data: &Data<'_>, limit: f64, control: &dyn Control) -> Result<Place, Stop> {
    let state = start(space.form, space.period, data.y);
    let starts: &[[f64; 4]] = match (space.has(BETA), space.has(GAMMA)) {
        (false, false) => &PLAIN,
        (true, false) => &TRENDED,
        (false, true) => &SEASONAL,
        (true, true) => &BOTH,
    };
    let mut places = Vec::with_capacity(starts.len());
    let mut first = Goal::SEARCH;
    first.rounds = FIRST_ROUNDS;
    for start in starts {
        let from = begin(space, data, start, &state, control)?;
        places.push(descend(space, data, &from, first, control)?);
    }
    places.sort_by(|a, b| a.hope().total_cmp(&b.hope()));
    let mut best: Option<Place> = None;
    for place in places {
        let goal = Goal {
            limit: best.map_or(limit, |b: Place| limit.min(b.deviance)),
            ..Goal::SEARCH
        };
        if place.deviance.is_infinite() || place.hopeless(goal.limit) {
            best = best.or(Some(place));
            continue;
        }
        let found = descend(space, data, &place.point, goal, control)?;
        if best.is_none_or(|b| found.deviance < b.deviance) {
            best = Some(found);
        }
    }
    Ok(best.unwrap_or(Place::NOWHERE))
}

/// The point of a start: where the model does not hold there, with ever smaller effects of trend and season.
fn begin(
    space: &Space,
    data: &Data<'_>,
    start: &[f64; 4],
    state: &State,
    control: &dyn Control,
) -> Result<Point, Stop> {
    let [alpha, beta, gamma, phi] = *start;
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
