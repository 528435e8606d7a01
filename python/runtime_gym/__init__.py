"""Runtime Gym: episodes for language-model agents that act by writing Python.

:func:`serve` starts a server, :class:`Client` and :class:`AsyncClient` play episodes on servers, :class:`Family` is a task family of
one's own, and :class:`Sandbox` is the interpreter alone.
"""

from __future__ import annotations

from ._aio import AsyncClient, AsyncEpisode, AsyncStepStream
from ._client import Client, Episode, StepStream
from ._conversation import Answer, Conversation, FunctionCall, Message, Prompt, Style
from ._errors import (
    AlreadyExists,
    DeadlineExceeded,
    FailedPrecondition,
    InternalError,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
    RuntimeGymError,
    SandboxError,
    ServerStartError,
    Unauthenticated,
    Unavailable,
)
from ._family import Family, FamilyTask, ToolError, ToolHost, host, tool
from ._play import EpisodeOptions, Generated, Played, PlayedTokens, Tokenizer, play_chat, play_tokens
from ._requests import Action, TaskConfig
from ._sandbox import Sandbox
from ._server import Server, generate, serve
from ._types import (
    Closed,
    Durability,
    EndReason,
    EpisodeSummary,
    ErrorKind,
    Evaluation,
    InterpreterState,
    Limits,
    Observation,
    Outcome,
    Semantics,
    ServerInfo,
    Step,
    StepInfo,
    Task,
    TaskSet,
    Tool,
    ToolCall,
    ToolParameter,
)

__all__ = [
    "Action",
    "AlreadyExists",
    "Answer",
    "AsyncClient",
    "AsyncEpisode",
    "AsyncStepStream",
    "Client",
    "Closed",
    "Conversation",
    "DeadlineExceeded",
    "Durability",
    "EndReason",
    "Episode",
    "EpisodeOptions",
    "EpisodeSummary",
    "ErrorKind",
    "Evaluation",
    "FailedPrecondition",
    "Family",
    "FamilyTask",
    "FunctionCall",
    "Generated",
    "InternalError",
    "InterpreterState",
    "InvalidArgument",
    "Limits",
    "Message",
    "NotFound",
    "Observation",
    "Outcome",
    "PermissionDenied",
    "Played",
    "PlayedTokens",
    "Prompt",
    "ResourceExhausted",
    "RuntimeGymError",
    "Sandbox",
    "SandboxError",
    "Semantics",
    "Server",
    "ServerInfo",
    "ServerStartError",
    "Step",
    "StepInfo",
    "StepStream",
    "Style",
    "Task",
    "TaskConfig",
    "TaskSet",
    "Tokenizer",
    "Tool",
    "ToolCall",
    "ToolError",
    "ToolHost",
    "ToolParameter",
    "Unauthenticated",
    "Unavailable",
    "generate",
    "host",
    "play_chat",
    "play_tokens",
    "serve",
    "tool",
]
