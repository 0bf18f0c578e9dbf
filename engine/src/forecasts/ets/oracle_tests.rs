//! Against R's `ets`, `ses` and `holt` (forecast 8.20).

#![allow(clippy::unwrap_used, clippy::panic)]

use super::fit::Found;
use super::*;
use crate::control::Free;
use crate::forecasts::Input;
use crate::forecasts::oracle::{self, Case};
use crate::forecasts::{Ahead, Fitted};

struct Fit {
    case: &'static str,
    series: &'static str,
    season: usize,
    /// What R fitted.
    model: &'static str,
    auto: bool,
}

const fn fit_of(
    case: &'static str,
    series: &'static str,
    season: usize,
    model: &'static str,
    auto: bool,
) -> Fit {
    Fit {
        case,
        series,
        season,
        model,
        auto,
    }
}

const FITS: [Fit; 14] = [
    fit_of("ets_air_MAM", "airpassengers", 12, "MAM", false),
    fit_of("ets_air_MAdM", "airpassengers", 12, "MAdM", false),
    fit_of("ets_air_auto", "airpassengers", 12, "MAdM", true),
    fit_of("ets_lakehuron_auto", "lakehuron", 1, "ANN", true),
    fit_of("ets_logair_AAA", "logair", 12, "AAA", false),
    fit_of("ets_nile_ANN", "nile", 1, "ANN", false),
    fit_of("ets_nottem_auto", "nottem", 12, "ANA", true),
    fit_of("ets_retail7_AAA", "retail_daily", 7, "AAA", false),
    fit_of("ets_retail7_ANA", "retail_daily", 7, "ANA", false),
    fit_of("ets_retail7_auto", "retail_daily", 7, "AAdA", true),
    fit_of("ets_usacc_ANA", "usaccdeaths", 12, "ANA", false),
    fit_of("ets_usacc_auto", "usaccdeaths", 12, "ANA", true),
    fit_of("ets_www_AAN", "wwwusage", 1, "AAN", false),
    fit_of("ets_www_AAdN", "wwwusage", 1, "AAdN", false),
];

impl Fit {
    fn found(&self) -> (Found, Vec<f64>, &'static Case) {
        let case = oracle::r(self.case);
        let form = EtsParams::parse_model(self.model).unwrap().forms(true)[0];
        let weights = Weights {
            alpha: case.one("par_alpha"),
            beta: case.get("par_beta").unwrap_or(0.0),
            gamma: case.get("par_gamma").unwrap_or(0.0),
            phi: case.get("par_phi").unwrap_or(1.0),
        };
        // R gives the newest effect first, and leaves out the oldest.
        let mut season: Vec<f64> = Vec::new();
        if form.season != Kind::None {
            season = (0..self.season - 1)
                .rev()
                .map(|i| case.one(&format!("par_s{i}")))
                .collect();
            let whole = if form.season == Kind::Multiplicative {
                self.season as f64
            } else {
                0.0
            };
            season.insert(0, whole - season.iter().sum::<f64>());
        }
        let start = State {
            level: case.one("par_l"),
            trend: case.get("par_b").unwrap_or(0.0),
            season,
        };
        let found = Found {
            form,
            weights,
            start,
            size: form.size(self.season),
            floor: 0.0,
        };
        (found, oracle::series(self.series), case)
    }
}

fn near(found: f64, wanted: f64, tolerance: f64, what: &str) {
    let off = (found - wanted).abs() / wanted.abs().max(1e-9);
    assert!(
        off <= tolerance,
        "{what}: {found} for {wanted}, {off:.1e} off"
    );
}

#[test]
fn the_likelihood_at_rs_parameters_is_rs() {
    for fit in &FITS {
        let (found, y, case) = fit.found();
        let at = likelihood(found.form, &found.weights, &found.start, &y, &Free).unwrap();
        near(at, case.one("loglik"), 1e-9, fit.case);
        let ets = found.over(&y, 42, &Free).unwrap();
        let own = ets.quality();
        for (key, value) in [
            ("loglik", own.loglik),
            ("aic", own.aic()),
            ("aicc", own.aicc()),
            ("bic", own.bic()),
            ("sigma2", own.sigma2),
            ("mse", own.mse),
        ] {
            near(value, case.one(key), 1e-9, &format!("{} {key}", fit.case));
        }
    }
}

/// R forecasts some of its models by other formulas than theirs. A damped trend with a multiplicative season is carried on as
/// l + b, l + b + phi b, ... where the model (and R's own fit) has l + phi b, ...; that is the model with a trend and a beta of 1 / phi
/// as much.
fn as_r_has_it(found: &Found, ets: &mut Ets) {
    if found.form.damped && found.form.season == Kind::Multiplicative {
        ets.last.trend /= ets.weights.phi;
        ets.weights.beta /= ets.weights.phi;
    }
}

