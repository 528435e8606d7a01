#!/usr/bin/env bash
# Prints the path of a Python with packages from PyPI, for peers of benchmarks: bench_venv.sh NAME MINOR PACKAGE...
# Installed once, into target/bench/NAME. Prints nothing if no Python 3.MINOR or newer is found, or pip fails.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=target/bench/$1 minor=$2
shift 2
ready=$venv/.ready-$(cksum <<< "$*" | cut -d' ' -f1)
if [ ! -f "$ready" ]; then
    for python in python3.14 python3.13 python3.12 python3.11 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[0-9]*/bin/python3; do
        "$python" -c "import sys; sys.exit(sys.version_info < (3, $minor))" 2>/dev/null || continue
        "$python" -m venv --clear "$venv" >&2
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >&2 || exit 0
        touch "$ready"
        break
    done
fi
[ ! -f "$ready" ] || echo "$PWD/$venv/bin/python"
