#!/usr/bin/env bash
# Prints a Python that has what the trainer is compared with: PyTorch, transformers, PEFT, bitsandbytes. Made once,
# into target/parity/venv (PyPI's PyTorch comes with its GPU libraries: 5 GB). Needs python3, 3.10 or newer.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=trainer/tests/parity/requirements.txt
venv=target/parity/venv
ready=$venv/.ready-$(cksum < "$requirements" | cut -d' ' -f1)
if [ ! -f "$ready" ]; then
    echo "== The trainer's Python originals into $venv (once)" >&2
    python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$requirements" >&2
    touch "$ready"
fi
echo "$PWD/$venv/bin/python"
