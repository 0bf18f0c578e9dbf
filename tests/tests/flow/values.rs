//! What values mean: by their type where the source has one, by the options where it has text.

use crate::support::*;
use retailscope_system_tests::{error_text, hint, query_one, rows_as_text, sqlstate};

/// Quantity, price and time of all facts.
const VALUES: &str = "SELECT string_agg(concat_ws(' ', trim_scale(quantity), trim_scale(unit_price), sold_at), ', ' ORDER BY invoice_no)
    FROM retailscope.fact_sales";

#[test]
fn numbers_and_times_of_a_table_mean_what_they_are() {
    let mut client = cluster().fresh("typed_values");
    client
        .batch_execute(
            "CREATE DOMAIN weight AS numeric(10, 3);
             CREATE DOMAIN sold AS weight CHECK (VALUE > 0);
             CREATE TABLE texts (invoice_no text, stock_code text, quantity text, sold_at text, unit_price text);
             INSERT INTO texts VALUES ('1', 'A', '6.000', '03.02.2011', '4,95')",
        )
        .unwrap();
    let options = r#"{"decimal_comma": true, "date_format": ["YYYY-DD-MM", "DD.MM.YYYY"]}"#;
    let call = |table: &str| format!("rs_ingest_table('{table}', '{{}}', '{options}')");
    client.batch_execute("BEGIN").unwrap();
    assert_eq!(ingest(&mut client, &call("texts")), counts(1, 1, 0, 0));
    let value: String = query_one(&mut client, VALUES);
    assert_eq!(value, "6000 4.95 2011-02-03 00:00:00");
    client.batch_execute("ROLLBACK").unwrap();
    for (quantity, moment, price, want) in [
        ("numeric(10, 3)", "timestamp", "text", "6 4.95"),
        ("sold", "date", "text", "6 4.95"),
        ("float8", "timestamptz", "float4", "6 4.95"),
        ("integer", "text", "money", "6 4.95"),
    ] {
        client.batch_execute("BEGIN").unwrap();
        client
            .batch_execute(&format!(
                "SET LOCAL datestyle = 'ISO, DMY';
                 CREATE TABLE typed AS SELECT invoice_no, stock_code, 6.000::{quantity} AS quantity, sold_at::{moment},
                     replace(unit_price, ',', CASE '{price}' WHEN 'text' THEN ',' ELSE '.' END)::{price} AS unit_price
                 FROM texts"
            ))
            .unwrap();
        assert_eq!(ingest(&mut client, &call("typed")), counts(1, 1, 0, 0));
        let value: String = query_one(&mut client, VALUES);
        assert_eq!(
            value,
            format!("{want} 2011-02-03 00:00:00"),
            "{quantity}, {moment}, {price}"
        );
        client.batch_execute("ROLLBACK").unwrap();
    }
}

#[test]
fn sales_exported_again_count_once_when_the_export_time_is_ignored() {
    let cluster = cluster();
    let mut client = cluster.fresh("ignored");
    let export = |name: &str, at: &str| {
        let lines = lines(0, 20);
        let mut text = format!(",{HEADER},exported_at\n");
        for (number, line) in lines.iter().enumerate() {
            text.push_str(&format!("{number}{at},{line},2024-05-{at} 03:00\n"));
        }
        let path = cluster.write_file(name, text.as_bytes());
        format!(
            "rs_ingest_file('{}', '{{\"exported_at\": null, \"\": null}}')",
            path.display()
        )
    };
    let (first, second) = (export("ignored/1.csv", "01"), export("ignored/2.csv", "02"));
    assert_eq!(ingest(&mut client, &first), counts(20, 20, 0, 0));
    assert_eq!(ingest(&mut client, &second), counts(20, 0, 20, 0));
    let error = try_ingest(&mut client, &first.replace("exported_at", "exportd_at")).unwrap_err();
    assert_eq!(sqlstate(&error), "22023");
    assert!(
        error_text(&error).contains("no column \"exportd_at\", did you mean \"exported_at\"?"),
        "{}",
        error_text(&error)
    );
    assert!(hint(&error).contains("without case"), "{}", hint(&error));
}

