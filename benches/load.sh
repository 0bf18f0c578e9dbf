# shellcheck shell=bash
# The same file, four ways: RetailScope beside (a) a bare COPY, (b) pandas + pyarrow + SQLAlchemy, (c) plain SQL after COPY.
# Sourced by run.sh.

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

# The load, and beside it a watcher of the backend's memory that ends with it. Not rs_run_pipeline(): that one also trains
# models, which none of the others does.
pipeline() {
    server_psql bench -v path="$1" -v watcher="$PYTHON $PEAK" -v peak="$SERVER_DIR/peak" << 'SQL'
SELECT pg_backend_pid() AS pid \gset
\set watch :watcher ' ' :pid ' > ' :peak ' 2>&1 &'
\setenv WATCH :watch
\! eval "$WATCH"
SELECT rows_read, rows_loaded, lake_files, round(seconds::numeric, 2) AS seconds FROM rs_ingest_file(:'path');
SELECT mart, rows, round(seconds::numeric, 2) AS seconds FROM rs_refresh_marts();
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

pandas() {
    as_server "$VENV/bin/python" "$PANDAS" "$CSV" "$SERVER_DIR/pandas_lake" \
        "postgresql+psycopg2://@/bench?host=$SERVER_DIR&port=5432"
}

# peak NAME COLUMN: 1 the backend's own memory, 2 with the shared buffers that it touched; the worst of the runs.
peak() { awk -v c="$2" '$c > m { m = $c } END { print m }' "$RESULTS/$1.peak"; }

row() {
    local name="$1" text="$2" own="" shared=""
    if [ ! -f "$RESULTS/$name" ]; then return; fi
    if [ -f "$RESULTS/$name.peak" ]; then own="$(peak "$name" 1)" shared="$(peak "$name" 2)"; fi
    printf '%-52s %9s %7s %8s %8s\n' "$text" "$(median "$name")" "$(ratio "$(median "$name")" "$(median copy)")" \
        "$own" "$shared"
}

report_load() {
    local ours
    ours="$(median retailscope)"
    printf '\n%-52s %9s %7s %8s %8s\n' "" "seconds" "to (a)" "peak MB" "VmHWM MB"
    row retailscope "RetailScope: file -> lake + warehouse + marts"
    row copy "(a) bare COPY into a text table"
    row pandas "(b) pandas + pyarrow + SQLAlchemy to_sql (once)"
    row plain "(c) cleaning and star schema in plain SQL, no lake"
    row tenfold "RetailScope, ten times the file (once)"
    say "seconds: median of $RUNS runs; peak MB: the backend's own memory, VmHWM adds the shared buffers it touched"
    aim "times (a)" "$(ratio "$ours" "$(median copy)")" "<=" 5
    if [ -f "$RESULTS/pandas" ]; then aim "times faster than (b)" "$(ratio "$(median pandas)" "$ours")" ">=" 10; fi
    aim "times faster than (c)" "$(ratio "$(median plain)" "$ours")" ">=" 2
    aim "peak MB" "$(peak retailscope 1)" "<=" 300
    if [ -f "$RESULTS/tenfold" ]; then aim "peak MB, tenfold file" "$(peak tenfold 1)" "<=" 350; fi
}

compare_loads() {
    PEAK="$(server_copy "$BENCHES/peak.py")"
    PANDAS="$(server_copy "$BENCHES/pandas_load.py")"
    TENFOLD="$(server_copy "$BENCHES/tenfold.py")"
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
    report_load
}
