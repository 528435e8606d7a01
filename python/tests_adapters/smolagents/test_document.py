"""The code of the document on this adapter. Only the model is scripted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import documents
from endpoint import endpoint

BLOCKS = ("total = price('tea') + price('bread')", "final_answer(total)")
"""What the model says, one after the other."""


def test_the_document_runs(tmp_path: Path) -> None:
    blocks = iter(BLOCKS)

    def play(_messages: list[dict[str, Any]]) -> dict[str, Any]:
        return {"content": f"Thought.\n<code>\n{next(blocks)}\n</code>"}

    with endpoint(play) as (model, _):
        said = documents.run("docs/how_to/smolagents.md", tmp_path, {"http://127.0.0.1:8000/v1": model})
    assert said.endswith("\n5.5\n")
