//! The parameters of forecasts.

use serde_json::{Map, Value};

use super::boosted::{BoostedParams, Strategy};
use super::ets::EtsParams;
use super::intermittent::{IntermittentKind, IntermittentParams};
use super::mstl::MstlParams;
use super::recipe::{MOST_MEMBERS, Recipe, Spec, TransformChoice};
use super::sarima::SarimaParams;
use super::simple::SimpleKind;
use super::theta::ThetaParams;
use super::timeline::TimelineOptions;
use super::{ForecastError, Method};
use crate::params::{Params, wrong};

/// The longest season, in steps.
const MOST_SEASON: u64 = 10_000;

const COMMON: [&str; 9] = [
    "as_of",
    "closed_days",
    "holidays",
    "interval",
    "level",
    "promote",
    "season",
    "transform",
    "xreg",
];
const SARIMA: [&str; 4] = ["order", "seasonal_order", "drift", "mean"];
const ETS: [&str; 1] = ["model"];
const BOOSTED: [&str; 10] = [
    "lags",
    "windows",
    "strategy",
    "n_estimators",
    "max_depth",
    "learning_rate",
    "subsample",
    "colsample_bytree",
    "reg_lambda",
    "min_child_weight",
];
const CHOICE: [&str; 5] = ["models", "folds", "sarima", "ets", "xgboost"];

/// Where intervals come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// From the model for those that have a distribution, from past errors for others.
    Auto,
    /// From the model.
    Analytic,
    /// From past errors.
    Conformal,
}

/// Parameters of a forecast, checked.
#[derive(Debug, Clone)]
pub struct ForecastParams {
    /// The method.
    pub method: Method,
    /// Only what happened before this day (since 1970) is known.
    pub as_of: Option<i32>,
    /// The region whose holidays are regressors.
    pub holidays: Option<String>,
    /// Whether closed days are learnt.
    pub learn_closed: bool,
    /// Where intervals come from.
    pub interval: Interval,
    /// What intervals cover whose coverage is measured.
    pub level: f64,
    /// Whether a model may be promoted.
    pub promote: bool,
    /// The season in steps, where it is not the usual one.
    pub season: Option<usize>,
    /// What is done to the values before.
    pub transform: TransformChoice,
    /// Columns of the user's query that explain the series.
    pub xreg: Vec<String>,
    /// Methods that [`Method::Auto`] and [`Method::Ensemble`] take from, where they are named.
    pub models: Option<Vec<Method>>,
    /// Origins by which the choice is made.
    pub folds: usize,
    sarima: SarimaParams,
    ets: EtsParams,
    boosted: BoostedParams,
    json: Value,
}

impl ForecastParams {
    /// Reads parameters for a model; keys that are left out have their defaults.
    ///
    /// # Errors
    /// [`ForecastError::Unknown`] for a model, [`ForecastError::Params`] for a key that the model does not have or a value out of
    /// its range.
    pub fn parse(model: &str, json: &Value) -> Result<ForecastParams, ForecastError> {
        let method = Method::parse(model)?;
        let params = Params::parse(json, &keys(method))?;
        let models = params
            .texts("models")?
            .map(|names| {
                names
                    .into_iter()
                    .map(Method::parse)
                    .collect::<Result<Vec<_>, _>>()
            })
            .transpose()?;
        if let Some(models) = &models
            && (models.len() > MOST_MEMBERS || models.iter().any(|m| m.is_choice()))
        {
            return Err(wrong(
                "models",
                format!("must be 1 to {MOST_MEMBERS} single models"),
            )
            .into());
        }
        let interval = match params.choice("interval", &["auto", "analytic", "conformal"])? {
            Some("analytic") => Interval::Analytic,
            Some("conformal") => Interval::Conformal,
            _ => Interval::Auto,
        };
        let transform = match params.choice("transform", &["none", "log", "boxcox"])? {
            Some("log") => TransformChoice::Log,
            Some("boxcox") => TransformChoice::BoxCox,
            _ => TransformChoice::None,
        };
        let season = params.integer("season", 1..=MOST_SEASON)?;
        let level = params.number("level", 0.0..=1.0)?.unwrap_or(0.95);
        if level <= 0.0 || level >= 1.0 {
            return Err(wrong("level", "must be over 0 and below 1").into());
        }
        let all = ForecastParams {
            method,
            as_of: params.date("as_of")?,
            holidays: params.text("holidays")?.map(str::to_owned),
            learn_closed: params.choice("closed_days", &["learn", "none"])? != Some("none"),
            interval,
            level,
            promote: params.boolean("promote")?.unwrap_or(true),
            season: season.and_then(|s| usize::try_from(s).ok()),
            transform,
            xreg: params
                .texts("xreg")?
                .unwrap_or_default()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            models,
            folds: whole(params.integer("folds", 1..=50)?, 5),
            sarima: own(&params, method, Method::Sarima, &SARIMA, sarima)?,
            ets: own(&params, method, Method::Ets, &ETS, ets)?,
            boosted: own(&params, method, Method::Xgboost, &BOOSTED, boosted)?,
            json: json.clone(),
        };
        Ok(all)
    }

