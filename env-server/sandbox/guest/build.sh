#!/usr/bin/env bash
# Builds the guest: CPython with its libraries already imported, as one WebAssembly component,
# target/guest/<hash of the inputs>/python.wasm. Does nothing if that file exists. Several builds may run at the
# same time. Needs python3 (3.10 or newer) with venv, rustc, and a Python package index.
set -euo pipefail

componentize_py=0.25.1

guest=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$guest/../../../target/guest
mkdir -p "$out"
out=$(cd "$out" && pwd)

# The crate's build.rs computes the same hash: keep the two in step.
inputs=("$guest/build.sh" "$guest/reproducible.rs" "$guest/wit/python.wit")
while IFS= read -r file; do inputs+=("$file"); done < <(LC_ALL=C ls "$guest"/python/gym_guest/*.py)
hash=$(cat "${inputs[@]}" | { sha256sum 2>/dev/null || shasum -a 256; } | cut -c1-16)
component=$out/$hash/python.wasm

if [ ! -f "$component" ]; then
    venv=$out/venv
    tool=$venv/bin/componentize-py
    if [ "$("$tool" --version 2>/dev/null)" != "componentize-py $componentize_py" ]; then
        if ! python3 -m venv "$venv"; then
            echo "python3 has no venv: installing Debian's python3-venv" >&2
            as_root=(); [ "$(id -u)" -eq 0 ] || as_root=(sudo)
            "${as_root[@]}" apt-get update -qq >&2
            "${as_root[@]}" apt-get install -qq -y python3-venv >&2
            python3 -m venv --clear "$venv"
        fi
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "componentize-py==$componentize_py"
    fi

    work=$(mktemp -d "$out/build.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    # A copy, because Python may write its caches next to the sources.
    cp -R "$guest/python" "$work/python"
    rm -rf "$work/python/gym_guest/__pycache__"
    preload=()
    if [ "$(uname -s)" = Linux ]; then
        rustc --edition 2024 --crate-type cdylib -C panic=abort -O -o "$work/reproducible.so" "$guest/reproducible.rs"
        preload=("LD_PRELOAD=$work/reproducible.so")
    fi
    # TMPDIR: with fixed randomness, two builds at the same time would choose the same names for temporary files.
    env TMPDIR="$work" ${preload[@]+"${preload[@]}"} "$tool" --quiet --wit-path "$guest/wit" --world python \
        componentize --python-path "$work/python" gym_guest --output "$work/python.wasm" >/dev/null
    mkdir -p "$out/$hash"
    mv "$work/python.wasm" "$component"
fi

# A link with a stable name.
ln -sfn "$hash/python.wasm" "$out/python.wasm.$$"
mv -f "$out/python.wasm.$$" "$out/python.wasm"
echo "$component"
