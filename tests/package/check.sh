#!/usr/bin/env bash
# Packs what is published, as `cargo publish` would, and tries what came out of it: each package has what the registry
# shows, no link in a README that would lead nowhere there, and compiles, its tests and examples too, with nothing around
# it but the other packages.
#
#   tests/package/check.sh [test]      runs the tests as well: before something is published
set -euo pipefail
cd "$(dirname "$0")/../.."

case ${1:-} in
"" | test) ;;
*) echo "package: '$1' is nothing that can be asked for: tests/package/check.sh [test]" >&2; exit 2 ;;
esac

at=$PWD/target/package-check
unpublished=(fanfare-bench fanfare-differential fanfare-properties fanfare-test-support)

# The links by name alone, [`Like::this`], that no line of the file says the address of.
bare_links() {
    comm -23 <(sed '/^```/,/^```/d' "$1" | grep -oP '\[`[^`\]]+`\](?![(:\[])' | sort -u) <(grep -oP '^\[`[^`\]]+`\](?=: https://)' "$1" | sort -u) |
        grep .
}

rm -f target/package/*.crate
# From the committed files and those that are not yet. What it needs of the registry, the lock file has.
cargo package --workspace "${unpublished[@]/#/--exclude=}" --no-verify --allow-dirty --quiet

rm -rf "$at"
mkdir -p "$at/crates"
failed=0
for package in target/package/*.crate; do
    name=$(basename "$package" .crate)
    # With the time of now (-m): inside, all is of one day in 2006, and cargo would take it for what it has compiled before.
    tar -xmf "$package" -C "$at/crates"
    for file in README.md LICENSE; do
        [ -s "$at/crates/$name/$file" ] || { echo "package: $name has no $file"; failed=1; }
    done
    for field in description license repository readme keywords categories rust-version; do
        grep -q "^$field = " "$at/crates/$name/Cargo.toml" || { echo "package: $name has no $field"; failed=1; }
    done
    # The registry shows the README by itself: there neither the repository is around it, nor does rustdoc look names up.
    if grep -nP '\]\((?!https://|#)' "$at/crates/$name/README.md" || bare_links "$at/crates/$name/README.md"; then
        echo "package: a link in the README of $name leads nowhere outside of the repository"
        failed=1
    fi
done
[ "$failed" = 0 ] || exit 1

# A workspace of them alone: what they say of each other is found here, everything else as in Cargo.lock. The profile is
# ours, so that dependencies are those that have been built already.
{
    printf '[workspace]\nresolver = "3"\nmembers = ["crates/*"]\n\n[patch.crates-io]\n'
    for folder in "$at"/crates/*/; do
        folder=$(basename "$folder")
        printf '%s = { path = "crates/%s" }\n' "${folder%-*}" "$folder"
    done
    sed -n '/^\[profile/,$p' Cargo.toml
} >"$at/Cargo.toml"
cp Cargo.lock "$at/"

in_there=(--manifest-path "$at/Cargo.toml" --workspace --all-features --target-dir target --quiet)
cargo check "${in_there[@]}" --all-targets
[ "${1:-}" != test ] || cargo test "${in_there[@]}"
echo "package: $(ls "$at/crates" | wc -l) packages are complete"
