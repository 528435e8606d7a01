"""The code of the document on this adapter. Only the model is scripted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import documents
from endpoint import endpoint

import runtime_gym as rg

DOCUMENT = "docs/how_to/verifiers.md"


def finishes(_messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Ends the episode."""
    return {"content": "```python\nfinish()\n```"}


def test_the_command_runs(server: rg.Server, tmp_path: Path) -> None:
    [command] = [
        words
        for block in documents.blocks(DOCUMENT)
        if "vf-eval" in block.text and block.language == "sh"
        for words in documents.commands(block, ["vf-eval"], tmp_path / "shell")
    ]
    with endpoint(finishes) as (model, asked):
        ours = {"http://127.0.0.1:8000/v1": model, "http://127.0.0.1:50051": server.url, "50": "3"}
        documents.execute([*command, "--no-rich"], tmp_path, ours)
    assert len(asked) == 12
    check(tmp_path, "reset")


def test_the_config_runs(server: rg.Server, tmp_path: Path) -> None:
    [config] = [block.text for block in documents.blocks(DOCUMENT) if block.text.startswith("model = ")]
    with endpoint(finishes) as (model, _):
        ours = {"http://127.0.0.1:8000/v1": model, "http://127.0.0.1:50051": server.url, "n = 50": "n = 3"}
        for name, value in ours.items():
            assert name in config
            config = config.replace(name, value)
        (tmp_path / "eval.toml").write_text(config)
        documents.execute(["vf-eval", "@", "eval.toml", "--no-rich"], tmp_path, {})
    check(tmp_path, "persistent")


def check(folder: Path, state: str) -> None:
    """Whether three tasks were played four times each, in this state."""
    [file] = folder.rglob("traces.jsonl")
    traces = [json.loads(line)["traces"][0] for line in file.read_text().splitlines()]
    assert len(traces) == 12
    assert all(trace["ok"] for trace in traces)
    assert {trace["info"]["interpreter_state"] for trace in traces} == {state}
