"""The code of the document on this adapter. Only the model is scripted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import documents
import pytest
from endpoint import endpoint

import runtime_gym as rg

DOCUMENT = "docs/how_to/inspect_ai.md"

MODEL = "openai-api/ours/script"
"""Inspect's name for a model behind OpenAI's API at OURS_BASE_URL."""


def finishes(_messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Ends the episode."""
    return {"content": "```python\nfinish()\n```"}


def test_the_document_runs(server: rg.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OURS_API_KEY", "none")
    with endpoint(finishes) as (model, asked):
        monkeypatch.setenv("OURS_BASE_URL", model)
        assert "success 0.0" in documents.run(DOCUMENT, tmp_path, {"openai/gpt-5": MODEL})
        played = len(asked)
        commands = [
            words
            for number, block in enumerate(documents.blocks(DOCUMENT))
            if block.language == "sh"
            for words in documents.commands(block, ["env-server", "inspect", "pip"], tmp_path / str(number))
            if words[0] == "inspect"
        ]
        for command in commands:
            ours = {"openai/gpt-5": MODEL, "n=50": "n=2", "url=http://127.0.0.1:50051": f"url={server.url}"}
            documents.execute(command, tmp_path, {name: value for name, value in ours.items() if name in command})
    assert len(commands) == 3
    assert len(asked) - played == 2 + 2 + 20
