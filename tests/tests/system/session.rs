//! R45: encodings, locales, time zones and output settings change nothing, or are refused.

use crate::support::{fails, run, shared, table};
use postgres::Client;
use retailscope_system_tests::{Cluster, InitOptions, error_text, query_one, sqlstate};

/// An umlaut, a pound sign, a return, a fee, a duplicate and a bad line.
const CSV: &str = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n\
    536365,85123A,M\u{fc}nchner Kindl,6,2010-12-01 08:26:00,2.55,17850,Germany\n\
    536366,22633,HALF \u{a3}1 VOUCHER POT,3,2010-12-31 23:59:59,0.85,17851,United Kingdom\n\
    C536367,85123A,M\u{fc}nchner Kindl,-1,2011-01-01 00:00:00,2.55,17850,Germany\n\
    536368,POST,POSTAGE,1,2011-03-27 01:30:00,18.00,,France\n\
    536365,85123A,M\u{fc}nchner Kindl,6,2010-12-01 08:26:00,2.55,17850,Germany\n\
    536369,22633,HALF \u{a3}1 VOUCHER POT,many,2011-01-02 10:00:00,0.85,17851,United Kingdom\n";

/// The same rows as a table.
const TABLE: &str = "CREATE TABLE public.orders (invoice_no text, stock_code text, description text, quantity float8, sold_at timestamp,
        unit_price numeric, customer_id int, country text, noted date, took interval, share float4);
    INSERT INTO public.orders VALUES
        ('1', 'A1', 'one', 2, '2010-12-31 23:59:59.5', 0.1, 12, 'x', '2010-12-31', '1 day 02:03:04', 0.1),
        ('1', 'I3', 'PINK TIN ISLE', 1, '2010-12-31 23:59:59.5', 0.5, 12, 'x', '2010-12-31', '0', 0.5),
        ('2', 'A2', 'two', 0.25, '2011-03-27 01:30', 0.30, 13, 'x', '2011-01-02', '-1 day', 0.30000001),
        ('3', 'A1', 'one', -1, '2011-01-01 00:00', 0.1, 12, 'x', '2011-01-02', '0', 1e-7);";

/// Everything that was made, printed under settings of its own.
fn results(db: &mut Client) -> String {
    run(
        db,
        "RESET ALL; SET timezone = 'UTC'; SET datestyle = 'ISO, YMD'; SET intervalstyle = postgres; SET extra_float_digits = 1",
    );
    let mut text = String::new();
    for sql in [
        "SELECT rows_read, rows_loaded, rows_duplicate, rows_rejected, amount_read, amount_loaded, gross_revenue, net_revenue,
                first_date, last_date FROM retailscope.etl_batch ORDER BY batch_id",
        "SELECT f.*, p.stock_code, p.description, c.customer_id FROM retailscope.fact_sales f JOIN retailscope.dim_product p USING (product_key)
         JOIN retailscope.dim_customer c USING (customer_key) ORDER BY sale_id",
        "SELECT line_no, reason, raw FROM retailscope.etl_reject ORDER BY batch_id, line_no",
        "SELECT * FROM retailscope.mart_customer_rfm ORDER BY customer_id COLLATE \"C\"",
        "SELECT * FROM retailscope.mart_daily_kpis ORDER BY date",
        "SELECT * FROM retailscope.dim_date WHERE is_trading_day ORDER BY 1",
        "SELECT check_name, expected, actual, ok FROM rs_data_quality() WHERE check_name !~ 'lake' ORDER BY 1",
        "SELECT * FROM rs_customer_features('2011-06-01') ORDER BY 1",
        "SELECT * FROM rs_daily_features() ORDER BY 1",
        "SELECT * FROM retailscope.mart_association_rules ORDER BY rank",
        "SELECT * FROM rs_rules(' Pink  tin isle'), rs_recommend(ARRAY['i3', 'ONE'])",
        "SELECT baskets, rules FROM rs_mine_rules(0.01, 0, 0, options => '{\"include\": [\"pink tin%\"]}')",
    ] {
        text.push_str(&table(db, sql));
    }
    text
}

/// Loads both sources under the session's settings.
fn load(db: &mut Client, path: &str) {
    run(db, &format!("SELECT rs_ingest_file('{path}')"));
    run(
        db,
        "SELECT rs_ingest_table('public.orders'); SELECT rs_refresh_marts(); SELECT rs_mine_rules(0.01, 0, 0)",
    );
}

