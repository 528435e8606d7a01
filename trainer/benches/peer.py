"""The trainer's benchmark with PyTorch, transformers, PEFT and bitsandbytes instead.

    peer.py train MODEL SAMPLES --method full|lora|qlora --rows R --length T --steps N [--rank R] [--checkpointing] [--bf16]
    peer.py generate MODEL --adapter DIR --streams S --prompt-tokens P --new-tokens N

Prints one line of JSON: tokens per second, of the median step or round. The first step or round is not counted. With
`--bf16` training is under autocast, as in Trainer.
"""

import argparse
import json
import statistics
import time

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def seconds(work, device):
    if device == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def train(arguments, device, dtype):
    four_bit = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
    )
    quantization = {"quantization_config": four_bit} if arguments.method == "qlora" else {}
    model = AutoModelForCausalLM.from_pretrained(
        arguments.model, dtype=dtype, device_map={"": device}, **quantization
    )
    model.config.use_cache = False
    if arguments.method != "full":
        rank = arguments.rank
        config = LoraConfig(
            r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules=LINEAR, task_type="CAUSAL_LM"
        )
        model = get_peft_model(model, config)
    if arguments.checkpointing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.train()
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4)
    samples = load_file(arguments.samples)
    tokens = samples["tokens"].reshape(-1, arguments.length)
    labels = tokens.where(samples["targets"].reshape(tokens.shape) == 1, -100)
    starts = range(0, len(tokens), arguments.rows)
    batches = [(tokens[start : start + arguments.rows], labels[start : start + arguments.rows]) for start in starts]

    def step(number):
        batch, wanted = (part.to(device) for part in batches[number % len(batches)])
        with torch.autocast(device, dtype=torch.bfloat16, enabled=arguments.bf16):
            loss = model(input_ids=batch, labels=wanted).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    step(0)
    assert all(parameter.grad is None for parameter in parameters)
    times = [seconds(lambda: step(number), device) for number in range(1, arguments.steps + 1)]
    return arguments.rows * arguments.length / statistics.median(times)


def generate(arguments, device, dtype):
    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=dtype).to(device)
    model = PeftModel.from_pretrained(model, arguments.adapter).eval()
    torch.manual_seed(1)
    prompts = torch.randint(10, model.config.vocab_size - 10, (arguments.streams, arguments.prompt_tokens)).to(device)

    def answer():
        count = arguments.new_tokens
        made = model.generate(
            input_ids=prompts, attention_mask=torch.ones_like(prompts), do_sample=False, min_new_tokens=count,
            max_new_tokens=count,
        )
        assert made.shape[1] == arguments.prompt_tokens + count

    with torch.inference_mode():
        answer()
        times = [seconds(answer, device) for _ in range(arguments.rounds)]
    return arguments.streams * arguments.new_tokens / statistics.median(times)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=["train", "generate"])
    parser.add_argument("model")
    parser.add_argument("samples", nargs="?")
    parser.add_argument("--adapter")
    parser.add_argument("--method")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--checkpointing", action="store_true")
    parser.add_argument("--rank", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    for name in ["rows", "length", "steps", "streams", "prompt-tokens", "new-tokens", "rounds"]:
        parser.add_argument(f"--{name}", type=int)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    work = train if arguments.work == "train" else generate
    dtype = torch.bfloat16 if arguments.bf16 else torch.float32
    print(json.dumps({"tokens_per_s": work(arguments, arguments.device, dtype)}))


if __name__ == "__main__":
    main()
