# shellcheck shell=bash disable=SC2034
# What the parts of the comparison share. Sourced after scripts/common.sh and scripts/server.sh.

RUNS=3
PYTHON=/usr/bin/python3
# Pinned: a comparison with tools that change by themselves cannot be repeated.
PYTHON_PACKAGES=(numpy==2.4.6 scipy==1.17.1 pandas==3.1.1 pyarrow==26.0.1 sqlalchemy==2.1.9 psycopg2-binary==2.9.13
                 scikit-learn==1.9.1 xgboost==3.2.0 mlxtend==0.25.0 efficient-apriori==2.0.6
                 pyfim==6.28)
# An environment of their own: statsforecast does not take pandas 3.
FORECAST_PACKAGES=(numpy==2.4.6 scipy==1.17.1 pandas==2.3.3 statsforecast==2.1.1 coreforecast==0.0.20 utilsforecast==0.2.17 numba==0.68.1
                   statsmodels==0.15.0 pmdarima==2.1.1 scikit-learn==1.9.1 xgboost==3.2.0 jax==0.10.2 jaxlib==0.10.2)

# BENCH_ONLY="serving" runs these parts alone, BENCH_SKIP="pandas tenfold" leaves some out.
skipped() {
    if [[ " ${BENCH_SKIP:-} " == *" $1 "* ]]; then return 0; fi
    [ -n "${BENCH_ONLY:-}" ] && [[ " $BENCH_ONLY " != *" $1 "* ]]
}

# python_environment NAME PACKAGE...: a Python environment below the target folder, made once and again when the list of packages
# changes; sets VENV. Python runs as the server's user too, who connects by its name: where that one may not enter the folder, it
# lies in /tmp.
python_environment() {
    local wanted name="$1"
    shift
    VENV="$TARGET/$name"
    mkdir -p "$TARGET"
    if ! as_server test -x "$TARGET"; then VENV="/tmp/retailscope-$name-$(id -un)"; fi
    # An environment holds its own path, so a target folder that was moved needs another one.
    wanted="$VENV $("$PYTHON" --version) $*"
    if [ "$(cat "$VENV/made" 2> /dev/null)" != "$wanted" ]; then
        say "Python for the comparison: $*"
        rm -rf "$VENV"
        "$PYTHON" -m venv "$VENV"
        "$VENV/bin/pip" install -q --disable-pip-version-check "$@"
        printf '%s\n' "$wanted" > "$VENV/made"
    fi
}

prepare_python() { python_environment bench-python "${PYTHON_PACKAGES[@]}"; }
prepare_forecast_python() { python_environment bench-forecasts "${FORECAST_PACKAGES[@]}"; }

# timed NAME COMMAND...: adds the seconds to NAME's results. Measured from outside, as a user waits for it.
timed() {
    local name="$1" started
    shift
    # What an earlier run has left to write must not count against this one.
    server_psql postgres -c CHECKPOINT
    started="$EPOCHREALTIME"
    if ! "$@" > "$RESULTS/$name.out" 2>&1; then
        cat "$RESULTS/$name.out" >&2
        die "$name failed"
    fi
    awk -v a="$started" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f\n", b - a }' | tee -a "$RESULTS/$name" \
        | sed "s/^/  $name: /; s/\$/ s/"
}

fresh_database() {
    server_psql postgres -c "SET client_min_messages = warning" -c "DROP DATABASE IF EXISTS bench" \
        -c "CREATE DATABASE bench"
}

# The file for all of them, unpacked, where the server can read it; sets CSV.
prepare_file() {
    local source="${RETAILSCOPE_DATA:-}/online_retail_ii/online_retail_II.csv.zst"
    CSV="$SERVER_DIR/sales.csv"
    if [ -f "$source" ]; then
        zstd -dcq "$source" | as_server tee "$CSV" > /dev/null
        say "file: Online Retail II, unpacked"
    else
        generate_file
        say "file: generated sales (RETAILSCOPE_DATA is not set): the aims are meant for Online Retail II"
    fi
    say "      $(as_server wc -l "$CSV" | cut -d ' ' -f 1) lines, $(as_server stat -c %s "$CSV") bytes"
}

generate_file() {
    fresh_database
    server_psql bench -v csv="$CSV" > /dev/null << 'SQL'
CREATE EXTENSION retailscope;
SELECT * FROM rs_generate_sales(customers => 6000);
SELECT format($$COPY (
    SELECT invoice_no AS "Invoice", stock_code AS "StockCode", description AS "Description", quantity AS "Quantity",
           sold_at AS "InvoiceDate", unit_price AS "Price",
           CASE WHEN customer_key <> 0 THEN customer_id END AS "Customer ID", f.country AS "Country"
    FROM retailscope.fact_sales f JOIN retailscope.dim_customer USING (customer_key)
    JOIN retailscope.dim_product USING (product_key) ORDER BY sale_id
) TO %L (FORMAT csv, HEADER)$$, :'csv') \gexec
SQL
}

# The middle one of the numbers in a file.
middle() { sort -n "$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
median() { middle "$RESULTS/$1"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", a / b }'; }

# aim TEXT VALUE RELATION LIMIT: a line of the report at the end
aim() { printf '%s|%s|%s|%s\n' "$@" >> "$AIMS"; }

report_aims() {
    local text value relation limit verdict
    if [ ! -f "$AIMS" ]; then return; fi
    printf '\naims\n'
    while IFS='|' read -r text value relation limit; do
        verdict="$(awk -v v="$value" -v r="$relation" -v l="$limit" \
            'BEGIN { print ((r == "<=" ? v <= l : v >= l) ? "met" : "missed") }')"
        printf '  %-62s %9s   %s\n' "$text ($relation $limit)" "$value" "$verdict"
    done < "$AIMS"
}