/// R45: what a session sets never changes what is stored.
#[test]
fn settings_of_the_session_change_nothing() {
    let cluster = shared();
    let path = cluster
        .write_file("session.csv", CSV.as_bytes())
        .display()
        .to_string();
    let mut expected = None;
    for (number, settings) in [
        "",
        "SET timezone = 'Pacific/Apia'",
        "SET timezone = 'America/New_York'; SET datestyle = 'German'",
        "SET datestyle = 'SQL, DMY'; SET intervalstyle = sql_standard",
        "SET datestyle = 'Postgres, MDY'; SET intervalstyle = iso_8601",
        "SET standard_conforming_strings = off; SET backslash_quote = on; SET escape_string_warning = off; SET quote_all_identifiers = on",
        "SET extra_float_digits = -15; SET bytea_output = escape; SET lc_numeric = 'C'; SET xmloption = document",
        "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_sort = off; SET work_mem = '64kB'",
        "SET force_parallel_mode = regress; SET plan_cache_mode = force_generic_plan; SET jit = on; SET jit_above_cost = 0",
        "SET default_transaction_isolation = 'serializable'; SET retailscope.threads = 1",
        "SET row_security = on; SET check_function_bodies = off; SET default_with_oids = off; SET transform_null_equals = on",
    ]
    .iter()
    .enumerate()
    {
        let mut db = cluster.fresh(&format!("session_{number}"));
        run(&mut db, TABLE);
        run(&mut db, settings);
        load(&mut db, &path);
        let results = results(&mut db);
        let expected = expected.get_or_insert_with(|| results.clone());
        assert_eq!(*expected, results, "{settings}");
    }
    let expected = expected.unwrap();
    assert!(
        expected.contains("M\u{fc}nchner Kindl") && expected.contains("HALF \u{a3}1 VOUCHER POT")
    );
    assert!(expected.starts_with("6 | 4 | 1 | 1 | "), "{expected}");
}

/// R45: output settings that an ingest needs for itself end with it.
#[test]
fn ingest_leaves_the_session_alone() {
    let mut db = shared().fresh("session_kept");
    run(&mut db, TABLE);
    run(
        &mut db,
        "SET datestyle = 'German'; SET extra_float_digits = -3; BEGIN; SELECT rs_ingest_table('public.orders')",
    );
    let style = query_one(&mut db, "SHOW datestyle");
    let digits = query_one(&mut db, "SHOW extra_float_digits");
    run(&mut db, "COMMIT");
    assert_eq!((style.as_str(), digits.as_str()), ("German, DMY", "-3"));
}

/// R45: databases whose encoding is another than UTF-8 are refused where the tables would be made.
#[test]
fn other_encodings() {
    let latin = Cluster::start_with(&InitOptions {
        conf: &[],
        initdb: &["--no-locale", "-E", "LATIN1"],
    });
    let ascii = Cluster::start_with(&InitOptions {
        conf: &[],
        initdb: &["--no-locale", "-E", "SQL_ASCII"],
    });
    for (cluster, encoding) in [(&latin, "LATIN1"), (&ascii, "SQL_ASCII")] {
        let mut db = cluster.create_database("shop");
        let error = fails(&mut db, "CREATE EXTENSION retailscope");
        assert_eq!(
            sqlstate(&error),
            "0A000",
            "{encoding}: {}",
            error_text(&error)
        );
        assert!(
            error_text(&error).contains(encoding),
            "{}",
            error_text(&error)
        );
    }
}

/// R45: a German and a Turkish locale of ICU sort and fold case otherwise and change nothing.
#[test]
fn locales_of_icu() {
    let path = |cluster: &Cluster| {
        cluster
            .write_file("session.csv", CSV.as_bytes())
            .display()
            .to_string()
    };
    let mut plain = shared().fresh("locale_c");
    run(&mut plain, TABLE);
    load(&mut plain, &path(shared()));
    let expected = results(&mut plain);
    let icu: &[&str] = &[
        "-E",
        "UTF8",
        "--locale-provider=icu",
        "--icu-locale=de-DE",
        "--locale=C.UTF-8",
    ];
    let turkish: &[&str] = &[
        "-E",
        "UTF8",
        "--locale-provider=icu",
        "--icu-locale=tr-TR",
        "--locale=C.UTF-8",
    ];
    for initdb in [icu, turkish] {
        let cluster = Cluster::start_with(&InitOptions {
            conf: &["timezone = 'Pacific/Apia'", "datestyle = 'german'"],
            initdb,
        });
        let mut db = cluster.fresh("shop");
        run(&mut db, TABLE);
        load(&mut db, &path(&cluster));
        assert_eq!(expected, results(&mut db), "{initdb:?}");
    }
}

