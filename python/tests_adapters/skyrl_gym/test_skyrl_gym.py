"""Environments of SkyRL, called in the order in which SkyRL's generator calls them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import skyrl_gym
from omegaconf import OmegaConf
from skyrl_gym.metrics import aggregate_for_environment

import runtime_gym as rg
from runtime_gym.skyrl_gym import RuntimeGymEnv, register

TAKE = """
import json
taken = 0
for one in json.loads(list_items()):
    if taken < %d:
        try:
            inspect(one)
            take_item(one)
            taken += 1
        except Exception:
            pass
"""
"""Takes some items that can be taken: the more, the better."""
PROMPT = [{"role": "user", "content": "not shown"}]


def code(block: str) -> str:
    """An answer with a block of code."""
    return f"I do this:\n```python\n{block}\n```"


def task(server: rg.Server) -> rg.Task:
    """A task."""
    return rg.Client(server.url).tasks("knapsack", limit=1)[0]


def make(server: rg.Server, max_turns: int = 10, **options: Any) -> RuntimeGymEnv:
    """An environment, as SkyRL's generator makes it."""
    register()
    extras = {"task": task(server).task_id, "max_turns": max_turns, "data_source": "ours", "limits": None}
    env = skyrl_gym.make("runtime_gym", env_config={"url": server.url, **options}, extras=extras)
    assert isinstance(env, RuntimeGymEnv)
    return env


def play(env: RuntimeGymEnv, *answers: str) -> tuple[list[rg.Message], list[Any]]:
    """Plays a trajectory as SkyRL's generator does. Returns the messages, and the answers of the steps."""
    messages, _ = env.init(PROMPT)
    steps: list[Any] = []
    for answer in answers:
        steps.append(env.step(answer))
        messages += [{"role": "assistant", "content": answer}, *steps[-1]["observations"]]
        if steps[-1]["done"]:
            break
    return messages, steps


def evaluated(server: rg.Server, env: RuntimeGymEnv) -> rg.Evaluation:
    """How the server has evaluated an environment's episode."""
    evaluation = rg.Client(server.url).attach(env.episode.id).evaluation
    assert evaluation is not None
    return evaluation


def running(server: rg.Server) -> int:
    """How many episodes run on the server."""
    return rg.Client(server.url).servers()[0].running_episodes


@pytest.mark.parametrize("state", list(rg.InterpreterState))
def test_an_episode(server: rg.Server, state: rg.InterpreterState) -> None:
    env = make(server, interpreter_state=state)
    messages, steps = play(env, code("x = 6 * 7" + TAKE % 2), "I think.", code("print(x)"), code("finish()"), code("never"))
    assert [message["role"] for message in messages] == ["system", "user", *["assistant", "user"] * 3, "assistant"]
    assert env.episode.goal in messages[1]["content"]
    assert not any("not shown" in message["content"] for message in messages)
    assert steps[0]["observations"] == [{"role": "user", "content": '{"success":true,"result":null,"output":"","error":null}'}]
    assert "no code block" in messages[5]["content"]
    told = messages[7]["content"]
    assert ("42" if state is rg.InterpreterState.PERSISTENT else "NameError: name 'x' is not defined") in told
    assert "taken" not in told
    evaluation = evaluated(server, env)
    assert 0 < evaluation.score < 1
    assert [step["reward"] for step in steps] == [0.0, 0.0, 0.0, evaluation.score]
    assert [step["done"] for step in steps] == [False] * 3 + [True]
    assert [step["metadata"]["step"] is None for step in steps] == [False, True, False, False]
    assert steps[-1]["metadata"]["evaluation"] == evaluation
    assert not any("postprocessed_action" in step for step in steps)
    assert env.get_metrics() == {"score": evaluation.score, "is_solved": evaluation.is_solved, "finished": True, "turns": 4, "steps": 3}
    env.close()
    env.close()


@pytest.mark.parametrize("last", [code("pass"), "I think."])
def test_the_last_turn_is_scored(server: rg.Server, last: str) -> None:
    env = make(server, 2, interpreter_state="reset")
    _, steps = play(env, code(TAKE % 2), last, code("never"))
    assert [step["done"] for step in steps] == [False, True]
    assert steps[-1]["observations"] == []
    assert steps[-1]["reward"] == steps[-1]["metadata"]["evaluation"].score > 0
    assert env.get_metrics()["finished"] is False
    env.close()


def test_a_trajectory_that_is_cut_off_counts_as_unsolved(server: rg.Server) -> None:
    env = make(server, interpreter_state="reset")
    _, [step] = play(env, code(TAKE % 2))
    assert (step["reward"], step["done"]) == (0.0, False)
    assert env.get_metrics() == {"score": 0.0, "is_solved": False, "finished": False, "turns": 1, "steps": 1}
    env.close()


def test_metrics_are_averaged(server: rg.Server) -> None:
    metrics: list[dict[str, Any]] = []
    for answers in ([code(TAKE % 2), code("finish()")], [code("finish()")]):
        env = make(server, interpreter_state="reset")
        play(env, *answers)
        metrics.append(env.get_metrics())
        env.close()
    averages = aggregate_for_environment("runtime_gym", metrics)
    assert averages["score"] == sum(one["score"] for one in metrics) / 2
    assert (averages["finished"], averages["turns"]) == (1.0, 1.5)


