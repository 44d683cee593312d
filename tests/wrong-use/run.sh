#!/usr/bin/env bash
# Tries each of `cases`, and what the compiler says of it. In what words it does is known of one compiler, `compiler`; of any
# other, only that it refuses: then a copy is tried, into which the words are written.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export CARGO_TARGET_DIR=$root/target/wrong-use

# With the features that it asks for itself, and no others: in our workspace somebody has always enabled more.
cargo check --manifest-path "$here/Cargo.toml" --lib --quiet

if [[ $(rustc --version) == "rustc $(<"$here/compiler")."* ]]; then
  exec cargo test --manifest-path "$here/Cargo.toml" --quiet
fi

echo "wrong-use: this compiler is not $(<"$here/compiler"): that it refuses is tested, what it says is not"
copy=$CARGO_TARGET_DIR/copy
rm -rf "$copy"
mkdir -p "$copy"
cp -r "$here"/{cases,right,src,tests,Cargo.toml,Cargo.lock} "$copy"
sed -i "s#\"../../crates#\"$root/crates#" "$copy/Cargo.toml"
TRYBUILD=overwrite exec cargo test --manifest-path "$copy/Cargo.toml" --quiet
