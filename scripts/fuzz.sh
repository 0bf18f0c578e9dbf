#!/usr/bin/env bash
# Fuzzes what reads bytes from outside: fuzz.sh [seconds per target]. It begins with the corpus in fuzz/corpus; what it finds
# besides is kept below the target folder, and a file that ends a target is left in fuzz/artifacts, to be added to the corpus
# once it is mended: the engine's tests replay the corpus.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$ROOT"

PER_TARGET="${1:-60}"
# Sanitizers are not needed to see panics, runaway memory and hangs, and the engine has no unsafe code of its own.
export RUSTC_BOOTSTRAP=1
export CARGO_TARGET_DIR="$TARGET/fuzz"

if ! command -v cargo-fuzz > /dev/null; then
    step "install cargo-fuzz" cargo install cargo-fuzz --locked
fi

fuzz_one() {
    local found="$CARGO_TARGET_DIR/corpus/$1"
    mkdir -p "$found"
    cargo fuzz run --sanitizer none "$1" "$found" "fuzz/corpus/$1" -- \
        -max_total_time="$PER_TARGET" -rss_limit_mb=1024 -timeout=10 -max_len=65536 -print_final_stats=1
}

for target in fuzz/fuzz_targets/*.rs; do
    target="$(basename "$target" .rs)"
    step "fuzz $target" fuzz_one "$target"
done
