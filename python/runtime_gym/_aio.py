"""The client for asyncio: the methods of :mod:`runtime_gym._client`, as coroutines.

asyncio is imported where it is used: it takes longer than all that the package needs besides.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from ._client import DEFAULT_URL
from ._errors import NotFound, RuntimeGymError
from ._requests import Action, EpisodeBase, StepStreamBase, TaskConfig, batch, calls, create, new_id, took
from ._types import Closed, Created, InterpreterState, Limits, Semantics, ServerInfo, Step, Task

if TYPE_CHECKING:
    import asyncio

__all__ = ["AsyncClient", "AsyncEpisode", "AsyncStepStream"]


class AsyncClient:
    """:class:`runtime_gym.Client` for asyncio. Calls of many tasks run at once on one connection."""

    def __init__(
        self,
        urls: str | Sequence[str] = DEFAULT_URL,
        *,
        token: str | None = None,
        ca: str | os.PathLike[str] | None = None,
        attempts: int = 10,
        deadline: float = 30.0,
    ) -> None:
        """As :class:`runtime_gym.Client`."""
        self._urls, self._calls = calls(urls, token, ca, attempts, deadline, is_async=True)

    def __repr__(self) -> str:
        return f"<AsyncClient of {', '.join(self._urls)}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        """Nothing is left open: connections end with the client."""

    async def servers(self) -> list[ServerInfo]:
        """As :meth:`runtime_gym.Client.servers`."""
        return await self._calls.info()

    async def tasks(self, family: str = "", *, set: str = "", limit: int = 1000) -> list[Task]:
        """As :meth:`runtime_gym.Client.tasks`."""
        return await self._calls.tasks(set, family, limit)

    async def create(
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
    ) -> AsyncEpisode:
        """As :meth:`runtime_gym.Client.create`. If it is cancelled, an episode that it has begun is closed."""
        request = create(task, interpreter_state, semantics, limits, seed, lease, state_loss, record_definitions, episode_id)
        import asyncio

        creating = asyncio.ensure_future(self._calls.create(request))
        try:
            created = await asyncio.shield(creating)
        except asyncio.CancelledError:
            creating.add_done_callback(self._abandon)
            raise
        return AsyncEpisode._of(self)._begin(created)

    def _abandon(self, creating: asyncio.Future[Created]) -> None:
        """Closes an episode that nobody waits for any more. If that fails, its lease ends it."""
        import asyncio

        if not creating.cancelled() and creating.exception() is None:
            closing: asyncio.Future[Closed] = asyncio.ensure_future(self._calls.close(creating.result().episode_id))
            closing.add_done_callback(lambda closed: closed.cancelled() or closed.exception())

    async def attach(self, episode_id: str) -> AsyncEpisode:
        """As :meth:`runtime_gym.Client.attach`."""
        state = await self._calls.episode(episode_id)
        return AsyncEpisode._of(self)._resume(state)

    async def step_batch(self, steps: Iterable[tuple[AsyncEpisode, Action]]) -> list[Step | RuntimeGymError]:
        """As :meth:`runtime_gym.Client.step_batch`."""
        asked = list(steps)
        wires, wall_clock = batch(asked)
        return took(asked, await self._calls.step_batch(wires, wall_clock))

    def step_stream(self) -> AsyncStepStream:
        """As :meth:`runtime_gym.Client.step_stream`."""
        return AsyncStepStream(self._calls.step_stream())

    async def keep_alive(self, episodes: Iterable[AsyncEpisode]) -> list[str]:
        """As :meth:`runtime_gym.Client.keep_alive`."""
        return await self._calls.keep_alive([episode.id for episode in episodes])

    async def import_episode(self, episode: bytes, episode_id: str | None = None) -> AsyncEpisode:
        """As :meth:`runtime_gym.Client.import_episode`."""
        summary = await self._calls.import_episode(episode, episode_id or "")
        return await self.attach(summary.episode_id)


class AsyncEpisode(EpisodeBase):
    """:class:`runtime_gym.Episode` for asyncio. ``async with`` closes it."""

    _client: AsyncClient

    def __init__(self) -> None:
        """Episodes come from :meth:`AsyncClient.create` and :meth:`AsyncClient.attach`."""
        raise TypeError("use AsyncClient.create or AsyncClient.attach")

    @classmethod
    def _of(cls, client: AsyncClient) -> Self:
        episode = cls.__new__(cls)
        episode._client = client
        return episode

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """As in :class:`runtime_gym.Episode`."""
        try:
            await self.close()
        except RuntimeGymError:
            if error is None:
                raise

    async def step(self, action: Action) -> Step:
        """As :meth:`runtime_gym.Episode.step`. If it is cancelled, the step may have been taken or not."""
        return self._took(await self._client._calls.step(self._step(action), self._wall_clock))

    async def fork(self, count: int = 1, *, at_step_index: int | None = None, ids: Sequence[str] | None = None) -> list[AsyncEpisode]:
        """As :meth:`runtime_gym.Episode.fork`."""
        new_ids = list(ids) if ids is not None else [new_id() for _ in range(count)]
        summaries = await self._client._calls.fork(self.id, new_ids, at_step_index)
        return [AsyncEpisode._of(self._client)._copy_of(self, summary) for summary in summaries]

    async def export(self) -> bytes:
        """As :meth:`runtime_gym.Episode.export`."""
        return await self._client._calls.export(self.id)

    async def keep_alive(self) -> None:
        """As :meth:`runtime_gym.Episode.keep_alive`."""
        if await self._client.keep_alive([self]):
            raise NotFound(f"there is no open episode {self.id}")

    async def close(self) -> Closed:
        """As :meth:`runtime_gym.Episode.close`."""
        return self._closed(await self._client._calls.close(self.id))


class AsyncStepStream(StepStreamBase[AsyncEpisode]):
    """:class:`runtime_gym.StepStream` for asyncio."""

    async def receive(self) -> tuple[AsyncEpisode, Step]:
        """As :meth:`runtime_gym.StepStream.receive`. If it is cancelled, its answer is lost: :meth:`AsyncClient.attach` says where the
        episode stands.
        """
        episode = self._receives()
        return episode, episode._took(await self._stream.receive())
