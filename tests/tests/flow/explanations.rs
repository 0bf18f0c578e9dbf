//! What a model says of itself: as an SQL expression, and as reasons for one customer.

use crate::shop::*;
use postgres::Client;
use retailscope_system_tests::{error_text, hint, query_one, rows_as_text, sqlstate};

/// The largest difference between the expression and the prediction over all customers, and how many of them there are.
fn difference(client: &mut Client, model: i64) -> (f64, i64) {
    client
        .batch_execute(&format!("SELECT rs_promote({model})"))
        .unwrap();
    let expression = query_one(client, &format!("SELECT rs_model_to_sql({model})"));
    // As somebody without the extension has it: the features are a table, the expression is pasted.
    let sql = format!(
        "SELECT max(abs(p.churn_probability - s.probability)), count(s.probability)
         FROM (SELECT customer_id, ({expression}) AS probability FROM features) AS s
         FULL JOIN rs_predict_churn() AS p USING (customer_id)"
    );
    let row = client
        .query_one(&sql, &[])
        .unwrap_or_else(|e| panic!("{}: {expression:.300}", error_text(&e)));
    (row.get(0), row.get(1))
}

#[test]
fn the_sql_expression_of_a_model_gives_its_predictions() {
    let mut client = shop("expressions");
    client
        .batch_execute(
            "CREATE TABLE features AS SELECT * FROM rs_customer_features(rs_default_as_of())",
        )
        .unwrap();
    let small = r#""n_estimators": 20, "max_depth": 3"#;
    for (algorithm, params) in [
        ("logistic_regression", ""),
        ("logistic_regression", r#""l1_ratio": 1.0, "c": 0.02"#),
        ("xgboost", small),
        ("adaboost", ""),
        ("random_forest", r#""n_estimators": 20, "max_depth": 4"#),
    ] {
        for calibration in ["none", "platt", "isotonic"] {
            let comma = if params.is_empty() { "" } else { ", " };
            let params = format!(r#"{params}{comma}"calibration": "{calibration}""#);
            let model = train(&mut client, algorithm, &params);
            let (largest, customers) = difference(&mut client, model);
            assert_eq!(customers, 400, "{algorithm}, {params}");
            assert!(largest < 1e-9, "{algorithm}, {params}: {largest}");
        }
    }
    // Whatever the session prints and reads numbers and strings by.
    client
        .batch_execute("SET extra_float_digits = 0; SET standard_conforming_strings = off; SET lc_numeric = 'C'")
        .unwrap();
    let model = train(&mut client, "logistic_regression", "");
    assert!(difference(&mut client, model).0 < 1e-9);
    let large = train(&mut client, "random_forest", r#""n_estimators": 1000"#);
    let error = client
        .batch_execute(&format!("SELECT rs_model_to_sql({large})"))
        .unwrap_err();
    assert_eq!(sqlstate(&error), "54000", "{}", error_text(&error));
    assert!(
        error_text(&error).contains("an expression may have 20000"),
        "{}",
        error_text(&error)
    );
    let error = client
        .batch_execute("SELECT rs_model_to_sql(-1)")
        .unwrap_err();
    assert_eq!(
        (sqlstate(&error).as_str(), hint(&error).is_empty()),
        ("42704", false)
    );
}

/// The reasons for each customer against the prediction: what differs most.
fn worst(client: &mut Client, model: i64, of_score: bool) -> f64 {
    client
        .batch_execute(&format!("SELECT rs_promote({model})"))
        .unwrap();
    // Those of a forest add up to its probability, all others to the log-odds.
    let of_sum = if of_score {
        "churn_probability"
    } else {
        "ln(churn_probability / (1 - churn_probability))"
    };
    let rows = rows_as_text(
        client,
        &format!(
            "SELECT max(abs({of_sum} - (SELECT sum(contribution) FROM rs_explain_churn(p.customer_id)))), count(*)
             FROM rs_predict_churn() AS p WHERE hashtext(customer_id) % 4 = 0"
        ),
    );
    assert!(
        rows[0][1].as_deref().unwrap().parse::<i64>().unwrap() > 60,
        "{rows:?}"
    );
    rows[0][0].as_deref().unwrap().parse().unwrap()
}

#[test]
fn reasons_add_up_to_the_prediction() {
    let mut client = shop("reasons");
    for (algorithm, params, of_score) in [
        ("logistic_regression", "", false),
        ("logistic_regression", r#""calibration": "platt""#, false),
        ("random_forest", "", true),
        ("random_forest", r#""calibration": "platt""#, false),
        ("adaboost", "", false),
        ("adaboost", r#""calibration": "none""#, false),
        ("xgboost", "", false),
        ("xgboost", r#""calibration": "platt""#, false),
    ] {
        let model = train(&mut client, algorithm, params);
        let worst = worst(&mut client, model, of_score);
        assert!(worst < 1e-6, "{algorithm}, {params}: {worst}");
        let meaning = query_one(
            &mut client,
            "SELECT meaning FROM rs_predict_churn() AS p, rs_explain_churn(p.customer_id) WHERE feature = '(base)' LIMIT 1",
        );
        let unit = if of_score {
            "the probability"
        } else {
            "the log-odds"
        };
        assert!(meaning.contains(unit), "{algorithm}: {meaning}");
    }
    // One row for each feature and the base, with the values that the warehouse has.
    let differing = rows_as_text(
        &mut client,
        "WITH one AS (SELECT * FROM rs_customer_features(rs_default_as_of()) ORDER BY customer_id LIMIT 1),
              said AS (SELECT e.* FROM one, rs_explain_churn(one.customer_id) AS e),
              known AS (SELECT j.key AS feature, j.value FROM one, jsonb_each_text(to_jsonb(one) - 'customer_id') AS j)
         SELECT feature, s.value, k.value FROM said AS s FULL JOIN known AS k USING (feature)
         WHERE feature NOT IN ('(base)', 'country') AND s.value IS DISTINCT FROM k.value::float8
            OR feature <> '(base)' AND (s.feature IS NULL OR k.feature IS NULL)",
    );
    assert!(differing.is_empty(), "{differing:?}");
}
