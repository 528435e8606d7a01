"""What servers and interpreters answer: plain, immutable values, which can be compared, copied and pickled.

``_native`` makes them, with their fields in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

__all__ = [
    "Closed",
    "Created",
    "Durability",
    "EndReason",
    "EpisodeState",
    "EpisodeSummary",
    "ErrorKind",
    "Evaluation",
    "InterpreterState",
    "Limits",
    "Observation",
    "Outcome",
    "Semantics",
    "ServerInfo",
    "Step",
    "StepInfo",
    "Task",
    "TaskSet",
    "Tool",
    "ToolCall",
    "ToolParameter",
]


class InterpreterState(StrEnum):
    """Whether Python state survives from one step to the next."""

    PERSISTENT = "persistent"
    """One namespace for the whole episode."""
    RESET = "reset"
    """A fresh interpreter for every step."""


class Semantics(StrEnum):
    """How a block of code is run, and how its failures are shown."""

    SCRIPT = "script"
    """As a script, as the paper's interpreter does."""
    NOTEBOOK = "notebook"
    """As a notebook: the value of a last expression is printed, and ``await`` works at top level."""


class ErrorKind(StrEnum):
    """What kind of failure of the agent's own an observation reports."""

    EXCEPTION = "exception"
    """An uncaught Python exception, or an error of a direct tool call."""
    SYNTAX = "syntax"
    """The code is not Python."""
    TOOL_CALL_LIMIT = "tool_call_limit"
    """The step called tools more often than allowed."""
    FUEL = "fuel"
    """The CPU budget ran out."""
    WALL_CLOCK = "wall_clock"
    """The wall-clock stop struck."""
    MEMORY = "memory"
    """The step needed more memory than allowed."""
    CODE_SIZE = "code_size"
    """The code is longer than allowed."""
    CRASH = "crash"
    """The step broke its interpreter in another way."""


class EndReason(StrEnum):
    """Why an episode ended."""

    FINISHED = "finished"
    """The agent called ``finish()`` (terminated)."""
    MAX_STEPS = "max_steps"
    """The limit of steps was reached (truncated)."""
    CLOSED = "closed"
    """The client closed it (truncated)."""
    LEASE_EXPIRED = "lease_expired"
    """Its lease ran out (truncated)."""
    SHUTDOWN = "shutdown"
    """The server is shutting down (truncated)."""


class Durability(StrEnum):
    """What a server's episodes survive. Each value survives what those before it do."""

    OFF = "off"
    """Nothing: they end with the server."""
    PROCESS = "process"
    """The end of the server's process."""
    SYNC = "sync"
    """A crash of the machine, and a loss of power."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task that a server can play."""

    set: str
    """The task set that it is in."""
    task_id: str
    family: str
    """For example ``"knapsack"``."""
    seed: int | None = None
    """The seed that it was drawn from; only for operators, since it gives hidden data away."""
    difficulty: Mapping[str, Any] | None = None
    """Measures of its difficulty; only for operators."""
    public_sha256: str = ""
    """The SHA-256 of its public data: whether a task of this id is the same as before."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of an episode. In a request, ``None`` is the server's default."""

    max_steps: int | None = None
    """Steps before the episode is truncated."""
    tool_calls_per_step: int | None = None
    """Tool calls in one step; the call past it ends the step."""
    fuel_per_step: int | None = None
    """CPU budget of one step, in WebAssembly instructions or so; the same on every machine."""
    wall_clock_per_step: float | None = None
    """Seconds of one step. For safety only, since it depends on the machine."""
    memory_bytes: int | None = None
    """Memory of the interpreter, in bytes."""
    output_bytes_per_step: int | None = None
    """Bytes of standard output of one step; the rest is cut off."""
    code_bytes_per_step: int | None = None
    """Bytes of code of one step."""
    tool_bytes_per_step: int | None = None
    """Bytes that the tool calls of one step carry, arguments and answers together."""
    scratch_bytes: int | None = None
    """Bytes of the interpreter's files."""
    error_output_bytes_per_step: int | None = None
    """Bytes of standard error of one step; the rest is cut off."""


@dataclass(frozen=True, slots=True)
class ToolParameter:
    """A parameter of a tool."""

    name: str
    type: str
    """The Python type, for example ``"str"``."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the agent's code can call."""

    name: str
    description: str
    """One paragraph for a model to read."""
    parameters: Sequence[ToolParameter]
    returns: str
    """The Python type of the answer, for example ``"str"``."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call of a tool: one to make, or one that was made."""

    name: str
    arguments: Any
    """A list of positional arguments, or a dict of those by keyword. A call of both kinds has the list under ``"*"``. A ``str`` is
    what a model wrote, which may be no JSON."""
    result: Any = None
    """The answer, if the call was made and did not fail."""
    error: str | None = None
    """The error, as the agent saw it."""
    error_type: str | None = None
    """``"ToolInvocationException"`` or ``"ToolRuntimeException"``."""


