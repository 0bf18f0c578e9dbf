#!/usr/bin/env bash
# One run, one private server, the same file: RetailScope beside (a) a bare COPY, (b) pandas + pyarrow + SQLAlchemy,
# (c) plain SQL after COPY. Reads Online Retail II from RETAILSCOPE_DATA; without it generated sales, written as CSV.
# BENCH_SKIP="pandas tenfold" leaves out the parts that take minutes.
set -euo pipefail
BENCHES="$(cd "$(dirname "$0")" && pwd)"
. "$BENCHES/../scripts/common.sh"
. "$BENCHES/../scripts/server.sh"

RUNS=3
PYTHON=/usr/bin/python3
# Pinned: a comparison with tools that change by themselves cannot be repeated.
PYTHON_PACKAGES=(pandas==3.1.1 pyarrow==26.0.1 sqlalchemy==2.1.9 psycopg2-binary==2.9.13)
VENV=""
RESULTS="$(mktemp -d)"

clean_up() {
    server_remove
    rm -rf "$RESULTS"
    if [ -n "$VENV" ]; then rm -rf "$VENV"; fi
}
trap clean_up EXIT

skipped() { [[ " ${BENCH_SKIP:-} " == *" $1 "* ]]; }

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

# Ready for one load: the extension, an empty warehouse, an empty lake.
fresh_warehouse() {
    fresh_database
    as_server rm -rf "$SERVER_DIR/lake"
    as_server mkdir "$SERVER_DIR/lake"
    server_psql bench -v lake="$SERVER_DIR/lake" << 'SQL'
CREATE EXTENSION retailscope;
SELECT format('ALTER DATABASE %I SET retailscope.lake_dir = %L', current_database(), :'lake') \gexec
SQL
}

# The load, and beside it a watcher of the backend's memory that ends with it.
pipeline() {
    server_psql bench -v path="$1" -v watcher="$PYTHON $PEAK" -v peak="$SERVER_DIR/peak" << 'SQL'
SELECT pg_backend_pid() AS pid \gset
\set watch :watcher ' ' :pid ' > ' :peak ' 2>&1 &'
\setenv WATCH :watch
\! eval "$WATCH"
CALL rs_run_pipeline(:'path');
SQL
}

# retailscope NAME FILE
retailscope() {
    fresh_warehouse
    timed "$1" pipeline "$2"
    # The watcher looks once more after the backend's end, then writes.
    sleep 0.3
    as_server cat "$SERVER_DIR/peak" >> "$RESULTS/$1.peak"
    server_psql bench -At -c "SELECT rows_read || ' read, ' || rows_loaded || ' loaded, amount ' || amount_loaded
                              FROM retailscope.etl_batch" | sed 's/^/    /'
}

# One more load, not timed, while another session looks 50 times a second at what it is doing.
phases() {
    local watcher
    fresh_warehouse
    server_psql bench -At -F ' ' > "$RESULTS/phases" << 'SQL' &
CREATE TEMP TABLE seen (phase text);
DO $$
DECLARE
    idle integer := 0;
BEGIN
    -- Until nothing has been going on for two seconds.
    WHILE idle < 100 LOOP
        PERFORM pg_stat_clear_snapshot();
        INSERT INTO seen SELECT phase FROM retailscope.progress;
        idle := CASE WHEN FOUND THEN 0 ELSE idle + 1 END;
        PERFORM pg_sleep(0.02);
    END LOOP;
END
$$;
SELECT to_char(count(*) * 0.02, '990.0'), 's', phase FROM seen GROUP BY phase ORDER BY min(ctid);
SQL
    watcher=$!
    pipeline "$1" > /dev/null 2>&1
    wait "$watcher"
}

copy_only() {
    server_psql bench -v csv="$CSV" << 'SQL'
CREATE TABLE lines (invoice text, stock_code text, description text, quantity text, sold_at text, price text,
                    customer_id text, country text);
COPY lines FROM :'csv' (FORMAT csv, HEADER);
SQL
}

plain_sql() {
    server_psql bench -v csv="$CSV" < "$BENCHES/plain.sql"
}

