#!/usr/bin/env bash
# All comparisons in one run, on one private server:
#   training   each model on generated customers, beside scikit-learn and xgboost
#   scoring    a batch of a million customers, beside the same
#   segments   k-means and the mixture, beside scikit-learn
#   baskets    frequent itemsets, beside PyFIM, mlxtend and efficient-apriori; from SQL, beside mlxtend; rules, warm
#   forecasts  fits, searches, errors, intervals and thousands of series, beside statsmodels, statsforecast, pmdarima, xgboost and
#              JAX; from SQL, from a stored model
#   load       a file into lake, warehouse and marts, beside COPY, plain SQL and, in minutes, pandas (`pandas`) and ten times
#              the file (`tenfold`)
#   features   of all customers, beside pandas
#   serving    predictions of one customer, warm and cold, and of all
# BENCH_SKIP="pandas tenfold" leaves parts out, BENCH_ONLY="training scoring" runs these alone, BENCH_ROWS="5000 100000"
# chooses other sizes for the models, BENCH_ALL=1 adds what takes scikit-learn minutes at a million rows.
# Sales are Online Retail II from RETAILSCOPE_DATA; without it generated ones, written as CSV.
set -euo pipefail
BENCHES="$(cd "$(dirname "$0")" && pwd)"
. "$BENCHES/../scripts/common.sh"
. "$BENCHES/../scripts/server.sh"
. "$BENCHES/../benches/lib.sh"
. "$BENCHES/../benches/load.sh"
. "$BENCHES/../benches/serving.sh"
. "$BENCHES/../benches/rules.sh"
. "$BENCHES/../benches/revenue.sh"

RESULTS="$(mktemp -d)"
MATRICES="$(mktemp -d)"
# Lines of TEXT|VALUE|RELATION|LIMIT.
AIMS="$RESULTS/aims"

clean_up() {
    server_remove
    rm -rf "$RESULTS" "$MATRICES"
}
trap clean_up EXIT

warn_of_load() {
    if awk '{ exit !($1 > 1) }' /proc/loadavg; then
        say "warning: the machine is busy (load average $(cut -d ' ' -f 1 /proc/loadavg)): times will be too long, ratios may be wrong"
    fi
}

models() {
    local part parts=()
    for part in training scoring segments; do
        if ! skipped "$part"; then parts+=("$part"); fi
    done
    if [ "${#parts[@]}" -eq 0 ]; then return; fi
    prepare_python
    cargo build --release --manifest-path "$ROOT/Cargo.toml" -p retailscope-engine --example models
    "$VENV/bin/python" "$BENCHES/models.py" "$TARGET/release/examples/models" "$MATRICES" "$AIMS" "${parts[@]}"
}

baskets() {
    local folder="$MATRICES/baskets"
    if skipped baskets; then return; fi
    prepare_python
    cargo build --release --manifest-path "$ROOT/Cargo.toml" -p retailscope-engine --example baskets
    mkdir -p "$folder"
    "$VENV/bin/python" "$BENCHES/baskets.py" "$TARGET/release/examples/baskets" "$folder" "$AIMS"
    rm -rf "$folder"
}

forecasts() {
    local folder="$MATRICES/forecasts"
    if skipped forecasts; then return; fi
    prepare_forecast_python
    cargo build --release --manifest-path "$ROOT/Cargo.toml" -p retailscope-engine --example forecasts
    "$VENV/bin/python" "$BENCHES/forecasts.py" "$TARGET/release/examples/forecasts" "$folder" "$AIMS"
    rm -rf "$folder"
}

sales() {
    if skipped load && skipped features && skipped serving && skipped baskets && skipped forecasts; then return; fi
    "$ROOT/scripts/install.sh"
    server_start "shared_buffers = 512MB" "max_wal_size = 4GB"
    say ""
    say "server: PostgreSQL $("$PG_CONFIG" --version | cut -d ' ' -f 2), default settings but shared_buffers = 512MB, max_wal_size = 4GB"
    prepare_file
    if ! skipped load; then compare_loads; fi
    if skipped features && skipped serving && skipped baskets && skipped forecasts; then return; fi
    serving_warehouse
    if ! skipped baskets; then measure_rules; fi
    if ! skipped forecasts; then measure_forecasts; fi
    if ! skipped features; then
        prepare_python
        compare_features
    fi
    if ! skipped serving; then measure_predictions; fi
}

say "machine: $(nproc) cores, $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo)"
warn_of_load
models
baskets
forecasts
sales
report_aims
