//! The same sales in every form that ingest reads end as the same facts.

use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{must, query_one, tool};
use std::path::Path;
use std::process::{Command, Stdio};

/// All that a line says, in an order of its own: equal for equal facts, whatever their keys and their source.
fn natural(client: &mut Client) -> String {
    query_one(
        client,
        "SELECT count(*) || ' ' || md5(string_agg(line, E'\\n' ORDER BY line COLLATE \"C\"))
         FROM (SELECT concat_ws('|', f.invoice_no, p.stock_code, p.description, f.sold_at, trim_scale(f.quantity), trim_scale(f.unit_price),
                                trim_scale(f.amount), c.customer_id, f.country, f.line_kind, p.is_merchandise) AS line
               FROM retailscope.fact_sales f JOIN retailscope.dim_product p USING (product_key)
               JOIN retailscope.dim_customer c USING (customer_key)) l",
    )
}

fn packed(program: &str, path: &Path) -> Vec<u8> {
    let output = Command::new(program)
        .args(["-c", "-q"])
        .stdin(Stdio::from(std::fs::File::open(path).unwrap()))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

/// Separated otherwise, and with dates as two tills write them: by turns German and American.
fn rewritten(lines: &[String], delimiter: char) -> String {
    let mut text = HEADER.replace(',', &delimiter.to_string());
    for (n, line) in lines.iter().enumerate() {
        let mut fields: Vec<String> = line.split(',').map(str::to_owned).collect();
        let (date, time) = fields[4].split_once(' ').unwrap();
        let [y, m, d] = [0, 1, 2].map(|at| date.split('-').nth(at).unwrap());
        fields[4] = match n % 3 {
            0 => format!("{d}.{m}.{y} {time}"),
            1 => format!("{m}/{d}/{y} {time}"),
            _ => format!("{date} {time}"),
        };
        text.push('\n');
        text.push_str(&fields.join(&delimiter.to_string()));
    }
    text.push('\n');
    text
}

/// The file as pyarrow writes it: with types of its own choice, and with other names, exact numbers and packed otherwise.
const PYARROW: &str = r#"
import sys
import pyarrow as pa, pyarrow.csv as csv, pyarrow.parquet as pq
source, typed, renamed = sys.argv[1:]
table = csv.read_csv(source)
assert [str(f.type) for f in table.schema] == ["string", "string", "string", "int64", "timestamp[s]", "double", "int64", "string"], table.schema
pq.write_table(table, typed, row_group_size=700)
names = ["Bon", "Artikel", "Text", "Menge", "Zeit", "Preis", "Kunde", "Land"]
types = [pa.large_string(), pa.dictionary(pa.int32(), pa.string()), pa.string(), pa.decimal128(12, 3), pa.timestamp("us"), pa.decimal128(10, 2),
         pa.int32(), pa.dictionary(pa.int8(), pa.string())]
columns = csv.read_csv(source, convert_options=csv.ConvertOptions(column_types={"Price": pa.decimal128(10, 2), "Quantity": pa.decimal128(12, 3)}))
other = pa.table([c.cast(t) for c, t in zip(columns.columns, types)], names=names)
pq.write_table(other, renamed, compression="zstd", data_page_version="2.0", use_dictionary=["Artikel", "Land"], row_group_size=999)
"#;

/// What the second file calls the fields.
const RENAMED: &str = r#"{"Bon": "invoice_no", "Artikel": "stock_code", "Text": "description", "Menge": "quantity", "Zeit": "sold_at",
    "Preis": "unit_price", "Kunde": "customer_id", "Land": "country"}"#;

/// Tables of the database that are filled from the file: a foreign one, and one of many partitions.
fn relations(client: &mut Client, csv: &Path) {
    let columns = HEADER
        .split(',')
        .map(|name| format!("\"{name}\" text"))
        .collect::<Vec<_>>()
        .join(", ");
    client
        .batch_execute(&format!(
            "CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
             CREATE FOREIGN TABLE abroad ({columns}) SERVER files OPTIONS (filename '{path}', format 'csv', header 'true');
             CREATE TABLE parted ({columns}) PARTITION BY LIST (\"Country\");
             CREATE TABLE french PARTITION OF parted FOR VALUES IN ('France');
             CREATE TABLE others PARTITION OF parted DEFAULT PARTITION BY HASH (\"Invoice\");
             CREATE TABLE even PARTITION OF others FOR VALUES WITH (MODULUS 2, REMAINDER 0);
             CREATE TABLE odd PARTITION OF others FOR VALUES WITH (MODULUS 2, REMAINDER 1);
             COPY parted FROM '{path}' (FORMAT csv, HEADER)",
            path = csv.display()
        ))
        .unwrap();
}

#[test]
fn the_same_lines_in_every_form_are_the_same_facts() {
    let cluster = cluster();
    let mut first = cluster.fresh("formats");
    let all = lines(0, 2000);
    let plain = csv(cluster, "formats/plain.csv", &all);
    assert_eq!(
        ingest(&mut first, &file(&plain, "{}")),
        counts(2000, 2000, 0, 0)
    );
    let expected = natural(&mut first);
    assert!(expected.starts_with("2000 "), "{expected}");

    let write = |name: &str, bytes: &[u8]| cluster.write_file(&format!("formats/{name}"), bytes);
    let dates = r#""date_format": ["DD.MM.YYYY HH24:MI", "MM/DD/YYYY HH24:MI"]"#;
    let mut forms = vec![
        (
            "gzip",
            file(&write("packed.csv.gz", &packed("gzip", &plain)), "{}"),
        ),
        (
            "zstd",
            file(&write("packed.csv.zst", &packed("zstd", &plain)), "{}"),
        ),
        (
            "bars",
            file(
                &write("bars.csv", rewritten(&all, '|').as_bytes()),
                &format!("{{\"delimiter\": \"|\", {dates}}}"),
            ),
        ),
        (
            "tabs",
            file(
                &write("tabs.tsv", rewritten(&all, '\t').as_bytes()),
                &format!("{{\"delimiter\": \"tab\", {dates}}}"),
            ),
        ),
        ("a foreign table", "rs_ingest_table('abroad')".to_owned()),
        ("partitions", "rs_ingest_table('parted')".to_owned()),
    ];
    if let Some(mut python) = tool("python3") {
        // Written where the tests' own user may, then given to the server.
        let folder = cluster.folder("formats");
        let [typed, renamed] = ["typed", "renamed"].map(|n| folder.join(format!("{n}.parquet")));
        must(
            python
                .args(["-c", PYARROW])
                .args([&plain, &typed, &renamed]),
        );
        cluster.give(&typed);
        cluster.give(&renamed);
        forms.push(("Parquet", file(&typed, "{}")));
        forms.push((
            "Parquet with a mapping",
            format!("rs_ingest_file('{}', '{RENAMED}')", renamed.display()),
        ));
    }
    for (at, (form, call)) in forms.iter().enumerate() {
        let mut client = cluster.fresh(&format!("formats_{at}"));
        relations(&mut client, &plain);
        assert_eq!(
            ingest(&mut client, call),
            counts(2000, 2000, 0, 0),
            "{form}"
        );
        assert_eq!(natural(&mut client), expected, "{form}");
        // Again nothing is new.
        assert_eq!(
            ingest(&mut client, call),
            counts(2000, 0, 2000, 0),
            "{form}"
        );
    }
}
