//! R46: names that break out of quotes, of format strings and of fixed buffers.

use crate::support::{fails, run, shared, table};
use retailscope_system_tests::{error_text, query_one, sqlstate};

/// Names as hostile as PostgreSQL lets them be; each has 63 bytes at most.
fn names() -> Vec<String> {
    vec![
        "a\"b".to_owned(),
        "a'b".to_owned(),
        "x; DROP TABLE retailscope.fact_sales; --".to_owned(),
        "x\"; DROP TABLE retailscope.fact_sales; --".to_owned(),
        "%s %n %1$s %".to_owned(),
        "{} {0} \\ \\x00 $1 $$".to_owned(),
        "日本語 ü Ⱥ".to_owned(),
        "tab\tline\nend".to_owned(),
        "select".to_owned(),
        "CaSe".to_owned(),
        " leading".to_owned(),
        "n".repeat(63),
        "ü".repeat(31),
    ]
}

fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A JSON string.
fn json(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Tables, schemas and columns of any name are ingested, by a mapping that names them.
#[test]
fn tables_and_columns() {
    let mut db = shared().fresh("names_tables");
    for (number, name) in names().iter().enumerate() {
        let id = ident(name);
        run(
            &mut db,
            &format!(
                "CREATE SCHEMA {id}; CREATE TABLE {id}.{id} (invoice_no text, stock_code text, description text, {id} int,
                     sold_at timestamp, unit_price numeric, customer_id text, country text);
                 INSERT INTO {id}.{id} VALUES ('{number}', 'p', {lit}, 2, '2020-01-01', 1.5, {lit}, {lit})",
                lit = literal(name)
            ),
        );
        let mapping = format!("{{\"quantity\": {}}}", json(name));
        let relation = format!("{id}.{id}");
        let rows = query_one(
            &mut db,
            &format!(
                "SELECT rows_loaded FROM rs_ingest_table({}, {})",
                literal(&relation),
                literal(&mapping)
            ),
        );
        assert_eq!(rows, "1", "{name:?}");
        // A column that is not there is named in the message, whatever its name.
        let wrong = format!("{{\"quantity\": {}}}", json(&format!("{name}?")));
        let error = fails(
            &mut db,
            &format!(
                "SELECT rs_ingest_table({}, {})",
                literal(&relation),
                literal(&wrong)
            ),
        );
        assert_eq!(sqlstate(&error), "22023", "{name:?}");
    }
    assert_eq!(
        query_one(&mut db, "SELECT sum(amount) FROM retailscope.fact_sales"),
        (names().len() * 3).to_string()
    );
    run(&mut db, "SELECT rs_refresh_marts()");
    assert_eq!(
        table(
            &mut db,
            "SELECT check_name, detail FROM rs_data_quality() WHERE NOT ok"
        ),
        ""
    );
}

/// Files, folders, header names, constants, unknown keys and values.
#[test]
fn paths_mappings_and_options() {
    let cluster = shared();
    let mut db = cluster.fresh("names_files");
    for (number, name) in names().iter().enumerate() {
        let folder = cluster.folder("names").join(name);
        std::fs::create_dir(&folder).unwrap();
        cluster.give(&folder);
        let header = format!(
            "Invoice,StockCode,Description,\"{}\",InvoiceDate,Price,Customer ID,Country\n{number},p,d,1,2020-01-01 10:00,2,c,x\n",
            name.replace('"', "\"\"")
        );
        let file = format!("names/{name}/{name}.csv");
        let path = cluster
            .write_file(&file, header.as_bytes())
            .display()
            .to_string();
        let mapping = format!("{{\"quantity\": {}}}", json(name));
        let call = format!(
            "SELECT rows_loaded FROM rs_ingest_file({}, {})",
            literal(&path),
            literal(&mapping)
        );
        assert_eq!(query_one(&mut db, &call), "1", "{name:?}");
        let source = query_one(
            &mut db,
            "SELECT source FROM retailscope.etl_batch ORDER BY batch_id DESC LIMIT 1",
        );
        assert_eq!(source, path);
        for (mapping, options) in [
            (format!("{{{}: \"x\"}}", json(name)), "{}".to_owned()),
            ("{}".to_owned(), format!("{{{}: 1}}", json(name))),
            ("{}".to_owned(), format!("{{\"encoding\": {}}}", json(name))),
            (
                "{}".to_owned(),
                format!("{{\"delimiter\": {}}}", json(name)),
            ),
        ] {
            let sql = format!(
                "SELECT rs_ingest_file({}, {}, {})",
                literal(&path),
                literal(&mapping),
                literal(&options)
            );
            assert_eq!(sqlstate(&fails(&mut db, &sql)), "22023", "{sql}");
        }
        let error = fails(
            &mut db,
            &format!("SELECT rs_ingest_file({})", literal(&format!("{path}?"))),
        );
        assert!(
            error_text(&error).contains(name.as_str()),
            "{}",
            error_text(&error)
        );
        // A lake in a folder of that name.
        run(
            &mut db,
            &format!(
                "SELECT rs_export_lake({})",
                literal(&folder.display().to_string())
            ),
        );
    }
}

