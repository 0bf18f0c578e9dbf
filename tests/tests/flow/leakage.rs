//! Nothing of the future comes into a model, and a feature that knows it is found.

use crate::shop::*;
use postgres::Client;
use retailscope_system_tests::{error_text, hint, query_one, rows_as_text, sqlstate};

/// A sale of each second customer who churned after the holdout's day: it tells the label.
fn telling_sales(day: &str) -> String {
    format!(
        "SELECT 'T' || customer_id, '10002', 'A THING THAT TELLS', '7', '{day} 10:00', '99.00', customer_id, 'France'
         FROM rs_churn_frame('2024-10-03') WHERE churned AND hashtext(customer_id) % 2 = 0"
    )
}

fn leaks(client: &mut Client, model: i64) -> Vec<Vec<Option<String>>> {
    let sql = format!("SELECT cutoff, feature, customers FROM rs_verify_no_leak({model})");
    rows_as_text(client, &sql)
}

/// The same training again gives the same model; sales after all windows that tell the label change no byte of it, and sales inside
/// of the holdout's window change its labels, which are no part of what a model learns.
#[test]
fn sales_of_later_days_change_no_model() {
    let mut client = shop("later_sales");
    let models = |client: &mut Client| -> Vec<i64> {
        ALGORITHMS
            .iter()
            .map(|a| train(client, a, r#""promote": false"#))
            .collect()
    };
    let before = models(&mut client);
    let told = sell(&mut client, &telling_sales("2025-01-01"));
    assert!(told.loaded > 50, "{told:?}");
    let after = models(&mut client);
    for (then, now) in before.iter().zip(&after) {
        assert_eq!(data_hash(&mut client, *then), data_hash(&mut client, *now));
        assert_eq!(bytes_of(&mut client, *then), bytes_of(&mut client, *now));
        assert!(leaks(&mut client, *then).is_empty());
    }
    let inside = sell(&mut client, &telling_sales("2024-11-11"));
    assert_eq!(inside, told);
    let inside = models(&mut client);
    for (then, now) in before.iter().zip(&inside) {
        assert_eq!(data_hash(&mut client, *then), data_hash(&mut client, *now));
        assert_ne!(bytes_of(&mut client, *then), bytes_of(&mut client, *now));
        let mut predicted = |model: &i64| {
            client
                .batch_execute(&format!("SELECT rs_promote({model})"))
                .unwrap();
            predictions(&mut client)
        };
        assert_eq!(predicted(then), predicted(now));
        assert!(leaks(&mut client, *now).is_empty());
    }
    // Sales before a cutoff do change it, and are seen.
    sell(
        &mut client,
        &telling_sales("2024-06-06")
            .replace("'T'", "'U'")
            .replace("WHERE churned", "WHERE NOT churned"),
    );
    let changed = leaks(&mut client, before[0]);
    assert!(
        changed.iter().any(|l| l[1].as_deref() == Some("monetary")),
        "{changed:?}"
    );
    let now = train(&mut client, "xgboost", "");
    assert_ne!(
        data_hash(&mut client, before[3]),
        data_hash(&mut client, now)
    );
}

/// The mistake that is easiest to make: the customer's table knows the day of the last sale, of all sales.
#[test]
fn a_leak_put_in_on_purpose_is_found() {
    let mut client = shop("leaking");
    let honest = train(&mut client, "xgboost", "");
    client
        .batch_execute(
            "DO $$
             DECLARE
                 body constant text := pg_get_functiondef('rs_customer_features(date)'::regprocedure);
                 leaking constant text := replace(body, 'SELECT k.customer_id, c.recency,', 'SELECT k.customer_id, $1 - k.last_sale_date,');
             BEGIN
                 ASSERT body <> leaking;
                 EXECUTE leaking;
             END $$",
        )
        .unwrap();
    let leaking = train(&mut client, "xgboost", "");
    let auc = |client: &mut Client, model: i64| -> f64 {
        let sql = format!("SELECT value FROM rs_models() WHERE model_id = {model}");
        query_one(client, &sql).parse().unwrap()
    };
    assert!(auc(&mut client, honest) < 0.85);
    assert!(auc(&mut client, leaking) > 0.99);
    assert!(leaks(&mut client, honest).is_empty());
    let found: Vec<_> = leaks(&mut client, leaking)
        .into_iter()
        .map(|l| (l[0].clone().unwrap(), l[1].clone().unwrap()))
        .collect();
    let day = |day: &str| (day.to_owned(), "recency_days".to_owned());
    assert_eq!(
        found,
        [day("2024-04-06"), day("2024-07-05"), day("2024-10-03")]
    );
}

#[test]
fn windows_that_are_not_observed_or_overlap_are_refused() {
    let mut client = shop("windows");
    let mut refused = |call: &str, code: &str, says: &str, hints: &str| {
        let error = client
            .batch_execute(&format!("SELECT * FROM {call}"))
            .expect_err(call);
        assert_eq!(sqlstate(&error), code, "{call}: {}", error_text(&error));
        assert!(error_text(&error).contains(says), "{}", error_text(&error));
        assert!(hint(&error).contains(hints), "{}", hint(&error));
    };
    // The newest sale is of 2024-12-31.
    refused(
        "rs_churn_frame('2024-10-04')",
        "22023",
        "2024-10-03",
        "2024-10-03",
    );
    refused(
        r#"rs_train_churn(params => '{"holdout": "2024-10-04"}')"#,
        "22023",
        "2024-10-04 is not fully observed",
        "The last possible holdout is 2024-10-03.",
    );
    refused(
        r#"rs_train_churn(params => '{"holdout": "2024-10-03", "cutoffs": ["2024-04-06", "2024-07-06"]}')"#,
        "22023",
        "the cutoff 2024-07-06 reach into the holdout of 2024-10-03",
        "The last possible cutoff is 2024-07-05",
    );
    refused(
        r#"rs_train_churn(horizon_days => 91, params => '{"holdout": "2024-10-03"}')"#,
        "22023",
        "91 days",
        "The last possible holdout is 2024-10-02.",
    );
    refused(
        "rs_train_churn(horizon_days => 400)",
        "55000",
        "too few days of sales",
        "shorter horizon",
    );
    refused(
        "rs_train_churn(horizon_days => 0)",
        "22023",
        "horizon_days is 0",
        "",
    );
    let stored = query_one(&mut client, "SELECT count(*) FROM retailscope.model");
    assert_eq!(stored, "0");
    // The last days that are possible are.
    assert_eq!(train(&mut client, "logistic_regression", ""), 1);
}
