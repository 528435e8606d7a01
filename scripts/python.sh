#!/usr/bin/env bash
# Prints a Python that has the package `runtime_gym` from its sources, and the tools that check it. The tools are installed once,
# into target/python. The package's module is the one that cargo has built last: `cargo build --release --workspace --lib`.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=(hypothesis==6.170.17 markdown-it-py==4.3.0 mypy==2.4.1 "pyright[nodejs]==1.1.414" pytest==9.2.0 pytest-asyncio==1.5.0 ruff==0.17.6)
bin=$(scripts/venv.sh target/python/venv "the tools of the Python package" "${tools[@]}")
packages=$("$bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "$PWD/python" >"$packages/runtime_gym.pth"
ln -sf "$PWD/target/release/lib_native.so" python/runtime_gym/_native.abi3.so
echo "$bin/python"