/// Products, countries, segments, invoices and relations of any name are chosen by it, and nothing in a name is run.
#[test]
fn baskets_of_any_name() {
    let mut db = shared().fresh("names_baskets");
    run(
        &mut db,
        "CREATE TABLE public.orders (invoice_no text, stock_code text, description text, quantity int, sold_at timestamp,
             unit_price numeric, customer_id text, country text)",
    );
    let names = names();
    for (number, name) in names.iter().enumerate() {
        // Two baskets of a product with this description and one with this code, and one of the first alone.
        run(
            &mut db,
            &format!(
                "INSERT INTO public.orders SELECT i.invoice, p.code, p.name, 1, '2020-01-01', 1, 'c{number}', {lit}
                 FROM (VALUES ({lit} || 'a', 2), ({lit} || 'b', 2), ({lit} || 'c', 1)) AS i (invoice, products)
                 JOIN (VALUES (1, 'P{number}', {lit}), (2, {lit} || '!', 'code {number}')) AS p (number, code, name) ON p.number <= i.products",
                lit = literal(name)
            ),
        );
    }
    run(
        &mut db,
        "SELECT rs_ingest_table('public.orders'); SELECT rs_refresh_marts()",
    );
    let rows = "SELECT count(*) FROM retailscope.fact_sales";
    let expected = (names.len() * 5).to_string();
    assert_eq!(query_one(&mut db, rows), expected);
    for (number, name) in names.iter().enumerate() {
        let lit = literal(name);
        run(
            &mut db,
            &format!(
                "INSERT INTO retailscope.mart_customer_segments (customer_id, as_of, segment_id, segment, distance, model_id)
                 VALUES ('c{number}', '2020-02-01', {number}, {lit}, 0, 1)"
            ),
        );
        let row = db
            .query_one(
                "SELECT f.country, f.invoice_no, p.stock_code FROM retailscope.fact_sales AS f JOIN retailscope.dim_product AS p USING (product_key)
                 WHERE p.description = $1 ORDER BY f.sale_id LIMIT 1",
                &[&format!("code {number}")],
            )
            .unwrap();
        let [country, invoice, code]: [String; 3] = [row.get(0), row.get(1), row.get(2)];
        let codes = format!(
            "SELECT rs_stock_codes({lit}), rs_stock_codes({lit} || '!') = ARRAY[{}]",
            literal(&code)
        );
        assert_eq!(
            table(&mut db, &codes),
            format!("{{P{number}}} | t\n"),
            "{name:?}"
        );
        let all = names.len() * 3;
        for (key, value, baskets, own) in [
            ("include", format!("[{}]", json(name)), all, "bool_and"),
            ("exclude", format!("[{}]", json(name)), all, "NOT bool_or"),
            ("country", json(&country), 3, "bool_and"),
            ("segment", json(name), 3, "bool_and"),
            (
                "exclude_invoices",
                format!("[{}]", json(&invoice)),
                all - 1,
                "NOT bool_and",
            ),
        ] {
            let options = format!("{{\"promote\": true, \"{key}\": {value}}}");
            let mined = format!(
                "SELECT baskets FROM rs_mine_rules(0.001, 0, 0, options => {})",
                literal(&options)
            );
            assert_eq!(query_one(&mut db, &mined), baskets.to_string(), "{options}");
            let rules = format!(
                "SELECT coalesce({own}('P{number}' = ANY (items)), true) FROM retailscope.mart_association_rules"
            );
            assert_eq!(query_one(&mut db, &rules), "t", "{options}");
        }
        let asked = format!(
            "SELECT DISTINCT consequent || antecedent @> ARRAY['P{number}'] FROM rs_rules({lit}); SELECT item, source FROM rs_recommend(ARRAY[{lit}], 1)"
        );
        assert_eq!(
            table(&mut db, &asked),
            format!("t\n{code} | rule\n"),
            "{name:?}"
        );
        let wrong = format!("{name} or not");
        for call in [
            format!("rs_rules({})", literal(&wrong)),
            format!("rs_recommend(ARRAY[{}])", literal(&wrong)),
            format!(
                "rs_mine_rules(options => {})",
                literal(&format!("{{\"exclude\": [{}]}}", json(&wrong)))
            ),
            format!(
                "rs_mine_rules(options => {})",
                literal(&format!("{{\"country\": {}}}", json(&wrong)))
            ),
            format!(
                "rs_mine_rules(options => {})",
                literal(&format!("{{\"segment\": {}}}", json(&wrong)))
            ),
            format!(
                "rs_mine_rules(options => {})",
                literal(&format!("{{{}: 1}}", json(name)))
            ),
            format!("rs_mine_rules(algorithm => {lit})"),
        ] {
            let error = fails(&mut db, &format!("SELECT {call}"));
            assert_eq!(sqlstate(&error), "22023", "{call}: {}", error_text(&error));
        }
        // A relation and columns of this name, and items of it.
        let id = ident(name);
        run(
            &mut db,
            &format!(
                "CREATE TABLE {id} ({id} text); INSERT INTO {id} VALUES ({lit}), ({lit} || 'x')"
            ),
        );
        let query = format!("SELECT {id}.{id}, {lit} FROM {id}");
        let itemsets = format!(
            "SELECT itemset = ARRAY[{lit}], baskets FROM rs_frequent_itemsets({}, 1)",
            literal(&query)
        );
        assert_eq!(table(&mut db, &itemsets), "t | 2\n", "{name:?}");
        // A name is no query.
        let raw = format!("SELECT rs_frequent_itemsets({lit}, 0.5)");
        let code = sqlstate(&fails(&mut db, &raw));
        assert!(
            ["42601", "22023", "42P02"].contains(&code.as_str()),
            "{raw}: {code}"
        );
    }
    assert_eq!(query_one(&mut db, rows), expected);
    assert_eq!(
        table(
            &mut db,
            "SELECT check_name, detail FROM rs_data_quality() WHERE NOT ok"
        ),
        ""
    );
}

