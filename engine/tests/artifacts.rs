//! Models that a release has stored stay readable and predict the same numbers: `artifacts/vN` holds one of each kind in
//! format N, `artifacts/vN.json` what it said of fixed customers when it was written.
//!
//! `RETAILSCOPE_BLESS=1 cargo test -p retailscope-engine --test artifacts` writes those of the present format anew: only before
//! it is released.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};

use ndarray::Array2;
use retailscope_engine::baskets::{self, About, BasketsBuilder, Request, RuleModel, RuleParams};
use retailscope_engine::churn::options::{ValidChurnParams, algorithms};
use retailscope_engine::churn::train::train;
use retailscope_engine::churn::{ChurnModel, Feature, FrameBuilder, Frames};
use retailscope_engine::control::Free;
use retailscope_engine::forecasts::{
    ForecastModel, ForecastParams, Frequency, Observed, TrainRequest, train as train_forecast,
};
use retailscope_engine::models::{FORMAT, Kind, Schema, open, seal};
use retailscope_engine::random::Stream;
use retailscope_engine::segments::{Rfm, SegmentModel, SegmentParams, fit};
use serde_json::{Value, json};

const CHURN: [(&str, &str); 4] = [
    ("logistic_regression", "none"),
    ("random_forest", "none"),
    ("adaboost", "platt"),
    ("xgboost", "isotonic"),
];
const RULES: &str = "rules";
const SEGMENTS: [&str; 2] = ["kmeans", "gaussian_mixture"];
const FORECASTS: [&str; 14] = [
    "naive",
    "seasonal_naive",
    "mean",
    "drift",
    "weekday_mean",
    "year_over_year",
    "croston",
    "sba",
    "tsb",
    "theta",
    "ets",
    "mstl",
    "xgboost",
    "ensemble",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/artifacts")
}

fn frames() -> Frames {
    let features = vec![
        Feature::Number("recency_days".into()),
        Feature::Text("country".into()),
        Feature::Number("frequency".into()),
        Feature::Number("mean_gap_days".into()),
    ];
    let mut builder = FrameBuilder::new(features, &Free);
    let mut dice = Stream::new(1, "artifacts", 0);
    for frame in 0..3 {
        for customer in 0..200u32 {
            let recency = (dice.unit() * 200.0).floor();
            let orders = 1.0 + (dice.unit() * 8.0).floor();
            let churned = dice.unit() < 0.15 + recency / 250.0;
            let gap = if orders > 1.0 {
                180.0 / orders
            } else {
                f64::NAN
            };
            let country = if customer % 3 == 0 {
                "Denmark"
            } else {
                "France"
            };
            builder
                .push(
                    90 * frame,
                    &customer.to_le_bytes(),
                    &[recency, orders, gap],
                    &[Some(country)],
                    1.0,
                    churned,
                )
                .unwrap();
        }
    }
    builder.finish(2).unwrap()
}

/// Customers that a model is asked about: numbers (null is missing) and a country.
fn customers() -> Vec<(Vec<f64>, Option<&'static str>)> {
    vec![
        (vec![3.0, 8.0, 22.5], Some("France")),
        (vec![180.0, 1.0, f64::NAN], Some("Denmark")),
        (vec![60.0, 2.0, 90.0], Some("Atlantis")),
        (vec![f64::NAN, f64::NAN, f64::NAN], None),
    ]
}

fn schema(features: &[&str], types: &[&str]) -> Schema {
    let owned = |all: &[&str]| all.iter().map(|s| (*s).to_owned()).collect();
    Schema {
        features: owned(features),
        types: owned(types),
    }
}

