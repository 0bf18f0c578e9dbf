//! R33: preloaded by the server, preloaded by each session, or loaded by the first call: the same flow ends the same.

use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{Cluster, query_one, rows_as_text};

/// Files with duplicates and rejects, a table, marts, an export, a rebuild, features, a cancelled call and a refused one;
/// what all of it left behind.
fn tour(cluster: &Cluster) -> Vec<(String, String)> {
    let (mut client, lake) = with_lake(cluster, "tour");
    crate::lake::filled(&mut client, cluster, "tour");
    client
        .batch_execute(
            "CREATE TABLE orders AS SELECT 'T' || i AS invoice_no, '2000' || i % 5 AS stock_code, 'THING' AS description, 2 AS quantity,
                 timestamp '2020-01-05 10:00' + i * interval '1 minute' AS sold_at, 1.25 AS unit_price, '12001' AS customer_id,
                 'France' AS country FROM generate_series(1, 500) i",
        )
        .unwrap();
    assert_eq!(
        ingest(&mut client, "rs_ingest_table('orders')"),
        counts(500, 500, 0, 0)
    );
    client
        .batch_execute("SET statement_timeout = '1ms'")
        .unwrap();
    assert_eq!(
        failure(&mut client, "SELECT rs_generate_sales(5000, 730)").0,
        "57014"
    );
    client.batch_execute("RESET statement_timeout").unwrap();
    assert_eq!(
        failure(&mut client, "SELECT rs_ingest_file('/nowhere.csv')").0,
        "58P01"
    );
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    assert_quality(&mut client);
    assert_lake_in_step(&mut client, &lake);
    let mut rebuilt = cluster.fresh("tour_rebuilt");
    rebuilt
        .batch_execute(&format!(
            "SELECT rs_load_lake('{}'); SELECT rs_refresh_marts()",
            lake.display()
        ))
        .unwrap();
    assert_eq!(prints(&mut rebuilt), prints(&mut client));
    let exported = cluster.folder("tour-export");
    let rows = query_one(
        &mut client,
        &format!("SELECT rows FROM rs_export_lake('{}')", exported.display()),
    );
    assert_eq!(rows, "15500");
    left(&mut client)
}

/// Hashes of all that is a function of the sources alone: batches also hold clocks and paths.
fn left(client: &mut Client) -> Vec<(String, String)> {
    let mut found: Vec<_> = prints(client)
        .into_iter()
        .filter(|(table, _)| !table.ends_with("etl_batch"))
        .collect();
    for view in [
        "(SELECT batch_id, rows_read, rows_loaded, rows_duplicate, rows_rejected, amount_read, amount_loaded FROM retailscope.etl_batch)",
        "(SELECT * FROM rs_customer_features('2020-01-01'))",
        "(SELECT * FROM rs_daily_features())",
    ] {
        found.push((view.to_owned(), print_of(client, view)));
    }
    found
}

#[test]
fn preloaded_or_not_the_flow_is_the_same() {
    let loaded = "SELECT count(*) FROM pg_settings WHERE name LIKE 'retailscope.%'";
    let mut expected = None;
    for (setting, known) in [
        ("work_mem = '4MB'", "0"),
        ("shared_preload_libraries = 'retailscope'", "4"),
        ("session_preload_libraries = 'retailscope'", "4"),
    ] {
        let cluster = Cluster::start(&[setting]);
        let settings = rows_as_text(&mut cluster.connect("postgres"), loaded);
        assert_eq!(settings, [[Some(known.to_owned())]], "{setting}");
        let left = tour(&cluster);
        let expected = expected.get_or_insert_with(|| left.clone());
        assert_eq!(*expected, left, "{setting}");
    }
}
