"""Episodes in TRL's ``GRPOTrainer`` (TRL 1.15 and 1.16).

A model that calls a tool, ``python``, plays in environments::

    from runtime_gym import Client
    from runtime_gym.trl import dataset, environment

    trainer = GRPOTrainer(
        model,
        args=GRPOConfig(max_completion_length=4096),
        train_dataset=dataset(Client(url), "knapsack", 500),
        environment_factory=environment(url, interpreter_state="persistent"),
    )

A model that writes blocks of Python in its text, as our own agents do, plays in rollouts::

    trainer = GRPOTrainer(
        ...,
        rollout_func=rollout_func(url, interpreter_state="persistent"),
        reward_funcs=reward,
    )

``max_completion_length`` is the length of a whole episode without its prompt. An episode that a failing server has lost has no reward
(``None``): TRL leaves it out of its group.
"""

from __future__ import annotations

import asyncio
import logging
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Unpack

from datasets import Dataset
from trl import GRPOTrainer

from ._aio import AsyncClient
from ._client import Client, Episode
from ._conversation import Conversation, Prompt, Style
from ._errors import FAULTS, RuntimeGymError
from ._play import EpisodeOptions, Generated, PlayedTokens, play_tokens
from ._types import Task

__all__ = ["RuntimeGymEnvironment", "dataset", "environment", "reward", "rollout_func"]

_log = logging.getLogger(__name__)

_NO_RESULT = "(no output)"
"""What the model is shown when its code can't be run any more. It says nothing that a model could learn from."""

_GATHER = 0.5
"""Seconds that a batch of generations waits for further episodes."""


def dataset(client: Client, family: str = "", n: int = 1000, *, set: str = "") -> Dataset:
    """The first ``n`` tasks of a family, for :func:`environment` and for :func:`rollout_func`."""
    rows: list[dict[str, Any]] = []
    for task in client.tasks(family, set=set, limit=n):
        name = {"set": task.set, "task_id": task.task_id}
        # The prompt is written when the episode begins. A rollout is given nothing but the message, so that names the task as well.
        rows.append({"prompt": [{"role": "user", "content": "", **name}], **name})
    return Dataset.from_list(rows)


class _Losses:
    """Counts the episodes in a row that were lost."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._in_a_row = 0

    def note(self, fault: RuntimeGymError | None) -> None:
        """Takes what became of an episode. Raises once too many are lost."""
        if fault is None:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        _log.warning("an episode is lost, and has no reward: %s", fault)
        if self._in_a_row >= self._most:
            raise RuntimeGymError(f"the last {self._in_a_row} episodes were lost") from fault


def environment(
    url: str | Sequence[str],
    *,
    max_turns: int = 40,
    runtime: Literal["stated", "hidden", "misstated"] = "stated",
    most_lost: int = 64,
    attempts: int = 5,
    **options: Unpack[EpisodeOptions],
) -> Callable[[], RuntimeGymEnvironment]:
    """For ``environment_factory``: makes environments that play on the servers at ``url``.

    ``max_turns`` is the number of calls after which an episode ends, and ``runtime`` is what the model is told of the interpreter's
    state. An episode lives an hour untouched if ``lease`` is not given: a turn of a whole batch must not take longer. An exception ends
    the training once ``most_lost`` episodes in a row were lost. TRL takes the steps of a batch one after the other, so that a call is
    attempted ``attempts`` times only, in some two seconds.
    """
    style = Style(max_turns=max_turns, prompt=Prompt(runtime=runtime))
    options["limits"] = style.limits(options.get("limits"))
    options.setdefault("lease", 3600.0)
    return _Environments(url, attempts, style, options, _Losses(most_lost))


@dataclass
class _Environments:
    """Makes environments, which share a client. It can be pickled before it has made one."""

    url: str | Sequence[str]
    attempts: int
    style: Style
    options: EpisodeOptions
    losses: _Losses

    @cached_property
    def client(self) -> Client:
        """Their client."""
        return Client(self.url, attempts=self.attempts)

    def __call__(self) -> RuntimeGymEnvironment:
        return RuntimeGymEnvironment(self)


class RuntimeGymEnvironment:
    """An environment of TRL. It plays one episode after the other."""

    def __init__(self, environments: _Environments) -> None:
        """Use :func:`environment`."""
        self._of = environments
        self._episode: Episode | None = None
        self._fault: RuntimeGymError | None = None
        self._reward: float | None = None

    def reset(self, *, set: str, task_id: str, **_row: object) -> str:
        """Begins an episode of the row's task. Returns what the model is told of it."""
        self.get_reward()
        self._fault = self._reward = None
        try:
            self._episode = self._of.client.create(Task(set, task_id, ""), **self._of.options)
        except FAULTS as fault:
            self._fault = fault
            self._of.losses.note(fault)
            return ""
        self._conversation = Conversation(self._episode, self._of.style)
        return "\n\n".join(self._conversation.briefing)

    def python(self, code: str) -> str:
        """Runs Python code.

        Args:
            code: The code.

        Returns:
            The result as JSON: success, output (what the code printed) and error.

        """
        if self._fault:
            return _NO_RESULT
        if self._episode is None or self._episode.ended:
            raise ValueError("The episode has ended.")
        if not isinstance(code, str):
            raise TypeError("code must be a string.")
        try:
            step = self._episode.step(code)
        except RuntimeGymError as fault:
            self._fault = fault
            return _NO_RESULT
        return self._conversation.observation(step)

    def get_reward(self) -> float | None:
        """Closes the episode. Returns its score; ``None`` if a server has lost it."""
        if self._episode is not None:
            episode, self._episode = self._episode, None
            try:
                self._reward = episode.close().evaluation.score
            except RuntimeGymError as fault:
                self._fault = self._fault or fault
            if self._fault:
                self._reward = None
            self._of.losses.note(self._fault)
        return self._reward


