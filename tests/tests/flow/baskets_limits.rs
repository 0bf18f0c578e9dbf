//! What no machine can list ends at a limit: with what is complete and a warning, or with a clear error, and the server lives.

use crate::support::*;
use postgres::{Client, NoTls};
use retailscope_system_tests::{Cluster, hint, query_one, sqlstate};
use std::sync::{Arc, Mutex};

const ALGORITHMS: [&str; 3] = ["fpgrowth", "apriori", "eclat"];

/// What the server has warned of, and with which hints.
type Warnings = Arc<Mutex<Vec<(String, String)>>>;

/// A session whose warnings are kept.
fn listening(cluster: &Cluster, db: &str) -> (Client, Warnings) {
    let warnings = Warnings::default();
    let heard = Arc::clone(&warnings);
    let mut config = cluster.config(db, "postgres");
    config.notice_callback(move |notice| {
        if notice.severity() == "WARNING" {
            let hint = notice.hint().unwrap_or_default().to_owned();
            heard
                .lock()
                .unwrap()
                .push((notice.message().to_owned(), hint));
        }
    });
    (config.connect(NoTls).unwrap(), warnings)
}

/// A database with baskets as dense as those of the mushrooms: 119 items in 23 attributes, of which some nearly always have
/// the same value. As a table, and as sales.
fn dense(cluster: &Cluster, db: &str) {
    cluster
        .fresh(db)
        .batch_execute(
            "CREATE TABLE dense AS
             SELECT b, a * 5 + CASE WHEN h % 100 < 40 + 2 * a THEN 0 ELSE 1 + h % 5 END AS i
             FROM generate_series(1, 4000) AS b, generate_series(1, 23) AS a, LATERAL (SELECT abs(hashint4(b * 32 + a)::bigint) AS h) AS r;
             CREATE TABLE src AS
             SELECT b AS invoice_no, (10000 + i)::text AS stock_code, 'THING ' || i AS description, 1 AS quantity,
                    timestamp '2024-01-01' + interval '1 day' * (b % 300) AS sold_at, 2.5 AS unit_price, 'C' || b % 50 AS customer_id, 'France' AS country
             FROM dense;
             SELECT rs_ingest_table('src'); ANALYZE",
        )
        .unwrap();
}

#[test]
fn what_explodes_ends_at_a_limit_with_a_result() {
    let _turn = alone();
    let cluster = cluster();
    let db = "explodes";
    dense(cluster, db);
    let mut witness = Witness::new(cluster, db);
    let (mut client, warnings) = listening(cluster, db);
    let mut complete = Vec::new();
    // Time is to run out before memory does.
    client
        .batch_execute("LOAD 'retailscope'; SET retailscope.max_memory = '12GB'")
        .unwrap();
    for algorithm in ALGORITHMS {
        // A limit of itemsets: all of up to some length, the same ones from each algorithm.
        client
            .batch_execute(&format!(
                "CREATE TABLE found AS SELECT * FROM rs_frequent_itemsets('TABLE dense', 0.0001, NULL, '{algorithm}', '{{\"max_itemsets\": 20000}}')"
            ))
            .unwrap();
        assert_warned(&warnings, "itemsets of up to", "max_itemsets (20000)");
        complete.push(print_of(&mut client, "found"));
        client.batch_execute("DROP TABLE found").unwrap();
        // A limit of time.
        let count = query_one(
            &mut client,
            &format!(
                "SELECT count(*) FROM rs_frequent_itemsets('TABLE dense', 0.0001, 64, '{algorithm}', '{{\"max_itemsets\": 100000000, \"time_budget_ms\": 500}}')"
            ),
        );
        assert_ne!(count, "0", "{algorithm}");
        assert_warned(&warnings, "complete", "time_budget_ms (500)");
        // As absurd as it may be asked for, and a model comes of it, which serves unless the limit has left it without rules.
        let mined = query_one(
            &mut client,
            &format!(
                "SELECT concat_ws(' ', truncated, promoted OR rules = 0, itemsets > 0, longest > 0)
                 FROM rs_mine_rules(0.0001, 0, 0, 20, '{algorithm}', options => '{{\"min_count\": 1, \"max_itemsets\": 100000000, \"time_budget_ms\": 1000}}')"
            ),
        );
        assert_eq!(mined, "t t t t", "{algorithm}");
        assert_warned(&warnings, "complete", "time_budget_ms (1000)");
        let stored = "SELECT count(*) = (SELECT count(*) FROM rs_model_rules((SELECT max(model_id) FROM rs_models('baskets') WHERE serving))) FROM retailscope.mart_association_rules";
        assert_eq!(query_one(&mut client, stored), "t");
        assert_eq!(settled_threads(pid(&mut client)), 1);
        witness.assert_alive();
    }
    complete.dedup();
    assert_eq!(complete.len(), 1, "{complete:?}");
    // A limit of memory is one like the others.
    let listed = "SELECT count(*) > 0 FROM rs_frequent_itemsets('TABLE dense', 0.0001, options => '{\"max_itemsets\": 100000000}')";
    client
        .batch_execute("SET retailscope.max_memory = '48MB'")
        .unwrap();
    assert_eq!(query_one(&mut client, listed), "t");
    assert_warned(
        &warnings,
        "itemsets of up to",
        "retailscope.max_memory (48 MB)",
    );
    client
        .batch_execute("RESET retailscope.max_memory")
        .unwrap();
    // More rules than are wanted: the best.
    let mined = "SELECT concat_ws(' ', rules, truncated) FROM rs_mine_rules(0.2, 0, 0, options => '{\"max_rules\": 100}')";
    assert_eq!(query_one(&mut client, mined), "100 t");
    assert_warned(&warnings, "only the best rules are kept", "max_rules (100)");
}

