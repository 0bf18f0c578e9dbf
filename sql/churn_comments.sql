COMMENT ON FUNCTION @extschema@.rs_train_churn(text, integer, jsonb, bigint) IS
'Trains a model that tells which customers will not buy merchandise in the next horizon_days, stores it, and lets it serve if it is the first or, on '
'the holdout, better than the one that serves (DeLong''s paired test). algorithm: auto (all four, the best by time-ordered cross-validation), logistic_regression, '
'random_forest, adaboost, xgboost (gradient boosting). params: cutoffs, holdout, features, class_weight, calibration, offer_cost and saved_margin, promote, nowait, search, '
'time_budget_ms, and those of the algorithm. Returns the metrics on the holdout; more are in retailscope.model_metric, model_importance and model_curve.';
COMMENT ON FUNCTION @extschema@.rs_predict_churn() IS
'For every customer with a merchandise sale, as of the day after the newest fact: the probability of no further sale within the model''s horizon, whether it '
'reaches the model''s threshold (churned), and its third: low, medium or high risk.';
COMMENT ON FUNCTION @extschema@.rs_predict_churn(text) IS
'The prediction for one customer, as of the day after the newest fact.';
COMMENT ON FUNCTION @extschema@.rs_predict_churn(jsonb) IS
'The prediction for a customer who is not in the warehouse, from features by name as rs_customer_features has them; null for what is not known.';
COMMENT ON FUNCTION @extschema@.rs_explain_churn(text) IS
'Why a customer''s prediction is what it is: what each feature adds to it (exact linear contributions, or exact TreeSHAP), the strongest first; positive ones raise the risk. '
'The last row, (base), is the average customer; all rows add up to the log-odds of the probability (of an uncalibrated forest: to the probability; with an isotonic calibration: to the score before it).';
COMMENT ON FUNCTION @extschema@.rs_verify_no_leak(bigint) IS
'Computes the features that a model of churn was trained and evaluated on again, from facts that end before each frame''s day, and returns what differs: no rows, unless a feature '
'saw the future or facts before those days have changed since.';
COMMENT ON FUNCTION @extschema@.rs_model_to_sql(bigint) IS
'A model of churn as an SQL expression over the columns of rs_customer_features: the probability without the extension. Trees with more than 20,000 nodes and isotonic curves with more than 1,000 points are refused.';
