"""Generation by transformers and PEFT, for the trainer's parity tests.

    oracle_generation.py generate JOBS   JOBS is JSON: {"runs": [{"model", "adapter", "prompts", "count"}], "out"}; writes
                                         to `out` for each run, for each prompt, the `count` tokens of greedy generation
    oracle_generation.py filter JOBS     JOBS is JSON: {"logits", "samplings": [{"temperature", "top_k", "top_p"}],
                                         "out"}; writes the probabilities that the logits processors leave
"""

import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForCausalLM,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)


def generate(jobs):
    answers = []
    for run in jobs["runs"]:
        model = AutoModelForCausalLM.from_pretrained(run["model"])
        if run["adapter"]:
            model = PeftModel.from_pretrained(model, run["adapter"])
        model.eval()
        # End tokens do not end the answer.
        model.generation_config.eos_token_id = None
        answers.append([])
        for prompt in run["prompts"]:
            tokens = torch.tensor([prompt])
            out = model.generate(
                input_ids=tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=run["count"],
                do_sample=False, pad_token_id=0,
            )
            answers[-1].append(out[0, len(prompt):].tolist())
    Path(jobs["out"]).write_text(json.dumps(answers))


def filter(jobs):
    logits = load_file(jobs["logits"])["logits"]
    out = {}
    for number, sampling in enumerate(jobs["samplings"]):
        warpers = [TemperatureLogitsWarper(float(sampling["temperature"]))]
        if sampling["top_k"]:
            warpers.append(TopKLogitsWarper(sampling["top_k"]))
        if sampling["top_p"] < 1:
            warpers.append(TopPLogitsWarper(sampling["top_p"]))
        scores = logits
        for warper in warpers:
            scores = warper(None, scores)
        out[str(number)] = scores.softmax(-1)
    save_file(out, jobs["out"])


if __name__ == "__main__":
    torch.set_num_threads(2)
    command, jobs = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    {"generate": generate, "filter": filter}[command](jobs)
