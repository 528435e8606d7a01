"""Episodes as a resources server of NeMo Gym (nemo-gym 0.7): its tool ``python`` runs a model's code, and ``/verify`` gives the score.

A folder ``resources_servers/runtime_gym`` holds an ``app.py``, which NeMo Gym starts::

    from runtime_gym.nemo_gym import RuntimeGymResourcesServer

    if __name__ == "__main__":
        RuntimeGymResourcesServer.run_webserver()

a ``requirements.txt`` with ``nemo-gym`` and ``runtime-gym``, and a config::

    runtime_gym_resources_server:
      resources_servers:
        runtime_gym:
          entrypoint: app.py
          domain: agent
          url: http://env:50051

:func:`rows` makes the rows of a data set. Each names a task and whether the interpreter persists, and holds the prompt for it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse
from nemo_gym import failure_kinds
from nemo_gym.base_resources_server import (
    BaseResourcesServerConfig,
    BaseSeedSessionRequest,
    BaseSeedSessionResponse,
    BaseVerifyRequest,
    BaseVerifyResponse,
    ResourcesCloseSessionRequest,
    ResourcesCloseSessionResponse,
    ResourcesSeedSessionRequest,
    ResourcesSeedSessionResponse,
    ReverifyMode,
    SimpleResourcesServer,
)
from nemo_gym.server_utils import SESSION_ID_KEY
from pydantic import BaseModel, Field, PrivateAttr, ValidationError

from ._aio import AsyncClient, AsyncEpisode
from ._client import DEFAULT_URL, Client
from ._conversation import Conversation, Prompt, Style
from ._errors import FAULTS, DeadlineExceeded, FailedPrecondition, NotFound, RuntimeGymError, Unavailable
from ._types import EndReason, InterpreterState, Limits, Semantics, Task

__all__ = ["RuntimeGymConfig", "RuntimeGymResourcesServer", "rows"]

_TOOL = {
    "type": "function",
    "name": "python",
    "description": "Runs Python code. Returns the result as JSON: success, output (what the code printed) and error.",
    "parameters": {
        "type": "object",
        "properties": {"code": {"type": "string", "description": "The code."}},
        "required": ["code"],
        "additionalProperties": False,
    },
    "strict": True,
}

_NO_RESULT = "(no output)"
"""What an agent is answered when a server has failed. It says nothing that a model could learn from."""


class RuntimeGymConfig(BaseResourcesServerConfig):
    """The config of the resources server."""

    REVERIFY_MODE: ClassVar[ReverifyMode] = ReverifyMode.UNSUPPORTED

    url: str | list[str] = DEFAULT_URL
    """The environment server, or several with the same tasks."""
    lease: float | None = None
    """Seconds that an episode lives untouched: no turn of a model may take longer. The server's own if it is not given. It also ends the
    episodes of rollouts that are given up."""


class Row(BaseSeedSessionRequest):
    """What a row of a data set says of its episode."""

    task: str
    task_set: str = ""
    interpreter_state: InterpreterState
    semantics: Semantics = Semantics.SCRIPT
    seed: int | None = None
    limits: Limits = Limits()


class Code(BaseModel):
    """The arguments of the tool."""

    code: str = Field(description="The code.")


class Verified(BaseVerifyResponse):
    """What became of an episode."""

    is_solved: bool | None = None
    finished: bool | None = None
    """Whether the model has ended it itself."""
    steps: int | None = None


@dataclass
class _Session:
    """A rollout's session."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    row: Row | None = None
    episode: AsyncEpisode | None = None
    conversation: Conversation | None = None
    """Writes the observations."""
    fault: RuntimeGymError | None = None
    """The failure of a server that has spoiled the episode, if one has."""
    closed: bool = False


