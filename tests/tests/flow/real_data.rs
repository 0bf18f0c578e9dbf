//! Online Retail II: every line and every cent against figures that independent tools computed. Loaded once, in order.

use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{
    Cluster, data, error_text, must, query_one, rows_as_text, sqlstate,
};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A file of the data, unpacked by the system's zstd into the cluster's folder.
pub fn unpacked(cluster: &Cluster, from: &Path, to: &str) -> PathBuf {
    let output = must(Command::new("zstd").args(["-dcq"]).arg(from));
    cluster.write_file(to, &output.stdout)
}

/// A warehouse with all of Online Retail II and no models, if the real data are there: loaded once, copied as often as it is
/// needed.
pub fn retail(db: &str) -> Option<Client> {
    static MADE: OnceLock<()> = OnceLock::new();
    let folder = data()?.join("online_retail_ii");
    MADE.get_or_init(|| {
        let mut client = cluster().fresh("retail_loaded");
        let whole = cluster().stage(&folder.join("online_retail_II.csv.zst"));
        ingest(&mut client, &file(&whole, "{}"));
        client.batch_execute("VACUUM (FREEZE, ANALYZE)").unwrap();
    });
    Some(crate::shop::copy("retail_loaded", db))
}

/// Brings an expected file into a temporary table of text columns.
pub fn expected(client: &mut Client, cluster: &Cluster, folder: &Path, name: &str, columns: &str) {
    let staged = cluster.stage(&folder.join("expected").join(format!("{name}.csv")));
    client
        .batch_execute(&format!(
            "CREATE TEMP TABLE {name} ({columns}); COPY {name} FROM '{}' (FORMAT csv, HEADER)",
            staged.display()
        ))
        .unwrap();
}

/// The first row, its values parted by blanks.
pub fn one_row(client: &mut Client, sql: &str) -> String {
    rows_as_text(client, sql)[0]
        .iter()
        .map(|v| v.clone().unwrap_or_default())
        .collect::<Vec<_>>()
        .join(" ")
}

const MERCHANDISE: &str =
    "retailscope.fact_sales f JOIN retailscope.dim_product p USING (product_key)
    WHERE p.is_merchandise AND f.line_kind = 'sale'";

#[test]
fn online_retail_ii_to_the_cent() {
    let Some(folder) = data().map(|d| d.join("online_retail_ii")) else {
        return;
    };
    let _turn = alone();
    let cluster = cluster();
    let (mut client, lake) = with_lake(cluster, "retail");
    let whole = cluster.stage(&folder.join("online_retail_II.csv.zst"));
    let victim = pid(&mut client);
    assert_eq!(
        ingest(&mut client, &file(&whole, "{}")),
        counts(1_067_371, 1_033_036, 34_335, 0)
    );
    let peak = memory_kb(victim, "VmHWM") >> 10;
    assert!(peak < 300, "the ingest took {peak} MB at its peak");
    assert_eq!(
        one_row(
            &mut client,
            "SELECT trim_scale(amount_read), trim_scale(amount_loaded), trim_scale(gross_revenue) FROM retailscope.etl_batch"
        ),
        "19287250.568 18855533.698 19642692.15"
    );
    assert_eq!(
        query_one(
            &mut client,
            "SELECT string_agg(DISTINCT cutoff::text, ' ') FROM rs_refresh_marts()"
        ),
        "2011-12-10"
    );
    facts_are_right(&mut client);
    files_are_equal(&mut client, cluster, &folder);
    crate::lake::read_by_others(&lake, 1_033_036, "18855533.698");
    assert_quality(&mut client);
    let before = prints(&mut client);
    rebuilt_from_the_lake(cluster, &lake, &before);
    daily_files_add_nothing(&mut client, cluster, &folder);
    let after = prints(&mut client);
    for (then, now) in before.iter().zip(&after) {
        if !then.0.ends_with("etl_batch") {
            assert_eq!(then, now);
        }
    }
    assert_quality(&mut client);
    assert_lake_in_step(&mut client, &lake);
}

