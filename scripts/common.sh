# shellcheck shell=bash disable=SC2034
# What all scripts share: where things are, who runs the server, how a step is announced. Sourced, never run.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
PG="${PG:-15}"
PG_CONFIG="${PG_CONFIG:-/usr/lib/postgresql/$PG/bin/pg_config}"
TARGET="${CARGO_TARGET_DIR:-$ROOT/target}"
CARGO_PGRX_VERSION=0.18.1

# Numbers are printed and read with a point, whatever the user's language.
export LC_ALL=C.UTF-8

# Without it cargo-pgrx links with other flags than cargo does: each crate is then built twice and the library is three
# times as large.
export CARGO_PGRX_DISABLE_GC_SECTIONS_WORKAROUND=1

say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# Prints a heading, runs the command, and says how long it took.
step() {
    local name="$1" started=$SECONDS
    shift
    printf '\n== %s\n' "$name"
    "$@"
    printf '== %s: %d s\n' "$name" "$((SECONDS - started))"
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# Runs a command as root: directly, or through sudo.
as_root() {
    if is_root; then "$@"; else sudo "$@"; fi
}

# The system user that runs servers: PostgreSQL refuses to run as root.
server_user() {
    if is_root; then echo postgres; else id -un; fi
}

# Runs a command as the server's user, with a clean environment (PGPORT and the like must not point elsewhere, and
# RUST_BACKTRACE would show backtraces to SQL users) and from a folder that this user may enter.
as_server() {
    local user=()
    if is_root; then user=(runuser -u postgres --); fi
    (
        cd /
        "${user[@]}" env -i HOME=/tmp PATH=/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8 TERM="${TERM:-dumb}" "$@"
    )
}

# A new folder that belongs to the server's user and that nobody else may enter. It lies below TMPDIR, or below /tmp
# where that user cannot write there or the path is too long for a socket (107 bytes).
server_folder() {
    local base="${TMPDIR:-/tmp}"
    if [ "${#base}" -gt 60 ] || ! as_server test -w "$base" -a -x "$base"; then base=/tmp; fi
    as_server mktemp -d "$base/retailscope.XXXXXX"
}

need_pg_config() {
    [ -x "$PG_CONFIG" ] || die "no pg_config at $PG_CONFIG: run make setup, or name another one with PG_CONFIG="
    PG_BINDIR="$("$PG_CONFIG" --bindir)"
    export PG_BINDIR
}
