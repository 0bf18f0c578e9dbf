//! Relations as sources, files that are not what they say, and tables that the user has changed.

use crate::support::*;
use retailscope_system_tests::{error_text, hint, query_one, rows_as_text, sqlstate};
use std::io::Write;
use std::process::{Command, Stdio};

const VALUES: &str = "
    (1, '500001', '10002', 'A THING', 2, timestamp '2020-03-01 10:00', 1.01, '17850', 'France'),
    (2, '500001', '10003', NULL, 3, timestamp '2020-03-01 10:00', 0.10, '17850', 'France'),
    (3, 'C500002', '10002', 'A THING', -1, timestamp '2020-03-02 11:30', 1.01, NULL, NULL),
    (4, '500003', 'POST', 'POSTAGE', 1, timestamp '2020-04-02 12:00', 18, '17850', 'France')";

fn shop(client: &mut postgres::Client) {
    client
        .batch_execute(&format!(
            "CREATE TABLE shop (line integer, \"Order No\" text, sku text, what text, pieces integer, at timestamp,
                                price numeric(10, 2), buyer text, land text);
             INSERT INTO shop VALUES {VALUES}"
        ))
        .unwrap();
}

const MAPPING: &str = r#"{"Order No": "invoice_no", "sku": "stock_code", "what": "description", "pieces": "quantity",
    "at": "sold_at", "price": "unit_price", "buyer": "customer_id", "land": "country"}"#;

fn table(name: &str) -> String {
    format!("rs_ingest_table('{name}', '{MAPPING}')")
}

const FACTS: &str = "SELECT f.invoice_no, p.stock_code, c.customer_id, f.quantity, f.unit_price, f.amount, f.sold_at, f.line_kind, f.country
    FROM retailscope.fact_sales f JOIN retailscope.dim_product p USING (product_key)
    JOIN retailscope.dim_customer c USING (customer_key) ORDER BY 1, 2";

#[test]
fn a_table_of_ones_own_with_other_names_and_types() {
    let mut client = cluster().fresh("own_table");
    shop(&mut client);
    let error = try_ingest(&mut client, "rs_ingest_table('shop')").unwrap_err();
    assert_eq!(sqlstate(&error), "22023");
    assert!(hint(&error).contains("mapping =>"), "{}", hint(&error));
    assert_eq!(ingest(&mut client, &table("shop")), counts(4, 4, 0, 0));
    let facts = rows_as_text(&mut client, FACTS);
    let row = |cells: &[&str]| -> Vec<Option<String>> {
        cells.iter().map(|c| Some((*c).to_owned())).collect()
    };
    assert_eq!(
        facts[0],
        row(&[
            "500001",
            "10002",
            "17850",
            "2.0000",
            "1.010000",
            "2.0200000000",
            "2020-03-01 10:00:00",
            "sale",
            "France"
        ])
        .into_iter()
        .enumerate()
        .map(|(i, c)| if (3..6).contains(&i) {
            facts[0][i].clone()
        } else {
            c
        })
        .collect::<Vec<_>>()
    );
    let sums = rows_as_text(
        &mut client,
        "SELECT sum(amount) = 19.31, sum(quantity) = 5, count(*) FILTER (WHERE customer_key = 0) = 1,
                count(*) FILTER (WHERE line_kind = 'return') = 1, count(*) FILTER (WHERE line_kind = 'fee') = 1,
                count(*) FILTER (WHERE country = 'Unspecified') = 1
         FROM retailscope.fact_sales",
    );
    assert_eq!(sums, [vec![Some("t".to_owned()); 6]]);
    // The identity is all of a line's columns, the number of the line too: nothing new in the same table or a view of it.
    client
        .batch_execute("CREATE VIEW looked AS SELECT * FROM shop; CREATE MATERIALIZED VIEW kept AS SELECT * FROM shop")
        .unwrap();
    for name in ["shop", "looked", "kept"] {
        assert_eq!(
            ingest(&mut client, &table(name)),
            counts(4, 0, 4, 0),
            "{name}"
        );
    }
    client
        .batch_execute("UPDATE shop SET line = line + 100 WHERE line = 4")
        .unwrap();
    assert_eq!(ingest(&mut client, &table("shop")), counts(4, 1, 3, 0));
}

