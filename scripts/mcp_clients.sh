#!/usr/bin/env bash
# Prints the folder of the official Python SDK of the Model Context Protocol in both of its major versions: `1/bin/python` and
# `2/bin/python`. Installed once, into target/mcp_clients (140 MB).
set -euo pipefail
cd "$(dirname "$0")/.."

folder=target/mcp_clients
for version in 1.30.0 2.3.0; do
    venv=$folder/${version%%.*}
    [ ! -f "$venv/.ready-$version" ] || continue
    echo "== mcp $version into $venv (once)" >&2
    python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "mcp==$version" >&2
    touch "$venv/.ready-$version"
done
echo "$PWD/$folder"