def reward(reward: list[float | None], **_row: object) -> list[float | None]:
    """For ``reward_funcs``: the scores of the episodes that :func:`rollout_func` has played."""
    return reward


def rollout_func(
    url: str | Sequence[str],
    *,
    style: Style | None = None,
    most_lost: int = 64,
    attempts: int = 10,
    **options: Unpack[EpisodeOptions],
) -> Callable[[list[Any], GRPOTrainer], dict[str, Any]]:
    """For ``rollout_func``: plays an episode for each prompt of :func:`dataset`, all of a batch at once, by
    :func:`runtime_gym.play_tokens`. The prompt is that of our own agents.

    The trainer generates as it is configured. Processes generate independently of one another, so that with several of them no generation
    may need them all, as it does with vLLM's server mode, ZeRO-3 and FSDP. An exception ends the training once ``most_lost`` episodes in
    a row were lost.
    """
    client = AsyncClient(url, attempts=attempts)
    losses = _Losses(most_lost)

    def rollout(prompts: list[Any], trainer: GRPOTrainer) -> dict[str, Any]:
        turns = _Turns(trainer, len(prompts))

        async def play(prompt: list[dict[str, Any]]) -> PlayedTokens:
            return await play_tokens(
                client,
                Task(prompt[-1]["set"], prompt[-1]["task_id"], ""),
                turns.generate,
                trainer.processing_class,
                style=style,
                max_response=trainer.max_completion_length,
                template=trainer.chat_template_kwargs,
                **options,
            )

        async def play_all() -> list[Any]:
            episodes = [asyncio.ensure_future(play(prompt)) for prompt in prompts]
            for episode in episodes:
                episode.add_done_callback(turns.end)
            # What one of them raises, `take` raises.
            return await asyncio.gather(*episodes, return_exceptions=True)

        with ThreadPoolExecutor(1) as thread:
            playing = thread.submit(asyncio.run, play_all())
            turns.take()
            played = playing.result()
        for one in played:
            losses.note(one.fault)
        # TRL needs an id of each, also of an episode that has not begun.
        end = trainer.eos_token_ids[:1]
        return {
            "prompt_ids": [one.prompt_ids or end for one in played],
            "completion_ids": [one.response_ids or end for one in played],
            "logprobs": [one.logprobs or [0.0] for one in played] if trainer.use_vllm else None,
            "env_mask": [one.mask or [0] for one in played],
            "reward": [one.reward for one in played],
        }

    return rollout


@dataclass
class _Turn:
    """A turn that an episode waits for."""

    ids: list[int]
    generated: Future[Generated] = field(default_factory=Future[Generated])


class _Turns:
    """The model's turns. Episodes wait for them in one thread, which renews their leases, and the trainer generates them in its own."""

    def __init__(self, trainer: GRPOTrainer, episodes: int) -> None:
        self._trainer = trainer
        self._playing = episodes
        self._asked: queue.SimpleQueue[_Turn | BaseException | None] = queue.SimpleQueue()

    async def generate(self, ids: list[int]) -> Generated:
        """A turn of an episode."""
        turn = _Turn(ids)
        self._asked.put(turn)
        return await asyncio.wrap_future(turn.generated)

    def end(self, episode: asyncio.Task[PlayedTokens]) -> None:
        """Notes that an episode has ended."""
        self._asked.put(None if episode.cancelled() else episode.exception())

    def take(self) -> None:
        """Generates until all episodes have ended. If that or one of them fails, the others are cancelled, and so closed."""
        failure: BaseException | None = None
        while self._playing:
            turns: list[_Turn] = []
            try:
                self._wait(turns)
                if failure is None:
                    self._generate(turns)
                    continue
            except BaseException as error:
                failure = failure or error
            for turn in turns:
                turn.generated.set_exception(asyncio.CancelledError())
        if failure is not None:
            raise failure

    def _wait(self, turns: list[_Turn]) -> None:
        """Waits for the turns of all episodes, or a while for those that come first."""
        while len(turns) < self._playing:
            try:
                turn = self._asked.get(timeout=_GATHER if turns else None)
            except queue.Empty:
                return
            if isinstance(turn, _Turn):
                turns.append(turn)
                continue
            self._playing -= 1
            if turn is not None:
                raise turn

    def _generate(self, turns: list[_Turn]) -> None:
        if not turns:
            return
        ids, logprobs = self._trainer._generate_single_turn([turn.ids for turn in turns], None, {}, 1)
        for index, turn in enumerate(turns):
            finish_reason = "stop" if ids[index][-1] in self._trainer.eos_token_ids else "length"
            turn.generated.set_result(Generated(ids[index], None if logprobs is None else logprobs[index], finish_reason))
