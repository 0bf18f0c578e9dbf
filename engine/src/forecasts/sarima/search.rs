//! Orders from the series: the stepwise search of Hyndman and Khandakar (Journal of Statistical Software 27, 2008).

use std::collections::HashMap;

use super::differences::{differenced, differences, is_constant, is_strong};
use super::estimate::{Care, Estimate, determined, estimate, usual_starts};
use super::params::{Orders, SarimaParams};
use super::polynomial::{Polynomials, roots_beyond};
use super::problem::{Problem, Terms};
use crate::control::Control;
use crate::forecasts::{ForecastError, filled};

/// A model of which a polynomial has a root nearer to zero than this is not taken: it is at the edge of what is stationary or
/// invertible.
const LEAST_ROOT: f64 = 1.01;
/// Models that are compared at most.
const MOST_MODELS: usize = 250;
/// The longest lag of a model that is found: longer ones must be asked for.
const LONGEST_LAG: usize = 120;

/// A model that was found, with what it was fitted to.
#[derive(Debug)]
pub(super) struct Found {
    pub problem: Problem,
    pub estimate: Estimate,
}

/// What distinguishes the candidates: p, q, P, Q and whether there is a constant.
type Candidate = ([usize; 4], bool);

/// The best model of `y`, whose first value is not missing.
///
/// # Errors
/// [`ForecastError::TooShort`], [`ForecastError::Regressor`], [`ForecastError::NoFit`], [`ForecastError::Stopped`].
pub(super) fn search(
    y: &[f64],
    regressors: &[Vec<f64>],
    season: usize,
    params: &SarimaParams,
    control: &dyn Control,
) -> Result<Found, ForecastError> {
    let orders = differencing(y, regressors, season, params, control)?;
    let mut search = Search::new(y, regressors, orders, params, control)?;
    let mut best = match search.exact() {
        Some(exact) => exact,
        None => search.begin()?,
    };
    while let Some(better) = search.step(&best)? {
        best = better;
    }
    search.finish(&best)
}

/// The differences of the model.
fn differencing(
    y: &[f64],
    regressors: &[Vec<f64>],
    season: usize,
    params: &SarimaParams,
    control: &dyn Control,
) -> Result<Orders, ForecastError> {
    // What a regression leaves, were there no differences.
    let terms = Terms {
        mean: true,
        drift: false,
    };
    let mut left = if regressors.is_empty() {
        filled(y, season)
    } else {
        let level = Orders::new([0; 3], [0; 3], season);
        Problem::new(y, regressors, &level, terms)?
            .differenced
            .swap_remove(0)
    };
    let seasonal_d = match params.seasonal_order {
        Some([_, seasonal_d, _]) => seasonal_d,
        None if season < 2 || params.max_seasonal_d == 0 => 0,
        None => {
            let strong = is_strong(&left, season, control)?;
            let vanish = regressors
                .iter()
                .any(|x| is_constant(&differenced(x, 0, 1, season)));
            usize::from(strong && !vanish)
        }
    };
    left = differenced(&left, 0, seasonal_d, season);
    let mut d = differences(&left, params.max_d);
    let vanish = |d: usize| {
        let mut regressors = regressors.iter();
        regressors.any(|x| is_constant(&differenced(x, d, seasonal_d, season)))
    };
    while d > 0 && vanish(d) {
        d -= 1;
    }
    Ok(Orders::new([0, d, 0], [0, seasonal_d, 0], season))
}

struct Search<'a> {
    orders: Orders,
    /// Without a constant, and with one.
    problems: [Option<Problem>; 2],
    /// The most that p, q, P and Q can be.
    most: [usize; 4],
    /// The least.
    least: [usize; 4],
    tried: HashMap<Candidate, Option<Estimate>>,
    control: &'a dyn Control,
}

