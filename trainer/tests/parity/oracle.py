"""The answers of the Python originals, for the trainer's parity tests.

    oracle.py make FOLDER     writes models, adapters and quantised weights, and their logits and values
    oracle.py answer JOBS     JOBS is JSON: [{"model", "adapter", "tokens", "out"}]; loads each model, and the
                              adapter if there is one, and writes the logits of the tokens to `out`
"""

import json
import sys
from pathlib import Path

import bitsandbytes.functional as bnb
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM

VOCABULARY = 160
# Where a family has no size of heads of its own, it follows from the width.
FAMILIES = {"llama": {}, "qwen2": {}, "qwen3": {"head_dim": 32}}
# The tokens are 48, so these original contexts are exceeded. Some frequencies are kept, some divided, some mixed.
ROPES = {
    "llama_llama3": {
        "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32,
    },
    "llama_yarn": {
        "rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 32, "beta_fast": 4.0, "beta_slow": 0.5,
        "truncate": False, "attention_factor": 1.3,
    },
    "qwen2_yarn": {
        "rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 32, "mscale": 0.7, "mscale_all_dim": 1.2,
    },
    "qwen3_yarn": {"rope_type": "yarn", "factor": 16.0, "original_max_position_embeddings": 32},
}
BIASES = {"llama_biased": {"attention_bias": True, "mlp_bias": True}, "qwen3_biased": {"attention_bias": True}}
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def logits(model, tokens):
    with torch.no_grad():
        return model.eval()(input_ids=tokens).logits.contiguous()


def model(family, dtype=torch.float32, **options):
    """A small model with large random weights, including those of norms and biases."""
    options = {"tie_word_embeddings": True, "rope_parameters": {"rope_type": "default"}, **FAMILIES[family], **options}
    options["rope_parameters"] = {"rope_theta": 10000.0, **options["rope_parameters"]}
    config = AutoConfig.for_model(
        family, vocab_size=VOCABULARY, hidden_size=64, intermediate_size=192, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=512, initializer_range=0.15,
        bos_token_id=1, eos_token_id=2, **options,
    )
    made = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if "norm" in name:
                parameter.uniform_(0.5, 1.5)
            elif name.endswith(".bias"):
                parameter.normal_(0, 0.3)
    return made.to(dtype)


def make(folder):
    tokens = torch.randint(0, VOCABULARY, (3, 48))
    save_file({"tokens": tokens}, folder / "tokens.safetensors")

    def save_model(name, made, **options):
        made.save_pretrained(folder / name, **options)
        # Loaded again, because casting a model to bf16 also casts its rotary frequencies, and loading does not.
        loaded = AutoModelForCausalLM.from_pretrained(folder / name)
        save_file({"logits": logits(loaded, tokens)}, folder / f"{name}.safetensors")

    for family in FAMILIES:
        save_model(family, model(family))
        save_model(f"{family}_untied", model(family, tie_word_embeddings=False), max_shard_size="100KB")
        save_model(f"{family}_bf16", model(family, dtype=torch.bfloat16))
    for name, parameters in ROPES.items():
        save_model(name, model(name.split("_")[0], rope_parameters=parameters))
    for name, biases in BIASES.items():
        save_model(name, model(name.split("_")[0], **biases))

    # Both matrices of adapters are random, because PEFT's initial adapters change nothing.
    for family in FAMILIES:
        for name, targets, r, alpha in [("all", ALL, 8, 16), ("two", ["q_proj", "v_proj"], 4, 6)]:
            base = AutoModelForCausalLM.from_pretrained(folder / family)
            config = LoraConfig(
                r=r, lora_alpha=alpha, lora_dropout=0.1, target_modules=targets, init_lora_weights=False,
                task_type="CAUSAL_LM",
            )
            peft = get_peft_model(base, config)
            peft.save_pretrained(folder / f"{family}_{name}")
            save_file({"logits": logits(peft, tokens)}, folder / f"{family}_{name}.safetensors")
            merged = logits(peft.merge_and_unload(), tokens)
            save_file({"logits": merged}, folder / f"{family}_{name}_merged.safetensors")

    # Scales that fill whole blocks, part of one, one and a part; bf16; a block of zeros; an outlier.
    weights = {
        "even": torch.randn(128, 256) * 0.05,
        "part": torch.randn(96, 64) * 0.02,
        "more": torch.randn(192, 128) * 0.1,
        "half": (torch.randn(64, 320) * 0.05).to(torch.bfloat16),
        "zero": torch.randn(64, 64) * 0.05,
        "outlier": torch.randn(64, 128) * 0.05,
    }
    weights["zero"][3] = 0
    weights["outlier"][7, 7] = 30.0
    answers = {}
    for name, weight in weights.items():
        packed, state = bnb.quantize_4bit(weight, blocksize=64, compress_statistics=True, quant_type="nf4")
        answers[f"{name}.weight"] = weight
        answers[f"{name}.codes"] = packed.flatten()
        answers[f"{name}.absmax"] = state.absmax
        magnitudes = bnb.dequantize_blockwise(state.absmax, state.state2) + state.offset
        answers[f"{name}.magnitudes"] = magnitudes
        answers[f"{name}.dequantised"] = bnb.dequantize_4bit(packed, state)
    answers["levels"] = bnb.create_dynamic_map()
    save_file(answers, folder / "nf4.safetensors")


def answer(jobs):
    for job in jobs:
        loaded = AutoModelForCausalLM.from_pretrained(job["model"])
        if job["adapter"]:
            loaded = PeftModel.from_pretrained(loaded, job["adapter"])
        tokens = load_file(job["tokens"])["tokens"]
        save_file({"logits": logits(loaded, tokens)}, job["out"])


if __name__ == "__main__":
    torch.manual_seed(7)
    torch.set_num_threads(2)
    command, argument = sys.argv[1], Path(sys.argv[2])
    if command == "make":
        make(argument)
    else:
        answer(json.loads(argument.read_text()))
