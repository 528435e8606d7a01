"""The loss of GRPO and its gradients by PyTorch, transformers and PEFT, for the trainer's parity tests.

    oracle_grpo.py loss JOBS   JOBS is JSON: [{"model", "adapter", "rows", "trl", "out", "gradients"}]; writes the loss, the
                               divergence and the clipped tokens to `out` and the adapter's gradients to `gradients`

Each row has `tokens`, `targets`, `drawn`, `old` (empty: as now), `advantage` and `weight`. The formulas are those of the papers:
GRPO (arXiv 2402.03300, equations 3 and 4), with DAPO's two bounds (arXiv 2503.14476) and truncated importance sampling. The
reference is the model with its adapter disabled.
"""

import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM


def logprobs(model, row, temperature):
    ids = torch.tensor([row["tokens"]])
    logits = model(input_ids=ids).logits[0, :-1].float() / temperature
    all_of_them = torch.log_softmax(logits, -1).gather(1, ids[0, 1:, None])[:, 0]
    return all_of_them[torch.tensor(row["targets"][1:])]


def loss(job):
    trl = job["trl"]
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(job["model"]), job["adapter"], is_trainable=True)
    model.eval()  # without dropout
    total, divergence, clipped = 0.0, 0.0, 0
    for row in job["rows"]:
        now = logprobs(model, row, trl["temperature"])
        with torch.no_grad(), model.disable_adapter():
            reference = logprobs(model, row, trl["temperature"])
        old = torch.tensor(row["old"]) if row["old"] else now.detach()
        drawn = torch.tensor(row["drawn"])
        advantage = row["advantage"]
        ratio = torch.exp(now - old)
        bounded = torch.clamp(ratio, 1 - trl["epsilon"], 1 + trl["epsilon_high"])
        gain = torch.min(ratio * advantage, bounded * advantage)
        correction = torch.clamp(torch.exp(old - drawn), max=trl["importance_sampling_cap"])
        gap = reference - now
        kl = torch.exp(gap) - gap - 1
        part = ((-gain * correction + trl["beta"] * kl) * row["weight"]).sum()
        part.backward()
        total += part.item()
        divergence += kl.sum().item()
        clipped += int((bounded != ratio)[(ratio - 1) * advantage > 0].sum())
    gradients = {
        name.replace(".default", ""): parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
    Path(job["out"]).write_text(json.dumps({"loss": total, "kl": divergence, "clipped": clipped}))
    save_file(gradients, job["gradients"])


if __name__ == "__main__":
    torch.manual_seed(7)
    torch.set_num_threads(1)
    command, jobs = sys.argv[1:]
    assert command == "loss"
    for one in json.loads(Path(jobs).read_text()):
        loss(one)
