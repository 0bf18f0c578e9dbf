//! The lake as pyarrow and DuckDB see it.

use std::path::Path;
use std::process::Command;

use super::sample::{realistic, write};
use crate::clean::decimal::format_decimal;
use crate::clean::line::AMOUNT_SCALE;
use crate::lake::{data_path, manifest_path};

const SCRIPT: &str = r#"
import sys, duckdb
import pyarrow.dataset as ds, pyarrow.parquet as pq, pyarrow.compute as pc
root = sys.argv[1]
data = ds.dataset(root, format="parquet", partitioning="hive")
table = data.to_table()
for field in table.schema:
    print(field.name, field.type, sep="|")
print("sum", pc.sum(table["amount"]).as_py().normalize(), sep="|")
print("rows", table.num_rows, sep="|")
print("months", sorted(set(table["month"].to_pylist())), sorted(set(table["year"].to_pylist())), sep="|")
print("nulls", table["description"].null_count, table["customer_id"].null_count, sep="|")
print("first", table["sold_at"][0].as_py(), table["date"][0].as_py(), table["line_hash"][0].as_py().hex(), sep="|")
# DuckDB takes a month with a leading zero for text, and compares it with numbers all the same.
d = duckdb.sql(f"select sum(amount), count(*), min(year), max(month::int), count(*) filter (where month = 2), typeof(any_value(sold_at)), "
               f"typeof(any_value(quantity)), typeof(any_value(unit_price)), typeof(any_value(amount)), "
               f"sum(quantity * unit_price::decimal(18,6)) = sum(amount) "
               f"from read_parquet('{root}/**/*.parquet', hive_partitioning = true)").fetchall()[0]
print("duckdb", d[0].normalize(), *d[1:], sep="|")
meta = pq.ParquetFile(f"{root}/year=2010/month=02/batch-00000007-0.parquet").metadata
print("meta", meta.created_by, meta.metadata[b"retailscope.lake_format"].decode(), meta.row_group(0).column(1).statistics.has_min_max, sep="|")
"#;

#[test]
fn pyarrow_and_duckdb_see_the_same_rows() {
    // `make test` names an environment that has both; a tool that is missing there is a failure.
    let Some(tools) = std::env::var_os("RETAILSCOPE_TOOLS").filter(|v| !v.is_empty()) else {
        println!("RETAILSCOPE_TOOLS is not set: skipped");
        return;
    };
    let python = Path::new(&tools).join("bin/python3");
    let rows = realistic(20_000);
    let root = tempfile::tempdir().unwrap();
    let mut amount = 0;
    for month in [1, 2] {
        let (bytes, written) = write(std::slice::from_ref(&rows));
        let path = root.path().join(data_path(2010, month, 7, 0));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        amount += written.amount;
    }
    // What lies beside the data must not disturb.
    let manifest = root.path().join(manifest_path(7));
    std::fs::create_dir_all(manifest.parent().unwrap()).unwrap();
    std::fs::write(manifest, b"{}").unwrap();

    let out = Command::new(&python)
        .args(["-c", SCRIPT])
        .arg(root.path())
        .output()
        .unwrap();
    assert!(
        out.status.success(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let seen: Vec<String> = String::from_utf8(out.stdout)
        .unwrap()
        .lines()
        .map(Into::into)
        .collect();
    let line = rows.lines.line(0).unwrap();
    let sum = format_decimal(amount, AMOUNT_SCALE);
    let empty = |get: &dyn Fn(usize) -> bool| 2 * (0..rows.rows()).filter(|&r| get(r)).count();
    let expected = [
        "sale_id|int64".to_owned(),
        "date|date32[day]".into(),
        "sold_at|timestamp[us]".into(),
        "invoice_no|string".into(),
        "stock_code|string".into(),
        "description|string".into(),
        "quantity|decimal128(18, 4)".into(),
        "unit_price|decimal128(18, 6)".into(),
        "amount|decimal128(38, 10)".into(),
        "customer_id|string".into(),
        "country|string".into(),
        "line_kind|string".into(),
        "is_merchandise|bool".into(),
        "line_no|int64".into(),
        "batch_id|int64".into(),
        "customer_key|int32".into(),
        "product_key|int32".into(),
        "line_hash|fixed_size_binary[16]".into(),
        "year|int32".into(),
        "month|int32".into(),
        format!("sum|{sum}"),
        "rows|40000".into(),
        "months|[1, 2]|[2010]".into(),
        format!(
            "nulls|{}|{}",
            empty(&|r| rows.lines.description.get(r).is_empty()),
            empty(&|r| rows.lines.customer_id.get(r).is_empty())
        ),
        format!(
            "first|2009-12-01 {}|2009-12-01|{:032x}",
            clock(line.sold_at),
            line.hash
        ),
        format!(
            "duckdb|{sum}|40000|2010|2|20000|TIMESTAMP|DECIMAL(18,4)|DECIMAL(18,6)|DECIMAL(38,10)|True"
        ),
        format!("meta|retailscope {}|1|True", env!("CARGO_PKG_VERSION")),
    ];
    assert_eq!(seen, expected);
}

/// `HH:MM:SS` of a moment.
fn clock(micros: i64) -> String {
    let s = micros.rem_euclid(86_400_000_000) / 1_000_000;
    format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}
