#!/usr/bin/env bash
# Installs what is missing to build and test, and nothing else. Safe to run again: says what is there already.
#   setup.sh         the server with its headers, clang, zstd, cargo-pgrx
#   setup.sh test    also what the tests compare with (Python for tools of its own, the sources of locales)
#   setup.sh install the same, for whatever PostgreSQL PG_CONFIG names
#   setup.sh bench   also what `make bench` compares with (Python, below the target folder)
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/../benches/lib.sh"

missing_packages() {
    local package
    for package in "$@"; do
        if [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2> /dev/null)" != installed ]; then
            printf '%s\n' "$package"
        fi
    done
}

# Debian starts a cluster on port 5432 when it installs the server. Nobody asked for that here: it is switched off for
# the time of this install. Clusters that exist are left alone.
without_default_cluster() {
    local conf=/etc/postgresql-common/createcluster.d/retailscope-setup.conf status=0
    as_root mkdir -p "$(dirname "$conf")"
    printf 'create_main_cluster = false\n' | as_root tee "$conf" > /dev/null
    "$@" || status=$?
    as_root rm -f "$conf"
    return "$status"
}

install_packages() {
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

setup_packages() {
    local wanted=("postgresql-$PG" "postgresql-server-dev-$PG" clang libclang-dev pkg-config zstd) missing
    if ! command -v apt-get > /dev/null; then
        say "no apt-get here: these must be installed by hand: ${wanted[*]}"
        return
    fi
    # cargo-pgrx's tests call sudo, also when root runs them.
    command -v sudo > /dev/null || wanted+=(sudo)
    command -v cc > /dev/null || wanted+=(gcc libc6-dev)
    case "${1:-}" in
        test) wanted+=(python3-venv locales) ;;
        # Some of what is compared with is built from C.
        bench) wanted+=(python3-venv python3-dev) ;;
    esac
    mapfile -t missing < <(missing_packages "${wanted[@]}")
    if [ "${#missing[@]}" -eq 0 ]; then
        say "Debian packages: all there (${wanted[*]})"
        return
    fi
    is_root || command -v sudo > /dev/null || die "sudo is needed to install: ${missing[*]}"
    say "Debian packages: installing ${missing[*]}"
    without_default_cluster install_packages "${missing[@]}"
}

# What `make lint` runs; a minimal Rust comes without.
setup_rust() {
    local component
    command -v cargo > /dev/null || die "cargo is missing: install Rust from https://rustup.rs, then run make setup again"
    for component in rustfmt clippy; do
        if ! command -v "cargo-${component/rustfmt/fmt}" > /dev/null; then
            say "Rust: adding $component"
            rustup component add "$component"
        fi
    done
}

setup_cargo_pgrx() {
    if [ "$(cargo pgrx --version 2> /dev/null)" = "cargo-pgrx $CARGO_PGRX_VERSION" ]; then
        say "cargo-pgrx: $CARGO_PGRX_VERSION is there"
        return
    fi
    say "cargo-pgrx: installing $CARGO_PGRX_VERSION (some minutes)"
    cargo install --locked cargo-pgrx --version "=$CARGO_PGRX_VERSION"
}

# The pg_config that pgrx knows for our version, or nothing.
registered_pg_config() {
    local config="${PGRX_HOME:-$HOME/.pgrx}/config.toml"
    if [ -f "$config" ]; then sed -n "s/^pg$PG *= *[\"']\(.*\)[\"']/\1/p" "$config"; fi
}

setup_pgrx() {
    local known
    need_pg_config
    known="$(registered_pg_config)"
    if [ -z "$known" ]; then
        say "pgrx: registering $PG_CONFIG"
        cargo pgrx init "--pg$PG" "$PG_CONFIG"
    elif [ "$known" = "$PG_CONFIG" ]; then
        say "pgrx: $PG_CONFIG is registered"
    elif [ "$1" = install ]; then
        # Only the tests use what is registered; a build names its pg_config.
        say "pgrx: $known is registered; this build is for $PG_CONFIG"
    else
        die "pgrx builds PostgreSQL $PG against $known, not $PG_CONFIG: run make with PG_CONFIG=$known"
    fi
}

setup() {
    setup_packages "${1:-}"
    setup_rust
    setup_cargo_pgrx
    setup_pgrx "${1:-}"
    if [ "${1:-}" = bench ]; then prepare_python; fi
}

step "setup" setup "$@"
