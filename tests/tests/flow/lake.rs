//! The lake from outside: it alone is enough, and other tools read it.

use crate::support::*;
use retailscope_system_tests::{Cluster, error_text, hint, must, query_one, sqlstate, tool};

/// Copies a lake's files into another folder.
pub fn copy_lake(cluster: &Cluster, from: &std::path::Path, to: &std::path::Path) {
    cluster.must_run(
        "/bin/sh",
        &[
            "-c",
            &format!("cp -r {}/. {}/", from.display(), to.display()),
        ],
    );
}

/// Three batches with rejects, duplicates and overlapping months.
pub fn filled(client: &mut postgres::Client, cluster: &Cluster, name: &str) {
    for (part, (from, to)) in [(0, 9000), (8000, 12_000), (11_900, 15_000)]
        .iter()
        .enumerate()
    {
        let mut all = lines(*from, *to);
        all.push(format!(
            "9{part},10002,\"NO, \"\"PRICE\"\"\",1,2020-01-01 10:00,N/A,1,France"
        ));
        let path = csv(cluster, &format!("{name}/{part}.csv"), &all);
        ingest(client, &file(&path, "{}"));
    }
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
}

#[test]
fn the_lake_alone_gives_back_the_same_tables() {
    let cluster = cluster();
    let (mut first, lake) = with_lake(cluster, "rebuild_a");
    filled(&mut first, cluster, "rebuild");
    let expected = prints(&mut first);
    let (mut second, copy) = with_lake(cluster, "rebuild_b");
    copy_lake(cluster, &lake, &copy);
    assert_eq!(
        query_one(&mut second, "SELECT rows_loaded FROM rs_load_lake()"),
        "15000"
    );
    second.batch_execute("SELECT rs_refresh_marts()").unwrap();
    assert_eq!(prints(&mut second), expected);
    assert_quality(&mut second);
    // Both go on alike: sequences, duplicates, keys.
    let next = csv(cluster, "rebuild/next.csv", &lines(14_000, 16_000));
    for client in [&mut first, &mut second] {
        assert_eq!(
            ingest(client, &file(&next, "{}")),
            counts(2000, 1000, 1000, 0)
        );
        client.batch_execute("SELECT rs_refresh_marts()").unwrap();
        assert_quality(client);
    }
    for table in [
        "fact_sales",
        "dim_customer",
        "dim_product",
        "product_description",
        "mart_customer_rfm",
        "mart_daily_kpis",
    ] {
        let table = format!("retailscope.{table}");
        assert_eq!(
            print_of(&mut first, &table),
            print_of(&mut second, &table),
            "{table}"
        );
    }
    assert_lake_in_step(&mut second, &copy);
    // An export is a lake like any other, and into a full warehouse none is loaded.
    let exported = cluster.folder("rebuild-export");
    let export = format!("SELECT rows FROM rs_export_lake('{}')", exported.display());
    assert_eq!(query_one(&mut first, &export), "16000");
    let (code, message) = failure(&mut first, &export);
    assert_eq!(code, "55000", "{message}");
    let load = format!(
        "SELECT rows_loaded FROM rs_load_lake('{}')",
        exported.display()
    );
    let (code, _) = failure(&mut first, &load);
    assert_eq!(code, "55000");
    let mut third = cluster.fresh("rebuild_c");
    assert_eq!(query_one(&mut third, &load), "16000");
    third.batch_execute("SELECT rs_refresh_marts()").unwrap();
    for table in [
        "fact_sales",
        "dim_customer",
        "dim_product",
        "product_description",
        "etl_reject",
        "mart_customer_rfm",
        "mart_daily_kpis",
    ] {
        let table = format!("retailscope.{table}");
        assert_eq!(
            print_of(&mut first, &table),
            print_of(&mut third, &table),
            "{table}"
        );
    }
    assert_quality(&mut third);
}

