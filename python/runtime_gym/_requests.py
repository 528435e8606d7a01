"""What both clients do alike: requests from what callers give, and what an episode remembers of itself."""

from __future__ import annotations

import json
import os
import uuid
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Self, TypeAlias, TypeVar

from ._errors import RuntimeGymError
from ._native import Calls, StepStream
from ._types import (
    Closed,
    Created,
    EndReason,
    EpisodeState,
    EpisodeSummary,
    Evaluation,
    InterpreterState,
    Limits,
    Semantics,
    Step,
    Task,
    Tool,
    ToolCall,
)

Action: TypeAlias = "str | Sequence[ToolCall]"
"""What an agent does in a step: a block of Python, or tool calls, which are made in order without the interpreter."""

Wire: TypeAlias = "tuple[str, int, str | list[tuple[str, str]]]"
"""A step as ``_native`` takes it."""

_WALL_CLOCK = 60.0
"""Seconds of a step of an episode whose limits are not known."""


@dataclass(frozen=True, slots=True)
class TaskConfig:
    """A task that a server makes on the spot: the same config, seed and salt give the same task."""

    family: str
    """For example ``"knapsack"``."""
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The family's section of a task config, as in the files of task_configs."""
    seed: int = 0
    salt: str = ""
    """A secret of 16 characters at least. Without one, whoever knows the config can find the hidden data."""


@dataclass(frozen=True, slots=True)
class Create:
    """A request for an episode. ``_native`` reads its attributes."""

    task: tuple[str, str] | tuple[str, str, int, str] | str
    interpreter_state: str
    episode_id: str
    limits: Limits | None
    seed: int | None
    lease: float | None
    record_definitions: bool
    state_loss: float
    semantics: str | None


def create(
    task: Task | TaskConfig | Mapping[str, Any] | str,
    interpreter_state: InterpreterState | str,
    semantics: Semantics | str | None,
    limits: Limits | None,
    seed: int | None,
    lease: float | None,
    state_loss: float,
    record_definitions: bool,
    episode_id: str | None,
) -> Create:
    """A request for an episode, from the arguments of ``create``."""
    if seed is not None and not 0 <= seed < 2**64:
        raise ValueError(f"seed is {seed}; it must be at least 0 and less than 2**64")
    return Create(
        task=_wire_task(task),
        interpreter_state=str(interpreter_state),
        episode_id=episode_id or new_id(),
        limits=limits,
        seed=seed,
        lease=lease,
        record_definitions=record_definitions,
        state_loss=state_loss,
        semantics=None if semantics is None else str(semantics),
    )


def _wire_task(task: Task | TaskConfig | Mapping[str, Any] | str) -> tuple[str, str] | tuple[str, str, int, str] | str:
    match task:
        case Task():
            return (task.set, task.task_id)
        case TaskConfig():
            return (task.family, json.dumps(dict(task.config)), task.seed, task.salt)
        case str():
            return ("", task)
        case _:
            return json.dumps(dict(task))


def calls(
    urls: str | Sequence[str],
    token: str | None,
    ca: str | os.PathLike[str] | None,
    attempts: int,
    deadline: float,
    *,
    is_async: bool,
) -> tuple[list[str], Calls]:
    """The servers of a client, and its calls to them."""
    urls = [urls] if isinstance(urls, str) else list(urls)
    return urls, Calls(urls, token, None if ca is None else os.fspath(ca), attempts, deadline, is_async)


def new_id() -> str:
    """An id for an episode: chosen here, so that a create may be sent again."""
    return uuid.uuid4().hex


def _wire_action(action: Action) -> str | list[tuple[str, str]]:
    if isinstance(action, str):
        return action

    def text(call: ToolCall) -> str:
        return call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments)

    return [(call.name, text(call)) for call in action]


