//! R05: a caller's own objects never run inside our functions.

use crate::support::{functions, run, shared, table};
use postgres::Client;
use retailscope_system_tests::query_one;

/// Each trap logs its name and then does what the real one does not: it gives a wrong answer.
const TRAPS: &str = "
CREATE SCHEMA hostile;
CREATE TABLE hostile.log (name text);
GRANT USAGE ON SCHEMA hostile TO PUBLIC;
DO $do$
DECLARE
    f text;
    one record;
BEGIN
    FOR one IN SELECT * FROM (VALUES
        ('abs', 'numeric', 'numeric'), ('abs', 'bigint', 'bigint'), ('abs', 'integer', 'integer'),
        ('lower', 'text', 'text'), ('upper', 'text', 'text'), ('round', 'numeric', 'numeric'),
        ('length', 'text', 'integer'), ('left', 'text, integer', 'text'), ('round', 'numeric, integer', 'numeric'),
        ('make_date', 'integer, integer, integer', 'date'), ('format', 'text, text', 'text'), ('now', '', 'timestamptz'),
        ('clock_timestamp', '', 'timestamptz'), ('generate_series', 'integer, integer', 'integer'),
        ('array_position', 'text[], text', 'integer'), ('unnest', 'integer[]', 'integer'), ('current_database', '', 'name'),
        ('quote_literal', 'text', 'text'), ('md5', 'text', 'text'), ('nextval', 'regclass', 'bigint'),
        ('setval', 'regclass, bigint', 'bigint'), ('count_up', 'bigint', 'bigint'), ('has_schema_privilege', 'oid, oid, text', 'boolean'),
        ('pg_has_role', 'name, oid, text', 'boolean'), ('array_to_string', 'text[], text', 'text'), ('set_config', 'text, text, boolean', 'text'),
        ('pg_get_userbyid', 'oid', 'name'), ('hashtext', 'text', 'integer'), ('pg_advisory_xact_lock', 'bigint', 'integer'),
        ('pg_advisory_xact_lock', 'integer, integer', 'integer'), ('pg_try_advisory_xact_lock', 'integer, integer', 'boolean'),
        ('cardinality', 'bigint[]', 'integer'), ('unnest', 'bigint[]', 'bigint'), ('unnest', 'text[]', 'text'), ('unnest', 'float8[]', 'float8'),
        ('generate_subscripts', 'bigint[], integer', 'integer'), ('quote_nullable', 'text', 'text'), ('ln', 'float8', 'float8'),
        ('btrim', 'text', 'text'), ('replace', 'text, text, text', 'text'), ('regexp_replace', 'text, text, text, text', 'text'),
        ('array_cat', 'text[], text[]', 'text[]'), ('arrayoverlap', 'text[], text[]', 'boolean'), ('like_escape', 'text, text', 'text'),
        -- Ours, before ours: what calls another function of the extension must say where it is.
        ('rs_customer_features', 'date', 'integer'), ('rs_churn_frame', 'date, integer', 'integer'), ('rs_default_as_of', '', 'date'),
        ('rs_lock_task', 'text, boolean', 'integer'), ('rs_verify_model', 'bigint', 'integer'), ('rs_promote', 'bigint, text', 'integer'),
        ('rs_predict_churn', '', 'integer'), ('rs_segment_customers', '', 'integer'), ('rs_refresh_segments', '', 'integer'),
        ('rs_train_churn', 'text, integer, jsonb, bigint', 'integer'), ('rs_train_segments', 'integer, text, jsonb, bigint', 'integer'),
        ('rs_mine_rules', 'float8, float8, float8, integer, text, date, date, jsonb', 'integer'), ('rs_model_rules', 'bigint', 'integer'),
        ('rs_refresh_rules', '', 'integer'), ('rs_stock_codes', 'text', 'text[]'), ('rs_rules', 'text, integer', 'integer'),
        ('rs_train_forecast', 'text, text, integer, jsonb, bigint', 'integer'), ('rs_forecast_revenue', 'integer, float8', 'integer'),
        ('rs_recommend', 'text[], integer', 'integer'), ('rs_frequent_itemsets', 'text, float8, integer, text, jsonb', 'integer')
    ) AS v (name, args, result) LOOP
        EXECUTE format('CREATE FUNCTION hostile.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', one.name, one.args, one.result,
                       format('BEGIN INSERT INTO hostile.log VALUES (%L); RETURN NULL; END', one.name));
    END LOOP;
    -- Operators that ours would use without a thought, for the types that we use.
    FOR one IN SELECT o.oprname AS name, format_type(o.oprleft, NULL) AS l, format_type(o.oprright, NULL) AS r,
                      format_type(o.oprresult, NULL) AS result
               FROM pg_operator o
               WHERE o.oprname IN ('=', '<>', '<', '>', '<=', '>=', '+', '-', '*', '/', '||', '~', '!~', '%', '~~', '!~~', '~~*')
                 AND o.oprleft IN ('text'::regtype, 'integer'::regtype, 'bigint'::regtype, 'numeric'::regtype, 'date'::regtype,
                                   'timestamp'::regtype, 'boolean'::regtype, 'oid'::regtype, 'name'::regtype,
                                   'float8'::regtype)
                 AND (o.oprright = o.oprleft OR o.oprleft = 'date'::regtype AND o.oprright = 'integer'::regtype)
    LOOP
        f := 'op_' || md5(one.name || one.l || one.r);
        EXECUTE format('CREATE FUNCTION hostile.%I(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L', f, one.l, one.r, one.result,
                       format('BEGIN INSERT INTO hostile.log VALUES (%L); RETURN NULL; END', one.l || one.name));
        EXECUTE format('CREATE OPERATOR hostile.%s (FUNCTION = hostile.%I, LEFTARG = %s, RIGHTARG = %s)', one.name, f, one.l, one.r);
    END LOOP;
    FOR one IN SELECT * FROM (VALUES ('=', 'boolean'), ('<>', 'boolean'), ('&&', 'boolean'), ('@>', 'boolean'), ('||', 'text[]')) AS v (name, result) LOOP
        f := 'op_' || md5(one.name || 'text[]');
        EXECUTE format('CREATE FUNCTION hostile.%I(text[], text[]) RETURNS %s LANGUAGE plpgsql AS %L', f, one.result,
                       format('BEGIN INSERT INTO hostile.log VALUES (%L); RETURN NULL; END', 'text[]' || one.name));
        EXECUTE format('CREATE OPERATOR hostile.%s (FUNCTION = hostile.%I, LEFTARG = text[], RIGHTARG = text[])', one.name, f);
    END LOOP;