fn facts_are_right(client: &mut Client) {
    assert_eq!(
        one_row(
            client,
            "SELECT count(*), trim_scale(sum(amount)), min(sold_at), max(sold_at), count(DISTINCT date) FROM retailscope.fact_sales"
        ),
        "1033036 18855533.698 2009-12-01 07:45:00 2011-12-09 12:50:00 604"
    );
    assert_eq!(
        one_row(
            client,
            &format!(
                "SELECT count(*), count(DISTINCT invoice_no), trim_scale(sum(amount)), count(DISTINCT f.country) FROM {MERCHANDISE}"
            )
        ),
        "1003214 39516 19642692.15 43"
    );
    assert_eq!(
        one_row(
            client,
            &format!(
                "SELECT count(*), count(DISTINCT invoice_no), count(DISTINCT customer_key), trim_scale(sum(amount)) FROM {MERCHANDISE} AND customer_key <> 0"
            )
        ),
        "776577 36594 5852 17068567.97"
    );
    // The kinds, told from the lines themselves by a rule of this test's own.
    let kinds = rows_as_text(
        client,
        "SELECT CASE WHEN unit_price = 0 THEN 'free'
                     WHEN upper(stock_code) ~ '^\\d{5}[A-Z]*$' AND (invoice_no LIKE 'C%' OR quantity < 0) THEN 'return'
                     WHEN upper(stock_code) ~ '^\\d{5}[A-Z]*$' THEN 'sale' END AS kind, line_kind, count(*)
         FROM retailscope.fact_sales JOIN retailscope.dim_product USING (product_key)
         WHERE unit_price = 0 OR upper(stock_code) ~ '^\\d{5}[A-Z]*$'
         GROUP BY 1, 2 ORDER BY 3 DESC",
    );
    let wrong: Vec<_> = kinds.iter().filter(|k| k[0] != k[1]).collect();
    let few: i64 = wrong
        .iter()
        .map(|k| k[2].as_deref().unwrap_or("0").parse::<i64>().unwrap())
        .sum();
    // Wrong by that rule: only what the standard rules take for test products or the like.
    assert!(few < 50, "{kinds:?}");
    assert_eq!(
        query_one(client, "SELECT string_agg(concat_ws(' ', customer_id, recency_days, frequency, trim_scale(monetary)), ', ' ORDER BY customer_id)
            FROM retailscope.mart_customer_rfm WHERE customer_id IN ('12346', '12347', '14646', '18102', '18287')"),
        "12346 326 3 77352.96, 12347 3 8 4921.53, 14646 2 145 526751.52, 18102 1 145 580987.04, 18287 43 7 4132.99"
    );
    assert_eq!(
        one_row(
            client,
            "SELECT round(avg(recency_days), 6), round(avg(frequency), 6), round(avg(monetary), 6) FROM retailscope.mart_customer_rfm"
        ),
        "200.732399 6.253247 2916.706762"
    );
}

fn files_are_equal(client: &mut Client, cluster: &Cluster, folder: &Path) {
    expected(
        client,
        cluster,
        folder,
        "daily_cleanL",
        "day date, gross numeric, orders bigint, units numeric, lines bigint",
    );
    monthly(client, cluster, folder);
    expected(
        client,
        cluster,
        folder,
        "products_cleanL",
        "code text, description text, revenue numeric, units numeric, orders bigint",
    );
    expected(
        client,
        cluster,
        folder,
        "rfm_cleanL",
        "id text, first timestamp, last timestamp, recency_days integer, frequency bigint,
        monetary numeric, lines bigint, units numeric",
    );
    expected(
        client,
        cluster,
        folder,
        "rfm_scores_ntile5",
        "id text, recency_days integer, frequency bigint, monetary numeric, r integer, f integer, m integer",
    );
    // The files hold binary doubles as pandas prints them; their cents are exact once rounded.
    for (what, rows, difference) in [
        ("days", 604,
         "SELECT count(*), count(*) FILTER (WHERE (k.gross_revenue, k.orders, k.units) IS DISTINCT FROM (round(e.gross, 3), e.orders, e.units))
          FROM daily_cleanL e FULL JOIN (SELECT * FROM retailscope.mart_daily_kpis WHERE orders > 0) k ON k.date = e.day".to_owned()),
        ("months", 25,
         format!("SELECT count(*), count(*) FILTER (WHERE (s.gross, s.orders, s.customers) IS DISTINCT FROM (round(e.gross, 3), e.orders, e.customers))
          FROM monthly e
          FULL JOIN (SELECT to_char(date, 'YYYY-MM') AS month, sum(amount) AS gross, count(DISTINCT invoice_no) AS orders,
                            count(DISTINCT customer_key) FILTER (WHERE customer_key <> 0) AS customers FROM {MERCHANDISE} GROUP BY 1) s USING (month)")),
        // By the codes as the warehouse has them; the file keeps lower case and blanks apart, and of orders no sum can be made.
        ("products", 4707,
         format!("SELECT count(*), count(*) FILTER (WHERE (s.revenue, s.units) IS DISTINCT FROM (e.revenue, e.units)
                                                       OR e.codes = 1 AND s.orders IS DISTINCT FROM e.orders)
          FROM (SELECT upper(trim(code)) AS code, round(sum(revenue), 3) AS revenue, sum(units) AS units, max(orders) AS orders, count(*) AS codes
                FROM products_cleanL GROUP BY 1) e
          FULL JOIN (SELECT p.stock_code AS code, sum(amount) AS revenue, sum(quantity) AS units, count(DISTINCT invoice_no) AS orders
                     FROM {MERCHANDISE} GROUP BY 1) s USING (code)")),
        ("customers", 5852,
         "SELECT count(*), count(*) FILTER (WHERE (m.recency_days, m.frequency, m.monetary, m.first_sale_date, m.last_sale_date)
                 IS DISTINCT FROM (e.recency_days, e.frequency, round(e.monetary, 3), e.first::date, e.last::date))
          FROM rfm_cleanL e FULL JOIN retailscope.mart_customer_rfm m ON m.customer_id = e.id".to_owned()),
        ("scores", 5852,
         "SELECT count(*), count(*) FILTER (WHERE (m.r_score, m.f_score, m.m_score) IS DISTINCT FROM (e.r, e.f, e.m))
          FROM (SELECT id, min(r) OVER (PARTITION BY recency_days) AS r, min(f) OVER (PARTITION BY frequency) AS f,
                       min(m) OVER (PARTITION BY monetary) AS m FROM rfm_scores_ntile5) e
          FULL JOIN retailscope.mart_customer_rfm m ON m.customer_id = e.id".to_owned()),
    ] {
        assert_eq!(one_row(client, &difference), format!("{rows} 0"), "{what}");
    }
    assert_eq!(
        query_one(
            client,
            &format!(
                "SELECT (SELECT sum(revenue) FROM products_cleanL)::numeric(20, 3) = sum(amount) FROM {MERCHANDISE}"
            )
        ),
        "t"
    );
}

fn rebuilt_from_the_lake(cluster: &Cluster, lake: &Path, expected: &[(String, String)]) {
    let mut copy = cluster.fresh("retail_copy");
    // As on a new server: the lake becomes this warehouse's own.
    copy.batch_execute(&format!("SET retailscope.lake_dir = '{}'", lake.display()))
        .unwrap();
    let loaded = one_row(
        &mut copy,
        "SELECT rows_loaded, trim_scale(amount_loaded) FROM rs_load_lake()",
    );
    assert_eq!(loaded, "1033036 18855533.698");
    copy.batch_execute("SELECT rs_refresh_marts()").unwrap();
    for (then, now) in expected.iter().zip(prints(&mut copy)) {
        assert_eq!(*then, now, "after a rebuild");
    }
    drop(copy);
    cluster
        .connect("postgres")
        .batch_execute("DROP DATABASE retail_copy")
        .unwrap();
}

fn daily_files_add_nothing(client: &mut Client, cluster: &Cluster, folder: &Path) {
    let days = cluster.folder("days");
    let unpack = Command::new("tar")
        .arg("--zstd")
        .arg("-xf")
        .arg(folder.join("online_retail_by_day.tar.zst"))
        .arg("-C")
        .arg(&days)
        .status()
        .unwrap();
    assert!(unpack.success());
    cluster.must_run("/bin/true", &[]);
    let mut files: Vec<String> = files_below(&days)
        .into_iter()
        .filter(|f| f.ends_with(".csv"))
        .collect();
    files.sort();
    assert_eq!(files.len(), 305);
    let mut sum = 0;
    for name in files {
        let path = days.join(&name);
        let bytes = std::fs::read(&path).unwrap();
        let staged = cluster.write_file("day.csv", &bytes);
        let counted = ingest(client, &file(&staged, "{}"));
        // All of it stands in the large file, which has one POST line more than these days together.
        assert_eq!((counted.loaded, counted.rejected), (0, 0), "{name}");
        sum += counted.read;
    }
    assert_eq!(sum, 541_909);
    let refreshed = rows_as_text(client, "SELECT rows_changed, mode FROM rs_refresh_marts()");
    assert!(
        refreshed.iter().all(|r| r[0].as_deref() == Some("0")),
        "{refreshed:?}"
    );
}

/// What the first file does not show, since a line counts once: with repeated lines kept and no rules applied, all lines of
/// the file, by month and by country.
#[test]
fn every_line_of_the_file_by_month_and_country() {
    let Some(folder) = data().map(|d| d.join("online_retail_ii")) else {
        return;
    };
    let _turn = alone();
    let cluster = cluster();
    let mut client = cluster.fresh("every_line");
    let whole = cluster.stage(&folder.join("online_retail_II.csv.zst"));
    let options = r#"{"keep_duplicates": true, "rules": false}"#;
    assert_eq!(
        ingest(&mut client, &file(&whole, options)),
        counts(1_067_371, 1_067_371, 0, 0)
    );
    monthly(&mut client, cluster, &folder);
    expected(
        &mut client,
        cluster,
        &folder,
        "countries_raw",
        "country text, lines bigint, invoices bigint, customers bigint, net numeric",
    );
    // The sheets overlap up to 2010-12-09 20:01, and each line there stands once in each: `u_` counts those once.
    let lines = "SELECT to_char(date, 'YYYY-MM') AS month, amount, quantity, unit_price, invoice_no,
                        CASE WHEN sold_at >= '2010-12-01' AND sold_at < '2010-12-09 20:02' THEN 0.5 ELSE 1 END AS once
                 FROM retailscope.fact_sales";
    for (what, rows, difference) in [
        (
            "months",
            25,
            format!(
                "SELECT count(*), count(*) FILTER (WHERE (f.lines, f.net, f.u_lines, f.u_net, f.u_gross)
                     IS DISTINCT FROM (e.raw_rows, round(e.raw_net, 3), e.u_rows, round(e.u_net, 3), round(e.u_gross_valid, 3)))
                 FROM monthly e
                 FULL JOIN (SELECT month, count(*) AS lines, sum(amount) AS net, sum(once) AS u_lines, sum(amount * once) AS u_net,
                                   sum(amount * once) FILTER (WHERE quantity > 0 AND unit_price > 0 AND invoice_no !~ '^[AC]') AS u_gross
                            FROM ({lines}) l GROUP BY 1) f USING (month)"
            ),
        ),
        (
            "countries",
            43,
            "SELECT count(*), count(*) FILTER (WHERE (f.lines, f.invoices, f.customers, f.net)
                 IS DISTINCT FROM (e.lines, e.invoices, e.customers, round(e.net, 3)))
             FROM countries_raw e
             FULL JOIN (SELECT country, count(*) AS lines, count(DISTINCT invoice_no) AS invoices,
                               count(DISTINCT customer_key) FILTER (WHERE customer_key <> 0) AS customers, sum(amount) AS net
                        FROM retailscope.fact_sales GROUP BY 1) f USING (country)"
                .to_owned(),
        ),
    ] {
        assert_eq!(
            one_row(&mut client, &difference),
            format!("{rows} 0"),
            "{what}"
        );
    }
}

/// Brings in the file of months.
fn monthly(client: &mut Client, cluster: &Cluster, folder: &Path) {
    expected(
        client,
        cluster,
        folder,
        "monthly",
        "month text, raw_rows bigint, raw_net numeric, u_rows bigint, u_net numeric,
        u_gross_valid numeric, gross numeric, orders bigint, customers bigint",
    );
}

#[test]
fn the_smallest_memory_limit_still_loads_it_or_says_why_not() {
    let Some(folder) = data().map(|d| d.join("online_retail_ii")) else {
        return;
    };
    let _turn = alone();
    let cluster = cluster();
    let mut client = cluster.fresh("small_memory");
    let mut witness = Witness::new(cluster, "small_memory");
    // Unpacked: the window of the packed file alone is larger than that.
    let path = unpacked(
        cluster,
        &folder.join("online_retail_II.csv.zst"),
        "unpacked.csv",
    );
    client
        .batch_execute("LOAD 'retailscope'; SET retailscope.max_memory = '32MB'")
        .unwrap();
    match try_ingest(&mut client, &file(&path, "{}")) {
        Ok(counted) => assert_eq!(counted, counts(1_067_371, 1_033_036, 34_335, 0)),
        Err(error) => {
            assert_eq!(sqlstate(&error), "53200", "{}", error_text(&error));
            assert_eq!(
                query_one(&mut client, "SELECT count(*) FROM retailscope.fact_sales"),
                "0"
            );
        }
    }
    witness.assert_alive();
}
