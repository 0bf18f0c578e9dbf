//! Who may call and read what: labels, settings, and a matrix of roles that is tried, not only looked up.

use crate::support::{fails, functions, golden, outcome, run, shared, table};
use postgres::Client;
use retailscope_system_tests::{query_one, rows_as_text, sqlstate};
use std::fmt::Write;

/// R08, R15: result, volatility, parallel label, strictness, SECURITY DEFINER, settings and privileges of every function.
#[test]
fn function_labels() {
    let mut db = shared().fresh("labels");
    let text = table(
        &mut db,
        "SELECT p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid), p.prokind, p.provolatile,
                p.proparallel, p.proisstrict, p.prosecdef, p.proconfig, p.proacl
         FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
         WHERE d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
           AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'retailscope') ORDER BY 1, 2",
    );
    golden("functions.txt", &text);
    for line in text.lines() {
        let columns: Vec<&str> = line.split(" | ").collect();
        assert_eq!(columns[7], "f", "SECURITY DEFINER: {line}");
        // A procedure that commits cannot have a SET clause and sets its path itself; a query of the caller's has his path.
        if columns[3] == "f" && !["rs_frequent_itemsets", "rs_forecast"].contains(&columns[0]) {
            assert!(
                columns[8].contains("search_path=pg_catalog, pg_temp"),
                "{line}"
            );
        }
        assert_eq!(
            columns[9], "{postgres=X/postgres}",
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
    (
        "rs_backtest",
        "SELECT * FROM rs_backtest(models => '{naive}', horizon => 7, folds => 2)",
    ),
    (
        "rs_churn_frame",
        "SELECT * FROM rs_churn_frame(rs_default_as_of() - 30, 30)",
    ),
    ("rs_create_warehouse", "SELECT rs_create_warehouse()"),
    (
        "rs_customer_features",
        "SELECT * FROM rs_customer_features('2011-01-01')",
    ),
    ("rs_daily_features", "SELECT * FROM rs_daily_features()"),
    ("rs_data_quality", "SELECT * FROM rs_data_quality()"),
    ("rs_default_as_of", "SELECT rs_default_as_of()"),
    ("rs_drop_model", "SELECT rs_drop_model(2)"),
    (
        "rs_explain_churn",
        "SELECT * FROM rs_explain_churn('CUSTOMER')",
    ),
    (
        "rs_explain_forecast",
        "SELECT * FROM rs_explain_forecast('revenue', 3)",
    ),
    ("rs_export_lake", "SELECT * FROM rs_export_lake('/nowhere')"),
    (
        "rs_forecast",
        "SELECT * FROM rs_forecast('SELECT date, gross_revenue FROM retailscope.mart_daily_kpis', 3, 'naive')",
    ),
    (
        "rs_forecast_demand",
        "SELECT * FROM rs_forecast_demand('PRODUCT', 3)",
    ),
    (
        "rs_forecast_products",
        "SELECT * FROM rs_forecast_products(3, 2, 'naive')",
    ),
    (
        "rs_forecast_reconciled",
        "SELECT * FROM rs_forecast_reconciled(3, model => 'naive')",
    ),
    ("rs_forecast_revenue", "SELECT * FROM rs_forecast_revenue(3)"),
    (
        "rs_forecast_series",
        "SELECT * FROM rs_forecast_series('revenue', 3)",
    ),
    (
        "rs_frequent_itemsets",
        "SELECT * FROM rs_frequent_itemsets('SELECT invoice_no, stock_code FROM public.orders', 0.5)",
    ),
    (
        "rs_generate_holidays",
        "SELECT rs_generate_holidays('GB', 2020, 2021)",
    ),
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
    ("rs_lock_task", "SELECT rs_lock_task('churn', true)"),
    ("rs_mine_rules", "SELECT * FROM rs_mine_rules(0.02, 0.1)"),
    ("rs_model_rules", "SELECT * FROM rs_model_rules(4)"),
    ("rs_model_to_sql", "SELECT rs_model_to_sql(1)"),
    ("rs_models", "SELECT * FROM rs_models()"),
    (
        "rs_predict_churn",
        "SELECT * FROM rs_predict_churn(); SELECT * FROM rs_predict_churn('CUSTOMER');
         SELECT p.* FROM (SELECT to_jsonb(f) AS f FROM rs_customer_features(rs_default_as_of()) AS f LIMIT 1) AS c, rs_predict_churn(c.f) AS p",
    ),
    ("rs_promote", "SELECT * FROM rs_promote(2)"),
    (
        "rs_recommend",
        "SELECT * FROM rs_recommend(ARRAY['PRODUCT']); SELECT * FROM rs_recommend(NULL)",
    ),
    ("rs_refresh_marts", "SELECT * FROM rs_refresh_marts()"),
    ("rs_refresh_rules", "SELECT * FROM rs_refresh_rules()"),
    ("rs_refresh_segments", "SELECT * FROM rs_refresh_segments()"),
    ("rs_rollback", "SELECT * FROM rs_rollback('churn')"),
    (
        "rs_rules",
        "SELECT * FROM rs_rules(); SELECT * FROM rs_rules('PRODUCT')",
    ),
    ("rs_run_pipeline", "CALL rs_run_pipeline('/nowhere.csv')"),
    (
        "rs_segment_customer",
        "SELECT * FROM rs_segment_customer('CUSTOMER'); SELECT * FROM rs_segment_customer(1, 2, 3)",
    ),
    (
        "rs_segment_customers",
        "SELECT * FROM rs_segment_customers()",
    ),
    (
        "rs_segment_migration",
        "SELECT * FROM rs_segment_migration()",
    ),
    ("rs_segment_profiles", "SELECT * FROM rs_segment_profiles()"),
    ("rs_stock_codes", "SELECT rs_stock_codes('PRODUCT')"),
    (
        "rs_time_series_split",
        "SELECT * FROM rs_time_series_split(12, 3)",
    ),
    (
        "rs_train_churn",
        "SELECT * FROM rs_train_churn('logistic_regression', 30)",
    ),
    (
        "rs_train_forecast",
        "SELECT * FROM rs_train_forecast(model => 'naive')",
    ),
    ("rs_train_segments", "SELECT * FROM rs_train_segments(3)"),
    ("rs_verify_model", "SELECT rs_verify_model(1)"),
    ("rs_verify_no_leak", "SELECT * FROM rs_verify_no_leak(1)"),
];

/// R15: four roles. Which functions each may execute, and then, under SET ROLE, every function called and every table read
/// and written: SQLSTATE or `ok`. A call may still fail with 42501 for want of a role for server files, or of ownership.
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
         SELECT rs_generate_sales(60, 300); SELECT rs_refresh_marts();
         SELECT rs_train_churn('logistic_regression', 30); SELECT rs_train_churn('xgboost', 30, '{\"n_estimators\": 5, \"promote\": false}');
         SELECT rs_promote(2); SELECT rs_promote(1); SELECT rs_train_segments(3); SELECT rs_mine_rules(0.02, 0.1);
         SELECT rs_train_forecast(model => 'naive'); SELECT rs_train_forecast('sku:' || antecedent[1], 'naive') FROM rs_rules(n => 1);
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
    let line = |text: &mut String, db: &mut Client, name: String, sql: String| {
        let cells = roles.map(|role| {
            let sql = format!("SET LOCAL ROLE matrix_{role}; {sql}");
            format!("{:8}", outcome(db, &sql))
        });
        writeln!(text, "{name:60} {}", cells.concat().trim_end()).unwrap();
    };
    let customer = query_one(&mut db, "SELECT min(customer_id) FROM rs_predict_churn()");
    let product = query_one(&mut db, "SELECT antecedent[1] FROM rs_rules(n => 1)");
    for (name, sql) in CALLS {
        let sql = sql
            .replace("CUSTOMER", &customer)
            .replace("PRODUCT", &product);
        line(&mut text, &mut db, format!("{name}()"), sql);
    }
    text += &table(
        &mut db,
        "SELECT rpad('execute ' || replace(p.oid::regprocedure::text, 'double precision', 'float8'), 60) || ' ' || rtrim(concat(VARIADIC ARRAY(
                    SELECT rpad(CASE WHEN has_function_privilege('matrix_' || r.role, p.oid, 'EXECUTE') THEN 'yes' ELSE 'no' END, 8)
                    FROM unnest('{none,reader,analyst,admin}'::text[]) WITH ORDINALITY AS r (role, at) ORDER BY r.at)))
         FROM pg_proc p WHERE p.proname LIKE 'rs\\_%' AND p.pronamespace = 'public'::regnamespace
         ORDER BY p.oid::regprocedure::text COLLATE \"C\"",
    );
    for row in relations {
        let (name, kind) = (row[0].clone().unwrap(), row[1].clone().unwrap());
        let relation = format!("retailscope.{name}");
        if kind == "S" {
            line(
                &mut text,
                &mut db,
                format!("nextval {name}"),
                format!("SELECT nextval('{relation}')"),
            );
            continue;
        }
        line(
            &mut text,
            &mut db,
            format!("select {name}"),
            format!("SELECT * FROM {relation} LIMIT 1"),
        );
        if kind == "r" {
            line(
                &mut text,
                &mut db,
                format!("delete {name}"),
                format!("DELETE FROM {relation} WHERE false"),
            );
            line(
                &mut text,
                &mut db,
                format!("insert {name}"),
                format!("INSERT INTO {relation} SELECT * FROM {relation} WHERE false"),
            );
        }
    }
    golden("access.txt", &text);
    for line in text.lines().skip(1) {
        let cell = line.get(61..69).unwrap_or("").trim();
        assert!(["42501", "no"].contains(&cell), "open to PUBLIC: {line}");
    }
}