def test_tools_are_called_in_the_text(server: rg.Server) -> None:
    env = make(server, interpreter_state="reset", style={"agent_type": "react"})
    call = '<tool_call>\n{"name": "%s", "arguments": {}}\n</tool_call>'
    messages, steps = play(env, call % "list_items", call % "finish")
    assert steps[0]["metadata"]["step"].observation.tool_results[0].result in messages[3]["content"]
    assert steps[1]["done"]
    env.close()


def test_options(server: rg.Server) -> None:
    register()
    config = OmegaConf.create(
        {
            "url": [server.url],
            "interpreter_state": "persistent",
            "semantics": "notebook",
            "limits": {"output_bytes_per_step": 5},
            "lease": 60,
            "style": {"prompt": {"runtime": "hidden", "observation": "compact"}},
        }
    )
    row = {"task": task(server).task_id, "task_set": task(server).set, "seed": 7, "interpreter_state": "reset"}
    env = skyrl_gym.make("runtime_gym", env_config=config, extras=row)
    messages, [step] = play(env, code("'0123456789'"))
    episode = env.episode
    assert (episode.interpreter_state, episode.semantics) == (rg.InterpreterState.RESET, rg.Semantics.NOTEBOOK)
    assert (episode.seed, episode.lease, episode.limits.max_steps) == (7, 60, rg.Style().max_turns)
    assert step["metadata"]["step"].observation.output == "'0123"
    assert messages[-1]["content"].startswith('{"output":"\'0123')
    env.close()


def test_wrong_options(server: rg.Server) -> None:
    with pytest.raises(ValueError, match='interpreter_state is missing: set it to "persistent" or "reset"'):
        make(server)
    with pytest.raises(ValueError, match="task is missing"):
        RuntimeGymEnv({"interpreter_state": "reset"}, {})
    with pytest.raises(ValueError, match="unknown keys: lese; known are url"):
        make(server, interpreter_state="reset", lese=5)
    with pytest.raises(ValueError, match="must be 'persistent' or 'reset'"):
        make(server, interpreter_state="half").init(PROMPT)
    with make(server, interpreter_state="reset", style={"several_blocks": "all"}) as env, pytest.raises(ValueError, match="several_blocks"):
        env.init(PROMPT)
    with pytest.raises(RuntimeError, match="call init"):
        make(server, interpreter_state="reset").step("text")


def test_it_may_be_begun_anew(server: rg.Server) -> None:
    env = make(server, 2, interpreter_state="persistent")
    play(env, code("x = 1"))
    first = env.episode.id
    _, steps = play(env, code("print(x)"), code("pass"))
    assert env.episode.id != first
    assert [step["done"] for step in steps] == [False, True]
    env.close()
    assert running(server) == 0


def test_sixteen_threads(server: rg.Server) -> None:
    def trajectory(number: int) -> tuple[str, float]:
        with make(server, interpreter_state="persistent") as env:
            messages, steps = play(env, code(f"n = {number}" + TAKE % (number // 8)), code("print('n', n)"), code("finish()"))
            assert steps[-1]["reward"] == evaluated(server, env).score
            return messages[5]["content"], steps[-1]["reward"]

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(trajectory, range(16)))
    assert all(f'"n {number}\\n"' in told for number, (told, _) in enumerate(results))
    rewards = [reward for _, reward in results]
    assert rewards == sorted(rewards)
    assert len(set(rewards)) == 2
    assert running(server) == 0


def test_threads_run_while_a_step_waits(server: rg.Server) -> None:
    def busy(env: RuntimeGymEnv) -> None:
        env.step(code("for _ in range(10**7): pass"))

    envs = [make(server, interpreter_state="reset") for _ in range(2)]
    for env in envs:
        env.init(PROMPT)
    with ThreadPoolExecutor(1) as pool:
        begun = time.monotonic()
        waiting = pool.submit(busy, envs[0])
        envs[1].step(code("pass"))
        taken = time.monotonic() - begun
        assert not waiting.done()
        waiting.result()
        assert taken < time.monotonic() - begun
    for env in envs:
        env.close()


def lost(tasks: Path, answers: Sequence[str], max_turns: int) -> RuntimeGymEnv:
    """An environment whose server was killed after some answers."""
    with rg.serve(tasks) as server:
        env = make(server, max_turns, interpreter_state="persistent")
        play(env, *answers)
        os.kill(server.pid, signal.SIGKILL)
        return env


@pytest.mark.parametrize("last", [code("pass"), "I think."])
def test_a_lost_server_is_raised(tasks: Path, monkeypatch: pytest.MonkeyPatch, last: str) -> None:
    client = rg.Client
    monkeypatch.setattr("runtime_gym.skyrl_gym.Client", lambda urls: client(urls, attempts=2, deadline=2))
    env = lost(tasks, [code("x = 1")], 2)
    with pytest.raises(rg.Unavailable):
        env.step(last)
    assert env.get_metrics()["finished"] is False
    env.close()
    env.close()
    with pytest.raises(rg.Unavailable):
        env.init(PROMPT)
    env.close()
