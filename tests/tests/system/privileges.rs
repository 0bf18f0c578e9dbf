//! Who may call and read what: labels, settings, and a matrix of roles that is tried, not only looked up.

use crate::support::{fails, golden, outcome, run, shared, table};
use postgres::Client;
use retailscope_system_tests::{query_one, rows_as_text, sqlstate};
use std::fmt::Write;

/// R08, R15: volatility, parallel label, strictness, SECURITY DEFINER, settings and privileges of every function.
#[test]
fn function_labels() {
    let mut db = shared().fresh("labels");
    let text = table(
        &mut db,
        "SELECT p.proname, pg_get_function_arguments(p.oid), p.prokind, p.provolatile, p.proparallel, p.proisstrict, p.prosecdef,
                p.proconfig, p.proacl
         FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
         WHERE d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
           AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'retailscope') ORDER BY 1, 2",
    );
    golden("functions.txt", &text);
    for line in text.lines() {
        let columns: Vec<&str> = line.split(" | ").collect();
        assert_eq!(columns[6], "f", "SECURITY DEFINER: {line}");
        // A procedure that commits cannot have a SET clause and sets its path itself.
        if columns[2] == "f" {
            assert!(
                columns[7].contains("search_path=pg_catalog, pg_temp"),
                "{line}"
            );
        }
        assert_eq!(
            columns[8], "{postgres=X/postgres}",
            "open to others: {line}"
        );
    }
}

/// R50: unit, range, context and texts of every setting; the prefix is reserved; limits are checked.
#[test]
fn settings() {
    let mut db = shared().fresh("settings");
    run(&mut db, "LOAD 'retailscope'");
    let text = table(
        &mut db,
        "SELECT name, unit, vartype, context, min_val, max_val, boot_val, short_desc, extra_desc
         FROM pg_settings WHERE name LIKE 'retailscope.%' ORDER BY 1",
    );
    golden("settings.txt", &text);
    run(
        &mut db,
        "CREATE ROLE settings_user LOGIN; ALTER DATABASE settings SET session_preload_libraries = 'retailscope'",
    );
    for (sql, expected) in [
        ("SET retailscope.threads = 65", "22023"),
        ("SET retailscope.threads = -1", "22023"),
        ("SET retailscope.max_memory = '1MB'", "22023"),
        ("SET retailscope.max_memory = '2TB'", "22023"),
        ("SET retailscope.lake_dirs = '/x'", "42602"),
    ] {
        assert_eq!(sqlstate(&fails(&mut db, sql)), expected, "{sql}");
    }
    let mut user = shared().connect_as("settings", "settings_user");
    run(&mut user, "SET retailscope.threads = 1");
    for sql in [
        "SET retailscope.lake_dir = '/tmp'",
        "SET retailscope.allowed_dirs = '/'",
        "SET retailscope.max_memory = '1TB'",
        "SHOW retailscope.lake_dir",
        "SHOW retailscope.allowed_dirs",
    ] {
        let error = fails(&mut user, sql);
        assert!(
            ["42501", "22023"].contains(&sqlstate(&error).as_str()),
            "{sql}: {error}"
        );
    }
}

/// A call of every function that needs no file, in a form that any privileged role can run in a transaction.
const CALLS: &[(&str, &str)] = &[
    ("rs_create_warehouse", "SELECT rs_create_warehouse()"),
    (
        "rs_customer_features",
        "SELECT * FROM rs_customer_features('2011-01-01')",
    ),
    ("rs_daily_features", "SELECT * FROM rs_daily_features()"),
    ("rs_data_quality", "SELECT * FROM rs_data_quality()"),
    ("rs_export_lake", "SELECT * FROM rs_export_lake('/nowhere')"),
    (
        "rs_generate_sales",
        "SELECT * FROM rs_generate_sales(5, 5, 3)",
    ),
    (
        "rs_grant_access",
        "SELECT * FROM rs_grant_access('matrix_none', 'reader')",
    ),
    (
        "rs_ingest_file",
        "SELECT * FROM rs_ingest_file('/nowhere.csv')",
    ),
    (
        "rs_ingest_table",
        "SELECT * FROM rs_ingest_table('public.orders')",
    ),
    ("rs_lake_status", "SELECT * FROM rs_lake_status()"),
    ("rs_lake_sweep", "SELECT * FROM rs_lake_sweep()"),
    ("rs_load_lake", "SELECT * FROM rs_load_lake('/nowhere')"),
    ("rs_refresh_marts", "SELECT * FROM rs_refresh_marts()"),
    ("rs_run_pipeline", "CALL rs_run_pipeline('/nowhere.csv')"),
];

fn functions(db: &mut Client) -> Vec<String> {
    rows_as_text(
        db,
        "SELECT DISTINCT p.proname FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
         WHERE d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
           AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'retailscope') ORDER BY 1",
    )
    .into_iter()
    .filter_map(|row| row[0].clone())
    .collect()
}