END
$do$;
CREATE FUNCTION hostile.trap_state(numeric, numeric) RETURNS numeric LANGUAGE plpgsql AS
    'BEGIN INSERT INTO hostile.log VALUES (''aggregate''); RETURN 0; END';
CREATE AGGREGATE hostile.sum(numeric) (SFUNC = hostile.trap_state, STYPE = numeric);
CREATE AGGREGATE hostile.max(numeric) (SFUNC = hostile.trap_state, STYPE = numeric);
CREATE FUNCTION hostile.seen(pg_catalog.timestamptz) RETURNS boolean LANGUAGE plpgsql AS
    'BEGIN INSERT INTO hostile.log VALUES (''a type''); RETURN true; END';
CREATE DOMAIN hostile.timestamptz AS pg_catalog.timestamptz CHECK (hostile.seen(VALUE));
CREATE TYPE hostile.text AS (x int); CREATE DOMAIN hostile.numeric AS bigint CHECK (value < 0);
CREATE DOMAIN hostile.date AS pg_catalog.text CHECK (false);
CREATE VIEW hostile.pg_class AS SELECT * FROM pg_catalog.pg_class WHERE false;
CREATE VIEW hostile.pg_namespace AS SELECT * FROM pg_catalog.pg_namespace WHERE false;";

/// Tables of the session that hide ours and the catalog's.
const TEMPORARY: &str = "
CREATE TEMP TABLE pg_class (oid oid, relname name); CREATE TEMP TABLE fact_sales (x int); CREATE TEMP TABLE etl_batch (x int);
CREATE TEMP TABLE unnest (x int); CREATE TEMP TABLE states (x int); CREATE TEMP TABLE facts (x int);
CREATE TEMP TABLE dim_product (x int); CREATE TEMP TABLE mart_association_rules (x int); CREATE TEMP TABLE model_deployment (x int);";

