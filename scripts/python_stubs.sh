#!/usr/bin/env bash
# Writes python/runtime_gym/_native.pyi, the types of the package's module, from the module that cargo has built last. With `--check`
# it only compares. pyo3-introspection is installed once, into target/tools.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.30.1
tool=target/tools/pyo3-introspection-$version
if [ ! -x "$tool/bin/pyo3-introspection" ]; then
    echo "== pyo3-introspection $version into $tool (once)" >&2
    cargo install --quiet --locked --root "$tool" --version "$version" pyo3-introspection >&2
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$tool/bin/pyo3-introspection" target/release/lib_native.so _native "$folder"
stub=python/runtime_gym/_native.pyi
if [ "${1:-}" = --check ]; then
    diff -u "$stub" "$folder/__init__.pyi" || { echo "run scripts/python_stubs.sh" >&2; exit 1; }
else
    cp "$folder/__init__.pyi" "$stub"
fi
