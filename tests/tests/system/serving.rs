//! Models as their users meet them: who may train, predict and look, what hidden rows mean, and what a training holds.

use crate::models::TRAINED;
use crate::support::{fails, run, shared, table};
use postgres::Client;
use retailscope_system_tests::{error_text, hint, query_one, sqlstate};

/// The SQLSTATE of a call that must fail.
fn code(db: &mut Client, sql: &str) -> String {
    sqlstate(&fails(db, sql))
}

fn serving(db: &mut Client) -> String {
    query_one(db, "SELECT DISTINCT model_id FROM rs_predict_churn()")
}

/// R15: a reader asks and explains, an analyst also sees how good a model is, an admin trains and promotes; each under SET ROLE.
#[test]
fn readers_ask_analysts_judge_and_admins_train() {
    let mut db = shared().fresh("levels");
    run(&mut db, TRAINED);
    for level in ["reader", "analyst", "admin"] {
        run(
            &mut db,
            &format!(
                "CREATE ROLE levels_{level}; SELECT rs_grant_access('levels_{level}', '{level}')"
            ),
        );
    }
    let customer = query_one(&mut db, "SELECT min(customer_id) FROM rs_predict_churn()");
    let product = query_one(&mut db, "SELECT antecedent[1] FROM rs_rules()");
    let answers = format!(
        "SELECT * FROM rs_predict_churn() ORDER BY 1; SELECT * FROM rs_predict_churn('{customer}'); SELECT * FROM rs_explain_churn('{customer}');
         SELECT * FROM rs_segment_customers() ORDER BY 1; SELECT * FROM rs_segment_customer('{customer}'); SELECT * FROM rs_segment_customer(1, 2, 3);
         SELECT * FROM rs_segment_profiles(); SELECT * FROM rs_segment_migration(); SELECT * FROM rs_rules(n => NULL);
         SELECT * FROM rs_rules('{product}'); SELECT * FROM rs_recommend(ARRAY['{product}'], 20); SELECT rs_stock_codes('{product}');
         SELECT * FROM rs_frequent_itemsets('SELECT invoice_no, product_key FROM retailscope.fact_sales', 0.02)"
    );
    let judging = [
        "SELECT rs_models()",
        "SELECT rs_model_to_sql(1)",
        "SELECT rs_verify_model(2)",
        "SELECT rs_verify_no_leak(2)",
        "SELECT rs_model_rules(4)",
        "SELECT rs_churn_frame(rs_default_as_of() - 30, 30)",
        "SELECT count(*) FROM retailscope.model_metric",
        "SELECT count(*) FROM retailscope.model_curve",
        "SELECT count(*) FROM retailscope.model_importance",
    ];
    let training = [
        "SELECT rs_train_churn('logistic_regression', 30)",
        "SELECT rs_train_segments(3)",
        "SELECT rs_refresh_segments()",
        "SELECT rs_mine_rules(0.05)",
        "SELECT rs_refresh_rules()",
        "DELETE FROM retailscope.mart_association_rules",
        "SELECT rs_promote(1)",
        "SELECT rs_rollback('churn')",
        "SELECT rs_drop_model(1)",
        "SELECT rs_lock_task('churn')",
        "UPDATE retailscope.model SET status = status",
        "INSERT INTO retailscope.model_deployment (task, model_id, action, reason) VALUES ('churn', 1, 'promote', 'x')",
        "DELETE FROM retailscope.model_chunk",
    ];
    let expected = table(&mut db, &answers);
    assert!(expected.lines().count() > 100);
    for level in ["reader", "analyst", "admin"] {
        run(&mut db, &format!("SET ROLE levels_{level}"));
        assert_eq!(table(&mut db, &answers), expected, "{level}");
        for sql in judging {
            if level == "reader" {
                assert_eq!(code(&mut db, sql), "42501", "{level}: {sql}");
            } else {
                run(&mut db, sql);
            }
        }
        if level != "admin" {
            for sql in training {
                assert_eq!(code(&mut db, sql), "42501", "{level}: {sql}");
            }
        }
        run(&mut db, "RESET ROLE");
    }
    run(
        &mut db,
        "SET ROLE levels_admin; SELECT rs_train_churn('random_forest', 30, '{\"n_estimators\": 20}'); SELECT rs_promote(1)",
    );
    assert_eq!(serving(&mut db), "1");
    let trained = query_one(
        &mut db,
        "SELECT model_id FROM rs_models() WHERE algorithm = 'random_forest'",
    );
    run(
        &mut db,
        &format!(
            "SELECT rs_promote({trained}); SELECT rs_rollback('churn'); SELECT rs_drop_model({trained}); SELECT rs_train_segments(4);
             SELECT rs_mine_rules(0.05, 0.1); SELECT rs_rollback('baskets'); SELECT rs_refresh_rules()"
        ),
    );
    // Who did it is on record.
    let by = "SELECT DISTINCT deployed_by FROM retailscope.model_deployment WHERE model_id = 1 AND action = 'rollback'";
    assert_eq!(query_one(&mut db, by), "levels_admin");
}

