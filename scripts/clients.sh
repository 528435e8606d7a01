#!/usr/bin/env bash
# Prints the folder of gRPC clients that are not ours: Python's grpcio with the generated messages (`venv/bin/python`), Node with
# @grpc/grpc-js (`venv/bin/node`), and Go's generated messages (`go run`, with the variable GOENV naming `go/env`). Installed once,
# into target/clients. If there is no curl, or no Go with gRPC, Debian's is installed, which needs apt-get and root (or sudo without
# a password).
set -euo pipefail
cd "$(dirname "$0")/.."

python=(grpcio==1.85.3 grpcio-tools==1.85.1 grpcio-reflection==1.85.1)
node=(@grpc/grpc-js@1.14.7 @grpc/proto-loader@0.8.1)
go=(golang-go golang-google-grpc-dev golang-github-golang-protobuf-1-5-dev protoc-gen-go protoc-gen-go-grpc)
go_sources=/usr/share/gocode # where Debian's packages have them
proto=runtime_gym/env/v1/env.proto
folder=$PWD/target/clients

missing=()
command -v curl >/dev/null || missing+=(curl ca-certificates)
dpkg -s "${go[@]}" >/dev/null 2>&1 || missing+=("${go[@]}")
if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo -n)
    echo "== ${missing[*]} from Debian's packages (once)" >&2
    "${as_root[@]}" apt-get update -qq >&2
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi

ready=$folder/.ready-$(cat "proto/$proto" scripts/clients.sh | cksum | cut -d' ' -f1)
if [ ! -f "$ready" ]; then
    echo "== gRPC clients for Python, Node and Go into target/clients (once)" >&2
    python3 -m venv --clear "$folder/venv"
    "$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "${python[@]}" >&2
    packages=$("$folder/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    mkdir -p "$folder/go/src"
    "$folder/venv/bin/python" -m grpc_tools.protoc -I proto --python_out="$packages" --grpc_python_out="$packages" \
        --go_out="$folder/go/src" --go_opt="M$proto=${proto%/*}" \
        --go-grpc_out="$folder/go/src" --go-grpc_opt="M$proto=${proto%/*}" "$proto"

    node_folder=$(scripts/node.sh)
    ln -sf "$node_folder/node" "$folder/venv/bin/node"
    PATH="$node_folder:$PATH" npm install --silent --no-audit --no-fund --prefix "$folder" "${node[@]}" >&2

    export GOENV=$folder/go/env
    go env -w GO111MODULE=off GOPATH="$folder/go:$go_sources" GOCACHE="$folder/go/cache"
    go build "${proto%/*}"
    touch "$ready"
fi
echo "$folder"
