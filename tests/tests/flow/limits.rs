//! Limits and abuse: whatever the arguments, the moment or the size, an answer or a clear error, and a server that lives.

use crate::support::*;
use retailscope_system_tests::{error_text, query_one, sqlstate};
use std::time::{Duration, Instant};

#[test]
fn every_function_survives_every_value() {
    let cluster = cluster();
    let mut client = cluster.fresh("values");
    let mut witness = Witness::new(cluster, "values");
    let path = csv(cluster, "values.csv", &lines(0, 50));
    ingest(&mut client, &file(&path, "{}"));
    client
        .batch_execute("SELECT rs_refresh_marts(); SET statement_timeout = '3s'")
        .unwrap();
    let good = format!("'{}'", path.display());
    let deep = format!("'{}{}'", "[".repeat(5000), "]".repeat(5000));
    let nested = format!("'{}1{}'", r#"{"a":"#.repeat(5000), "}".repeat(5000));
    let documents = [
        "NULL",
        "'null'",
        "'[]'",
        "'1'",
        "'true'",
        "'\"x\"'",
        "'1e400'",
        r#"'{"": ""}'"#,
        r#"'{"a": null}'"#,
        r#"'{"a": 1e999}'"#,
        r#"'{"Invoice": []}'"#,
        r#"'{"country": {"value": {}}}'"#,
        r#"'{"quantity": {"value": 1e300}}'"#,
        r#"'{"delimiter": ""}'"#,
        r#"'{"date_format": "%"}'"#,
        r#"'{"date_format": []}'"#,
        r#"'{"max_line_bytes": -1}'"#,
        r#"'{"max_line_bytes": 1e30}'"#,
        r#"'{"encoding": "\u0001"}'"#,
        &deep,
        &nested,
    ];
    let paths = [
        "NULL",
        "''",
        "' '",
        "'x.csv'",
        "'/'",
        "'/nowhere/x.csv'",
        "'/dev/zero'",
        "'/proc/self/mem'",
        "'/etc/passwd'",
        "E'/tmp/\\x01\\n.csv'",
        "repeat('/a', 5000)",
        "repeat('a', 1000000)",
        "'/tmp/../etc/passwd'",
    ];
    let numbers = ["NULL", "0", "-1", "1", "2147483647", "-2147483648"];
    let dates = [
        "NULL",
        "'infinity'",
        "'-infinity'",
        "'4713-01-01 BC'",
        "'0001-01-01'",
        "'2019-01-05'",
        "'9999-12-31'",
        "'5874897-12-31'",
    ];
    let mut calls = Vec::new();
    for document in documents {
        calls.push(format!("SELECT rs_ingest_file({good}, {document})"));
        calls.push(format!("SELECT rs_ingest_file({good}, '{{}}', {document})"));
        calls.push(format!("SELECT rs_ingest_table('pg_class', {document})"));
        calls.push(format!(
            "SELECT rs_ingest_table('retailscope.fact_sales', '{{}}', {document})"
        ));
    }
    for path in paths {
        for function in [
            "SELECT rs_ingest_file",
            "SELECT rs_load_lake",
            "SELECT rs_export_lake",
            "CALL rs_run_pipeline",
        ] {
            calls.push(format!("{function}({path})"));
        }
    }
    for relation in [
        "NULL",
        "0",
        "4294967295",
        "'pg_class_oid_index'",
        "'retailscope.fact_sales_sale_id_seq'",
        "'pg_stat_activity'",
    ] {
        calls.push(format!("SELECT rs_ingest_table({relation})"));
    }
    for a in numbers {
        for b in numbers {
            calls.push(format!(
                "SELECT rs_generate_sales({a}, {b}, 9223372036854775807)"
            ));
        }
        calls.push(format!("SELECT rs_generate_sales(2, 2, {a})"));
    }
    for date in dates {
        for incremental in ["NULL", "true", "false"] {
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

/// Threads of a process, once those that have been joined are gone for the system too.
fn settled_threads(pid: u32) -> usize {
    for _ in 0..50 {
        if threads(pid) == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    threads(pid)
}

/// How a call is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq)]
enum End {
    Cancel,
    Timeout,
    Terminate,
}

#[test]
fn long_work_ends_at_once_when_told_to() {
    let _turn = alone();
    let cluster = cluster();
    let (mut client, lake) = with_lake(cluster, "ends");
    let base = csv(cluster, "ends/base.csv", &lines(0, 60_000));
    ingest(&mut client, &file(&base, "{}"));
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    let copy = cluster.folder("ends-copy");
    cluster.must_run(
        "/bin/sh",
        &[
            "-c",
            &format!("cp -r {}/. {}/", lake.display(), copy.display()),
        ],
    );
    let empty = cluster.folder("ends-empty");
    let large = csv(cluster, "ends/large.csv", &lines(60_000, 400_000));
    client
        .batch_execute(&format!(
            "CREATE TABLE src (invoice_no text, stock_code text, description text, quantity text, sold_at text, unit_price text,
                               customer_id text, country text);
             COPY src FROM '{}' (FORMAT csv, HEADER)",
            large.display()
        ))
        .unwrap();
    let mut other = cluster.fresh("ends_empty");
    other.batch_execute("SELECT 1").unwrap();
    let mut watcher = cluster.connect("postgres");
    let calls = [
        ("ends", format!("SELECT {}", file(&large, "{}"))),
        ("ends", "SELECT rs_ingest_table('src')".to_owned()),
        ("ends", "SELECT rs_generate_sales(20000, 1500)".to_owned()),
        (
            "ends",
            format!("SELECT rs_export_lake('{}')", empty.display()),
        ),
        ("ends", "SELECT rs_refresh_marts(NULL, false)".to_owned()),
        (
            "ends",
            "SELECT count(*) FROM rs_lake_status(), rs_lake_status() b".to_owned(),
        ),
        (
            "ends_empty",
            format!("SELECT rs_load_lake('{}')", copy.display()),
        ),
    ];
    let before = (prints(&mut client), files_below(&lake));
    let mut slow = Vec::new();
    for (at, (db, call)) in calls.iter().enumerate() {
        for (turn, end) in [End::Cancel, End::Timeout, End::Terminate, End::Cancel]
            .into_iter()
            .enumerate()
        {
            let mut session = cluster.connect(db);
            let victim = pid(&mut session);
            let wait = Duration::from_millis([40, 350, 120, 900][turn] + at as u64 * 17);
            if end == End::Timeout {
                session
                    .batch_execute(&format!("SET statement_timeout = {}", wait.as_millis()))
                    .unwrap();
            }
            let begun = Instant::now();
            let call = call.clone();
            let worker = std::thread::spawn(move || {
                let result = session.batch_execute(&call);
                (session, result, Instant::now())
            });
            std::thread::sleep(wait);
            let asked = Instant::now();
            if end != End::Timeout {
                let function = if end == End::Cancel {
                    "cancel"
                } else {
                    "terminate"
                };
                query_one(
                    &mut watcher,
                    &format!("SELECT pg_{function}_backend({victim})"),
                );
            }
            let (mut session, result, ended) = worker.join().unwrap();
            let latency = if end == End::Timeout {
                ended.duration_since(begun).saturating_sub(wait)
            } else {
                ended.saturating_duration_since(asked)
            };
            if latency > Duration::from_secs(1) {
                slow.push(format!("{end:?} of {:.60} took {latency:?}", calls[at].1));
            }
            match result {
                Ok(()) => assert!(
                    ended <= asked + Duration::from_secs(1),
                    "{:.60} ignored {end:?}",
                    calls[at].1
                ),
                Err(error) => {
                    let code = sqlstate(&error);
                    // A rebuild that was quicker than its signal has filled the warehouse: the next one is refused.
                    if code == "55000" && calls[at].1.contains("rs_load_lake") {
                        continue;
                    }
                    assert!(
                        matches!(code.as_str(), "57014" | "57P01" | ""),
                        "{code} {}: {:.60}",
                        error_text(&error),
                        calls[at].1
                    );
                    if end != End::Terminate {
                        assert_eq!(settled_threads(victim), 1, "{:.60}", calls[at].1);
                        session.batch_execute("RESET statement_timeout").unwrap();
                        assert_eq!(
                            query_one(
                                &mut session,
                                "SELECT count(*) > 0 FROM retailscope.rfm_segment_map"
                            ),
                            "t"
                        );
                    }
                }
            }
        }
    }
    assert!(slow.is_empty(), "{slow:#?}");
    // Those that were quick enough to end before are the only change there may be.
    let left: i64 = query_one(&mut client, "SELECT count(*) FROM retailscope.etl_batch")
        .parse()
        .unwrap();
    if left == 1 {
        assert_eq!((prints(&mut client), files_below(&lake)), before);
    }
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    assert_quality(&mut client);
    assert_lake_in_step(&mut client, &lake);
}

#[test]
fn many_small_calls_leave_the_memory_flat() {
    let _turn = alone();
    let cluster = cluster();
    let (mut client, _) = with_lake(cluster, "plateau");
    let victim = pid(&mut client);
    let mut sizes = Vec::new();
    for round in 0..300_u64 {
        let path = csv(cluster, "plateau.csv", &lines(round * 10, round * 10 + 10));
        assert_eq!(ingest(&mut client, &file(&path, "{}")).loaded, 10);
        if round % 3 == 0 {
            client.batch_execute("SELECT rs_refresh_marts()").unwrap();
            client
                .batch_execute("SELECT count(*) FROM rs_customer_features('2030-01-01')")
                .unwrap();
        }
        if round % 50 == 49 {
            sizes.push(memory_kb(victim, "VmRSS"));
        }
    }
    let growth = sizes[5] as i64 - sizes[1] as i64;
    assert!(growth < 4096, "kB resident after each 50 calls: {sizes:?}");
    assert_eq!(threads(victim), 1);
}
