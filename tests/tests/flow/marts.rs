//! Marts and features from outside: incremental is full, and nothing knows the future.

use crate::support::*;
use retailscope_system_tests::{query_one, rows_as_text};
use std::path::Path;

#[test]
fn incremental_refreshes_in_any_order_equal_a_full_one() {
    let cluster = cluster();
    let mut client = cluster.fresh("marts_order");
    let mut full = cluster.fresh("marts_full");
    let all = lines(0, 30_000);
    // Days come out of order, some batches are tiny, some customers return.
    for (at, part) in [5, 2, 9, 0, 7, 1, 8, 3, 6, 4].into_iter().enumerate() {
        let size = [3000, 3000, 40, 3000, 3000, 7, 3000, 1, 3000, 3000][at];
        let from = part * 3000;
        let path = csv(
            cluster,
            &format!("marts/{part}.csv"),
            &all[from..from + size],
        );
        for client in [&mut client, &mut full] {
            ingest(client, &file(&path, "{}"));
        }
        let as_of = match at % 4 {
            1 => "'2019-09-15'",
            2 => "'2020-03-01'",
            _ => "NULL",
        };
        client
            .batch_execute(&format!("SELECT rs_refresh_marts({as_of}, true)"))
            .unwrap();
        full.batch_execute(&format!("SELECT rs_refresh_marts({as_of}, false)"))
            .unwrap();
        for table in ["mart_customer_rfm", "mart_daily_kpis", "dim_date"] {
            let table = format!("retailscope.{table}");
            assert_eq!(
                print_of(&mut client, &table),
                print_of(&mut full, &table),
                "{table} after batch {at}"
            );
        }
        if as_of == "NULL" {
            assert_quality(&mut client);
        }
    }
    let again = rows_as_text(
        &mut client,
        "SELECT rs_refresh_marts(); SELECT rows_changed, mode FROM rs_refresh_marts()",
    );
    assert!(
        again[2..]
            .iter()
            .all(|r| r[0].as_deref() == Some("0") && r[1].as_deref() == Some("incremental")),
        "{again:?}"
    );
}

/// A batch that went with its facts, though neither the first nor the newest: the marts do not keep what it had added.
#[test]
fn a_deleted_batch_is_noticed() {
    let cluster = cluster();
    let mut client = cluster.fresh("marts_deleted");
    let all = lines(0, 9000);
    for part in 0..3 {
        let path = csv(
            cluster,
            &format!("deleted/{part}.csv"),
            &all[part * 3000..][..3000],
        );
        assert_eq!(ingest(&mut client, &file(&path, "{}")).loaded, 3000);
    }
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    let marts = |client: &mut postgres::Client| {
        ["mart_customer_rfm", "mart_daily_kpis", "dim_date"]
            .map(|t| print_of(client, &format!("retailscope.{t}")))
    };
    let before = marts(&mut client);
    client
        .batch_execute("DELETE FROM retailscope.fact_sales WHERE batch_id = 2; DELETE FROM retailscope.etl_batch WHERE batch_id = 2")
        .unwrap();
    let modes = "SELECT string_agg(DISTINCT mode, ' ') FROM rs_refresh_marts()";
    assert_eq!(query_one(&mut client, modes), "full");
    let after = marts(&mut client);
    assert_ne!(before, after);
    assert_quality(&mut client);
    client
        .batch_execute("SELECT rs_refresh_marts(incremental => false)")
        .unwrap();
    assert_eq!(marts(&mut client), after);
    assert_eq!(query_one(&mut client, modes), "incremental");
    // The same from the facts that are left, loaded as if the batch had never been.
    let mut never = cluster.fresh("marts_never");
    for part in [0, 2] {
        let path = csv(
            cluster,
            &format!("deleted/{part}.csv"),
            &all[part * 3000..][..3000],
        );
        ingest(&mut never, &file(&path, "{}"));
    }
    never.batch_execute("SELECT rs_refresh_marts()").unwrap();
    let money = "SELECT md5(string_agg(concat_ws(' ', customer_id, recency_days, frequency, monetary, monetary_net, rfm_segment), ',' ORDER BY customer_id))
                 FROM retailscope.mart_customer_rfm";
    assert_eq!(query_one(&mut client, money), query_one(&mut never, money));
}

