"""One server with tasks of every family, for all tests of an adapter that can share it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import golden
import pytest

import runtime_gym as rg

ROOT = Path(__file__).parents[2]

# In the background of a shell Ctrl-C is ignored, also by the children of what runs there.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tasks."""
    return rg.generate(ROOT / "task_configs/families.json", tmp_path_factory.mktemp("tasks") / "families")


@pytest.fixture(scope="session")
def server(tasks: Path) -> Iterator[rg.Server]:
    """A server."""
    with rg.serve(tasks) as server:
        yield server


@pytest.fixture(scope="session")
def golden_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[rg.Server]:
    """A server with the task of the golden episode."""
    with rg.serve(golden.tasks(tmp_path_factory.mktemp("golden"))) as server:
        yield server
