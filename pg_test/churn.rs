//! Churn: what the functions say is what the SQL beside them says, for customers one by one and all at once.

use pgrx::prelude::*;

#[pg_schema]
mod tests {
    use super::*;
    use crate::features;
    use crate::pg_test_suite::{caught, number, text, truth};

    fn shop() {
        Spi::run("SELECT rs_generate_sales(150, 420, 5); SELECT rs_refresh_marts()").unwrap();
    }

    fn trained(call: &str) -> i64 {
        number(&format!("SELECT model_id FROM {call}"))
    }

    #[pg_test]
    fn every_feature_has_a_meaning() {
        let known: Vec<&str> = features::known().iter().map(|k| k.name).collect();
        let columns = text(
            "SELECT string_agg(a.name, ',' ORDER BY a.at) FROM pg_proc p
             CROSS JOIN LATERAL unnest(p.proargnames) WITH ORDINALITY AS a (name, at)
             WHERE p.proname = 'rs_customer_features' AND a.at > 2",
        );
        assert_eq!(known.join(","), columns);
        for name in known {
            assert_ne!(features::meaning(name), "", "{name}");
        }
    }

    #[pg_test]
    fn one_customer_has_the_features_that_all_have() {
        shop();
        let names: Vec<&str> = features::known().iter().map(|k| k.name).collect();
        let day = format!("date '{}'", text("SELECT rs_default_as_of()::text"));
        let one = features::of_one(&names).replace("$1", &day);
        let all = features::of_one_day(&names).unwrap().replace("$1", &day);
        let truncated = features::of_truncated_facts(&names).replace("$1", &day);
        Spi::run(&format!("CREATE TEMP TABLE everyone AS {all}")).unwrap();
        assert!(number("SELECT count(*) FROM everyone") > 100);
        assert_eq!(
            number(&format!(
                "SELECT count(*) FROM (TABLE everyone EXCEPT ({truncated})) AS d"
            )),
            0
        );
        let some = text(
            "SELECT string_agg(customer_id, ',') FROM (SELECT customer_id FROM everyone ORDER BY md5(customer_id) LIMIT 12) AS s",
        );
        for customer in some.split(',') {
            let one = one.replace("$2", &format!("'{customer}'"));
            let same = format!(
                "SELECT count(*) FROM (SELECT * FROM everyone WHERE customer_id = '{customer}' INTERSECT ({one})) AS s"
            );
            assert_eq!(number(&same), 1, "{customer}");
        }
    }

    #[pg_test]
    fn the_newest_day_is_found_after_changes_by_hand() {
        assert_eq!(caught("SELECT rs_default_as_of()").state, "55000");
        shop();
        let newest =
            "SELECT (rs_default_as_of() = (SELECT max(date) + 1 FROM retailscope.fact_sales))";
        assert!(truth(newest));
        Spi::run(
            "DELETE FROM retailscope.fact_sales WHERE date > (SELECT max(date) - 9 FROM retailscope.fact_sales)",
        )
        .unwrap();
        assert!(truth(newest));
        Spi::run(
            "INSERT INTO retailscope.fact_sales (date, sold_at, customer_key, product_key, invoice_no, quantity, unit_price, amount, line_kind, batch_id, country, line_hash)
             SELECT d.date, d.date, f.customer_key, f.product_key, 'NEW', 1, 1, 1, 'sale', f.batch_id, f.country, gen_random_uuid()
             FROM retailscope.fact_sales AS f, (SELECT max(date) AS date FROM retailscope.dim_date) AS d LIMIT 1",
        )
        .unwrap();
        assert!(truth(newest));
    }

