//! Memory: flat over many calls, and over its limit an error that says why.

use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{Cluster, error_text, hint, query_one, sqlstate};
use std::path::{Path, PathBuf};

/// Empties a warehouse, for a rebuild from a lake.
const EMPTY: &str = "TRUNCATE retailscope.fact_sales, retailscope.etl_reject, retailscope.lake_file, retailscope.etl_batch,
    retailscope.product_description, retailscope.mart_customer_rfm, retailscope.mart_daily_kpis, retailscope.mart_state;
    DELETE FROM retailscope.dim_customer WHERE customer_key <> 0; DELETE FROM retailscope.dim_product";

/// A lake of a few lines, for rebuilding again and again.
fn small_lake(cluster: &Cluster, db: &str) -> PathBuf {
    let mut client = cluster.fresh(db);
    let path = csv(
        cluster,
        &format!("{db}/lines.csv"),
        &lines(500_000, 500_100),
    );
    ingest(&mut client, &file(&path, "{}"));
    let folder = cluster.folder(&format!("{db}/lake"));
    client
        .batch_execute(&format!("SELECT rs_export_lake('{}')", folder.display()))
        .unwrap();
    folder
}

fn export_to(cluster: &Cluster, name: &str) -> String {
    format!(
        "SELECT rs_export_lake('{}')",
        cluster.folder(name).display()
    )
}

fn rebuild_from(lake: &Path) -> String {
    format!("{EMPTY}; SELECT rs_load_lake('{}')", lake.display())
}

#[test]
fn many_small_calls_leave_the_memory_flat() {
    let _turn = alone();
    let cluster = cluster();
    let other = small_lake(cluster, "plateau_other");
    let (mut client, _) = with_lake(cluster, "plateau");
    let victim = pid(&mut client);
    let base = csv(cluster, "plateau/base.csv", &lines(0, 3000));
    ingest(&mut client, &file(&base, "{}"));
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    let again = csv(cluster, "plateau/again.csv", &lines(0, 10));
    let mut sizes = Vec::new();
    for round in 0..300_u64 {
        // What is new is rolled back and what is committed is not new: a warehouse that grew would need more by itself.
        let from = 3000 + round * 10;
        let path = csv(cluster, "plateau/new.csv", &lines(from, from + 10));
        client.batch_execute("BEGIN").unwrap();
        assert_eq!(ingest(&mut client, &file(&path, "{}")).loaded, 10);
        if round % 3 == 0 {
            client.batch_execute("SELECT rs_refresh_marts()").unwrap();
            client
                .batch_execute("SELECT count(*) FROM rs_customer_features('2030-01-01')")
                .unwrap();
        }
        client.batch_execute("ROLLBACK").unwrap();
        assert_eq!(ingest(&mut client, &file(&again, "{}")).duplicate, 10);
        if round % 50 == 5 {
            for call in [
                "SELECT rs_lake_status()".to_owned(),
                export_to(cluster, &format!("plateau/{round}")),
                format!("BEGIN; {}; ROLLBACK", rebuild_from(&other)),
            ] {
                client.batch_execute(&call).unwrap();
            }
        }
        if round % 50 == 49 {
            sizes.push(memory_kb(victim, "RssAnon"));
        }
    }
    let growth = sizes[5] as i64 - sizes[1] as i64;
    assert!(growth < 4096, "kB after each 50 calls: {sizes:?}");
    assert_eq!(threads(victim), 1);
}

/// Bytes of the transaction's own memory contexts, and of all contexts.
fn context_bytes(client: &mut Client) -> (u64, u64) {
    let mut bytes = |filter: &str| -> u64 {
        let sql = format!(
            "SELECT coalesce(sum(total_bytes), 0) FROM pg_backend_memory_contexts {filter}"
        );
        query_one(client, &sql).parse().unwrap()
    };
    (
        bytes(
            "WHERE name IN ('TopTransactionContext', 'CurTransactionContext') OR parent = 'TopTransactionContext'",
        ),
        bytes(""),
    )
}

