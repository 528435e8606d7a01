"""Episodes as environments of SkyRL (skyrl-gym 0.4).

SkyRL makes environments by an id, in the process of its trainer. A script for training registers the id there, and sets what all
episodes have in common::

    @ray.remote(num_cpus=1)
    def skyrl_entrypoint(cfg):
        runtime_gym.skyrl_gym.register()
        cfg.environment.skyrl_gym.runtime_gym = {"url": "http://env:50051", "interpreter_state": "persistent"}
        BasePPOExp(cfg).run()

A row of the data set names a task of the server::

    {"env_class": "runtime_gym", "task": "knapsack-0000000000", "prompt": [{"role": "user", "content": ""}]}

``generator.max_turns``, which is 1 by default in SkyRL, is the number of turns. SkyRL begins all trajectories of a batch at once, and
takes steps with ``environment.skyrl_gym.max_env_workers`` threads: the servers need a place for each trajectory, since an episode that
waits for one holds a thread.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import skyrl_gym
from skyrl_gym.envs.base_text_env import BaseTextEnv, BaseTextEnvStepOutput

from ._client import Client, Episode
from ._conversation import Answer, Conversation, Message, Style
from ._errors import RuntimeGymError
from ._row import Row
from ._types import EndReason

__all__ = ["RuntimeGymEnv", "register"]

ENV_ID = "runtime_gym"


def register() -> None:
    """Lets ``skyrl_gym.make("runtime_gym", ...)`` make environments in this process. May be called again."""
    if ENV_ID not in skyrl_gym.registry:
        skyrl_gym.register(id=ENV_ID, entry_point=RuntimeGymEnv)


class RuntimeGymEnv(BaseTextEnv):
    """An episode on an environment server, in the words of :class:`runtime_gym.Conversation`.

    A turn without code is answered, and costs a turn. The reward is the score, on the turn that ends the episode; at the last turn the
    episode is closed, and scored as it is. What SkyRL does not pass on can't be acted on: an answer that was cut off at
    ``max_generate_length`` is read like any other, and a trajectory that SkyRL ends at ``max_input_length`` has no reward.

    A failure of a server is raised, after the client's repetitions: it is no reward, and no model is shown it. SkyRL 0.4 has no way to
    leave out one trajectory: an exception ends the training, which goes on from its last checkpoint. The environment is not closed then:
    the episode ends by its lease. After an exception, call ``close`` or ``init``, and nothing else.
    """

    def __init__(self, env_config: Mapping[str, Any], extras: Mapping[str, Any]) -> None:
        """``env_config`` holds what all episodes have in common, ``extras`` is the row of one. A key that both have is taken from the
        row; other columns of a row mean nothing here.

        ``interpreter_state`` and ``task``, the id of one, must be there; ``task_set`` says where several sets have it. ``url`` is one
        server, or a list of several with the same tasks.
        ``semantics``, ``seed``, ``lease`` and ``state_loss`` are those of :meth:`runtime_gym.Client.create`; a lease should outlast the
        time between two turns, weight updates included. ``limits`` and ``style`` hold the fields of :class:`runtime_gym.Limits` and
        :class:`runtime_gym.Style`. Tools are called in the text, and the names in an interpreter are not shown, since SkyRL keeps all
        that is.
        """
        super().__init__()
        row = Row.of(env_config, extras, "env_config")
        self.max_turns: int = extras.get("max_turns", Style().max_turns)
        self._style = replace(row.style, max_turns=self.max_turns)
        self._options = row.options | {"task": row.task, "limits": self._style.limits(row.options["limits"])}
        self._client = _client(row.urls)
        self._episode: Episode | None = None
        self._is_open = False
        self.turns: int = 0

    @property
    def episode(self) -> Episode:
        """The episode that is played."""
        if self._episode is None:
            raise RuntimeError("there is no episode yet: call init")
        return self._episode

    def init(self, prompt: list[Message]) -> tuple[list[Message], dict[str, Any]]:  # noqa: ARG002
        """Begins an episode. What the model is told of it takes the place of ``prompt``."""
        self.close()
        self._episode, self._is_open, self.turns = self._client.create(**self._options), True, 0
        self._conversation = Conversation(self._episode, self._style)
        return self._conversation.messages, {"episode_id": self._episode.id}

    def step(self, action: str) -> BaseTextEnvStepOutput:
        """Takes a turn: ``action`` is what the model wrote. ``metadata["step"]`` is the :class:`runtime_gym.Step`, if one was taken."""
        episode, step = self.episode, None
        self.turns += 1
        asked = self._conversation.answer(Answer(action))
        if asked is not None:
            step = episode.step(asked)
            self._conversation.observe(step)
        if self.turns >= self.max_turns and not episode.ended:
            episode.close()
        return BaseTextEnvStepOutput(
            observations=[] if episode.ended else self._conversation.shown,
            reward=episode.evaluation.score if episode.evaluation else 0.0,
            done=episode.ended,
            metadata={"step": step, "end_reason": episode.end_reason, "evaluation": episode.evaluation},
        )

    def get_metrics(self) -> dict[str, Any]:
        """What SkyRL averages over the episodes. One that was cut off at ``max_input_length`` counts as unsolved, as its reward does."""
        episode = self.episode
        return {
            "score": episode.evaluation.score if episode.evaluation else 0.0,
            "is_solved": episode.evaluation is not None and episode.evaluation.is_solved,
            "finished": episode.end_reason is EndReason.FINISHED,
            "turns": self.turns,
            "steps": episode.next_step_index,
        }

    def close(self) -> None:
        """Closes the episode. May be called again."""
        is_open, self._is_open = self._is_open, False
        if is_open:
            # If it can't be closed, its lease ends it.
            with contextlib.suppress(RuntimeGymError):
                self.episode.close()


@functools.cache
def _client(urls: str | tuple[str, ...]) -> Client:
    """One client for all environments of a process, so that they share its connections."""
    return Client(urls)
