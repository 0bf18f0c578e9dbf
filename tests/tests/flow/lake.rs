//! The lake from outside: it alone is enough, other tools read it, and no crash leaves half of anything in it.

use crate::support::*;
use retailscope_system_tests::{Cluster, error_text, hint, query_one, sqlstate};
use std::process::Command;
use std::time::Duration;

fn copy_lake(cluster: &Cluster, from: &std::path::Path, to: &std::path::Path) {
    cluster.must_run(
        "/bin/sh",
        &[
            "-c",
            &format!("cp -r {}/. {}/", from.display(), to.display()),
        ],
    );
}

/// Three batches with rejects, duplicates and overlapping months.
fn filled(client: &mut postgres::Client, cluster: &Cluster, name: &str) {
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
    let script = r#"
import sys, glob
from decimal import Decimal
lake, want = sys.argv[1], Decimal(sys.argv[2])
done = []
try:
    import pyarrow.dataset as ds, pyarrow.compute as pc
    t = ds.dataset(lake, format="parquet", partitioning="hive", exclude_invalid_files=False).to_table()
    assert t.num_rows == 15000, t.num_rows
    assert sum(t["amount"].to_pylist()) == want
    assert str(t.schema.field("amount").type).startswith("decimal128("), t.schema
    assert str(t.schema.field("sold_at").type).startswith("timestamp[us"), t.schema
    assert str(t.schema.field("year").type) == "int32", t.schema
    done.append("pyarrow")
except ImportError:
    pass
try:
    import duckdb
    row = duckdb.connect().execute(f"SELECT count(*), sum(amount), any_value(typeof(amount)), any_value(typeof(sold_at)), min(year), count(DISTINCT month) "
                     f"FROM read_parquet('{lake}/year=*/month=*/*.parquet', hive_partitioning = true)").fetchone()
    assert row[0] == 15000 and row[1] == want, row
    assert row[2].startswith("DECIMAL(") and row[3] == "TIMESTAMP", row
    done.append("duckdb")
except ImportError:
    pass
print(" ".join(done))
"#;
    // The tests' own Python, as their own user: the server's user need not have these packages.
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(&lake)
        .arg(&sum)
        .output();
    match output {
        Ok(output) if output.status.success() && !output.stdout.trim_ascii().is_empty() => {
            println!("read by {}", String::from_utf8_lossy(&output.stdout));
        }
        Ok(output) if output.status.success() => println!("neither pyarrow nor duckdb: skipped"),
        Ok(output) => panic!("{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => println!("no python3 ({error}): skipped"),
    }
}

#[test]
fn a_full_disk_leaves_the_lake_as_it_was() {
    let cluster = cluster();
    let (mut client, lake) = with_lake(cluster, "full");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=192k,mode=0777", "tmpfs"])
        .arg(&lake)
        .output();
    if !mounted.is_ok_and(|o| o.status.success()) {
        println!("no tmpfs can be mounted here: skipped");
        return;
    }
    struct Unmount<'a>(&'a std::path::Path);
    impl Drop for Unmount<'_> {
        fn drop(&mut self) {
            let _done = Command::new("umount").arg("-l").arg(self.0).status();
        }
    }
    let _unmount = Unmount(&lake);
    let small = csv(cluster, "full/small.csv", &lines(0, 200));
    ingest(&mut client, &file(&small, "{}"));
    let before = (prints(&mut client), files_below(&lake));
    let large = csv(cluster, "full/large.csv", &lines(200, 40_000));
    let error = try_ingest(&mut client, &file(&large, "{}")).unwrap_err();
    assert!(
        matches!(sqlstate(&error).as_str(), "53100" | "58030"),
        "{} {}",
        sqlstate(&error),
        error_text(&error)
    );
    assert_eq!((prints(&mut client), files_below(&lake)), before);
    let next = csv(cluster, "full/next.csv", &lines(100, 300));
    assert_eq!(ingest(&mut client, &file(&next, "{}")).loaded, 100);
    assert_lake_in_step(&mut client, &lake);
}

#[test]
fn a_server_process_killed_at_any_moment_leaves_old_or_new() {
    let cluster = Cluster::start(&["restart_after_crash = on"]);
    let (mut client, lake) = with_lake(&cluster, "killed");
    cluster.fresh("killed_empty");
    let base = csv(&cluster, "base.csv", &lines(0, 500));
    ingest(&mut client, &file(&base, "{}"));
    let mut from = 500;
    let mut cut_short = 0;
    for attempt in 0..20_u64 {
        let mut client = reconnect(&cluster, "killed");
        let path = csv(&cluster, "next.csv", &lines(from, from + 20_000));
        let exporting = attempt % 4 == 3;
        let exported = cluster.folder(&format!("export-{attempt}"));
        let call = if exporting {
            format!("SELECT rows FROM rs_export_lake('{}')", exported.display())
        } else {
            format!("SELECT rows_loaded FROM {}", file(&path, "{}"))
        };
        let victim = pid(&mut client);
        let worker = std::thread::spawn(move || (client.batch_execute(&call), client));
        std::thread::sleep(Duration::from_millis(5 + attempt * 23));
        Command::new("kill")
            .args(["-9", &victim.to_string()])
            .output()
            .unwrap();
        let (result, session) = worker.join().unwrap();
        cut_short += u32::from(result.is_err());
        drop(session);
        // Until the server has noticed, it still takes connections that it is about to cut.
        std::thread::sleep(Duration::from_millis(300));
        let mut client = reconnect(&cluster, "killed");
        client.batch_execute("SELECT rs_lake_sweep()").unwrap();
        assert_lake_in_step(&mut client, &lake);
        let rows: u64 = query_one(&mut client, "SELECT count(*) FROM retailscope.fact_sales")
            .parse()
            .unwrap();
        assert!(rows == from || rows == from + 20_000, "{rows} after {from}");
        from = rows;
        // Cut short between commit and renaming, an export is not taken for a whole lake.
        let hidden = files_below(&exported).iter().any(|f| f.contains("/."));
        if exporting && hidden {
            let mut empty = reconnect(&cluster, "killed_empty");
            let (code, message) = failure(
                &mut empty,
                &format!("SELECT rs_load_lake('{}')", exported.display()),
            );
            assert_eq!(code, "55000", "{message}");
        }
    }
    assert!(cut_short >= 10, "only {cut_short} of 20 were cut short");
    let mut client = reconnect(&cluster, "killed");
    client.batch_execute("SELECT rs_refresh_marts()").unwrap();
    assert_quality(&mut client);
}
