//! The same data and seed give the same model, byte by byte, whatever the threads and the order in which facts lie.

use crate::shop::*;
use postgres::Client;
use retailscope_system_tests::{error_text, query_one, rows_as_text};
use std::collections::BTreeMap;

/// What is stored of a model, but for its number and when it was made.
fn stored(client: &mut Client, model: i64) -> (String, String, Vec<Vec<Option<String>>>) {
    let figures = rows_as_text(
        client,
        &format!(
            "SELECT dataset, metric, value::text FROM retailscope.model_metric WHERE model_id = {model}
             UNION ALL SELECT method, feature, importance::text FROM retailscope.model_importance WHERE model_id = {model}
             UNION ALL SELECT curve, position::text, x || ' ' || y FROM retailscope.model_curve WHERE model_id = {model}
             ORDER BY 1, 2"
        ),
    );
    (bytes_of(client, model), data_hash(client, model), figures)
}

/// Every trainer, by name.
fn trainings(seed: i64) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = ALGORITHMS
        .into_iter()
        .map(|algorithm| {
            let call = format!(
                "rs_train_churn('{algorithm}', params => '{{{DAYS}, \"promote\": false}}', seed => {seed})"
            );
            (algorithm.to_owned(), call)
        })
        .collect();
    for algorithm in ["kmeans", "gaussian_mixture"] {
        let call = format!(
            "rs_train_segments(algorithm => '{algorithm}', params => '{{\"promote\": false}}', seed => {seed})"
        );
        all.push((algorithm.to_owned(), call));
    }
    // Who mines needs no luck: the seed is always the same.
    for algorithm in ["fpgrowth", "apriori", "eclat"] {
        let call = format!(
            "rs_mine_rules(0.005, 0.05, 0, algorithm => '{algorithm}', options => '{{\"country\": \"United Kingdom\", \"promote\": false}}')"
        );
        all.push((algorithm.to_owned(), call));
    }
    all
}

type Stored = BTreeMap<String, (String, String, Vec<Vec<Option<String>>>)>;

fn train_all(client: &mut Client, seed: i64) -> Stored {
    trainings(seed)
        .into_iter()
        .map(|(name, call)| {
            let row = client.query_one(&format!("SELECT model_id FROM {call}"), &[]);
            let id = row
                .unwrap_or_else(|e| panic!("{call}: {}", error_text(&e)))
                .get(0);
            (name, stored(client, id))
        })
        .collect()
}

fn assert_same(expected: &Stored, found: &Stored, when: &str) {
    for (name, (bytes, hash, figures)) in expected {
        let (own_bytes, own_hash, own_figures) = &found[name];
        assert_eq!(own_hash, hash, "{name} {when}: data");
        assert_eq!(own_figures, figures, "{name} {when}: figures");
        assert_eq!(own_bytes, bytes, "{name} {when}: bytes");
    }
}

#[test]
fn threads_and_the_order_of_rows_change_no_byte_of_a_model() {
    let mut client = shop("same_bytes");
    client
        .batch_execute("LOAD 'retailscope'; SET retailscope.threads = 1")
        .unwrap();
    let expected = train_all(&mut client, 42);
    client.batch_execute("SET retailscope.threads = 2").unwrap();
    assert_same(&expected, &train_all(&mut client, 42), "with 2 threads");
    // The rows in another order, read by other plans.
    client
        .batch_execute(
            "CREATE TEMP TABLE shuffled AS SELECT * FROM retailscope.fact_sales ORDER BY md5(sale_id || 'shuffled');
             TRUNCATE retailscope.fact_sales;
             INSERT INTO retailscope.fact_sales SELECT * FROM shuffled;
             UPDATE retailscope.dim_customer SET country = country WHERE customer_key % 3 = 1;
             ANALYZE;
             SET enable_hashagg = off; SET enable_hashjoin = off; SET work_mem = '64kB'; SET retailscope.threads = 8",
        )
        .unwrap();
    let first = query_one(
        &mut client,
        "SELECT (SELECT min(sale_id) FROM retailscope.fact_sales) = (SELECT sale_id FROM retailscope.fact_sales LIMIT 1)",
    );
    assert_eq!(first, "f", "the rows were not shuffled");
    let found = train_all(&mut client, 42);
    assert_same(&expected, &found, "with 8 threads after a shuffle");
    assert_eq!(found["apriori"].0, found["fpgrowth"].0);
    assert_eq!(found["eclat"].0, found["fpgrowth"].0);
    let other = train_all(&mut client, 43);
    for name in ["random_forest", "xgboost"] {
        assert_ne!(other[name].0, expected[name].0, "{name} ignores the seed");
        assert_eq!(other[name].1, expected[name].1);
    }
}
