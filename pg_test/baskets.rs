//! Baskets: rules of a shop that is small enough to count by hand.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::*;
    use crate::pg_test_suite::{caught, number, text, truth};

    /// Nine baskets of tea (11111), cake stands (22222) and jam (33333): tea in 6, cake in 6, both in 5; jam in 4, with cake
    /// in 2. Of the French ones tea is in 3, cake in 2, both times with tea. A mug is called like the cake stand. In the last
    /// basket tea stands twice. Postage, returns and gifts are no sales of merchandise.
    const SHOP: &str = "CREATE TABLE public.tea_shop (invoice_no text, stock_code text, description text, quantity int, sold_at timestamp,
            unit_price numeric, customer_id text, country text);
        INSERT INTO public.tea_shop
        SELECT i.invoice_no, c.stock_code, c.description, 1, i.day, c.price, i.customer_id, i.country
        FROM (VALUES ('1', '2020-01-10'::timestamp, '10001', 'United Kingdom', '{11111,22222}'::text[]),
                     ('2', '2020-01-20', '10001', 'United Kingdom', '{11111,22222}'), ('3', '2020-02-05', '10001', 'United Kingdom', '{11111,22222,33333}'),
                     ('4', '2020-02-15', '20002', 'France', '{11111,22222}'), ('5', '2020-03-01', '20002', 'France', '{11111,POST}'),
                     ('6', '2020-03-02', '10001', 'United Kingdom', '{22222,33333}'), ('7', '2020-03-03', '10001', 'United Kingdom', '{33333}'),
                     ('8', '2020-03-04', '20002', 'France', '{33333,44444}'), ('9', '2020-04-01', '20002', 'France', '{11111,22222}'),
                     ('10', '2020-04-02', '20002', 'France', '{POST}')) AS i (invoice_no, day, customer_id, country, codes)
        JOIN (VALUES ('11111', 'Tea Set', 2), ('22222', 'CAKE  STAND', 3), ('33333', 'JAM JAR', 4), ('44444', 'Cake Stand', 5), ('POST', 'POSTAGE', 9))
             AS c (stock_code, description, price) ON c.stock_code = ANY (i.codes)
        UNION ALL VALUES ('9', '11111', 'Tea Set', 2, '2020-04-01'::timestamp, 2, '20002', 'France'), ('C11', '33333', 'JAM JAR', -1, '2020-04-03', 4, '10001', 'United Kingdom'),
                         ('12', '33333', 'JAM JAR', 1, '2020-04-03', 0, '10001', 'United Kingdom');
        SELECT rs_ingest_table('public.tea_shop'); SELECT rs_refresh_marts()";

    fn shop() {
        Spi::run(SHOP).unwrap();
    }

    fn mined(call: &str) -> i64 {
        number(&format!("SELECT model_id FROM rs_mine_rules({call})"))
    }

    const FIGURES: &str = "concat_ws(' ', antecedent, consequent, baskets, antecedent_baskets, consequent_baskets, round(support::numeric, 6), round(confidence::numeric, 6),
        round(lift::numeric, 6), round(leverage::numeric, 6), conviction, round(zhang::numeric, 6))";

    #[pg_test]
    fn rules_are_counted_by_hand() {
        shop();
        let seen = text(
            "SELECT concat_ws(' ', baskets, items, itemsets, rules, truncated, algorithm, longest, promoted, verdict) FROM rs_mine_rules(0.5, 0.5)",
        );
        assert_eq!(seen, "9 2 3 2 f fpgrowth 4 t the newest rules serve");
        let rules = text(&format!(
            "SELECT string_agg({FIGURES}, E'\\n' ORDER BY place) FROM (SELECT *, row_number() OVER () AS place FROM rs_rules()) AS r"
        ));
        assert_eq!(
            rules,
            "{11111} {22222} 5 6 6 0.555556 0.833333 1.250000 0.111111 2 0.600000\n\
             {22222} {11111} 5 6 6 0.555556 0.833333 1.250000 0.111111 2 0.600000"
        );
        // Fisher: 18 + 1 of the 84 ways to draw 6 of 9. Four months with tea, in March without cake. Four baskets of 5, one of 9.
        let more = text(
            "SELECT concat_ws(' ', antecedent_descriptions, consequent_descriptions, abs(p_value - 19.0 / 84) < 1e-12, round(jaccard::numeric, 6),
                round(cosine::numeric, 6), round(kulczynski::numeric, 6), revenue, months, months_held, coalesce(rest_baskets::text, '-'), confidence_low < confidence, q_value >= p_value)
             FROM rs_rules(n => 1)",
        );
        assert_eq!(
            more,
            "{\"Tea Set\"} {\"CAKE  STAND\"} t 0.714286 0.833333 0.833333 29 4 3 - t t"
        );
        for algorithm in ["apriori", "eclat", "auto", "fpgrowth"] {
            let id = mined(&format!(
                "0.2, 0.1, 0, algorithm => '{algorithm}', options => '{{\"promote\": false}}'"
            ));
            let rules = "SELECT md5(string_agg(r::text, ',' ORDER BY rank)) FROM rs_model_rules";
            let first = number("SELECT min(model_id) FROM rs_models('baskets')");
            let again = text(&format!("{rules}({id}) AS r"));
            assert_eq!(
                again,
                text(&format!("{rules}({}) AS r", first + 1)),
                "{algorithm}"
            );
        }
        assert_eq!(
            text("SELECT string_agg(DISTINCT data_hash, ' ') FROM retailscope.model").len(),
            32
        );
        assert_eq!(
            text(
                "SELECT concat_ws(' ', as_of, training_rows, params ->> 'min_support', seed) FROM rs_models('baskets') LIMIT 1"
            ),
            "2020-04-02 9 0.5 42"
        );
    }

    #[pg_test]
    fn dates_items_and_invoices_choose_what_is_mined() {
        shop();
        let seen = |call: &str| {
            text(&format!(
                "SELECT concat_ws(' ', baskets, items, itemsets, rules) FROM rs_mine_rules({call})"
            ))
        };
        // Both days are in.
        assert_eq!(
            seen("0.5, 0.5, 0, from_date => '2020-02-05', to_date => '2020-02-15'"),
            "2 3 7 12"
        );
        assert_eq!(seen("0.01, 0, 0, from_date => '2020-04-01'"), "1 2 3 2");
        assert_eq!(
            seen(
                "0.01, 0, 0, options => '{\"merchandise_only\": false}', from_date => '2020-04-01'"
            ),
            seen("0.01, 0, 0, from_date => '2020-04-01'")
        );
        assert_eq!(
            seen("0.5, 0.5, 0, options => '{\"exclude_invoices\": [\"7\", \"8\"]}'"),
            "7 2 3 2"
        );
        // By description, and by pattern; a rule must have jam, or may not have tea.
        assert_eq!(
            seen("0.2, 0, 0, options => '{\"include\": [\" jam  JAR\"]}'"),
            "9 3 5 2"
        );
        assert_eq!(
            seen("0.2, 0, 0, options => '{\"exclude\": [\"tea%\"]}'"),
            "9 2 3 2"
        );
        assert_eq!(
            seen("0.2, 0, 0, options => '{\"exclude\": [\"%11%\", \"22222\"]}'"),
            "9 1 1 0"
        );
        // All arguments may be NULL: then they have their defaults.
        assert_eq!(
            seen("NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL"),
            seen("")
        );
    }

    #[pg_test]
    fn a_part_is_compared_with_the_rest_and_does_not_serve() {
        shop();
        let all = mined("0.5, 0.5");
        Spi::run("INSERT INTO retailscope.mart_customer_segments (customer_id, as_of, segment_id, segment, distance, model_id) VALUES ('20002', '2020-05-01', 1, 'Treats', 0, 1)").unwrap();
        let rfm = text(
            "SELECT rfm_segment FROM retailscope.mart_customer_rfm WHERE customer_id = '20002'",
        );
        let other = text(
            "SELECT rfm_segment FROM retailscope.mart_customer_rfm WHERE customer_id = '10001'",
        );
        let mut options = vec![
            "{\"country\": \"France\"}".to_owned(),
            "{\"segment\": \"Treats\"}".to_owned(),
            "{\"segment\": \"Treats\", \"country\": \"France\"}".to_owned(),
        ];
        if rfm != other {
            options.push(format!("{{\"segment\": \"{rfm}\"}}"));
        }
        for options in options {
            let id = mined(&format!("0.5, 0.5, options => '{options}'"));
            let rules = text(&format!(
                "SELECT string_agg(concat_ws(' ', antecedent, consequent, baskets, round(confidence::numeric, 4), round(lift::numeric, 4), conviction, rest_baskets, rest_confidence), E'\\n' ORDER BY antecedent)
                 FROM rs_model_rules({id})"
            ));
            assert_eq!(
                rules,
                "{11111} {22222} 2 0.6667 1.3333 1.5 3 1\n{22222} {11111} 2 1.0000 1.3333 Infinity 3 0.75",
                "{options}"
            );
            assert_eq!(number("SELECT DISTINCT model_id FROM rs_rules()"), all);
        }
        for (options, message, hint) in [
            (
                "{\"country\": \"Frnce\"}",
                "there is no country \"Frnce\", did you mean \"France\"?",
                "The countries are \"France\", \"United Kingdom\".",
            ),
            (
                "{\"segment\": \"Treat\"}",
                "there is no segment \"Treat\", did you mean \"Treats\"?",
                "\"Treats\"",
            ),
        ] {
            let failed = caught(&format!("SELECT rs_mine_rules(options => '{options}')"));
            assert_eq!(
                (failed.state.as_str(), failed.message.as_str()),
                ("22023", message)
            );
            assert!(failed.hint.contains(hint), "{failed:?}");
        }
        let failed = caught(
            "SELECT rs_mine_rules(to_date => '2020-01-31', options => '{\"country\": \"France\"}')",
        );
        assert_eq!(failed.state, "55000", "{failed:?}");
    }

    #[pg_test]
    fn the_mart_follows_what_serves() {
        shop();
        let state = || {
            text(
                "SELECT concat_ws(' ', count(*), count(DISTINCT model_id), min(model_id), bool_and(items = antecedent || consequent)) FROM retailscope.mart_association_rules",
            )
        };
        let serving = || number("SELECT DISTINCT model_id FROM rs_rules()");
        let first = mined("0.5, 0.5");
        assert_eq!(state(), format!("2 1 {first} t"));
        Spi::run("PREPARE rules AS SELECT DISTINCT model_id FROM rs_rules('11111')").unwrap();
        let prepared = || number("EXECUTE rules");
        assert_eq!((serving(), prepared()), (first, first));
        let second = mined("0.2, 0.1, 0");
        assert_eq!(state(), format!("4 1 {second} t"));
        assert_eq!((serving(), prepared()), (second, second));
        Spi::run("SELECT rs_rollback('baskets')").unwrap();
        assert_eq!(state(), format!("2 1 {first} t"));
        assert_eq!((serving(), prepared()), (first, first));
        Spi::run(&format!("SELECT rs_promote({second})")).unwrap();
        assert_eq!(state(), format!("4 1 {second} t"));
        assert_eq!(
            caught(&format!("SELECT rs_drop_model({second})")).state,
            "55006"
        );
        // What a subtransaction takes back, the mart takes back.
        Spi::run(&format!(
            "DO $$ BEGIN PERFORM rs_promote({first}); RAISE division_by_zero; EXCEPTION WHEN division_by_zero THEN END $$"
        ))
        .unwrap();
        assert_eq!((state(), serving()), (format!("4 1 {second} t"), second));
        Spi::run(&format!(
            "SELECT rs_drop_model({first}); TRUNCATE retailscope.mart_association_rules"
        ))
        .unwrap();
        assert_eq!(
            text("SELECT concat_ws(' ', mart, serving_model, rows) FROM rs_refresh_rules()"),
            format!("mart_association_rules {second} 4")
        );
        assert_eq!(
            text(&format!(
                "SELECT count(*)::text FROM rs_model_rules({second}) AS r JOIN retailscope.mart_association_rules AS m USING (rank)
                 WHERE to_jsonb(m) - 'items' - 'model_id' = to_jsonb(r)"
            )),
            "4"
        );
        assert_eq!(text(&format!("SELECT rs_verify_model({second})::text")), "");
        assert_eq!(
            caught(&format!(
                "SELECT rs_predict_churn(); SELECT rs_model_rules({second})"
            ))
            .state,
            "55000"
        );
        // The best rules first, and those that start from an item before those that advise it.
        let order = |call: &str| {
            text(&format!(
                "SELECT string_agg(antecedent || consequent || '', ' ' ORDER BY place) FROM
                 (SELECT antecedent::text AS antecedent, consequent::text AS consequent, row_number() OVER () AS place FROM rs_rules({call})) AS r"
            ))
        };
        assert_eq!(order("' 33333 '"), "{33333}{22222} {22222}{33333}");
        assert_eq!(order("'cake stand', 1"), order("'22222', 1"));
        assert_eq!(order("'44444'"), "");
        assert_eq!(order("n => 0"), "");
        assert_eq!(order("n => NULL"), order(""));
        assert_eq!(
            text("SELECT rs_stock_codes('cake   stand ')::text"),
            "{22222,44444}"
        );
    }

    #[pg_test]
    fn advice_is_never_what_is_there() {
        shop();
        mined("0.2, 0.5, 1");
        let advice = |call: &str| {
            text(&format!(
                "SELECT string_agg(concat_ws(' ', item, description, round(score::numeric, 4), because, source), E'\\n' ORDER BY place)
                 FROM (SELECT *, row_number() OVER () AS place FROM rs_recommend({call})) AS r"
            ))
        };
        assert_eq!(
            advice("ARRAY['tea set'], 1"),
            "22222 CAKE  STAND 0.8333 {11111} rule"
        );
        assert_eq!(
            advice("ARRAY['11111', NULL, ' 11111'], 1"),
            advice("ARRAY['tea set'], 1")
        );
        let sellers = advice("NULL");
        assert!(
            sellers.starts_with("11111 Tea Set 0.6667 {} popular"),
            "{sellers}"
        );
        assert_eq!(advice("ARRAY[]::text[]"), sellers);
        assert_eq!(advice("'{{NULL},{NULL}}'::text[]"), sellers);
        assert_eq!(advice("ARRAY['11111'], 0"), "");
        assert!(
            !advice("ARRAY['11111', '22222'], NULL")
                .lines()
                .any(|l| l.starts_with("11111") || l.starts_with("22222"))
        );
        // The warehouse knows it, the model does not.
        assert_eq!(advice("ARRAY['POST']"), sellers);
    }

    #[pg_test]
    fn what_is_wrong_with_baskets_is_said() {
        for (call, state, message, hint) in [
            (
                "rs_mine_rules()",
                "55000",
                "there are no baskets",
                "Load sales first",
            ),
            (
                "rs_rules()",
                "55000",
                "there is no model for baskets yet",
                "rs_mine_rules()",
            ),
            (
                "rs_recommend(NULL)",
                "55000",
                "there is no model for baskets yet",
                "rs_mine_rules()",
            ),
            (
                "rs_model_rules(99)",
                "42704",
                "there is no model 99",
                "rs_models()",
            ),
        ] {
            let failed = caught(&format!("SELECT * FROM {call}"));
            assert_eq!(failed.state, state, "{call}: {failed:?}");
            assert!(
                failed.message.contains(message) && failed.hint.contains(hint),
                "{call}: {failed:?}"
            );
        }
        shop();
        mined("0.5, 0.5");
        for (call, message) in [
            ("rs_mine_rules('NaN')", "min_support must be"),
            ("rs_mine_rules(0.1, 2)", "min_confidence must be"),
            ("rs_mine_rules(0.1, max_len => 99)", "max_len must be"),
            (
                "rs_mine_rules(algorithm => 'fpgrwth')",
                "did you mean \"fpgrowth\"?",
            ),
            (
                "rs_mine_rules(options => '{\"max_rule\": 3}')",
                "did you mean \"max_rules\"?",
            ),
            ("rs_mine_rules(options => '[]')", "JSON object"),
            (
                "rs_mine_rules(from_date => '2020-02-01', to_date => '2020-01-01')",
                "from_date is after to_date",
            ),
            (
                "rs_mine_rules(options => '{\"include\": [\"jam jr\"]}')",
                "there is no product \"jam jr\", did you mean \"JAM JAR\"?",
            ),
            (
                "rs_mine_rules(options => '{\"exclude\": [\"%jelly%\"]}')",
                "no product's stock code or description is like \"%jelly%\"",
            ),
            (
                "rs_rules('tee set')",
                "there is no product \"tee set\", did you mean \"Tea Set\"?",
            ),
            ("rs_rules(n => -1)", "n must be 0 or more, not -1"),
            (
                "rs_recommend(ARRAY['tee set'])",
                "did you mean \"Tea Set\"?",
            ),
            ("rs_recommend(NULL, -1)", "n must be 0 or more, not -1"),
            ("rs_stock_codes('')", "there is no product \"\""),
        ] {
            let failed = caught(&format!("SELECT * FROM {call}"));
            assert_eq!(failed.state, "22023", "{call}: {failed:?}");
            assert!(failed.message.contains(message), "{call}: {failed:?}");
        }
        // One baskets' worth of lines in which nothing is sold.
        let failed = caught("SELECT rs_mine_rules(from_date => '2020-04-02')");
        assert_eq!(failed.state, "55000", "{failed:?}");
    }

    #[pg_test]
    fn limits_cut_by_length_and_say_so() {
        shop();
        let seen = |options: &str| {
            text(&format!(
                "SELECT concat_ws(' ', itemsets, rules, truncated, longest, promoted) FROM rs_mine_rules(0.01, 0, 0, options => '{options}')"
            ))
        };
        // 4 items, 4 pairs, and one of three.
        assert_eq!(seen("{}"), "9 14 f 4 t");
        assert_eq!(seen("{\"max_itemsets\": 8}"), "8 8 t 2 t");
        // No rules at all do not replace those that serve.
        assert_eq!(seen("{\"max_itemsets\": 1}"), "4 0 t 1 f");
        assert_eq!(seen("{\"max_rules\": 3}"), "9 3 t 4 t");
        assert_eq!(
            number(
                "SELECT count(*) FROM rs_frequent_itemsets('SELECT invoice_no, stock_code FROM public.tea_shop', 1e-9, options => '{\"max_itemsets\": 6}')"
            ),
            5
        );
    }

    #[pg_test]
    fn baskets_are_labelled() {
        assert_eq!(
            text(
                "SELECT string_agg(concat(p.proname, ' ', p.provolatile, p.proparallel), ', ' ORDER BY p.proname) FROM pg_proc AS p
                 WHERE p.proname IN ('rs_mine_rules', 'rs_rules', 'rs_recommend', 'rs_frequent_itemsets', 'rs_model_rules', 'rs_refresh_rules', 'rs_stock_codes')"
            ),
            "rs_frequent_itemsets vu, rs_mine_rules vu, rs_model_rules ss, rs_recommend ss, rs_refresh_rules vu, rs_rules ss, rs_stock_codes ss"
        );
        assert!(truth(
            "SELECT bool_and(obj_description(p.oid, 'pg_proc') <> '') FROM pg_proc AS p WHERE p.proname LIKE 'rs\\_%'"
        ));
    }
}