/// Products, countries, regions, series, columns and relations of any name are forecast, and nothing in a name is run.
#[test]
fn forecasts_of_any_name() {
    let mut db = shared().fresh("names_forecasts");
    run(
        &mut db,
        "CREATE TABLE public.orders (invoice_no text, stock_code text, description text, quantity int, sold_at timestamp,
             unit_price numeric, customer_id text, country text)",
    );
    let names = names();
    for (number, name) in names.iter().enumerate() {
        run(
            &mut db,
            &format!(
                "INSERT INTO public.orders SELECT 'i' || d, 'P{number}', {lit}, {number} + 1, timestamp '2020-01-06' + d * interval '1 day', 2, 'c', {lit}
                 FROM generate_series(0, 41) AS d;
                 INSERT INTO retailscope.holiday (date, name, region) VALUES ('2020-01-13', {lit}, {lit}), ('2020-02-20', {lit}, {lit})",
                lit = literal(name)
            ),
        );
    }
    run(
        &mut db,
        "SELECT rs_ingest_table('public.orders'); SELECT rs_refresh_marts()",
    );
    let rows = "SELECT count(*) FROM retailscope.fact_sales";
    let expected = (names.len() * 42).to_string();
    assert_eq!(query_one(&mut db, rows), expected);
    for (number, name) in names.iter().enumerate() {
        let units = number + 1;
        let trained = |series: &str, region: &str| {
            format!(
                "SELECT series, promoted FROM rs_train_forecast({}, 'naive', 3, {})",
                literal(series),
                literal(&format!("{{\"holidays\": {}}}", json(region)))
            )
        };
        let days =
            |call: String| format!("SELECT count(*), min(forecast), max(forecast) FROM {call}");
        // By the description, with a region of this name.
        let product = if name.is_ascii() {
            name.clone()
        } else {
            format!("p{number}")
        };
        assert_eq!(
            table(&mut db, &trained(&format!("sku:{product}"), name)),
            format!("sku:P{number} | t\n"),
            "{name:?}"
        );
        assert_eq!(
            table(
                &mut db,
                &days(format!("rs_forecast_demand({}, 3)", literal(&product)))
            ),
            format!("3 | {units} | {units}\n"),
            "{name:?}"
        );
        let series = format!("country:{name}");
        let country = db
            .query_one(
                "SELECT f.country FROM retailscope.fact_sales AS f JOIN retailscope.dim_product AS p USING (product_key) WHERE p.stock_code = $1 LIMIT 1",
                &[&format!("P{number}")],
            )
            .unwrap()
            .get::<_, String>(0);
        let row = db.query_one(&trained(&series, name), &[]).unwrap();
        assert_eq!(row.get::<_, String>(0), format!("country:{country}"));
        assert_eq!(
            table(
                &mut db,
                &days(format!("rs_forecast_series({}, 3)", literal(&series)))
            ),
            format!("3 | {revenue} | {revenue}\n", revenue = 2 * units),
            "{name:?}"
        );
        // A relation and a column of this name, and a series that has it.
        let id = ident(name);
        let query = format!(
            "SELECT {lit}::text AS unique_id, {id}.d AS ds, CASE WHEN d < '2020-02-28' THEN {units} END AS y, {id}.{id} FROM (SELECT d, d::date - date '2020-01-01' AS {id}
             FROM generate_series(timestamp '2020-01-01', '2020-03-01', '1 day') AS d) AS {id}",
            lit = literal(name)
        );
        let xreg = literal(&format!("{{\"xreg\": [{}]}}", json(name)));
        let forecast = format!(
            "SELECT count(*), bool_and(unique_id = {}), max(forecast) FROM rs_forecast({}, 3, 'naive', params => {xreg})",
            literal(name),
            literal(&query)
        );
        assert_eq!(
            table(&mut db, &forecast),
            format!("3 | t | {units}\n"),
            "{name:?}"
        );
        let (lit, wrong) = (literal(name), format!("{name} or not"));
        let key = |key: &str, value: &str| literal(&format!("{{{}: {value}}}", json(key)));
        for call in [
            format!("rs_forecast_demand({})", literal(&wrong)),
            format!("rs_train_forecast({})", literal(&format!("sku:{wrong}"))),
            format!(
                "rs_train_forecast({})",
                literal(&format!("country:{wrong}"))
            ),
            format!("rs_train_forecast({})", literal(&wrong)),
            format!("rs_train_forecast('revenue', {lit})"),
            format!("rs_train_forecast(params => {})", key(name, "1")),
            format!(
                "rs_train_forecast(params => {})",
                key("holidays", &json(&wrong))
            ),
            format!("rs_backtest({})", literal(&wrong)),
            format!("rs_backtest(models => ARRAY[{lit}])"),
            format!("rs_backtest(window_type => {lit})"),
            format!("rs_forecast_reconciled(method => {lit})"),
            format!("rs_generate_holidays({lit})"),
            format!("rs_forecast({}, 3, {lit})", literal(&query)),
            format!(
                "rs_forecast({}, 3, 'naive', freq => {lit})",
                literal(&query)
            ),
            format!("rs_forecast({}, 3, 'naive')", literal(&query)),
            format!("rs_forecast('SELECT now() AS ds, 1 AS y', 3, 'naive', params => {xreg})"),
        ] {
            let error = fails(&mut db, &format!("SELECT {call}"));
            assert_eq!(sqlstate(&error), "22023", "{call}: {}", error_text(&error));
        }
        // A name is no query.
        let raw = format!("SELECT rs_forecast({lit}, 3)");
        let code = sqlstate(&fails(&mut db, &raw));
        assert!(
            ["42601", "22023", "42P02"].contains(&code.as_str()),
            "{raw}: {code}"
        );
    }
    let countries =
        "SELECT count(DISTINCT series), count(*) FROM rs_forecast_reconciled(1, model => 'naive')";
    let all = names.len() + 1;
    assert_eq!(table(&mut db, countries), format!("{all} | {all}\n"));
    let products = "SELECT count(DISTINCT stock_code), count(*) FROM rs_forecast_products(1, model => 'naive')";
    assert_eq!(
        table(&mut db, products),
        format!("{0} | {0}\n", names.len())
    );
    assert_eq!(query_one(&mut db, rows), expected);
    assert_eq!(
        query_one(&mut db, "SELECT count(*) FROM rs_models()"),
        (names.len() * 2).to_string()
    );
}

