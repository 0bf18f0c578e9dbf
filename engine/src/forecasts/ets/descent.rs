//! Maximum likelihood: Levenberg and Marquardt's descent within bounds.

use super::recursion::{State, Sums, filter};
use super::space::{MOST, Point, Space};
use super::tangents::Pass;
use crate::control::{Control, Stop};

/// Steps between looks at the control.
const LOOK: usize = 1 << 14;
/// Damping of the normal equations: at the beginning, and where it gives up.
const DAMPING: (f64, f64) = (1e-3, 1e10);

/// A series to fit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Data<'a> {
    /// The values, NaN where one is missing; the first is not.
    pub y: &'a [f64],
    /// Values that are not missing.
    pub n: f64,
    /// What a sum of squares counts at least, of plain errors and of relative ones: errors of rounding are not likelihood.
    pub floor: [f64; 2],
}

impl<'a> Data<'a> {
    /// The floor of a form's squares.
    pub fn floor(&self, relative: bool) -> f64 {
        self.floor[usize::from(relative)]
    }
}

/// A place in the space of parameters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub point: Point,
    /// Minus twice the log-likelihood, infinite where the model does not hold.
    pub deviance: f64,
    /// What the next step promises to take off the deviance.
    promise: f64,
}

impl Place {
    /// Where no model holds.
    pub const NOWHERE: Place = Place {
        point: [0.0; MOST],
        deviance: f64::INFINITY,
        promise: 0.0,
    };

    /// What the deviance will come to, as far as can be seen.
    pub fn hope(&self) -> f64 {
        self.deviance - self.promise
    }

    /// True when it is plain that a descent from here ends above `limit`.
    pub fn hopeless(&self, limit: f64) -> bool {
        self.deviance - 3.0 * self.promise - 3.0 > limit
    }
}

/// When a descent ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    /// After so many steps.
    pub rounds: usize,
    /// When a step promises to take less than this off the deviance.
    pub enough: f64,
    /// When it is plain that the deviance will stay above this.
    pub limit: f64,
}

impl Goal {
    /// Near enough to tell places apart.
    pub const SEARCH: Goal = Goal {
        rounds: 60,
        enough: 1e-5,
        limit: f64::INFINITY,
    };

    /// As near as numbers go.
    pub const LAST: Goal = Goal {
        rounds: 60,
        enough: 1e-9,
        limit: f64::INFINITY,
    };
}

/// Whether a point is within the space: its model forgets, and no effect of its season is negative where it multiplies.
fn holds(space: &Space, point: &Point, state: &mut State) -> bool {
    let weights = space.weights(point);
    space.start(point, state);
    let positive = !space.form.positive()
        || space.form.season != super::form::Kind::Multiplicative
        || state.season.first().is_none_or(|s| *s > 0.0);
    positive && space.forgets(&weights)
}

/// The deviance at a point.
///
/// # Errors
/// [`Stop::Cancelled`].
pub(super) fn deviance(
    space: &Space,
    data: &Data<'_>,
    point: &Point,
    control: &dyn Control,
) -> Result<f64, Stop> {
    let mut state = State::default();
    if !holds(space, point, &mut state) {
        return Ok(f64::INFINITY);
    }
    let weights = space.weights(point);
    let mut sums = Sums::default();
    for y in data.y.chunks(LOOK) {
        control.check()?;
        filter(
            space.form,
            &weights,
            &mut state,
            y,
            &mut sums,
            &mut |_, _| {},
        );
    }
    let relative = space.form.positive();
    Ok(sums.deviance(relative, data.n, data.floor(relative)))
}

/// Descends from a point towards a goal.
///
/// # Errors
/// [`Stop::Cancelled`].
pub(super) fn descend(
    space: &Space,
    data: &Data<'_>,
    point: &Point,
    goal: Goal,
    control: &dyn Control,
) -> Result<Place, Stop> {
    // Numbers in whole vectors, for as few sizes as the usual seasons need.
    match space.width() {
        0..=8 => Descent::<8>::new(space, data).run(point, goal, control),
        9..=12 => Descent::<12>::new(space, data).run(point, goal, control),
        13..=20 => Descent::<20>::new(space, data).run(point, goal, control),
        _ => Descent::<32>::new(space, data).run(point, goal, control),
    }
}

struct Descent<'a, const W: usize> {
    space: &'a Space,
    data: &'a Data<'a>,
    /// The numbers that the form has.
    slots: Vec<usize>,
}

/// Normal equations of the sum of squares whose logarithm, n times, is the deviance; relative to that sum.
struct Equations {
    deviance: f64,
    gram: Vec<f64>,
    slope: Vec<f64>,
}

impl<'a, const W: usize> Descent<'a, W> {
    fn new(space: &'a Space, data: &'a Data<'a>) -> Self {
        let slots = (0..space.width()).filter(|s| space.has(*s)).collect();
        Descent { space, data, slots }
    }

    fn run(&self, from: &Point, goal: Goal, control: &dyn Control) -> Result<Place, Stop> {
        let mut place = Place {
            point: *from,
            deviance: f64::INFINITY,
            promise: 0.0,
        };
        let Some(mut now) = self.equations(from, control)? else {
            return Ok(place);
        };
        place.deviance = now.deviance;
        let mut damping = DAMPING.0;
        for round in 0..goal.rounds {
            let Some((next, promise)) = self.step(&place.point, &now, damping) else {
                damping *= 10.0;
                if damping > DAMPING.1 {
                    break;
                }
                continue;
            };
            place.promise = promise;
            if promise < goal.enough {
                break;
            }
            if round >= 3 && place.hopeless(goal.limit) {
                break;
            }
            match self.equations(&next, control)? {
                Some(there) if there.deviance < place.deviance => {
                    place.point = next;
                    place.deviance = there.deviance;
                    now = there;
                    damping = (damping / 10.0).max(1e-12);
                }
                _ => {
                    damping *= 10.0;
                    if damping > DAMPING.1 {
                        break;
                    }
                }
            }
        }
        Ok(place)
    }

