#!/usr/bin/env bash
# Puts together all that a relay needs to run: `packaging/root.sh BINARY FOLDER`. It is the whole of the image (Dockerfile), and
# what tests/packaging runs.
set -euo pipefail
binary=$1 root=$2

install -D -m 755 "$binary" "$root/fanfare"
# The libraries that it is linked to, and whoever loads them, where it looks for them. A static binary has none.
{ ldd "$binary" || true; } | { grep -o '/[^ ]*' || true; } | while read -r library; do
  install -D -m 755 "$library" "$root/$library"
done
# Whom it believes that others are who they say, when it fetches keys by HTTPS.
install -D -m 644 /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
printf 'fanfare:x:65532:65532::/:/nonexistent\n' >"$root/etc/passwd"
printf 'fanfare:x:65532:\n' >"$root/etc/group"
