"""Training by PEFT and transformers, for the trainer's parity tests.

    oracle_training.py train JOBS   JOBS is JSON: [{"model", "adapter", "four_bit", "bf16", "passes", "config", "out",
                                    "saved", "stable_decays"}];
                                    writes the loss of every step and the learning rates of all schedules to `out`, and
                                    the trained adapter, if there is one, to `saved`

`passes` are the samples of each pass of each step, [tokens, targets] each. Every sample is run by itself, so that the
comparison covers packing.
"""

import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, get_scheduler
from transformers.trainer_pt_utils import get_parameter_names

FORBIDDEN = [r"bias", r"layernorm", r"rmsnorm", r"(?:^|\.)norm(?:$|\.)", r"_norm(?:$|\.)"]  # as in Trainer


def load(job):
    half = torch.bfloat16 if job["bf16"] else torch.float32
    if job["four_bit"]:
        four_bit = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=half,
        )
        model = AutoModelForCausalLM.from_pretrained(
            job["model"], quantization_config=four_bit, device_map="cpu", dtype=half
        )
        assert "4bit" in str(type(model.model.layers[0].mlp.up_proj)).lower()
    else:
        # A model that is trained itself is held in f32 and computes with a rounded copy.
        held = half if job["adapter"] else torch.float32
        model = AutoModelForCausalLM.from_pretrained(job["model"], dtype=held)
    if job["adapter"]:
        model = PeftModel.from_pretrained(model, job["adapter"], is_trainable=True)
    return model.train()


def logits(model, ids, job):
    """The logits of one sequence, f32."""
    if job["bf16"] and not job["adapter"]:
        rounded = {name: parameter.to(torch.bfloat16) for name, parameter in model.named_parameters()}
        return functional_call(model, rounded, kwargs={"input_ids": ids}).logits[0].float()
    # As in Trainer: PEFT holds adapters in f32, and autocast multiplies by rounded copies of them.
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=job["bf16"]):
        return model(input_ids=ids).logits[0].float()


def learning_rates(config, name, kwargs=None):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=config["learning_rate"])
    schedule = get_scheduler(name, optimizer, config["warmup_steps"], config["steps"], kwargs)
    rates = []
    for _ in range(config["steps"]):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    return rates


def adamw(model, trained, config):
    decaying = set(get_parameter_names(model, [torch.nn.LayerNorm], FORBIDDEN))
    return torch.optim.AdamW(
        [
            {"params": [p for n, p in trained if n in decaying], "weight_decay": config["weight_decay"]},
            {"params": [p for n, p in trained if n not in decaying], "weight_decay": 0.0},
        ],
        lr=config["learning_rate"],
    )


def muon(trained, config):
    matrices = [p for n, p in trained if "_proj.weight" in n]
    rest = [p for n, p in trained if "_proj.weight" not in n]
    assert matrices and rest and all(p.ndim == 2 for p in matrices)
    rate, decay = config["learning_rate"], config["weight_decay"]
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=decay, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(rest, lr=rate, weight_decay=0.0),
    ]


def losses(job):
    config = job["config"]
    model = load(job)
    trained = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    optimizers = muon(trained, config) if config["optimizer"] == "muon" else [adamw(model, trained, config)]
    schedules = [get_scheduler("cosine", one, config["warmup_steps"], config["steps"]) for one in optimizers]
    losses = []
    for passes in job["passes"]:
        count = sum(sum(targets[1:]) for samples in passes for _, targets in samples)
        total = 0.0
        for samples in passes:
            for tokens, targets in samples:
                ids = torch.tensor([tokens])
                learnt = torch.tensor(targets[1:])
                predicted = logits(model, ids, job)[:-1][learnt]
                loss = cross_entropy(predicted, ids[0, 1:][learnt], reduction="sum") / count
                loss.backward()
                total += loss.item()
        assert all(parameter.grad is not None for _, parameter in trained)
        torch.nn.utils.clip_grad_norm_([parameter for _, parameter in trained], config["max_grad_norm"])
        for optimizer, schedule in zip(optimizers, schedules):
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
        losses.append(total)
    if job["saved"]:
        model.save_pretrained(job["saved"])
    return losses


if __name__ == "__main__":
    torch.manual_seed(7)
    torch.set_num_threads(1)  # several threads are slower on models of this size
    command, jobs = sys.argv[1:]
    assert command == "train"
    for job in json.loads(Path(jobs).read_text()):
        rates = {name: learning_rates(job["config"], name) for name in ["cosine", "linear", "constant_with_warmup"]}
        rates["warmup_stable_decay"] = [
            learning_rates(job["config"], "warmup_stable_decay", kwargs) for kwargs in job["stable_decays"]
        ]
        Path(job["out"]).write_text(json.dumps({"losses": losses(job), "learning_rates": rates}))
