//! Memory does not grow with the number of lines.

use crate::support::*;
use retailscope_system_tests::{Cluster, error_text, query_one};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Lines of a month: as many in a short file as in a long one, since months are worked on one by one.
const A_MONTH: u64 = 40_000;

/// Runs statements in a session of their own; gives its peak of anonymous memory, in MB: heap, stacks and the server's
/// contexts, but not the shared buffers.
pub fn peak_of(cluster: &Cluster, db: &str, sql: &str) -> u64 {
    let mut client = cluster.connect(db);
    let victim = pid(&mut client);
    // What PostgreSQL sorts an index in grows up to this, and would hide what is ours.
    client
        .batch_execute("SET maintenance_work_mem = '8MB'")
        .unwrap();
    let ended = AtomicBool::new(false);
    let peak = std::thread::scope(|scope| {
        let sampler = scope.spawn(|| {
            let mut peak = 0;
            while !ended.load(Ordering::Relaxed) {
                peak = memory_kb(victim, "RssAnon").max(peak);
                std::thread::sleep(Duration::from_millis(2));
            }
            peak
        });
        let result = client.batch_execute(sql);
        ended.store(true, Ordering::Relaxed);
        let peak = sampler.join().unwrap();
        result.unwrap_or_else(|e| panic!("{}: {sql}", error_text(&e)));
        peak
    });
    peak >> 10
}

/// A file of `count` lines in the order of time, 40,000 a month, in which 5,000 customers buy 3,000 products.
fn busy_months(cluster: &Cluster, name: &str, count: u64) -> PathBuf {
    let all: Vec<String> = (0..count)
        .map(|n| {
            let mix = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
            let (month, of_month) = (n / A_MONTH, n % A_MONTH);
            format!(
                "{},{},THING NUMBER {},{},{}-{:02}-{:02} {:02}:{:02},{}.{:02},{},France",
                400_000 + n / 20,
                20_000 + mix % 3000,
                mix % 3000,
                1 + mix % 9,
                2020 + month / 12,
                1 + month % 12,
                1 + of_month * 28 / A_MONTH,
                8 + mix % 10,
                n % 60,
                mix % 20,
                mix % 100,
                12_000 + mix % 5000
            )
        })
        .collect();
    csv(cluster, name, &all)
}

#[test]
fn ten_times_the_lines_take_no_more_memory() {
    let _turn = alone();
    let cluster = cluster();
    let mut peaks: Vec<[(&str, u64); 4]> = Vec::new();
    for count in [100_000, 1_000_000] {
        let path = busy_months(cluster, &format!("grow/{count}.csv"), count);
        let name = |what: &str| format!("grow_{what}_{count}");
        let (mut from_file, lake) = with_lake(cluster, &name("file"));
        let mut from_table = cluster.fresh(&name("table"));
        from_table
            .batch_execute(&format!(
                "CREATE TABLE src (invoice_no text, stock_code text, description text, quantity text, sold_at text,
                                   unit_price text, customer_id text, country text);
                 COPY src FROM '{}' (FORMAT csv, HEADER)",
                path.display()
            ))
            .unwrap();
        let mut from_lake = cluster.fresh(&name("lake"));
        peaks.push([
            (
                "rs_ingest_file",
                peak_of(
                    cluster,
                    &name("file"),
                    &format!("SELECT {}", file(&path, "{}")),
                ),
            ),
            (
                "rs_ingest_table",
                peak_of(cluster, &name("table"), "SELECT rs_ingest_table('src')"),
            ),
            (
                "rs_load_lake",
                peak_of(
                    cluster,
                    &name("lake"),
                    &format!("SELECT rs_load_lake('{}')", lake.display()),
                ),
            ),
            (
                "rs_export_lake",
                peak_of(
                    cluster,
                    &name("file"),
                    &format!(
                        "SELECT rs_export_lake('{}')",
                        cluster.folder(&name("out")).display()
                    ),
                ),
            ),
        ]);
        let facts = print_of(&mut from_file, "retailscope.fact_sales");
        assert!(facts.starts_with(&format!("{count} ")), "{facts}");
        assert_eq!(print_of(&mut from_lake, "retailscope.fact_sales"), facts);
        assert_eq!(
            query_one(
                &mut from_table,
                "SELECT count(*) FROM retailscope.fact_sales"
            ),
            count.to_string()
        );
    }
    println!("peaks in MB at 1e5 and 1e6 lines: {peaks:?}");
    for ((function, small), (_, large)) in peaks[0].iter().zip(&peaks[1]) {
        assert!(
            *large <= small + 64,
            "{function}: {small} MB for 1e5 lines, {large} MB for 1e6"
        );
    }
}
