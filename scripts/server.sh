# shellcheck shell=bash
# A private PostgreSQL server: a cluster in a folder of its own that listens on a socket there and on no port. Sourced
# after common.sh. A caller that does not mean to leave the server running sets `trap server_remove EXIT` first.

SERVER_DIR=""

# server_start [line of postgresql.conf ...]: makes the cluster and starts it; sets SERVER_DIR (data and socket).
server_start() {
    need_pg_config
    SERVER_DIR="$(server_folder)"
    as_server "$PG_BINDIR/initdb" -D "$SERVER_DIR/data" --encoding=UTF8 --locale=C.UTF-8 --auth-local=peer \
        --auth-host=reject --no-instructions > /dev/null
    {
        printf "listen_addresses = ''\nunix_socket_directories = '%s'\nport = 5432\n" "$SERVER_DIR"
        if [ "$#" -gt 0 ]; then printf '%s\n' "$@"; fi
    } | as_server tee -a "$SERVER_DIR/data/postgresql.conf" > /dev/null
    if ! as_server "$PG_BINDIR/pg_ctl" -D "$SERVER_DIR/data" -l "$SERVER_DIR/log" -w -s start; then
        as_server tail -n 20 "$SERVER_DIR/log" >&2
        die "the private server in $SERVER_DIR did not start"
    fi
}

# server_psql DATABASE [psql argument ...], as the superuser; the first error ends it.
server_psql() {
    local database="$1"
    shift
    as_server "$PG_BINDIR/psql" -X -q -v ON_ERROR_STOP=1 -h "$SERVER_DIR" -p 5432 -d "$database" "$@"
}

# server_readable FILE: prints a path under which the server's user can read FILE: FILE itself, or a copy in the
# server's folder where FILE lies behind a closed home.
server_readable() {
    local file="$1"
    if as_server test -r "$file"; then
        printf '%s\n' "$file"
    else
        server_copy "$file"
    fi
}

# server_copy FILE: copies FILE into the server's folder, whose path has no blanks, and prints the copy's path.
server_copy() {
    local copy
    copy="$SERVER_DIR/$(basename "$1")"
    as_server tee "$copy" < "$1" > /dev/null
    printf '%s\n' "$copy"
}

# Stops the server, if it runs, and removes its folder. Safe to call twice and from a trap.
server_remove() {
    if [ -z "$SERVER_DIR" ]; then return; fi
    if as_server test -f "$SERVER_DIR/data/postmaster.pid"; then
        as_server "$PG_BINDIR/pg_ctl" -D "$SERVER_DIR/data" -m immediate -w -s stop || true
    fi
    as_server rm -rf "$SERVER_DIR"
    SERVER_DIR=""
}
