"""Episodes as tasks of Inspect (inspect_ai 0.3.285), with an agent that plays them and a scorer.

There is a task for each family: ``knapsack``, ``navigation`` and ``rule_diagnosis``::

    inspect eval runtime_gym/knapsack --model openai/gpt-5 -T interpreter_state=reset
    inspect eval runtime_gym/knapsack --model openai/gpt-5 -T interpreter_state=persistent -T url=http://127.0.0.1:50051 -T n=50
    inspect eval runtime_gym/knapsack --model openai/gpt-5 -T interpreter_state=reset -T style="{agent_type: react, max_turns: 20}"

Without a ``url``, a server starts in a child process, with tasks like those of ``task_configs/families.json``.
"""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from inspect_ai import Task, task
from inspect_ai.agent import Agent, AgentState, agent
from inspect_ai.dataset import Sample
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageTool,
    ChatMessageUser,
    get_model,
)
from inspect_ai.scorer import Score, Scorer, Target, mean, scorer, stderr
from inspect_ai.solver import TaskState
from inspect_ai.tool import ToolInfo, ToolParams
from inspect_ai.util import store

from . import _types
from ._aio import AsyncClient
from ._client import Client
from ._conversation import Answer, FunctionCall, Message, Style
from ._play import play_chat
from ._server import Server, generate, serve
from ._types import InterpreterState

__all__ = ["evaluation", "knapsack", "navigation", "player", "rule_diagnosis"]

_EPISODE = "runtime_gym_episode"
"""Where a sample's store has the id of its episode."""

_CONFIGS: dict[str, dict[str, Any]] = {
    "knapsack": {
        "n_items_range": [25, 40],
        "weight_range": [5, 20],
        "value_range": [10, 100],
        "classes": list("ABCDEFGHIJKLMNO"),
        "num_allowed_classes": 3,
        "capacity_ratio_range": [0.35, 0.5],
    },
    "navigation": {
        "horizon_range": [5, 10],
        "extra_nodes_range": [0, 6],
        "extra_edge_factor_range": [0.05, 0.2],
        "max_steps_multiplier": 2.2,
    },
    "rule_diagnosis": {"families": ["linear_int", "affine_mod"]},
}


@agent
def player(url: str, interpreter_state: str, *, task_set: str = "", style: dict[str, Any] | None = None) -> Agent:
    """An agent that plays the task whose id the sample's input is, with the model under evaluation. ``style`` has the keys of
    :class:`runtime_gym.Style`.
    """
    client = AsyncClient(url)
    how = Style.of(style or {})

    async def execute(state: AgentState) -> AgentState:
        """Plays an episode. A failure of a server is raised."""
        model = get_model()
        said: list[ChatMessageAssistant] = []
        episode_id = uuid.uuid4().hex
        store().set(_EPISODE, episode_id)

        async def chat(messages: list[Message], tools: list[dict[str, Any]]) -> Answer:
            state.messages = list(_messages(messages, said))
            state.output = await model.generate(state.messages, [_tool(**tool["function"]) for tool in tools])
            said.append(state.output.message)
            calls = [
                FunctionCall(call.id, call.function, call.parse_error or json.dumps(call.arguments))
                for call in state.output.message.tool_calls or ()
            ]
            return Answer(state.output.message.text, calls, _FINISH_REASONS.get(state.output.stop_reason, state.output.stop_reason))

        named = _types.Task(task_set, state.messages[0].text, "")
        played = await play_chat(client, named, chat, style=how, interpreter_state=interpreter_state, episode_id=episode_id)
        if played.fault:
            raise played.fault
        state.messages = list(_messages(played.messages, said))
        return state

    return execute