    /// Normal equations at a point, or nothing where the model does not hold.
    fn equations(&self, point: &Point, control: &dyn Control) -> Result<Option<Equations>, Stop> {
        let mut state = State::default();
        if !holds(self.space, point, &mut state) {
            return Ok(None);
        }
        let weights = self.space.weights(point);
        let mut pass = Pass::<W>::new(state);
        for y in self.data.y.chunks(LOOK) {
            control.check()?;
            pass.run(self.space.form, &weights, point, y);
        }
        pass.finish();
        let relative = self.space.form.positive();
        let floor = self.data.floor(relative);
        let deviance = pass.sums.deviance(relative, self.data.n, floor);
        if !deviance.is_finite() {
            return Ok(None);
        }
        let squares = pass.sums.squares.max(floor);
        let normal = &pass.normal;
        // The deviance of relative errors is that of the same errors times the geometric mean of the means.
        let log = |slot: usize| normal.logs[slot] / self.data.n;
        let size = self.slots.len();
        let mut gram = Vec::with_capacity(size * size);
        let mut slope = Vec::with_capacity(size);
        for i in &self.slots {
            slope.push(normal.slope[*i] / squares + log(*i));
            for j in &self.slots {
                let (low, high) = (*i.min(j), *i.max(j));
                gram.push(
                    (normal.gram[low][high]
                        + normal.slope[low] * log(high)
                        + log(low) * normal.slope[high])
                        / squares
                        + log(low) * log(high),
                );
            }
        }
        let whole = gram.iter().chain(&slope).all(|v| v.is_finite());
        Ok(whole.then_some(Equations {
            deviance,
            gram,
            slope,
        }))
    }

    /// The next point, within the bounds, and what it promises; nothing where the equations cannot be solved.
    fn step(&self, from: &Point, now: &Equations, damping: f64) -> Option<(Point, f64)> {
        let size = self.slots.len();
        // A number at its bound stays there when it is pushed out.
        let mut free: Vec<usize> = Vec::with_capacity(size);
        for (at, slot) in self.slots.iter().enumerate() {
            let (least, most) = self.space.bounds(*slot);
            let slope = now.slope[at];
            let out = (from[*slot] <= least && slope > 0.0) || (from[*slot] >= most && slope < 0.0);
            if !out && now.gram[at * size + at] > 0.0 {
                free.push(at);
            }
        }
        // A number that would leave its bounds goes to the bound, and the others take account of it.
        let mut step = [0.0; MOST];
        loop {
            let mut lower = [[0.0; MOST]; MOST];
            let mut right = [0.0; MOST];
            for (i, a) in free.iter().enumerate() {
                let row = &now.gram[a * size..(a + 1) * size];
                for (j, b) in free.iter().enumerate().take(i + 1) {
                    lower[i][j] = row[*b];
                }
                lower[i][i] *= 1.0 + damping;
                let held = (0..size).filter(|b| !free.contains(b));
                right[i] = -now.slope[*a] - held.map(|b| row[b] * step[b]).sum::<f64>();
            }
            solve(&mut lower, &mut right, free.len())?;
            for (at, value) in free.iter().zip(right) {
                step[*at] = value;
            }
            let before = free.len();
            free.retain(|at| {
                let slot = self.slots[*at];
                let (least, most) = self.space.bounds(slot);
                let wanted = from[slot] + step[*at];
                let bound = wanted.clamp(least, most);
                if bound != wanted {
                    step[*at] = bound - from[slot];
                }
                bound == wanted
            });
            if free.len() == before {
                break;
            }
        }
        let mut next = *from;
        let mut fall = 0.0;
        for (at, slot) in self.slots.iter().enumerate() {
            let (least, most) = self.space.bounds(*slot);
            next[*slot] = (from[*slot] + step[at]).clamp(least, most);
            fall -= now.slope[at] * step[at];
        }
        if !next.iter().all(|v| v.is_finite()) {
            return None;
        }
        let promise = -self.data.n * (1.0 - fall.min(1.0 - 1e-9)).ln();
        Some((next, promise))
    }
}

/// Solves a positive definite system, its lower half given, in place (Cholesky); nothing when it is not positive definite.
fn solve(lower: &mut [[f64; MOST]; MOST], right: &mut [f64; MOST], n: usize) -> Option<()> {
    for i in 0..n {
        for j in 0..=i {
            let mut sum = lower[i][j];
            for k in 0..j {
                sum -= lower[i][k] * lower[j][k];
            }
            if i > j {
                lower[i][j] = sum / lower[j][j];
            } else if sum > lower[i][i] * 1e-14 {
                lower[i][i] = sum.sqrt();
            } else {
                return None;
            }
        }
    }
    for i in 0..n {
        for k in 0..i {
            right[i] -= lower[i][k] * right[k];
        }
        right[i] /= lower[i][i];
    }
    for i in (0..n).rev() {
        for k in i + 1..n {
            right[i] -= lower[k][i] * right[k];
        }
        right[i] /= lower[i][i];
    }
    Some(())
}
