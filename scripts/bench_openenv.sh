#!/usr/bin/env bash
# Prints the path of a Python that has OpenEnv, the peer of `make load`. Installed once, into target/bench/openenv. Prints
# nothing if no Python 3.10 or newer is found.
set -euo pipefail
cd "$(dirname "$0")/.."

package=openenv==0.10.0
venv=target/bench/openenv
ready=$venv/.ready-$package
if [ ! -f "$ready" ]; then
    for python in python3.14 python3.13 python3.12 python3.11 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[0-9]*/bin/python3; do
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || continue
        "$python" -m venv --clear "$venv" >&2
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$package" >&2 || exit 0
        touch "$ready"
        break
    done
fi
[ ! -f "$ready" ] || echo "$PWD/$venv/bin/python"
