"""The code of the document on this adapter: in verl's own worker, on the CPU."""

from __future__ import annotations

import json
from pathlib import Path

import documents
import verl
from hydra import compose, initialize_config_dir
from test_verl import Model, cache, code, model, play, running  # noqa: F401

import runtime_gym as rg

DOCUMENT = "docs/how_to/verl.md"


def test_the_document_runs(server: rg.Server, model: Path, tmp_path: Path) -> None:  # noqa: F811
    documents.run(DOCUMENT, tmp_path, {"http://127.0.0.1:50051": server.url})
    rows = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    [loops] = [block.text for block in documents.blocks(DOCUMENT) if block.language == "yaml"]
    (tmp_path / "loops.yaml").write_text(loops.replace("http://127.0.0.1:50051", server.url))
    [command] = [
        words
        for block in documents.blocks(DOCUMENT)
        if "main_ppo" in block.text
        for words in documents.commands(block, ["python3"], tmp_path / "shell")
    ]
    assert command[:3] == ["python3", "-m", "verl.trainer.main_ppo"]
    ours = {"Qwen/Qwen3-0.6B": str(model), "loops.yaml": str(tmp_path / "loops.yaml")}
    given = [key + "=" + ours.get(value, value) for key, value in (word.split("=") for word in command[3:])]
    with initialize_config_dir(str(Path(verl.__file__).parent / "trainer/config"), version_base=None):
        config = compose("ppo_trainer", given)
    output = play(config, Model([code("finish()")]), tmp_path, *rows[:2])
    assert output.batch["rm_scores"].sum() == 0
    assert output.batch["response_mask"].sum() == 2 * len(code("finish()"))
    assert running(server) == 0