#[test]
fn many_calls_in_one_transaction_leave_its_memory_flat() {
    let _turn = alone();
    let cluster = cluster();
    let other = small_lake(cluster, "one_transaction_other");
    let (mut client, _) = with_lake(cluster, "one_transaction");
    let victim = pid(&mut client);
    // Every line is refused, which is known only after all of them have been read.
    let hopeless: Vec<String> = lines(0, 1500)
        .iter()
        .map(|l| l.replace(",20", ",x20"))
        .collect();
    let hopeless = file(
        &csv(cluster, "one_transaction/hopeless.csv", &hopeless),
        "{}",
    );
    let (mut sizes, mut contexts) = (Vec::new(), Vec::new());
    client.batch_execute("BEGIN").unwrap();
    for round in 0..120_u64 {
        let mut refused = |call: &str, wanted: &str| {
            client.batch_execute("SAVEPOINT s").unwrap();
            let (code, message) = failure(&mut client, call);
            assert_eq!(code, wanted, "{message}");
            client
                .batch_execute("ROLLBACK TO s; RELEASE SAVEPOINT s")
                .unwrap();
        };
        refused(&format!("SELECT {hopeless}"), "22P04");
        if round % 10 == 0 {
            refused("SELECT rs_export_lake('/nowhere/lake')", "58P01");
            refused("SELECT rs_load_lake('/nowhere/lake')", "58P01");
        }
        let path = csv(
            cluster,
            "one_transaction/some.csv",
            &lines(round * 10, round * 10 + 10),
        );
        assert_eq!(ingest(&mut client, &file(&path, "{}")).loaded, 10);
        if round % 20 == 5 {
            for call in [
                "SELECT rs_refresh_marts()".to_owned(),
                "SELECT count(*) FROM rs_customer_features('2030-01-01')".to_owned(),
                "SELECT rs_data_quality()".to_owned(),
                "SELECT rs_lake_status()".to_owned(),
                export_to(cluster, &format!("one_transaction/{round}")),
                format!(
                    "SAVEPOINT s; {}; ROLLBACK TO s; RELEASE SAVEPOINT s",
                    rebuild_from(&other)
                ),
            ] {
                client
                    .batch_execute(&call)
                    .unwrap_or_else(|e| panic!("{}: {call}", error_text(&e)));
            }
        }
        if round % 30 == 29 {
            // The contexts hold what a transaction of many subtransactions must: they have a bound of their own.
            let (transaction, all) = context_bytes(&mut client);
            sizes.push(memory_kb(victim, "RssAnon") - all / 1024);
            contexts.push((transaction, all));
        }
    }
    println!(
        "kB anonymous beside the contexts {sizes:?}, bytes of (transaction, all) contexts {contexts:?}"
    );
    for (transaction, _) in &contexts {
        assert!(*transaction < 10 << 20, "{contexts:?}");
    }
    let growth = sizes[3] as i64 - sizes[0] as i64;
    assert!(
        growth < 4096,
        "kB after each 30 rounds: {sizes:?}, contexts {contexts:?}"
    );
    client
        .batch_execute("SELECT rs_refresh_marts(); COMMIT")
        .unwrap();
    assert_quality(&mut client);
}

#[test]
fn more_names_than_memory_are_an_error_with_its_phase() {
    let _turn = alone();
    let cluster = cluster();
    let (mut client, lake) = with_lake(cluster, "many_names");
    let mut witness = Witness::new(cluster, "many_names");
    // Each line brings a customer of its own with a name of 300 bytes: 45 MB of names in one month.
    let long = "x".repeat(290);
    let all: Vec<String> = (0..150_000)
        .map(|n| format!("{n},10002,A THING,1,2020-01-15 10:00,1.00,{long}{n:010},France"))
        .collect();
    let path = csv(cluster, "many_names.csv", &all);
    client
        .batch_execute("LOAD 'retailscope'; SET retailscope.max_memory = '32MB'")
        .unwrap();
    let error = try_ingest(&mut client, &file(&path, "{}")).unwrap_err();
    let text = error_text(&error);
    assert_eq!(sqlstate(&error), "53200", "{text}");
    let (phase, figures) = text.split_once(": ").unwrap();
    assert!(phase.len() > 3, "no phase: {text}");
    assert!(
        figures.contains(&(32 << 20).to_string()),
        "no limit: {text}"
    );
    assert!(
        hint(&error).contains("retailscope.max_memory"),
        "{}",
        hint(&error)
    );
    witness.assert_alive();
    assert_eq!(settled_threads(pid(&mut client)), 1);
    assert_eq!(
        query_one(&mut client, "SELECT count(*) FROM retailscope.etl_batch"),
        "0"
    );
    assert_eq!(files_below(&lake), Vec::<String>::new());
    // With room for them it is what any load is.
    client
        .batch_execute("SET retailscope.max_memory = '512MB'")
        .unwrap();
    assert_eq!(
        ingest(&mut client, &file(&path, "{}")),
        counts(150_000, 150_000, 0, 0)
    );
}