/// R15: what an admin may do with server files, done by one who has the roles for them and an allowed folder, and nothing else.
#[test]
fn an_admin_with_the_file_roles_loads_exports_and_rebuilds() {
    let cluster = shared();
    let folder = cluster.folder("file_admin");
    for name in ["file_admin/lake", "file_admin/copy"] {
        cluster.folder(name);
    }
    let header = "Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country";
    for (name, line) in [
        ("one", "1,10001,A,2,2020-01-01 10:00,1.50,77,France"),
        ("two", "2,10001,A,1,2020-02-01 10:00,1.50,78,France"),
    ] {
        let text = format!("{header}\n{line}\n");
        cluster.write_file(&format!("file_admin/{name}.csv"), text.as_bytes());
    }
    for db in ["file_admin", "file_admin_copy"] {
        let mut owner = cluster.fresh(db);
        if db == "file_admin" {
            run(
                &mut owner,
                "CREATE ROLE file_admin LOGIN IN ROLE pg_read_server_files, pg_write_server_files",
            );
        }
        run(
            &mut owner,
            &format!(
                "LOAD 'retailscope'; SELECT rs_grant_access('file_admin', 'admin');
                 ALTER DATABASE {db} SET retailscope.allowed_dirs = '{}';",
                folder.display()
            ),
        );
    }
    let mut admin = cluster.connect_as("file_admin", "file_admin");
    let path = |name: &str| folder.join(name).display().to_string();
    let read = format!(
        "SELECT rows_loaded FROM rs_ingest_file('{}')",
        path("one.csv")
    );
    assert_eq!(query_one(&mut admin, &read), "1");
    run(
        &mut admin,
        &format!("CALL rs_run_pipeline('{}')", path("two.csv")),
    );
    let mart = "SELECT sum(monetary) FROM retailscope.mart_customer_rfm";
    assert_eq!(query_one(&mut admin, mart), "4.5");
    let export = format!("SELECT rows FROM rs_export_lake('{}')", path("lake"));
    assert_eq!(query_one(&mut admin, &export), "2");
    let bad = "SELECT count(*) FROM rs_data_quality() WHERE NOT ok";
    assert_eq!(query_one(&mut admin, bad), "0");
    let mut copy = cluster.connect_as("file_admin_copy", "file_admin");
    let load = format!(
        "SELECT rows_loaded, amount_loaded FROM rs_load_lake('{}')",
        path("lake")
    );
    assert_eq!(table(&mut copy, &load), "2 | 4.5\n");
    // The owner's two, and a folder that is not allowed, are refused all the same.
    for call in [
        "SELECT rs_create_warehouse()".to_owned(),
        "SELECT rs_grant_access('file_admin', 'admin')".to_owned(),
        format!("SELECT rs_export_lake('{}')", cluster.folder("").display()),
    ] {
        assert_eq!(sqlstate(&fails(&mut admin, &call)), "42501", "{call}");
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
