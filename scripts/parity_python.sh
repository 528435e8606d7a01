#!/usr/bin/env bash
# Prints the path of a Python with the peers that the trainer is compared with: PyTorch, transformers, PEFT, bitsandbytes.
# Installed once, into target/parity/venv (5 GB, since PyPI's PyTorch includes its GPU libraries). Needs Python 3.10 or
# newer.
set -euo pipefail
cd "$(dirname "$0")/.."

bin=$(scripts/venv.sh target/parity/venv "the trainer's Python originals" -r trainer/tests/parity/requirements.txt)
echo "$bin/python"