#[test]
fn partitions_and_other_types_give_the_same_facts() {
    let mut client = cluster().fresh("types");
    shop(&mut client);
    client
        .batch_execute(
            "SET timezone = 'Europe/Berlin'; SET datestyle = 'German, DMY'; SET extra_float_digits = 0;
             CREATE TABLE parted (LIKE shop) PARTITION BY RANGE (at);
             CREATE TABLE march PARTITION OF parted FOR VALUES FROM ('2020-03-01') TO ('2020-04-01');
             CREATE TABLE rest PARTITION OF parted DEFAULT;
             INSERT INTO parted SELECT * FROM shop;
             CREATE TABLE typed AS SELECT line, \"Order No\"::varchar(20), sku::char(12), what, pieces::float8, at::timestamptz,
                 price::float8, buyer::bigint, land FROM shop",
        )
        .unwrap();
    let mut plain = Vec::new();
    for name in ["shop", "parted", "typed"] {
        client.batch_execute("BEGIN").unwrap();
        assert_eq!(
            ingest(&mut client, &table(name)),
            counts(4, 4, 0, 0),
            "{name}"
        );
        let facts = rows_as_text(
            &mut client,
            &FACTS.replace(
                "f.quantity, f.unit_price, f.amount",
                "trim_scale(f.quantity), trim_scale(f.unit_price), trim_scale(f.amount)",
            ),
        );
        assert_eq!(
            query_one(&mut client, "SHOW datestyle"),
            "German, DMY",
            "the session's setting is put back"
        );
        client.batch_execute("ROLLBACK").unwrap();
        if plain.is_empty() {
            plain = facts;
        } else {
            assert_eq!(facts, plain, "{name}");
        }
    }
    // A date is its midnight; nothing is guessed for what has no number.
    client
        .batch_execute(
            "CREATE TABLE odd (invoice_no text, stock_code text, quantity text, sold_at date, unit_price float8, customer_id text);
             INSERT INTO odd VALUES ('1', 'A1', '1', '2020-01-05', 1.5, ''), ('2', 'A1', NULL, '2020-01-05', 1, 'x'),
                 ('3', 'A1', '1', NULL, 1, 'x'), (NULL, 'A1', '1', '2020-01-05', 1, 'x'), ('5', 'A1', '1', 'infinity', 1, 'x'),
                 ('6', 'A1', '1', '2020-01-05', 'NaN', 'x'), ('7', 'A1', '1', '2020-01-05 BC', 1, 'x')",
        )
        .unwrap();
    assert_eq!(
        ingest(&mut client, "rs_ingest_table('odd')"),
        counts(7, 1, 0, 6)
    );
    assert_eq!(
        query_one(&mut client, "SELECT sold_at FROM retailscope.fact_sales"),
        "05.01.2020 00:00:00"
    );
}

#[test]
fn an_admin_who_owns_nothing_loads_what_he_may_see() {
    let cluster = cluster();
    let mut owner = cluster.fresh("admin");
    shop(&mut owner);
    owner
        .batch_execute(
            "CREATE ROLE ann LOGIN; CREATE ROLE bob LOGIN;
             SELECT rs_grant_access('ann', 'admin'); SELECT rs_grant_access('bob', 'reader');",
        )
        .unwrap();
    let mut ann = cluster.connect_as("admin", "ann");
    let error = try_ingest(&mut ann, &table("shop")).unwrap_err();
    assert_eq!(sqlstate(&error), "42501", "{}", error_text(&error));
    owner
        .batch_execute(
            "GRANT SELECT ON shop TO ann, bob; ALTER TABLE shop ENABLE ROW LEVEL SECURITY;
             CREATE POLICY odd_lines ON shop USING (line % 2 = 1)",
        )
        .unwrap();
    assert_eq!(ingest(&mut ann, &table("shop")), counts(2, 2, 0, 0));
    assert_eq!(
        query_one(&mut owner, "SELECT loaded_by FROM retailscope.etl_batch"),
        "ann"
    );
    let refreshed = query_one(&mut ann, "SELECT count(*) FROM rs_refresh_marts()");
    assert_eq!(refreshed, "2");
    assert_quality(&mut ann);
    let mut bob = cluster.connect_as("admin", "bob");
    let error = try_ingest(&mut bob, &table("shop")).unwrap_err();
    assert_eq!(sqlstate(&error), "42501");
    // Of the server's files an admin sees none.
    let path = csv(cluster, "admin.csv", &lines(0, 5));
    let error = try_ingest(&mut ann, &file(&path, "{}")).unwrap_err();
    assert_eq!(sqlstate(&error), "42501");
}

