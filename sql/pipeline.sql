-- File -> lake -> warehouse -> marts -> models, one transaction a step.
CREATE PROCEDURE @extschema@.rs_run_pipeline(path text)
LANGUAGE plpgsql
AS $$
DECLARE
    loaded record;
    refreshed record;
    trained record;
    -- Names here are looked up in the caller's path, before the first statement can set another.
    began pg_catalog.timestamptz := pg_catalog.clock_timestamp();
BEGIN
    -- A procedure with a SET clause could not COMMIT, so the path is set, and set again, by hand.
    SET LOCAL search_path = pg_catalog, pg_temp;
    IF $1 IS NULL THEN
        RAISE EXCEPTION 'path must not be null' USING ERRCODE = 'null_value_not_allowed',
            HINT = 'CALL rs_run_pipeline(''/srv/exports/orders.csv.zst'');';
    END IF;
    SELECT * INTO loaded FROM @extschema@.rs_ingest_file($1);
    RAISE INFO 'ingest: % lines read, % loaded, % duplicate, % rejected, % lake files in % s', loaded.rows_read,
        loaded.rows_loaded, loaded.rows_duplicate, loaded.rows_rejected, loaded.lake_files, round(loaded.seconds::numeric, 2);
    COMMIT;
    SET LOCAL search_path = pg_catalog, pg_temp;
    FOR refreshed IN SELECT * FROM @extschema@.rs_refresh_marts() LOOP
        RAISE INFO '%: % rows, % changed (%) in % s', refreshed.mart, refreshed.rows, refreshed.rows_changed, refreshed.mode,
            round(refreshed.seconds::numeric, 2);
    END LOOP;
    COMMIT;
    SET LOCAL search_path = pg_catalog, pg_temp;
    BEGIN
        SELECT * INTO trained FROM @extschema@.rs_train_churn();
        RAISE INFO 'churn: model % (%), ROC AUC %, % in % s', trained.model_id, trained.algorithm, round(trained.roc_auc::numeric, 4),
            CASE WHEN trained.promoted THEN 'serves' ELSE 'does not serve' END, round(trained.seconds::numeric, 2);
    EXCEPTION WHEN object_not_in_prerequisite_state OR data_exception THEN
        -- A young shop has too few sales to learn from: all else is worth having.
        RAISE INFO 'churn: no model: %', SQLERRM;
    END;
    COMMIT;
    SET LOCAL search_path = pg_catalog, pg_temp;
    BEGIN
        -- Two groups are often the clearest ones, and say little.
        SELECT * INTO trained FROM @extschema@.rs_train_segments(params => '{"k_min": 4}');
        RAISE INFO 'segments: model % (%), % segments of % customers in % s', trained.model_id, trained.algorithm, trained.segments,
            trained.customers, round(trained.seconds::numeric, 2);
    EXCEPTION WHEN object_not_in_prerequisite_state OR data_exception THEN
        RAISE INFO 'segments: no model: %', SQLERRM;
    END;
    COMMIT;
    SET LOCAL search_path = pg_catalog, pg_temp;
    BEGIN
        -- Fewer than ten baskets are no habit, however few there are in all.
        SELECT * INTO trained FROM @extschema@.rs_mine_rules((
            SELECT least(1, greatest(0.01, 10 / nullif(sum(k.orders), 0)))::float8 FROM retailscope.mart_daily_kpis AS k));
        RAISE INFO 'baskets: model % (%), % rules of % baskets in % s', trained.model_id, trained.algorithm, trained.rules, trained.baskets,
            round(trained.seconds::numeric, 2);
    EXCEPTION WHEN object_not_in_prerequisite_state OR data_exception THEN
        RAISE INFO 'baskets: no model: %', SQLERRM;
    END;
    COMMIT;
    SET LOCAL search_path = pg_catalog, pg_temp;
    BEGIN
        SELECT * INTO trained FROM @extschema@.rs_train_forecast();
        RAISE INFO 'forecast: model % (%), MASE %, % in % s', trained.model_id, trained.specification, round(trained.mase::numeric, 4),
            CASE WHEN trained.promoted THEN 'serves' ELSE 'does not serve' END, round(trained.seconds::numeric, 2);
    EXCEPTION WHEN object_not_in_prerequisite_state OR data_exception THEN
        RAISE INFO 'forecast: no model: %', SQLERRM;
    END;
    COMMIT;
    SET LOCAL search_path = pg_catalog, pg_temp;
    RAISE INFO 'pipeline: % s', round(extract(epoch FROM clock_timestamp() - began), 2);
END
$$;

COMMENT ON PROCEDURE @extschema@.rs_run_pipeline(text) IS
'Loads a file on the server into lake and warehouse, refreshes the marts and trains churn and segments, mines rules and trains the forecast of revenue, committing and reporting each step: CALL rs_run_pipeline(''/srv/exports/orders.csv.zst'');';
