//! Models as their users meet them: who may train, predict and look, what hidden rows mean, and when a promotion is seen.

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
    let answers = format!(
        "SELECT * FROM rs_predict_churn() ORDER BY 1; SELECT * FROM rs_predict_churn('{customer}'); SELECT * FROM rs_explain_churn('{customer}');
         SELECT * FROM rs_segment_customers() ORDER BY 1; SELECT * FROM rs_segment_customer('{customer}'); SELECT * FROM rs_segment_customer(1, 2, 3);
         SELECT * FROM rs_segment_profiles(); SELECT * FROM rs_segment_migration()"
    );
    let judging = [
        "SELECT rs_models()",
        "SELECT rs_model_to_sql(1)",
        "SELECT rs_verify_model(2)",
        "SELECT rs_verify_no_leak(2)",
        "SELECT rs_churn_frame(rs_default_as_of() - 30, 30)",
        "SELECT count(*) FROM retailscope.model_metric",
        "SELECT count(*) FROM retailscope.model_curve",
        "SELECT count(*) FROM retailscope.model_importance",
    ];
    let training = [
        "SELECT rs_train_churn('logistic_regression', 30)",
        "SELECT rs_train_segments(3)",
        "SELECT rs_refresh_segments()",
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
            "SELECT rs_promote({trained}); SELECT rs_rollback('churn'); SELECT rs_drop_model({trained}); SELECT rs_train_segments(4)"
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
                    FROM retailscope.mart_customer_segments AS m";
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
        "ALTER ROLE hidden_admin BYPASSRLS; SET ROLE hidden_admin; SELECT rs_train_churn('logistic_regression', 30); SELECT rs_train_segments(3)",
    );
    // The refusals have left the session's own setting alone.
    assert_eq!(query_one(&mut db, "SHOW row_security"), "on");
}

/// R08, R30: a prepared prediction follows a promotion of another session with its next execution, a rollback takes it back, and
/// an index on a prediction is refused.
#[test]
fn a_promotion_is_seen_by_the_next_statement_of_all() {
    let mut db = shared().fresh("promotions");
    run(&mut db, TRAINED);
    let mut other = shared().connect("promotions");
    let customer = query_one(&mut db, "SELECT min(customer_id) FROM rs_predict_churn()");
    run(
        &mut db,
        &format!(
            "SET plan_cache_mode = force_generic_plan;
             PREPARE one AS SELECT model_id FROM rs_predict_churn('{customer}');
             PREPARE every AS SELECT DISTINCT model_id FROM rs_predict_churn()"
        ),
    );
    let expect = |db: &mut Client, model: &str| {
        for _ in 0..2 {
            for sql in ["EXECUTE one", "EXECUTE every"] {
                assert_eq!(query_one(db, sql), model, "{sql}");
            }
        }
    };
    expect(&mut db, "2");
    run(&mut other, "BEGIN; SELECT rs_promote(1)");
    expect(&mut db, "2");
    assert_eq!(serving(&mut other), "1");
    run(&mut other, "ROLLBACK");
    expect(&mut db, "2");
    assert_eq!(serving(&mut other), "2");
    run(&mut other, "SELECT rs_promote(1)");
    expect(&mut db, "1");
    run(&mut other, "SELECT rs_rollback('churn')");
    expect(&mut db, "2");
    // A statement that began before keeps its answer, and so does a transaction of one snapshot.
    run(
        &mut db,
        "BEGIN ISOLATION LEVEL REPEATABLE READ; EXECUTE one",
    );
    run(&mut other, "SELECT rs_promote(1)");
    expect(&mut db, "2");
    run(&mut db, "COMMIT");
    expect(&mut db, "1");
    for index in [
        "CREATE INDEX ON retailscope.dim_customer ((rs_model_to_sql(customer_key)))",
        "CREATE INDEX ON retailscope.dim_customer ((rs_default_as_of()))",
    ] {
        assert_eq!(code(&mut db, index), "42P17", "{index}");
    }
}

/// R44: with parallel workers forced upon every query the answers are the same.
#[test]
fn predictions_are_the_same_in_parallel_workers() {
    let mut db = shared().fresh("parallel_models");
    run(&mut db, TRAINED);
    let answers = "SELECT p.* FROM rs_predict_churn() AS p ORDER BY 1;
        SELECT s.* FROM rs_segment_customers() AS s ORDER BY 1;
        SELECT c.customer_id, p.*, s.* FROM retailscope.dim_customer AS c, rs_predict_churn(c.customer_id) AS p, rs_segment_customer(c.customer_id) AS s
        WHERE c.first_sale_date IS NOT NULL ORDER BY 1;
        SELECT * FROM rs_segment_profiles(); SELECT model_id, value FROM rs_models();
        SELECT md5(rs_model_to_sql(1)); SELECT rs_verify_model(2)";
    let alone = table(&mut db, answers);
    let mut db = shared().connect("parallel_models");
    run(
        &mut db,
        "SET force_parallel_mode = on; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0",
    );
    assert_eq!(table(&mut db, answers), alone);
}
