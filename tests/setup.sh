#!/usr/bin/env bash
# Installs what the tests need, and nothing twice: npm packages, a Python environment, a client in Rust, Chromium, four
# proxies, promtool, Redis.
# Exits non-zero and says what is missing when it cannot.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

missing() {
  echo "tests/setup.sh: $*" >&2
  exit 1
}

# Runs something noisy; shows what it said only when it failed.
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# Done before for the same files? The stamp holds their checksum.
stamped() { # STAMP FILE...
  [[ -f $1 && $(cat "$1") == "$(cat "${@:2}" | sha256sum)" ]]
}
stamp() {
  cat "${@:2}" | sha256sum >"$1"
}

# Installs Debian packages, or says which are missing. What a test needs is never left out in silence.
debian() { # PURPOSE PACKAGE...
  command -v apt-get >/dev/null || missing "$1 needs what Debian calls: ${*:2}"
  [[ $(id -u) == 0 ]] || missing "$1: as root, apt-get install ${*:2}"
  echo "tests: installing ${*:2}"
  quietly apt-get update || missing "apt-get update failed"
  quietly env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${@:2}" ||
    missing "apt-get install ${*:2} failed"
}

# Each test of the cluster starts one of its own. Where Debian starts one with the package, no test knows of it.
redis() {
  { command -v redis-server && command -v redis-cli; } >/dev/null || debian "the cluster's tests" redis-server redis-tools
}

# For the crates' tests alone that is all: `tests/setup.sh redis`.
if [[ ${1:-} == redis ]]; then
  redis
  exit
fi
redis

mkdir -p .cache

# docs/emitting.md has a recipe in it.
command -v php >/dev/null || debian "a recipe's test" php-cli

command -v node >/dev/null || missing "no 'node' (20.19 or newer is needed)"
command -v npm >/dev/null || missing "no 'npm' (11 or newer is needed)"
node -e 'const [major, minor] = process.versions.node.split(".").map(Number);
  process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1)' ||
  missing "node $(node --version) is too old: Vite needs 20.19 or newer, or 22.12 or newer"

if ! [[ -d node_modules ]] || ! stamped .cache/npm.stamp package.json package-lock.json; then
  echo "tests: installing the npm packages"
  quietly npm ci --no-audit --no-fund || missing "npm could not install the packages of tests/package.json"
  stamp .cache/npm.stamp package.json package-lock.json
fi

command -v python3 >/dev/null || missing "no 'python3' (3.8 or newer is needed)"
if ! [[ -x .cache/venv/bin/python ]] || ! stamped .cache/python.stamp python/requirements.txt; then
  echo "tests: installing the Python client"
  rm -rf .cache/venv
  quietly python3 -m venv .cache/venv || missing "python3 cannot make a venv (Debian: apt-get install python3-venv)"
  quietly .cache/venv/bin/pip install --disable-pip-version-check -r python/requirements.txt ||
    missing "pip could not install tests/python/requirements.txt"
  stamp .cache/python.stamp python/requirements.txt
fi

if ! [[ -x .cache/venv-api/bin/schemathesis ]] || ! stamped .cache/api.stamp api/requirements.txt; then
  echo "tests: installing schemathesis"
  rm -rf .cache/venv-api
  quietly python3 -m venv .cache/venv-api || missing "python3 cannot make a venv (Debian: apt-get install python3-venv)"
  quietly .cache/venv-api/bin/pip install --disable-pip-version-check -r api/requirements.txt ||
    missing "pip could not install schemathesis from PyPI (tests/api/requirements.txt): without it the HTTP API's description is not tested"
  stamp .cache/api.stamp api/requirements.txt
fi

# A client of another author, in Rust: it links to OpenSSL.
rust=(rust-client/Cargo.toml rust-client/Cargo.lock rust-client/src/main.rs)
if ! stamped .cache/rust.stamp "${rust[@]}"; then
  pkg-config --exists openssl 2>/dev/null || debian "the Rust client" pkg-config libssl-dev
  echo "tests: building the Rust client, which takes a minute or two"
  quietly cargo build --locked --quiet --manifest-path rust-client/Cargo.toml --target-dir .cache/rust-client ||
    missing "cargo could not build tests/rust-client"
  stamp .cache/rust.stamp "${rust[@]}"
fi

chromium=${CHROMIUM:-/usr/bin/chromium}
if ! [[ -x $chromium ]]; then
  [[ -z ${CHROMIUM:-} ]] || missing "CHROMIUM is $CHROMIUM, which is no program"
  debian "the browser's tests (or set CHROMIUM to a browser)" chromium
  [[ -x $chromium ]] || missing "apt-get installed no $chromium"
fi

# Not installed, which would start them: only the programs are taken out of the packages, with the libraries that are
# missing. NGINX, HAPROXY, CADDY and APACHE2 name others.
wanted=()
for proxy in nginx haproxy caddy apache2 promtool; do
  named=${proxy^^}
  [[ -n ${!named:-} || -x .cache/proxies/usr/sbin/$proxy || -x .cache/proxies/usr/bin/$proxy ]] ||
    command -v $proxy >/dev/null || { package=${proxy/apache2/apache2-bin}; wanted+=("${package/promtool/prometheus}"); }
done
if ((${#wanted[@]})); then
  command -v apt-get >/dev/null || missing "no ${wanted[*]} (or set NGINX, HAPROXY, CADDY, APACHE2, PROMTOOL to programs)"
  echo "tests: fetching ${wanted[*]}"
  rm -rf .cache/proxies.deb
  mkdir -p .cache/proxies.deb/partial
  download=(apt-get install -y --download-only --no-install-recommends -o Debug::NoLocking=true
    -o "Dir::Cache::archives=$PWD/.cache/proxies.deb" "${wanted[@]}")
  quietly "${download[@]}" || { quietly apt-get update && quietly "${download[@]}"; } ||
    missing "apt-get could not download ${wanted[*]}"
  for package in .cache/proxies.deb/*.deb; do dpkg-deb -x "$package" .cache/proxies; done
  rm -rf .cache/proxies.deb
fi
command -v openssl >/dev/null || missing "no 'openssl', which makes the proxies' certificates"

command -v systemd-analyze >/dev/null || debian "the check of the systemd units" systemd
