//! The registry: which model serves, since when and why, and who sees it.

use crate::shop::*;
use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{error_text, hint, query_one, rows_as_text, sqlstate};

/// A model that knows next to nothing.
const WEAK: &str = r#""features": ["mean_hour"]"#;

fn verdict(client: &mut Client, model: i64) -> String {
    let sql = format!("SELECT verdict FROM retailscope.model WHERE model_id = {model}");
    query_one(client, &sql)
}

/// The log as it is; it must begin with what it was.
fn grown_log(client: &mut Client, before: &[Vec<Option<String>>]) -> Vec<Vec<Option<String>>> {
    let log = rows_as_text(
        client,
        "SELECT * FROM retailscope.model_deployment ORDER BY deployment_id",
    );
    assert_eq!(&log[..before.len()], before, "the log was changed");
    // At most one model serves, and it is the one that the log says.
    let serving = rows_as_text(
        client,
        "SELECT model_id, status FROM rs_models('churn') WHERE serving OR status = 'serving'",
    );
    assert!(serving.len() <= 1, "{serving:?}");
    log
}

fn rollback(client: &mut Client) -> (i64, i64) {
    let row = client.query_one("SELECT serving, replaced FROM rs_rollback('churn')", &[]);
    let row = row.unwrap();
    (row.get(0), row.get(1))
}

fn promote(client: &mut Client, model: i64) {
    client
        .batch_execute(&format!("SELECT rs_promote({model})"))
        .unwrap_or_else(|e| panic!("{}", error_text(&e)));
}