/// Training, serving and the registry: what was trained is promoted, taken back and dropped.
const OF_MODELS: &[&str] = &[
    "SELECT pg_catalog.count(*) FROM public.rs_churn_frame(public.rs_default_as_of() OPERATOR(pg_catalog.-) 30, 30)",
    "SELECT public.rs_lock_task('churn'), public.rs_lock_task('churn', true)",
    "SELECT pg_catalog.count(*) FROM public.rs_train_churn('logistic_regression', 30)",
    "SELECT pg_catalog.count(*) FROM public.rs_train_churn('xgboost', 30, '{\"n_estimators\": 5}')",
    "SELECT pg_catalog.count(*) FROM public.rs_models('churn')",
    "SELECT public.rs_verify_model(model_id) FROM retailscope.model",
    "SELECT pg_catalog.count(*) FROM public.rs_promote((SELECT pg_catalog.min(model_id) FROM public.rs_models('churn')))",
    "SELECT pg_catalog.count(*) FROM public.rs_promote((SELECT pg_catalog.max(model_id) FROM public.rs_models('churn')), 'by test')",
    "SELECT pg_catalog.count(*) FROM public.rs_rollback('churn')",
    "SELECT public.rs_drop_model((SELECT pg_catalog.max(model_id) FROM public.rs_models('churn')))",
    "SELECT pg_catalog.count(*) FROM public.rs_predict_churn()",
    "SELECT pg_catalog.count(*) FROM (SELECT customer_id FROM public.rs_predict_churn() LIMIT 5) AS c, public.rs_predict_churn(c.customer_id)",
    "SELECT pg_catalog.count(*) FROM (SELECT pg_catalog.to_jsonb(f) AS f FROM public.rs_customer_features(public.rs_default_as_of()) AS f LIMIT 5) AS c,
            public.rs_predict_churn(c.f)",
    "SELECT pg_catalog.count(*) FROM (SELECT customer_id FROM public.rs_predict_churn() LIMIT 5) AS c, public.rs_explain_churn(c.customer_id)",
    "SELECT public.rs_verify_no_leak(model_id), public.rs_model_to_sql(model_id) FROM public.rs_models('churn')",
    "SELECT pg_catalog.count(*) FROM public.rs_train_segments(3)",
    "SELECT pg_catalog.count(*) FROM public.rs_segment_customers()",
    "SELECT pg_catalog.count(*) FROM (SELECT customer_id FROM public.rs_segment_customers() LIMIT 5) AS c, public.rs_segment_customer(c.customer_id)",
    "SELECT pg_catalog.count(*) FROM public.rs_segment_customer(1, 2, 3)",
    "SELECT pg_catalog.count(*) FROM public.rs_segment_profiles()",
    "SELECT pg_catalog.count(*) FROM public.rs_refresh_segments()",
    "SELECT pg_catalog.count(*) FROM public.rs_segment_migration()",
    "SELECT pg_catalog.count(*) FROM public.rs_mine_rules(0.05, 0.1)",
    "SELECT pg_catalog.count(*) FROM public.rs_mine_rules(0.1, 0.1, 1, 3, 'eclat', '2000-01-01', '2100-01-01', '{\"include\": [\"%a%\"],
        \"exclude\": [\"oak photo frame\", \"21441\"], \"exclude_invoices\": [\"x\"], \"country\": \"United Kingdom\", \"segment\": \"Champions\", \"promote\": true}')",
    "SELECT pg_catalog.count(*) FROM public.rs_mine_rules(0.02, 0.1)",
    "SELECT pg_catalog.count(*) FROM public.rs_rollback('baskets')",
    "SELECT pg_catalog.count(*) FROM public.rs_mine_rules(0.02, 0.1)",
    "SELECT public.rs_refresh_rules()",
    "SELECT pg_catalog.count(*) FROM public.rs_models('baskets') AS m, public.rs_model_rules(m.model_id)",
    "SELECT pg_catalog.count(*) FROM public.rs_rules() AS a, public.rs_rules('oak photo frame') AS b, public.rs_rules('21441', NULL) AS c",
    "SELECT pg_catalog.count(*) FROM public.rs_recommend(ARRAY['21441', ' oak  photo frame ']) AS a, public.rs_recommend(NULL) AS b",
    "SELECT public.rs_stock_codes('Oak Photo Frame')",
    "SELECT pg_catalog.count(*) FROM public.rs_frequent_itemsets('SELECT invoice_no, product_key FROM retailscope.fact_sales', 0.02)",
    "SELECT public.rs_generate_holidays('GB')",
    "SELECT pg_catalog.count(*) FROM public.rs_daily_features(NULL, 'GB')",
    "SELECT pg_catalog.count(*) FROM public.rs_train_forecast(model => 'ets', horizon => 7, params => '{\"holidays\": \"GB\"}')",
    "SELECT pg_catalog.count(*) FROM public.rs_train_forecast('sku:oak photo frame', 'naive', 7)",
    "SELECT pg_catalog.count(*) FROM public.rs_train_forecast('country:united kingdom', 'mean', 7, '{\"holidays\": \"FR\"}')",
    "SELECT pg_catalog.count(*) FROM public.rs_forecast_revenue() AS a, public.rs_forecast_demand('oak photo frame') AS b,
            public.rs_forecast_series('country:united kingdom') AS c",
    "SELECT pg_catalog.count(*) FROM public.rs_backtest('units', '{naive,ets}', 7, 2)",
    "SELECT pg_catalog.count(*) FROM public.rs_forecast_products(7, 20, 'naive', params => '{\"holidays\": \"GB\"}')",
    "SELECT pg_catalog.count(*) FROM public.rs_forecast_reconciled(7, 'wls', model => 'mean', params => '{\"holidays\": \"GB\"}')",
    "SELECT pg_catalog.count(*) FROM public.rs_forecast('SELECT date AS ds, gross_revenue AS y FROM retailscope.mart_daily_kpis', 7, 'naive',
            params => '{\"holidays\": \"GB\"}')",
    "SELECT pg_catalog.count(*) FROM public.rs_explain_forecast() AS a, public.rs_explain_forecast('sku:oak photo frame', 3) AS b",
    "SELECT pg_catalog.count(*) FROM public.rs_forecast_reconciled(7, model => 'ets')",
    "SELECT pg_catalog.count(*) FROM public.rs_time_series_split(12, 3)",
];

