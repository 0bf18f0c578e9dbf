//! Limits and abuse: whatever the arguments, the moment or the size, an answer or a clear error, and a server that lives.

use crate::edge_values::*;
use crate::support::*;
use retailscope_system_tests::{error_text, hint, sqlstate};

#[test]
fn every_function_survives_every_value() {
    let cluster = cluster();
    let mut client = cluster.fresh("values");
    let mut witness = Witness::new(cluster, "values");
    let path = csv(cluster, "values.csv", &lines(0, 50));
    ingest(&mut client, &file(&path, "{}"));
    client
        .batch_execute(
            "SELECT rs_refresh_marts(); SELECT rs_generate_sales(60, 300); SELECT rs_train_churn('logistic_regression', 30);
             SELECT rs_train_segments(3); SELECT rs_mine_rules(0.01, 0.1); SELECT rs_refresh_marts(); SELECT rs_train_forecast(model => 'ets');
             SET statement_timeout = '3s'",
        )
        .unwrap();
    let good = format!("'{}'", path.display());
    let mut calls = Vec::new();
    for document in documents() {
        calls.push(format!("SELECT rs_ingest_file({good}, {document})"));
        calls.push(format!("SELECT rs_ingest_file({good}, '{{}}', {document})"));
        calls.push(format!("SELECT rs_ingest_table('pg_class', {document})"));
        calls.push(format!(
            "SELECT rs_ingest_table('retailscope.fact_sales', '{{}}', {document})"
        ));
    }
    for path in PATHS {
        for function in [
            "SELECT rs_ingest_file",
            "SELECT rs_load_lake",
            "SELECT rs_export_lake",
            "CALL rs_run_pipeline",
        ] {
            calls.push(format!("{function}({path})"));
        }
    }
    for relation in RELATIONS {
        calls.push(format!("SELECT rs_ingest_table({relation})"));
    }
    for a in INTEGERS {
        for b in INTEGERS {
            calls.push(format!(
                "SELECT rs_generate_sales({a}, {b}, 9223372036854775807)"
            ));
        }
        calls.push(format!("SELECT rs_generate_sales(2, 2, {a})"));
    }
    for date in DATES {
        for incremental in BOOLEANS {
            calls.push(format!("SELECT rs_refresh_marts({date}, {incremental})"));
        }
        calls.push(format!("SELECT count(*) FROM rs_customer_features({date})"));
        calls.push(format!("SELECT count(*) FROM rs_daily_features({date})"));
    }
    for arguments in [
        "NULL, NULL",
        "'postgres', NULL",
        "'postgres', ''",
        "0::oid::regrole, 'reader'",
        "'postgres', 'root'",
    ] {
        calls.push(format!("SELECT rs_grant_access({arguments})"));
    }
    calls.extend(of_models());
    calls.extend(of_baskets());
    calls.extend(of_forecasts());
    for call in [
        "rs_lake_sweep()",
        "rs_lake_status()",
        "rs_data_quality()",
        "rs_create_warehouse()",
    ] {
        calls.push(format!("SELECT {call}"));
    }
    let mut surprises = Vec::new();
    for call in &calls {
        if let Err(error) = client.batch_execute(call) {
            let code = sqlstate(&error);
            let class = code.get(..2).unwrap_or_default();
            if !matches!(class, "22" | "42" | "54" | "55" | "57" | "58") {
                surprises.push(format!("{code} {:.200}: {:.90}", error_text(&error), call));
            }
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    witness.assert_alive();
    assert_eq!(threads(pid(&mut client)), 1);
    client
        .batch_execute("RESET statement_timeout; SELECT rs_refresh_marts(NULL, false)")
        .unwrap();
    assert_quality(&mut client);
}

/// Calls of the functions for models with each value of each argument.
fn of_models() -> Vec<String> {
    let mut calls = Vec::new();
    let mut add = |call: String| calls.push(format!("SELECT {call}"));
    for date in DATES {
        for days in INTEGERS {
            add(format!("rs_churn_frame({date}, {days})"));
        }
    }
    for n in INTEGERS {
        add(format!("rs_train_segments({n})"));
        add(format!("rs_train_churn('logistic_regression', {n})"));
        add(format!(
            "rs_train_churn('logistic_regression', 30, '{{}}', {n})"
        ));
    }
    for n in LONG_INTEGERS {
        for function in [
            "rs_verify_model",
            "rs_verify_no_leak",
            "rs_model_to_sql",
            "rs_drop_model",
            "rs_promote",
        ] {
            add(format!("{function}({n})"));
        }
        add(format!("rs_train_segments(3, seed => {n})"));
        add(format!(
            "rs_train_churn('xgboost', 30, '{{\"n_estimators\": 3}}', {n})"
        ));
    }
    for word in WORDS.iter().chain(&PATHS) {
        for function in [
            "rs_predict_churn",
            "rs_explain_churn",
            "rs_segment_customer",
            "rs_models",
            "rs_rollback",
            "rs_lock_task",
            "rs_train_churn",
        ] {
            add(format!("{function}({word})"));
        }
        add(format!("rs_train_segments(3, {word})"));
    }
    for document in documents() {
        add(format!("rs_predict_churn({document}::jsonb)"));
        for algorithm in [
            "auto",
            "logistic_regression",
            "random_forest",
            "adaboost",
            "xgboost",
        ] {
            add(format!("rs_train_churn('{algorithm}', 30, {document})"));
        }
        for algorithm in ["kmeans", "gaussian_mixture"] {
            add(format!("rs_train_segments(3, '{algorithm}', {document})"));
        }
    }
    for a in FLOATS {
        for b in FLOATS {
            for c in FLOATS {
                add(format!("rs_segment_customer({a}, {b}, {c})"));
            }
        }
    }
    calls
}

/// Calls of the functions for baskets with each value of each argument.
fn of_baskets() -> Vec<String> {
    let mut calls = Vec::new();
    let mut add = |call: String| calls.push(format!("SELECT {call}"));
    let few = "SELECT b, i FROM generate_series(1, 40) AS b, generate_series(1, b % 9) AS i";
    for value in FLOATS {
        for arguments in [
            value.to_owned(),
            format!("0.1, {value}"),
            format!("0.1, 0.3, {value}"),
        ] {
            add(format!("rs_mine_rules({arguments})"));
        }
        add(format!("rs_frequent_itemsets('{few}', {value})"));
    }
    for n in INTEGERS {
        add(format!("rs_mine_rules(0.02, 0.3, 1, {n})"));
        add(format!("rs_frequent_itemsets('{few}', 0.1, {n})"));
        add(format!("rs_rules(NULL, {n})"));
        for list in LISTS {
            add(format!("rs_recommend({list}, {n})"));
        }
    }
    for from in DATES {
        for to in DATES {
            add(format!(
                "rs_mine_rules(0.02, from_date => {from}, to_date => {to})"
            ));
        }
    }
    for n in LONG_INTEGERS {
        add(format!("rs_model_rules({n})"));
    }
    for word in WORDS.iter().chain(&PATHS) {
        add(format!("rs_rules({word})"));
        add(format!("rs_stock_codes({word})"));
        add(format!("rs_mine_rules(0.02, algorithm => {word})"));
        add(format!("rs_frequent_itemsets({word}, 0.1)"));
        add(format!("rs_frequent_itemsets('{few}', 0.1, 3, {word})"));
    }
    for document in documents() {
        add(format!("rs_mine_rules(0.02, options => {document})"));
        add(format!(
            "rs_frequent_itemsets('{few}', 0.1, options => {document})"
        ));
    }
    add("rs_refresh_rules()".to_owned());
    calls
}

/// Calls of the functions for forecasts with each value of each argument.
fn of_forecasts() -> Vec<String> {
    let mut calls = Vec::new();
    let mut add = |call: String| calls.push(format!("SELECT {call}"));
    let few = "$q$SELECT i % 5, date '2020-01-01' + i, i FROM generate_series(1, 200) AS i$q$";
    for n in INTEGERS {
        add(format!(
            "rs_train_forecast(model => 'naive', horizon => {n})"
        ));
        add(format!("rs_forecast_revenue({n})"));
        add(format!("rs_forecast_demand('22423', {n})"));
        add(format!("rs_forecast({few}, {n}, 'naive')"));
        add(format!(
            "rs_forecast({few}, 3, 'naive', season_length => {n})"
        ));
        add(format!("rs_forecast_products({n}, 3, 'naive')"));
        add(format!("rs_forecast_products(3, {n}, 'naive')"));
        add(format!("rs_forecast_reconciled({n}, model => 'naive')"));
        add(format!(
            "rs_backtest(models => '{{naive}}', horizon => {n}, folds => 2)"
        ));
        add(format!(
            "rs_backtest(models => '{{naive}}', horizon => 7, folds => {n})"
        ));
        add(format!(
            "rs_backtest(models => '{{naive}}', horizon => 7, folds => 2, step => {n})"
        ));
        add(format!("rs_generate_holidays('GB', {n})"));
        add(format!("rs_generate_holidays('GB', 2000, {n})"));
        for m in INTEGERS {
            add(format!("rs_time_series_split({n}, {m})"));
            add(format!("rs_time_series_split(100, 3, {n}, {m})"));
        }
    }
    for seed in LONG_INTEGERS {
        add(format!(
            "rs_train_forecast(model => 'naive', seed => {seed})"
        ));
    }
    for level in FLOATS {
        add(format!("rs_forecast_revenue(3, {level})"));
        add(format!("rs_forecast({few}, 3, 'naive', {level})"));
        add(format!("rs_forecast_products(3, 3, 'naive', {level})"));
        add(format!(
            "rs_forecast_reconciled(3, level => {level}, model => 'naive')"
        ));
        let values = format!(
            "$q$SELECT date '2020-01-01' + i, CASE i WHEN 7 THEN {level} ELSE i END::float8 FROM generate_series(1, 40) AS i$q$"
        );
        for model in ["naive", "ets", "auto"] {
            add(format!("rs_forecast({values}, 3, '{model}')"));
        }
    }
    for word in WORDS.iter().chain(&PATHS) {
        add(format!("rs_train_forecast({word}, 'naive')"));
        add(format!("rs_train_forecast('revenue', {word})"));
        add(format!("rs_forecast_series({word})"));
        add(format!("rs_forecast_demand({word})"));
        add(format!("rs_forecast({word}, 3, 'naive')"));
        add(format!("rs_forecast({few}, 3, {word})"));
        add(format!("rs_forecast({few}, 3, 'naive', freq => {word})"));
        add(format!(
            "rs_forecast_reconciled(3, {word}, model => 'naive')"
        ));
        add(format!("rs_backtest({word}, '{{naive}}', 7, 2)"));
        add(format!(
            "rs_backtest('units', '{{naive}}', 7, 2, window_type => {word})"
        ));
        add(format!("rs_generate_holidays({word}, 2020, 2021)"));
        add(format!("rs_daily_features(NULL, {word})"));
    }
    for list in LISTS {
        add(format!("rs_backtest('units', {list}, 7, 2)"));
    }
    for document in documents() {
        add(format!(
            "rs_train_forecast('units', 'naive', 7, {document})"
        ));
        add(format!(
            "rs_backtest('units', '{{naive}}', 7, 2, params => {document})"
        ));
        add(format!(
            "rs_forecast({few}, 3, 'naive', params => {document})"
        ));
        add(format!(
            "rs_forecast_products(3, 2, 'naive', params => {document})"
        ));
        add(format!(
            "rs_forecast_reconciled(3, model => 'naive', params => {document})"
        ));
    }
    calls
}

#[test]
fn deep_json_is_an_error_and_not_an_overflow() {
    let cluster = cluster();
    let mut client = cluster.fresh("deep_json");
    let mut witness = Witness::new(cluster, "deep_json");
    let path = csv(cluster, "deep.csv", &lines(0, 10));
    for document in [nested_arrays(100_000), nested_objects(100_000)] {
        for arguments in [document.clone(), format!("'{{}}', {document}")] {
            for call in [
                format!("rs_ingest_file('{}', {arguments})", path.display()),
                format!("rs_ingest_table('pg_class', {arguments})"),
                format!("rs_train_churn('auto', 30, {document})"),
                format!("rs_train_segments(3, 'kmeans', {document})"),
                format!("rs_predict_churn({document}::jsonb)"),
                format!("rs_mine_rules(options => {document})"),
                format!("rs_frequent_itemsets('SELECT 1, 2', 1, options => {document})"),
                format!("rs_train_forecast(params => {document})"),
                format!("rs_backtest(params => {document})"),
                format!("rs_forecast_products(params => {document})"),
                format!("rs_forecast_reconciled(params => {document})"),
                format!("rs_forecast('SELECT now(), 2', 1, params => {document})"),
            ] {
                let error = client.batch_execute(&format!("SELECT {call}")).unwrap_err();
                let code = sqlstate(&error);
                assert!(
                    matches!(code.as_str(), "54001" | "22023"),
                    "{code} {}: {call:.60}",
                    error_text(&error)
                );
                assert!(!hint(&error).is_empty(), "{}", error_text(&error));
            }
        }
    }
    witness.assert_alive();
    assert_eq!(ingest(&mut client, &file(&path, "{}")).loaded, 10);
}

#[test]
fn huge_and_deep_rules_are_refused_by_name() {
    let cluster = cluster();
    let mut client = cluster.fresh("huge_rules");
    let mut witness = Witness::new(cluster, "huge_rules");
    let path = csv(cluster, "huge_rules.csv", &lines(0, 10));
    // The index of the constraint would refuse the longest.
    client
        .batch_execute(
            "SET statement_timeout = '10s'; ALTER TABLE retailscope.clean_rule DROP CONSTRAINT clean_rule_field_pattern_key",
        )
        .unwrap();
    for (name, pattern) in [
        ("deep", "repeat('(', 100000) || 'a' || repeat(')', 100000)"),
        ("deep repeats", "'a' || repeat('{2}', 100000)"),
        ("wide", "'((a{1000}){1000}){1000}'"),
        ("classes", "repeat('\\w', 100000)"),
        ("choices", "repeat('ab|', 1000000) || 'c'"),
    ] {
        client
            .batch_execute(&format!(
                "INSERT INTO retailscope.clean_rule (field, pattern, line_kind, note) VALUES ('stock_code', {pattern}, 'fee', 'huge')"
            ))
            .unwrap();
        let error = try_ingest(&mut client, &file(&path, "{}")).unwrap_err();
        assert_eq!(
            sqlstate(&error),
            "22023",
            "{name}: {:.300}",
            error_text(&error)
        );
        assert!(
            error_text(&error).contains("stock_code"),
            "{name}: {:.300}",
            error_text(&error)
        );
        witness.assert_alive();
        client
            .batch_execute("DELETE FROM retailscope.clean_rule WHERE note = 'huge'")
            .unwrap();
    }
    assert_eq!(ingest(&mut client, &file(&path, "{}")).loaded, 10);
}
