//! R14, R49: each refusal of the functions for baskets has its SQLSTATE and says what to do.

use crate::models::TRAINED;
use crate::refusals::{Refusal, check};
use crate::support::{run, shared, table};

/// In a warehouse without sales.
const EMPTY: &[Refusal] = &[
    ("rs_mine_rules()", "55000", "there are no baskets"),
    (
        "rs_mine_rules(options => '{\"country\": \"France\"}')",
        "55000",
        "there are no baskets",
    ),
    (
        "rs_mine_rules(options => '{\"segment\": \"Champions\"}')",
        "22023",
        "no segment \"Champions\"",
    ),
    (
        "rs_mine_rules(options => '{\"include\": [\"tea\"]}')",
        "22023",
        "no product \"tea\"",
    ),
    ("rs_rules()", "55000", "no model for baskets yet"),
    ("rs_rules('tea')", "55000", "no model for baskets yet"),
    ("rs_recommend(NULL)", "55000", "no model for baskets yet"),
    (
        "rs_recommend(ARRAY['tea'])",
        "55000",
        "no model for baskets yet",
    ),
    ("rs_stock_codes('tea')", "22023", "no product \"tea\""),
    ("rs_model_rules(1)", "42704", "no model 1"),
    (
        "rs_rollback('baskets')",
        "55000",
        "no model serves 'baskets'",
    ),
];