class RuntimeGymResourcesServer(SimpleResourcesServer):
    """Plays an episode in each session.

    A failure of a server is no reward, and no model is told of it: the tool answers with status 503 and a text that says nothing, and
    ``/verify`` masks the sample and names the kind of failure. Sessions are in the memory of this process.
    """

    ray_enabled = False
    config: RuntimeGymConfig
    _client: AsyncClient = PrivateAttr()
    _sessions: defaultdict[str, _Session] = PrivateAttr(default_factory=lambda: defaultdict(_Session))

    def model_post_init(self, context: Any) -> None:  # noqa: ANN401
        """Makes the client."""
        super().model_post_init(context)
        if self.config.num_workers not in (None, 1):
            raise ValueError("the sessions are in one process: num_workers must be 1")
        self._client = AsyncClient(self.config.url)

    def setup_webserver(self) -> FastAPI:
        """Adds the tool."""
        app = super().setup_webserver()
        app.post("/python")(self.python)
        return app

    async def seed_session(
        self, request: Request, body: ResourcesSeedSessionRequest | Row
    ) -> ResourcesSeedSessionResponse | BaseSeedSessionResponse:
        """Begins the session's episode, unless it has begun."""
        if isinstance(body, Row):
            await self._seed(request.session[SESSION_ID_KEY], body)
            return BaseSeedSessionResponse()
        try:
            row = Row.model_validate(body.task_data)
        except ValidationError as error:
            raise RequestValidationError(error.errors()) from error
        request.session[SESSION_ID_KEY] = body.resources_session_id
        await self._seed(body.resources_session_id, row)
        return ResourcesSeedSessionResponse(resources_session_id=body.resources_session_id)

    async def _seed(self, session_id: str, row: Row) -> None:
        session = self._sessions[session_id]
        async with session.lock:
            if session.closed:
                raise HTTPException(409, "the session is closed")
            if session.row is None:
                session.episode = await self._create(row)
                session.conversation = Conversation(session.episode)
                session.row = row
            elif session.row != row:
                raise HTTPException(409, "the session plays another episode")

    async def _create(self, row: Row) -> AsyncEpisode:
        try:
            return await self._client.create(
                Task(row.task_set, row.task, ""),
                interpreter_state=row.interpreter_state,
                semantics=row.semantics,
                seed=row.seed,
                limits=row.limits,
                lease=self.config.lease,
            )
        except FAULTS as fault:
            raise HTTPException(503, str(fault)) from fault
        except RuntimeGymError as error:
            raise HTTPException(400, str(error)) from error

    async def python(self, request: Request, body: Code) -> PlainTextResponse:
        """Runs Python code. Returns the result as JSON: success, output (what the code printed) and error."""
        session = self._sessions[request.session[SESSION_ID_KEY]]
        async with session.lock:
            episode = session.episode
            if episode is None or session.fault is not None:
                return PlainTextResponse(_NO_RESULT, 503)
            if episode.ended:
                return PlainTextResponse("The episode has ended.", 409)
            try:
                step = await episode.step(body.code)
            except RuntimeGymError as fault:
                session.fault = fault
                return PlainTextResponse(_NO_RESULT, 503)
            assert session.conversation
            return PlainTextResponse(session.conversation.observation(step))

    async def verify(self, request: Request, body: BaseVerifyRequest) -> Verified:
        """Ends the session's episode. The reward is its score."""
        session = self._sessions[request.session[SESSION_ID_KEY]]
        async with session.lock:
            if session.episode is None:
                return _masked(body, failure_kinds.SESSION_LOST, "the session has no episode")
            if session.fault is not None:
                return _masked(body, _kind(session.fault), str(session.fault))
            try:
                closed = await session.episode.close()
            except RuntimeGymError as fault:
                return _masked(body, _kind(fault), str(fault))
        return Verified(
            **body.model_dump(),
            reward=closed.evaluation.score,
            is_solved=closed.evaluation.is_solved,
            finished=closed.end_reason is EndReason.FINISHED,
            steps=closed.steps,
        )

    async def close_resources_session(self, body: ResourcesCloseSessionRequest) -> ResourcesCloseSessionResponse:
        """Closes the session and its episode."""
        session = self._sessions[body.resources_session_id]
        async with session.lock:
            try:
                if session.episode is not None:
                    await session.episode.close()
            except NotFound:
                pass
            except RuntimeGymError as fault:
                raise HTTPException(503, str(fault)) from fault
            session.episode, session.closed = None, True
        return ResourcesCloseSessionResponse(resources_session_id=body.resources_session_id)


def _kind(fault: RuntimeGymError) -> str:
    match fault:
        case Unavailable():
            return failure_kinds.TRANSPORT_UNREACHABLE
        case DeadlineExceeded():
            return failure_kinds.TRANSPORT_TIMEOUT
        case NotFound() | FailedPrecondition():
            return failure_kinds.SESSION_EXPIRED
        case _:
            return failure_kinds.PROVIDER_UNAVAILABLE


def _masked(body: BaseVerifyRequest, kind: str, reason: str) -> Verified:
    return Verified(**body.model_dump(), reward=0.0, mask_sample=True, failure_kind=kind, failure_reason=reason)


def rows(
    client: Client,
    family: str = "",
    n: int = 1000,
    *,
    set: str = "",
    interpreter_state: InterpreterState | str,
    max_turns: int = 40,
    runtime: Literal["stated", "hidden", "misstated"] = "stated",
) -> Iterator[dict[str, Any]]:
    """Rows for the first ``n`` tasks of a family, one for each line of a file.

    ``max_turns`` is the number of calls after which an episode ends, and ``runtime`` is what the model is told of the interpreter's
    state. Prompts are written by the server: an episode of each task is begun, and closed.
    """
    style = Style(max_turns=max_turns, prompt=Prompt(runtime=runtime, hide_names=True))
    for task in client.tasks(family, set=set, limit=n):
        with client.create(task, interpreter_state=interpreter_state, limits=Limits(max_steps=max_turns)) as episode:
            task_text, functions = Conversation(episode, style).briefing
        yield {
            "responses_create_params": {
                "input": [{"role": "system", "content": functions}, {"role": "user", "content": task_text}],
                "tools": [_TOOL],
            },
            "task": task.task_id,
            "task_set": task.set,
            "interpreter_state": str(episode.interpreter_state),
            "limits": {"max_steps": max_turns},
        }
