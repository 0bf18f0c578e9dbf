-- Baskets: the mart of the rules that serve, and how they are asked.

COMMENT ON FUNCTION @extschema@.rs_mine_rules(float8, float8, float8, integer, text, date, date, jsonb) IS
'Mines association rules from the merchandise sales of the days from_date to to_date (both included; NULL: no bound), an invoice being a basket, stores them as a model, and lets it serve. '
'min_support: least share of baskets; min_confidence, min_lift: of a rule; max_len: items of a rule, 1 to 20; algorithm: fpgrowth, apriori, eclat, auto (the same rules from each). '
'options: min_count (baskets instead of a share), max_antecedent, max_consequent, include, exclude (stock codes, descriptions or patterns with %), country, segment (rules of a part, with the contrast to '
'the rest; they serve only with promote), itemsets (all, closed, maximal), max_itemsets, max_rules, time_budget_ms, exclude_invoices, top_k, rank_by, merchandise_only, min_improvement, validation_days, promote, '
'nowait. When a limit is reached, a WARNING says what is complete, and truncated is true. longest: items of the longest itemsets that are complete.';
COMMENT ON FUNCTION @extschema@.rs_model_rules(bigint) IS
'All rules of a stored model, the best first, whether it serves or not; the columns are those of retailscope.mart_association_rules.';
COMMENT ON FUNCTION @extschema@.rs_stock_codes(text) IS
'The stock codes that a text stands for: the code itself, or those of all products of this description. Case and blanks do not matter. A name that no product has is an ERROR with the nearest one.';
COMMENT ON FUNCTION @extschema@.rs_recommend(text[], integer) IS
'What goes with a basket (stock codes or descriptions), never anything that is in it: by the rules that serve (source rule) and by what was most often bought with one of its items (complement), the surest '
'first, then best sellers (popular). score: the confidence of the rule, the share of the item''s baskets (those of up to 1,000 items), the share of all baskets; because: the items of the basket behind it. n: how many, NULL for all. An empty basket gets best sellers.';
COMMENT ON FUNCTION @extschema@.rs_frequent_itemsets(text, float8, integer, text, jsonb) IS
'The itemsets that are frequent in the baskets of a query of two columns, basket and item, of any types; it is run with the caller''s rights and search path, and may only read. min_support: a share, or above 1 a '
'number of baskets; max_len: items of an itemset; algorithm: fpgrowth, apriori, eclat, auto; options: min_count, itemsets (all, closed, maximal), max_itemsets, time_budget_ms. Lines without a basket are left out; '
'a line without an item is a basket that may be empty. The most frequent first, then the smallest, then by their items.';

CREATE FUNCTION @extschema@.rs_refresh_rules()
RETURNS TABLE(mart text, serving_model bigint, rows bigint, seconds float8)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET jit = off
-- A mart of the rows that one role may see would be everybody's mart: where row-level security applies, it is an ERROR.
SET row_security = off
AS $body$
#variable_conflict use_column
DECLARE
    started constant timestamptz := clock_timestamp();
    serving bigint;
    written bigint;
BEGIN
    PERFORM @extschema@.rs_lock_task('baskets');
    SELECT d.model_id INTO serving FROM retailscope.model_deployment AS d WHERE d.task = 'baskets' ORDER BY d.deployment_id DESC LIMIT 1;
    DELETE FROM retailscope.mart_association_rules;
    INSERT INTO retailscope.mart_association_rules
        (rank, antecedent, consequent, items, antecedent_descriptions, consequent_descriptions, support, confidence, lift, leverage,
         conviction, zhang, baskets, p_value, q_value, confidence_low, confidence_high, antecedent_baskets, consequent_baskets, jaccard,
         cosine, kulczynski, improvement, revenue, months, months_held, rest_baskets, rest_confidence, model_id)
    SELECT r.rank, r.antecedent, r.consequent, r.antecedent || r.consequent, r.antecedent_descriptions, r.consequent_descriptions,
           r.support, r.confidence, r.lift, r.leverage, r.conviction, r.zhang, r.baskets, r.p_value, r.q_value, r.confidence_low,
           r.confidence_high, r.antecedent_baskets, r.consequent_baskets, r.jaccard, r.cosine, r.kulczynski, r.improvement, r.revenue,
           r.months, r.months_held, r.rest_baskets, r.rest_confidence, serving
    FROM @extschema@.rs_model_rules(serving) AS r;
    GET DIAGNOSTICS written = ROW_COUNT;
    RETURN QUERY SELECT 'mart_association_rules'::text, serving, written, extract(epoch FROM clock_timestamp() - started)::float8;
