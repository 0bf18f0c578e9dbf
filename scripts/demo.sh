#!/usr/bin/env bash
# A private server with a warehouse full of sales, left running to look around in.
#   demo.sh         build, install, start, load, show; DATA=file loads a file of one's own
#   demo.sh stop    stop that server and remove it
# Without DATA it loads Online Retail II from RETAILSCOPE_DATA, and without that folder generated sales.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/server.sh"

STATE="$ROOT/.demo/env"
DATABASE=retail

# Stops the server that an earlier demo left running, if any.
stop_demo() {
    if [ ! -f "$STATE" ]; then
        say "no demo server"
        return
    fi
    need_pg_config
    SERVER_DIR="$(sed -n 's/^SERVER_DIR=//p' "$STATE")"
    # This folder is about to be removed: only what server_folder made.
    case "$SERVER_DIR" in
        /*/retailscope.??????) server_remove ;;
        *) die "$STATE names a folder that is no demo's: $SERVER_DIR" ;;
    esac
    rm -rf "$ROOT/.demo"
    say "the demo server is stopped and removed"
}

start_demo() {
    trap server_remove EXIT
    server_start "shared_buffers = 512MB" "max_wal_size = 4GB"
    as_server mkdir "$SERVER_DIR/lake"
    server_psql postgres -c "CREATE DATABASE $DATABASE"
    server_psql "$DATABASE" -v lake="$SERVER_DIR/lake" << 'SQL'
CREATE EXTENSION retailscope;
SELECT format('ALTER DATABASE %I SET retailscope.lake_dir = %L', current_database(), :'lake') \gexec
SQL
}

# The file to load; nothing for generated sales.
demo_file() {
    local public="${RETAILSCOPE_DATA:-}/online_retail_ii/online_retail_II.csv.zst"
    if [ -n "${DATA:-}" ]; then
        [ -f "$DATA" ] || die "DATA names no file: $DATA"
        realpath "$DATA"
    elif [ -n "${RETAILSCOPE_DATA:-}" ] && [ -f "$public" ]; then
        realpath "$public"
    fi
}

load_file() {
    local path
    path="$(server_readable "$1")"
    server_psql "$DATABASE" -v path="$path" <<< "CALL rs_run_pipeline(:'path');"
}

load_generated() {
    server_psql "$DATABASE" -c "SELECT * FROM rs_generate_sales()" -c "SELECT * FROM rs_refresh_marts()" \
        -c "SELECT * FROM rs_train_churn()" -c "SELECT * FROM rs_train_segments(params => '{\"k_min\": 4}')" \
        -c "SELECT * FROM rs_mine_rules()" \
        -c "SELECT model_id, model, mae, mase, coverage, promoted, verdict FROM rs_train_forecast()"
}

# One row: what to show, and a key that changes with each phase and each ten per cent of it.
progress_now() {
    server_psql "$DATABASE" -At -F '|' << 'SQL'
SELECT phase || coalesce(to_char(percent, ' FM990') || ' %', to_char(done, ' FM999G999G999G999')),
       phase || coalesce(trunc(percent / 10), 0)
FROM retailscope.progress LIMIT 1
SQL
}

# watch PID: a line that tells how far the load is, until that process ends; a line per change where no one watches.
watch() {
    local pid="$1" started=$SECONDS text key last=""
    while kill -0 "$pid" 2> /dev/null; do
        IFS='|' read -r text key < <(progress_now 2> /dev/null) || true
        if [ -t 1 ]; then
            printf '\r\033[K%4d s  %s' "$((SECONDS - started))" "${text:-}"
        elif [ -n "${key:-}" ] && [ "$key" != "$last" ]; then
            printf '%4d s  %s\n' "$((SECONDS - started))" "$text"
            last="$key"
        fi
        sleep 0.5
    done
    if [ -t 1 ]; then printf '\r\033[K'; fi
}

load() {
    local log="$ROOT/.demo/load.log" pid
    "$@" > "$log" 2>&1 &
    pid=$!
    watch "$pid"
    if ! wait "$pid"; then
        cat "$log" >&2
        die "the load failed"
    fi
    cat "$log"
}

how_to_connect() {
    local prefix=""
    if is_root; then prefix="runuser -u postgres -- "; fi
    say ""
    say "The server is left running; it listens on no port. Connect with"
    say "    ${prefix}$PG_BINDIR/psql -h $SERVER_DIR -p 5432 -d $DATABASE"
    say "and try \\df rs_*, \\dt retailscope.* or SELECT * FROM rs_data_quality();"
    say "make demo-stop ends and removes it."
}

if [ "${1:-}" = stop ]; then
    stop_demo
    exit
fi

file="$(demo_file)"
"$ROOT/scripts/install.sh"
if [ -f "$STATE" ]; then stop_demo; fi
mkdir -p "$ROOT/.demo"
step "start a private server" start_demo
if [ -n "$file" ]; then
    step "load $(basename "$file")" load load_file "$file"
else
    step "load generated sales (the README tells where a real file is to be had)" load load_generated
fi
server_psql "$DATABASE" < "$ROOT/scripts/tour.sql"
printf 'SERVER_DIR=%s\n' "$SERVER_DIR" > "$STATE"
trap - EXIT
how_to_connect
