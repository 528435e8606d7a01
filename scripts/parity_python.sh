#!/usr/bin/env bash
# Prints the path of a Python with the peers that the trainer is compared with: PyTorch, transformers, PEFT, bitsandbytes.
# Installed once, into target/parity/venv (5 GB, since PyPI's PyTorch includes its GPU libraries). Needs Python 3.10 or
# newer.
set -euo pipefail
cd "$(dirname "$0")/.."

requirements=trainer/tests/parity/requirements.txt
venv=target/parity/venv
ready=$venv/.ready-$(cksum < "$requirements" | cut -d' ' -f1)
if [ ! -f "$ready" ]; then
    echo "== The trainer's Python originals into $venv (once)" >&2
    python3 -m venv --clear "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-cache-dir -r "$requirements" >&2
    touch "$ready"
fi
echo "$PWD/$venv/bin/python"
