//! Against R's `ets`, `ses` and `holt` (forecast 8.20).

#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::control::Free;
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
fn explore() {
    for fit in &FITS {
        let (found, y, case) = fit.found();
        let ets = found.over(&y, 42, &Free).unwrap();
        let l = case.one("loglik");
        println!(
            "{} lik {:.1e} aicc {:.1e} sigma2 {:.1e} mse {:.1e}",
            fit.case,
            ets.quality().loglik - l,
            ets.quality().aicc() - case.one("aicc"),
            ets.quality().sigma2 / case.one("sigma2") - 1.0,
            ets.quality().mse / case.one("mse") - 1.0
        );
        let fc = case.many("fc");
        let path = ets.forecast(&Ahead::plain(fc.len(), 0.95), &Free).unwrap();
        let (lo, hi) = path.bounds.unwrap();
        let worst = |a: &[f64], b: &[f64]| {
            a.iter()
                .zip(b)
                .map(|(a, b)| (a / b - 1.0).abs())
                .fold(0.0, f64::max)
        };
        println!(
            "    fc {:.1e} lo {:.1e} hi {:.1e} | {:?} {:?}",
            worst(&path.mean, &fc),
            worst(&lo, &case.many("lo95")),
            worst(&hi, &case.many("hi95")),
            &path.mean[..3],
            &fc[..3]
        );
        let now = std::time::Instant::now();
        let pattern = EtsParams {
            model: EtsParams::parse_model(if fit.auto { "ZZZ" } else { fit.model }).unwrap(),
            damped: None,
        };
        let own = super::fit(&Input::plain(&y, fit.season), &pattern, &Free).unwrap();
        println!(
            "    own {} {:?} ll {:.4} R {:.4} aicc {:.4} R {:.4} {:?}",
            own.label(),
            now.elapsed(),
            own.quality().loglik,
            l,
            own.quality().aicc(),
            case.one("aicc"),
            own.weights()
        );
    }
}
