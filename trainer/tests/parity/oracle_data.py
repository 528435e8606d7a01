"""Rendering and tokenisation by transformers, for the trainer's parity tests.

    oracle_data.py answer JOBS    JOBS is JSON: [{"folder", "template", "conversations", "thinking", "texts", "out"}];
                                  writes the results of the folder's tokenizer to `out`, as JSON

`template` replaces the folder's own unless it is null; it may mark answers with {% generation %}. `thinking` is a list
of values of `enable_thinking`; null: undefined.
"""

import json
import sys
from pathlib import Path

from transformers import AutoTokenizer


def answer(job):
    tokenizer = AutoTokenizer.from_pretrained(job["folder"])
    template = job["template"] or tokenizer.get_chat_template()

    def render(messages, thinking, **options):
        if thinking is not None:
            options["enable_thinking"] = thinking
        return tokenizer.apply_chat_template(messages, chat_template=template, **options)

    rendered, targets = [], []
    for messages in job["conversations"]:
        for thinking in job["thinking"]:
            for prompt in [False, True]:
                rendered.append(render(messages, thinking, tokenize=False, add_generation_prompt=prompt))
            if "endgeneration" in template:
                made = render(messages, thinking, return_dict=True, return_assistant_tokens_mask=True)
                targets.append({"tokens": made["input_ids"], "targets": made["assistant_masks"]})
    ids = [tokenizer.encode(text, add_special_tokens=False) for text in job["texts"]]
    decoded = [tokenizer.decode(row) for row in ids]
    return {"rendered": rendered, "targets": targets, "ids": ids, "decoded": decoded,
            "end": tokenizer.eos_token_id, "pad": tokenizer.pad_token_id}


if __name__ == "__main__":
    assert sys.argv[1] == "answer"
    for job in json.loads(Path(sys.argv[2]).read_text()):
        Path(job["out"]).write_text(json.dumps(answer(job)))