/// Marts as of a past day know nothing of later days, and say nothing of them either.
#[test]
fn marts_of_the_past_leave_later_days_alone() {
    let cluster = cluster();
    let mut client = cluster.fresh("marts_past");
    let path = csv(cluster, "past.csv", &lines(0, 6000));
    ingest(&mut client, &file(&path, "{}"));
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    let days = print_of(&mut client, "retailscope.dim_date");
    let traded =
        "SELECT count(*) FROM retailscope.dim_date WHERE is_trading_day AND date >= '2019-02-10'";
    let later = query_one(&mut client, traded);
    assert_ne!(later, "0");
    for incremental in [true, false] {
        client
            .batch_execute(&format!(
                "SELECT rs_refresh_marts('2019-02-10', {incremental})"
            ))
            .unwrap();
        let kpis = query_one(
            &mut client,
            "SELECT max(date) FROM retailscope.mart_daily_kpis",
        );
        assert_eq!(kpis, "2019-02-09");
        assert_eq!(print_of(&mut client, "retailscope.dim_date"), days);
        assert_eq!(query_one(&mut client, traded), later);
    }
}

#[test]
fn equal_values_have_equal_scores() {
    let cluster = cluster();
    let mut client = cluster.fresh("marts_scores");
    let path = csv(cluster, "scores.csv", &lines(0, 6000));
    ingest(&mut client, &file(&path, "{}"));
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    let torn = query_one(
        &mut client,
        "SELECT (SELECT count(*) FROM (SELECT recency_days FROM retailscope.mart_customer_rfm GROUP BY 1 HAVING count(DISTINCT r_score) > 1) x)
              + (SELECT count(*) FROM (SELECT frequency FROM retailscope.mart_customer_rfm GROUP BY 1 HAVING count(DISTINCT f_score) > 1) x)
              + (SELECT count(*) FROM (SELECT monetary FROM retailscope.mart_customer_rfm GROUP BY 1 HAVING count(DISTINCT m_score) > 1) x)
              + (SELECT count(*) FROM retailscope.mart_customer_rfm m LEFT JOIN retailscope.rfm_segment_map g USING (r_score, f_score)
                 WHERE g.rfm_segment IS DISTINCT FROM m.rfm_segment)",
    );
    assert_eq!(torn, "0");
}

#[test]
fn features_do_not_know_what_comes_later() {
    let cluster = cluster();
    let mut client = cluster.fresh("features");
    let all = lines(0, 8000);
    let path = csv(cluster, "features/past.csv", &all);
    ingest(&mut client, &file(&path, "{}"));
    let at = "'2019-04-01'";
    let calls = [
        format!("(SELECT * FROM rs_customer_features({at}))"),
        format!("(SELECT * FROM rs_daily_features({at}))"),
    ];
    let before: Vec<String> = calls.iter().map(|c| print_of(&mut client, c)).collect();
    assert!(!before[0].starts_with("0 ") && !before[1].starts_with("0 "));
    // The same customers and products on the day itself and later, at absurd prices; and a country that changes.
    let future: Vec<String> = (0..400)
        .map(|n| {
            format!(
                "F{n},{},THING,{},2019-{:02}-{:02} 00:00,99999.99,{},Atlantis",
                20_000 + n % 30,
                if n % 3 == 0 { -5000 } else { 5000 },
                4 + n % 9,
                1 + n % 28,
                12_000 + n % 40
            )
        })
        .collect();
    let path = csv(cluster, "features/future.csv", &future);
    assert_eq!(ingest(&mut client, &file(&path, "{}")).loaded, 400);
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    for (call, before) in calls.iter().zip(&before) {
        assert_eq!(&print_of(&mut client, call), before, "{call}");
    }
    // A line before that day does change them.
    let path = csv(
        cluster,
        "features/past_too.csv",
        &["777777,20001,THING,1,2019-03-31 23:59,1.00,12001,France"],
    );
    ingest(&mut client, &file(&path, "{}"));
    assert_ne!(print_of(&mut client, &calls[0]), before[0]);
}

/// Runs the SQL checks of this folder, which stop at the first thing that is wrong.
fn scripts(folder: &str, db: &str, as_of: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "sql"))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "{}", folder.display());
    for script in names {
        // Copied: the server's user may not be able to enter the repository.
        let copy = cluster().write_file(
            &format!("scripts/{}", script.file_name().unwrap().display()),
            &std::fs::read(&script).unwrap(),
        );
        let as_of = format!("as_of={as_of}");
        let copy = copy.display().to_string();
        cluster().must_run(
            "psql",
            &[
                "-X",
                "-q",
                "-v",
                "ON_ERROR_STOP=1",
                "-v",
                "ext=public",
                "-v",
                &as_of,
                "-d",
                db,
                "-f",
                &copy,
            ],
        );
    }
}

#[test]
fn the_checks_written_in_sql_hold() {
    let cluster = cluster();
    let mut client = cluster.fresh("checks");
    // Made-up sales of a year, so that each script finds fees, returns and free lines.
    ingest(&mut client, "rs_generate_sales(300, 500, 7)");
    let as_of = query_one(
        &mut client,
        "SELECT max(date) - 60 FROM retailscope.fact_sales",
    );
    scripts("features", "checks", &as_of);
    scripts("warehouse", "checks", &as_of);
}
