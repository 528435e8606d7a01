#!/usr/bin/env bash
# Prints the path of a Python with peers of `make bench`: `pyeryx` and a Jupyter kernel for the sandbox, `openai` for the agent.
# Installed once, into target/bench/venv. Prints nothing if no Python 3.12 or newer is found.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(pyeryx==0.11.0 jupyter_client==8.10.0 ipykernel==7.4.0 openai==3.57.0)
venv=target/bench/venv
ready=$venv/.ready-$(cksum <<< "${packages[*]}" | cut -d' ' -f1)
if [ ! -f "$ready" ]; then
    for python in python3.14 python3.13 python3.12 python3 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[2-9]*/bin/python3; do
        "$python" -c 'import sys; sys.exit(sys.version_info < (3, 12))' 2>/dev/null || continue
        "$python" -m venv --clear "$venv" >&2
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "${packages[@]}" >&2 || exit 0
        touch "$ready"
        break
    done
fi
[ ! -f "$ready" ] || echo "$PWD/$venv/bin/python"