    /// The parameters as they were given, with the model.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut all = match &self.json {
            Value::Object(given) => given.clone(),
            _ => Map::new(),
        };
        // "model" is the form of ets already.
        all.insert("method".into(), self.method.name().into());
        Value::Object(all)
    }

    /// The parameters as they were given.
    #[must_use]
    pub fn given(&self) -> &Value {
        &self.json
    }

    /// How the steps of a series are chosen.
    #[must_use]
    pub fn timeline(&self) -> TimelineOptions {
        TimelineOptions {
            learn_closed: self.learn_closed,
            season: self.season,
            holiday_columns: self.holidays.is_some(),
        }
    }

    /// What is fitted for a single method, for a horizon in steps.
    #[must_use]
    pub fn recipe(&self, method: Method, horizon: usize) -> Recipe {
        let spec = match method {
            Method::Naive => Spec::Simple(SimpleKind::Naive),
            Method::Mean => Spec::Simple(SimpleKind::Mean),
            Method::Drift => Spec::Simple(SimpleKind::Drift),
            Method::WeekdayMean => Spec::Simple(SimpleKind::WeekdayMean),
            Method::YearOverYear => Spec::YearOverYear,
            Method::Croston => {
                Spec::Intermittent(IntermittentParams::of(IntermittentKind::Croston))
            }
            Method::Sba => Spec::Intermittent(IntermittentParams::of(IntermittentKind::Sba)),
            Method::Tsb => Spec::Intermittent(IntermittentParams::of(IntermittentKind::Tsb)),
            Method::Theta => Spec::Theta(ThetaParams::default()),
            Method::Ets => Spec::Ets(self.ets),
            Method::Mstl => Spec::Mstl(MstlParams::default()),
            Method::Sarima => Spec::Sarima(self.sarima.clone()),
            Method::Xgboost => Spec::Boosted(BoostedParams {
                max_horizon: horizon,
                ..self.boosted.clone()
            }),
            // The two that are made of others are chosen, not fitted.
            _ => Spec::Simple(SimpleKind::SeasonalNaive),
        };
        Recipe {
            method,
            spec,
            transform: self.transform,
        }
    }

    /// The median of several methods.
    #[must_use]
    pub fn median_of(&self, members: &[Method], horizon: usize) -> Recipe {
        let members = members.iter().map(|m| self.recipe(*m, horizon)).collect();
        Recipe {
            method: Method::Ensemble,
            spec: Spec::Median(members),
            transform: TransformChoice::None,
        }
    }

    /// True when the model's own intervals are to be used, where it has any.
    #[must_use]
    pub fn wants_analytic(&self, method: Method) -> bool {
        match self.interval {
            Interval::Analytic => true,
            Interval::Conformal => false,
            Interval::Auto => matches!(method, Method::Sarima | Method::Ets),
        }
    }
}

