#!/usr/bin/env bash
# Prints the folder of Prometheus's programs (`prometheus`, `promtool`), for the tests of what a server counts. If they are
# not on the PATH, Debian's are unpacked into target/prometheus, which needs apt-get. Nothing is installed, and no service
# starts.
set -euo pipefail
cd "$(dirname "$0")/.."

if found=$(command -v prometheus) && [ -x "$(dirname "$found")/promtool" ]; then
    dirname "$found"
    exit
fi
folder=$PWD/target/prometheus
if [ ! -x "$folder/usr/bin/promtool" ]; then
    if ! command -v apt-get >/dev/null; then
        echo "prometheus.sh: no Prometheus on the PATH, and no apt-get: install it" >&2
        exit 1
    fi
    echo "== Prometheus from Debian's packages into target/prometheus (once)" >&2
    rm -rf "$folder"
    mkdir -p "$folder"
    if ! (cd "$folder" && apt-get download -qq prometheus) >&2; then
        # The list of packages may be old, or not there.
        as_root=()
        [ "$(id -u)" = 0 ] || as_root=(sudo -n)
        "${as_root[@]}" apt-get update -qq >&2
        (cd "$folder" && apt-get download -qq prometheus) >&2
    fi
    dpkg -x "$folder"/prometheus_*.deb "$folder" >&2
    rm "$folder"/prometheus_*.deb
fi
echo "$folder/usr/bin"
