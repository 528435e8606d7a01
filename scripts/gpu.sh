#!/usr/bin/env bash
# The trainer on this machine's GPU: parity with the Python originals, then speed and memory beside them. The program is
# the same as on a CPU; LD_LIBRARY_PATH names the GPU libraries of the parity Python's PyTorch.
# Needs an NVIDIA GPU whose driver supports CUDA 13.
set -euo pipefail
cd "$(dirname "$0")/.."

nvidia-smi -L || { echo "gpu.sh: no NVIDIA GPU here" >&2; exit 1; }
PARITY_PYTHON=$(scripts/parity_python.sh)
libraries=$("$PARITY_PYTHON" -c 'import pathlib, torch; print(pathlib.Path(torch.__file__).parent / "lib")')
export PARITY_PYTHON LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export PARITY_DEVICE=cuda BENCH_DEVICE=cuda

cargo test --release --workspace --test parity -- --nocapture
cargo bench --workspace --bench tokens
