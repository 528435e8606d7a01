"""The code of the document on this adapter."""

from __future__ import annotations

import shutil
from pathlib import Path

import documents
import pytest
import yaml

import runtime_gym as rg
from runtime_gym._evaluate import options

DOCUMENT = "docs/how_to/ray.md"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder as the document has it: a checkout of the repository, in which tasks were generated. Ray starts a cluster of its own, also
    where one is running.
    """
    monkeypatch.setenv("RAY_ADDRESS", "local")
    shutil.copytree(documents.ROOT / "agent_configs", tmp_path / "agent_configs")
    rg.generate(documents.ROOT / "task_configs/tiny.json", tmp_path / "runs/tasks/tiny")
    return tmp_path


def test_the_program_runs(folder: Path) -> None:
    said = documents.run(DOCUMENT, folder, {"max_examples=100": "max_examples=10"})
    assert said.splitlines()[-2:] == ["persistent-habit_in_persistent knapsack 8 of 10", "lost: []"]


def test_the_command_runs(folder: Path) -> None:
    [command] = [
        words
        for block in documents.blocks(DOCUMENT)
        if "evaluate agent_configs" in block.text and block.text.startswith("python")
        for words in documents.commands(block, ["python"], folder / "shell")
    ]
    documents.execute(command, folder, {"100": "10"})
    assert len(list(folder.glob("runs/habits/*/results/*/*/*.html"))) == 10


def test_the_job_has_the_command_of_an_evaluation() -> None:
    [job] = [yaml.safe_load(block.text) for block in documents.blocks(DOCUMENT) if block.language == "yaml"]
    [_, *arguments] = job["spec"]["entrypoint"].split(" -m runtime_gym evaluate ")
    assert options(arguments[0].split())["spec"] == "/runs/agent.yaml"