impl<'a> Search<'a> {
    fn new(
        y: &[f64],
        regressors: &[Vec<f64>],
        orders: Orders,
        params: &SarimaParams,
        control: &'a dyn Control,
    ) -> Result<Search<'a>, ForecastError> {
        let differences = orders.differences();
        let wanted = match differences {
            0 => params.mean,
            1 => params.drift,
            _ => Some(false),
        };
        // Without differences a drift is a trend, which only those get who ask for it.
        let trend = differences == 0 && params.drift == Some(true);
        let problem = |constant: bool| {
            let terms = Terms {
                mean: constant && differences == 0,
                drift: (constant && differences == 1) || trend,
            };
            Problem::new(y, regressors, &orders, terms)
        };
        let mut problems = [None, None];
        if wanted != Some(true) {
            problems[0] = Some(problem(false)?);
        }
        if wanted != Some(false) {
            match problem(true) {
                Ok(with) => problems[1] = Some(with),
                // One of the regressors says what the constant would: it is left out.
                Err(_) if problems[0].is_some() => {}
                Err(error) => return Err(error),
            }
        }
        let seen = y.iter().filter(|v| !v.is_nan()).count();
        let season = orders.season;
        let mut most = [
            params.max_p.min(seen / 3),
            params.max_q.min(seen / 3),
            params.max_seasonal_p,
            params.max_seasonal_q,
        ];
        let mut least = [0; 4];
        let reach = (seen / 3).min(LONGEST_LAG) / season;
        for most in &mut most[2..] {
            *most = if season > 1 { (*most).min(reach) } else { 0 };
        }
        if let Some([seasonal_p, _, seasonal_q]) = params.seasonal_order {
            (most[2], most[3]) = (seasonal_p, seasonal_q);
            (least[2], least[3]) = (seasonal_p, seasonal_q);
        }
        Ok(Search {
            orders,
            problems,
            most,
            least,
            tried: HashMap::new(),
            control,
        })
    }

    fn orders_of(&self, [p, q, seasonal_p, seasonal_q]: [usize; 4]) -> Orders {
        Orders {
            p,
            q,
            seasonal_p,
            seasonal_q,
            ..self.orders
        }
    }

    /// The smallest model, when it leaves nothing to explain.
    fn exact(&self) -> Option<Candidate> {
        let constant = self.problems.iter().flatten().find(|p| p.exact)?.terms;
        Some((self.least, constant != Terms::default()))
    }

    /// The best of the models with which the search begins.
    fn begin(&mut self) -> Result<Candidate, ForecastError> {
        let constant = self.problems[1].is_some();
        let mut first: Vec<Candidate> = [[2, 2, 1, 1], [0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1]]
            .map(|orders| (orders, constant))
            .to_vec();
        first.push(([0; 4], false));
        let mut best: Option<(f64, Candidate)> = None;
        for (mut orders, constant) in first {
            for (order, (least, most)) in orders.iter_mut().zip(self.least.iter().zip(self.most)) {
                *order = (*order).clamp(*least, most);
            }
            let candidate = (orders, constant);
            let criterion = self.criterion(candidate, None)?;
            if best.is_none_or(|(least, _)| criterion < least) {
                best = Some((criterion, candidate));
            }
        }
        match best {
            Some((_, candidate)) => Ok(candidate),
            None => Err(ForecastError::NoFit { method: "sarima" }),
        }
    }

    /// The first neighbour that is better.
    fn step(&mut self, best: &Candidate) -> Result<Option<Candidate>, ForecastError> {
        let now = self.criterion(*best, None)?;
        for (moves, other_constant) in NEIGHBOURS.into_iter().chain(second_ring()) {
            if self.tried.len() >= MOST_MODELS {
                return Ok(None);
            }
            let Some(orders) = self.moved(best.0, moves) else {
                continue;
            };
            let candidate = (orders, best.1 != other_constant);
            if self.tried.contains_key(&candidate) {
                continue;
            }
            if self.criterion(candidate, Some(best))? < now {
                return Ok(Some(candidate));
            }
        }
        Ok(None)
    }

    fn moved(&self, orders: [usize; 4], moves: [isize; 4]) -> Option<[usize; 4]> {
        let mut moved = orders;
        for (i, by) in moves.into_iter().enumerate() {
            moved[i] = orders[i].checked_add_signed(by)?;
            if !(self.least[i]..=self.most[i]).contains(&moved[i]) {
                return None;
            }
        }
        Some(moved)
    }

    /// The criterion of a model, infinite where it is not to be taken. Its coefficients are sought from those of `near`, too.
    fn criterion(
        &mut self,
        candidate: Candidate,
        near: Option<&Candidate>,
    ) -> Result<f64, ForecastError> {
        if !self.tried.contains_key(&candidate) {
            let estimate = self.estimate(candidate, near)?;
            self.tried.insert(candidate, estimate);
        }
        let estimate = self.tried.get(&candidate).and_then(Option::as_ref);
        Ok(estimate.map_or(f64::INFINITY, Estimate::aicc))
    }

    fn estimate(
        &self,
        (orders, constant): Candidate,
        near: Option<&Candidate>,
    ) -> Result<Option<Estimate>, ForecastError> {
        let Some(problem) = &self.problems[usize::from(constant)] else {
            return Ok(None);
        };
        let orders = self.orders_of(orders);
        if !determined(problem, &orders) {
            return Ok(None);
        }
        let mut starts = usual_starts(problem, &orders);
        if let Some(near) = near.and_then(|near| self.tried.get(near)?.as_ref()) {
            starts.push(carried_over(near, &orders));
        }
        let found = estimate(problem, &orders, &starts, Care::ROUGH, self.control)?;
        Ok(found.filter(is_inside))
    }

    /// The best model, its coefficients found with care.
    fn finish(mut self, best: &Candidate) -> Result<Found, ForecastError> {
        let none = ForecastError::NoFit { method: "sarima" };
        let Some(Some(rough)) = self.tried.remove(best) else {
            return Err(none);
        };
        let Some(problem) = self.problems[usize::from(best.1)].take() else {
            return Err(none);
        };
        let mut starts = usual_starts(&problem, &rough.orders);
        starts.push(rough.free.clone());
        let found = estimate(&problem, &rough.orders, &starts, Care::FINE, self.control)?;
        let estimate = found.filter(is_inside).unwrap_or(rough);
        Ok(Found { problem, estimate })
    }
}

