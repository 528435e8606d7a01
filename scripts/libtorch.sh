#!/usr/bin/env bash
# Installs libtorch, which the trainer links, into .libtorch: three wheels from PyPI, of which the headers and the
# CPU libraries are kept (half a gigabyte). Does nothing if it is installed; safe to run twice, also at the same time. Needs python3 with pip, and Linux on x86-64.
set -euo pipefail
cd "$(dirname "$0")/.."

torch=2.11.0 # the one that tch 0.24 binds
cuda_runtime=13.0.96
cuda_cupti=13.0.85

ready=.libtorch/.ready-$torch-$cuda_runtime-$cuda_cupti
[ ! -f "$ready" ] || exit 0
if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "libtorch.sh: only Linux on x86-64 is supported, this is $(uname -sm)" >&2
    exit 1
fi

echo "== libtorch $torch from PyPI into .libtorch (once)" >&2
work=$(mktemp -d .libtorch.XXXXXX)
trap 'rm -rf "$work"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-cache-dir --no-deps --no-compile --only-binary=:all: \
    --target "$work/wheels" --python-version 3.12 --implementation cp --platform manylinux_2_28_x86_64 \
    --platform manylinux_2_25_x86_64 --platform manylinux2014_x86_64 \
    "torch==$torch" "nvidia-cuda-runtime==$cuda_runtime" "nvidia-cuda-cupti==$cuda_cupti"

# libtorch_cpu.so needs the two CUDA libraries even without a GPU. The folder layout is kept: its rpath is relative.
kept=(
    torch/include
    torch/lib/libtorch.so torch/lib/libtorch_cpu.so torch/lib/libc10.so torch/lib/libgomp.so.1
    nvidia/cu13/lib/libcudart.so.13 nvidia/cu13/lib/libcupti.so.13
)
for path in "${kept[@]}"; do
    mkdir -p "$work/kept/$(dirname "$path")"
    mv "$work/wheels/$path" "$work/kept/$path"
done
cp "$work"/wheels/torch-"$torch".dist-info/licenses/LICENSE "$work/kept/torch/LICENSE"
touch "$work/kept/$(basename "$ready")"

# Another version is removed; the same version, if it was installed meanwhile, is kept.
[ -f "$ready" ] || rm -rf .libtorch
if ! mv -T "$work/kept" .libtorch 2>/dev/null && [ ! -f "$ready" ]; then
    echo "libtorch.sh: cannot move $work/kept to .libtorch" >&2
    exit 1
fi