#[test]
fn forecasts_from_rs_parameters_are_rs() {
    for fit in &FITS {
        let (found, y, case) = fit.found();
        let (form, gamma) = (found.form, found.weights.gamma);
        let alpha = found.weights.alpha;
        let (again, _, _) = fit.found();
        let mut ets = again.over(&y, 42, &Free).unwrap();
        as_r_has_it(&found, &mut ets);
        let means = case.many("fc");
        let horizon = means.len();
        for (level, low, high) in [(0.8, "lo80", "hi80"), (0.95, "lo95", "hi95")] {
            if !case.has(low) {
                continue;
            }
            let path = ets.forecast(&Ahead::plain(horizon, level), &Free).unwrap();
            let (mut lower, mut upper) = path.bounds.unwrap();
            if form.trend == Kind::None && form.season == Kind::Additive {
                // R lets an error into the season a step early: gamma counts at m - 1, 2 m - 1, ... instead of at m, 2 m, ...
                let early = |step: usize| (step + 1).is_multiple_of(fit.season);
                let mut echoes = 1.0;
                for step in 0..horizon {
                    let half = crate::forecasts::numeric::normal_quantile(0.5 + level / 2.0)
                        * (ets.quality().sigma2 * echoes).sqrt();
                    (lower[step], upper[step]) = (means[step] - half, means[step] + half);
                    let echo = alpha + if early(step + 1) { gamma } else { 0.0 };
                    echoes += echo * echo;
                }
            }
            for step in 0..horizon {
                let what = format!("{} step {step}", fit.case);
                near(path.mean[step], means[step], 1e-8, &what);
                near(lower[step], case.many(low)[step], 1e-8, &what);
                near(upper[step], case.many(high)[step], 1e-8, &what);
            }
        }
    }
}

/// Bounds are apart from R's only where R's formula is wrong, and by as little as gamma.
#[test]
fn bounds_without_corrections_are_near_rs() {
    for fit in &FITS {
        let (found, y, case) = fit.found();
        let ets = found.over(&y, 42, &Free).unwrap();
        let means = case.many("fc");
        let path = ets
            .forecast(&Ahead::plain(means.len(), 0.95), &Free)
            .unwrap();
        let (lower, upper) = path.bounds.unwrap();
        let damped = ets.form().damped && ets.form().season == Kind::Multiplicative;
        let tolerance = if damped { 3e-3 } else { 5e-5 };
        for step in 0..means.len() {
            near(path.mean[step], means[step], tolerance, fit.case);
            near(lower[step], case.many("lo95")[step], tolerance, fit.case);
            near(upper[step], case.many("hi95")[step], tolerance, fit.case);
        }
    }
}

fn fitted(y: &[f64], season: usize, model: &str) -> Ets {
    let params = EtsParams {
        model: EtsParams::parse_model(model).unwrap(),
        damped: None,
    };
    super::fit(&Input::plain(y, season), &params, &Free).unwrap()
}

#[test]
fn every_optimum_is_as_good_as_rs() {
    for fit in &FITS {
        let case = oracle::r(fit.case);
        let own = fitted(&oracle::series(fit.series), fit.season, fit.model);
        let (found, wanted) = (own.quality().loglik, case.one("loglik"));
        assert!(found >= wanted - 1e-4, "{}: {found} for {wanted}", fit.case);
        // What is found is what the parameters say.
        let y = oracle::series(fit.series);
        let again = likelihood(own.form(), &own.weights(), own.first(), &y, &Free).unwrap();
        near(again, found, 1e-12, fit.case);
    }
}

#[test]
fn automatic_forms_are_as_good_as_rs() {
    for fit in FITS.iter().filter(|f| f.auto) {
        let case = oracle::r(fit.case);
        let own = fitted(&oracle::series(fit.series), fit.season, "ZZZ");
        let (found, wanted) = (own.quality().aicc(), case.one("aicc"));
        assert!(found <= wanted + 1e-4, "{}: {found} for {wanted}", fit.case);
        // No single form that the automatic search tries is better.
        for form in EtsParams::parse_model("ZZZ").unwrap().forms(fit.season > 1) {
            let letters: String = form
                .label()
                .chars()
                .filter(char::is_ascii_alphabetic)
                .collect();
            let single = fitted(
                &oracle::series(fit.series),
                fit.season,
                &letters["ETS".len()..],
            );
            assert!(
                single.quality().aicc() > found - 0.01,
                "{} {letters}",
                fit.case
            );
        }
    }
}

/// R's `ses` and `holt` are the models (A,N,N) and (A,A,N); `holt` stops short of the best parameters.
#[test]
fn simple_and_holts_smoothing() {
    for (case, series, hold, model, tolerance) in [
        ("simple_air_ses", "airpassengers", 24, "ANN", 1e-6),
        ("simple_retail_ses", "retail_daily", 28, "ANN", 1e-5),
        ("simple_air_holt", "airpassengers", 24, "AAN", 0.04),
        ("simple_retail_holt", "retail_daily", 28, "AAN", 0.02),
    ] {
        let y = oracle::series(series);
        let wanted = oracle::r(case);
        let own = fitted(&y[..y.len() - hold], 1, model);
        assert!(
            own.quality().mse.sqrt() <= wanted.one("train_RMSE") + 1e-6,
            "{case}"
        );
        let path = own.forecast(&Ahead::plain(hold, 0.95), &Free).unwrap();
        let (lower, upper) = path.bounds.unwrap();
        for step in 0..hold {
            near(path.mean[step], wanted.many("fc")[step], tolerance, case);
            near(lower[step], wanted.many("lo95")[step], tolerance, case);
            near(upper[step], wanted.many("hi95")[step], tolerance, case);
        }
    }
}