/// R45: German and Turkish as the C library has them. The locales are made for this server alone, in a folder of its own.
#[test]
fn locales_of_the_c_library() {
    let mut plain = shared().fresh("libc_c");
    run(&mut plain, TABLE);
    let file = shared().write_file("session.csv", CSV.as_bytes());
    load(&mut plain, &file.display().to_string());
    let expected = results(&mut plain);
    let cluster = Cluster::start(&["timezone = 'Pacific/Apia'", "datestyle = 'german'"]);
    let folder = cluster.folder("locales");
    let names = [("de_DE", "de_DE.UTF-8"), ("tr_TR", "tr_TR.UTF-8")];
    for (source, name) in names {
        let goal = folder.join(name).display().to_string();
        let made = cluster
            .command("/usr/bin/localedef")
            .args(["-i", source, "-f", "UTF-8", &goal])
            .output();
        if !made.as_ref().is_ok_and(|m| m.status.success()) {
            assert!(
                std::env::var_os("RETAILSCOPE_TOOLS").is_none(),
                "{name} cannot be made: {made:?}"
            );
            println!("{name} cannot be made here: skipped");
            return;
        }
    }
    cluster.stop("fast");
    let bin = cluster.must_run("pg_config", &["--bindir"]);
    let start = [
        format!("LOCPATH={}", folder.display()),
        format!("{}/pg_ctl", bin.trim()),
        "-D".to_owned(),
        cluster.data_dir().display().to_string(),
        "-l".to_owned(),
        cluster.dir().join("log").display().to_string(),
        "-w".to_owned(),
        "-s".to_owned(),
        "start".to_owned(),
    ];
    cluster.must_run("/usr/bin/env", &start.each_ref().map(String::as_str));
    let path = cluster.write_file("session.csv", CSV.as_bytes());
    for (number, (_, name)) in names.iter().enumerate() {
        run(
            &mut cluster.connect("postgres"),
            &format!("CREATE DATABASE libc_{number} TEMPLATE template0 LOCALE '{name}'"),
        );
        let mut db = cluster.connect(&format!("libc_{number}"));
        // The locale is at work: in C, capitals come first.
        assert_eq!(query_one(&mut db, "SELECT 'a' < 'B'"), "t", "{name}");
        run(&mut db, "CREATE EXTENSION retailscope");
        run(&mut db, TABLE);
        load(&mut db, &path.display().to_string());
        assert_eq!(expected, results(&mut db), "{name}");
    }
}

/// R45: the client's encoding is the client's business.
#[test]
fn client_encodings() {
    let cluster = shared();
    let path = cluster
        .write_file("session.csv", CSV.as_bytes())
        .display()
        .to_string();
    let mut db = cluster.fresh("client_latin");
    run(&mut db, &format!("SELECT rs_ingest_file('{path}')"));
    let output = cluster.run(
        "psql",
        &[
            "-X",
            "-A",
            "-t",
            "-d",
            "client_latin",
            "-c",
            "SET client_encoding = LATIN1",
            "-c",
            "SELECT description FROM retailscope.dim_product ORDER BY 1 DESC LIMIT 1 OFFSET 1",
            "-c",
            "SELECT count(*) FROM rs_data_quality() WHERE NOT ok",
        ],
    );
    assert!(
        output.stdout.windows(8).any(|w| w == b"M\xfcnchner"),
        "{output:?}"
    );
}

/// R45: a time with a zone is taken as the session's wall clock shows it, which is what the documentation says.
#[test]
fn times_with_a_zone_are_the_sessions_wall_clock() {
    let mut db = shared().fresh("session_zone");
    for (zone, expected) in [
        ("UTC", "2011-12-29 12:00:00"),
        // Samoa skipped 30 December 2011 altogether.
        ("Pacific/Apia", "2011-12-29 02:00:00"),
        ("Asia/Tokyo", "2011-12-29 21:00:00"),
    ] {
        run(
            &mut db,
            &format!(
                "CREATE TABLE public.zoned AS SELECT 'z' AS invoice_no, 'z' AS stock_code, 'z' AS description, 1 AS quantity,
                     timestamptz '2011-12-29 12:00+00' AS sold_at, 1 AS unit_price, 'z' AS customer_id, 'z' AS country;
                 SET timezone = '{zone}'; SELECT rs_ingest_table('public.zoned'); RESET timezone; DROP TABLE public.zoned"
            ),
        );
        let newest = "SELECT sold_at FROM retailscope.fact_sales ORDER BY sale_id DESC LIMIT 1";
        assert_eq!(query_one(&mut db, newest), expected, "{zone}");
    }
}
