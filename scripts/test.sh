#!/usr/bin/env bash
# All tests, each once, the cheap ones first; stops at the first step that fails. Real data is read when RETAILSCOPE_DATA
# names its folder; without it the tests use generated sample data.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$ROOT"

# What the tests compare with: readers of Parquet that are not ours, and a checker of install scripts. Pinned, so that a run
# can be repeated.
PYTHON=/usr/bin/python3
PYTHON_PACKAGES=(pyarrow==26.0.1 duckdb==2.0.0 pgspot==0.9.4 pglast==7.21)

LOG="$(mktemp)"
STAGED=""
PGDATA_DIR=""

# The counts of all runs once more, so that the last lines of the output tell the result.
summary() {
    local status=$?
    trap - EXIT
    if [ -n "$STAGED" ]; then rm -rf "$STAGED"; fi
    if [ -n "$PGDATA_DIR" ]; then as_server rm -rf "$PGDATA_DIR"; fi
    printf '\n== summary\n'
    grep '^test result:' "$LOG" || true
    awk '/^test result:/ { passed += $4; failed += $6 } END { printf "%d passed, %d failed\n", passed, failed }' "$LOG"
    rm -f "$LOG"
    if [ "$status" -ne 0 ]; then say "FAILED (exit code $status)"; fi
    exit "$status"
}
trap summary EXIT

logged() { "$@" 2>&1 | tee -a "$LOG"; }

# Servers read the data by path: where their user may not enter its folder they get a copy for the time of the tests.
stage_data() {
    if [ -z "${RETAILSCOPE_DATA:-}" ]; then
        say "RETAILSCOPE_DATA is not set: generated sample data only"
        return
    fi
    [ -d "$RETAILSCOPE_DATA" ] || die "RETAILSCOPE_DATA names no folder: $RETAILSCOPE_DATA"
    RETAILSCOPE_DATA="$(cd "$RETAILSCOPE_DATA" && pwd)"
    if ! server_can_read "$RETAILSCOPE_DATA"; then
        STAGED="$(mktemp -d "/tmp/retailscope-data.XXXXXX")"
        cp -R "$RETAILSCOPE_DATA/." "$STAGED"
        chmod -R a+rX,u+w "$STAGED"
        RETAILSCOPE_DATA="$STAGED"
    fi
    export RETAILSCOPE_DATA
    say "RETAILSCOPE_DATA is $RETAILSCOPE_DATA"
}

server_can_read() {
    [ -z "$(as_server find "$1" ! -readable 2>&1)" ]
}

# A Python environment below the target folder, made once and again when the list of packages changes. Tests that find its
# name in RETAILSCOPE_TOOLS fail without a tool; without the name, as in a plain `cargo test`, they are skipped.
python_tools() {
    local folder="$TARGET/tools" wanted
    # An environment holds its own path, so a target folder that was moved needs another one.
    wanted="$folder $("$PYTHON" --version) ${PYTHON_PACKAGES[*]}"
    if [ "$(cat "$folder/made" 2> /dev/null)" != "$wanted" ]; then
        rm -rf "$folder"
        "$PYTHON" -m venv "$folder"
        "$folder/bin/pip" install --quiet --disable-pip-version-check "${PYTHON_PACKAGES[@]}"
        printf '%s\n' "$wanted" > "$folder/made"
    fi
    RETAILSCOPE_TOOLS="$folder"
    export RETAILSCOPE_TOOLS
    say "RETAILSCOPE_TOOLS is $folder: ${PYTHON_PACKAGES[*]}"
}

# cargo-pgrx copies its test build over the installed library. Unlinked first, a server that has it loaded (a demo,
# say) keeps its old file and lives on.
unlink_library() {
    local library
    library="$("$PG_CONFIG" --pkglibdir)/retailscope.so"
    if [ -e "$library" ]; then as_root rm -f "$library"; fi
}

server_tests() {
    # The default folder below target/ would lie behind the closed home of whoever owns the clone.
    PGDATA_DIR="$(server_folder)"
    unlink_library
    # Servers with this variable show backtraces to their users, and messages are among what is tested.
    # They share one database, whose one warehouse each changes in a transaction of its own: one at a time, or they deadlock.
    logged env -u RUST_BACKTRACE RUST_TEST_THREADS=1 cargo pgrx test "pg$PG" --release --runas "$(server_user)" --pgdata "$PGDATA_DIR"
}

system_tests() {
    logged cargo test --release -p retailscope-system-tests
}

need_pg_config
stage_data
step "tools of the tests" python_tools
"$ROOT/scripts/lint.sh"
step "engine tests" logged cargo test --release -p retailscope-engine
step "tests inside a server" server_tests
step "install" "$ROOT/scripts/install.sh"
step "system tests" system_tests
