#!/usr/bin/env bash
# Prints the folder of the official Python SDK of the Model Context Protocol in both of its major versions: `1/bin/python` and
# `2/bin/python`. Installed once, into target/mcp_clients (140 MB).
set -euo pipefail
cd "$(dirname "$0")/.."

folder=target/mcp_clients
for version in 1.30.0 2.3.0; do
    scripts/venv.sh "$folder/${version%%.*}" "mcp $version" "mcp==$version" >/dev/null
done
echo "$PWD/$folder"
