"""Real evaluations of Inspect, on a real server. Only the model is scripted."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import inspect_ai
import pytest
from inspect_ai.log import EvalLog
from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ContentReasoning,
    ContentText,
    ModelOutput,
    ModelUsage,
    StopReason,
    get_model,
)
from inspect_ai.tool import ToolCall, ToolInfo

import runtime_gym as rg

# What Inspect does itself: it leaves streams open, and calls tenacity in an old way.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Unclosed <MemoryObject:ResourceWarning", "ignore:The 'initial' parameter:DeprecationWarning"
)

Policy = Callable[[list[tuple[str, str]]], str]

LOOK = "import json\nids = json.loads(list_items())\nseen = [i for i in ids[:{count}] if inspect(i)]\nprint(len(seen))"
TAKE = "for i in seen:\n    try:\n        take_item(i)\n    except Exception as error:\n        print(type(error).__name__)"


def code(block: str) -> str:
    """An answer with a block of code."""
    return f"I do this:\n```python\n{block}\n```"


def policy(said: list[tuple[str, str]]) -> str:
    """Inspects items in one step and takes them in the next; if their names are gone, looks at fewer and takes them in one step."""
    turn = sum(role == "assistant" for role, _ in said)
    if turn == 0:
        return code(LOOK.format(count=12))
    if turn == 1:
        return code(TAKE)
    if turn == 2 and "NameError" in said[-1][1]:
        return code(LOOK.format(count=5) + "\n" + TAKE)
    return code("finish()")


def output(content: Any, *, stop: StopReason = "stop", calls: list[ToolCall] | None = None) -> ModelOutput:
    """An output of a model."""
    made = ModelOutput.from_message(ChatMessageAssistant(content=content, tool_calls=calls, model="script"), stop)
    # Inspect counts the tokens of outputs without a usage, with a tokenizer that it downloads.
    made.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
    return made


def evaluate(tmp_path: Path, outputs: Any, *, task: str = "knapsack", options: dict[str, Any] | None = None, **arguments: Any) -> EvalLog:
    """An evaluation with a model whose outputs are a list, or what a function makes of the messages."""
    model = get_model("mockllm/model", custom_outputs=outputs, memoize=False)
    [log] = inspect_ai.eval(
        f"runtime_gym/{task}",
        task_args=arguments,
        model=model,
        log_dir=str(tmp_path),
        display="none",
        **options or {},
    )
    return log


def says(play: Policy) -> Callable[..., ModelOutput]:
    """A model of Inspect that follows a policy."""

    def answer(messages: list[ChatMessage], *_: Any) -> ModelOutput:
        return output(play([(message.role, message.text) for message in messages]))

    return answer


def played(url: str, tasks: list[rg.Task], play: Policy, state: str) -> list[rg.Played]:
    """The same with `play_chat`."""

    async def chat(messages: list[rg.Message], _tools: list[dict[str, Any]]) -> rg.Answer:
        return rg.Answer(play([(message["role"], message["content"]) for message in messages]))

    async def play_all() -> list[rg.Played]:
        client = rg.AsyncClient(url)
        return [await rg.play_chat(client, task, chat, interpreter_state=state) for task in tasks]

    return asyncio.run(play_all())


def score(log: EvalLog) -> Any:
    """The mean score."""
    assert log.results is not None
    return log.results.scores[0].metrics["mean"].value


def test_scores_are_those_of_play_chat_in_both_states(server: rg.Server, tmp_path: Path) -> None:
    tasks = rg.Client(server.url).tasks("knapsack", limit=4)
    means: dict[str, float] = {}
    for state in ("persistent", "reset"):
        log = evaluate(tmp_path, says(policy), interpreter_state=state, url=server.url, n=4)
        expected = played(server.url, tasks, policy, state)
        assert log.status == "success"
        samples = {sample.id: sample for sample in log.samples or []}
        assert list(samples) == [task.task_id for task in tasks]
        for task, one in zip(tasks, expected, strict=True):
            sample = samples[task.task_id]
            [evaluation] = (sample.scores or {}).values()
            assert one.evaluation is not None
            assert evaluation.value == one.reward
            assert evaluation.metadata is not None
            assert evaluation.metadata.pop("episode_id")
            assert evaluation.metadata == {
                **one.evaluation.metrics,
                "is_solved": one.evaluation.is_solved,
                "end_reason": "finished",
                "turns": one.turns,
                "interpreter_state": state,
            }
            assert [(message.role, message.text) for message in sample.messages] == [
                (message["role"], message["content"]) for message in one.messages
            ]
        means[state] = score(log)
        assert means[state] == pytest.approx(sum(one.reward or 0 for one in expected) / 4)
        assert log.results is not None
        assert set(log.results.scores[0].metrics) == {"mean", "stderr"}
    assert means["persistent"] > means["reset"] > 0
    assert rg.Client(server.url).servers()[0].running_episodes == 0


def test_a_model_that_calls_tools_sees_its_thoughts_again(server: rg.Server, tmp_path: Path) -> None:
    seen: list[tuple[list[ChatMessage], list[ToolInfo]]] = []
    broken = ToolCall(id="2", function="inspect", arguments={}, parse_error="no JSON: {")
    answers = [
        output(
            [ContentReasoning(reasoning="First I look."), ContentText(text="I look.")],
            stop="tool_calls",
            calls=[ToolCall(id="1", function="list_items", arguments={})],
        ),
        output("", stop="tool_calls", calls=[broken]),
        output("cut", stop="max_tokens", calls=[ToolCall(id="3", function="list_items", arguments={})]),
        output("", stop="tool_calls", calls=[ToolCall(id="4", function="finish", arguments={})]),
    ]

    def answer(messages: list[ChatMessage], tools: list[ToolInfo], *_: Any) -> ModelOutput:
        seen.append((messages, tools))
        return answers[len(seen) - 1]

    log = evaluate(tmp_path, answer, interpreter_state="reset", url=server.url, n=1, style={"agent_type": "react"})
    assert log.status == "success"
    names = {tool.name: tool for tool in seen[0][1]}
    assert set(names) == {"list_items", "inspect", "take_item", "finish"}
    assert names["inspect"].parameters.required == ["item_id"]
    [*_, said, result] = seen[1][0]
    assert isinstance(said.content, list)
    assert isinstance(said.content[0], ContentReasoning)
    assert (result.role, len(json.loads(result.text)) > 5) == ("tool", True)
    assert "no JSON" in seen[2][0][-1].text
    [*_, cut, told] = seen[3][0]
    assert isinstance(cut, ChatMessageAssistant)
    assert cut.tool_calls is None
    assert (told.role, "cut off" in told.text) == ("user", True)
    [sample] = log.samples or []
    assert (sample.scores or {})["evaluation"].metadata["end_reason"] == "finished"  # pyright: ignore[reportOptionalSubscript]


def test_calls_in_the_text(server: rg.Server, tmp_path: Path) -> None:
    texts = iter(["Action: list_items\nAction Input: {}", "Action: finish\nAction Input: {}"])
    style = {"agent_type": "react", "tool_calls": "text", "max_turns": 2, "prompt": {"runtime": "hidden"}}
    log = evaluate(tmp_path, lambda *_: output(next(texts)), interpreter_state="reset", url=server.url, n=1, style=style)
    [sample] = log.samples or []
    assert [message.role for message in sample.messages] == ["system", "user", "assistant", "user", "assistant", "user"]


def test_a_lost_server_is_an_error_and_no_score(tasks: Path, tmp_path: Path) -> None:
    server = rg.serve(tasks)

    def answer(messages: list[ChatMessage], *_: Any) -> ModelOutput:
        if len(messages) > 2:
            os.kill(server.pid, signal.SIGKILL)
        return output(code("x = 1"))

    log = evaluate(tmp_path, answer, interpreter_state="persistent", url=server.url, n=1)
    server.close()
    assert log.status == "error"
    [sample] = log.samples or []
    assert sample.error is not None
    assert "Unavailable" in sample.error.message
    assert not sample.scores


@pytest.mark.parametrize("kind", ["message", "time"])
def test_a_sample_that_a_limit_of_inspect_ends_is_scored(server: rg.Server, tmp_path: Path, kind: str) -> None:
    async def answer(messages: list[ChatMessage], *_: Any) -> ModelOutput:
        if kind == "time" and len(messages) > 5:
            await asyncio.sleep(60)
        return output(policy([(message.role, message.text) for message in messages]))

    limit = {"message_limit": 6} if kind == "message" else {"time_limit": 3}
    log = evaluate(tmp_path, answer, interpreter_state="persistent", url=server.url, n=1, options=limit)
    [sample] = log.samples or []
    assert sample.limit is not None
    assert sample.limit.type == kind
    evaluation = (sample.scores or {})["evaluation"]
    assert isinstance(evaluation.value, float)
    assert evaluation.value > 0
    assert evaluation.metadata is not None
    assert evaluation.metadata["end_reason"] == "closed"
    assert rg.Client(server.url).servers()[0].running_episodes == 0


@pytest.mark.parametrize("family", ["knapsack", "navigation", "rule_diagnosis"])
def test_a_server_of_its_own(family: str, tmp_path: Path) -> None:
    log = evaluate(tmp_path, lambda *_: output(code("finish()")), task=family, interpreter_state="reset", n=2)
    assert log.status == "success"
    assert len(log.samples or []) == 2


def test_the_interpreter_state_is_required(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="interpreter_state is missing: give -T interpreter_state=persistent or"):
        evaluate(tmp_path, [], url="http://127.0.0.1:1")
    with pytest.raises(ValueError, match="interpreter_state is 'half'"):
        evaluate(tmp_path, [], interpreter_state="half")
