"""The code of the documents on this adapter, and on loops of one's own: with a small model, also on a real server of models."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import documents
import pytest
from test_trl import Policy, policy, quiet, tasks  # noqa: F401

import runtime_gym as rg

TRAINER = documents.ROOT / "target/release/trainer"
"""Serves models, if it is built."""


@pytest.fixture(scope="module")
def model(policy: Policy, tmp_path_factory: pytest.TempPathFactory) -> Path:  # noqa: F811
    """The folder of a model that plays."""
    folder = tmp_path_factory.mktemp("model")
    policy.model.save_pretrained(folder)
    policy.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def served(model: Path) -> Iterator[str]:
    """The model behind OpenAI's API."""
    if not TRAINER.exists():
        pytest.skip("trainer is not built")
    command = [TRAINER, "serve", "--model", model, "--name", model, "--device", "cpu", "--listen", "127.0.0.1:0", "--until-stdin-closes"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        greeting = process.stdout.readline()
        yield greeting.split()[-1] + "/v1"
        process.terminate()


def test_the_document_runs(server: rg.Server, model: Path, tmp_path: Path) -> None:
    documents.run(
        "docs/how_to/trl.md",
        tmp_path,
        {
            "http://127.0.0.1:50051": server.url,
            "Qwen/Qwen3-0.6B": str(model),
            "max_completion_length=4096": "max_completion_length=400",
            "GRPOConfig(output_dir": "GRPOConfig(use_cpu=True, bf16=False, max_steps=1, report_to='none', output_dir",
        },
    )
    [info] = rg.Client(server.url).servers()
    assert (info.episodes_created >= 16, info.running_episodes) == (True, 0)


def test_a_loop_of_ones_own(server: rg.Server, model: Path, served: str, tmp_path: Path) -> None:
    said = documents.run(
        "docs/how_to/own_loop.md",
        tmp_path,
        {"http://127.0.0.1:50051": server.url, "http://127.0.0.1:8000/v1": served, "Qwen/Qwen3-0.6B": str(model)},
    )
    assert said.count("fault None") == 4
