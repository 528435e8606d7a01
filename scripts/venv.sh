#!/usr/bin/env bash
# Prints the folder of the programs of a Python environment with packages from PyPI, which is made once, and anew when the packages
# change: venv.sh FOLDER WHAT PACKAGE..., or `-r FILE` for PACKAGE. WHAT is what people are told that it is. PYTHON makes it; python3
# unless set.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$1 what=$2
shift 2
ready=$venv/.ready-$({ echo "$*" && { [ "$1" != -r ] || cat "$2"; }; } | cksum | cut -d' ' -f1)
if [ ! -f "$ready" ]; then
    echo "== $what into $venv (once)" >&2
    "${PYTHON:-python3}" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir "$@" >&2
    touch "$ready"
fi
echo "$PWD/$venv/bin"