/// With ten months of sales and the models of [`TRAINED`].
const FULL: &[Refusal] = &[
    // How to mine.
    (
        "rs_mine_rules(0)",
        "22023",
        "min_support must be above 0 and at most 1, not 0",
    ),
    ("rs_mine_rules(-0.1)", "22023", "min_support must be"),
    ("rs_mine_rules(1.5)", "22023", "min_support must be"),
    ("rs_mine_rules('NaN')", "22023", "not NaN"),
    ("rs_mine_rules('infinity')", "22023", "not inf"),
    (
        "rs_mine_rules(0.1, 2)",
        "22023",
        "min_confidence must be from 0 to 1, not 2",
    ),
    (
        "rs_mine_rules(0.1, 'NaN')",
        "22023",
        "min_confidence must be",
    ),
    (
        "rs_mine_rules(0.1, 0.1, -1)",
        "22023",
        "min_lift must be from 0 to 1000000, not -1",
    ),
    (
        "rs_mine_rules(max_len => 0)",
        "22023",
        "max_len must be from 1 to 20, not 0",
    ),
    (
        "rs_mine_rules(max_len => 2147483647)",
        "22023",
        "max_len must be from 1 to 20",
    ),
    (
        "rs_mine_rules(algorithm => 'fpgrwth')",
        "22023",
        "did you mean \"fpgrowth\"?",
    ),
    (
        "rs_mine_rules(algorithm => '')",
        "22023",
        "unknown algorithm",
    ),
    (
        "rs_mine_rules(from_date => '2024-06-01', to_date => '2024-05-01')",
        "22023",
        "from_date is after to_date",
    ),
    (
        "rs_mine_rules(from_date => '2030-01-01')",
        "55000",
        "there are no baskets",
    ),
    (
        "rs_mine_rules(from_date => 'infinity')",
        "55000",
        "there are no baskets",
    ),
    // Its options.
    (
        "rs_mine_rules(options => '[]')",
        "22023",
        "must be a JSON object",
    ),
    (
        "rs_mine_rules(options => '{\"max_rule\": 3}')",
        "22023",
        "did you mean \"max_rules\"?",
    ),
    (
        "rs_mine_rules(options => '{\"max_rules\": 0}')",
        "22023",
        "\"max_rules\" must be a whole number from",
    ),
    (
        "rs_mine_rules(options => '{\"max_rules\": 1.5}')",
        "22023",
        "\"max_rules\" must be a whole number from",
    ),
    (
        "rs_mine_rules(options => '{\"max_rules\": \"many\"}')",
        "22023",
        "\"max_rules\" must be a whole number from",
    ),
    (
        "rs_mine_rules(options => '{\"min_count\": 0}')",
        "22023",
        "\"min_count\" must be a whole number from",
    ),
    (
        "rs_mine_rules(options => '{\"min_count\": 5000000000}')",
        "22023",
        "\"min_count\" must be a whole number from",
    ),
    (
        "rs_mine_rules(options => '{\"max_antecedent\": 0}')",
        "22023",
        "\"max_antecedent\" must be a whole number from",
    ),
    (
        "rs_mine_rules(options => '{\"max_consequent\": 21}')",
        "22023",
        "\"max_consequent\" must be a whole number from",
    ),
    (
        "rs_mine_rules(options => '{\"max_itemsets\": 1e300}')",
        "22023",
        "\"max_itemsets\" must be a whole number from",
    ),
    (
        "rs_mine_rules(options => '{\"time_budget_ms\": 0}')",
        "22023",
        "\"time_budget_ms\" must be a whole number from",
    ),
    (
        "rs_mine_rules(options => '{\"top_k\": -1}')",
        "22023",
        "\"top_k\" must be a whole number from",
    ),
    (
        "rs_mine_rules(options => '{\"validation_days\": -1}')",
        "22023",
        "\"validation_days\" must be a whole number from",
    ),
    (
        "rs_mine_rules(options => '{\"itemsets\": \"close\"}')",
        "22023",
        "did you mean \"closed\"?",
    ),
    (
        "rs_mine_rules(options => '{\"rank_by\": \"lifft\"}')",
        "22023",
        "did you mean \"lift\"?",
    ),
    (
        "rs_mine_rules(options => '{\"min_improvement\": 2}')",
        "22023",
        "\"min_improvement\" must be from 0 to 1",
    ),
    (
        "rs_mine_rules(options => '{\"promote\": \"yes\"}')",
        "22023",
        "\"promote\" must be true or false",
    ),
    (
        "rs_mine_rules(options => '{\"include\": \"22423\"}')",
        "22023",
        "\"include\" must be an array of strings",
    ),
    (
        "rs_mine_rules(options => '{\"exclude\": [3]}')",
        "22023",
        "\"exclude\" must be an array of strings",
    ),
    (
        "rs_mine_rules(options => '{\"exclude_invoices\": [1]}')",
        "22023",
        "\"exclude_invoices\" must be an array of strings",
    ),
    // What is not there.
    (
        "rs_mine_rules(options => '{\"include\": [\"oak foto frame\"]}')",
        "22023",
        "did you mean \"OAK PHOTO FRAME\"?",
    ),
    (
        "rs_mine_rules(options => '{\"exclude\": [\"no such thing at all\"]}')",
        "22023",
        "no product \"no such thing at all\"",
    ),
    (
        "rs_mine_rules(options => '{\"exclude\": [\"%jelly%\"]}')",
        "22023",
        "no product's stock code or description is like \"%jelly%\"",
    ),
    (
        "rs_mine_rules(options => '{\"exclude\": [\"%\\\\\"]}')",
        "22023",
        "stock code or description is like",
    ),
    (
        "rs_mine_rules(options => '{\"exclude\": [\"OAK PHOTO FRAME\", \"%jelly%\"]}')",
        "22023",
        "is like \"%jelly%\"",
    ),
    (
        "rs_mine_rules(options => '{\"country\": \"Frence\"}')",
        "22023",
        "no country \"Frence\", did you mean \"France\"?",
    ),
    (
        "rs_mine_rules(options => '{\"segment\": \"Champion\"}')",
        "22023",
        "no segment \"Champion\", did you mean \"Champions\"?",
    ),
    (
        "rs_rules('oak foto frame')",
        "22023",
        "did you mean \"OAK PHOTO FRAME\"?",
    ),
    ("rs_rules('')", "22023", "no product \"\""),
    (
        "rs_rules(repeat('x', 1000000))",
        "22023",
        "no product \"xxx",
    ),
    ("rs_rules(n => -1)", "22023", "n must be 0 or more, not -1"),
    (
        "rs_recommend(ARRAY['OAK PHOTO FRAME', 'oak foto frame'])",
        "22023",
        "did you mean \"OAK PHOTO FRAME\"?",
    ),
    (
        "rs_recommend(NULL, -2147483648)",
        "22023",
        "n must be 0 or more",
    ),
    (
        "rs_stock_codes('oak foto frame')",
        "22023",
        "did you mean \"OAK PHOTO FRAME\"?",
    ),
    ("rs_model_rules(99)", "42704", "no model 99"),
    ("rs_model_rules(2)", "55000", "one of churn, not of baskets"),
    ("rs_drop_model(4)", "55006", "model 4 serves 'baskets'"),
    (
        "rs_model_to_sql(4)",
        "55000",
        "one of baskets, not of churn",
    ),
    (
        "rs_rollback('baskets')",
        "55000",
        "no model served 'baskets' before model 4",
    ),
    // A query of the caller's.
    (
        "rs_frequent_itemsets(NULL, 0.5)",
        "22023",
        "baskets must not be NULL",
    ),
    (
        "rs_frequent_itemsets('SELECT 1, 2', NULL)",
        "22023",
        "min_support must not be NULL",
    ),
    (
        "rs_frequent_itemsets('SELECT 1, 2', 0)",
        "22023",
        "min_support must be above 0",
    ),
    (
        "rs_frequent_itemsets('SELECT 1, 2', 2.5)",
        "22023",
        "or a whole number of them, not 2.5",
    ),
    (
        "rs_frequent_itemsets('SELECT 1, 2', 'NaN')",
        "22023",
        "not NaN",
    ),
    (
        "rs_frequent_itemsets('SELECT 1, 2', 1e30)",
        "22023",
        "or a whole number of them",
    ),
    (
        "rs_frequent_itemsets('SELECT 1, 2', 0.5, 0)",
        "22023",
        "max_len must be from 1 to 64, not 0",
    ),
    (
        "rs_frequent_itemsets('SELECT 1, 2', 0.5, 65)",
        "22023",
        "max_len must be from 1 to 64, not 65",
    ),
    (
        "rs_frequent_itemsets('SELECT 1, 2', 0.5, 2, 'eclatt')",
        "22023",
        "did you mean \"eclat\"?",
    ),
    (
        "rs_frequent_itemsets('SELECT 1, 2', 0.5, options => '{\"max_rules\": 3}')",
        "22023",
        "unknown key",
    ),
    (
        "rs_frequent_itemsets('SELECT 1, 2', 0.5, options => '[]')",
        "22023",
        "must be a JSON object",
    ),
    (
        "rs_frequent_itemsets('SELECT 1', 0.5)",
        "22023",
        "of 2 columns, not of 1",
    ),
    (
        "rs_frequent_itemsets('SELECT 1, 2, 3', 0.5)",
        "22023",
        "of 2 columns, not of 3",
    ),
    (
        "rs_frequent_itemsets('', 0.5)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_frequent_itemsets('SELECT 1, 2; SELECT 3, 4', 0.5)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_frequent_itemsets('DELETE FROM retailscope.fact_sales', 0.5)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_frequent_itemsets('DELETE FROM retailscope.fact_sales RETURNING 1, 2', 0.5)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_frequent_itemsets('WITH d AS (DELETE FROM retailscope.fact_sales RETURNING 1, 2) TABLE d', 0.5)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_frequent_itemsets('SELECT 1 AS a, 2 AS b INTO stolen', 0.5)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_frequent_itemsets('COPY retailscope.fact_sales TO STDOUT', 0.5)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_frequent_itemsets('TRUNCATE retailscope.fact_sales', 0.5)",
        "22023",
        "must be one query that only reads",
    ),
    (
        "rs_frequent_itemsets('CALL rs_run_pipeline(''x'')', 0.5)",
        "22023",
        "must be one query that only reads",
    ),
];

