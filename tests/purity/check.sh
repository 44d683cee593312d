#!/usr/bin/env bash
# Holds the arrows of docs/architecture.md: which crate of ours may use which, what the pure ones never use, and that no
# files of a crate import each other.
set -euo pipefail
cd "$(dirname "$0")/../.."

failed=0

# ours CRATE ALLOWED...: the direct dependencies of CRATE among our own crates are a subset of ALLOWED.
ours() {
    local crate=$1 found
    shift
    while read -r found; do
        [[ " $* " == *" $found "* ]] || { echo "purity: $crate may not depend on $found"; failed=1; }
    done < <(cargo tree --locked -p "$crate" -e normal --depth 1 --prefix none | tail -n +2 | cut -d' ' -f1 |
        grep -xE 'engineio-proto|engineio|socketio-codec|fanfare-(client|cluster|hub|policy|cluster-proto|socketio|system)|fanfare' | sort -u)
}

# never CRATE NAMES: nothing of NAMES is among all dependencies of CRATE, direct or not.
never() {
    local crate=$1 found
    found=$(cargo tree --locked -p "$crate" -e normal --all-features --prefix none | tail -n +2 | cut -d' ' -f1 | grep -xE "$2" | sort -u || true)
    [ -z "$found" ] || { echo "purity: $crate must never depend on" $found; failed=1; }
}

ours engineio-proto
ours socketio-codec
ours fanfare-hub engineio-proto socketio-codec
ours fanfare-policy fanfare-hub socketio-codec
ours fanfare-cluster-proto engineio-proto fanfare-hub socketio-codec
ours fanfare-system
ours engineio engineio-proto
ours fanfare-socketio engineio fanfare-hub socketio-codec
ours fanfare-client engineio-proto socketio-codec
ours fanfare-cluster fanfare-cluster-proto fanfare-socketio
ours fanfare fanfare-socketio fanfare-cluster fanfare-policy fanfare-client fanfare-system

io='tokio|hyper|hyper-util|tungstenite|tokio-tungstenite|mio|socket2|rand|getrandom|tracing'
never engineio-proto "$io"
never socketio-codec "$io"
never fanfare-hub "$io"
never fanfare-cluster-proto "$io"
# jsonschema's hash maps draw a seed; the policy itself draws nothing.
never fanfare-policy "${io/|getrandom/}"
never engineio 'socketio-codec|fanfare-hub|fanfare-socketio|fanfare-policy|fanfare-system'
never fanfare-cluster 'clap|toml|toml_edit|fanfare|fanfare-policy|fanfare-system|ring|openssl-sys'
never fanfare-socketio 'clap|toml|toml_edit|fanfare|fanfare-policy|fanfare-system'

tests/purity/imports.py || failed=1

[ "$failed" = 0 ] && echo "purity: the arrows hold"
exit "$failed"
