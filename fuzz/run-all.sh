#!/usr/bin/env bash
# Runs fuzz targets one after the other, and says of each how many inputs it tried, what it reached and what broke.
#
#   fuzz/run-all.sh [SECONDS] [TARGET...]      30 seconds each and all of them, if it is not told otherwise
#   fuzz/run-all.sh add TARGET FILE...         makes an input that broke a target a line of its corpus
#
# FUZZ_TOOLCHAIN names the toolchain (nightly), FUZZ_SANITIZER what watches (none).
#
# What it finds goes into fuzz/target/corpus/<target>, where the next run begins; `KEEP=1` makes it, minimized and
# within its bounds, the corpus that is committed. Ends with 1 if any target broke.
set -euo pipefail
cd "$(dirname "$0")"

corpus() {
    cargo run --quiet --manifest-path ../tests/properties/Cargo.toml --bin corpus -- "$@"
}

if [ "${1:-}" = add ]; then
    # Named from where the caller is, or from here as libFuzzer does.
    files=()
    for file in "${@:3}"; do
        [ -e "$file" ] || file=$OLDPWD/$file
        files+=("$file")
    done
    corpus add "${2:-}" "${files[@]}"
    exit
fi

seconds=${1:-30}
shift || true
# No code of ours is unsafe: without a sanitizer the same time tries twice as much.
sanitizer=${FUZZ_SANITIZER:-none}
toolchain=${FUZZ_TOOLCHAIN:-nightly}
mapfile -t known < <(sed -n 's|^path = "fuzz_targets/\(.*\)\.rs"$|\1|p' Cargo.toml)
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=("${known[@]}")

missing() {
    echo "make fuzz: $1" >&2
    exit 1
}

[[ $seconds =~ ^[0-9]+$ ]] || missing "'$seconds' is no number of seconds: fuzz/run-all.sh [SECONDS] [TARGET...]"
for target in "${targets[@]}"; do
    [[ " ${known[*]} " == *" $target "* ]] || missing "there is no target '$target'; there are ${known[*]}"
done
command -v rustup >/dev/null || missing "rustup is missing: it is what finds the toolchain '$toolchain'"
grep -q "^$toolchain" <<<"$(rustup toolchain list)" ||
    missing "the Rust toolchain '$toolchain' is missing, which libFuzzer's instrumentation needs: rustup toolchain install $toolchain --profile minimal"
command -v c++ >/dev/null || missing "a C++ compiler is missing, which libFuzzer is built with: apt-get install g++"
cargo fuzz --version >/dev/null 2>&1 || cargo install cargo-fuzz --locked ||
    missing "cargo-fuzz is missing and could not be installed: cargo install cargo-fuzz --locked"

fuzz() {
    cargo "+$toolchain" fuzz run --sanitizer "$sanitizer" "$@"
}

dictionary() {
    case $1 in
    engineio_packet | engineio_payload | engineio_request) echo "-dict=dict/engineio.dict" ;;
    socketio_decode | hub_client) echo "-dict=dict/socketio.dict" ;;
    auth_token) echo "-dict=dict/token.dict" ;;
    msgpack_decode | cluster_msgpack | cluster_classic | cluster_sharded) echo "-dict=dict/msgpack.dict" ;;
    esac
}

# One alone takes a fraction of what all do.
one=()
[ ${#targets[@]} != 1 ] || one=("${targets[0]}")
echo "building ${#targets[@]} of ${#known[@]} targets with $toolchain; all of them take about three minutes, the first time"
cargo "+$toolchain" fuzz build --sanitizer "$sanitizer" "${one[@]}"

broken=0
printf '%-20s %12s %9s %7s %9s  %s\n' target executions coverage corpus seconds result
for target in "${targets[@]}"; do
    found=target/corpus/$target
    log=target/$target.log
    corpus unpack "$target" "$found"
    result=held
    # Inputs of up to 4 kB: what grows with length is for tests/properties/tests/growth.rs. A run of 10 s is a hang.
    if ! fuzz "$target" "$found" -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=4096 \
        -print_final_stats=1 $(dictionary "$target") >"$log" 2>&1; then
        result="BROKEN, see fuzz/$log"
        broken=1
    fi
    number() { grep -oP "$1" "$log" | tail -1; }
    printf '%-20s %12s %9s %7s %9s  %s\n' "$target" "$(number 'stat::number_of_executed_units: *\K\d+')" \
        "$(number ' cov: \K\d+')" "$(ls "$found" | wc -l)" "$(number 'Done \d+ runs in \K\d+')" "$result"
    if [ "$result" != held ]; then
        grep -m1 -A2 'panicked at\|ERROR: libFuzzer' "$log" || true
        grep -m1 'Test unit written to' "$log" || true
    elif [ "${KEEP:-}" = 1 ]; then
        rm -rf "target/kept/$target"
        mkdir -p "target/kept/$target"
        fuzz "$target" "target/kept/$target" "$found" -- -merge=1 -max_len=4096 >>"$log" 2>&1
        corpus pack "$target" "target/kept/$target"
    fi
done
exit $broken