END
$body$;

COMMENT ON FUNCTION @extschema@.rs_refresh_rules() IS
'Rewrites mart_association_rules from the model that serves; it is empty when none does. Mining, rs_promote and rs_rollback call it, in the same transaction. Returns the model and its number of rules.';

CREATE FUNCTION @extschema@.rs_rules(item text DEFAULT NULL, n integer DEFAULT 20)
RETURNS TABLE(
    antecedent text[], consequent text[], support float8, confidence float8, lift float8, leverage float8, conviction float8, zhang float8,
    baskets bigint, p_value float8, antecedent_descriptions text[], consequent_descriptions text[], q_value float8, confidence_low float8,
    confidence_high float8, antecedent_baskets bigint, consequent_baskets bigint, jaccard float8, cosine float8, kulczynski float8,
    improvement float8, revenue float8, months integer, months_held integer, rest_baskets bigint, rest_confidence float8, model_id bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
-- One plan for all items: to plan takes longer than to look up.
SET plan_cache_mode = force_generic_plan
SET jit = off
AS $body$
#variable_conflict use_column
DECLARE
    codes text[];
BEGIN
    IF $2 < 0 THEN
        RAISE EXCEPTION 'n must be 0 or more, not %', $2 USING ERRCODE = 'invalid_parameter_value', HINT = 'NULL gives all rules.';
    END IF;
    IF NOT EXISTS (SELECT FROM retailscope.model_deployment AS d WHERE d.task = 'baskets') THEN
        RAISE EXCEPTION 'there is no model for baskets yet'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'SELECT * FROM rs_mine_rules();';
    END IF;
    IF $1 IS NULL THEN
        RETURN QUERY
        SELECT r.antecedent, r.consequent, r.support, r.confidence, r.lift, r.leverage, r.conviction, r.zhang, r.baskets, r.p_value,
               r.antecedent_descriptions, r.consequent_descriptions, r.q_value, r.confidence_low, r.confidence_high, r.antecedent_baskets,
               r.consequent_baskets, r.jaccard, r.cosine, r.kulczynski, r.improvement, r.revenue, r.months, r.months_held, r.rest_baskets,
               r.rest_confidence, r.model_id
        FROM retailscope.mart_association_rules AS r
        ORDER BY r.rank LIMIT $2;
        RETURN;
    END IF;
    codes := @extschema@.rs_stock_codes($1);
    RETURN QUERY
    SELECT r.antecedent, r.consequent, r.support, r.confidence, r.lift, r.leverage, r.conviction, r.zhang, r.baskets, r.p_value,
           r.antecedent_descriptions, r.consequent_descriptions, r.q_value, r.confidence_low, r.confidence_high, r.antecedent_baskets,
           r.consequent_baskets, r.jaccard, r.cosine, r.kulczynski, r.improvement, r.revenue, r.months, r.months_held, r.rest_baskets,
           r.rest_confidence, r.model_id
    FROM retailscope.mart_association_rules AS r
    WHERE r.items && codes
    ORDER BY NOT r.antecedent && codes, r.rank LIMIT $2;
END
$body$;

COMMENT ON FUNCTION @extschema@.rs_rules(text, integer) IS
'The n best rules that serve (NULL: all), or those that hold an item, named by its stock code or description: first those that start from it, then those that advise it. An item without rules gives no rows. '
'Columns are those of retailscope.mart_association_rules.';