/// Changes of p, q, P, Q, and whether the constant comes or goes, in the order in which they are tried.
const NEIGHBOURS: [([isize; 4], bool); 17] = [
    ([0, 0, -1, 0], false),
    ([0, 0, 0, -1], false),
    ([0, 0, 1, 0], false),
    ([0, 0, 0, 1], false),
    ([0, 0, -1, -1], false),
    ([0, 0, -1, 1], false),
    ([0, 0, 1, -1], false),
    ([0, 0, 1, 1], false),
    ([-1, 0, 0, 0], false),
    ([0, -1, 0, 0], false),
    ([1, 0, 0, 0], false),
    ([0, 1, 0, 0], false),
    ([-1, -1, 0, 0], false),
    ([-1, 1, 0, 0], false),
    ([1, -1, 0, 0], false),
    ([1, 1, 0, 0], false),
    ([0, 0, 0, 0], true),
];

/// Two changes at once, or one and the constant, for when no neighbour is better: the search of 2008 stops there, often at a
/// ridge.
fn second_ring() -> impl Iterator<Item = ([isize; 4], bool)> {
    let mut ring = Vec::new();
    for i in 0..4 {
        for by in [-1, 1] {
            let mut moves = [0; 4];
            moves[i] = by;
            ring.push((moves, true));
            for (j, also) in (i..4).flat_map(|j| [(j, -1), (j, 1)]) {
                let mut moves = moves;
                moves[j] += also;
                ring.push((moves, false));
            }
        }
    }
    ring.into_iter()
}

/// The free parameters of a model with other orders: what is new begins at zero.
fn carried_over(from: &Estimate, to: &Orders) -> Vec<f64> {
    let sizes = |o: &Orders| [o.p, o.q, o.seasonal_p, o.seasonal_q];
    let mut rest = &from.free[..];
    let mut free = Vec::with_capacity(to.coefficients());
    for (old, new) in sizes(&from.orders).into_iter().zip(sizes(to)) {
        let (own, after) = rest.split_at(old);
        free.extend(own.iter().copied().chain(std::iter::repeat(0.0)).take(new));
        rest = after;
    }
    free
}

/// True when no polynomial has a root too near to the unit circle, each taken in steps of its own lag. R looks at the products
/// instead, where a season raises the bar: it refuses seasonal coefficients over 0.93 at a season of 7.
fn is_inside(estimate: &Estimate) -> bool {
    Polynomials::parts(&estimate.orders, &estimate.coefficients)
        .iter()
        .all(|part| roots_beyond(part, LEAST_ROOT))
}
