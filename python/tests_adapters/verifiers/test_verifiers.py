"""Real evaluations by `vf-eval`, on a real server. Only the model is scripted: it is behind an HTTP server like OpenAI's."""

from __future__ import annotations

import asyncio
import collections
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from endpoint import Policy, endpoint

import runtime_gym as rg

LOOK = "import json\nids = json.loads(list_items())\nseen = [i for i in ids[:{count}] if inspect(i)]\nprint(len(seen))"
TAKE = "for i in seen:\n    try:\n        take_item(i)\n    except Exception as error:\n        print(type(error).__name__)"


def code(block: str) -> dict[str, Any]:
    """An answer with a block of code."""
    return {"content": f"I do this:\n```python\n{block}\n```", "reasoning_content": "Hmm."}


def call(turn: int, name: str, **arguments: str) -> dict[str, Any]:
    """An answer with a call."""
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"content": None, "tool_calls": [{"id": f"call_{turn}", "type": "function", "function": function}]}


def writes_python(messages: list[rg.Message]) -> dict[str, Any]:
    """Inspects items in one step and takes them in the next; if their names are gone, looks at fewer and takes them in one step."""
    turn = sum(message["role"] == "assistant" for message in messages)
    if turn == 0:
        return code(LOOK.format(count=12))
    if turn == 1:
        return code(TAKE)
    if turn == 2 and "NameError" in messages[-1]["content"]:
        return code(LOOK.format(count=5) + "\n" + TAKE)
    return code("finish()")