#[test]
fn a_damaged_lake_is_refused_whole() {
    let cluster = cluster();
    let (mut first, lake) = with_lake(cluster, "damage_a");
    let path = csv(cluster, "damage.csv", &lines(0, 3000));
    ingest(&mut first, &file(&path, "{}"));
    let refused = csv(
        cluster,
        "refused.csv",
        &["1,10002,NO PRICE,1,2020-01-01 10:00,N/A,1,France"],
    );
    ingest(&mut first, &file(&refused, "{}"));
    let files = files_below(&lake);
    assert!(files.iter().any(|f| f.ends_with(".zst")), "{files:?}");
    let mut second = cluster.fresh("damage_b");
    // Manifests carry no checksum of their own: they name those of all other files.
    for (at, name) in files
        .iter()
        .enumerate()
        .filter(|(_, f)| !f.ends_with(".json"))
    {
        let copy = cluster.folder(&format!("damage-{at}"));
        copy_lake(cluster, &lake, &copy);
        let mut bytes = std::fs::read(copy.join(name)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(copy.join(name), bytes).unwrap();
        let (code, message) = failure(
            &mut second,
            &format!("SELECT rs_load_lake('{}')", copy.display()),
        );
        assert!(
            matches!(code.as_str(), "XX001" | "22P04"),
            "{name}: {code} {message}"
        );
        std::fs::remove_file(copy.join(name)).unwrap();
        let (code, _) = failure(
            &mut second,
            &format!("SELECT rs_load_lake('{}')", copy.display()),
        );
        assert_eq!(code, "58P01", "{name}");
    }
    assert_eq!(
        query_one(&mut second, "SELECT count(*) FROM retailscope.fact_sales"),
        "0"
    );
    assert_eq!(
        query_one(&mut second, "SELECT count(*) FROM retailscope.etl_batch"),
        "0"
    );
}

#[test]
fn two_warehouses_do_not_share_a_lake() {
    let cluster = cluster();
    let (mut first, lake) = with_lake(cluster, "share_a");
    let path = csv(cluster, "share.csv", &lines(0, 300));
    ingest(&mut first, &file(&path, "{}"));
    let before = files_below(&lake);
    let mut second = cluster.fresh("share_b");
    use_lake(&mut second, "share_b", &lake);
    let mut second = cluster.connect("share_b");
    let error = try_ingest(&mut second, &file(&path, "{}")).unwrap_err();
    assert_eq!(sqlstate(&error), "55000", "{}", error_text(&error));
    assert!(hint(&error).contains("rs_load_lake"));
    assert_eq!(files_below(&lake), before);
}

#[test]
fn other_tools_read_the_same_cents_and_types() {
    let cluster = cluster();
    let (mut client, lake) = with_lake(cluster, "tools");
    filled(&mut client, cluster, "tools");
    let sum = query_one(
        &mut client,
        "SELECT trim_scale(sum(amount)) FROM retailscope.fact_sales",
    );
    read_by_others(&lake, 15_000, &sum);
}

/// What pyarrow and DuckDB see: rows, the exact sum of the money, and the types of the columns.
const READERS: &str = r#"
import sys
from decimal import Decimal
import duckdb, pyarrow.compute as pc, pyarrow.dataset as ds
lake, rows, want = sys.argv[1], int(sys.argv[2]), Decimal(sys.argv[3])
data = ds.dataset(lake, format="parquet", partitioning="hive", exclude_invalid_files=False)
types = {f.name: str(f.type) for f in data.schema}
for name, kind in dict(sold_at="timestamp[us]", date="date32[day]", quantity="decimal128(18, 4)", unit_price="decimal128(18, 6)",
                       amount="decimal128(38, 10)", customer_id="string", year="int32", month="int32").items():
    assert types[name] == kind, (name, types[name])
seen = data.to_table(columns=["amount", "quantity", "unit_price", "sold_at", "year", "month"])
assert seen.num_rows == rows, seen.num_rows
assert pc.sum(seen["amount"]).as_py() == want, pc.sum(seen["amount"])
assert pc.all(pc.equal(pc.year(seen["sold_at"]), seen["year"])).as_py() and pc.all(pc.equal(pc.month(seen["sold_at"]), seen["month"])).as_py()
row = duckdb.sql(f"SELECT count(*), sum(amount), sum(quantity * unit_price::decimal(18, 6)), any_value(typeof(amount)), any_value(typeof(quantity)), "
                 f"any_value(typeof(unit_price)), any_value(typeof(sold_at)), any_value(typeof(date)), count(*) FILTER (WHERE year = year(sold_at)) "
                 f"FROM read_parquet('{lake}/year=*/month=*/*.parquet', hive_partitioning = true)").fetchall()[0]
assert row == (rows, want, want, "DECIMAL(38,10)", "DECIMAL(18,4)", "DECIMAL(18,6)", "TIMESTAMP", "DATE", rows), row
"#;

/// Fails unless both read these rows and this sum. Run by the tests' own user, who must be able to enter the lake.
pub fn read_by_others(lake: &std::path::Path, rows: u64, sum: &str) {
    let Some(mut python) = tool("python3") else {
        return;
    };
    must(
        python
            .args(["-c", READERS])
            .arg(lake)
            .args([&rows.to_string(), sum]),
    );
}
