//! Mining and what is asked of rules end at once when told to, as all long work does (`cancel.rs`).

use crate::cancel::{Call, Stage, again};
use crate::support::*;
use std::collections::BTreeMap;

#[test]
fn mining_and_advice_end_at_once_when_told_to() {
    let _turn = alone();
    let cluster = cluster();
    let mut db = cluster.fresh("ends_baskets");
    db.batch_execute(
        "SELECT rs_generate_sales(1000, 300); SELECT rs_mine_rules(0.01, 0.1);
         CREATE TABLE dense AS SELECT b, i FROM generate_series(1, 3000) AS b, generate_series(1, 40) AS i
             WHERE hashint4(b * 64 + i) % 10 <> 0;
         ANALYZE dense",
    )
    .unwrap();
    let mut stage = Stage::of(
        cluster,
        BTreeMap::from([("ends_baskets", db)]),
        BTreeMap::new(),
    );
    let mut calls = Vec::new();
    for (algorithm, days) in [("fpgrowth", 60), ("apriori", 0), ("eclat", 0)] {
        calls.push(format!(
            "SELECT rs_mine_rules(0.003, 0.2, algorithm => '{algorithm}', options => '{{\"validation_days\": {days}}}')"
        ));
        // Dense as it is, it takes until its budget.
        calls.push(format!(
            "SELECT count(*) FROM rs_frequent_itemsets('TABLE dense', 0.05, NULL, '{algorithm}',
                 '{{\"max_itemsets\": 3000000, \"time_budget_ms\": 400}}')"
        ));
    }
    calls.extend([
        // Most of it is the query's own work.
        "SELECT count(*) FROM rs_frequent_itemsets('SELECT a.b, a.i FROM dense AS a, generate_series(1, 4)', 0.9)".to_owned(),
        again("rs_refresh_rules()", 5),
        "SELECT count(r.rank) FROM generate_series(1, 200) AS n, rs_model_rules(1 + n * 0) AS r".to_owned(),
        "SELECT count(r.*), (SELECT count(*) FROM rs_recommend(ARRAY(SELECT stock_code FROM retailscope.dim_product), NULL))
         FROM retailscope.dim_product AS p, generate_series(1, 2), rs_rules(p.stock_code, NULL) AS r"
            .to_owned(),
        "SELECT count(*) FROM generate_series(1, 300) AS n, rs_recommend(ARRAY(SELECT stock_code FROM retailscope.dim_product WHERE n > 0), NULL)".to_owned(),
        "DO 'BEGIN FOR i IN 1..150 LOOP BEGIN PERFORM rs_rules(''no product'' || i); EXCEPTION WHEN invalid_parameter_value THEN NULL; END; END LOOP; END'"
            .to_owned(),
    ]);
    let slow: Vec<String> = calls
        .into_iter()
        .map(|sql| Call {
            db: "ends_baskets",
            sql,
            takes_folder: false,
            commits: false,
        })
        .flat_map(|call| stage.end_in_every_way(&call))
        .collect();
    assert!(slow.is_empty(), "{slow:#?}");
}