#[test]
fn a_fact_table_with_the_users_own_wishes_gets_the_same_rows() {
    let cluster = cluster();
    let path = csv(cluster, "wishes.csv", &lines(0, 2500));
    let facts = "(SELECT date, sold_at, customer_key, product_key, invoice_no, quantity, unit_price, amount, line_kind, batch_id, country, line_hash FROM retailscope.fact_sales)";
    let mut plain = cluster.fresh("wishes_none");
    ingest(&mut plain, &file(&path, "{}"));
    let expected = print_of(&mut plain, facts);
    for (at, (wish, proof)) in [
        (
            "CREATE TABLE fired (n bigint); CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN INSERT INTO public.fired VALUES (NEW.sale_id); RETURN NEW; END';
             CREATE TRIGGER t AFTER INSERT ON retailscope.fact_sales FOR EACH ROW EXECUTE FUNCTION note()",
            "SELECT (SELECT count(DISTINCT n) FROM public.fired) = 2500 AND (SELECT count(*) FROM public.fired) = 2500",
        ),
        (
            "ALTER TABLE retailscope.fact_sales ADD COLUMN shop integer NOT NULL DEFAULT 7",
            "SELECT count(*) = 2500 AND min(shop) = 7 AND max(shop) = 7 FROM retailscope.fact_sales",
        ),
        (
            "ALTER TABLE retailscope.fact_sales ADD CONSTRAINT cheap CHECK (unit_price < 20)",
            "SELECT count(*) = 2500 FROM retailscope.fact_sales",
        ),
        (
            "ALTER TABLE retailscope.fact_sales ADD COLUMN doubled numeric GENERATED ALWAYS AS (amount * 2) STORED",
            "SELECT count(*) = 2500 AND bool_and(doubled = amount * 2) FROM retailscope.fact_sales",
        ),
        (
            "ALTER TABLE retailscope.fact_sales ADD COLUMN note text; ALTER TABLE retailscope.fact_sales ADD COLUMN gone text;
             ALTER TABLE retailscope.fact_sales DROP COLUMN gone",
            "SELECT count(*) = 2500 AND count(note) = 0 FROM retailscope.fact_sales",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let (mut client, lake) = with_lake(cluster, &format!("wishes_{at}"));
        client.batch_execute(wish).unwrap();
        ingest(&mut client, &file(&path, "{}"));
        assert_eq!(print_of(&mut client, facts), expected, "{wish}");
        assert_eq!(query_one(&mut client, proof), "t", "{wish}");
        client.batch_execute("SELECT rs_refresh_marts()").unwrap();
        assert_quality(&mut client);
        assert_lake_in_step(&mut client, &lake);
    }
    let (mut client, lake) = with_lake(cluster, "wishes_refused");
    client
        .batch_execute(
            "ALTER TABLE retailscope.fact_sales ADD CONSTRAINT cheap CHECK (unit_price < 10)",
        )
        .unwrap();
    let error = try_ingest(&mut client, &file(&path, "{}")).unwrap_err();
    assert_eq!(sqlstate(&error), "23514");
    assert_eq!(
        query_one(&mut client, "SELECT count(*) FROM retailscope.etl_batch"),
        "0"
    );
    assert!(files_below(&lake).is_empty());
}

fn packed(program: &str, bytes: &mut dyn Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(["-c", "-9"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut into = child.stdin.take().unwrap();
    let all: Vec<Vec<u8>> = bytes.collect();
    let writer = std::thread::spawn(move || all.iter().for_each(|b| into.write_all(b).unwrap()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.stdout
}

#[test]
fn files_that_are_not_what_they_say_are_refused_clearly() {
    let cluster = cluster();
    let (mut client, lake) = with_lake(cluster, "hostile");
    let mut witness = Witness::new(cluster, "hostile");
    let good = format!("{HEADER}\n{}\n", lines(0, 2000).join("\n")).into_bytes();
    let one = |bytes: Vec<u8>| std::iter::once(bytes);
    let (gz, zst) = (
        packed("gzip", &mut one(good.clone())),
        packed("zstd", &mut one(good.clone())),
    );
    let bomb = |line: &str| {
        let zeros = vec![b'0'; 1 << 20];
        std::iter::once(line.as_bytes().to_vec())
            .chain((0..300).map(move |_| zeros.clone()))
            .collect::<Vec<_>>()
    };
    let noise: Vec<u8> = (0..300_000_u64)
        .map(|n| (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u8)
        .collect();
    let cut = |bytes: &[u8]| bytes[..bytes.len() * 2 / 3].to_vec();
    let mut flipped = gz.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x55;
    let mut parquet = b"PAR1".to_vec();
    parquet.extend_from_slice(&noise[..5000]);
    parquet.extend_from_slice(&[0xff, 0xff, 0xff, 0x7f]);
    parquet.extend_from_slice(b"PAR1");
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        (
            "bomb.csv.gz",
            packed("gzip", &mut bomb(&format!("{HEADER}\n")).into_iter()),
            &["54000"],
        ),
        (
            "bomb.csv.zst",
            packed("zstd", &mut bomb(&format!("{HEADER}\n")).into_iter()),
            &["54000"],
        ),
        (
            "quotes.csv",
            vec![b'"'; 3 << 20],
            &["22P04", "54000", "22023"],
        ),
        (
            "quoted.csv",
            [good.clone(), vec![b'"'; 3_000_001]].concat(),
            &["rejects"],
        ),
        ("junk.csv", noise.clone(), &["22P04", "22023", "54000"]),
        ("junk.csv.gz", noise.clone(), &["22P04"]),
        ("junk.csv.zst", noise.clone(), &["22P04"]),
        ("junk.parquet", noise.clone(), &["22P04"]),
        ("lies.parquet", parquet, &["22P04", "54000"]),
        ("cut.csv.gz", cut(&gz), &["22P04"]),
        ("cut.csv.zst", cut(&zst), &["22P04"]),
        ("flipped.csv.gz", flipped, &["22P04"]),
        ("zst.csv.gz", zst.clone(), &["22P04"]),
        ("gz.csv", gz.clone(), &["22P04"]),
        ("gz.parquet", gz.clone(), &["22P04"]),
        ("csv.parquet", good.clone(), &["22P04"]),
        ("empty.csv", Vec::new(), &["22P04"]),
        ("blank.csv", b"\n\n\n".to_vec(), &["22P04"]),
        ("zeros.csv", vec![0; 1 << 20], &["22P04", "22023", "54000"]),
        ("other.csv", b"a,b\n1,2\n".to_vec(), &["22023"]),
        ("name.xlsx", good.clone(), &["22023"]),
        ("hopeless.csv", good.replace_all(b"20", b"xx"), &["22P04"]),
    ];
    for (name, bytes, codes) in cases {
        let path = cluster.write_file(&format!("hostile/{name}"), &bytes);
        match try_ingest(&mut client, &file(&path, "{}")) {
            Err(error) => {
                let code = sqlstate(&error);
                assert!(
                    codes.contains(&code.as_str()),
                    "{name}: {code}: {}",
                    error_text(&error)
                );
                assert!(
                    !hint(&error).is_empty(),
                    "{name}: {} has no hint",
                    error_text(&error)
                );
            }
            Ok(counted) => {
                assert_eq!(codes, ["rejects"], "{name}: {counted:?}");
                assert_eq!((counted.loaded, counted.rejected), (2000, 1), "{name}");
                client.batch_execute("TRUNCATE retailscope.etl_batch, retailscope.etl_reject, retailscope.fact_sales, retailscope.lake_file").unwrap();
                for file in files_below(&lake) {
                    std::fs::remove_file(lake.join(file)).unwrap();
                }
            }
        }
        assert_eq!(
            query_one(&mut client, "SELECT count(*) FROM retailscope.etl_batch"),
            "0",
            "{name}"
        );
        assert!(files_below(&lake).is_empty(), "{name}");
        witness.assert_alive();
    }
    for (name, bytes) in [
        ("good.csv.gz", gz),
        ("good.csv.zst", zst),
        ("good.csv", good),
    ] {
        let path = cluster.write_file(&format!("hostile/{name}"), &bytes);
        let loaded = if name == "good.csv.gz" { 2000 } else { 0 };
        assert_eq!(
            ingest(&mut client, &file(&path, "{}")),
            counts(2000, loaded, 2000 - loaded, 0),
            "{name}"
        );
    }
}

trait ReplaceAll {
    fn replace_all(&self, from: &[u8], to: &[u8]) -> Vec<u8>;
}

impl ReplaceAll for Vec<u8> {
    fn replace_all(&self, from: &[u8], to: &[u8]) -> Vec<u8> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        text(self).replace(&text(from), &text(to)).into_bytes()
    }
}
