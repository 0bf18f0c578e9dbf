//! Models as format 1 stored them, with what they predicted then: later versions read the same.

use crate::shop::*;
use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{query_one, rows_as_text};
use std::path::PathBuf;

/// Rows of the registry and a table `frozen` of questions and answers, as SQL.
fn path() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/golden/models_format_1.sql"
    ))
}

/// Customers, as churn is asked about them: usual ones, one of whom little is known, one beyond all that was seen in training.
const CHURN: [&str; 4] = [
    r#"{"recency_days": 12, "frequency": 7, "mean_gap_days": 30.5, "country": "France"}"#,
    r#"{"recency_days": 250, "frequency": 2, "mean_gap_days": 90, "country": "United Kingdom"}"#,
    r#"{"recency_days": 80, "frequency": 1, "mean_gap_days": null, "country": null}"#,
    r#"{"recency_days": 100000, "frequency": 1e9, "mean_gap_days": 1, "country": "Atlantis"}"#,
];

/// As segments are asked about them.
const SEGMENTS: [&str; 3] = ["5, 40, 12000.5", "60, 3, 410", "380, 1, 19.99"];

/// The answers to all questions by the model that serves, as text that is exact.
fn answers(client: &mut Client, task: &str) -> Vec<(String, String)> {
    let calls: Vec<String> = if task == "churn" {
        CHURN
            .iter()
            .map(|c| format!("churn_probability FROM rs_predict_churn('{c}'::jsonb)"))
            .collect()
    } else {
        SEGMENTS
            .iter()
            .map(|s| format!("concat_ws(' ', segment_id, distance) FROM rs_segment_customer({s})"))
            .collect()
    };
    calls
        .into_iter()
        .map(|call| {
            let answer = query_one(client, &format!("SELECT {call}"));
            (call, answer)
        })
        .collect()
}

/// Numbers of two answers, which agree to 1e-12 of their size: `exp` and the like may differ in the last bit between libraries.
fn agree(one: &str, other: &str) -> bool {
    let numbers =
        |text: &str| -> Vec<f64> { text.split(' ').map(|n| n.parse().unwrap()).collect() };
    let (one, other) = (numbers(one), numbers(other));
    one.len() == other.len()
        && one
            .iter()
            .zip(&other)
            .all(|(a, b)| (a - b).abs() <= 1e-12 * a.abs().max(b.abs()))
}

#[test]
fn models_of_format_1_predict_what_they_did() {
    let mut client = cluster().fresh("frozen_models");
    let sql = std::fs::read_to_string(path()).unwrap();
    client.batch_execute(&sql).unwrap();
    // Segments and churn are as of the day after the newest fact, so there must be one.
    client
        .batch_execute("SELECT rs_generate_sales(20, 30)")
        .unwrap();
    let models = rows_as_text(
        &mut client,
        "SELECT model_id, task, algorithm FROM retailscope.model ORDER BY 1",
    );
    assert_eq!(models.len(), 7);
    for model in models {
        let [id, task, algorithm] = [0, 1, 2].map(|at| model[at].clone().unwrap());
        client
            .batch_execute(&format!("SELECT rs_promote({id})"))
            .unwrap();
        for (call, answer) in answers(&mut client, &task) {
            let quoted = call.replace('\'', "''");
            let frozen = query_one(
                &mut client,
                &format!("SELECT answer FROM frozen WHERE model_id = {id} AND call = '{quoted}'"),
            );
            assert!(
                agree(&frozen, &answer),
                "{algorithm}: {frozen} became {answer}: {call}"
            );
        }
    }
}

/// How the file was made, once, when the format was new: `cargo test --release -p retailscope-system-tests --test flow -- --ignored freeze`.
#[test]
#[ignore = "it writes the file that the other test reads"]
fn freeze_models_of_this_format() {
    let mut client = shop("freezing");
    let features = r#""promote": false, "features": ["recency_days", "frequency", "mean_gap_days", "country"]"#;
    for (algorithm, more) in [
        ("logistic_regression", r#", "calibration": "isotonic""#),
        ("logistic_regression", ""),
        ("random_forest", r#", "n_estimators": 3, "max_depth": 4"#),
        ("adaboost", r#", "n_estimators": 6"#),
        ("xgboost", r#", "n_estimators": 4, "max_depth": 3"#),
    ] {
        train(&mut client, algorithm, &format!("{features}{more}"));
    }
    client
        .batch_execute(
            "SELECT rs_train_segments(4); SELECT rs_train_segments(3, 'gaussian_mixture'); CREATE TABLE frozen (model_id bigint, call text, answer text)",
        )
        .unwrap();
    let mut text = String::from(
        "-- Models of format 1 and their answers, written by freeze_models_of_this_format in tests/tests/flow/frozen_models.rs. Never changed.\n",
    );
    let inserts = "SELECT format('INSERT INTO retailscope.model VALUES (%s);', (SELECT string_agg(quote_nullable(j.value), ', ' ORDER BY a.attnum)
                       FROM pg_attribute AS a JOIN jsonb_each_text(to_jsonb(m) || jsonb_build_object('status', 'candidate', 'features', m.features::text)) AS j ON j.key = a.attname
                       WHERE a.attrelid = 'retailscope.model'::regclass AND a.attnum > 0)) FROM retailscope.model AS m ORDER BY m.model_id";
    let chunks = "SELECT format('INSERT INTO retailscope.model_chunk VALUES (%s, %s, %L);', model_id, part, data) FROM retailscope.model_chunk ORDER BY 1";
    for line in [inserts, chunks]
        .iter()
        .flat_map(|sql| rows_as_text(&mut client, sql))
    {
        text.push_str(line[0].as_deref().unwrap());
        text.push('\n');
    }
    text.push_str("CREATE TABLE frozen (model_id bigint, call text, answer text);\n");
    for model in rows_as_text(
        &mut client,
        "SELECT model_id, task FROM retailscope.model ORDER BY 1",
    ) {
        let [id, task] = [0, 1].map(|at| model[at].clone().unwrap());
        client
            .batch_execute(&format!("SELECT rs_promote({id})"))
            .unwrap();
        for (call, answer) in answers(&mut client, &task) {
            let call = call.replace('\'', "''");
            text.push_str(&format!(
                "INSERT INTO frozen VALUES ({id}, '{call}', '{answer}');\n"
            ));
        }
    }
    std::fs::write(path(), text).unwrap();
}
