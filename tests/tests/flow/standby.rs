//! Where nothing may be written: a hot standby, and the workers of a parallel plan.

use crate::shop::*;
use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{Cluster, query_one, rows_as_text};
use std::time::Duration;

/// What models say, to the last bit.
fn answers(client: &mut Client) -> Vec<Vec<Vec<Option<String>>>> {
    let customer = "(SELECT min(customer_id) FROM rs_predict_churn())";
    [
        "SELECT * FROM rs_predict_churn() ORDER BY 1".to_owned(),
        format!("SELECT * FROM rs_predict_churn({customer})"),
        "SELECT p.* FROM (SELECT to_jsonb(f) AS f FROM rs_customer_features('2024-12-01') AS f ORDER BY customer_id LIMIT 20) AS o,
             rs_predict_churn(o.f) AS p".to_owned(),
        format!("SELECT * FROM rs_explain_churn({customer})"),
        "SELECT * FROM rs_segment_customers() ORDER BY 1".to_owned(),
        format!("SELECT * FROM rs_segment_customer({customer})"),
        "SELECT * FROM rs_segment_customer(30, 4, 500)".to_owned(),
        "SELECT * FROM rs_segment_profiles()".to_owned(),
        "SELECT * FROM rs_segment_migration()".to_owned(),
        "SELECT * FROM rs_models()".to_owned(),
        "SELECT * FROM rs_data_quality()".to_owned(),
        "SELECT * FROM rs_daily_features()".to_owned(),
        "SELECT * FROM rs_customer_features('2024-12-01')".to_owned(),
        "SELECT rs_model_to_sql(1)".to_owned(),
        "SELECT * FROM rs_verify_no_leak(1)".to_owned(),
        "SELECT rs_verify_model(1)".to_owned(),
        "SELECT * FROM rs_churn_frame('2024-07-05')".to_owned(),
        "SELECT * FROM rs_rules(NULL, NULL)".to_owned(),
        "SELECT r.* FROM (SELECT DISTINCT antecedent[1] AS item FROM rs_rules(NULL, NULL) ORDER BY 1 LIMIT 5) AS o, rs_rules(o.item) AS r".to_owned(),
        "SELECT r.* FROM (SELECT antecedent FROM rs_rules(NULL, 9)) AS o, rs_recommend(o.antecedent, 7) AS r".to_owned(),
        "SELECT * FROM rs_model_rules((SELECT max(model_id) FROM rs_models('baskets')))".to_owned(),
        "SELECT * FROM rs_frequent_itemsets('SELECT invoice_no, product_key FROM retailscope.fact_sales', 0.01)".to_owned(),
        "SELECT * FROM rs_forecast_revenue()".to_owned(),
        "SELECT * FROM rs_forecast_series('units', 9, 0.8)".to_owned(),
        "SELECT * FROM rs_forecast_products(5, 20)".to_owned(),
        "SELECT * FROM rs_forecast_reconciled(5, model => 'ets')".to_owned(),
        "SELECT model, fold, n, mae, coverage FROM rs_backtest(models => '{ets,seasonal_naive}', horizon => 7, folds => 2)".to_owned(),
        "SELECT * FROM rs_forecast('SELECT date, orders FROM retailscope.mart_daily_kpis', 5, 'ets')".to_owned(),
    ]
    .iter()
    .map(|sql| rows_as_text(client, sql))
    .collect()
}