/// The keys that a model has.
pub(super) fn keys(method: Method) -> Vec<&'static str> {
    let own: &[&[&'static str]] = match method {
        Method::Sarima => &[&SARIMA],
        Method::Ets => &[&ETS],
        Method::Xgboost => &[&BOOSTED],
        Method::Ensemble | Method::Auto => &[&CHOICE],
        _ => &[],
    };
    let mut keys = COMMON.to_vec();
    keys.extend(own.iter().copied().flatten());
    keys.sort_unstable();
    keys
}

/// True for the name of a method that has parameters of its own: a key of those that are chosen among.
pub(super) fn is_of_one(key: &str) -> bool {
    ["sarima", "ets", "xgboost"].contains(&key)
}

/// The parameters of one method: the keys themselves when it is asked for, an object under its name when the method is chosen.
fn own<T>(
    params: &Params<'_>,
    asked: Method,
    method: Method,
    keys: &[&'static str],
    read: fn(&Params<'_>) -> Result<T, ForecastError>,
) -> Result<T, ForecastError> {
    let none = Value::Object(Map::new());
    if asked == method {
        return read(params);
    }
    let given = if asked.is_choice() {
        params.object(method.name())?
    } else {
        None
    };
    read(&Params::parse(given.unwrap_or(&none), keys)?)
}

fn whole(given: Option<u64>, otherwise: usize) -> usize {
    given
        .and_then(|n| usize::try_from(n).ok())
        .unwrap_or(otherwise)
}

fn ets(params: &Params<'_>) -> Result<EtsParams, ForecastError> {
    let mut ets = EtsParams::default();
    if let Some(form) = params.text("model")? {
        ets.model = EtsParams::parse_model(form)?;
    }
    Ok(ets)
}

fn boosted(params: &Params<'_>) -> Result<BoostedParams, ForecastError> {
    let mut all = BoostedParams::default();
    let steps = |key| -> Result<Option<Vec<usize>>, ForecastError> {
        let given = params.integers(key, 1..=1000, 60)?;
        Ok(given.map(|list| {
            list.into_iter()
                .filter_map(|n| usize::try_from(n).ok())
                .collect()
        }))
    };
    all.lags = steps("lags")?;
    all.windows = steps("windows")?;
    if params.choice("strategy", &["direct", "recursive"])? == Some("recursive") {
        all.strategy = Strategy::Recursive;
    }
    let b = &mut all.boosting;
    b.n_estimators = whole(params.integer("n_estimators", 1..=10_000)?, b.n_estimators);
    b.max_depth = params
        .integer("max_depth", 1..=16)?
        .and_then(|n| u32::try_from(n).ok())
        .unwrap_or(b.max_depth);
    for (key, value, most) in [
        ("learning_rate", &mut b.learning_rate, 1.0),
        ("subsample", &mut b.subsample, 1.0),
        ("colsample_bytree", &mut b.colsample_bytree, 1.0),
        ("reg_lambda", &mut b.reg_lambda, 1e9),
        ("min_child_weight", &mut b.min_child_weight, 1e9),
    ] {
        *value = params.number(key, 0.0..=most)?.unwrap_or(*value);
    }
    b.check()?;
    Ok(all)
}

fn sarima(params: &Params<'_>) -> Result<SarimaParams, ForecastError> {
    let order = |key| -> Result<Option<[usize; 3]>, ForecastError> {
        let Some(numbers) = params.integers(key, 0..=24, 3)? else {
            return Ok(None);
        };
        let numbers: Vec<usize> = numbers
            .into_iter()
            .filter_map(|n| usize::try_from(n).ok())
            .collect();
        let three = <[usize; 3]>::try_from(numbers);
        three
            .map(Some)
            .map_err(|_| wrong(key, "must be an array of 3 whole numbers").into())
    };
    Ok(SarimaParams {
        order: order("order")?,
        seasonal_order: order("seasonal_order")?,
        drift: params.boolean("drift")?,
        mean: params.boolean("mean")?,
        ..SarimaParams::default()
    })
}
