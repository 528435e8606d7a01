"""One episode in tokens, which every trainer that counts tokens must see alike: `golden.json` holds what a model answers, and for both
interpreter states the ids and the mask of the episode.

When the words for agents change, this command makes it again, in an environment with transformers:

    python python/tests_adapters/golden.py
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import runtime_gym as rg

FILE = Path(__file__).with_suffix(".json")
START, END, PAD = "<|im_start|>", "<|im_end|>", "<|endoftext|>"
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ANSWERS = [
    "I look at one input first.\n```python\nb = test_input(0)\nprint('→ naïve', b)\n```",
    "Now I think about it.",
    "```python\nprint(b)\n```",
    "```python\nb = test_input(0)\na = test_input(1) - b\nprint(submit(json.dumps({'a': a, 'b': b})))\nfinish()\n```",
]
"""The third one fails where the interpreter is reset."""


def recorded() -> dict[str, Any]:
    """What the file holds."""
    return json.loads(FILE.read_text(encoding="utf-8"))


def tasks(folder: Path) -> Path:
    """The task, in a folder."""
    config = {"out_dir": "unused", "run_name": "golden", "seed_start": 7, "rule_diagnosis": {"num_tasks": 1, "families": ["linear_int"]}}
    (folder / "golden.json").write_text(json.dumps(config))
    return rg.generate(folder / "golden.json", folder / "golden")


def task(server: rg.Server) -> rg.Task:
    """The task, on a server."""
    [task] = rg.Client(server.url).tasks()
    return task


def tokenizer(merges: list[str]) -> Any:
    """A tokenizer of bytes and merges, in transformers' class."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pairs = [tuple(merge.split(" ")) for merge in merges]
    tokens = [*sorted(pre_tokenizers.ByteLevel.alphabet()), *(left + right for left, right in pairs)]
    bpe = Tokenizer(models.BPE({token: at for at, token in enumerate(tokens)}, pairs))
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    bpe.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in (PAD, START, END)])
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END, pad_token=PAD, chat_template=TEMPLATE)


def merges(texts: list[str]) -> list[str]:
    """Merges that make these texts short."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=700, initial_alphabet=alphabet, show_progress=False))
    return [" ".join(pair) for pair in json.loads(bpe.to_str())["model"]["merges"]]


def answer(text: str, tokenizer: Any) -> list[int]:
    """The ids of an answer, as a model may write them and no tokenizer would: every other word letter by letter."""
    ids: list[int] = []
    for at, word in enumerate(re.findall(r"\s*\S+", text)):
        for part in word if at % 2 else [word]:
            ids += tokenizer.encode(part, add_special_tokens=False)
    if tokenizer.decode(ids) != text or tokenizer.encode(text, add_special_tokens=False) == ids:
        raise AssertionError(f"these ids would not tell whether they are encoded again: {text!r}")
    return [*ids, tokenizer.convert_tokens_to_ids(END)]


def play(server: rg.Server, state: str, answers: list[list[int]], tokenizer: Any) -> rg.PlayedTokens:
    """Plays the episode."""
    left = iter(answers)

    async def generate(_ids: list[int]) -> rg.Generated:
        return rg.Generated(next(left))

    return asyncio.run(rg.play_tokens(rg.AsyncClient(server.url), task(server), generate, tokenizer, interpreter_state=state))


def make() -> dict[str, Any]:
    """What the file should hold."""
    with tempfile.TemporaryDirectory() as folder, rg.serve(tasks(Path(folder))) as server:
        plain = tokenizer([])
        written = [[*plain.encode(text, add_special_tokens=False), plain.eos_token_id] for text in ANSWERS]
        texts = [message["content"] for state in rg.InterpreterState for message in play(server, state, written, plain).messages]
        made: dict[str, Any] = {"merges": merges(texts)}
        trained = tokenizer(made["merges"])
        made["answers"] = [answer(text, trained) for text in ANSWERS]
        for state in rg.InterpreterState:
            played = play(server, state, made["answers"], trained)
            made[state] = {"prompt_ids": played.prompt_ids, "response_ids": played.response_ids, "mask": played.mask}
        return made


if __name__ == "__main__":
    FILE.write_text(json.dumps(make(), ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