fn write_all() -> Value {
    let frames = frames();
    let mut said = serde_json::Map::new();
    for (algorithm, calibration) in CHURN {
        let trees = if algorithm == "logistic_regression" {
            json!({})
        } else {
            json!({"n_estimators": 6})
        };
        let mut params = trees;
        params["calibration"] = json!(calibration);
        let params = ValidChurnParams::parse(&algorithms(algorithm).unwrap(), &params).unwrap();
        let model = train(&frames, &params, 90, 42, &|| false, &Free)
            .unwrap()
            .model;
        let schema = schema(
            &["recency_days", "country", "frequency", "mean_gap_days"],
            &["number", "text", "number", "number"],
        );
        write(
            algorithm,
            &seal(Kind::Churn, &schema, &model, &Free).unwrap(),
        );
        said.insert(algorithm.into(), json!(churn_says(&model)));
    }
    for algorithm in SEGMENTS {
        let part = frames.part(0, 1);
        let column = |at: usize| part.x.column(at).to_vec();
        let (recency, orders) = (column(0), column(1));
        let rfm = Rfm {
            recency_days: &recency,
            frequency: &orders,
            monetary: &orders,
        };
        let params = json!({"features": ["recency_days", "frequency"]});
        let params = SegmentParams::parse(algorithm, &params).unwrap();
        let params = params.check(&["recency_days", "frequency"]).unwrap();
        let x = Array2::from_shape_fn((200, 2), |(row, at)| part.x[[row, at]]);
        let model = fit(x.view(), &rfm, Some(3), &params, 42, None, &Free)
            .unwrap()
            .model;
        let schema = schema(&["recency_days", "frequency"], &["number", "number"]);
        write(
            algorithm,
            &seal(Kind::Segments, &schema, &model, &Free).unwrap(),
        );
        said.insert(algorithm.into(), json!(segments_say(&model)));
    }
    let model = rules();
    let schema = schema(&[], &[]);
    write(RULES, &seal(Kind::Baskets, &schema, &model, &Free).unwrap());
    said.insert(RULES.into(), json!(rules_say(&model)));
    for method in FORECASTS {
        let model = forecast(method);
        let name = format!("forecast_{method}");
        write(
            &name,
            &seal(Kind::Forecast, &schema, &model, &Free).unwrap(),
        );
        said.insert(name, json!(forecasts_say(model)));
    }
    Value::Object(said)
}

/// Rules of one country's baskets, of items that come in pairs.
fn rules() -> RuleModel {
    let mut builder = BasketsBuilder::default();
    let mut dice = Stream::new(2, "artifacts", 0);
    for basket in 0..300u32 {
        let about = About {
            day: 15_000 + basket as i32,
            in_group: basket % 4 != 0,
        };
        let first = dice.below(6);
        let pair = [first * 2, first * 2 + 1];
        let more = [dice.below(12), dice.below(30)];
        for item in pair.iter().chain(&more) {
            let (name, item) = (basket.to_le_bytes(), format!("{}", 100 + item));
            let amount = 1.25 * f64::from(basket % 7);
            builder
                .push(&name, Some(item.as_bytes()), amount, about, &Free)
                .unwrap();
        }
    }
    let baskets = builder.finish(&Free).unwrap();
    let options = json!({"country": "France"});
    let params = RuleParams::parse(0.03, 0.2, 1.0, 3, "fpgrowth", &options).unwrap();
    let descriptions: Vec<Option<String>> = (0..baskets.labels().len())
        .map(|at| (at % 3 > 0).then(|| format!("CAKE STAND {at}")))
        .collect();
    let request = Request {
        params: &params,
        baskets: &baskets,
        descriptions: &descriptions,
        excluded: &vec![false; baskets.labels().len()],
        included: None,
        seed: 42,
    };
    baskets::train(&request, &|| 0.0, &Free).unwrap().model
}

fn write(name: &str, bytes: &[u8]) {
    std::fs::write(folder().join(format!("v{FORMAT}/{name}.bin")), bytes).unwrap();
}

/// Probability, then base and contributions, of each customer.
fn churn_says(model: &ChurnModel) -> Vec<Vec<f64>> {
    let encoder = model.encoder();
    customers()
        .iter()
        .map(|(numbers, country)| {
            let mut row = Vec::new();
            encoder.encode(numbers, &[*country], &mut row);
            let explained = model.explain(&row);
            let mut says = vec![model.probability_of_row(&row), explained.base];
            says.extend(explained.contributions);
            says
        })
        .collect()
}

/// Number of the segment and distance of each customer.
fn segments_say(model: &SegmentModel) -> Vec<Vec<f64>> {
    customers()
        .iter()
        .map(|(numbers, _)| {
            let (at, distance) = model.assign_row(&numbers[..2]).unwrap();
            vec![f64::from(model.segment_ids[at]), distance]
        })
        .collect()
}

/// The numbers of each rule, and what is advised for some baskets, with its score.
fn rules_say(model: &RuleModel) -> Vec<Vec<f64>> {
    let code = |code: &str| code.parse::<f64>().unwrap();
    let rules = model.rows().map(|row| {
        let sides = row
            .antecedent
            .iter()
            .chain(&row.consequent)
            .map(|c| code(c));
        let counts = [row.baskets, row.antecedent_baskets, row.consequent_baskets];
        let shares = [
            row.p_value,
            row.q_value,
            row.improvement.unwrap(),
            row.revenue,
        ];
        let months = [row.months, row.months_held].map(f64::from);
        let rest = [
            row.rest_baskets.unwrap() as f64,
            row.rest_confidence.unwrap_or(-1.0),
        ];
        sides
            .chain(counts.map(|c| c as f64))
            .chain(shares)
            .chain(months)
            .chain(rest)
            .collect()
    });
    let baskets: [&[&str]; 3] = [&["100"], &["102", "105", "no such code"], &[]];
    let advice = baskets.map(|basket| {
        let advice = model.recommend(basket, 7);
        advice
            .iter()
            .flat_map(|a| [code(a.item), a.score])
            .collect()
    });
    rules.chain(advice).collect()
}