/// R15: four roles, every function called and every table read and written under SET ROLE: SQLSTATE or `ok`.
#[test]
fn access_matrix() {
    let mut db = shared().fresh("matrix");
    run(
        &mut db,
        "CREATE TABLE public.orders (invoice_no text, stock_code text, description text, quantity int, sold_at timestamp,
             unit_price numeric, customer_id text, country text);
         INSERT INTO public.orders VALUES ('1', 'a', 'A', 1, '2020-01-01', 1, 'c', 'x');
         CREATE ROLE matrix_none; CREATE ROLE matrix_reader; CREATE ROLE matrix_analyst; CREATE ROLE matrix_admin;
         GRANT SELECT ON public.orders TO matrix_none, matrix_reader, matrix_analyst, matrix_admin;
         SELECT rs_generate_sales(10, 10); SELECT rs_refresh_marts();
         SELECT rs_grant_access('matrix_reader', 'reader'); SELECT rs_grant_access('matrix_analyst', 'analyst');
         SELECT rs_grant_access('matrix_admin', 'admin')",
    );
    let called: Vec<&str> = CALLS.iter().map(|c| c.0).collect();
    assert_eq!(functions(&mut db), called, "CALLS must name every function");
    let relations = rows_as_text(
        &mut db,
        "SELECT relname, relkind FROM pg_class WHERE relnamespace = 'retailscope'::regnamespace AND relkind IN ('r', 'v', 'S')
         ORDER BY relkind <> 'r', relname COLLATE \"C\"",
    );
    let roles = ["none", "reader", "analyst", "admin"];
    let mut text = format!(
        "{:60} {}\n",
        "",
        roles.map(|r| format!("{r:8}")).concat().trim_end()
    );
    let mut line = |db: &mut Client, name: String, sql: String| {
        let cells = roles.map(|role| {
            let sql = format!("SET LOCAL ROLE matrix_{role}; {sql}");
            format!("{:8}", outcome(db, &sql))
        });
        writeln!(text, "{name:60} {}", cells.concat().trim_end()).unwrap();
    };
    for (name, sql) in CALLS {
        line(&mut db, format!("{name}()"), (*sql).to_owned());
    }
    for row in relations {
        let (name, kind) = (row[0].clone().unwrap(), row[1].clone().unwrap());
        let relation = format!("retailscope.{name}");
        if kind == "S" {
            line(
                &mut db,
                format!("nextval {name}"),
                format!("SELECT nextval('{relation}')"),
            );
            continue;
        }
        line(
            &mut db,
            format!("select {name}"),
            format!("SELECT * FROM {relation} LIMIT 1"),
        );
        if kind == "r" {
            line(
                &mut db,
                format!("delete {name}"),
                format!("DELETE FROM {relation} WHERE false"),
            );
            line(
                &mut db,
                format!("insert {name}"),
                format!("INSERT INTO {relation} SELECT * FROM {relation} WHERE false"),
            );
        }
    }
    golden("access.txt", &text);
    for line in text.lines().skip(1) {
        let cell = line.get(61..69).unwrap_or("").trim();
        assert_eq!(cell, "42501", "open to PUBLIC: {line}");
    }
}

/// R15: a function of another schema that looks like ours is not opened with ours.
#[test]
fn lookalikes_are_never_granted() {
    let mut db = shared().fresh("lookalike");
    run(
        &mut db,
        "CREATE SCHEMA other; CREATE FUNCTION other.rs_data_quality() RETURNS int LANGUAGE sql AS 'SELECT 1';
         REVOKE ALL ON FUNCTION other.rs_data_quality() FROM PUBLIC;
         CREATE FUNCTION public.rs_data_quality(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
         REVOKE ALL ON FUNCTION public.rs_data_quality(int) FROM PUBLIC;
         CREATE TABLE other.fact_sales (x int); CREATE TABLE retailscope.my_own (x int);
         CREATE ROLE lookalike; SELECT rs_grant_access('lookalike', 'admin')",
    );
    for (check, expected) in [
        (
            "has_function_privilege('lookalike', 'other.rs_data_quality()', 'EXECUTE')",
            "f",
        ),
        (
            "has_function_privilege('lookalike', 'public.rs_data_quality(int)', 'EXECUTE')",
            "f",
        ),
        (
            "has_function_privilege('lookalike', 'public.rs_data_quality()', 'EXECUTE')",
            "t",
        ),
        (
            "has_table_privilege('lookalike', 'other.fact_sales', 'SELECT')",
            "f",
        ),
        (
            "has_table_privilege('lookalike', 'retailscope.my_own', 'SELECT')",
            "f",
        ),
        (
            "has_table_privilege('lookalike', 'retailscope.fact_sales', 'SELECT')",
            "t",
        ),
    ] {
        assert_eq!(
            query_one(&mut db, &format!("SELECT {check}")),
            expected,
            "{check}"
        );
    }
}

/// R15: only the owner opens the warehouse, and a wrong level or role is named.
#[test]
fn granting_is_the_owners() {
    let mut db = shared().fresh("granting");
    run(
        &mut db,
        "CREATE ROLE granting LOGIN; SELECT rs_grant_access('granting', 'admin')",
    );
    let mut other = shared().connect_as("granting", "granting");
    let error = fails(&mut other, "SELECT rs_grant_access('granting', 'admin')");
    assert_eq!(sqlstate(&error), "42501");
    assert_eq!(
        sqlstate(&fails(&mut db, "SELECT rs_grant_access('granting', 'god')")),
        "22023"
    );
    assert_eq!(
        sqlstate(&fails(&mut db, "SELECT rs_grant_access('nobody', 'admin')")),
        "42704"
    );
    assert_eq!(
        sqlstate(&fails(&mut db, "SELECT rs_grant_access(NULL, 'admin')")),
        "22023"
    );
}