#[test]
fn a_model_serves_if_it_is_better_and_says_why() {
    let mut client = shop("challengers");
    let weak = train(&mut client, "logistic_regression", WEAK);
    assert_eq!(verdict(&mut client, weak), "the first model of churn");
    let log = grown_log(&mut client, &[]);
    assert_eq!(log.len(), 1);
    assert_eq!(serving(&mut client), weak.to_string());

    let equal = train(&mut client, "logistic_regression", WEAK);
    let why = verdict(&mut client, equal);
    assert!(
        why.starts_with("not better by more than chance: ROC AUC "),
        "{why}"
    );
    assert!(
        why.contains(&format!("of model {weak} on the holdout of 2024-10-03")),
        "{why}"
    );
    assert_eq!(serving(&mut client), weak.to_string());
    assert_eq!(grown_log(&mut client, &log).len(), 1);

    let better = train(&mut client, "random_forest", "");
    let why = verdict(&mut client, better);
    assert!(why.starts_with("better: ROC AUC "), "{why}");
    assert_eq!(serving(&mut client), better.to_string());
    let log = grown_log(&mut client, &log);
    assert_eq!(log.len(), 2);
    assert!(log[1].contains(&Some(why)), "{log:?}");

    let unwanted = train(&mut client, "xgboost", r#""promote": false"#);
    assert_eq!(
        verdict(&mut client, unwanted),
        "params say not to promote it"
    );
    // It was trained on the days that the other one was evaluated on.
    let sql = r#"SELECT model_id FROM rs_train_churn('random_forest', 30, '{"cutoffs": ["2024-09-01"], "holdout": "2024-10-03", "promote": true}')"#;
    let other_horizon: i64 = client.query_one(sql, &[]).unwrap().get(0);
    let why = verdict(&mut client, other_horizon);
    assert!(why.contains("predicts 90 days and this one 30"), "{why}");
    assert_eq!(serving(&mut client), better.to_string());
    let statuses = query_one(
        &mut client,
        "SELECT string_agg(status, ' ' ORDER BY version) FROM retailscope.model",
    );
    assert_eq!(statuses, "retired candidate serving candidate candidate");
}

#[test]
fn models_are_taken_back_one_by_one() {
    let mut client = trained("taken_back");
    let (a, b, c) = (1, 2, 3);
    let mut log = grown_log(&mut client, &[]);
    promote(&mut client, b);
    promote(&mut client, c);
    // Again is no second time.
    promote(&mut client, c);
    assert_eq!(grown_log(&mut client, &log).len(), log.len() + 2);
    let in_use = format!("SELECT rs_drop_model({c})");
    assert_eq!(failure(&mut client, &in_use).0, "55006");
    assert_eq!(rollback(&mut client), (b, c));
    assert_eq!(serving(&mut client), b.to_string());
    assert_eq!(rollback(&mut client), (a, b));
    assert_eq!(serving(&mut client), a.to_string());
    log = grown_log(&mut client, &log);
    assert_eq!(log.len(), 6);
    let error = client
        .batch_execute("SELECT rs_rollback('churn')")
        .unwrap_err();
    assert_eq!(sqlstate(&error), "55000");
    assert_eq!(error_text(&error), "no model served 'churn' before model 1");
    assert!(hint(&error).contains("model_deployment"));
    // What was taken back is not what served before.
    promote(&mut client, c);
    assert_eq!(rollback(&mut client), (a, c));
    // One that is dropped is skipped, and its rows in the log stay.
    promote(&mut client, b);
    promote(&mut client, c);
    client
        .batch_execute(&format!("SELECT rs_drop_model({b})"))
        .unwrap();
    assert_eq!(rollback(&mut client), (a, c));
    let log = grown_log(&mut client, &log);
    assert!(log.iter().any(|row| row[2].as_deref() == Some("2")));
    for table in [
        "model_chunk",
        "model_metric",
        "model_importance",
        "model_curve",
    ] {
        let sql = format!("SELECT count(*) FROM retailscope.{table} WHERE model_id = {b}");
        assert_eq!(query_one(&mut client, &sql), "0", "{table}");
    }
    assert_eq!(failure(&mut client, "SELECT rs_promote(2)").0, "42704");
    assert_eq!(failure(&mut client, "SELECT rs_drop_model(2)").0, "42704");
    assert_eq!(
        failure(&mut client, "SELECT rs_rollback('nothing')").0,
        "55000"
    );
}

#[test]
fn a_promotion_is_seen_by_the_next_statement_of_every_session() {
    let mut client = trained("seen_at_once");
    let mut other = cluster().connect("seen_at_once");
    let customer = query_one(
        &mut client,
        "SELECT min(customer_id) FROM rs_predict_churn()",
    );
    other
        .batch_execute(&format!(
            "SET plan_cache_mode = force_generic_plan;
             PREPARE ask AS SELECT model_id, churn_probability FROM rs_predict_churn('{customer}');
             PREPARE ask_all AS SELECT DISTINCT model_id FROM rs_predict_churn();
             PREPARE why AS SELECT sum(contribution) FROM rs_explain_churn('{customer}')"
        ))
        .unwrap();
    let mut seen = |model: &str| {
        assert_eq!(query_one(&mut other, "EXECUTE ask"), model);
        assert_eq!(query_one(&mut other, "EXECUTE ask_all"), model);
        query_one(&mut other, "EXECUTE why")
    };
    let first = seen("1");
    promote(&mut client, 2);
    let second = seen("2");
    assert_ne!(first, second);
    client.batch_execute("BEGIN").unwrap();
    promote(&mut client, 3);
    // The transaction sees it itself, the others do not.
    assert_eq!(serving(&mut client), "3");
    seen("2");
    client.batch_execute("ROLLBACK").unwrap();
    assert_eq!(serving(&mut client), "2");
    seen("2");
    client.batch_execute("BEGIN; SAVEPOINT s").unwrap();
    promote(&mut client, 4);
    client.batch_execute("ROLLBACK TO s").unwrap();
    assert_eq!(serving(&mut client), "2");
    promote(&mut client, 3);
    client.batch_execute("COMMIT").unwrap();
    seen("3");
    // A snapshot that is older than the promotion keeps its model until it ends.
    let mut old = cluster().connect("seen_at_once");
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        .unwrap();
    assert_eq!(serving(&mut old), "3");
    promote(&mut client, 1);
    assert_eq!(serving(&mut old), "3");
    old.batch_execute("COMMIT").unwrap();
    assert_eq!(serving(&mut old), "1");
    assert_eq!(seen("1"), first);
    // An index would keep old answers for ever.
    client
        .batch_execute("CREATE TABLE callers (id text)")
        .unwrap();
    for call in [
        "(rs_predict_churn(id)).churn_probability",
        "(rs_segment_customer(id)).segment_id",
    ] {
        let (code, message) = failure(&mut client, &format!("CREATE INDEX ON callers (({call}))"));
        assert!(
            ["42P17", "0A000"].contains(&code.as_str()),
            "{code}: {message}"
        );
    }
    client
        .batch_execute(
            "CREATE FUNCTION risk_of(id text) RETURNS float8 LANGUAGE sql STABLE
             RETURN (SELECT churn_probability FROM rs_predict_churn(id))",
        )
        .unwrap();
    let (code, message) = failure(&mut client, "CREATE INDEX ON callers (risk_of(id))");
    assert_eq!(code, "42P17", "{message}");
}

#[test]
fn databases_with_models_of_one_number_do_not_mix() {
    let mut one = trained("one_of_two");
    let mut two = shop("two_of_two");
    assert_eq!(
        train(&mut two, "xgboost", r#""n_estimators": 3, "max_depth": 2"#),
        1
    );
    let (of_one, of_two) = (predictions(&mut one), predictions(&mut two));
    assert_ne!(of_one, of_two);
    for round in 0..3 {
        assert_eq!(predictions(&mut one), of_one, "{round}");
        assert_eq!(predictions(&mut two), of_two, "{round}");
        assert_eq!(serving(&mut one), "1");
        assert_eq!(serving(&mut two), "1");
    }
    // A number that comes again with another model: what a session has kept of the first is not taken for it.
    two.batch_execute(
        "DELETE FROM retailscope.model; ALTER TABLE retailscope.model ALTER COLUMN model_id RESTART",
    )
    .unwrap();
    let (code, message) = failure(&mut two, "SELECT rs_predict_churn()");
    assert_eq!(
        (code.as_str(), message.contains("no longer in the registry")),
        ("55000", true),
        "{message}"
    );
    let mut copier = cluster().connect("two_of_two");
    copier
        .batch_execute("TRUNCATE retailscope.model_deployment")
        .unwrap();
    assert_eq!(train(&mut copier, "logistic_regression", ""), 1);
    assert_eq!(predictions(&mut two), of_one);
}