/// Days of a shop that is closed on Sundays, from Monday, 6 January 2020, on.
fn days(from: usize, to: usize) -> Observed {
    let mut dice = Stream::new(3, "artifacts", 0);
    let noise: Vec<f64> = (0..to).map(|_| dice.unit()).collect();
    let value = |day: usize| match day % 7 {
        6 => 0.0,
        weekday => 100.0 + 10.0 * weekday as f64 + day as f64 / 8.0 + 30.0 * noise[day],
    };
    let first = (18_267 + from as i64) * 86_400_000_000;
    let mut days = Observed::new(Frequency::DAY, first, (from..to).map(value).collect());
    days.open = (from..to).map(|day| day % 7 != 6).collect();
    days
}

/// A model of a method, trained on 500 days.
fn forecast(method: &str) -> ForecastModel {
    let few = match method {
        "xgboost" => json!({"n_estimators": 6}),
        "lstm" => json!({"hidden": 4, "window": 7, "epochs": 2, "members": 1}),
        "ensemble" => json!({"models": ["weekday_mean", "seasonal_naive", "mean"], "folds": 2}),
        _ => json!({}),
    };
    let params = ForecastParams::parse(method, &few).unwrap();
    let request = TrainRequest {
        series: "revenue",
        observed: &days(0, 500),
        params: &params,
        horizon: 14,
        seed: 42,
        champion: None,
    };
    train_forecast(&request, &Free).unwrap().model
}

/// Two weeks of forecasts with their bounds, and again once ten more days are known.
fn forecasts_say(mut model: ForecastModel) -> Vec<Vec<f64>> {
    let mut said = Vec::new();
    let mut say = |model: &ForecastModel| {
        for point in model.forecast(14, 0.9, &Free).unwrap() {
            let bounds = point
                .bounds
                .map_or([-1.0; 2], |(lower, upper)| [lower, upper]);
            said.push(vec![point.forecast, bounds[0], bounds[1]]);
        }
    };
    say(&model);
    model.append(&days(500, 510), &Free).unwrap();
    say(&model);
    said
}

#[test]
fn stored_models_of_every_format_predict_the_same_numbers() {
    if std::env::var_os("RETAILSCOPE_BLESS").is_some() {
        let text = serde_json::to_string_pretty(&write_all()).unwrap();
        std::fs::write(folder().join(format!("v{FORMAT}.json")), text).unwrap();
    }
    for format in 1..=FORMAT {
        let text = std::fs::read_to_string(folder().join(format!("v{format}.json"))).unwrap();
        let said: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            said.as_object().unwrap().len(),
            CHURN.len() + SEGMENTS.len() + 1 + FORECASTS.len()
        );
        for (name, then) in said.as_object().unwrap() {
            let bytes = std::fs::read(folder().join(format!("v{format}/{name}.bin"))).unwrap();
            let opened = open(&bytes).unwrap();
            let now = match opened.kind {
                Kind::Churn => {
                    let model: ChurnModel = opened.decode(Kind::Churn, &Free).unwrap();
                    model.check().unwrap();
                    churn_says(&model)
                }
                Kind::Segments => {
                    let model: SegmentModel = opened.decode(Kind::Segments, &Free).unwrap();
                    model.check().unwrap();
                    segments_say(&model)
                }
                Kind::Baskets => {
                    let model: RuleModel = opened.decode(Kind::Baskets, &Free).unwrap();
                    model.check().unwrap();
                    rules_say(&model)
                }
                Kind::Forecast => {
                    let model: ForecastModel = opened.decode(Kind::Forecast, &Free).unwrap();
                    model.check().unwrap();
                    forecasts_say(model)
                }
            };
            assert_eq!(now.len(), then.as_array().unwrap().len(), "{name}");
            for (now, then) in now.iter().zip(then.as_array().unwrap()) {
                assert_eq!(now.len(), then.as_array().unwrap().len(), "{name}");
                for (now, then) in now.iter().zip(then.as_array().unwrap()) {
                    let then = then.as_f64().unwrap();
                    // exp and ln may differ in their last bits between machines
                    assert!(
                        (now - then).abs() <= 1e-12 * then.abs().max(1.0),
                        "{name}: {now} {then}"
                    );
                }
            }
        }
    }
}
