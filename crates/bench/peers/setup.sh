#!/bin/sh
# Installs and builds the peers under target/bench/peers. A peer that does not install is left out, and the bench
# says so. Run again after changing a version; it does nothing for what is there already.
set -u

here=$(cd "$(dirname "$0")" && pwd)
out=${BENCH_PEERS_DIR:-$(cd "$here/../../.." && pwd)/target/bench/peers}
mkdir -p "$out"

npm_peer() {
    mkdir -p "$out/$1"
    if ! cmp -s "$here/$1/package.json" "$out/$1/package.json"; then
        cp "$here/$1/package.json" "$out/$1/package.json.new"
        rm -f "$out/$1/package.json"
        mv "$out/$1/package.json.new" "$out/$1/package.json"
        (cd "$out/$1" && npm install --no-audit --no-fund --ignore-scripts --loglevel=error) || {
            rm -f "$out/$1/package.json"
            echo "peers: $1 did not install: it is left out" >&2
            return
        }
    fi
    cp "$here/$1/server.js" "$out/$1/server.js"
}

command -v npm >/dev/null || { echo "peers: no npm: node and bun are left out" >&2; }
command -v npm >/dev/null && npm_peer node
command -v npm >/dev/null && npm_peer bun

CARGO_TARGET_DIR="$out/socketioxide" cargo build --release --quiet --manifest-path "$here/socketioxide/Cargo.toml" ||
    echo "peers: socketioxide did not build: it is left out" >&2
