"""A server on a node: its tasks come as bytes, and it comes back where it was."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

import runtime_gym as rg
from runtime_gym._node import NodeServer, pack


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files and for tasks."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("runtime_gym._node._cache", lambda: tmp_path / "cache")
    return tmp_path


def test_the_same_tasks_give_the_same_bytes(tasks: Path, tmp_path: Path) -> None:
    sha256, content = pack(tasks)
    shutil.copytree(tasks, tmp_path / "copy", copy_function=shutil.copyfile)
    assert pack(tmp_path / "copy") == (sha256, content)
    (tmp_path / "copy/manifest.json").write_text("{}")
    assert pack(tmp_path / "copy")[0] != sha256


def test_a_server_goes_on_where_it_was(tasks: Path, temporary: Path) -> None:
    sha256, content = pack(tasks)
    fetched: list[int] = []

    def packed() -> bytes:
        fetched.append(len(content))
        return content

    def node() -> NodeServer:
        return NodeServer("run", "one", "127.0.0.1", sha256, ["--max-episodes", "7"], None, None)

    first = node()
    url = first.serve(packed)
    client = rg.Client(url)
    [server] = client.servers()
    assert (server.name, server.max_episodes) == ("one", 7)
    episode = client.create(client.tasks()[0], interpreter_state="persistent")
    episode.step("numbers = iter(range(9)); print(next(numbers))")
    assert first.serve(packed) == url
    # The server dies, then its owner.
    assert first._server is not None
    os.kill(first._server.pid, signal.SIGKILL)
    assert "its server has ended with the status -9" in first.ended()
    assert first.serve(packed) == url
    assert episode.step("print(next(numbers))").observation.output == "1\n"
    first._server.close()
    second = node()
    assert second.serve(packed) == url
    assert episode.step("print(next(numbers))").observation.output == "2\n"
    assert fetched == [len(content)]
    second.stop()
    assert sorted(path.name for path in temporary.iterdir()) == ["cache"]


def test_only_who_has_a_token_may_call(tasks: Path, temporary: Path) -> None:
    sha256, content = pack(tasks)
    state = temporary / "states"
    node = NodeServer("run", "one", "127.0.0.1", sha256, [], f"{'0' * 64} default agent", str(state))
    client = rg.Client(node.serve(lambda: content))
    with pytest.raises(rg.Unauthenticated):
        client.servers()
    node.stop()
    assert (state / "one/episodes.db").exists()


def test_a_server_that_does_not_start_says_why(tasks: Path, temporary: Path) -> None:
    sha256, content = pack(tasks)
    node = NodeServer("run", "one", "127.0.0.1", sha256, ["--no-such-option"], None, None)
    with pytest.raises(rg.ServerStartError, match="--no-such-option"):
        node.serve(lambda: content)
    node.stop()
    assert not (temporary / "runtime-gym-run").exists()
