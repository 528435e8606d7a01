"""The client for threads: each call waits for its answer, and other threads run meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from ._errors import NotFound, RuntimeGymError
from ._requests import Action, EpisodeBase, StepStreamBase, TaskConfig, batch, calls, create, new_id, took
from ._types import Closed, InterpreterState, Limits, Semantics, ServerInfo, Step, Task

__all__ = ["Client", "Episode", "StepStream"]

DEFAULT_URL = "http://127.0.0.1:50051"


class Client:
    """Environment servers, one or several with the same tasks.

    A call that got no answer is repeated: ids and indexes let the server answer a repeated call without a second effect. With several
    servers, an episode begins on one with free places and stays there. Connections are made at the first call. A client may be used
    by many threads at once, and in a process that was forked.
    """

    def __init__(
        self,
        urls: str | Sequence[str] = DEFAULT_URL,
        *,
        token: str | None = None,
        ca: str | os.PathLike[str] | None = None,
        attempts: int = 10,
        deadline: float = 30.0,
    ) -> None:
        """``urls``: ``http://host:port``, ``https://host:port`` or ``unix:/path``. ``token`` and ``ca`` (a file of certificates, in PEM)
        are taken from ``RUNTIME_GYM_TOKEN`` and ``RUNTIME_GYM_CA`` where they are not given. A call is attempted up to ``attempts``
        times; each attempt takes ``deadline`` seconds at most, and a step's own limit more.
        """
        self._urls, self._calls = calls(urls, token, ca, attempts, deadline, is_async=False)

    def __repr__(self) -> str:
        return f"<Client of {', '.join(self._urls)}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is left open: connections end with the client."""

    def servers(self) -> list[ServerInfo]:
        """What each server is."""
        return self._calls.info()

    def tasks(self, family: str = "", *, set: str = "", limit: int = 1000) -> list[Task]:
        """The first tasks of a family in a task set, in the server's order. ``set`` may be left out where there is only one."""
        return self._calls.tasks(set, family, limit)

    def create(
        self,
        task: Task | TaskConfig | Mapping[str, Any] | str,
        *,
        interpreter_state: InterpreterState | str,
        semantics: Semantics | str | None = None,
        limits: Limits | None = None,
        seed: int | None = None,
        lease: float | None = None,
        state_loss: float = 0.0,
        record_definitions: bool = False,
        episode_id: str | None = None,
    ) -> Episode:
        """Begins an episode. ``task`` is one of :meth:`tasks`, the id of one, a :class:`TaskConfig`, or a whole task file.

        There is no default for ``interpreter_state``: whether the interpreter persists or resets is a property of the experiment.
        ``semantics`` is ``"script"`` where it is not given. ``seed`` seeds what draws at random, Python's ``random`` among it.
        ``lease`` is how many seconds the episode lives untouched. ``state_loss`` is the chance that a persistent interpreter's state is
        lost before a step. A server without room is asked again until a lease has passed.
        """
        created = self._calls.create(
            create(task, interpreter_state, semantics, limits, seed, lease, state_loss, record_definitions, episode_id)
        )
        return Episode._of(self)._begin(created)

    def attach(self, episode_id: str) -> Episode:
        """An episode that is there, for example one that another process has begun."""
        state = self._calls.episode(episode_id)
        return Episode._of(self)._resume(state)

    def step_batch(self, steps: Iterable[tuple[Episode, Action]]) -> list[Step | RuntimeGymError]:
        """Takes steps of many episodes at once. For each, in order, its answer, or the error that it would have raised: a step that
        fails does not fail the others. Several steps of one episode run in their order.
        """
        asked = list(steps)
        wires, wall_clock = batch(asked)
        return took(asked, self._calls.step_batch(wires, wall_clock))

    def step_stream(self) -> StepStream:
        """Steps over one stream to each server."""
        return StepStream(self._calls.step_stream())

    def keep_alive(self, episodes: Iterable[Episode]) -> list[str]:
        """Renews leases, for times in which no other call is made. Returns the ids of episodes that are not there any more."""
        return self._calls.keep_alive([episode.id for episode in episodes])

    def import_episode(self, episode: bytes, episode_id: str | None = None) -> Episode:
        """Goes on with an episode that another server of the same interpreter has exported. Needs an operator's token."""
        summary = self._calls.import_episode(episode, episode_id or "")
        return self.attach(summary.episode_id)


class Episode(EpisodeBase):
    """An episode on a server. ``with`` closes it."""

    _client: Client

    def __init__(self) -> None:
        """Episodes come from :meth:`Client.create` and :meth:`Client.attach`."""
        raise TypeError("use Client.create or Client.attach")

    @classmethod
    def _of(cls, client: Client) -> Self:
        episode = cls.__new__(cls)
        episode._client = client
        return episode

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the episode. While an exception passes, a server that can't be reached is not waited for: the lease ends it."""
        try:
            self.close()
        except RuntimeGymError:
            if error is None:
                raise

    def step(self, action: Action) -> Step:
        """Takes one action: a block of Python, or tool calls.

        What the agent does wrong is in the answer's observation. After an exception (:class:`Unavailable`, for example) the step may
        have been taken or not: call again with the same action, and it is taken once.
        """
        return self._took(self._client._calls.step(self._step(action), self._wall_clock))

    def fork(self, count: int = 1, *, at_step_index: int | None = None, ids: Sequence[str] | None = None) -> list[Episode]:
        """Copies the episode, interpreter and hidden state: into episodes that stand where it does, or did before its step
        ``at_step_index``.
        """
        new_ids = list(ids) if ids is not None else [new_id() for _ in range(count)]
        summaries = self._client._calls.fork(self.id, new_ids, at_step_index)
        return [Episode._of(self._client)._copy_of(self, summary) for summary in summaries]

    def export(self) -> bytes:
        """The episode as some kilobytes, with which another server of the same interpreter goes on (:meth:`Client.import_episode`). It
        goes on here, too, until it is closed. Needs an operator's token: the bytes hold hidden data.
        """
        return self._client._calls.export(self.id)

    def keep_alive(self) -> None:
        """Renews the lease, for times in which no step is taken.

        Raises :class:`NotFound` if the episode is not there any more.
        """
        if self._client.keep_alive([self]):
            raise NotFound(f"there is no open episode {self.id}")

    def close(self) -> Closed:
        """Ends the episode, and evaluates it. May be called again."""
        return self._closed(self._client._calls.close(self.id))


class StepStream(StepStreamBase[Episode]):
    """Steps over one stream to each server: they may be sent before earlier ones are answered, and answers come in the order in which
    steps were sent. Where a stream breaks, the steps without an answer are sent again, and each is taken once. It comes from
    :meth:`Client.step_stream`, and can't be used in a process that was forked.
    """

    def receive(self) -> tuple[Episode, Step]:
        """Waits for the answer to the oldest step without one.

        Raises what :meth:`Episode.step` would have raised, also where a quota has nothing left for the step. The steps of the same
        episode that were sent after it then fail, too: they leave a gap. Raises :class:`IndexError` if every step is answered.
        """
        episode = self._receives()
        return episode, episode._took(self._stream.receive())
