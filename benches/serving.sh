# shellcheck shell=bash
# Features of all customers beside pandas, and how long a prediction takes. Sourced by run.sh.

serving_warehouse() {
    fresh_database
    server_psql bench -v csv="$CSV" > /dev/null << 'SQL'
CREATE EXTENSION retailscope;
SELECT * FROM rs_ingest_file(:'csv');
SELECT * FROM rs_refresh_marts();
VACUUM ANALYZE;
SQL
}

value() { server_psql bench -At -c "$1"; }

features_with_sql() { server_psql bench -At -c "SELECT count(*) FROM rs_customer_features('$1')"; }

compare_features() {
    local as_of pandas_features
    as_of="$(value "SELECT rs_default_as_of()")"
    pandas_features="$(server_copy "$BENCHES/pandas_features.py")"
    for _ in $(seq "$RUNS"); do
        timed features features_with_sql "$as_of"
        as_server "$VENV/bin/python" "$pandas_features" "$CSV" "$as_of" | tee "$RESULTS/pandas_features.out" | sed 's/^/  pandas /'
        sed -n 's/^features: \([0-9.]*\) s.*/\1/p' "$RESULTS/pandas_features.out" >> "$RESULTS/pandas_features"
    done
    printf '\n%-52s %9s\n' "features of all customers as of $as_of" "seconds"
    printf '%-52s %9s\n' "RetailScope: rs_customer_features" "$(median features)" \
        "pandas, from a frame in memory" "$(median pandas_features)"
}

# statement_times NAME pgbench-option...: the milliseconds of each execution of $SERVER_DIR/one.sql, into NAME's results.
statement_times() {
    local name="$1"
    shift
    as_server "$PG_BINDIR/pgbench" -n -l --log-prefix="$SERVER_DIR/$name" -h "$SERVER_DIR" -p 5432 \
        -f "$SERVER_DIR/one.sql" "$@" bench > /dev/null
    cat "$SERVER_DIR/$name".* | awk '{ print $3 / 1000 }' > "$RESULTS/$name"
    as_server find "$SERVER_DIR" -maxdepth 1 -name "$name.*" -delete
}

# The mean, not the median: a clock that stands still for moments, as those of virtual machines do, gives zeros.
mean() { awk '{ sum += $1 } END { print sum / NR }' "$RESULTS/$1"; }

# What 99 of 100 take at most.
percentile_99() { sort -n "$RESULTS/$1" | awk '{ v[NR] = $1 } END { print v[int(NR * 0.99) + (NR < 100)] }'; }

# The customer of the issue, or the one with the most lines where the sales are generated.
a_customer() {
    value "SELECT customer_id FROM retailscope.dim_customer JOIN retailscope.fact_sales USING (customer_key)
           WHERE customer_key <> 0 GROUP BY customer_id ORDER BY customer_id = '12347' DESC, count(*) DESC LIMIT 1"
}

predict_all() { server_psql bench -At -c "SELECT count(*) FROM rs_predict_churn()"; }

measure_predictions() {
    local algorithm model worst=0
    printf "SELECT * FROM rs_predict_churn('%s');\n" "$(a_customer)" | as_server tee "$SERVER_DIR/one.sql" > /dev/null
    printf '\n%-22s %10s %10s %10s %14s\n' "one prediction, ms" "warm" "99 % below" "cold" "all, seconds"
    for algorithm in logistic_regression random_forest adaboost xgboost; do
        model="$(value "SELECT model_id FROM rs_train_churn('$algorithm', params => '{\"promote\": false}')")"
        value "SELECT rs_promote($model)" > /dev/null
        statement_times warm -M prepared -T 5
        # Each in a session of its own; the time to connect is not in it, reading and decoding the model is.
        statement_times cold -C -t 20
        timed "all_$algorithm" predict_all > /dev/null
        printf '%-22s %10.2f %10.2f %10.1f %14s\n' "$algorithm" "$(mean warm)" "$(percentile_99 warm)" "$(median cold)" \
            "$(median "all_$algorithm")"
        worst="$(awk -v a="$worst" -v b="$(mean warm)" 'BEGIN { print (a > b ? a : b) }')"
    done
    say "the model's own default parameters; warm: mean in one session, prepared; cold: the first in a session"
    aim "warm prediction of one customer, mean ms, slowest model" "$(printf '%.2f' "$worst")" "<=" 2
}
