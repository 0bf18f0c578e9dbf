//! R14, R49: each refusal of the functions for customers and models has its SQLSTATE and says what to do.

use crate::models::TRAINED;
use crate::support::{fails, run, shared};
use postgres::Client;
use retailscope_system_tests::{error_text, hint, sqlstate};

/// The call, its SQLSTATE, a part of its message.
pub type Refusal = (&'static str, &'static str, &'static str);

/// In a warehouse without sales.
const EMPTY: &[Refusal] = &[
    ("rs_predict_churn()", "55000", "no model for churn yet"),
    ("rs_predict_churn('1')", "55000", "no model for churn yet"),
    (
        "rs_predict_churn('{}'::jsonb)",
        "55000",
        "no model for churn yet",
    ),
    ("rs_explain_churn('1')", "55000", "no model for churn yet"),
    (
        "rs_segment_customers()",
        "55000",
        "no model for segments yet",
    ),
    (
        "rs_segment_customer('1')",
        "55000",
        "no model for segments yet",
    ),
    (
        "rs_segment_customer(1, 2, 3)",
        "55000",
        "no model for segments yet",
    ),
    (
        "rs_segment_profiles()",
        "55000",
        "no model for segments yet",
    ),
    ("rs_refresh_segments()", "55000", "no sales yet"),
    ("rs_default_as_of()", "55000", "no sales yet"),
    ("rs_train_churn()", "55000", "no sales yet"),
    ("rs_train_segments()", "55000", "no sales yet"),
    ("rs_churn_frame('2020-01-01')", "55000", "no sales"),
    ("rs_promote(1)", "42704", "no model 1"),
    ("rs_drop_model(1)", "42704", "no model 1"),
    ("rs_verify_model(1)", "42704", "no model 1"),
    ("rs_verify_no_leak(1)", "42704", "no model 1"),
    ("rs_model_to_sql(1)", "42704", "no model 1"),
    ("rs_rollback('churn')", "55000", "no model serves 'churn'"),
];

/// With ten months of sales: the models of [`TRAINED`].
const FULL: &[Refusal] = &[
    // Who is not there.
    (
        "rs_predict_churn('nobody')",
        "22023",
        "no customer \"nobody\"",
    ),
    ("rs_predict_churn('')", "22023", "no customer \"\""),
    (
        "rs_predict_churn(repeat('x', 1000000))",
        "22023",
        "no customer \"xxx",
    ),
    (
        "rs_explain_churn('nobody')",
        "22023",
        "no customer \"nobody\"",
    ),
    (
        "rs_segment_customer('nobody')",
        "22023",
        "no customer \"nobody\"",
    ),
    ("rs_promote(99)", "42704", "no model 99"),
    (
        "rs_promote(9223372036854775807)",
        "42704",
        "no model 9223372036854775807",
    ),
    ("rs_promote(NULL)", "22004", "model_id must not be null"),
    ("rs_drop_model(NULL)", "42704", "no model NULL"),
    ("rs_drop_model(2)", "55006", "model 2 serves 'churn'"),
    (
        "rs_rollback('segments')",
        "55000",
        "no model served 'segments' before model 3",
    ),
    ("rs_rollback('churm')", "55000", "no model serves 'churm'"),
    ("rs_rollback(NULL)", "55000", "no model serves NULL"),
    // Features by name.
    (
        "rs_predict_churn('[]'::jsonb)",
        "22023",
        "must be a JSON object",
    ),
    ("rs_predict_churn('{}'::jsonb)", "22023", "features lack"),
    (
        "rs_predict_churn('{\"recency_day\": 1}'::jsonb)",
        "22023",
        "did you mean \"recency_days\"?",
    ),
    (
        "rs_predict_churn('{\"recency_days\": 1e400}'::jsonb)",
        "22023",
        "out of range",
    ),
    (
        "rs_predict_churn((SELECT to_jsonb(f) - 'frequency' FROM rs_customer_features(rs_default_as_of()) AS f LIMIT 1))",
        "22023",
        "features lack \"frequency\"",
    ),
    (
        "rs_predict_churn((SELECT to_jsonb(f) || '{\"frequency\": \"3\"}' FROM rs_customer_features(rs_default_as_of()) AS f LIMIT 1))",
        "22023",
        "\"frequency\" must be a number or null",
    ),
    (
        "rs_predict_churn((SELECT to_jsonb(f) || '{\"country\": 3}' FROM rs_customer_features(rs_default_as_of()) AS f LIMIT 1))",
        "22023",
        "\"country\" must be a string or null",
    ),
    (
        "rs_segment_customer('NaN', 1, 1)",
        "22023",
        "recency_days must be a number",
    ),
    (
        "rs_segment_customer(1, 'infinity', 1)",
        "22023",
        "frequency must be a number",
    ),
    (
        "rs_segment_customer(1, 1, '-infinity')",
        "22023",
        "monetary must be a number",
    ),
    // How to train.
    (
        "rs_train_churn('xgbost')",
        "22023",
        "did you mean \"xgboost\"?",
    ),
    ("rs_train_churn('')", "22023", "unknown algorithm"),
    ("rs_train_churn('auto', 0)", "22023", "horizon_days is 0"),
    (
        "rs_train_churn('auto', -2147483648)",
        "22023",
        "horizon_days is -2147483648",
    ),
    (
        "rs_train_churn('auto', 2147483647)",
        "22023",
        "horizon_days is 2147483647",
    ),
    (
        "rs_train_churn('auto', 3650)",
        "55000",
        "too few days of sales",
    ),
    (
        "rs_train_churn('auto', 30, '[]')",
        "22023",
        "params must be a JSON object",
    ),
    (
        "rs_train_churn('auto', 30, '{\"cutoff\": []}')",
        "22023",
        "did you mean \"cutoffs\"?",
    ),
    (
        "rs_train_churn('auto', 30, '{\"cutoffs\": []}')",
        "22023",
        "\"cutoffs\" must",
    ),
    (
        "rs_train_churn('auto', 30, '{\"cutoffs\": [\"soon\"]}')",
        "22023",
        "must be a date",
    ),
    (
        "rs_train_churn('auto', 30, '{\"cutoffs\": [\"2024-11-30\"]}')",
        "22023",
        "reach into the holdout",
    ),
    (
        "rs_train_churn('auto', 30, '{\"cutoffs\": [\"2020-01-01\"]}')",
        "55000",
        "no customers",
    ),
    (
        "rs_train_churn('auto', 30, '{\"holdout\": \"2030-01-01\"}')",
        "22023",
        "not fully observed",
    ),
    (
        "rs_train_churn('auto', 30, '{\"features\": []}')",
        "22023",
        "must not be empty",
    ),
    (
        "rs_train_churn('auto', 30, '{\"features\": [\"recency\"]}')",
        "22023",
        "no feature \"recency\"",
    ),
    (
        "rs_train_churn('auto', 30, '{\"features\": [\"x\\\"; DROP\"]}')",
        "22023",
        "no feature",
    ),
    (
        "rs_train_churn('xgboost', 30, '{\"n_estimators\": 2000000000}')",
        "22023",
        "from 1 to 5000",
    ),
    (
        "rs_train_churn('xgboost', 30, '{\"max_depth\": 0}')",
        "22023",
        "\"max_depth\" must",
    ),
    (
        "rs_train_churn('random_forest', 30, '{\"n_estimators\": 1.5}')",
        "22023",
        "must be a whole number",
    ),
    (
        "rs_train_churn('random_forest', 30, '{\"max_features\": \"all of them\"}')",
        "22023",
        "\"max_features\" must",
    ),
    (
        "rs_train_churn('adaboost', 30, '{\"learning_rate\": -1}')",
        "22023",
        "\"learning_rate\" must",
    ),
    (
        "rs_train_churn('logistic_regression', 30, '{\"c\": 0}')",
        "22023",
        "\"c\" must",
    ),
    (
        "rs_train_churn('logistic_regression', 30, '{\"solver\": \"sgd\"}')",
        "22023",
        "\"solver\" must",
    ),
    (
        "rs_train_churn('logistic_regression', 30, '{\"calibration\": \"yes\"}')",
        "22023",
        "\"calibration\" must",
    ),
    (
        "rs_train_churn('logistic_regression', 30, '{\"class_weight\": -1}')",
        "22023",
        "\"class_weight\" must",
    ),
    (
        "rs_train_churn('logistic_regression', 30, '{\"offer_cost\": -1}')",
        "22023",
        "\"offer_cost\" must",
    ),
    (
        "rs_train_churn('logistic_regression', 30, '{\"max_depth\": 3}')",
        "22023",
        "unknown key in params: \"max_depth\"",
    ),
    (
        "rs_train_segments(51)",
        "22023",
        "k must be from 2 to 50, not 51",
    ),
    (
        "rs_train_segments(1)",
        "22023",
        "k must be from 2 to 50, not 1",
    ),
    (
        "rs_train_segments(0)",
        "22023",
        "k must be from 2 to 50, not 0",
    ),
    (
        "rs_train_segments(-2147483648)",
        "22023",
        "k must be from 2 to 50",
    ),
    (
        "rs_train_segments(3, 'kmean')",
        "22023",
        "did you mean \"kmeans\"?",
    ),
    (
        "rs_train_segments(3, params => '{\"features\": [\"country\"]}')",
        "22023",
        "unknown feature \"country\"",
    ),
    (
        "rs_train_segments(3, params => '{\"features\": []}')",
        "22023",
        "must not be empty",
    ),
    (
        "rs_train_segments(3, params => '{\"n_init\": 2000000000}')",
        "22023",
        "from 1 to 100",
    ),
    (
        "rs_train_segments(3, params => '{\"k_max\": 1}')",
        "22023",
        "\"k_max\" must",
    ),
    // The frames.
    ("rs_churn_frame(NULL)", "22004", "as_of is NULL"),
    (
        "rs_churn_frame('2024-06-01', NULL)",
        "22004",
        "horizon_days is NULL",
    ),
    (
        "rs_churn_frame('2024-06-01', 0)",
        "22023",
        "horizon_days is 0",
    ),
    (
        "rs_churn_frame('2024-06-01', 3651)",
        "22023",
        "horizon_days is 3651",
    ),
    (
        "rs_churn_frame('2024-12-30')",
        "22023",
        "not fully observed: the last possible as_of is",
    ),
    ("rs_churn_frame('infinity')", "22023", "not fully observed"),
    // Models of the other kind.
    (
        "rs_model_to_sql(3)",
        "55000",
        "one of segments, not of churn",
    ),
    (
        "rs_verify_no_leak(3)",
        "55000",
        "one of segments, not of churn",
    ),
];

/// The range or the choices are in the message of a wrong value; all other refusals have a hint.
pub fn check(db: &mut Client, refusals: &[Refusal]) {
    let mut wrong = Vec::new();
    for (call, code, part) in refusals {
        let error = fails(db, &format!("SELECT {call}"));
        let (text, hint) = (error_text(&error), hint(&error));
        let helps = !hint.is_empty() || text.contains(" must ");
        if sqlstate(&error) != *code || !text.contains(part) || !helps {
            wrong.push(format!(
                "{call:.100}: {} {text:.200} ({hint:.100})",
                sqlstate(&error)
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn without_sales_every_function_says_what_is_missing() {
    check(&mut shared().fresh("refusals_empty"), EMPTY);
}

#[test]
fn every_refusal_has_its_code_and_says_what_to_do() {
    let mut db = shared().fresh("refusals");
    run(&mut db, TRAINED);
    check(&mut db, FULL);
    // NULL for one customer is nobody, and no error: the functions are strict.
    for call in [
        "rs_predict_churn(NULL::text)",
        "rs_predict_churn(NULL::jsonb)",
        "rs_explain_churn(NULL)",
        "rs_segment_customer(NULL)",
        "rs_segment_customer(NULL, 1, 1)",
    ] {
        let rows = crate::support::table(&mut db, &format!("SELECT * FROM {call}"));
        assert_eq!(rows, "", "{call}");
    }
    let serving = "SELECT (SELECT count(*) FROM retailscope.model), (SELECT model_id FROM rs_predict_churn() LIMIT 1)";
    assert_eq!(crate::support::table(&mut db, serving), "4 | 2\n");
}

/// A shop without customers to tell apart is refused as such.
#[test]
fn one_customer_or_none_are_too_few() {
    let mut db = shared().fresh("refusals_few");
    run(
        &mut db,
        "CREATE TABLE orders (invoice_no text, stock_code text, description text, quantity int, sold_at timestamp, unit_price numeric,
                              customer_id text, country text);
         INSERT INTO orders SELECT n, 'a', 'A', 1, timestamp '2020-01-01' + n * interval '1 day', 2, 'c', 'x' FROM generate_series(1, 400) AS n;
         SELECT rs_ingest_table('orders')",
    );
    check(
        &mut db,
        &[
            (
                "rs_train_churn('logistic_regression', 30)",
                "55000",
                "nothing to tell apart",
            ),
            (
                "rs_train_segments(3)",
                "55000",
                "3 segments need at least 3 customers",
            ),
        ],
    );
    run(
        &mut db,
        "UPDATE retailscope.fact_sales SET customer_key = 0; UPDATE retailscope.dim_customer SET first_sale_date = NULL, last_sale_date = NULL",
    );
    check(
        &mut db,
        &[
            (
                "rs_train_churn('logistic_regression', 30)",
                "55000",
                "no sales to known customers",
            ),
            ("rs_train_segments(3)", "55000", "no customers"),
        ],
    );
}
