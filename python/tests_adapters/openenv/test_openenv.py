"""OpenEnv's own clients and its validator against the gateway."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import runtime_gym as rg

with warnings.catch_warnings():
    # Of the libraries that OpenEnv imports.
    warnings.simplefilter("ignore")
    from openenv.core import GenericEnvClient

SESSIONS = 1000
CODE = [
    "import json\nids = json.loads(list_items())\ntaken = []",
    "for i in ids:\n    try:\n        take_item(i)\n        taken.append(i)\n    except Exception:\n        pass\nprint(len(taken))",
    "finish()",
]


@pytest.fixture(scope="module")
def gateway(tasks: Path) -> Iterator[rg.Server]:
    """A server with the gateway, and room for all sessions."""
    with rg.serve(tasks, options=["--gateways", "openenv", "--max-episodes", str(2 * SESSIONS)]) as server:
        yield server


def none_runs(server: rg.Server) -> None:
    """Waits until no episode runs."""
    client = rg.Client(server.url)
    deadline = time.monotonic() + 60
    while client.servers()[0].running_episodes:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("place", ["persistent/knapsack", "reset/families", "reset/families:navigation"])
def test_the_validator_finds_a_whole_server(gateway: rg.Server, place: str) -> None:
    url = f"{gateway.url}/openenv/{place}"
    script = "from openenv.cli.__main__ import main; main()"
    command = [sys.executable, "-W", "ignore", "-c", script, "validate", "--url", url, "--timeout", "60", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    passed = {criterion["id"]: criterion["passed"] for criterion in report["criteria"]}
    assert list(passed.values()) == [True] * 6, report
    assert (report["passed"], report["mode"], done.returncode) == (True, "simulation", 0), report


@pytest.mark.parametrize("state", ["persistent", "reset"])
def test_an_episode_scores_as_over_grpc(gateway: rg.Server, state: Any) -> None:
    client = rg.Client(gateway.url)
    task = client.tasks("knapsack")[3]
    with client.create(task, interpreter_state=state) as episode:
        wanted = [episode.step(code) for code in CODE]
    with GenericEnvClient(base_url=f"{gateway.url}/openenv/{state}/knapsack").sync() as env:
        begun = env.reset(task_id=task.task_id)
        assert (begun.reward, begun.done) == (None, False)
        assert "list_items" in [tool["name"] for tool in begun.observation["tools"]]
        for index, (code, step) in enumerate(zip(CODE, wanted, strict=True)):
            told = env.step({"code": code})
            assert told.observation["output"] == step.observation.output
            assert (told.observation["error"] or None) == step.observation.error
            assert (told.reward, told.done) == (step.reward, step.terminated)
            assert env.state()["step_count"] == index + 1
        assert (told.reward > 0) == (state == "persistent")
        with pytest.raises(RuntimeError, match="EXECUTION_ERROR"):
            env.step({"code": ""})
        again = env.reset(task_id=task.task_id)
        assert again.observation == begun.observation
    none_runs(gateway)


def test_errors_are_raised_and_the_session_goes_on(gateway: rg.Server) -> None:
    with GenericEnvClient(base_url=f"{gateway.url}/openenv/persistent/knapsack").sync() as env:
        with pytest.raises(RuntimeError, match="SESSION_ERROR"):
            env.step({"code": "1"})
        with pytest.raises(RuntimeError, match=r"task_id.*VALIDATION_ERROR"):
            env.reset(task_id="nothing")
        env.reset(seed=1)
        assert env.step({"code": "1 / 0"}).observation["exception_type"] == "ZeroDivisionError"
        assert env.step({"code": "print(1)"}).observation["output"] == "1\n"


def test_a_thousand_sessions_at_once(gateway: rg.Server) -> None:
    open_now = 0
    everybody_is_there = asyncio.Event()

    async def play(number: int) -> None:
        nonlocal open_now
        url = f"{gateway.url}/openenv/persistent/knapsack"
        async with GenericEnvClient(base_url=url, connect_timeout_s=120, message_timeout_s=120) as env:
            await env.reset(seed=number)
            await env.step({"code": f"n = {number}"})
            open_now += 1
            if open_now == SESSIONS:
                everybody_is_there.set()
            await everybody_is_there.wait()
            for step in range(3):
                told = await env.step({"code": "n += 1\nprint(n)"})
                assert told.observation["output"] == f"{number + step + 1}\n"

    async def all_of_them() -> None:
        await asyncio.gather(*(play(number) for number in range(SESSIONS)))

    asyncio.run(all_of_them())
    none_runs(gateway)
