#!/usr/bin/env bash
# Format, clippy, docs. The same profile and features as the tests, so that build scripts and macros are built once.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$ROOT"

FEATURES=(--no-default-features --features "retailscope/pg$PG,retailscope/pg_test")

shell_scripts() {
    if ! command -v shellcheck > /dev/null; then
        say "shellcheck is not installed: skipped"
        return
    fi
    shellcheck -x -P scripts scripts/*.sh benches/*.sh .ci/run
}

step "format" cargo fmt --all --check
step "clippy" cargo clippy --release --workspace --all-targets "${FEATURES[@]}" -- -D warnings
RUSTDOCFLAGS="-D warnings" step "docs of the code" \
    cargo doc --release --workspace --no-deps "${FEATURES[@]}"
step "shell scripts" shell_scripts
