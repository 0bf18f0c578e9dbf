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
                    self.bend.learn(&step, &here.slope, &there);
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
        let (from, bend) = (&self.point, &self.bend);
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
                let entry = |b: usize| now.gram[a * size + b] + bend.0[a * size + b];
                for (j, b) in free.iter().enumerate().take(i + 1) {
                    lower[i][j] = entry(*b);
                }
                lower[i][i] += self.damping * now.gram[a * size + a];
                let held = (0..size).filter(|b| !free.contains(b));
                right[i] = -now.slope[*a] - held.map(|b| entry(b) * step[b]).sum::<f64>();
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
            let curve: f64 = (0..size)
                .map(|b| (now.gram[at * size + b] + bend.0[at * size + b]) * step[b])
                .sum();
            fall -= (2.0 * now.slope[at] + curve) * step[at];
        }
        if !next.iter().all(|v| v.is_finite()) {
            return None;
        }
        let promise = -self.data.n * (1.0 - fall.min(1.0 - 1e-9)).ln();
        Some((next, promise))
    }
}

/// What normal equations leave out of the second derivatives, learnt from how the gradient changes (Dennis, Gay and Welsch, 1981,
/// NL2SOL): without it descents to models that fit badly are slow.
#[derive(Debug, Clone)]
struct Bend(Vec<f64>);

impl Bend {
    fn flat(size: usize) -> Bend {
        Bend(vec![0.0; size * size])
    }

    /// Forgets what it learnt; false when there was nothing.
    fn straighten(&mut self) -> bool {
        let bent = self.0.iter().any(|v| *v != 0.0);
        self.0.fill(0.0);
        bent
    }

    /// Takes in a step, the gradient before it and the equations after it.
    fn learn(&mut self, step: &[f64], before: &[f64], after: &Equations) {
        let size = step.len();
        let times = |matrix: &[f64]| -> Vec<f64> {
            matrix
                .chunks_exact(size)
                .map(|row| dot(row, step))
                .collect()
        };
        let change: Vec<f64> = after.slope.iter().zip(before).map(|(a, b)| a - b).collect();
        let along = dot(&change, step);
        if !(along > 0.0) {
            return;
        }
        let missing: Vec<f64> = change
            .iter()
            .zip(times(&after.gram))
            .map(|(c, g)| c - g)
            .collect();
        // Old knowledge is made smaller where it is larger than what was just seen.
        let old = dot(&times(&self.0), step).abs();
        let scale = if old > 0.0 {
            (dot(&missing, step).abs() / old).min(1.0)
        } else {
            1.0
        };
        for v in &mut self.0 {
            *v *= scale;
        }
        let rest: Vec<f64> = missing
            .iter()
            .zip(times(&self.0))
            .map(|(m, s)| m - s)
            .collect();
        let twice = dot(&rest, step) / (along * along);
        for (i, row) in self.0.chunks_exact_mut(size).enumerate() {
            for (j, v) in row.iter_mut().enumerate() {
                *v += (rest[i] * change[j] + change[i] * rest[j]) / along
                    - twice * change[i] * change[j];
            }
        }
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
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
