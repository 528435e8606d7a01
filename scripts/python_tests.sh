#!/usr/bin/env bash
# Checks and tests the package `runtime_gym` from its sources, with the module that cargo has built last: formatting, lints, types, the
# stub of the module, and the tests that need no other library.
set -euo pipefail
cd "$(dirname "$0")/.."
python=$(scripts/python.sh)
scripts/python_stubs.sh --check
cd python
"$python" -m ruff format --quiet --check .
"$python" -m ruff check --quiet .
"$python" -m ruff format --quiet --check --config pyproject.toml ../docs/site ../scripts/python_types.py
"$python" -m ruff check --quiet --config pyproject.toml ../docs/site ../scripts/python_types.py
"$python" -m pyright --pythonpath "$python"
"$python" ../scripts/python_types.py
"$python" -m mypy.stubtest runtime_gym._native
"$python" -m pytest -q
