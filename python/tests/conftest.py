"""One server with the tasks of task_configs/tiny.json, for all tests that can share it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import runtime_gym as rg

ROOT = Path(__file__).parents[2]

# In the background of a shell Ctrl-C is ignored, also by the children of what runs there.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of tasks."""
    return rg.generate(ROOT / "task_configs/tiny.json", tmp_path_factory.mktemp("tasks") / "tiny")


@pytest.fixture(scope="session")
def server(tasks: Path) -> Iterator[rg.Server]:
    """A server."""
    with rg.serve(tasks) as server:
        yield server


@pytest.fixture
def client(server: rg.Server) -> rg.Client:
    """A client of the server."""
    return rg.Client(server.url)


@pytest.fixture
def task(client: rg.Client) -> rg.Task:
    """A task."""
    return client.tasks("knapsack", limit=1)[0]
