//! A shop of generated sales that tests of models share: made once, copied as often as it is needed.

use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{error_text, query_one, rows_as_text};
use std::sync::OnceLock;

/// The days that models of the shop are trained on and evaluated on, when a test must not depend on the newest fact.
pub const DAYS: &str = r#""cutoffs": ["2024-04-06", "2024-07-05"], "holdout": "2024-10-03""#;

/// The algorithms of churn; in [`trained`] their models have these numbers from 1 on.
pub const ALGORITHMS: [&str; 4] = [
    "logistic_regression",
    "random_forest",
    "adaboost",
    "xgboost",
];

/// A copy of a database that nobody is connected to.
pub fn copy(template: &str, db: &str) -> Client {
    cluster()
        .connect("postgres")
        .batch_execute(&format!("CREATE DATABASE \"{db}\" TEMPLATE \"{template}\""))
        .unwrap_or_else(|e| panic!("{db}: {}", error_text(&e)));
    cluster().connect(db)
}

/// 400 customers, 500 days up to 2024-12-31, and no model.
pub fn shop(db: &str) -> Client {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut client = cluster().fresh("shop_untrained");
        client
            .batch_execute("SELECT rs_generate_sales(400, 500); ANALYZE")
            .unwrap();
    });
    copy("shop_untrained", db)
}

/// The same with a model of each algorithm, of which the first serves, and with five segments.
pub fn trained(db: &str) -> Client {
    static MADE: OnceLock<()> = OnceLock::new();
    MADE.get_or_init(|| {
        let mut client = shop("shop_trained");
        for (id, algorithm) in (1..).zip(ALGORITHMS) {
            assert_eq!(train(&mut client, algorithm, r#""promote": false"#), id);
        }
        client
            .batch_execute("SELECT rs_promote(1, 'for the tests'); SELECT rs_train_segments(5)")
            .unwrap();
    });
    copy("shop_trained", db)
}

/// The call that trains on [`DAYS`] with more parameters.
pub fn training(algorithm: &str, params: &str) -> String {
    let comma = if params.is_empty() { "" } else { ", " };
    format!("rs_train_churn('{algorithm}', params => '{{{DAYS}{comma}{params}}}')")
}

/// Trains on [`DAYS`] and gives the model's number.
pub fn train(client: &mut Client, algorithm: &str, params: &str) -> i64 {
    let sql = format!("SELECT model_id FROM {}", training(algorithm, params));
    client
        .query_one(&sql, &[])
        .unwrap_or_else(|e| panic!("{}: {sql}", error_text(&e)))
        .get(0)
}

/// A hash of a stored model's bytes.
pub fn bytes_of(client: &mut Client, model: i64) -> String {
    let sql = format!(
        "SELECT md5(string_agg(md5(data), '' ORDER BY part)) FROM retailscope.model_chunk WHERE model_id = {model}"
    );
    let hash = query_one(client, &sql);
    assert_eq!(hash.len(), 32, "model {model} has no bytes");
    hash
}

/// The hash of the data that a model was trained on.
pub fn data_hash(client: &mut Client, model: i64) -> String {
    let sql = format!("SELECT data_hash FROM retailscope.model WHERE model_id = {model}");
    query_one(client, &sql)
}

/// All predictions of the model that serves, to the last bit, but for the model's number.
pub fn predictions(client: &mut Client) -> Vec<Vec<Option<String>>> {
    rows_as_text(
        client,
        "SELECT customer_id, churn_probability, churned, risk FROM rs_predict_churn() ORDER BY customer_id",
    )
}

/// The model that serves churn, as predictions name it.
pub fn serving(client: &mut Client) -> String {
    query_one(client, "SELECT DISTINCT model_id FROM rs_predict_churn()")
}

/// Loads lines given by a query of the columns of a source table.
pub fn sell(client: &mut Client, query: &str) -> Counts {
    client
        .batch_execute(&format!(
            "DROP TABLE IF EXISTS src;
             CREATE TABLE src (invoice_no text, stock_code text, description text, quantity text, sold_at text, unit_price text,
                               customer_id text, country text);
             INSERT INTO src {query}"
        ))
        .unwrap_or_else(|e| panic!("{}: {query}", error_text(&e)));
    ingest(client, "rs_ingest_table('src')")
}
