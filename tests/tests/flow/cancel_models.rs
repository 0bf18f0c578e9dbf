//! Training, predictions and marts of segments end at once when told to, as all long work does (`cancel.rs`).

use crate::cancel::{Call, Stage, again};
use crate::support::*;
use std::collections::BTreeMap;

#[test]
fn training_and_predictions_end_at_once_when_told_to() {
    let _turn = alone();
    let cluster = cluster();
    let mut db = cluster.fresh("ends_models");
    db.batch_execute(
        "SELECT rs_generate_sales(2000, 400); SELECT rs_train_churn('xgboost', 30, '{\"n_estimators\": 20}'); SELECT rs_train_segments(4)",
    )
    .unwrap();
    let mut stage = Stage::of(
        cluster,
        BTreeMap::from([("ends_models", db)]),
        BTreeMap::new(),
    );
    let trees = |algorithm: &str, trees: u32| {
        format!("SELECT rs_train_churn('{algorithm}', 30, '{{\"n_estimators\": {trees}}}')")
    };
    let calls = [
        "SELECT rs_train_churn('logistic_regression', 30)".to_owned(),
        "SELECT rs_train_churn('auto', 30, '{\"random_forest\": {\"n_estimators\": 30}, \"xgboost\": {\"n_estimators\": 30},
                \"adaboost\": {\"n_estimators\": 30}}')"
            .to_owned(),
        trees("random_forest", 100),
        trees("xgboost", 200),
        trees("adaboost", 300),
        "SELECT rs_train_segments(NULL, 'gaussian_mixture', '{\"n_init\": 20}')".to_owned(),
        "SELECT rs_train_segments(NULL, 'kmeans', '{\"n_init\": 50}')".to_owned(),
        again("rs_predict_churn()", 5),
        again("rs_segment_customers()", 5),
        again("rs_segment_profiles()", 2),
        again("rs_refresh_segments()", 4),
        again("rs_churn_frame('2024-10-01')", 5),
        again("rs_verify_no_leak(1)", 2),
        "SELECT rs_explain_churn(p.customer_id), rs_predict_churn(p.customer_id), rs_segment_customer(p.customer_id)
         FROM rs_predict_churn() AS p"
            .to_owned(),
    ];
    let slow: Vec<String> = calls
        .into_iter()
        .map(|sql| Call {
            db: "ends_models",
            sql,
            takes_folder: false,
            commits: false,
        })
        .flat_map(|call| stage.end_in_every_way(&call))
        .collect();
    assert!(slow.is_empty(), "{slow:#?}");
}
