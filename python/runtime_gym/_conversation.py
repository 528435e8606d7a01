"""The conversation of an episode with a model: the words in which our agents are told what to do, and in which their models are
trained.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self, TypeAlias

from . import _native
from ._requests import Action, EpisodeBase
from ._types import InterpreterState, Limits, Step, ToolCall

__all__ = ["Answer", "Conversation", "FunctionCall", "Message", "Prompt", "Style"]

Message: TypeAlias = dict[str, Any]
"""A message as OpenAI's API has it: ``role``, ``content``, and the calls of functions or the call that it answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a model is told about its runtime. The defaults are the paper's."""

    runtime: Literal["stated", "hidden", "misstated"] = "stated"
    """What the system prompt says about the interpreter's state: the truth, nothing, or the opposite."""
    detail: Literal["full", "brief"] = "full"
    """How much the system prompt and the task say."""
    observation: Literal["full", "compact"] = "full"
    """How an observation is written."""
    hide_names: bool = False
    """Whether the names in a persistent interpreter are left out of each turn."""
    hide_error_output: bool = False
    """Whether standard error is left out of observations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How an agent acts: the keys of an agent in a run config (agent_configs/README.md). The defaults are the paper's."""

    agent_type: Literal["codeact", "react"] = "codeact"
    """It writes Python, or it calls tools."""
    max_turns: int = 40
    """Turns after which the episode ends."""
    several_blocks: Literal["refuse", "first"] = "refuse"
    """What happens if an answer holds several blocks of code."""
    tool_calls: Literal["native", "text"] = "native"
    """How an agent that calls tools does so: by function calling, or in its text."""
    cut_answers: Literal["refuse", "run"] = "refuse"
    """What happens if an answer is cut off at the limit of its length."""
    prompt: Prompt = field(default_factory=Prompt)

    @classmethod
    def of(cls, keys: Mapping[str, Any]) -> Self:
        """A style from its keys and values, those of ``prompt`` too."""
        prompt: dict[str, Any] = keys.get("prompt") or {}
        own: dict[str, Any] = {**keys, "prompt": Prompt(**prompt)}
        return cls(**own)

    def limits(self, limits: Limits | None) -> Limits:
        """The limits of an episode that is played in this style. A step costs a turn, so no more are allowed if that is left open."""
        limits = limits or Limits()
        return replace(limits, max_steps=self.max_turns) if limits.max_steps is None else limits


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A function that a model calls beside its text."""

    id: str
    name: str
    arguments: str
    """JSON, as the model wrote it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answers."""

    text: str
    calls: Sequence[FunctionCall] = ()
    finish_reason: str = "stop"
    """``"stop"`` if the model ended the answer itself (also with calls), ``"length"`` if it was cut off."""


class Conversation:
    """The conversation of an episode. In turn: :meth:`request`, the model's :meth:`answer`, and what became of the action that it asks
    for, by :meth:`observe`.
    """

    def __init__(self, episode: EpisodeBase, style: Style | None = None, *, prompts: str | os.PathLike[str] | None = None) -> None:
        """``prompts`` is a folder with texts in place of ours (agent_configs/README.md)."""
        style = style or Style()
        keys = {
            **asdict(style),
            "persistent_state": episode.interpreter_state is InterpreterState.PERSISTENT,
            "semantics": episode.semantics,
        }
        self._native = _native.Conversation(
            json.dumps(keys),
            None if prompts is None else os.fspath(prompts),
            episode.goal,
            json.dumps(episode.public),
            list(episode.tools),
            episode.limits.tool_calls_per_step or 0,
        )

    @property
    def messages(self) -> list[Message]:
        """What was said so far."""
        return [_message(*said) for said in self._native.messages()]

    @property
    def shown(self) -> list[Message]:
        """What the model is shown of its last turn."""
        return [_message(*said) for said in self._native.shown()]

    @property
    def briefing(self) -> tuple[str, str]:
        """What a model is told whose code comes by a function call: of its task, and of the functions that its code can call."""
        system, task = (message["content"] for message in self.messages[:2])
        # The first paragraph asks for code in the text.
        return task, system.partition("\n\n")[2]

    def observation(self, step: Step) -> str:
        """The observation of a step as a model is shown it whose code comes by a function call. The conversation does not keep it."""
        return self._native.observation(step.index, step.observation)

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The functions that the model can call beside its text, as OpenAI's API has them; none if it writes Python."""
        return [json.loads(tool) for tool in self._native.tools()]

    def request(self) -> list[Message]:
        """The messages of the next request to the model. It may end with the names in the interpreter, which the conversation does not
        keep.
        """
        return [_message(*said) for said in self._native.request()]

    def answer(self, answer: Answer) -> Action | None:
        """Reads the model's answer. Returns the action that it asks for. If it is ``None``, there is nothing to run, and the
        conversation goes on with what the model is told of that.
        """
        calls = [(call.id, call.name, call.arguments) for call in answer.calls]
        action = self._native.answer(answer.text, calls, answer.finish_reason)
        if action is None or isinstance(action, str):
            return action
        return [ToolCall(name, arguments) for name, arguments in action]

    def observe(self, step: Step) -> None:
        """Takes what became of the action."""
        self._native.observe(step.index, step.observation)


def _message(role: str, content: str, calls: list[tuple[str, str, str]], answers: str) -> Message:
    message: Message = {"role": role, "content": content}
    if calls:
        message["tool_calls"] = [
            {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}} for call_id, name, arguments in calls
        ]
    if answers:
        message["tool_call_id"] = answers
    return message
