-- Forecasts: what the functions say of themselves.

COMMENT ON FUNCTION @extschema@.rs_train_forecast(text, text, integer, jsonb, bigint) IS
'Trains a forecast of a daily series and stores it as a model of the task forecast:<series>. series: revenue, orders, units, customers (of mart_daily_kpis), sku:<stock_code> (units) or country:<name> (revenue). '
'model: auto (the one that forecast the past best; one that does not beat the seasonal naive is not taken), naive, seasonal_naive, mean, drift, weekday_mean, year_over_year, croston, sba, tsb, theta, ets, mstl, sarima, xgboost, '
'ensemble (median of the best). params: as_of (date: only what happened before it is known), holidays (region), closed_days (learn, none), interval (auto, analytic, conformal), level (whose coverage is measured), '
'transform (none, log, boxcox), season, promote; of sarima: order, seasonal_order, drift, mean; ets: model; xgboost: lags, windows, strategy (direct, recursive), n_estimators, max_depth, learning_rate, subsample, '
'colsample_bytree, reg_lambda, min_child_weight; auto and ensemble: models, folds, and the keys of a method under its name. '
'The figures are of the holdout, the last months, that nothing was chosen by: mape leaves out days without sales, mase is relative to the seasonal naive, coverage is the share within the intervals. It serves when it is the first, '
'better than the one that serves on the same holdout (Diebold-Mariano), or no worse and of newer days; verdict says which. specification: what was fitted.';
COMMENT ON FUNCTION @extschema@.rs_forecast_revenue(integer, float8) IS
'Gross revenue of the coming horizon days by the model that serves forecast:revenue, which takes in days that mart_daily_kpis has gained since it was trained. lower, upper: an interval that covers the share level. '
'Days on which the shop is expected to be closed have a forecast of 0 and no interval.';
COMMENT ON FUNCTION @extschema@.rs_forecast_demand(text, integer, float8) IS
'Units of a product that the coming days will sell, by the model that serves forecast:sku:<stock_code>: SELECT * FROM rs_train_forecast(''sku:85123A''); makes one. rs_forecast_products needs none. Columns as those of rs_forecast_revenue.';
COMMENT ON FUNCTION @extschema@.rs_forecast_series(text, integer, float8) IS
'The coming days of any series of the warehouse (revenue, orders, units, customers, sku:<stock_code>, country:<name>) by the model that serves it. Columns as those of rs_forecast_revenue.';
COMMENT ON FUNCTION @extschema@.rs_explain_forecast(text, integer) IS
'Why the forecast of a series, by the model that serves it, is what it is: parts that add up to it. level: where the series ended (the mean of its last week), the same for all days; trend: how far the forecast without its week is from there; '
'season: the day of the week; holidays: holidays and the days around them; regressors: 0 for the series of the warehouse; remainder: what keeps it from falling below 0. All of them are 0 on closed days.';
COMMENT ON FUNCTION @extschema@.rs_backtest(text, text[], integer, integer, integer, text, jsonb) IS
'Forecasts from several days in the past (folds, step days apart, by default the horizon) by each model, which is chosen, fitted and given its intervals from what was known on that day, and measures the errors. '
'models: NULL for the usual ones. window_type: expanding (all earlier days) or sliding (as many days at each fold as at the first). params: those of rs_train_forecast with the model auto, and gap (days between the last known one and the '
'first that counts) and seed. A row for each fold, whose cutoff is the first day that was not known, and one of all folds together with a fold of NULL. n: days that count (not those that were expected to be closed, and were). Errors in percent: mape '
'(without the zeros days that sold nothing), smape, wape. mase, rmsse: relative to the seasonal naive of this season, in the days known; bias: above 0 where too much was forecast; coverage, width, pinball: of the intervals at the level that params name '
'(0.95). note: what was fitted, or why nothing could be.';
COMMENT ON FUNCTION @extschema@.rs_forecast(text, integer, text, float8, text, integer, jsonb) IS
'Forecasts every series of a query, which is run with the caller''s rights and search path and may only read: columns ds (date or timestamp), y (number) and, for many series, unique_id, by name, or in the order unique_id, ds, y when none has such a name; params '
'{"xreg": ["price"]} names columns that explain the series and are known for coming steps, in rows whose y is NULL. Rows in any order; sorted by unique_id (ORDER BY unique_id) memory does not depend on how many there are. Values of one step are added up, missing '
'steps have no value. horizon: steps ahead, 1 to 1000; model and params: as for rs_train_forecast; freq: auto (of each series), minute, half-hour, hour, day, week, month, quarter, year; season_length: steps. The series in the order of unique_id (of the query, when it is sorted by it). '
'A series that cannot be forecast has one row without a forecast, whose note says why; of others it says what was done to the data.';
COMMENT ON FUNCTION @extschema@.rs_forecast_products(integer, integer, text, float8, jsonb) IS
'Units of every product that the coming days will sell, the n products first that sold most units in the last 365 days (NULL: all), each fitted on the spot to the days since its first sale; no model is stored. model, params: as for rs_train_forecast. note: as of rs_forecast.';
COMMENT ON FUNCTION @extschema@.rs_forecast_reconciled(integer, text, float8, text, jsonb) IS
'Revenue of the coming days in total (series revenue, which comes first) and by country (country:<name>), forecast each on its own (base_forecast) and then made to add up (forecast) on every day. '
'method: mint_shrink (by the covariances of the errors one step ahead, shrunk; Wickramasuriya and others, 2019), wls (by their variances), ols (by none), bottom_up (the sum of the countries). model, params: as for rs_train_forecast; no model is stored. '
'A country that the model cannot be fitted to has its mean, and a note.';
COMMENT ON FUNCTION @extschema@.rs_time_series_split(integer, integer, integer, integer, integer) IS
'The index sets of scikit-learn''s TimeSeriesSplit: n_splits folds of n values in time, each tested on test_size values (default: n / (n_splits + 1)) that follow those it is trained on, gap values between them left out, max_train_size values at most to train on. '
'Places count from 0, and the ends are the last places: train_start to train_end, test_start to test_end, both included.';
COMMENT ON FUNCTION @extschema@.rs_generate_holidays(text, integer, integer) IS
'Adds the public holidays of a region (GB: England and Wales; US: federal; DE: those of all states; FR) of these years to retailscope.holiday, by default of the years of the calendar dim_date and five more. Rows that are there stay as they are. '
'Returns the number of rows added.';
