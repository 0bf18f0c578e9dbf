//! Memory of models: flat over many predictions and trainings, bounded by the setting, and not a copy of the warehouse.

use crate::shop::*;
use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{error_text, hint, query_one, sqlstate};

#[test]
fn many_predictions_and_trainings_leave_the_memory_flat() {
    let _turn = alone();
    let mut client = trained("model_plateau");
    let victim = pid(&mut client);
    let customers: Vec<String> = predictions(&mut client)
        .into_iter()
        .filter_map(|row| row[0].clone())
        .collect();
    let mut sizes = Vec::new();
    for round in 0..1000 {
        let customer = &customers[round % customers.len()];
        client
            .batch_execute(&format!("SELECT rs_predict_churn('{customer}')"))
            .unwrap();
        if round % 10 == 0 {
            client
                .batch_execute(&format!(
                    "SELECT rs_explain_churn('{customer}'); SELECT rs_segment_customer('{customer}');
                     SELECT rs_promote({}); SELECT count(*) FROM rs_predict_churn(); SELECT count(*) FROM rs_segment_customers()",
                    1 + round / 10 % 4
                ))
                .unwrap();
        }
        if round % 200 == 199 {
            sizes.push(memory_kb(victim, "RssAnon"));
        }
    }
    let growth = sizes[4] as i64 - sizes[1] as i64;
    assert!(growth < 4096, "kB after each 200 predictions: {sizes:?}");
    let mut sizes = Vec::new();
    for round in 0..30 {
        let algorithm = ALGORITHMS[round % 4];
        client
            .batch_execute(&format!(
                "BEGIN; SELECT {}; SELECT rs_train_segments(4, params => '{{\"n_init\": 1}}'); ROLLBACK",
                training(algorithm, "")
            ))
            .unwrap();
        if round % 4 == 1 {
            sizes.push(memory_kb(victim, "RssAnon"));
        }
    }
    // The allocator keeps what threads of a training had for those of the next.
    let growth = sizes[7] as i64 - sizes[2] as i64;
    assert!(growth < 8192, "kB after each 4 trainings: {sizes:?}");
    assert_eq!(settled_threads(victim), 1);
}