/// Waits until the standby has all that the primary has.
fn until_replayed(primary: &mut Client, standby: &mut Client) {
    let position = query_one(primary, "SELECT pg_current_wal_lsn()");
    let sql = format!("SELECT pg_last_wal_replay_lsn() >= '{position}'");
    for _ in 0..1000 {
        if query_one(standby, &sql) == "t" {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("the standby does not follow");
}

#[test]
fn a_hot_standby_predicts_the_same_and_writes_nothing() {
    let primary = Cluster::start(&["wal_level = replica", "hot_standby = on"]);
    let mut client = primary.fresh("shop");
    client
        .batch_execute("SELECT rs_generate_sales(200, 500); SELECT rs_refresh_marts()")
        .unwrap();
    assert_eq!(train(&mut client, "logistic_regression", ""), 1);
    let standby = primary.standby();
    let mut copy = standby.connect("shop");
    assert_eq!(query_one(&mut copy, "SELECT pg_is_in_recovery()"), "t");
    // Trained after the copy was made: it comes by the log.
    assert_eq!(train(&mut client, "xgboost", ""), 2);
    client
        .batch_execute(
            "SELECT rs_promote(2); SELECT rs_train_segments(4); SELECT rs_mine_rules(0.01, 0.1);
             SELECT rs_train_forecast(model => 'ets'); SELECT rs_train_forecast('units', 'seasonal_naive')",
        )
        .unwrap();
    until_replayed(&mut client, &mut copy);
    let expected = answers(&mut client);
    for (then, now) in expected.iter().zip(answers(&mut copy)) {
        assert_eq!(*then, now);
    }
    for call in [
        "rs_train_churn()".to_owned(),
        training("logistic_regression", r#""nowait": true"#),
        "rs_train_segments()".to_owned(),
        "rs_promote(1)".to_owned(),
        "rs_rollback('churn')".to_owned(),
        "rs_drop_model(1)".to_owned(),
        "rs_refresh_segments()".to_owned(),
        "rs_mine_rules()".to_owned(),
        r#"rs_mine_rules(options => '{"nowait": true}')"#.to_owned(),
        "rs_refresh_rules()".to_owned(),
        "rs_train_forecast()".to_owned(),
        "rs_generate_holidays('GB', 2020, 2021)".to_owned(),
    ] {
        let (code, message) = failure(&mut copy, &format!("SELECT {call}"));
        assert_eq!(code, "25006", "{call}: {message}");
        // The same in a session of the primary that may not write.
        let (code, message) = failure(&mut client, &format!("BEGIN READ ONLY; SELECT {call}"));
        assert_eq!(code, "25006", "{call}: {message}");
        client.batch_execute("ROLLBACK").unwrap();
    }
    // A session of the standby that has a model sees the next one.
    client.batch_execute("SELECT rs_promote(1)").unwrap();
    until_replayed(&mut client, &mut copy);
    assert_eq!(serving(&mut copy), "1");
    // It takes over.
    drop(client);
    primary.stop("immediate");
    query_one(&mut copy, "SELECT pg_promote()");
    // Numbers may be left out there: a sequence is logged some values ahead.
    let fresh = train(&mut copy, "logistic_regression", "");
    let bytes = bytes_of(&mut copy, 1);
    assert_eq!(bytes_of(&mut copy, fresh), bytes);
}

#[test]
fn predictions_of_parallel_plans_are_the_same() {
    let mut client = trained("parallel");
    client
        .batch_execute(
            "SELECT rs_mine_rules(0.01, 0.1); SELECT rs_refresh_marts();
             SELECT rs_train_forecast(model => 'ets'); SELECT rs_train_forecast('units', 'seasonal_naive')",
        )
        .unwrap();
    let expected = answers(&mut client);
    let setting = if query_one(
        &mut client,
        "SELECT current_setting('server_version_num')::int >= 160000",
    ) == "t"
    {
        "debug_parallel_query"
    } else {
        "force_parallel_mode"
    };
    client
        .batch_execute(&format!(
            "SET {setting} = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
             SET max_parallel_workers_per_gather = 4"
        ))
        .unwrap();
    // It is a worker that predicts, and one that advises.
    for call in [
        "rs_predict_churn()",
        "rs_rules()",
        "rs_recommend('{}')",
        "rs_model_rules(6)",
        "rs_forecast_revenue()",
        "rs_forecast_series('units')",
    ] {
        let plan = rows_as_text(
            &mut client,
            &format!("EXPLAIN (COSTS OFF) SELECT * FROM {call}"),
        )
        .concat();
        assert!(plan[0].as_deref().unwrap().contains("Gather"), "{plan:?}");
    }
    for (then, now) in expected.iter().zip(answers(&mut client)) {
        assert_eq!(*then, now);
    }
    // One prediction per row of a scan that workers share.
    let by_workers = "SELECT c.customer_id, p.churn_probability, s.segment_id
         FROM retailscope.dim_customer AS c, rs_predict_churn(c.customer_id) AS p, rs_segment_customer(c.customer_id) AS s
         WHERE c.first_sale_date IS NOT NULL AND customer_key % 8 = 0 ORDER BY 1";
    let shared = rows_as_text(&mut client, by_workers);
    let advice = "SELECT p.stock_code, r.* FROM retailscope.dim_product AS p, rs_recommend(ARRAY[p.stock_code]) AS r ORDER BY 1, score DESC, item";
    let advised = rows_as_text(&mut client, advice);
    client
        .batch_execute(&format!(
            "SET {setting} = off; SET max_parallel_workers_per_gather = 0"
        ))
        .unwrap();
    assert!(shared.len() > 30);
    assert_eq!(rows_as_text(&mut client, by_workers), shared);
    assert!(advised.len() > 100);
    assert_eq!(rows_as_text(&mut client, advice), advised);
}
