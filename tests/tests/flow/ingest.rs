//! Ingest from outside: every line counts once and to the cent, or is refused with a reason, or nothing has happened.

use crate::support::*;
use retailscope_system_tests::{error_text, query_one, rows_as_text, sqlstate};
use std::thread;

#[test]
fn the_same_lines_count_once_however_they_come() {
    let cluster = cluster();
    let (mut client, lake) = with_lake(cluster, "once");
    let all = lines(0, 3000);
    let whole = csv(cluster, "once/whole.csv", &all);
    let first = csv(cluster, "once/first.csv", &all[..1600]);
    let overlap = csv(cluster, "once/overlap.csv", &all[1000..2200]);
    assert_eq!(
        ingest(&mut client, &file(&first, "{}")),
        counts(1600, 1600, 0, 0)
    );
    assert_eq!(
        ingest(&mut client, &file(&overlap, "{}")),
        counts(1200, 600, 600, 0)
    );
    assert_eq!(
        ingest(&mut client, &file(&whole, "{}")),
        counts(3000, 800, 2200, 0)
    );
    let print = print_of(
        &mut client,
        "(SELECT invoice_no, sold_at, quantity, unit_price, amount, country, line_hash FROM retailscope.fact_sales)",
    );
    assert_eq!(
        ingest(&mut client, &file(&whole, "{}")),
        counts(3000, 0, 3000, 0)
    );
    let (mut other, _) = with_lake(cluster, "once_whole");
    ingest(&mut other, &file(&whole, "{}"));
    let of_whole = print_of(
        &mut other,
        "(SELECT invoice_no, sold_at, quantity, unit_price, amount, country, line_hash FROM retailscope.fact_sales)",
    );
    assert_eq!(print, of_whole);
    // The second and third of three equal lines are lines of their own only when asked for; again they count once.
    let mut thrice = all.clone();
    thrice.extend_from_slice(&all[..10]);
    thrice.extend_from_slice(&all[..10]);
    let thrice = csv(cluster, "once/thrice.csv", &thrice);
    assert_eq!(
        ingest(&mut client, &file(&thrice, "{}")),
        counts(3020, 0, 3020, 0)
    );
    for loaded in [20, 0] {
        assert_eq!(
            ingest(&mut client, &file(&thrice, r#"{"keep_duplicates": true}"#)),
            counts(3020, loaded, 3020 - loaded, 0)
        );
    }
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    assert_quality(&mut client);
    assert_lake_in_step(&mut client, &lake);
}

#[test]
fn two_sessions_with_one_file_load_it_once() {
    let cluster = cluster();
    let (mut client, lake) = with_lake(cluster, "race");
    let path = csv(cluster, "race.csv", &lines(0, 20_000));
    let sessions: Vec<_> = (0..2)
        .map(|_| {
            let call = file(&path, "{}");
            thread::spawn(move || ingest(&mut crate::support::cluster().connect("race"), &call))
        })
        .collect();
    let mut loaded: Vec<i64> = sessions
        .into_iter()
        .map(|s| s.join().unwrap().loaded)
        .collect();
    loaded.sort_unstable();
    assert_eq!(loaded, [0, 20_000]);
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    assert_quality(&mut client);
    assert_lake_in_step(&mut client, &lake);
}

#[test]
fn the_balance_of_a_batch_is_a_constraint() {
    let cluster = cluster();
    let mut client = cluster.fresh("balance");
    let path = csv(cluster, "balance.csv", &lines(0, 10));
    ingest(&mut client, &file(&path, "{}"));
    for change in [
        "rows_read = rows_read + 1",
        "rows_rejected = 1",
        "amount_loaded = amount_loaded + 0.01",
    ] {
        let (code, _) = failure(
            &mut client,
            &format!("UPDATE retailscope.etl_batch SET {change}"),
        );
        assert_eq!(code, "23514", "{change}");
    }
    let (code, _) = failure(
        &mut client,
        "UPDATE retailscope.fact_sales SET amount = amount + 0.01",
    );
    assert_eq!(code, "23514");
}

#[test]
fn money_is_exact() {
    let cluster = cluster();
    let mut client = cluster.fresh("money");
    // In units of 1e-10: quantities with 4 decimals by prices with 6. What the sums must be is computed here.
    let (mut sum, mut gross, mut text) = (0_i128, 0_i128, Vec::new());
    for n in 0..20_000_i128 {
        let mix = n * 7_919 % 10_007;
        let (quantity, price) = match n % 5 {
            0 => (10_000, 10_000 * (1 + 2 * (mix % 50))), // 1 at a price that ends in .01 to .99
            1 => (-10_000 * (1 + mix % 9), 10_000),       // refunds of a cent each
            2 => (9_999_999_999_999_999 - mix, 1_000_000 + n), // huge quantities
            3 => (1, 1),                                  // the smallest amount there is
            _ => (30_000 + mix, 333_333),
        };
        sum += quantity * price;
        gross += if quantity > 0 { quantity * price } else { 0 };
        let sign = if quantity < 0 { "-" } else { "" };
        let size = quantity.abs();
        text.push(format!(
            "{}{},10002,X,{sign}{}.{:04},2020-02-0{} 10:00,{}.{:06},{},France",
            if quantity < 0 { "C" } else { "" },
            500_000 + n,
            size / 10_000,
            size % 10_000,
            1 + n % 9,
            price / 1_000_000,
            price % 1_000_000,
            13_000 + n % 99
        ));
    }
    let path = csv(cluster, "money.csv", &text);
    assert_eq!(
        ingest(&mut client, &file(&path, "{}")),
        counts(20_000, 20_000, 0, 0)
    );
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    let exact = |units: i128| format!("{units} * 0.0000000001");
    let equal = rows_as_text(
        &mut client,
        &format!(
            "SELECT (SELECT sum(amount) FROM retailscope.fact_sales) = {sum},
                    (SELECT amount_loaded FROM retailscope.etl_batch) = {sum},
                    (SELECT gross_revenue FROM retailscope.etl_batch) = {gross},
                    (SELECT net_revenue FROM retailscope.etl_batch) = {sum},
                    (SELECT sum(gross_revenue) FROM retailscope.mart_daily_kpis) = {gross},
                    (SELECT sum(net_revenue) FROM retailscope.mart_daily_kpis) = {sum},
                    (SELECT sum(monetary_net) FROM retailscope.mart_customer_rfm) = {sum},
                    (SELECT sum(monetary) FROM retailscope.mart_customer_rfm) = {gross}",
            sum = exact(sum),
            gross = exact(gross)
        ),
    );
    let found = query_one(
        &mut client,
        "SELECT sum(amount) || ' ' || sum(quantity) || ' ' || count(*) FROM retailscope.fact_sales",
    );
    assert_eq!(
        equal,
        [vec![Some("t".to_owned()); 8]],
        "{found}, not {sum} e-10"
    );
    assert_quality(&mut client);
}

#[test]
fn a_number_that_does_not_fit_refuses_its_line_alone() {
    let cluster = cluster();
    let mut client = cluster.fresh("overflow");
    let path = csv(
        cluster,
        "overflow.csv",
        &[
            "1,10002,fits,999999999999.9999,2020-01-01 10:00,999999999999.999999,1,France",
            "2,10002,quantity,1000000000000,2020-01-01 10:00,1,1,France",
            "3,10002,price,1,2020-01-01 10:00,99999999999999999999999999,1,France",
            "4,10002,both,-99999999999999999999,2020-01-01 10:00,1e300,1,France",
            "5,10002,NaN,NaN,2020-01-01 10:00,1,1,France",
            "6,10002,Infinity,1,2020-01-01 10:00,Infinity,1,France",
            "7,10002,decimals,1,2020-01-01 10:00,0.0000001,1,France",
            "8,10002,date,1,292277026596-01-01 10:00,1,1,France",
            "9,10002,no day,1,2019-02-29 10:00,1,1,France",
        ],
    );
    assert_eq!(ingest(&mut client, &file(&path, "{}")), counts(9, 1, 0, 8));
    let refused = rows_as_text(
        &mut client,
        "SELECT line_no, reason, raw FROM retailscope.etl_reject ORDER BY line_no",
    );
    let text = std::fs::read_to_string(&path).unwrap();
    for (refused, line_no) in refused.iter().zip(3_usize..) {
        assert_eq!(refused[0], Some(line_no.to_string()));
        assert_eq!(refused[2].as_deref(), text.lines().nth(line_no - 1));
        let reason = refused[1].as_deref().unwrap();
        let field = match line_no {
            3 | 5 | 6 => "quantity",
            4 | 7 | 8 => "unit_price",
            _ => "sold_at",
        };
        assert!(reason.contains(field), "line {line_no}: {reason}");
    }
}

#[test]
fn one_writer_at_a_time_and_whoever_does_not_wait_is_told() {
    let cluster = cluster();
    let mut first = cluster.fresh("writers");
    let mut second = cluster.connect("writers");
    let a = csv(cluster, "writers/a.csv", &lines(0, 500));
    // Not the first load: that one waits for readers, because it builds the indexes anew.
    let zero = csv(cluster, "writers/zero.csv", &lines(5000, 5010));
    ingest(&mut first, &file(&zero, "{}"));
    let b = csv(cluster, "writers/b.csv", &lines(400, 900));
    // An older snapshot must not decide what is a duplicate.
    second
        .batch_execute(
            "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM retailscope.fact_sales",
        )
        .unwrap();
    first.batch_execute("BEGIN").unwrap();
    ingest(&mut first, &file(&a, "{}"));
    let mut third = cluster.connect("writers");
    let error = try_ingest(&mut third, &file(&b, r#"{"nowait": true}"#)).unwrap_err();
    assert_eq!(sqlstate(&error), "55P03");
    first.batch_execute("COMMIT").unwrap();
    let error = try_ingest(&mut second, &file(&b, "{}")).unwrap_err();
    assert_eq!(sqlstate(&error), "40001");
    second.batch_execute("ROLLBACK").unwrap();
    assert_eq!(
        ingest(&mut second, &file(&b, "{}")),
        counts(500, 400, 100, 0)
    );
    // Nobody holds anything any more.
    let held = query_one(
        &mut third,
        "SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid()
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    assert_eq!(held, "0");
}

#[test]
fn ingests_and_refreshes_at_once_end_as_if_one_after_the_other() {
    let cluster = cluster();
    let (mut client, lake) = with_lake(cluster, "together");
    let all = lines(0, 12_000);
    let work: Vec<_> = (0..6)
        .map(|n| {
            let from = n * 1500;
            let path = csv(
                cluster,
                &format!("together/{n}.csv"),
                &all[from..from + 3000 + n * 200],
            );
            let call = file(&path, "{}");
            thread::spawn(move || {
                let mut client = crate::support::cluster().connect("together");
                ingest(&mut client, &call);
                client.batch_execute("SELECT rs_refresh_marts()")
            })
        })
        .collect();
    for session in work {
        session.join().unwrap().unwrap();
    }
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    let incremental = prints(&mut client);
    client
        .batch_execute("SELECT rs_refresh_marts(incremental => false)")
        .unwrap();
    assert_eq!(prints(&mut client), incremental);
    assert_eq!(
        query_one(&mut client, "SELECT count(*) FROM retailscope.fact_sales"),
        "11500"
    );
    assert_quality(&mut client);
    assert_lake_in_step(&mut client, &lake);
}

#[test]
fn a_transaction_that_does_not_commit_leaves_nothing() {
    let cluster = cluster();
    let (mut client, lake) = with_lake(cluster, "undone");
    let a = csv(cluster, "undone/a.csv", &lines(0, 2000));
    let b = csv(cluster, "undone/b.csv", &lines(1000, 4000));
    ingest(&mut client, &file(&a, "{}"));
    let before = (prints(&mut client), files_below(&lake));
    for (begin, end) in [
        ("BEGIN", "ROLLBACK"),
        ("BEGIN; SAVEPOINT s", "ROLLBACK TO s; COMMIT"),
        (
            "BEGIN; SAVEPOINT s; SAVEPOINT t",
            "RELEASE t; ROLLBACK TO s; COMMIT",
        ),
    ] {
        client.batch_execute(begin).unwrap();
        assert_eq!(ingest(&mut client, &file(&b, "{}")).loaded, 2000);
        client.batch_execute(end).unwrap();
        assert_eq!((prints(&mut client), files_below(&lake)), before, "{end}");
    }
    client.batch_execute("BEGIN").unwrap();
    ingest(&mut client, &file(&b, "{}"));
    let (code, message) = failure(&mut client, "PREPARE TRANSACTION 'p'");
    assert_eq!(code, "0A000", "{message}");
    client.batch_execute("ROLLBACK").unwrap();
    assert_eq!((prints(&mut client), files_below(&lake)), before);
    // What is released is kept.
    client.batch_execute("BEGIN; SAVEPOINT s").unwrap();
    ingest(&mut client, &file(&b, "{}"));
    client.batch_execute("RELEASE s; COMMIT").unwrap();
    assert_lake_in_step(&mut client, &lake);
}

#[test]
fn a_violated_index_of_the_users_leaves_nothing() {
    let cluster = cluster();
    let (mut client, lake) = with_lake(cluster, "unique");
    client
        .batch_execute("CREATE UNIQUE INDEX ON retailscope.fact_sales (invoice_no)")
        .unwrap();
    let good = csv(cluster, "unique/good.csv", &lines(0, 100));
    ingest(&mut client, &file(&good, "{}"));
    let before = (prints(&mut client), files_below(&lake));
    let mut twice = lines(100, 3000);
    twice.push("400001,10002,SAME INVOICE,1,2020-01-01 10:00,1,1,France".to_owned());
    let bad = csv(cluster, "unique/bad.csv", &twice);
    let error = try_ingest(&mut client, &file(&bad, "{}")).unwrap_err();
    assert_eq!(sqlstate(&error), "23505", "{}", error_text(&error));
    assert_eq!((prints(&mut client), files_below(&lake)), before);
}
