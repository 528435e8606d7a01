#!/usr/bin/env bash
# Builds the guest: CPython with everything it needs already imported, as one WebAssembly component,
# target/guest/<hash of the inputs>/python.wasm. Does nothing where that file is there; safe to run twice, and
# at the same time. Needs python3 (3.10 or newer) with venv, rustc, and a Python package index.
set -euo pipefail

componentize_py=0.25.1
tzdata=2025.3

guest=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$guest/../../../target/guest
mkdir -p "$out"
out=$(cd "$out" && pwd)

# The crate's build.rs computes the same: keep the two alike.
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
    # The database of time zones, a package of Python.
    zones=$venv/tzdata-$tzdata
    if [ ! -d "$zones" ]; then
        "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile \
            --target "$zones" "tzdata==$tzdata"
    fi

    work=$(mktemp -d "$out/build.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    # A copy: the importer may leave its caches beside the sources.
    cp -R "$guest/python" "$work/python"
    rm -rf "$work/python/gym_guest/__pycache__"
    cp -R "$zones/tzdata" "$work/python/tzdata"
    preload=()
    if [ "$(uname -s)" = Linux ]; then
        rustc --edition 2024 --crate-type cdylib -C panic=abort -O -o "$work/reproducible.so" "$guest/reproducible.rs"
        preload=("LD_PRELOAD=$work/reproducible.so")
    fi
    # Its temporary files too: with fixed randomness, two builds at once would choose the same names.
    env TMPDIR="$work" ${preload[@]+"${preload[@]}"} "$tool" --quiet --wit-path "$guest/wit" --world python \
        componentize --python-path "$work/python" gym_guest --output "$work/python.wasm" >/dev/null
    mkdir -p "$out/$hash"
    mv "$work/python.wasm" "$component"
fi

# A stable name for people and tools.
ln -sfn "$hash/python.wasm" "$out/python.wasm.$$"
mv -f "$out/python.wasm.$$" "$out/python.wasm"
echo "$component"
