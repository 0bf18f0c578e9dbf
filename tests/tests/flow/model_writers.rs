//! Many sessions train, promote, drop, ask and load at once.

use crate::shop::*;
use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{error_text, query_one, rows_as_text, sqlstate};
use std::thread::JoinHandle;
use std::time::Duration;

const SMALL: &str = r#""n_estimators": 5"#;

/// Runs a statement in a session of its own.
fn begun(db: &str, sql: &str) -> JoinHandle<Result<(), postgres::Error>> {
    let mut client = cluster().connect(db);
    let sql = sql.to_owned();
    std::thread::spawn(move || client.batch_execute(&sql))
}

/// Waits until somebody waits for a task of the registry.
fn until_one_waits(client: &mut Client) {
    for _ in 0..400 {
        let waiting = query_one(
            client,
            "SELECT count(*) FROM pg_locks JOIN pg_database d ON d.oid = database
             WHERE locktype = 'advisory' AND NOT granted AND d.datname = current_database()",
        );
        if waiting != "0" {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("nobody waits");
}

fn versions(client: &mut Client) -> String {
    query_one(
        client,
        "SELECT string_agg(version::text, ' ' ORDER BY model_id) FROM retailscope.model WHERE task = 'churn'",
    )
}

#[test]
fn one_session_at_a_time_changes_models_of_a_task() {
    let db = "model_writers";
    let mut first = shop(db);
    let mut other = cluster().connect(db);
    // A training that is not committed: another one waits, and then meets the first as its champion.
    first.batch_execute("BEGIN").unwrap();
    assert_eq!(train(&mut first, "xgboost", SMALL), 1);
    let nowait = format!("SELECT {}", training("xgboost", r#""nowait": true"#));
    let (code, message) = failure(&mut other, &nowait);
    assert_eq!(code, "55P03", "{message}");
    assert!(message.contains("'churn'"), "{message}");
    let second = begun(db, &format!("SELECT {}", training("xgboost", SMALL)));
    until_one_waits(&mut other);
    // Segments are another task.
    other.batch_execute("SELECT rs_train_segments(4)").unwrap();
    // Nothing of it is seen yet.
    assert_eq!(versions(&mut other), "");
    assert_eq!(failure(&mut other, "SELECT rs_predict_churn()").0, "55000");
    first.batch_execute("COMMIT").unwrap();
    second.join().unwrap().unwrap();
    assert_eq!(versions(&mut other), "1 2");
    let verdict = query_one(
        &mut other,
        "SELECT verdict FROM retailscope.model WHERE task = 'churn' AND version = 2",
    );
    assert!(verdict.starts_with("not better"), "{verdict}");
    let candidate = query_one(
        &mut other,
        "SELECT max(model_id) FROM retailscope.model WHERE task = 'churn'",
    );

    // A training || the drop of a model, in both orders.
    first.batch_execute("BEGIN").unwrap();
    train(&mut first, "xgboost", SMALL);
    let drop_it = begun(db, &format!("SELECT rs_drop_model({candidate})"));
    until_one_waits(&mut other);
    first.batch_execute("COMMIT").unwrap();
    drop_it.join().unwrap().unwrap();
    assert_eq!(versions(&mut other), "1 3");
    let candidate = query_one(
        &mut other,
        "SELECT max(model_id) FROM retailscope.model WHERE task = 'churn'",
    );
    first
        .batch_execute(&format!("BEGIN; SELECT rs_drop_model({candidate})"))
        .unwrap();
    let waiting = begun(db, &format!("SELECT {}", training("xgboost", SMALL)));
    until_one_waits(&mut other);
    first.batch_execute("COMMIT").unwrap();
    waiting.join().unwrap().unwrap();
    // Who waited for a model that is dropped meanwhile is told.
    let candidate = query_one(
        &mut other,
        "SELECT max(model_id) FROM retailscope.model WHERE task = 'churn'",
    );
    first
        .batch_execute(&format!("BEGIN; SELECT rs_drop_model({candidate})"))
        .unwrap();
    let waiting = begun(db, &format!("SELECT rs_promote({candidate})"));
    until_one_waits(&mut other);
    first.batch_execute("COMMIT").unwrap();
    let error = waiting.join().unwrap().unwrap_err();
    assert_eq!(sqlstate(&error), "42704", "{}", error_text(&error));
    // A training that fails or is rolled back leaves nothing.
    let before = versions(&mut other);
    first.batch_execute("BEGIN").unwrap();
    train(&mut first, "xgboost", SMALL);
    first.batch_execute("ROLLBACK").unwrap();
    assert_eq!(versions(&mut other), before);
    assert_eq!(serving(&mut other), "1");
}

#[test]
fn sales_that_come_during_a_training_are_not_in_its_model() {
    let db = "during";
    let mut client = shop(db);
    let large = r#""n_estimators": 1500, "promote": false"#;
    let before = train(&mut client, "random_forest", large);
    let work = begun(db, &format!("SELECT {}", training("random_forest", large)));
    for attempt in 0.. {
        let phase = query_one(
            &mut client,
            "SELECT phase FROM retailscope.progress LIMIT 1",
        );
        if !["", "reading features"].contains(&phase.as_str()) {
            break;
        }
        assert!(
            attempt < 2000 && !work.is_finished(),
            "no phase of training was seen"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    // They would change features and labels of every frame.
    let sold = sell(
        &mut client,
        "SELECT 'N' || customer_id, '10002', 'A THING', '7', '2024-03-03 10:00', '99.00', customer_id, 'France'
         FROM rs_customer_features('2024-10-03')",
    );
    assert!(sold.loaded > 300);
    // It computes without a transaction id, which would keep others from cleaning up behind it.
    let held = query_one(
        &mut client,
        "SELECT count(backend_xid) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%rs_train_churn%' AND pid <> pg_backend_pid()",
    );
    assert_eq!(held, "0");
    assert!(
        !work.is_finished(),
        "the training was too quick for this test"
    );
    work.join().unwrap().unwrap();
    let during = before + 1;
    assert_eq!(
        data_hash(&mut client, during),
        data_hash(&mut client, before)
    );
    assert_eq!(bytes_of(&mut client, during), bytes_of(&mut client, before));
    let changed = rows_as_text(
        &mut client,
        &format!("SELECT * FROM rs_verify_no_leak({during})"),
    );
    assert!(!changed.is_empty());
    let after = train(
        &mut client,
        "random_forest",
        r#""n_estimators": 5, "promote": false"#,
    );
    assert_ne!(
        data_hash(&mut client, after),
        data_hash(&mut client, before)
    );
}

/// Minings wait for one another as trainings do, and mine what is committed when their turn comes.
#[test]
fn one_session_at_a_time_mines_what_was_sold_before() {
    let db = "miners";
    let mut first = shop(db);
    let mut other = cluster().connect(db);
    let mine = "SELECT rs_mine_rules(0.01, 0.1)";
    first.batch_execute(&format!("BEGIN; {mine}")).unwrap();
    let (code, message) = failure(
        &mut other,
        r#"SELECT rs_mine_rules(options => '{"nowait": true}')"#,
    );
    assert_eq!(code, "55P03", "{message}");
    assert!(message.contains("'baskets'"), "{message}");
    // Nothing of it is seen yet, and no other task waits.
    assert_eq!(failure(&mut other, "SELECT rs_rules()").0, "55000");
    assert_eq!(failure(&mut other, "SELECT rs_recommend('{}')").0, "55000");
    train(&mut other, "xgboost", SMALL);
    let second = begun(db, mine);
    until_one_waits(&mut other);
    // Sold while the second one waits: these are in its rules, not in those of the first.
    let sold = sell(
        &mut other,
        "SELECT 'N' || n, c, 'A THING', '7', '2024-12-31 10:00', '99.00', '12347', 'France'
         FROM generate_series(1, 1000) AS n, unnest('{10002,99999}'::text[]) AS c",
    );
    assert_eq!(sold.loaded, 2000);
    first.batch_execute("COMMIT").unwrap();
    second.join().unwrap().unwrap();
    let rows = "SELECT string_agg((training_rows - (SELECT min(training_rows) FROM retailscope.model WHERE task = 'baskets'))::text, ' ' ORDER BY model_id)
                FROM retailscope.model WHERE task = 'baskets'";
    assert_eq!(query_one(&mut other, rows), "0 1000");
    let holds = "SELECT count(*) > 0 FROM rs_rules('99999')";
    assert_eq!(query_one(&mut other, holds), "t");
    // Of sales that are not committed it knows nothing.
    first.batch_execute("BEGIN").unwrap();
    sell(
        &mut first,
        "SELECT 'M' || n, c, 'A THING', '7', '2024-12-31 11:00', '99.00', '12347', 'France'
         FROM generate_series(1, 500) AS n, unnest('{10002,99999}'::text[]) AS c",
    );
    other.batch_execute(mine).unwrap();
    first.batch_execute("COMMIT").unwrap();
    assert_eq!(query_one(&mut other, rows), "0 1000 1000");
    other.batch_execute(mine).unwrap();
    assert_eq!(query_one(&mut other, rows), "0 1000 1000 1500");
}

#[test]
fn stricter_isolation_works_or_fails_cleanly() {
    let db = "isolation";
    let mut client = trained(db);
    let mut other = cluster().connect(db);
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let begin =
            format!("BEGIN ISOLATION LEVEL {level}; SELECT count(*) FROM retailscope.model");
        client.batch_execute(&begin).unwrap();
        train(&mut client, "xgboost", SMALL);
        assert_eq!(predictions(&mut client).len(), 400);
        client
            .batch_execute("SELECT rs_train_segments(3); COMMIT")
            .unwrap();
        // Another one stores a model after the snapshot was taken.
        for call in [
            training("xgboost", SMALL),
            "rs_train_segments(3)".to_owned(),
            "rs_mine_rules()".to_owned(),
        ] {
            client.batch_execute(&begin).unwrap();
            other.batch_execute(&format!("SELECT {call}")).unwrap();
            let (code, message) = failure(&mut client, &format!("SELECT {call}"));
            assert_eq!(code, "40001", "{level}, {call}: {message}");
            client.batch_execute("ROLLBACK").unwrap();
            client
                .batch_execute(&format!("{begin}; SELECT {call}; COMMIT"))
                .unwrap();
        }
        client.batch_execute(&begin).unwrap();
        other.batch_execute("SELECT rs_promote(2)").unwrap();
        let (code, message) = failure(&mut client, "SELECT rs_promote(3)");
        assert_eq!(code, "40001", "{level}: {message}");
        client
            .batch_execute("ROLLBACK; SELECT rs_promote(1)")
            .unwrap();
        assert_eq!(serving(&mut other), "1");
    }
}

/// Whatever happens, there is no deadlock, each prediction is of one model alone, and the log and the models agree.
#[test]
fn trainings_promotions_drops_and_predictions_at_once() {
    let db = "at_once";
    let mut client = trained(db);
    let works: Vec<Vec<String>> = vec![
        vec![format!("SELECT {}", training("xgboost", SMALL)); 5],
        vec!["SELECT rs_promote(1); SELECT rs_promote(2)".to_owned(); 20],
        vec!["SELECT rs_rollback('churn'); SELECT rs_promote(3)".to_owned(); 20],
        vec!["SELECT rs_drop_model(max(model_id)) FROM retailscope.model WHERE task = 'churn' AND model_id > 5".to_owned(); 20],
        vec!["BEGIN; SELECT rs_promote(4); SELECT rs_train_segments(3, params => '{\"n_init\": 1}'); COMMIT".to_owned(); 5],
    ];
    let workers: Vec<_> = works
        .into_iter()
        .map(|work| {
            let mut client = cluster().connect(db);
            std::thread::spawn(move || {
                for sql in work {
                    if let Err(error) = client.batch_execute(&sql) {
                        // What another one was quicker with.
                        let code = sqlstate(&error);
                        assert!(
                            ["42704", "55006", "55000"].contains(&code.as_str()),
                            "{code} {}: {sql}",
                            error_text(&error)
                        );
                        client.batch_execute("ROLLBACK").unwrap();
                    }
                }
            })
        })
        .collect();
    let mut asked = 0;
    while workers.iter().any(|w| !w.is_finished()) || asked == 0 {
        let sql =
            "SELECT count(*), count(DISTINCT model_id), min(model_id) FROM rs_predict_churn()";
        let row = rows_as_text(&mut client, sql).remove(0);
        assert_eq!(
            (row[0].as_deref(), row[1].as_deref()),
            (Some("400"), Some("1"))
        );
        asked += 1;
    }
    for worker in workers {
        worker.join().unwrap();
    }
    let agree = query_one(
        &mut client,
        "SELECT count(*) = 2 AND bool_and(serving = (status = 'serving')) FROM rs_models() WHERE serving OR status = 'serving'",
    );
    assert_eq!(agree, "t");
    println!("{asked} predictions of all customers");
}
