//! The models as the book prints them (Hyndman et al., 2008, tables 2.2 and 2.3), step by step and without haste: what the fast
//! recursion is tested against. Errors are relative where they are multiplicative, as in the book.

use super::{Form, Kind, Pattern, State, Weights};

/// All models that can be fitted.
pub(super) fn forms() -> Vec<Form> {
    let mut forms = Pattern::default().forms(true);
    for named in ["MMN", "MMdN", "MMM", "MMdM"] {
        forms.extend(Pattern::parse(named).unwrap().forms(true));
    }
    forms
}

/// Weights that fit a form.
pub(super) fn weights(form: Form) -> Weights {
    Weights {
        alpha: 0.35,
        beta: if form.trend == Kind::None { 0.0 } else { 0.12 },
        gamma: if form.season == Kind::None { 0.0 } else { 0.22 },
        phi: if form.damped { 0.9 } else { 1.0 },
    }
}

/// A state that fits a form, at a level of about 100 and with a season of four.
pub(super) fn state(form: Form) -> State {
    State {
        level: 100.0,
        trend: match form.trend {
            Kind::None => 0.0,
            Kind::Additive => 1.5,
            Kind::Multiplicative => 1.01,
        },
        season: match form.season {
            Kind::None => vec![],
            Kind::Additive => vec![5.0, -8.0, 1.0, 2.0],
            Kind::Multiplicative => vec![1.1, 0.8, 0.95, 1.15],
        },
    }
}

/// The next mean of a state.
pub(super) fn mean(form: Form, w: &Weights, s: &State) -> f64 {
    let level = carried(form, w, s);
    match form.season {
        Kind::None => level,
        Kind::Additive => level + s.season[0],
        Kind::Multiplicative => level * s.season[0],
    }
}

fn carried(form: Form, w: &Weights, s: &State) -> f64 {
    match form.trend {
        Kind::None => s.level,
        Kind::Additive => s.level + w.phi * s.trend,
        Kind::Multiplicative => s.level * s.trend.powf(w.phi),
    }
}

/// The state after a step with an error (a share of the mean where errors are multiplicative).
pub(super) fn next(form: Form, w: &Weights, s: &State, e: f64) -> State {
    let mean = mean(form, w, s);
    let carried = carried(form, w, s);
    // The error on the scale of the values.
    let raw = if form.error == Kind::Multiplicative {
        mean * e
    } else {
        e
    };
    let seasonal = s.season.first().copied();
    let on_level = match form.season {
        Kind::Multiplicative => raw / s.season[0],
        _ => raw,
    };
    let trend = match form.trend {
        Kind::None => 0.0,
        Kind::Additive => w.phi * s.trend + w.beta * on_level,
        Kind::Multiplicative => s.trend.powf(w.phi) + w.beta * on_level / s.level,
    };
    let mut season: Vec<f64> = s.season.iter().skip(1).copied().collect();
    season.extend(seasonal.map(|effect| match form.season {
        Kind::Multiplicative => effect + w.gamma * raw / carried,
        _ => effect + w.gamma * raw,
    }));
    State {
        level: carried + w.alpha * on_level,
        trend,
        season,
    }
}

/// Errors of values, NaN where one is missing, and the state after them.
pub(super) fn errors(
    form: Form,
    w: &Weights,
    start: &State,
    y: &[f64],
) -> (Vec<f64>, Vec<f64>, State) {
    let mut state = start.clone();
    let (mut means, mut errors) = (vec![], vec![]);
    for value in y {
        let mean = mean(form, w, &state);
        let relative = form.error == Kind::Multiplicative;
        let error = if relative {
            value / mean - 1.0
        } else {
            value - mean
        };
        means.push(mean);
        errors.push(error);
        let taken = if value.is_nan() { 0.0 } else { error };
        state = next(form, w, &state, taken);
    }
    (means, errors, state)
}

/// Minus twice the log-likelihood without its constants.
pub(super) fn deviance(form: Form, w: &Weights, start: &State, y: &[f64]) -> f64 {
    let (means, errors, _) = errors(form, w, start, y);
    let known: Vec<usize> = (0..y.len()).filter(|i| !y[*i].is_nan()).collect();
    let squares: f64 = known.iter().map(|i| errors[*i] * errors[*i]).sum();
    let logs: f64 = known.iter().map(|i| means[*i].ln()).sum();
    let relative = f64::from(u8::from(form.error == Kind::Multiplicative));
    known.len() as f64 * squares.ln() + 2.0 * relative * logs
}

/// A series of so many values around 100 that no model fits well.
pub(super) fn series(n: usize) -> Vec<f64> {
    let mut stream = crate::random::Stream::new(7, "test", n as u64);
    (0..n)
        .map(|i| {
            let season = [12.0, -9.0, 3.0, -5.0][i % 4];
            100.0 + 0.3 * i as f64 + season + 20.0 * (stream.unit() - 0.5)
        })
        .collect()
}
