#!/usr/bin/env bash
# Whether what programs see of the libraries still fits what they saw in an earlier commit, by the version it has.
#
#   tests/semver/check.sh [COMMIT]      the last commit, if it is not told otherwise
#
# Builds cargo-semver-checks where it is missing, which takes minutes, and keeps it in target/tools.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=0.51.0
tools=$PWD/target/tools
export PATH=$tools/bin:$PATH

if [[ $(cargo semver-checks --version 2>/dev/null) != "cargo-semver-checks $version" ]]; then
  echo "make semver: building cargo-semver-checks $version, once"
  CARGO_PROFILE_DEV_DEBUG=0 cargo install cargo-semver-checks --version "$version" --locked --quiet --debug --root "$tools"
fi

# The program has no library, and the rest is for tests alone.
apart=(fanfare fanfare-bench fanfare-differential fanfare-properties fanfare-test-support)
cargo semver-checks --workspace "${apart[@]/#/--exclude=}" --all-features --baseline-rev "${1:-HEAD}"
