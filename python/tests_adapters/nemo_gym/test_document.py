"""The code of the document on this adapter."""

from __future__ import annotations

from pathlib import Path

import documents
import yaml

import runtime_gym as rg
from runtime_gym.nemo_gym import RuntimeGymConfig

DOCUMENT = "docs/how_to/nemo_gym.md"


def test_the_document_runs(server: rg.Server, tmp_path: Path) -> None:
    documents.run(DOCUMENT, tmp_path, {"http://127.0.0.1:50051": server.url})


def test_the_config_is_right() -> None:
    [text] = [block.text for block in documents.blocks(DOCUMENT) if block.language == "yaml"]
    config = yaml.safe_load(text)["runtime_gym_resources_server"]["resources_servers"]["runtime_gym"]
    # NeMo Gym adds where it listens.
    made = RuntimeGymConfig.model_validate({"name": "runtime_gym", "host": "127.0.0.1", "port": 1, **config})
    assert (made.url, made.lease) == ("http://127.0.0.1:50051", 3600)
