#!/usr/bin/env bash
# Prints a Python that has `pyeryx`, the sandbox that `make bench` compares with:
# made once, into target/bench/eryx. Prints nothing where no Python 3.12 or newer is found.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.11.0
venv=target/bench/eryx
if [ ! -f "$venv/.ready-$version" ]; then
    for python in python3.14 python3.13 python3.12 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python3; do
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null || continue
        "$python" -m venv "$venv" >&2
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "pyeryx==$version" >&2 || exit 0
        touch "$venv/.ready-$version"
        break
    done
fi
[ ! -f "$venv/.ready-$version" ] || echo "$PWD/$venv/bin/python"
