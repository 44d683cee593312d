#!/bin/sh
# Installs and builds the peers, in target/bench/peers or in BENCH_PEERS_DIR. A peer that does not install is left out,
# and the bench says so. What is there already is kept.
set -u

here=$(cd "$(dirname "$0")" && pwd)
out=${BENCH_PEERS_DIR:-$(cd "$here/../../.." && pwd)/target/bench/peers}

npm_peer() {
    mkdir -p "$out/$1"
    cp "$here/$1/server.js" "$out/$1/"
    cmp -s "$here/$1/package.json" "$out/$1/installed.json" && return
    cp "$here/$1/package.json" "$out/$1/"
    # Without scripts: bun's own would only link the program that the bench finds by itself.
    if (cd "$out/$1" && npm install --no-audit --no-fund --ignore-scripts --loglevel=error); then
        cp "$here/$1/package.json" "$out/$1/installed.json"
    else
        rm -f "$out/$1/server.js"
        echo "peers: $1 did not install: it is left out" >&2
    fi
}

if command -v npm >/dev/null; then
    npm_peer node
    npm_peer bun
else
    echo "peers: there is no npm: node and bun are left out" >&2
fi

command -v redis-server >/dev/null ||
    echo "peers: there is no redis-server: the rows about clusters are left out" >&2

CARGO_TARGET_DIR="$out/socketioxide" cargo build --release --quiet --manifest-path "$here/socketioxide/Cargo.toml" ||
    echo "peers: socketioxide did not build: it is left out" >&2
