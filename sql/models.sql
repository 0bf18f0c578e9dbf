-- The registry: what is there, what serves, and how that changes.

CREATE FUNCTION @extschema@.rs_models(task text DEFAULT NULL)
RETURNS TABLE(
    model_id bigint, task_name text, version integer, algorithm text, serving boolean, status text, as_of date, trained_at timestamptz,
    training_rows bigint, metric text, value float8, seconds float8, bytes bigint, seed bigint, params jsonb)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $body$
    SELECT m.model_id, m.task, m.version, m.algorithm,
           m.model_id IS NOT DISTINCT FROM (SELECT d.model_id FROM retailscope.model_deployment AS d
                                            WHERE d.task = m.task ORDER BY d.deployment_id DESC LIMIT 1),
           m.status, m.as_of, m.trained_at, m.training_rows, h.metric, h.value, m.seconds, m.bytes, m.seed, m.params
    FROM retailscope.model AS m
    LEFT JOIN LATERAL (
        -- The figure that models of a task are compared by.
        SELECT k.metric, k.value
        FROM retailscope.model_metric AS k
        WHERE k.model_id = m.model_id
          AND (k.dataset, k.metric) IN (('holdout', 'roc_auc'), ('train', 'silhouette'), ('holdout', 'hit_rate_at_5'), ('holdout', 'mase'))
        ORDER BY k.dataset LIMIT 1) AS h ON true
    WHERE $1 IS NULL OR m.task = $1
    ORDER BY m.task, m.version
$body$;

COMMENT ON FUNCTION @extschema@.rs_models(text) IS
'The registry at a glance: each model of the task (default: of all tasks), its version, whether it serves, what it was trained on, '
'and the figure that models of its task are compared by (churn: ROC AUC on the holdout; segments: silhouette; baskets: how often the first five recommendations held an item hidden from a basket of the holdout; '
'forecasts: MASE on the holdout).';

CREATE FUNCTION @extschema@.rs_lock_task(task text, nowait boolean DEFAULT false) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $body$
DECLARE
    -- Two numbers make the key: the registry's own and the task's, so that nobody else's locks are met.
    registry constant integer := 'retailscope.model'::regclass::oid::integer;
BEGIN
    IF NOT $2 THEN
        PERFORM pg_advisory_xact_lock(registry, hashtext($1));
    ELSIF NOT pg_try_advisory_xact_lock(registry, hashtext($1)) THEN
        RAISE EXCEPTION 'models for % are being trained or changed by another session', quote_literal($1)
            USING ERRCODE = 'lock_not_available', HINT = 'SELECT * FROM retailscope.progress; without nowait it would wait.';
    END IF;
END
$body$;

COMMENT ON FUNCTION @extschema@.rs_lock_task(text, boolean) IS
'Until the end of the transaction no other session trains, promotes, rolls back or drops models of the task. Waits for its turn, or fails with 55P03 '
'with nowait. The functions that change the registry call it; it takes no transaction id.';