/// There was a warning with both parts, and a hint in each; those that were heard are forgotten.
fn assert_warned(warnings: &Warnings, what: &str, limit: &str) {
    let heard = std::mem::take(&mut *warnings.lock().unwrap());
    assert!(
        heard
            .iter()
            .any(|(said, _)| said.contains(what) && said.contains(limit)),
        "no {limit}: {heard:?}"
    );
    for (said, hint) in heard {
        assert!(hint.contains("Raise min_"), "{said}: {hint}");
    }
}

#[test]
fn little_memory_is_an_error_or_enough() {
    let _turn = alone();
    let cluster = cluster();
    let db = "little_memory";
    dense(cluster, db);
    let mut witness = Witness::new(cluster, db);
    let mut client = cluster.connect(db);
    client
        .batch_execute(
            "CREATE TABLE many AS SELECT b, b % 30011 * n % 100003 AS i FROM generate_series(1, 400000) AS b, generate_series(1, 8) AS n;
             LOAD 'retailscope'; SET retailscope.max_memory = '32MB'",
        )
        .unwrap();
    let mut refused = 0;
    for algorithm in ALGORITHMS {
        for call in [
            format!("rs_frequent_itemsets('TABLE many', 0.00001, NULL, '{algorithm}')"),
            format!(
                "rs_frequent_itemsets('TABLE dense', 0.0001, NULL, '{algorithm}', '{{\"max_itemsets\": 100000000, \"time_budget_ms\": 20000}}')"
            ),
            format!(
                "rs_mine_rules(0.0001, 0, 0, 20, '{algorithm}', options => '{{\"max_itemsets\": 100000000, \"max_rules\": 10000000, \"time_budget_ms\": 20000}}')"
            ),
        ] {
            if let Err(error) = client.batch_execute(&format!("SELECT count(*) FROM {call}")) {
                assert_eq!(sqlstate(&error), "53200", "{call}: {error:?}");
                assert!(
                    hint(&error).contains("retailscope.max_memory"),
                    "{call}: {}",
                    hint(&error)
                );
                refused += 1;
            }
            assert_eq!(settled_threads(pid(&mut client)), 1);
            witness.assert_alive();
        }
    }
    assert!(refused >= 3, "32 MB hold all of it");
    // A session that was refused does what there is memory for.
    let found = "SELECT count(*) > 0 FROM rs_frequent_itemsets('TABLE dense', 0.5)";
    assert_eq!(query_one(&mut client, found), "t");
}

#[test]
fn many_questions_and_minings_leave_the_memory_flat() {
    let _turn = alone();
    let mut client = crate::shop::shop("basket_plateau");
    let victim = pid(&mut client);
    client
        .batch_execute("SELECT rs_mine_rules(0.01, 0.1)")
        .unwrap();
    let codes: Vec<String> = retailscope_system_tests::rows_as_text(
        &mut client,
        "SELECT stock_code FROM retailscope.dim_product WHERE is_merchandise ORDER BY 1",
    )
    .into_iter()
    .filter_map(|row| row[0].clone())
    .collect();
    let mut sizes = Vec::new();
    for round in 0..1000 {
        let [one, other] = [round, round * 7 + 1].map(|n| &codes[n % codes.len()]);
        client
            .batch_execute(&format!(
                "SELECT rs_rules('{one}'); SELECT rs_recommend(ARRAY['{one}', '{other}'])"
            ))
            .unwrap();
        if round % 200 == 199 {
            sizes.push(memory_kb(victim, "RssAnon"));
        }
    }
    let growth = sizes[4] as i64 - sizes[1] as i64;
    assert!(growth < 4096, "kB after each 200 questions: {sizes:?}");
    let mut sizes = Vec::new();
    for round in 0..30 {
        let algorithm = ALGORITHMS[round % 3];
        client
            .batch_execute(&format!(
                "BEGIN; SELECT rs_mine_rules(0.01, 0.1, algorithm => '{algorithm}'); SELECT count(*) FROM rs_recommend('{{}}');
                 SELECT count(*) FROM rs_frequent_itemsets('SELECT invoice_no, product_key FROM retailscope.fact_sales', 0.01, NULL, '{algorithm}'); ROLLBACK"
            ))
            .unwrap();
        if round % 3 == 2 {
            sizes.push(memory_kb(victim, "RssAnon"));
        }
    }
    // The allocator keeps what threads of one mining had for those of the next.
    let growth = sizes[9] as i64 - sizes[2] as i64;
    assert!(growth < 8192, "kB after each 3 minings: {sizes:?}");
    assert_eq!(settled_threads(victim), 1);
}