@scorer(metrics=[mean(), stderr()])
def evaluation(url: str) -> Scorer:
    """The score of the episode's evaluation, 0 to 1. It is there also if a limit of Inspect has ended the sample."""
    client = AsyncClient(url)

    async def score(state: TaskState, target: Target) -> Score:  # noqa: ARG001
        episode = await client.attach(state.store.get(_EPISODE))
        closed = await episode.close()
        assert closed.evaluation
        return Score(
            value=closed.evaluation.score,
            metadata={
                **closed.evaluation.metrics,
                "is_solved": closed.evaluation.is_solved,
                "end_reason": str(closed.end_reason),
                "turns": sum(message.role == "assistant" for message in state.messages),
                "interpreter_state": str(episode.interpreter_state),
                "episode_id": episode.id,
            },
        )

    return score


@task
def knapsack(
    *, interpreter_state: str | None = None, url: str | None = None, n: int = 20, task_set: str = "", style: dict[str, Any] | None = None
) -> Task:
    """The first ``n`` tasks of the family in a task set of the server at ``url``. ``interpreter_state`` is required:
    ``"persistent"`` or ``"reset"``. ``style`` has the keys of :class:`runtime_gym.Style`.
    """
    return _task("knapsack", interpreter_state, url, n, task_set, style)


@task
def navigation(
    *, interpreter_state: str | None = None, url: str | None = None, n: int = 20, task_set: str = "", style: dict[str, Any] | None = None
) -> Task:
    """As :func:`knapsack`."""
    return _task("navigation", interpreter_state, url, n, task_set, style)


@task
def rule_diagnosis(
    *, interpreter_state: str | None = None, url: str | None = None, n: int = 20, task_set: str = "", style: dict[str, Any] | None = None
) -> Task:
    """As :func:`knapsack`."""
    return _task("rule_diagnosis", interpreter_state, url, n, task_set, style)


def _task(family: str, interpreter_state: str | None, url: str | None, n: int, task_set: str, style: dict[str, Any] | None) -> Task:
    if interpreter_state is None or interpreter_state not in list(InterpreterState):
        given = "missing" if interpreter_state is None else repr(interpreter_state)
        raise ValueError(f"interpreter_state is {given}: give -T interpreter_state=persistent or -T interpreter_state=reset")
    url = url or _server(family, n).url
    tasks = Client(url).tasks(family, set=task_set, limit=n)
    return Task(
        dataset=[Sample(input=one.task_id, id=one.task_id, metadata={"family": family}) for one in tasks],
        solver=player(url, interpreter_state, task_set=task_set, style=style),
        scorer=evaluation(url),
        metadata={"interpreter_state": interpreter_state},
    )


@functools.cache
def _server(family: str, n: int) -> Server:
    """A server with ``n`` tasks, which ends with this process."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    config, out = Path(folder, "config.json"), Path(folder, family)
    described = {"out_dir": str(out), "run_name": family, "seed_start": 20000000, family: {"num_tasks": n, **_CONFIGS[family]}}
    config.write_text(json.dumps(described))
    return serve(generate(config, out))


_FINISH_REASONS = {"tool_calls": "stop", "unknown": "stop", "max_tokens": "length", "model_length": "length"}


def _messages(messages: Iterable[Message], said: Iterable[ChatMessageAssistant]) -> Iterator[ChatMessage]:
    """A conversation as Inspect's messages. What the model said is kept whole, with its thoughts."""
    own = iter(said)
    called: set[str | None] = set()
    for message in messages:
        content = message["content"]
        match message["role"]:
            case "system":
                yield ChatMessageSystem(content=content)
            case "assistant":
                # An answer that was cut off has no calls in the conversation.
                answer = next(own)
                calls = answer.tool_calls if "tool_calls" in message else None
                called.update(call.id for call in calls or ())
                yield answer.model_copy(update={"tool_calls": calls})
            case "tool" if message["tool_call_id"] in called:
                yield ChatMessageTool(content=content, tool_call_id=message["tool_call_id"])
            case _:
                yield ChatMessageUser(content=content)


def _tool(name: str, description: str, parameters: dict[str, Any], **_: object) -> ToolInfo:
    return ToolInfo(name=name, description=description, parameters=ToolParams.model_validate(parameters))