CREATE FUNCTION @extschema@.rs_promote(model_id bigint, reason text DEFAULT NULL)
RETURNS TABLE(task text, serving bigint, replaced bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_column
DECLARE
    wanted retailscope.model;
BEGIN
    IF $1 IS NULL THEN
        RAISE EXCEPTION 'model_id must not be null' USING ERRCODE = 'null_value_not_allowed', HINT = 'SELECT * FROM rs_models();';
    END IF;
    SELECT * INTO wanted FROM retailscope.model AS m WHERE m.model_id = $1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no model %', $1 USING ERRCODE = 'undefined_object', HINT = 'SELECT * FROM rs_models();';
    END IF;
    PERFORM @extschema@.rs_lock_task(wanted.task);
    -- What cannot be read must not serve.
    PERFORM @extschema@.rs_verify_model($1);
    task := wanted.task;
    serving := $1;
    SELECT d.model_id INTO replaced FROM retailscope.model_deployment AS d
    WHERE d.task = wanted.task ORDER BY d.deployment_id DESC LIMIT 1;
    IF replaced IS DISTINCT FROM $1 THEN
        INSERT INTO retailscope.model_deployment (task, model_id, action, reason)
        VALUES (wanted.task, $1, 'promote', coalesce($2, 'promoted by hand'));
    END IF;
    UPDATE retailscope.model AS m SET status = CASE WHEN m.model_id = $1 THEN 'serving' ELSE 'retired' END
    WHERE m.task = wanted.task AND (m.status = 'serving' OR m.model_id = $1);
    IF wanted.task = 'baskets' THEN
        PERFORM @extschema@.rs_refresh_rules();
    END IF;
    RETURN NEXT;
END
$body$;

COMMENT ON FUNCTION @extschema@.rs_promote(bigint, text) IS
'Lets a model serve its task: a row in retailscope.model_deployment, with the reason. Predictions of all sessions follow with their next statement, once the '
'transaction has committed; mart_association_rules follows at once, mart_customer_segments with rs_refresh_segments(). Returns the task, the model that serves now, and the one that did before.';

CREATE FUNCTION @extschema@.rs_rollback(task text)
RETURNS TABLE(task_name text, serving bigint, replaced bigint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_column
DECLARE
    step record;
    -- The models that serve if all later ones are taken back, the newest last.
    history bigint[] := '{}';
    before bigint;
BEGIN
    PERFORM @extschema@.rs_lock_task($1);
    FOR step IN
        SELECT d.model_id, d.action FROM retailscope.model_deployment AS d WHERE d.task = $1 ORDER BY d.deployment_id
    LOOP
        IF step.action = 'promote' THEN
            history := history || step.model_id;
        ELSE
            history := history[:coalesce((SELECT max(h) FROM generate_subscripts(history, 1) AS h WHERE history[h] = step.model_id), 0)];
        END IF;
    END LOOP;
    replaced := history[cardinality(history)];
    IF replaced IS NULL THEN
        RAISE EXCEPTION 'no model serves %', quote_nullable($1)
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'SELECT * FROM rs_models();';
    END IF;
    -- The newest one before it that is still there.
    SELECT h.model_id INTO before
    FROM unnest(history[:cardinality(history) - 1]) WITH ORDINALITY AS h (model_id, position)
    JOIN retailscope.model AS m ON m.model_id = h.model_id
    WHERE h.model_id <> replaced
    ORDER BY h.position DESC LIMIT 1;
    IF before IS NULL THEN
        RAISE EXCEPTION 'no model served % before model %', quote_literal($1), replaced
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'SELECT * FROM retailscope.model_deployment;';
    END IF;
    PERFORM @extschema@.rs_verify_model(before);
    INSERT INTO retailscope.model_deployment (task, model_id, action, reason)
    VALUES ($1, before, 'rollback', format('model %s taken back', replaced));
    UPDATE retailscope.model AS m SET status = CASE WHEN m.model_id = before THEN 'serving' ELSE 'retired' END
    WHERE m.task = $1 AND (m.status = 'serving' OR m.model_id = before);
    IF $1 = 'baskets' THEN
        PERFORM @extschema@.rs_refresh_rules();
    END IF;
    task_name := $1;
    serving := before;
    RETURN NEXT;
END
$body$;

COMMENT ON FUNCTION @extschema@.rs_rollback(text) IS
'Takes the model that serves a task back: the one that served before it serves again, and before that one the next time. It is one more row in '
'retailscope.model_deployment. Returns the task, the model that serves now, and the one that was taken back.';

CREATE FUNCTION @extschema@.rs_drop_model(model_id bigint) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $body$
#variable_conflict use_column
DECLARE
    wanted retailscope.model;
BEGIN
    SELECT * INTO wanted FROM retailscope.model AS m WHERE m.model_id = $1;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no model %', coalesce($1::text, 'NULL') USING ERRCODE = 'undefined_object', HINT = 'SELECT * FROM rs_models();';
    END IF;
    PERFORM @extschema@.rs_lock_task(wanted.task);
    IF $1 = (SELECT d.model_id FROM retailscope.model_deployment AS d
             WHERE d.task = wanted.task ORDER BY d.deployment_id DESC LIMIT 1) THEN
        RAISE EXCEPTION 'model % serves %', $1, quote_literal(wanted.task)
            USING ERRCODE = 'object_in_use', HINT = 'Promote another one, or rs_rollback() first.';
    END IF;
    DELETE FROM retailscope.model AS m WHERE m.model_id = $1;
END
$body$;

COMMENT ON FUNCTION @extschema@.rs_drop_model(bigint) IS
'Deletes a model with its metrics, importance and curves. One that serves is refused. The log of deployments keeps its rows.';

COMMENT ON FUNCTION @extschema@.rs_verify_model(bigint) IS
'Reads a stored model and checks its pieces, length, checksum, form and content; an ERROR says why it could not be asked.';
