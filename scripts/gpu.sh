#!/usr/bin/env bash
# The trainer on this machine's GPU: parity with the Python originals, then speed and memory beside them, on a small model
# and in Qwen3-8B's shapes. The program is the same as on a CPU; LD_LIBRARY_PATH names the GPU libraries of the parity
# Python's PyTorch, beside which the trainer finds bitsandbytes' kernels, too.
# Needs an NVIDIA GPU whose driver supports CUDA 13; for Qwen3-8B's shapes 80 GB on it, 40 GB of main memory, and 25 GB of
# disk, of which 16 stay in target for the next time.
set -euo pipefail
cd "$(dirname "$0")/.."

nvidia-smi -L || { echo "gpu.sh: no NVIDIA GPU here" >&2; exit 1; }
PARITY_PYTHON=$(scripts/parity_python.sh)
libraries=$("$PARITY_PYTHON" -c 'import pathlib, torch; print(pathlib.Path(torch.__file__).parent / "lib")')
export PARITY_PYTHON LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export PARITY_DEVICE=cuda BENCH_DEVICE=cuda

# What differs is told at the end: the benchmarks run anyway.
agrees=0
cargo test --release --workspace --test parity -- --nocapture || agrees=$?
cargo bench --workspace --bench tokens --bench qlora
exit "$agrees"
