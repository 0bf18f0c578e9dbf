//! Lakes that change hands: read from another folder, exported and taken over, written by two at once, or very wide.

use crate::lake::{copy_lake, filled};
use crate::support::*;
use retailscope_system_tests::{query_one, sqlstate};
use std::path::Path;

fn load(path: &Path) -> String {
    format!("SELECT rows_loaded FROM rs_load_lake('{}')", path.display())
}

fn export(path: &Path) -> String {
    format!("SELECT rows FROM rs_export_lake('{}')", path.display())
}

const FACTS: &str = "retailscope.fact_sales";

#[test]
fn a_lake_read_from_elsewhere_is_exported_to_ones_own() {
    let cluster = cluster();
    let (mut first, lake) = with_lake(cluster, "elsewhere_a");
    filled(&mut first, cluster, "elsewhere");
    let refused = csv(
        cluster,
        "elsewhere/refused.csv",
        &["1,10002,NO PRICE,1,2020-01-01 10:00,N/A,1,France"],
    );
    assert_eq!(
        ingest(&mut first, &file(&refused, "{}")),
        counts(1, 0, 0, 1)
    );
    first.batch_execute("SELECT rs_refresh_marts()").unwrap();
    let (mut second, own) = with_lake(cluster, "elsewhere_b");
    assert_eq!(query_one(&mut second, &load(&lake)), "15000");
    second.batch_execute("SELECT rs_refresh_marts()").unwrap();
    // Of a lake that is not its own the warehouse says nothing.
    assert_eq!(
        query_one(&mut second, "SELECT count(*) FROM retailscope.lake_file"),
        "0"
    );
    assert_quality(&mut second);
    assert!(files_below(&own).is_empty());
    let exported = "SELECT concat_ws(' ', batches, rows) FROM rs_export_lake()";
    assert_eq!(query_one(&mut second, exported), "4 15000");
    assert_quality(&mut second);
    let registered = query_one(
        &mut second,
        "SELECT expected > 0 AND ok FROM rs_data_quality() WHERE check_name = 'lake_files_registered'",
    );
    assert_eq!(registered, "t");
    assert_lake_in_step(&mut second, &own);
    assert_eq!(query_one(&mut second, exported), "0 0");
    // The batch of rejects alone is in it too, and both warehouses go on.
    let manifests = |folder: &Path| {
        files_below(folder)
            .iter()
            .filter(|f| f.ends_with(".json"))
            .count()
    };
    assert_eq!((manifests(&lake), manifests(&own)), (5, 5));
    let mut third = cluster.fresh("elsewhere_c");
    assert_eq!(query_one(&mut third, &load(&own)), "15000");
    for table in [FACTS, "retailscope.etl_reject", "retailscope.dim_customer"] {
        let expected = print_of(&mut first, table);
        assert_eq!(print_of(&mut second, table), expected, "{table}");
        assert_eq!(print_of(&mut third, table), expected, "{table}");
    }
    let next = csv(cluster, "elsewhere/next.csv", &lines(14_900, 15_100));
    for (client, lake) in [(&mut first, &lake), (&mut second, &own)] {
        assert_eq!(ingest(client, &file(&next, "{}")), counts(200, 100, 100, 0));
        assert_lake_in_step(client, lake);
    }
    assert_eq!(print_of(&mut first, FACTS), print_of(&mut second, FACTS));
}

#[test]
fn an_export_becomes_the_lake_of_another_warehouse() {
    let cluster = cluster();
    let (mut first, lake) = with_lake(cluster, "heir_a");
    filled(&mut first, cluster, "heir");
    let folder = cluster.folder("lake-heir_b");
    assert_eq!(query_one(&mut first, &export(&folder)), "15000");
    assert!(!folder.join("_retailscope/lake.json").exists());
    let (mut heir, _) = with_lake(cluster, "heir_b");
    assert_eq!(
        query_one(&mut heir, "SELECT rows_loaded FROM rs_load_lake()"),
        "15000"
    );
    heir.batch_execute("SELECT rs_refresh_marts()").unwrap();
    assert_quality(&mut heir);
    let next = csv(cluster, "heir/next.csv", &lines(14_900, 15_100));
    assert_eq!(
        ingest(&mut heir, &file(&next, "{}")),
        counts(200, 100, 100, 0)
    );
    heir.batch_execute("SELECT rs_refresh_marts()").unwrap();
    assert_quality(&mut heir);
    assert_lake_in_step(&mut heir, &folder);
    // Now it is signed: the warehouse that exported it is a stranger there, and keeps its own.
    let mut stranger = cluster.fresh("heir_c");
    use_lake(&mut stranger, "heir_c", &folder);
    let error = try_ingest(&mut cluster.connect("heir_c"), &file(&next, "{}")).unwrap_err();
    assert_eq!(sqlstate(&error), "55000");
    assert_lake_in_step(&mut first, &lake);
}