# A virtual environment outside the clone: the server's user must be able to run it.
prepare_python() {
    VENV="$(mktemp -d /tmp/retailscope-venv.XXXXXX)"
    chmod 755 "$VENV"
    "$PYTHON" -m venv "$VENV"
    "$VENV/bin/pip" install -q --disable-pip-version-check "${PYTHON_PACKAGES[@]}"
}

pandas() {
    as_server "$VENV/bin/python" "$PANDAS" "$CSV" "$SERVER_DIR/pandas_lake" \
        "postgresql+psycopg2://@/bench?host=$SERVER_DIR&port=5432"
}

median() { sort -n "$RESULTS/$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# peak NAME COLUMN: 1 the backend's own memory, 2 with the shared buffers that it touched; the worst of the runs.
peak() { awk -v c="$2" '$c > m { m = $c } END { print m }' "$RESULTS/$1.peak"; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", a / b }'; }

row() {
    local name="$1" text="$2" own="" shared=""
    if [ ! -f "$RESULTS/$name" ]; then return; fi
    if [ -f "$RESULTS/$name.peak" ]; then own="$(peak "$name" 1)" shared="$(peak "$name" 2)"; fi
    printf '%-52s %9s %7s %8s %8s\n' "$text" "$(median "$name")" "$(ratio "$(median "$name")" "$(median copy)")" \
        "$own" "$shared"
}

# aim TEXT VALUE RELATION LIMIT
aim() {
    local verdict
    verdict="$(awk -v v="$2" -v r="$3" -v l="$4" 'BEGIN { print ((r == "<=" ? v <= l : v >= l) ? "met" : "missed") }')"
    printf '  %-50s %8s   %s\n' "$1 ($3 $4)" "$2" "$verdict"
}

report() {
    local ours
    ours="$(median retailscope)"
    printf '\n%-52s %9s %7s %8s %8s\n' "" "seconds" "to (a)" "peak MB" "VmHWM MB"
    row retailscope "RetailScope: file -> lake + warehouse + marts"
    row copy "(a) bare COPY into a text table"
    row pandas "(b) pandas + pyarrow + SQLAlchemy to_sql (once)"
    row plain "(c) cleaning and star schema in plain SQL, no lake"
    row tenfold "RetailScope, ten times the file (once)"
    say "seconds: median of $RUNS runs; peak MB: the backend's own memory, VmHWM adds the shared buffers it touched"
    printf '\naims\n'
    aim "times (a)" "$(ratio "$ours" "$(median copy)")" "<=" 5
    if [ -f "$RESULTS/pandas" ]; then aim "times faster than (b)" "$(ratio "$(median pandas)" "$ours")" ">=" 10; fi
    aim "times faster than (c)" "$(ratio "$(median plain)" "$ours")" ">=" 2
    aim "peak MB" "$(peak retailscope 1)" "<=" 300
    if [ -f "$RESULTS/tenfold" ]; then aim "peak MB, tenfold file" "$(peak tenfold 1)" "<=" 350; fi
}

"$ROOT/scripts/install.sh"
server_start "shared_buffers = 512MB" "max_wal_size = 4GB"
say ""
say "server: PostgreSQL $("$PG_CONFIG" --version | cut -d ' ' -f 2), default settings but shared_buffers = 512MB, max_wal_size = 4GB"
say "machine: $(nproc) cores, $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo)"
PEAK="$(server_copy "$BENCHES/peak.py")"
PANDAS="$(server_copy "$BENCHES/pandas_load.py")"
TENFOLD="$(server_copy "$BENCHES/tenfold.py")"
prepare_file

# In turns, so that a slow spell of the machine meets all of them.
for _ in $(seq "$RUNS"); do
    fresh_database
    timed copy copy_only
    fresh_database
    timed plain plain_sql
    retailscope retailscope "$CSV"
done
if ! skipped pandas; then
    prepare_python
    fresh_database
    timed pandas pandas
    sed 's/^/    /' "$RESULTS/pandas.out"
fi
if ! skipped tenfold; then
    fresh_database
    as_server "$PYTHON" "$TENFOLD" "$CSV" "$SERVER_DIR/tenfold.csv"
    retailscope tenfold "$SERVER_DIR/tenfold.csv"
fi
phases "$CSV"
printf '\nwhere the time of RetailScope goes (last run, and the phases of one more)\n'
sed 's/^/  /' "$RESULTS/retailscope.out" "$RESULTS/phases"
report
