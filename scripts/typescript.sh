#!/usr/bin/env bash
# Builds, checks and tests the TypeScript package, with the server in target/release and in Chromium. What it needs is installed into
# typescript/node_modules, again when package-lock.json has changed.
set -euo pipefail
cd "$(dirname "$0")/.."

node=$(scripts/node.sh)
export PATH="$node:$PATH"
cd typescript
ready=node_modules/.ready-$(cksum <package-lock.json | cut -d' ' -f1)
if [ ! -f "$ready" ]; then
    echo "== what the TypeScript package needs into typescript/node_modules (once)" >&2
    # No package needs its scripts.
    npm ci --silent --ignore-scripts >&2
    touch "$ready"
fi
npm run --silent build
npm run --silent check
npm test --silent
