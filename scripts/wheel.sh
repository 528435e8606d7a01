#!/usr/bin/env bash
# Builds the wheel of the package `runtime_gym`, for Python 3.11 and later on Linux with glibc 2.28 or later, and prints its path in
# target/wheels. Its tools, maturin and the C compiler and libraries of zig, are installed once, into target/python.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=(abi3audit==0.0.26 maturin==1.16.0 ziglang==0.16.0)
bin=$(scripts/venv.sh target/python/wheel "the tools that build the Python package" "${tools[@]}")
env-server/sandbox/guest/build.sh >&2
rm -f target/wheels/runtime_gym-*.whl
PATH="$bin:$PATH" maturin build --release --zig --compatibility manylinux_2_28 --manifest-path python/Cargo.toml \
    --out target/wheels >&2
wheel=$(echo target/wheels/runtime_gym-*.whl)
"$bin/abi3audit" --strict "$wheel" >&2
echo "$PWD/$wheel"