#[test]
fn without_sales_baskets_say_what_is_missing() {
    let mut db = shared().fresh("refused_baskets_empty");
    check(&mut db, EMPTY);
    // There is nothing to refresh, and nothing wrong with that.
    let refreshed = "SELECT mart, serving_model, rows FROM rs_refresh_rules()";
    assert_eq!(
        table(&mut db, refreshed),
        "mart_association_rules | - | 0\n"
    );
}

#[test]
fn every_refusal_of_baskets_has_its_code_and_says_what_to_do() {
    let mut db = shared().fresh("refused_baskets");
    run(&mut db, TRAINED);
    check(&mut db, FULL);
    let before = "SELECT count(*), (SELECT count(*) FROM retailscope.fact_sales) > 1000 FROM retailscope.model";
    assert_eq!(table(&mut db, before), "4 | t\n");
    // NULL is nobody's name, and all rules.
    assert_eq!(
        table(
            &mut db,
            "SELECT rs_stock_codes(NULL); SELECT rs_model_rules(NULL);
             SELECT count(*) = (SELECT count(*) FROM retailscope.mart_association_rules) FROM rs_rules(NULL, NULL)"
        ),
        "-\nt\n"
    );
    // Without any item there are no rules; such a model is kept and does not serve.
    assert_eq!(
        table(
            &mut db,
            "SELECT rules, promoted, verdict FROM rs_mine_rules(options => '{\"exclude\": [\"%\"]}'); SELECT DISTINCT model_id FROM rs_rules()"
        ),
        "0 | f | it has no rules: the model before serves on\n4\n"
    );
}
