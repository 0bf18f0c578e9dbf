#!/usr/bin/env bash
# Builds the release and installs it.
#   install.sh           into the PostgreSQL of PG_CONFIG
#   install.sh package   into an archive below target/ instead
set -euo pipefail
. "$(dirname "$0")/common.sh"

STAGE="$TARGET/package-pg$PG"

build() {
    need_pg_config
    # A file of an older build must not be installed along.
    rm -rf "$STAGE"
    (cd "$ROOT" && cargo pgrx package --pg-config "$PG_CONFIG" --out-dir "$STAGE")
}

# Files are put in place by rename: writing into a library that a running server has loaded would kill that server.
install_staged() {
    local file goal run
    while IFS= read -r -d '' file; do
        goal="${file#"$STAGE"}"
        run=()
        if [ ! -w "$(dirname "$goal")" ]; then run=(as_root); fi
        "${run[@]}" install -D -m "$(mode_of "$file")" "$file" "$goal.new"
        "${run[@]}" mv -f "$goal.new" "$goal"
        say "installed $goal"
    done < <(find "$STAGE" -type f -print0)
}

mode_of() {
    case "$1" in *.so) echo 755 ;; *) echo 644 ;; esac
}

archive() {
    local version name library
    version="$(sed -n "s/^default_version *= *'\(.*\)'/\1/p" "$(find "$STAGE" -name retailscope.control)")"
    name="retailscope-$version-pg$PG-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m).tar.gz"
    library="$(find "$STAGE" -name 'retailscope*.so')"
    if command -v strip > /dev/null; then strip --strip-unneeded "$library"; fi
    tar -czf "$TARGET/$name" -C "$STAGE" --owner=0 --group=0 .
    say "$TARGET/$name ($(du -h "$TARGET/$name" | cut -f1)); unpack it below / on a machine with PostgreSQL $PG"
}

build
if [ "${1:-}" = package ]; then archive; else install_staged; fi
