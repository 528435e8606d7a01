"""The code of the document on the gateway."""

from __future__ import annotations

from pathlib import Path

import documents

import runtime_gym as rg


def test_the_document_runs(tasks: Path, tmp_path: Path) -> None:
    with rg.serve(tasks, options=["--gateways", "openenv"]) as server:
        said = documents.run("docs/how_to/openenv.md", tmp_path, {"http://127.0.0.1:50051": server.url})
    assert "True 0.0" in said
