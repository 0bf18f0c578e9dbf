//! Rows that row-level security hides: what would then be wrong for everybody is refused, and what was there stays.

use crate::support::*;
use retailscope_system_tests::{query_one, sqlstate};

#[test]
fn what_hidden_rows_would_make_wrong_is_refused() {
    let cluster = cluster();
    let (mut owner, lake) = with_lake(cluster, "hidden");
    let elsewhere = cluster.folder("hidden-export");
    let first = csv(cluster, "hidden/first.csv", &lines(0, 3000));
    ingest(&mut owner, &file(&first, "{}"));
    owner.batch_execute("SELECT rs_refresh_marts()").unwrap();
    // Something for a refresh and for an export to do.
    let second = csv(cluster, "hidden/second.csv", &lines(3000, 4000));
    ingest(&mut owner, &file(&second, "{}"));
    owner
        .batch_execute(&format!(
            "CREATE ROLE hidden_ann LOGIN IN ROLE pg_write_server_files, pg_read_server_files;
             SELECT rs_grant_access('hidden_ann', 'admin');
             ALTER DATABASE hidden SET retailscope.allowed_dirs = '{}';
             ALTER TABLE retailscope.fact_sales ENABLE ROW LEVEL SECURITY;
             CREATE POLICY french ON retailscope.fact_sales USING (country = 'France')",
            elsewhere.display()
        ))
        .unwrap();
    // A hidden file of a committed batch, as a crash may leave one: a sweep that does not see its batch would delete it.
    let visible = lake.join("_retailscope/batch-00000002.json");
    let left = lake.join("_retailscope/.batch-00000002.json.tmp");
    std::fs::rename(&visible, &left).unwrap();
    let before = (prints(&mut owner), files_below(&lake));
    let export = format!("SELECT rs_export_lake('{}')", elsewhere.display());
    let refused = |policy: &str, calls: &[&str]| {
        for call in calls {
            let mut ann = cluster.connect_as("hidden", "hidden_ann");
            let error = ann.batch_execute(call).unwrap_err();
            assert_eq!(sqlstate(&error), "42501", "{policy}: {call}: {error:?}");
        }
    };
    let mut ann = cluster.connect_as("hidden", "hidden_ann");
    let seen = query_one(
        &mut ann,
        "SELECT string_agg(DISTINCT country, ' ') FROM retailscope.fact_sales",
    );
    assert_eq!(seen, "France");
    refused(
        "facts",
        &[
            "SELECT rs_refresh_marts()",
            "SELECT rs_refresh_marts(incremental => false)",
            "SELECT rs_refresh_marts('2019-02-01')",
            "SELECT rs_data_quality()",
            &export,
        ],
    );
    assert_eq!((prints(&mut owner), files_below(&lake)), before);
    owner
        .batch_execute(
            "ALTER TABLE retailscope.fact_sales DISABLE ROW LEVEL SECURITY;
             ALTER TABLE retailscope.etl_batch ENABLE ROW LEVEL SECURITY;
             CREATE POLICY first ON retailscope.etl_batch USING (batch_id = 1)",
        )
        .unwrap();
    refused(
        "batches",
        &[
            "SELECT rs_lake_sweep()",
            "SELECT rs_refresh_marts()",
            "SELECT rs_data_quality()",
            "SELECT rs_export_lake()",
            &export,
        ],
    );
    assert_eq!((prints(&mut owner), files_below(&lake)), before);
    assert!(files_below(&elsewhere).is_empty());
    // Whoever sees all rows does all of it.
    owner
        .batch_execute("ALTER ROLE hidden_ann BYPASSRLS")
        .unwrap();
    let mut ann = cluster.connect_as("hidden", "hidden_ann");
    assert_eq!(
        query_one(&mut ann, "SELECT published FROM rs_lake_sweep()"),
        "1"
    );
    ann.batch_execute(&format!("SELECT rs_refresh_marts(); {export}"))
        .unwrap();
    assert_quality(&mut ann);
    assert_lake_in_step(&mut owner, &lake);
    let rows = query_one(
        &mut owner,
        "SELECT sum(units) FROM retailscope.mart_daily_kpis",
    );
    let facts = query_one(
        &mut owner,
        "SELECT sum(quantity) FROM retailscope.fact_sales JOIN retailscope.dim_product USING (product_key) WHERE is_merchandise AND line_kind = 'sale'",
    );
    assert_eq!(rows, facts);
}