@dataclass(frozen=True, slots=True)
class Created:
    """A new episode: its first observation, and what is in force."""

    episode_id: str
    task: Task
    goal: str
    """The task in words, for a model to read."""
    public: Mapping[str, Any]
    """The task's public data."""
    tools: Sequence[Tool]
    interpreter_state: InterpreterState
    semantics: Semantics
    seed: int
    limits: Limits
    lease: float
    """Seconds that the episode lives untouched."""
    state_loss: float
    """The chance that a persistent interpreter's state is lost before a step."""


@dataclass(frozen=True, slots=True)
class _Result:
    """What a block of code did, as its author may see it. What the code does wrong is here; it is no exception."""

    success: bool
    """Nothing went wrong."""
    output: str
    """Standard output, also of a block that failed."""
    error_output: str
    """Standard error."""
    error: str | None
    """What went wrong, as the agent should read it."""
    error_kind: ErrorKind | None
    exception_type: str | None
    """The class of the exception, for ``ErrorKind.EXCEPTION``."""
    globals: Sequence[str]
    """Names that the code has defined so far, sorted; always empty under ``reset``."""
    output_bytes_left_out: int
    """Bytes of standard output past the limit."""
    error_output_bytes_left_out: int
    """Bytes of standard error past the limit."""


@dataclass(frozen=True, slots=True)
class Observation(_Result):
    """What the agent gets to see of a step. What its code does wrong is here; it is no exception."""

    tool_results: Sequence[ToolCall]
    """The answers to an action that calls tools."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """How well a task was solved."""

    is_solved: bool
    score: float
    """0 to 1."""
    metrics: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The family's own metrics."""


@dataclass(frozen=True, slots=True)
class StepInfo:
    """Facts about a step that the agent does not see."""

    tool_calls: Sequence[ToolCall]
    """Every tool call of the step, in order."""
    budget_left: Mapping[str, int]
    """What is left of the task's own budgets."""
    steps_left: int
    """Steps before the episode is truncated."""
    fuel_used: int
    run_time: float
    """Seconds in the interpreter, or in the tools."""
    queue_time: float
    """Seconds that the step waited for its turn."""
    definitions: Mapping[str, str]
    """Names that the step bound, and digests of their values; only if the episode records them."""
    state_lost: bool
    """The interpreter's state was lost before this step."""


@dataclass(frozen=True, slots=True)
class Step:
    """The answer to a step: ``observation``, ``reward``, ``terminated``, ``truncated`` and ``info`` as Gymnasium defines them."""

    index: int
    observation: Observation
    reward: float
    """The evaluation's score on the step that ends the episode, otherwise 0."""
    terminated: bool
    """The task has reached its own end: the agent called ``finish()``."""
    truncated: bool
    """The episode was cut off from outside."""
    end_reason: EndReason | None
    info: StepInfo
    evaluation: Evaluation | None
    """On the step that ends the episode."""

    @property
    def done(self) -> bool:
        """Whether the episode has ended."""
        return self.terminated or self.truncated


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed episode."""

    end_reason: EndReason
    evaluation: Evaluation
    steps: int
    """Steps that were taken."""


@dataclass(frozen=True, slots=True)
class EpisodeSummary:
    """Where an episode stands."""

    episode_id: str
    task: Task
    interpreter_state: InterpreterState
    semantics: Semantics
    seed: int
    next_step_index: int
    ended: bool
    end_reason: EndReason | None
    created_at: datetime | None
    lease: float
    """Seconds that it lives untouched."""
    expires_at: datetime | None
    """When it is closed if nothing touches it before."""
    forked_from: str | None
    state_loss: float
    fuel_used: int
    run_time: float | None
    """Seconds that its steps ran."""


@dataclass(frozen=True, slots=True)
class EpisodeState:
    """An episode with its first observation."""

    summary: EpisodeSummary
    goal: str
    public: Mapping[str, Any]
    tools: Sequence[Tool]
    limits: Limits
    evaluation: Evaluation | None
    """Once it has ended."""


@dataclass(frozen=True, slots=True)
class TaskSet:
    """Tasks that a server was started with."""

    name: str
    size: int
    families: Sequence[str]


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """What a server is."""

    url: str
    name: str | None
    """Its name among several servers; the ids of its episodes begin with it."""
    version: str
    commit: str | None
    python_version: str
    """The version of Python that agents' code runs in."""
    interpreter_sha256: str
    """The SHA-256 of the interpreter: the same interpreter gives the same observations."""
    task_sets: Sequence[TaskSet]
    families: Sequence[str]
    default_limits: Limits
    open_episodes: int
    """Episodes that it holds, ended ones included."""
    running_episodes: int
    max_episodes: int
    """Episodes that can run at the same time."""
    episodes_created: int
    steps_run: int
    durability: Durability | None
    boot_id: str
    """Names this run of the server."""


@dataclass(frozen=True, slots=True)
class Outcome(_Result):
    """What a block of code did in a :class:`runtime_gym.Sandbox`."""

    fuel_used: int
    """CPU, in WebAssembly instructions or so; the same on every machine."""
    run_time: float
    """Seconds."""
    tool_calls: Sequence[ToolCall]


def time(seconds: float | None) -> datetime | None:
    """A time of the protocol."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
