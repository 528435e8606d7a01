#!/usr/bin/env bash
# Builds the wheel of the package `runtime_gym`, for Python 3.11 and later on Linux with glibc 2.28 or later, and prints its path in
# target/wheels. Its tools, maturin and the C compiler and libraries of zig, are installed once, into target/python.
set -euo pipefail
cd "$(dirname "$0")/.."

tools=(abi3audit==0.0.26 maturin==1.16.0 ziglang==0.16.0)
folder=target/python/wheel
ready=$folder/.ready-$(echo "${tools[@]}" | cksum | cut -d' ' -f1)
if [ ! -f "$ready" ]; then
    echo "== the tools that build the Python package into $folder (once)" >&2
    python3 -m venv --clear "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "${tools[@]}" >&2
    touch "$ready"
fi
env-server/sandbox/guest/build.sh >&2
rm -f target/wheels/runtime_gym-*.whl
PATH="$PWD/$folder/bin:$PATH" maturin build --release --zig --compatibility manylinux_2_28 --manifest-path python/Cargo.toml \
    --out target/wheels >&2
wheel=$(echo target/wheels/runtime_gym-*.whl)
"$folder/bin/abi3audit" --strict "$wheel" >&2
echo "$PWD/$wheel"