def calls_tools(messages: list[rg.Message]) -> dict[str, Any]:
    """Inspects three items, and takes each."""
    turn = sum(message["role"] == "assistant" for message in messages)
    if turn == 0:
        return call(turn, "list_items")
    if turn > 6:
        return call(turn, "finish")
    listed = next(message for message in messages if message["role"] == "tool")
    item = json.loads(listed["content"])[(turn - 1) // 2]
    return call(turn, "take_item" if turn % 2 == 0 else "inspect", item_id=item)


def evaluate(folder: Path, model: str, *options: str) -> tuple[subprocess.CompletedProcess[str], list[dict[str, Any]]]:
    """What `vf-eval` says, and its episodes."""
    command = [
        str(Path(sys.executable).with_name("vf-eval")),
        *("runtime-gym-verifiers", "-m", "script", "--client.base-url", model, "--no-push", "--no-rich", "-o", str(folder / "outputs")),
        *options,
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
    lines = [line for file in folder.rglob("traces.jsonl") for line in file.read_text().splitlines()]
    return done, [json.loads(line) for line in lines]


def played(url: str, tasks: list[rg.Task], play: Policy, state: str, style: rg.Style) -> dict[str, rg.Played]:
    """The same with `play_chat`."""

    async def chat(messages: list[rg.Message], _tools: list[dict[str, Any]]) -> rg.Answer:
        message = play(messages)
        calls = [rg.FunctionCall(one["id"], **one["function"]) for one in message.get("tool_calls", ())]
        return rg.Answer(message["content"] or "", calls)

    async def play_all() -> dict[str, rg.Played]:
        client = rg.AsyncClient(url)
        return {task.task_id: await rg.play_chat(client, task, chat, interpreter_state=state, style=style) for task in tasks}

    return asyncio.run(play_all())


@pytest.mark.parametrize("agent_type", ["codeact", "react"])
@pytest.mark.parametrize("state", list(rg.InterpreterState))
def test_scores_are_those_of_play_chat(server: rg.Server, tmp_path: Path, state: str, agent_type: str) -> None:
    tasks = rg.Client(server.url).tasks("knapsack", limit=10)
    play = writes_python if agent_type == "codeact" else calls_tools
    with endpoint(play) as (model, asked):
        options = ("--env.taskset.url", server.url, "--env.taskset.interpreter-state", state, "--env.taskset.style.agent-type", agent_type)
        done, episodes = evaluate(tmp_path, model, "-n", "10", "-r", "2", *options)
    assert done.returncode == 0, done.stderr
    expected = played(server.url, tasks, play, state, rg.Style(agent_type=agent_type))
    assert collections.Counter(episode["task"]["data"]["task_id"] for episode in episodes) == dict.fromkeys(expected, 2)
    for episode in episodes:
        [trace] = episode["traces"]
        one = expected[trace["task"]["data"]["task_id"]]
        assert one.evaluation is not None
        assert trace["ok"]
        assert trace["rewards"] == {"episode_score": {"score": one.reward, "weight": 1.0}}
        assert trace["metrics"] == {**one.evaluation.metrics, "is_solved": one.evaluation.is_solved}
        assert trace["info"].pop("episode_id")
        assert trace["info"] == {
            "score": one.reward,
            "is_solved": one.evaluation.is_solved,
            "metrics": one.evaluation.metrics,
            "end_reason": one.end_reason,
            "interpreter_state": state,
        }
        assert sum(node["sampled"] for node in trace["nodes"]) == one.turns
        if state == "reset":
            # Each request continues the one before: a trainer gets one sequence.
            assert [node.get("parent", -1) for node in trace["nodes"]] == list(range(-1, len(trace["nodes"]) - 1))
            said = [message["content"] or "" for message in one.messages]
            # The episode's end is shown to no model.
            assert [node["message"].get("content") or "" for node in trace["nodes"]] == said[: len(trace["nodes"])]
    assert sum(one.reward or 0 for one in expected.values()) > 0
    assert rg.Client(server.url).servers()[0].running_episodes == 0
    assert {"tools" in request for request in asked} == {agent_type == "react"}
    if agent_type == "codeact":
        thoughts = {message["reasoning_content"] for request in asked for message in request["messages"] if message["role"] == "assistant"}
        assert thoughts == {"Hmm."}


def test_states_differ(server: rg.Server, tmp_path: Path) -> None:
    means: list[float] = []
    for state in rg.InterpreterState:
        with endpoint(writes_python) as (model, _):
            options = ("--env.taskset.url", server.url, "--env.taskset.interpreter-state", state, "--env.taskset.style.prompt.hide-names")
            (tmp_path / state).mkdir()
            _, episodes = evaluate(tmp_path / state, model, "-n", "4", *options)
        traces = [episode["traces"][0] for episode in episodes]
        means.append(sum(trace["rewards"]["episode_score"]["score"] for trace in traces) / len(traces))
        # Without the names, which a conversation does not keep, a persistent interpreter's requests continue one another, too.
        assert all(len({node.get("parent") for node in trace["nodes"]}) == len(trace["nodes"]) for trace in traces)
    assert means[0] > means[1] > 0


def test_a_limit_of_verifiers_ends_an_episode_with_a_reward(server: rg.Server, tmp_path: Path) -> None:
    with endpoint(writes_python) as (model, asked):
        options = ("--env.taskset.url", server.url, "--env.taskset.interpreter-state", "persistent", "--env.agent.max-turns", "2")
        done, [episode] = evaluate(tmp_path, model, "-n", "1", *options)
    assert done.returncode == 0, done.stderr
    [trace] = episode["traces"]
    assert (trace["ok"], len(asked)) == (True, 2)
    assert trace["rewards"]["episode_score"]["score"] > 0
    assert trace["info"]["end_reason"] == "closed"


def test_a_lost_server_is_an_error_and_no_reward(tasks: Path, tmp_path: Path) -> None:
    server = rg.serve(tasks)

    def play(messages: list[rg.Message]) -> dict[str, Any]:
        if len(messages) > 2:
            os.kill(server.pid, signal.SIGKILL)
        return writes_python(messages)

    with endpoint(play) as (model, _):
        options = ("--env.taskset.url", server.url, "--env.taskset.interpreter-state", "reset")
        _, [episode] = evaluate(tmp_path, model, "-n", "1", *options)
    server.close()
    [trace] = episode["traces"]
    assert not trace["ok"]
    assert trace["rewards"] == {}
    assert "Unavailable" in trace["errors"][0]["message"]


def test_the_interpreter_state_is_required(tmp_path: Path) -> None:
    done, episodes = evaluate(tmp_path, "http://127.0.0.1:1/v1", "-n", "1")
    assert (done.returncode != 0, episodes) == (True, [])
    assert "interpreter_state is missing: give --env.taskset.interpreter-state persistent or reset" in done.stderr
    done, _ = evaluate(tmp_path, "http://127.0.0.1:1/v1", "--env.taskset.interpreter-state", "half")
    assert done.returncode != 0
    assert "interpreter-state" in done.stdout + done.stderr