#[test]
fn an_export_that_fails_deletes_only_its_own_files() {
    let cluster = cluster();
    let (mut client, _) = with_lake(cluster, "exports_a");
    filled(&mut client, cluster, "exports");
    let expected = print_of(&mut client, FACTS);
    let folder = cluster.folder("exports-savepoint");
    client.batch_execute("BEGIN").unwrap();
    assert_eq!(query_one(&mut client, &export(&folder)), "15000");
    let written = files_below(&folder);
    client.batch_execute("SAVEPOINT s").unwrap();
    assert_eq!(failure(&mut client, &export(&folder)).0, "55000");
    client.batch_execute("ROLLBACK TO s").unwrap();
    assert_eq!(files_below(&folder), written);
    client.batch_execute("COMMIT").unwrap();
    let mut copy = cluster.fresh("exports_b");
    assert_eq!(query_one(&mut copy, &load(&folder)), "15000");
    assert_eq!(print_of(&mut copy, FACTS), expected);

    // Two databases: who comes second is told, while the first writes and after it has.
    let mut other = cluster.fresh("exports_c");
    ingest(&mut other, "rs_generate_sales(20, 20)");
    let folder = cluster.folder("exports-two");
    client.batch_execute("BEGIN").unwrap();
    assert_eq!(query_one(&mut client, &export(&folder)), "15000");
    let written = files_below(&folder);
    assert_eq!(failure(&mut other, &export(&folder)).0, "55006");
    assert_eq!(files_below(&folder), written);
    client.batch_execute("COMMIT").unwrap();
    assert_eq!(failure(&mut other, &export(&folder)).0, "55000");
    let mut copy = cluster.fresh("exports_d");
    assert_eq!(query_one(&mut copy, &load(&folder)), "15000");
    assert_eq!(print_of(&mut copy, FACTS), expected);
}

/// A file a month: more than a process may have open, and many more than the limit that this one gets.
#[test]
fn a_lake_of_many_files_needs_few_open_ones() {
    let cluster = cluster();
    let (mut client, lake) = with_lake(cluster, "wide");
    let months: Vec<String> = (0..1100)
        .map(|n| {
            let (year, month) = (1920 + n / 12, 1 + n % 12);
            format!(
                "{n},10002,THING,1,{year}-{month:02}-07 10:00,1.0{},12000,France",
                n % 10
            )
        })
        .collect();
    let path = csv(cluster, "wide.csv", &months);
    // As the server's user, who may lower a limit of its own.
    let limited = |client: &mut postgres::Client| {
        let victim = pid(client).to_string();
        cluster.must_run("/usr/bin/prlimit", &["--pid", &victim, "--nofile=64"]);
    };
    limited(&mut client);
    assert_eq!(
        ingest(&mut client, &file(&path, "{}")),
        counts(1100, 1100, 0, 0)
    );
    assert_eq!(
        files_below(&lake)
            .iter()
            .filter(|f| f.ends_with(".parquet"))
            .count(),
        1100
    );
    let (mut second, copy) = with_lake(cluster, "wide_copy");
    copy_lake(cluster, &lake, &copy);
    limited(&mut second);
    assert_eq!(
        query_one(&mut second, "SELECT rows_loaded FROM rs_load_lake()"),
        "1100"
    );
    second.batch_execute("SELECT rs_refresh_marts()").unwrap();
    assert_quality(&mut second);
    assert_eq!(print_of(&mut second, FACTS), print_of(&mut client, FACTS));
}
