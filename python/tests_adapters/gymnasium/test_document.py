"""The code of the document on this adapter."""

from __future__ import annotations

from pathlib import Path

import documents

import runtime_gym as rg


def test_the_document_runs(server: rg.Server, tmp_path: Path) -> None:
    documents.run("docs/how_to/gymnasium.md", tmp_path, {"http://127.0.0.1:50051": server.url}, options=["-W", "error"])
