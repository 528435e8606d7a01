#!/usr/bin/env bash
# Prints the path of a Chromium, for the tests that open the report's page. If there is none, Debian's is installed,
# which needs apt-get and root (or sudo without a password).
set -euo pipefail

find_it() {
    local name
    for name in ${CHROMIUM:+"$CHROMIUM"} chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$name" && return
    done
    return 1
}

find_it && exit 0
as_root=()
[ "$(id -u)" = 0 ] || as_root=(sudo -n)
if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
    echo "== Chromium from Debian's packages (once)" >&2
    "${as_root[@]}" apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends chromium >&2
    find_it && exit 0
fi
echo "chromium.sh: no Chromium here, and no rights to install it: install it, or set CHROMIUM to its path" >&2
exit 1
