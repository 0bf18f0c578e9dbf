//! Maximum likelihood: Levenberg and Marquardt's descent within bounds.

use super::bend::{Bend, dot, solve};
use super::form::Kind;
use super::recursion::{LOOK, State, Sums, filter};
use super::space::{MOST, Point, Space};
use super::tangents::Pass;
use crate::control::{Control, Stop};

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

/// When a descent ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Goal {
    /// After so many rounds.
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
        enough: 1e-9,
        ..Goal::SEARCH
    };
}

/// Whether a point is within the space: its model forgets, and no effect of its season is negative where it multiplies.
fn holds(space: &Space, point: &Point, state: &mut State) -> bool {
    let weights = space.weights(point);
    space.start(point, state);
    // The first effect is what is left of the sum; the others have bounds.
    let first = state.season.first().is_none_or(|s| *s > 0.0);
    (first || space.form.season != Kind::Multiplicative) && space.forgets(&weights)
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

/// A descent, which may be interrupted.
#[derive(Debug, Clone)]
pub(super) struct Descent<'a> {
    space: Space,
    data: Data<'a>,
    /// The numbers that the form has.
    slots: Vec<usize>,
    /// Where it is.
    pub point: Point,
    /// Nothing where the model does not hold at the beginning.
    here: Option<Equations>,
    bend: Bend,
    damping: f64,
    /// What the next step promises to take off the deviance.
    promise: f64,
}

/// Normal equations of the sum of squares whose logarithm, n times, is the deviance; relative to that sum.
#[derive(Debug, Clone)]
struct Equations {
    deviance: f64,
    gram: Vec<f64>,
    slope: Vec<f64>,
}

impl<'a> Descent<'a> {
    /// A descent from a point.
    ///
    /// # Errors
    /// [`Stop::Cancelled`].
    pub fn new(
        space: &Space,
        data: &Data<'a>,
        point: &Point,
        control: &dyn Control,
    ) -> Result<Self, Stop> {
        let slots: Vec<usize> = (0..space.width()).filter(|s| space.has(*s)).collect();
        let mut descent = Descent {
            space: *space,
            data: *data,
            point: *point,
            here: None,
            bend: Bend::flat(slots.len()),
            damping: DAMPING.0,
            promise: 0.0,
            slots,
        };
        descent.here = descent.equations(point, control)?;
        Ok(descent)
    }

    /// Minus twice the log-likelihood, infinite where the model does not hold.
    pub fn deviance(&self) -> f64 {
        self.here.as_ref().map_or(f64::INFINITY, |h| h.deviance)
    }

    /// What the deviance will come to, as far as can be seen.
    pub fn hope(&self) -> f64 {
        self.deviance() - self.promise
    }

    /// True when it is plain that a descent from here ends above `limit`.
    pub fn hopeless(&self, limit: f64) -> bool {
        self.deviance() - 3.0 * self.promise - 3.0 > limit
    }

    /// True when the deviance at the other place is what the curvature here says: it is on the slope of this peak.
    pub fn reaches(&self, other: &Descent<'_>) -> bool {
        let Some(here) = &self.here else {
            return false;
        };
        let away: Vec<f64> = self
            .slots
            .iter()
            .map(|s| other.point[*s] - self.point[*s])
            .collect();
        let rows = here.gram.chunks_exact(away.len().max(1)).zip(&away);
        let curved: f64 = rows.map(|(row, a)| a * dot(row, &away)).sum();
        let rise = other.deviance() - here.deviance;
        (rise - self.data.n * curved).abs() <= 0.5 * rise.abs() + 0.01
    }

    /// Descends towards a goal.
    ///
    /// # Errors
    /// [`Stop::Cancelled`].
    pub fn run(&mut self, goal: Goal, control: &dyn Control) -> Result<(), Stop> {
        for round in 0..=goal.rounds {
            let Some(here) = &self.here else {
                return Ok(());
            };
            let step = self.step(here);
            let Some((next, promise)) = step.filter(|(_, promise)| *promise > 0.0) else {
                if !self.bend.straighten() {
                    self.damping *= 10.0;
                }
                if self.damping > DAMPING.1 {
                    break;
                }
                continue;
            };
            self.promise = promise;
            let hopeless = round >= 3 && self.hopeless(goal.limit);
            if round == goal.rounds || promise < goal.enough || hopeless {
                break;
            }
            match self.equations(&next, control)? {
                Some(there) if there.deviance < here.deviance => {
                    let step: Vec<f64> = self
                        .slots
                        .iter()
                        .map(|s| next[*s] - self.point[*s])
                        .collect();
                    self.bend
                        .learn(&step, &here.slope, &there.slope, &there.gram);
                    self.point = next;
                    self.here = Some(there);
                    self.damping = (self.damping / 10.0).max(1e-12);
                }
                _ => {
                    self.bend.straighten();
                    self.damping *= 10.0;
                    if self.damping > DAMPING.1 {
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    /// Normal equations at a point, or nothing where the model does not hold.
    fn equations(&self, point: &Point, control: &dyn Control) -> Result<Option<Equations>, Stop> {
        // Numbers in whole vectors, for as few sizes as the usual seasons need.
        match self.space.width() {
            0..=8 => self.equations_in::<8>(point, control),
            9..=12 => self.equations_in::<12>(point, control),
            13..=20 => self.equations_in::<20>(point, control),
            _ => self.equations_in::<32>(point, control),
        }
    }

    fn equations_in<const W: usize>(
        &self,
        point: &Point,
        control: &dyn Control,
    ) -> Result<Option<Equations>, Stop> {
        let mut state = State::default();
        if !holds(&self.space, point, &mut state) {
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
    fn step(&self, now: &Equations) -> Option<(Point, f64)> {
        let from = &self.point;
        let size = self.slots.len();
        let entry = |a: usize, b: usize| now.gram[a * size + b] + self.bend.entry(a, b);
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
                for (j, b) in free.iter().enumerate().take(i + 1) {
                    lower[i][j] = entry(*a, *b);
                }
                lower[i][i] += self.damping * now.gram[a * size + a];
                let held = (0..size).filter(|b| !free.contains(b));
                right[i] = -now.slope[*a] - held.map(|b| entry(*a, b) * step[b]).sum::<f64>();
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
            let curve: f64 = (0..size).map(|b| entry(at, b) * step[b]).sum();
            fall -= (2.0 * now.slope[at] + curve) * step[at];
        }
        if !next.iter().all(|v| v.is_finite()) {
            return None;
        }
        let promise = -self.data.n * (1.0 - fall.min(1.0 - 1e-9)).ln();
        Some((next, promise))
    }
}

#[cfg(test)]
#[path = "descent_tests.rs"]
mod tests;
