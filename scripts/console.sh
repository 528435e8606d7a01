#!/usr/bin/env bash
# The console's page: what it is built of, and whether it works, with the programs in target/release and in Chromium. What it needs is
# installed into console/node_modules, again when package-lock.json has changed.
#
#   scripts/console.sh            checks and tests; fails if console/dist is not what the sources give
#   scripts/console.sh build      builds console/dist; build `analysis` and `env-server` after it
#   scripts/console.sh pictures   the pictures of docs/console.md
#   scripts/console.sh benchmark  the page's size, and how long it takes to open large traces and many
set -euo pipefail
cd "$(dirname "$0")/.."

node=$(scripts/npm.sh console "the console")
export PATH="$node:$PATH"
cd console
case ${1:-test} in
build) npm run --silent build -- --logLevel warn ;;
pictures | benchmark) npm run --silent "$1" ;;
test)
    npm run --silent check
    npm test --silent
    built=$(mktemp -d)
    trap 'rm -rf "$built"' EXIT
    npm run --silent build -- --logLevel warn --outDir "$built" --emptyOutDir
    diff -r dist "$built" >/dev/null || { echo "console/dist is not what the sources give: scripts/console.sh build" >&2; exit 1; }
    npm run --silent browser
    ;;
*)
    echo "console.sh: build, pictures, benchmark, or nothing" >&2
    exit 2
    ;;
esac