const PREDICTIONS: &str = "
    SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.format('%s', p), '' ORDER BY customer_id)) FROM public.rs_predict_churn() AS p";
const SEGMENTS: &str = "
    SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.format('%s', m), '' ORDER BY customer_id)) FROM retailscope.mart_customer_segments AS m";
const RULES: &str = "
    SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.format('%s %s', m.rank, m.items), '' ORDER BY rank)) FROM retailscope.mart_association_rules AS m";
const ADVICE: &str = "
    SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.format('%s %s %s', r.rank, a, l.lift), '' ORDER BY r.rank, a.item, l.antecedent, l.consequent))
    FROM retailscope.mart_association_rules AS r, public.rs_recommend(r.antecedent) AS a, public.rs_rules(r.antecedent_descriptions[1]) AS l";
const FORECASTS: &str = "
    SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.format('%s %s %s', f.date, f.forecast, p), '' ORDER BY f.date, p.stock_code, p.forecast))
    FROM public.rs_forecast_revenue(7) AS f,
         (SELECT stock_code, forecast FROM public.rs_forecast_products(1, 5, 'naive')
          UNION ALL SELECT series, forecast FROM public.rs_forecast_reconciled(2, model => 'naive')) AS p";

/// R05: with hostile overloads first in the path, every function still gives the right answer and no trap runs.
#[test]
fn hostile_overloads_never_run() {
    let cluster = shared();
    let folder = cluster.folder("trojan_lake").display().to_string();
    let copy = cluster.folder("trojan_copy").display().to_string();
    let file = cluster
        .write_file(
            "trojan.csv",
            b"Invoice,StockCode,Description,Quantity,InvoiceDate,Price,Customer ID,Country\n\
              1,10001,A,2,2020-01-01 10:00,1.50,77,France\n",
        )
        .display()
        .to_string();
    let calls = [
        "SELECT public.rs_create_warehouse()".to_owned(),
        "SELECT count(*) FROM public.rs_generate_sales(60, 300)".to_owned(),
        "SELECT count(*) FROM public.rs_refresh_marts()".to_owned(),
        format!("SELECT count(*) FROM public.rs_ingest_file('{file}')"),
        "SELECT count(*) FROM public.rs_ingest_table('public.orders')".to_owned(),
        format!("CALL public.rs_run_pipeline('{file}')"),
        "SELECT count(*) FROM public.rs_refresh_marts(NULL, false)".to_owned(),
        "SELECT count(*) FROM public.rs_data_quality() WHERE NOT ok".to_owned(),
        "SELECT count(*) FROM public.rs_customer_features('2030-01-01'::pg_catalog.date)"
            .to_owned(),
        "SELECT count(*) FROM public.rs_daily_features()".to_owned(),
        "SELECT count(*) FROM public.rs_grant_access('trojan_reader', 'admin')".to_owned(),
    ];
    let calls: Vec<String> = calls
        .into_iter()
        .chain(OF_MODELS.iter().map(|call| (*call).to_owned()))
        .chain([
            "SELECT count(*) FROM public.rs_lake_status() WHERE ok".to_owned(),
            "SELECT count(*) FROM public.rs_lake_sweep()".to_owned(),
            format!("SELECT count(*) FROM public.rs_export_lake('{copy}')"),
            "SELECT count(*) FROM retailscope.progress".to_owned(),
        ])
        .collect();
    let facts = "SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.format('%s %s %s %s', sale_id, sold_at, amount, line_kind), '' ORDER BY sale_id))
                 FROM retailscope.fact_sales";
    let marts = "SELECT pg_catalog.md5(pg_catalog.string_agg(pg_catalog.format('%s', m), '' ORDER BY customer_id)) FROM retailscope.mart_customer_rfm m";
    // What was exported into the copy is loaded into an empty warehouse as hostile as the first.
    let rebuild = format!("SELECT count(*) FROM public.rs_load_lake('{copy}')");
    let called = calls.concat() + &rebuild;
    let orders = "CREATE TABLE public.orders AS SELECT '9' AS invoice_no, '10002' AS stock_code, 'B' AS description, 3 AS quantity,
                  pg_catalog.now()::pg_catalog.timestamp - pg_catalog.now()::pg_catalog.timestamp + '2020-01-02'::pg_catalog.timestamp AS sold_at,
                  1.25 AS unit_price, '78' AS customer_id, 'France' AS country";
    let mut answers = Vec::new();
    for hostile in [false, true] {
        let name = if hostile { "hostile" } else { "friendly" };
        let mut db = cluster.fresh(name);
        run(&mut db, orders);
        for function in functions(&mut db) {
            let call = format!("public.{function}(");
            assert!(called.contains(&call), "{function} is never called");
        }
        if hostile {
            become_hostile(&mut db);
        } else {
            run(&mut db, "CREATE ROLE trojan_reader");
        }
        run(
            &mut db,
            &format!("SET retailscope.lake_dir = '{folder}/{name}'"),
        );
        cluster.folder(&format!("trojan_lake/{name}"));
        for call in &calls {
            let call = call.replace(&copy, &format!("{copy}/{name}"));
            cluster.folder(&format!("trojan_copy/{name}"));
            run(&mut db, &call);
        }
        let mut empty = cluster.fresh(&format!("{name}_rebuilt"));
        if hostile {
            become_hostile(&mut empty);
        }
        run(
            &mut empty,
            &format!("{rebuild}; SELECT count(*) FROM public.rs_refresh_marts()")
                .replace(&copy, &format!("{copy}/{name}")),
        );
        answers.push([
            query_one(&mut db, PREDICTIONS),
            query_one(&mut db, SEGMENTS),
            query_one(&mut db, RULES),
            query_one(&mut db, ADVICE),
            query_one(&mut db, FORECASTS),
            query_one(&mut db, facts),
            query_one(&mut db, marts),
            query_one(&mut empty, facts),
            query_one(&mut empty, marts),
        ]);
        if hostile {
            assert_eq!(sprung(&mut empty), "");
        }
        if hostile {
            // The install itself, which a superuser may start from any path.
            run(
                &mut db,
                "DROP EXTENSION retailscope CASCADE; CREATE EXTENSION retailscope SCHEMA public",
            );
        }
        run(&mut db, "SET search_path = pg_catalog");
        if hostile {
            assert_eq!(sprung(&mut db), "");
            // The traps do spring for those who trust the path.
            run(
                &mut db,
                "SET search_path = hostile, pg_catalog; SELECT pg_catalog.max(pg_catalog.abs(1)), abs(1)",
            );
            assert_eq!(
                query_one(&mut db, "SELECT pg_catalog.count(*) FROM hostile.log"),
                "1"
            );
            run(&mut db, "SET search_path = pg_catalog");
        }
        assert_eq!(
            table(
                &mut db,
                "SELECT check_name, detail FROM public.rs_data_quality() WHERE NOT ok"
            ),
            ""
        );
    }
    assert_eq!(answers[0], answers[1]);
    let [
        predictions,
        segments,
        rules,
        advice,
        forecasts,
        facts,
        marts,
        rebuilt_facts,
        rebuilt_marts,
    ] = &answers[0];
    assert!(!predictions.is_empty() && !segments.is_empty());
    assert!(!rules.is_empty() && !advice.is_empty() && !forecasts.is_empty());
    assert_eq!((facts, marts), (rebuilt_facts, rebuilt_marts));
    assert!(!facts.is_empty() && !marts.is_empty());
}

/// Lays the traps and puts them first in the path of this session.
fn become_hostile(db: &mut Client) {
    run(db, TRAPS);
    run(db, TEMPORARY);
    run(db, "SET search_path = hostile, pg_temp, pg_catalog, public");
}

/// What the traps have logged.
fn sprung(db: &mut Client) -> String {
    table(
        db,
        "SELECT name, pg_catalog.count(*) FROM hostile.log GROUP BY name ORDER BY pg_catalog.min(name::pg_catalog.text)",
    )
}
