#!/usr/bin/env bash
# Checks the protocols: their format, buf's lint, and that a client of the last release still works with them, in binary, in JSON and
# with the code generated from them. Quiet if all is well. The last release is proto/baseline/VERSION.binpb; `scripts/proto.sh release`
# writes it anew, as a part of making a release. buf is installed once, into target/proto.
set -euo pipefail
cd "$(dirname "$0")/.."

buf=$(scripts/venv.sh target/proto buf buf-bin==1.75.0)/buf

if [ "${1-}" = release ]; then
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml)
    rm -f proto/baseline/*.binpb
    mkdir -p proto/baseline
    "$buf" build proto --exclude-source-info --output "proto/baseline/$version.binpb"
    exit
fi

baseline=$(echo proto/baseline/*.binpb)
failed=
"$buf" format --diff --exit-code proto >&2 || failed=yes
"$buf" lint proto >&2 || failed=yes
if ! "$buf" breaking proto --against "$baseline" >&2; then
    echo "proto.sh: clients of the last release ($baseline) break" >&2
    failed=yes
fi
[ -z "$failed" ]
