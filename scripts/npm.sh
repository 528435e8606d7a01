#!/usr/bin/env bash
# npm.sh FOLDER WHAT: prints the folder of `node` and `npm`, after installing what FOLDER/package-lock.json names into
# FOLDER/node_modules, again when that file has changed. WHAT names in a message what needs it.
set -euo pipefail
cd "$(dirname "$0")/.."

node=$(scripts/node.sh)
cd "$1"
ready=node_modules/.ready-$(cksum <package-lock.json | cut -d' ' -f1)
if [ ! -f "$ready" ]; then
    echo "== what $2 needs into $1/node_modules (once)" >&2
    # No package needs its scripts.
    PATH="$node:$PATH" npm ci --silent --ignore-scripts >&2
    touch "$ready"
fi
echo "$node"