#[test]
fn a_row_of_a_table_is_as_long_as_a_line_may_be() {
    let mut client = cluster().fresh("long_rows");
    client
        .batch_execute(
            "CREATE TABLE wide AS SELECT n AS invoice_no, 'A' AS stock_code, 1 AS quantity, date '2024-01-01' + n AS sold_at,
                 2.5 AS unit_price, repeat('x', CASE n WHEN 2 THEN 1500000 ELSE 900000 END) AS photo
             FROM generate_series(1, 3) n",
        )
        .unwrap();
    assert_eq!(
        ingest(&mut client, "rs_ingest_table('wide')"),
        counts(3, 2, 0, 1)
    );
    assert_eq!(
        rows_as_text(
            &mut client,
            "SELECT line_no, reason, raw FROM retailscope.etl_reject"
        ),
        [[
            "2",
            "the row is longer than 1048576 bytes",
            "2,A,,1,2024-01-03,2.5,,,"
        ]
        .map(|cell| Some(cell.to_owned()))
        .to_vec()]
    );
    let more = r#"rs_ingest_table('wide', '{}', '{"max_line_bytes": 2000000}')"#;
    assert_eq!(ingest(&mut client, more), counts(3, 1, 2, 0));
    // The column may also be left out.
    client.batch_execute("BEGIN").unwrap();
    let without = r#"rs_ingest_table('wide', '{"photo": null}')"#;
    assert_eq!(ingest(&mut client, without), counts(3, 3, 0, 0));
}

#[test]
fn a_lake_with_the_longest_reject_can_be_loaded() {
    let cluster = cluster();
    let (mut client, _) = with_lake(cluster, "long_reject");
    // Nine megabytes that are no text, in a line that is allowed to be so long: in JSON four bytes and more for each.
    let mut file = format!("{HEADER}\n{}\n", lines(0, 1)[0]).into_bytes();
    file.extend(std::iter::repeat_n(b"\x01\xff", 4_500_000).flatten());
    file.push(b'\n');
    let path = cluster.write_file("long_reject.csv", &file);
    let call = format!(
        "rs_ingest_file('{}', '{{}}', '{{\"max_line_bytes\": 20000000}}')",
        path.display()
    );
    assert_eq!(ingest(&mut client, &call), counts(2, 1, 0, 1));
    let kept = "SELECT md5(raw), length(raw) BETWEEN 1000000 AND 1048576, raw LIKE '% more bytes are not kept)'
        FROM retailscope.etl_reject";
    let before = rows_as_text(&mut client, kept);
    assert_eq!(before[0][1..], [Some("t".to_owned()), Some("t".to_owned())]);
    let error = client.batch_execute("SELECT rs_load_lake()").unwrap_err();
    let empty = hint(&error);
    let empty = empty.split_once(": ").unwrap().1;
    client.batch_execute(empty).unwrap();
    let loaded = query_one(&mut client, "SELECT rows_loaded FROM rs_load_lake()");
    assert_eq!(loaded, "1");
    assert_eq!(rows_as_text(&mut client, kept), before);
}

#[test]
fn the_largest_numbers_fit_the_lake_and_their_sums_are_checked() {
    let cluster = cluster();
    let (mut client, lake) = with_lake(cluster, "largest");
    let line = |n: u64, quantity: &str, price: &str| {
        format!("{n},20001,THING,{quantity},2024-01-01 10:00,{price},,France")
    };
    let most = ("999999999999.9999", "999999999999.999999");
    let path = csv(
        cluster,
        "largest/edges.csv",
        &[
            line(1, "1", "1000000000000"),
            line(2, "-1000000000000", "1"),
            line(3, most.0, most.1),
        ],
    );
    assert_eq!(ingest(&mut client, &file(&path, "{}")), counts(3, 1, 0, 2));
    let reasons: String = query_one(
        &mut client,
        "SELECT string_agg(reason, ', ' ORDER BY line_no) FROM retailscope.etl_reject",
    );
    assert_eq!(
        reasons,
        "unit_price is out of range (between -10^12 and 10^12): \"1000000000000\", \
         quantity is out of range (between -10^12 and 10^12): \"-1000000000000\""
    );
    assert_lake_in_step(&mut client, &lake);
    // 17,014 of the largest amounts fit 128 bits.
    let many: Vec<String> = (1..=17_020).map(|n| line(n + 10, most.0, most.1)).collect();
    let path = csv(cluster, "largest/many.csv", &many);
    let error = try_ingest(&mut client, &file(&path, "{}")).unwrap_err();
    assert_eq!(sqlstate(&error), "22003");
    assert_eq!(
        error_text(&error),
        "the sum of the amounts is over 38 digits"
    );
    let facts = query_one(&mut client, "SELECT count(*) FROM retailscope.fact_sales");
    assert_eq!(facts, "1");
    assert_lake_in_step(&mut client, &lake);
}
