//! Churn on Online Retail II, on the days and against the figures of scikit-learn and xgboost in the project's reference.

use crate::real_data::retail;
use crate::support::*;
use postgres::Client;
use retailscope_system_tests::{query_one, rows_as_text};

const DAYS: &str = r#""cutoffs": ["2010-09-01", "2010-12-01", "2011-03-01", "2011-06-12"], "holdout": "2011-09-10""#;

/// What scikit-learn 1.9 and xgboost 3.2 reach on these days: ROC AUC, log loss; and by how much less AUC is still as good.
const PEERS: [(&str, f64, f64, f64); 4] = [
    ("logistic_regression", 0.8049, 0.5637, 0.003),
    ("random_forest", 0.8034, 0.5656, 0.005),
    ("adaboost", 0.7971, 0.5893, 0.005),
    ("xgboost", 0.8013, 0.5695, 0.005),
];

/// The model's number, ROC AUC and log loss as `rs_train_churn` gives them.
fn train(client: &mut Client, algorithm: &str) -> (i64, f64, f64) {
    let sql = format!(
        "SELECT model_id, roc_auc, log_loss FROM rs_train_churn('{algorithm}', params => '{{{DAYS}, \"promote\": false}}')"
    );
    let row = client.query_one(&sql, &[]).unwrap();
    (row.get(0), row.get(1), row.get(2))
}

fn holdout(client: &mut Client, model: i64, metric: &str) -> f64 {
    let sql = format!(
        "SELECT value FROM retailscope.model_metric WHERE model_id = {model} AND dataset = 'holdout' AND metric = '{metric}'"
    );
    query_one(client, &sql).parse().unwrap()
}

#[test]
fn churn_is_predicted_as_well_as_by_scikit_learn_and_xgboost() {
    let _turn = alone();
    let Some(mut client) = retail("retail_churn") else {
        return;
    };
    for (algorithm, auc, log_loss, less) in PEERS {
        let (id, own_auc, own_log_loss) = train(&mut client, algorithm);
        println!("{algorithm}: ROC AUC {own_auc:.4}, log loss {own_log_loss:.4}");
        assert!(own_auc >= auc - less, "{algorithm}: {own_auc}");
        assert!(
            own_log_loss <= log_loss + 0.003,
            "{algorithm}: {own_log_loss}"
        );
        let rows = query_one(
            &mut client,
            &format!("SELECT training_rows FROM retailscope.model WHERE model_id = {id}"),
        );
        assert_eq!(rows, "17001");
        for (metric, expected) in [
            ("customers", "5256.0000"),
            ("churn_rate", "0.5649"),
            ("recency_roc_auc", "0.7623"),
            ("recency_pr_auc", "0.7984"),
        ] {
            let value = holdout(&mut client, id, metric);
            assert_eq!(format!("{value:.4}"), expected, "{metric}");
        }
        assert!(holdout(&mut client, id, "better_than_recency_p") < 1e-6);
    }
    let (id, auc, log_loss) = train(&mut client, "auto");
    println!("auto: ROC AUC {auc:.4}, log loss {log_loss:.4}");
    assert!(auc >= 0.805, "auto: {auc}");
    // It has chosen by what it saw before the holdout, and says so.
    let tried = rows_as_text(
        &mut client,
        &format!(
            "SELECT split_part(metric, '.', 2) FROM retailscope.model_metric
             WHERE model_id = {id} AND dataset = 'validation' AND metric LIKE 'mean_roc_auc.%' ORDER BY value DESC"
        ),
    );
    assert_eq!(tried.len(), 4);
    let chosen = query_one(
        &mut client,
        &format!("SELECT algorithm FROM retailscope.model WHERE model_id = {id}"),
    );
    assert_eq!(tried[0][0].as_deref(), Some(chosen.as_str()));
    let leaks = rows_as_text(
        &mut client,
        &format!("SELECT * FROM rs_verify_no_leak({id})"),
    );
    assert!(leaks.is_empty(), "{leaks:?}");
    segments_are_believable(&mut client);
}

/// What a retailer knows of this shop: few customers make most of the sales, and those who buy often stay.
fn segments_are_believable(client: &mut Client) {
    client
        .batch_execute(
            r#"SELECT rs_promote(1); SELECT rs_train_segments(params => '{"k_min": 4}')"#,
        )
        .unwrap();
    let profiles = rows_as_text(
        client,
        "SELECT segment, customers, share, revenue_share, churn_probability FROM rs_segment_profiles()",
    );
    assert!(profiles.len() >= 4, "{profiles:?}");
    let number =
        |row: usize, at: usize| -> f64 { profiles[row][at].as_deref().unwrap().parse().unwrap() };
    let best = 0;
    let worst = (0..profiles.len())
        .max_by(|a, b| number(*a, 4).total_cmp(&number(*b, 4)))
        .unwrap();
    assert_eq!(
        profiles[best][0].as_deref(),
        Some("Champions"),
        "{profiles:?}"
    );
    assert!(
        number(best, 3) > 0.5 && number(best, 2) < 0.3,
        "{profiles:?}"
    );
    assert!(number(best, 4) + 0.3 < number(worst, 4), "{profiles:?}");
    let customers: f64 = (0..profiles.len()).map(|row| number(row, 1)).sum();
    assert_eq!(customers, 5852.0);
}