/// R15: a role that sees only some rows predicts for its customers alone, and trains, refreshes and verifies nothing, because the
/// model would be everybody's.
#[test]
fn hidden_rows_are_neither_predicted_nor_trained_on() {
    let mut db = shared().fresh("hidden_models");
    run(&mut db, TRAINED);
    run(
        &mut db,
        "CREATE ROLE hidden_admin; SELECT rs_grant_access('hidden_admin', 'admin');
         ALTER TABLE retailscope.fact_sales ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON retailscope.fact_sales USING (customer_key % 3 = 1)",
    );
    let mine = table(
        &mut db,
        "SELECT customer_id FROM rs_predict_churn() JOIN retailscope.dim_customer USING (customer_id) WHERE customer_key % 3 = 1 ORDER BY 1",
    );
    let other = query_one(
        &mut db,
        "SELECT min(customer_id) FROM rs_predict_churn() JOIN retailscope.dim_customer USING (customer_id) WHERE customer_key % 3 <> 1",
    );
    assert!(mine.lines().count() > 10);
    let registry = "SELECT count(*), max(model_id) FROM retailscope.model; SELECT md5(string_agg(m::text, '' ORDER BY customer_id))
                    FROM retailscope.mart_customer_segments AS m; SELECT md5(string_agg(m::text, '' ORDER BY rank)) FROM retailscope.mart_association_rules AS m";
    let before = table(&mut db, registry);
    run(&mut db, "SET ROLE hidden_admin");
    for function in ["rs_predict_churn", "rs_segment_customers"] {
        let seen = format!("SELECT customer_id FROM {function}() ORDER BY 1");
        assert_eq!(table(&mut db, &seen), mine, "{function}");
    }
    for call in [
        "rs_predict_churn",
        "rs_explain_churn",
        "rs_segment_customer",
    ] {
        let error = fails(&mut db, &format!("SELECT {call}('{other}')"));
        assert_eq!(sqlstate(&error), "22023", "{call}");
        assert!(!hint(&error).is_empty());
    }
    for call in [
        "rs_train_churn('logistic_regression', 30)",
        "rs_train_churn('xgboost', 30, '{\"n_estimators\": 5, \"promote\": false}')",
        "rs_train_segments(3)",
        "rs_train_segments(3, params => '{\"promote\": false}')",
        "rs_refresh_segments()",
        "rs_mine_rules(0.02, 0.1)",
        "rs_mine_rules(0.02, 0.1, options => '{\"promote\": false, \"country\": \"France\"}')",
        "rs_verify_no_leak(2)",
    ] {
        let error = fails(&mut db, &format!("SELECT {call}"));
        assert_eq!(sqlstate(&error), "42501", "{call}: {}", error_text(&error));
        assert!(
            error_text(&error).contains("row-level security"),
            "{call}: {}",
            error_text(&error)
        );
    }
    run(&mut db, "RESET ROLE");
    assert_eq!(table(&mut db, registry), before);
    run(
        &mut db,
        "ALTER ROLE hidden_admin BYPASSRLS; SET ROLE hidden_admin; SELECT rs_train_churn('logistic_regression', 30); SELECT rs_train_segments(3);
         SELECT rs_mine_rules(0.02, 0.1)",
    );
    // The refusals have left the session's own setting alone.
    assert_eq!(query_one(&mut db, "SHOW row_security"), "on");
}

/// R35: a training holds no transaction id while it reads and computes, so that VACUUM goes on.
#[test]
fn training_computes_without_a_transaction_id() {
    let mut db = shared().fresh("without_xid");
    run(&mut db, "SELECT rs_generate_sales(500, 400)");
    let pid = query_one(&mut db, "SELECT pg_backend_pid()");
    let trainings = std::thread::spawn(move || {
        run(
            &mut db,
            "SELECT rs_train_churn('xgboost', 30, '{\"n_estimators\": 200}')",
        );
        run(
            &mut db,
            "SELECT rs_train_segments(NULL, 'kmeans', '{\"n_init\": 50}')",
        );
        run(
            &mut db,
            "SELECT rs_mine_rules(0.002, options => '{\"time_budget_ms\": 3000}')",
        );
    });
    let mut watcher = shared().connect("postgres");
    let sql = format!(
        "SELECT application_name, backend_xid FROM pg_stat_activity WHERE pid = {pid} AND application_name LIKE 'retailscope: %'"
    );
    let mut seen = 0;
    while !trainings.is_finished() {
        let now = table(&mut watcher, &sql);
        assert!(now.is_empty() || now.ends_with("| -\n"), "{now}");
        seen += usize::from(!now.is_empty());
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    trainings.join().unwrap();
    assert!(seen > 10, "{seen}");
}
