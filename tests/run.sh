#!/usr/bin/env bash
# The black-box tests against the relay at FANFARE_BIN (default target/debug/fanfare), or with HUB=reference
# against the hub on Node. Arguments are files or folders below tests/; without any, all run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
./setup.sh

if [[ ${HUB:-fanfare} == fanfare ]]; then
  export FANFARE_BIN=${FANFARE_BIN:-$(cd .. && pwd)/target/debug/fanfare}
  [[ -x $FANFARE_BIN ]] || { echo "tests/run.sh: no relay at $FANFARE_BIN: cargo build first" >&2; exit 1; }
fi

# What is in the environment must not change what a test configures.
for name in $(compgen -e FANFARE_); do [[ $name == FANFARE_BIN ]] || unset "$name"; done

if [[ $# == 0 ]]; then
  set -- clients python embedding side-by-side faults attacks access reload shell api admin cluster browser vite proxies packaging
fi
mapfile -t files < <(find "$@" -name '*.test.mjs' -not -path '*/node_modules/*' | sort)
# Two at a time: with more, a relay is late because of its neighbours and not because of itself.
exec node --test --test-reporter=spec --test-concurrency=2 --test-timeout=300000 "${files[@]}"