/// Roles of any name get their access; databases and schemas of the extension may have any name too.
#[test]
fn roles_schemas_and_databases() {
    let cluster = shared();
    for (number, name) in names().iter().enumerate() {
        // Roles are the cluster's: each gets its number.
        let end = name
            .char_indices()
            .map(|(at, _)| at)
            .take_while(|at| *at <= 58)
            .last()
            .unwrap_or(0);
        let short = if name.len() > 60 { &name[..end] } else { name };
        let role = format!("{short}{number:02}");
        let database = cluster.create_database(&role);
        drop(database);
        let mut db = cluster.connect(&role);
        // PostgreSQL itself refuses such a schema for an extension, because scripts paste its name.
        let schema = if name.contains(['"', '$', '\'', '\\', '\n']) || name.contains("--") {
            "plain"
        } else {
            name
        };
        run(
            &mut db,
            &format!(
                "CREATE ROLE {r}; CREATE SCHEMA {s}; CREATE EXTENSION retailscope SCHEMA {s}; SELECT {s}.rs_generate_sales(5, 5);
                 SELECT {s}.rs_refresh_marts(); SELECT {s}.rs_grant_access({lit}, 'analyst'); SET ROLE {r};
                 SELECT * FROM {s}.rs_data_quality(); SELECT * FROM retailscope.mart_daily_kpis; RESET ROLE;
                 SELECT {s}.rs_create_warehouse()",
                r = ident(&role),
                s = ident(schema),
                lit = literal(&ident(&role))
            ),
        );
        run(
            &mut db,
            &format!("DROP OWNED BY {}; DROP ROLE {0}", ident(&role)),
        );
    }
}