    #[pg_test]
    fn all_at_once_and_one_by_one_are_the_same() {
        shop();
        for algorithm in ["logistic_regression", "xgboost"] {
            let id = trained(
                &format!("rs_train_churn('{algorithm}', 60, '{{\"n_estimators\": 20}}')").replace(
                    "'logistic_regression', 60, '{\"n_estimators\": 20}'",
                    "'logistic_regression', 60",
                ),
            );
            Spi::run(&format!("SELECT rs_promote({id})")).unwrap();
            Spi::run("DROP TABLE IF EXISTS predicted; CREATE TEMP TABLE predicted AS SELECT * FROM rs_predict_churn()").unwrap();
            assert!(number("SELECT count(*) FROM predicted") > 100);
            assert_eq!(
                number(
                    "SELECT count(*) FROM predicted CROSS JOIN LATERAL rs_predict_churn(customer_id) AS p WHERE to_jsonb(p) = to_jsonb(predicted)"
                ),
                number("SELECT count(*) FROM predicted")
            );
            // From features by name, and by what explains it.
            assert_eq!(
                number(
                    "SELECT count(*) FROM rs_customer_features(rs_default_as_of()) AS f JOIN predicted AS e USING (customer_id)
                     CROSS JOIN LATERAL rs_predict_churn(to_jsonb(f)) AS p
                     WHERE p.churn_probability <> e.churn_probability OR p.customer_id IS NOT NULL"
                ),
                0
            );
            assert!(truth(
                "SELECT max(abs(e.total - ln(p.churn_probability / (1 - p.churn_probability)))) < 1e-6
                 FROM predicted AS p CROSS JOIN LATERAL (SELECT sum(contribution) AS total FROM rs_explain_churn(p.customer_id)) AS e"
            ));
            assert!(truth("SELECT bool_and(churned = (churn_probability >= (SELECT value FROM retailscope.model_metric AS m
                           WHERE m.model_id = p.model_id AND m.metric = 'threshold'))) FROM predicted AS p"));
            assert_eq!(
                number(&format!("SELECT count(*) FROM rs_verify_no_leak({id})")),
                0
            );
            let expression = text(&format!("SELECT rs_model_to_sql({id})"));
            let apart = format!(
                "SELECT max(abs({expression} - (SELECT p.churn_probability FROM predicted AS p WHERE p.customer_id = f.customer_id))) < 1e-9
                 FROM rs_customer_features(rs_default_as_of()) AS f"
            );
            assert!(truth(&apart), "{algorithm}");
        }
    }

    #[pg_test]
    fn what_is_wrong_is_said_with_what_to_do() {
        assert_eq!(caught("SELECT rs_predict_churn()").state, "55000");
        shop();
        for (call, state, message, hint) in [
            (
                "rs_predict_churn('1')",
                "55000",
                "there is no model for churn yet",
                "rs_train_churn()",
            ),
            (
                "rs_train_churn('forest')",
                "22023",
                "unknown algorithm: \"forest\"",
                "\"random_forest\"",
            ),
            (
                "rs_train_churn(params => '{\"max_depht\": 3}')",
                "22023",
                "max_depht",
                "The keys are",
            ),
            (
                "rs_train_churn('xgboost', params => '{\"max_depht\": 3}')",
                "22023",
                "did you mean \"max_depth\"?",
                "The keys are",
            ),
            (
                "rs_train_churn(params => '{\"features\": [\"recenty_days\"]}')",
                "22023",
                "did you mean \"recency_days\"?",
                "The features are",
            ),
            (
                "rs_train_churn(horizon_days => 0)",
                "22023",
                "horizon_days is 0",
                "",
            ),
            (
                "rs_train_churn(horizon_days => 400)",
                "55000",
                "too few days",
                "shorter horizon",
            ),
            (
                "rs_train_churn(params => '{\"holdout\": \"2199-01-01\"}')",
                "22023",
                "not fully observed",
                "last possible holdout",
            ),
            (
                "rs_train_churn(params => '{\"offer_cost\": 3}')",
                "22023",
                "saved_margin",
                "",
            ),
            (
                "rs_promote(99)",
                "42704",
                "there is no model 99",
                "rs_models()",
            ),
            (
                "rs_rollback('churn')",
                "55000",
                "no model serves 'churn'",
                "rs_models()",
            ),
            (
                "rs_drop_model(99)",
                "42704",
                "there is no model 99",
                "rs_models()",
            ),
            (
                "rs_verify_model(99)",
                "42704",
                "there is no model 99",
                "rs_models()",
            ),
            ("rs_train_segments(1)", "22023", "1", ""),
            (
                "rs_segment_customers()",
                "55000",
                "there is no model for segments yet",
                "rs_train_segments()",
            ),
        ] {
            let failed = caught(&format!("SELECT * FROM {call}"));
            assert_eq!(failed.state, state, "{call}: {failed:?}");
            assert!(
                failed.message.contains(message) && failed.hint.contains(hint),
                "{call}: {failed:?}"
            );
        }
        trained(
            "rs_train_churn('logistic_regression', 60, '{\"features\": [\"recency_days\", \"country\"]}')",
        );
        for (call, message) in [
            (
                "rs_predict_churn('nobody')",
                "there is no customer \"nobody\"",
            ),
            (
                "rs_explain_churn('nobody')",
                "there is no customer \"nobody\"",
            ),
            (
                "rs_predict_churn(features => '[]')",
                "must be a JSON object",
            ),
            (
                "rs_predict_churn(features => '{\"recency_days\": 3}')",
                "features lack \"country\"",
            ),
            (
                "rs_predict_churn(features => '{\"recency_days\": \"x\", \"country\": null}')",
                "\"recency_days\" must be a number or null",
            ),
            (
                "rs_predict_churn(features => '{\"recency_days\": 3, \"country\": 4}')",
                "\"country\" must be a string or null",
            ),
            (
                "rs_predict_churn(features => '{\"recencydays\": 3, \"country\": null}')",
                "did you mean \"recency_days\"?",
            ),
        ] {
            let failed = caught(&format!("SELECT * FROM {call}"));
            assert_eq!(failed.state, "22023", "{call}: {failed:?}");
            assert!(
                failed.message.contains(message) && !failed.hint.is_empty(),
                "{call}: {failed:?}"
            );
        }
        assert!(truth(
            "SELECT churn_probability BETWEEN 0 AND 1 FROM rs_predict_churn(features => '{\"recency_days\": null, \"country\": null}')"
        ));
    }
}
