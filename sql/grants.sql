-- Who may do what. Nothing is open to PUBLIC; rs_grant_access() opens it by level.

CREATE FUNCTION @extschema@.rs_grant_access(role regrole, level text)
RETURNS TABLE(kind text, name text, privileges text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_column
DECLARE
    -- Each level has all that the levels before it have.
    levels constant text[] := ARRAY['reader', 'analyst', 'admin'];
    wanted constant integer := array_position(levels, $2);
    owner oid;
    item record;
BEGIN
    IF $1 IS NULL OR $1 = 0 THEN
        RAISE EXCEPTION 'no role given' USING ERRCODE = '22023', HINT = 'Name an existing role: rs_grant_access(''ann'', ''reader'').';
    END IF;
    IF wanted IS NULL THEN
        RAISE EXCEPTION 'unknown level: %', coalesce(quote_literal($2), 'NULL')
            USING ERRCODE = '22023', HINT = format('The levels are %s.', array_to_string(levels, ', '));
    END IF;
    SELECT n.nspowner INTO owner FROM pg_namespace AS n WHERE n.nspname = 'retailscope';
    -- Without this check a GRANT by another than the owner only warns, and grants nothing.
    IF NOT pg_has_role(current_user, owner, 'USAGE') THEN
        RAISE EXCEPTION 'only the owner of the warehouse may grant access to it'
            USING ERRCODE = '42501', HINT = format('Call it as %s or as a superuser.', owner::regrole);
    END IF;

    FOR item IN
        WITH relations (level, name) AS (
            VALUES ('reader', 'dim_date'), ('reader', 'dim_customer'), ('reader', 'dim_product'), ('reader', 'product_description'),
                   ('reader', 'fact_sales'), ('reader', 'holiday'), ('reader', 'mart_customer_rfm'), ('reader', 'mart_daily_kpis'), ('reader', 'progress'),
                   -- Predictions ask which day is the newest, which model serves, and read it.
                   ('reader', 'mart_customer_segments'), ('reader', 'mart_association_rules'), ('reader', 'mart_state'), ('reader', 'model'),
                   ('reader', 'model_chunk'), ('reader', 'model_deployment'),
                   ('analyst', 'etl_batch'), ('analyst', 'etl_reject'), ('analyst', 'lake_file'), ('analyst', 'model_metric'), ('analyst', 'model_importance'), ('analyst', 'model_curve'),
                   ('analyst', 'clean_rule'), ('analyst', 'country_alias'), ('analyst', 'rfm_segment_map'),
                   ('admin', 'warehouse_state')
        ),
        -- An admin may execute all of them.
        routines (level, name) AS (
            VALUES ('reader', 'rs_customer_features'), ('reader', 'rs_daily_features'), ('reader', 'rs_default_as_of'),
                   ('reader', 'rs_predict_churn'), ('reader', 'rs_explain_churn'), ('reader', 'rs_segment_customers'),
                   ('reader', 'rs_segment_customer'), ('reader', 'rs_segment_profiles'), ('reader', 'rs_segment_migration'),
                   ('reader', 'rs_rules'), ('reader', 'rs_recommend'), ('reader', 'rs_stock_codes'), ('reader', 'rs_frequent_itemsets'),
                   ('reader', 'rs_forecast_revenue'), ('reader', 'rs_forecast_demand'), ('reader', 'rs_forecast_series'),
                   ('reader', 'rs_forecast'), ('reader', 'rs_forecast_products'), ('reader', 'rs_forecast_reconciled'), ('reader', 'rs_explain_forecast'), ('reader', 'rs_backtest'), ('reader', 'rs_time_series_split'),
                   ('analyst', 'rs_model_rules'), ('analyst', 'rs_data_quality'), ('analyst', 'rs_lake_status'), ('analyst', 'rs_churn_frame'),
                   ('analyst', 'rs_models'), ('analyst', 'rs_verify_model'), ('analyst', 'rs_verify_no_leak'), ('analyst', 'rs_model_to_sql')
        ),
        extension AS (
            SELECT e.oid, e.extnamespace FROM pg_extension AS e WHERE e.extname = 'retailscope'
        ),
        -- Members of the extension alone: a function of the same name in another schema is not ours to open.
        members AS (
            SELECT p.oid, p.proname
            FROM extension AS e
            JOIN pg_depend AS d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e'
                               AND d.classid = 'pg_proc'::regclass
            JOIN pg_proc AS p ON p.oid = d.objid
            WHERE left(p.proname::text, 3) = 'rs_'
        ),
        tables AS (
            SELECT c.oid, c.relkind, r.name
            FROM relations AS r
            JOIN pg_class AS c ON c.relname = r.name AND c.relkind IN ('r', 'p', 'v')
            JOIN pg_namespace AS n ON n.oid = c.relnamespace AND n.nspname = 'retailscope'
            WHERE array_position(levels, r.level) <= wanted
        )
        SELECT 1 AS position, 'schema' AS kind, format('%I', n.nspname) AS name, 'USAGE' AS privileges
        FROM pg_namespace AS n
        -- Where all may use the schema already (public, often), there is nothing to grant, and perhaps no right to.
        WHERE n.nspname = 'retailscope'
           OR n.oid = (SELECT e.extnamespace FROM extension AS e) AND NOT has_schema_privilege($1, n.oid, 'USAGE')
        UNION ALL
        SELECT 2, 'table', t.oid::regclass::text,
               CASE WHEN levels[wanted] = 'admin' AND t.relkind <> 'v' THEN 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE' ELSE 'SELECT' END
        FROM tables AS t
        UNION ALL
        -- The newest day is all that predictions ask of the batches, whose sources are paths on the server.
        SELECT 2, 'table', 'retailscope.etl_batch', 'SELECT (last_date)'
        WHERE levels[wanted] = 'reader'
        UNION ALL
        SELECT 3, 'sequence', d.objid::regclass::text, 'USAGE, SELECT, UPDATE'
        FROM tables AS t
        JOIN pg_depend AS d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.oid AND d.classid = 'pg_class'::regclass
                           AND d.deptype IN ('a', 'i')
        JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
        WHERE levels[wanted] = 'admin'
        UNION ALL
        SELECT 4, 'routine', m.oid::regprocedure::text, 'EXECUTE'
        FROM members AS m
        WHERE levels[wanted] = 'admin'
           OR EXISTS (SELECT FROM routines AS r WHERE r.name = m.proname AND array_position(levels, r.level) <= wanted)
        ORDER BY position, name
    LOOP
        EXECUTE format('GRANT %s ON %s %s TO %s', item.privileges, item.kind, item.name, $1);
        kind := item.kind;
        name := item.name;
        privileges := item.privileges;
        RETURN NEXT;
    END LOOP;
END
$body$;

COMMENT ON FUNCTION @extschema@.rs_grant_access(regrole, text) IS
'Opens the warehouse to a role. reader: both schemas, dimensions, facts, marts, the newest day of the batches, progress, models and deployments, features, predictions, segments, rules, recommendations and forecasts. '
'analyst: also the batches, rejects, lake files and rules, metrics of models, rs_models, rs_churn_frame and rs_data_quality. admin: also writes all tables and executes all functions '
'(ingest, refresh, export, training), but rs_create_warehouse and rs_grant_access stay the owner''s. It adds and never takes away: use REVOKE to lower a role. Returns what was granted. '
'Server files need more: see rs_ingest_file.';
