#!/usr/bin/env bash
# Builds, checks and tests the TypeScript package, with the server in target/release and in Chromium. What it needs is installed into
# typescript/node_modules, again when package-lock.json has changed.
set -euo pipefail
cd "$(dirname "$0")/.."

node=$(scripts/npm.sh typescript "the TypeScript package")
export PATH="$node:$PATH"
cd typescript
npm run --silent build
npm run --silent check
npm test --silent
