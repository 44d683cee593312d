#!/usr/bin/env bash
# Holds the dependencies to deny.toml. Builds cargo-deny where it is missing, which takes minutes, and keeps it in
# target/tools.
#
# Licences, duplicates and sources need nothing but the lock file and the registry. Known faults need the advisory
# database from GitHub: where that cannot be reached this says so and goes on, unless DENY_ADVISORIES=required.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=0.20.2
tools=$PWD/target/tools
export PATH=$tools/bin:$PATH

if [[ $(cargo deny --version 2>/dev/null) != "cargo-deny $version" ]]; then
  echo "make deny: building cargo-deny $version, once"
  # Unoptimized: it runs for seconds, and is built in half the time.
  CARGO_PROFILE_DEV_DEBUG=0 cargo install cargo-deny --version "$version" --locked --quiet --debug --root "$tools"
fi

cargo deny --log-level error --locked check --hide-inclusion-graph bans licenses sources

# A repository of the database that cannot be fetched is no verdict on our dependencies.
if git ls-remote --exit-code --quiet https://github.com/rustsec/advisory-db HEAD >/dev/null 2>&1; then
  cargo deny --log-level error --locked check --hide-inclusion-graph advisories
elif [[ ${DENY_ADVISORIES:-} == required ]]; then
  echo "make deny: the advisory database cannot be reached" >&2
  exit 1
else
  echo "make deny: known faults were NOT checked: the advisory database cannot be reached" >&2
fi