class EpisodeBase:
    """What an episode is, and what is known of where it stands."""

    id: str
    """The id on the server."""
    task: Task
    goal: str
    """The task in words, for a model to read."""
    public: Mapping[str, Any]
    """The task's public data."""
    tools: Sequence[Tool]
    """The functions that the agent's code can call."""
    interpreter_state: InterpreterState
    semantics: Semantics
    seed: int
    limits: Limits
    """The limits in force, all set."""
    lease: float
    """Seconds that the episode lives untouched."""
    next_step_index: int
    """The index that the next step carries."""
    ended: bool
    end_reason: EndReason | None
    evaluation: Evaluation | None
    """How well the task was solved, once the episode has ended."""

    def __repr__(self) -> str:
        stands = f"ended: {self.end_reason}" if self.ended else f"next step {self.next_step_index}"
        return f"<{type(self).__name__} {self.id}: {self.task.family}, {self.interpreter_state}, {stands}>"

    def _begin(self, created: Created) -> Self:
        self.id = created.episode_id
        self.task, self.goal, self.public = created.task, created.goal, created.public
        self.tools, self.limits, self.seed = created.tools, created.limits, created.seed
        self.interpreter_state, self.semantics = created.interpreter_state, created.semantics
        self.lease, self.next_step_index = created.lease, 0
        self.ended, self.end_reason, self.evaluation = False, None, None
        return self

    def _resume(self, state: EpisodeState) -> Self:
        self.goal, self.public, self.tools, self.limits = state.goal, state.public, state.tools, state.limits
        self.evaluation = state.evaluation
        return self._stand(state.summary)

    def _copy_of(self, source: EpisodeBase, summary: EpisodeSummary) -> Self:
        self.goal, self.public, self.tools, self.limits = source.goal, source.public, source.tools, source.limits
        self.evaluation = None
        return self._stand(summary)

    def _stand(self, summary: EpisodeSummary) -> Self:
        self.id, self.task, self.seed = summary.episode_id, summary.task, summary.seed
        self.interpreter_state, self.semantics = summary.interpreter_state, summary.semantics
        self.lease, self.next_step_index = summary.lease, summary.next_step_index
        self.ended, self.end_reason = summary.ended, summary.end_reason
        return self

    def _step(self, action: Action, ahead: int = 0) -> Wire:
        """The next step, or the one that is ``ahead`` steps after it."""
        return (self.id, self.next_step_index + ahead, _wire_action(action))

    @property
    def _wall_clock(self) -> float:
        return self.limits.wall_clock_per_step or _WALL_CLOCK

    def _closed(self, closed: Closed) -> Closed:
        self.ended, self.end_reason, self.evaluation = True, closed.end_reason, closed.evaluation
        return closed

    def _took(self, step: Step) -> Step:
        self.next_step_index = step.index + 1
        if step.done:
            self.ended, self.end_reason, self.evaluation = True, step.end_reason, step.evaluation
        return step


def batch(asked: Sequence[tuple[EpisodeBase, Action]]) -> tuple[list[Wire], float]:
    """The steps of a batch, and the longest wall-clock limit of them. Several steps of one episode have one index after the other."""
    asked_before = Counter[str]()
    wires: list[Wire] = []
    for episode, action in asked:
        wires.append(episode._step(action, ahead=asked_before[episode.id]))
        asked_before[episode.id] += 1
    return wires, max((episode._wall_clock for episode, _ in asked), default=0.0)


def took(asked: Sequence[tuple[EpisodeBase, Action]], answers: list[Step | RuntimeGymError]) -> list[Step | RuntimeGymError]:
    """Notes where the episodes of a batch stand."""
    for (episode, _), answer in zip(asked, answers, strict=True):
        if isinstance(answer, Step):
            episode._took(answer)
    return answers


E = TypeVar("E", bound=EpisodeBase)


class StepStreamBase(Generic[E]):
    """Steps over a stream that have no answer yet."""

    def __init__(self, stream: StepStream) -> None:
        """Use ``step_stream`` of a client."""
        self._stream = stream
        self._sent = deque[E]()
        self._ahead = Counter[str]()

    def __len__(self) -> int:
        """How many steps have no answer yet."""
        return len(self._sent)

    def send(self, episode: E, action: Action) -> None:
        """Sends a step, and waits for nothing. Steps of one episode run in the order in which they are sent."""
        self._stream.send(episode._step(action, self._ahead[episode.id]), episode._wall_clock)
        self._sent.append(episode)
        self._ahead[episode.id] += 1

    def _receives(self) -> E:
        """The episode of the next answer."""
        if not self._sent:
            raise IndexError("every step that was sent is answered")
        episode = self._sent.popleft()
        self._ahead[episode.id] -= 1
        if not self._ahead[episode.id]:
            del self._ahead[episode.id]
        return episode