#[test]
fn forecasts_leave_the_memory_flat_and_sorted_series_need_little() {
    let _turn = alone();
    let cluster = cluster();
    let mut client = shop("forecast_plateau");
    client
        .batch_execute(
            "SELECT rs_refresh_marts(); SELECT rs_train_forecast(model => 'ets', params => '{\"as_of\": \"2024-12-01\"}')",
        )
        .unwrap();
    let victim = pid(&mut client);
    // Each takes in the days since the model was trained.
    let calls = [
        ("SELECT count(*) FROM rs_forecast_revenue(100)", 60),
        (
            "BEGIN; SELECT rs_train_forecast('units', 'ets', 7); SELECT rs_forecast_products(7, 20, 'ets'); ROLLBACK",
            6,
        ),
    ];
    for (call, times) in calls {
        let mut sizes = Vec::new();
        for _ in 0..5 {
            for _ in 0..times {
                client.batch_execute(call).unwrap();
            }
            sizes.push(memory_kb(victim, "RssAnon"));
        }
        let growth = sizes[4] as i64 - sizes[1] as i64;
        assert!(growth < 8192, "kB after each {times} of {call}: {sizes:?}");
    }
    assert_eq!(settled_threads(victim), 1);
    // Sorted by series they are read, forecast and forgotten; in any other order all are kept.
    let query = |series: u32, order: &str| {
        format!(
            "SELECT count(DISTINCT unique_id) FROM rs_forecast('SELECT s AS unique_id, date ''2020-01-01'' + d AS ds, s + d AS y
                 FROM generate_series(1, {series}) AS s, generate_series(1, 100) AS d ORDER BY {order}', 1, 'naive', params => '{{\"interval\": \"analytic\"}}')"
        )
    };
    let peak = |series| crate::growth::peak_of(cluster, "forecast_plateau", &query(series, "s"));
    let (few, many) = (peak(1000), peak(10_000));
    println!("peaks in MB of 1,000 and 10,000 sorted series: {few} {many}");
    assert!(many <= few + 24, "{few} {many}");
    client
        .batch_execute("SET retailscope.max_memory = '32MB'")
        .unwrap();
    let sorted = query_one(&mut client, &query(20_000, "s"));
    assert_eq!(sorted, "20000");
    let error = client.batch_execute(&query(20_000, "d")).unwrap_err();
    assert_eq!(sqlstate(&error), "53200", "{}", error_text(&error));
    assert!(hint(&error).contains("retailscope.max_memory"));
    assert_eq!(settled_threads(victim), 1);
}

/// A shop in which each of so many customers has bought two or three times in 300 days up to 2024-12-31.
fn crowd(db: &str, customers: u32) -> Client {
    let mut client = cluster().fresh(db);
    let sold = sell(
        &mut client,
        &format!(
            "SELECT 'I' || c || '-' || n, (10000 + (c * 7 + n) % 500)::text, 'A THING', (1 + c % 9)::text,
                    (timestamp '2024-12-31 10:00' - interval '1 day' * ((c::bigint * (n * n + 3) * 7919) % 300))::text,
                    (1 + c % 20)::text, 'C' || c, 'France'
             FROM generate_series(1, {customers}) AS c, generate_series(1, 3) AS n WHERE n < 3 OR c % 2 = 0"
        ),
    );
    assert!(sold.loaded > i64::from(customers) * 2);
    client.batch_execute("ANALYZE").unwrap();
    client
}

#[test]
fn customers_more_than_memory_are_an_error_and_scored_in_little() {
    let _turn = alone();
    let cluster = cluster();
    let mut peaks = Vec::new();
    for customers in [3000, 30_000] {
        let db = format!("crowd_{customers}");
        let mut client = crowd(&db, customers);
        let small = r#"'{"n_estimators": 20, "cutoffs": ["2024-07-05"], "holdout": "2024-10-03"}'"#;
        client
            .batch_execute(&format!(
                "SELECT rs_train_churn('xgboost', params => {small}); SELECT rs_train_segments(4, params => '{{\"n_init\": 1}}')"
            ))
            .unwrap_or_else(|e| panic!("{}", error_text(&e)));
        let peak = |sql: &str| crate::growth::peak_of(cluster, &db, sql);
        peaks.push([
            peak("SELECT count(*) FROM rs_customer_features(rs_default_as_of())"),
            peak("SELECT count(*) FROM rs_predict_churn()"),
            peak("SELECT count(*) FROM rs_segment_customers()"),
        ]);
    }
    println!(
        "peaks in MB of features, predictions, segments of 3,000 and 30,000 customers: {peaks:?}"
    );
    // The features are PostgreSQL's own work, whose sorts and hashes take up to work_mem each. Models add little to them.
    for [features, predictions, segments] in peaks {
        assert!(predictions <= features + 64);
        assert!(segments <= features + 64);
    }

    let db = "crowd_30000";
    let mut client = cluster.connect(db);
    let mut witness = Witness::new(cluster, db);
    client
        .batch_execute("LOAD 'retailscope'; SET retailscope.max_memory = '32MB'")
        .unwrap();
    let models = query_one(&mut client, "SELECT count(*) FROM retailscope.model");
    for algorithm in ALGORITHMS.iter().chain(&["auto"]) {
        let sql = format!(
            "SELECT rs_train_churn('{algorithm}', params => '{{\"cutoffs\": [\"2024-06-05\", \"2024-07-05\"], \"holdout\": \"2024-10-03\"}}')"
        );
        let error = client.batch_execute(&sql).expect_err(algorithm);
        let text = error_text(&error);
        assert_eq!(sqlstate(&error), "53200", "{text}");
        let (phase, figures) = text.split_once(": ").unwrap();
        assert!(
            phase.len() > 3 && !phase.contains(char::is_numeric),
            "no phase: {text}"
        );
        let numbers: Vec<u64> = figures
            .split(|c: char| !c.is_ascii_digit())
            .filter_map(|n| n.parse().ok())
            .collect();
        assert!(numbers.contains(&(32 << 20)), "no limit: {text}");
        assert!(
            numbers.iter().any(|n| *n > 32 << 20),
            "not what it takes: {text}"
        );
        assert!(
            hint(&error).contains("retailscope.max_memory"),
            "{}",
            hint(&error)
        );
        assert_eq!(settled_threads(pid(&mut client)), 1);
        witness.assert_alive();
    }
    assert_eq!(
        query_one(&mut client, "SELECT count(*) FROM retailscope.model"),
        models
    );
    // Scoring needs little, and with more memory the training works.
    let scored = query_one(&mut client, "SELECT count(*) FROM rs_predict_churn()");
    assert_eq!(scored, "30000");
}

#[test]
fn sizes_out_of_range_are_refused_by_name() {
    let mut client = shop("sizes");
    let mut witness = Witness::new(cluster(), "sizes");
    for (algorithm, key, value) in [
        ("random_forest", "n_estimators", "2000000000"),
        ("random_forest", "n_estimators", "0"),
        ("random_forest", "n_estimators", "1e300"),
        ("random_forest", "max_depth", "1000000"),
        ("random_forest", "min_samples_leaf", "0"),
        ("random_forest", "max_features", "2.5"),
        ("adaboost", "n_estimators", "5001"),
        ("adaboost", "learning_rate", "-1"),
        ("xgboost", "n_estimators", "-9223372036854775808"),
        ("xgboost", "max_depth", "17"),
        ("xgboost", "subsample", "0"),
        ("xgboost", "reg_lambda", "1e10"),
        ("logistic_regression", "c", "0"),
        ("logistic_regression", "l1_ratio", "2"),
    ] {
        let call = training(algorithm, &format!(r#""{key}": {value}"#));
        let (code, message) = failure(&mut client, &format!("SELECT {call}"));
        assert_eq!(code, "22023", "{call}: {message}");
        assert!(message.contains(key), "{call}: {message}");
    }
    for call in [
        "rs_train_segments(2000000000)",
        r#"rs_train_segments(params => '{"n_init": 1000000000}')"#,
        r#"rs_train_segments(params => '{"k_max": 1000000000}')"#,
        r#"rs_train_segments(params => '{"max_iter": 0}')"#,
    ] {
        let (code, message) = failure(&mut client, &format!("SELECT {call}"));
        assert_eq!(code, "22023", "{call}: {message}");
    }
    witness.assert_alive();
}
