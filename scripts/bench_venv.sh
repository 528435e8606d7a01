#!/usr/bin/env bash
# Prints the path of a Python with packages from PyPI, for peers of benchmarks: bench_venv.sh NAME MINOR PACKAGE...
# Installed once, into target/bench/NAME. Prints nothing if no Python 3.MINOR or newer is found, or pip fails.
set -euo pipefail
cd "$(dirname "$0")/.."

name=$1 minor=$2
shift 2
for python in python3.14 python3.13 python3.12 python3.11 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[0-9]*/bin/python3; do
    "$python" -c "import sys; sys.exit(sys.version_info < (3, $minor))" 2>/dev/null || continue
    bin=$(PYTHON=$python scripts/venv.sh "target/bench/$name" "peers of a benchmark" "$@") || exit 0
    echo "$bin/python"
    break
done
