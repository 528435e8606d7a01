"""Episodes as environments of Gymnasium 1.4.

The import registers an id for each family of tasks::

    import gymnasium
    import runtime_gym.gymnasium

    env = gymnasium.make("runtime_gym/Knapsack-v0", url="http://127.0.0.1:50051", interpreter_state="persistent")
    observation, info = env.reset(seed=7)
    observation, reward, terminated, truncated, info = env.step("print(list_items())")

Actions and observations are texts: an action is a block of Python, and an observation is what a model should read.
"""

from __future__ import annotations

import contextlib
import copy
import functools
import json
from collections.abc import Sequence
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from ._client import DEFAULT_URL, Client, Episode
from ._errors import RuntimeGymError
from ._requests import TaskConfig
from ._types import InterpreterState, Limits, Semantics, Step

__all__ = ["CodeSpace", "RuntimeGymEnv", "RuntimeGymVectorEnv", "TextSpace"]


class TextSpace(gymnasium.Space[str]):
    """All texts. Samples are drawn from ``examples``."""

    examples: Sequence[str] = ("", "1\n", "NameError: name 'x' is not defined")

    def __init__(self, seed: int | np.random.Generator | None = None) -> None:
        """As :class:`gymnasium.Space`."""
        super().__init__(dtype=str, seed=seed)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    @property
    def is_np_flattenable(self) -> bool:
        """Texts are no arrays."""
        return False

    def contains(self, x: object) -> bool:
        """Whether it is a text."""
        return isinstance(x, str)

    def sample(self, mask: None = None, probability: None = None) -> str:
        """One of the examples. There are no masks for texts."""
        if mask is not None or probability is not None:
            raise ValueError(f"{self} has no masks")
        return self.examples[int(self.np_random.integers(len(self.examples)))]


class CodeSpace(TextSpace):
    """All blocks of Python, also those with errors. Samples can be run in every episode."""

    examples: Sequence[str] = (
        "x = 1",
        "x += 1\nprint(x)",
        "import random\nprint(random.random())",
        "print('é', [name for name in globals() if name == 'x'])",
        "raise ValueError('of a sample')",
        "finish()",
    )


class RuntimeGymEnv(gymnasium.Env[str, str]):
    """Episodes on an environment server.

    A reset closes the episode before and begins one on a task that is drawn by the seed. Its observation is the goal, the public data
    and the functions that the code can call; that of a step is what its code printed, and its error. The same seed and actions give
    the same observations, rewards and infos. An environment that is dropped without :meth:`close` has its episode ended by the lease.

    The info of a reset holds ``task``, ``interpreter_state`` and the episode's ``seed``. That of a step holds ``observation`` and
    ``evaluation`` (a :class:`runtime_gym.Observation`, and at the end a :class:`runtime_gym.Evaluation`), ``end_reason``,
    ``tool_calls``, ``budget_left``, ``steps_left``, ``fuel_used`` and ``state_lost`` as in :class:`runtime_gym.StepInfo`.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 1}  # noqa: RUF012

    def __init__(
        self,
        *,
        url: str | Sequence[str] = DEFAULT_URL,
        family: str = "",
        task: TaskConfig | str | None = None,
        task_set: str = "",
        max_tasks: int = 1000,
        interpreter_state: InterpreterState | str,
        semantics: Semantics | str = Semantics.SCRIPT,
        limits: Limits | None = None,
        lease: float | None = None,
        state_loss: float = 0.0,
        render_mode: str | None = None,
    ) -> None:
        """``url``: one server, or several with the same tasks. Tasks are drawn from the first ``max_tasks`` of a family in a task set;
        or it is always ``task``, the id of one or a :class:`runtime_gym.TaskConfig`. The others are those of
        :meth:`runtime_gym.Client.create`. ``render_mode="ansi"`` renders the last observation.
        """
        if render_mode is not None and render_mode not in self.metadata["render_modes"]:
            raise ValueError(f"render_mode is {render_mode!r}; it must be None or one of {self.metadata['render_modes']}")
        self.render_mode = render_mode
        self.observation_space: gymnasium.Space[str] = TextSpace()
        self.action_space: gymnasium.Space[str] = CodeSpace()
        self.client: Client = Client(url)
        self._tasks = self.client.tasks(family, set=task_set, limit=max_tasks) if task is None else [task]
        if not self._tasks:
            raise ValueError(f"{url} has no tasks of the family {family!r}")
        self._create = functools.partial(
            self.client.create,
            interpreter_state=InterpreterState(interpreter_state),
            semantics=Semantics(semantics),
            limits=limits,
            lease=lease,
            state_loss=state_loss,
        )
        self._episode: Episode | None = None
        self._shown = ""

    @property
    def episode(self) -> Episode:
        """The episode that is played."""
        if self._episode is None:
            raise ResetNeeded("there is no episode yet: call reset")
        return self._episode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, dict[str, Any]]:
        """Begins an episode. Without a seed, its task and its seed follow from those before. There are no options."""
        super().reset(seed=seed, options=options)
        self.close()
        task = self._tasks[self.np_random.integers(len(self._tasks))]
        episode = self._create(task, seed=int(self.np_random.integers(1 << 32)))
        self._episode, self._shown = episode, _introduction(episode)
        return self._shown, {"task": episode.task, "interpreter_state": episode.interpreter_state, "seed": episode.seed}

    def step(self, action: str) -> tuple[str, float, bool, bool, dict[str, Any]]:
        """Runs a block of Python. After an exception (:class:`runtime_gym.Unavailable`, for example) it may be called again with the
        same action, which is taken once.
        """
        if action not in self.action_space:
            raise InvalidAction(f"an action is a text of Python, and not {action!r}")
        step = self._take(action)
        seen, facts = step.observation, step.info
        self._shown = seen.output + seen.error_output + (seen.error or "")
        info = {
            "observation": seen,
            "evaluation": step.evaluation,
            "end_reason": step.end_reason,
            "tool_calls": facts.tool_calls,
            "budget_left": facts.budget_left,
            "steps_left": facts.steps_left,
            "fuel_used": facts.fuel_used,
            "state_lost": facts.state_lost,
        }
        return self._shown, step.reward, step.terminated, step.truncated, info

    def _take(self, action: str) -> Step:
        return self.episode.step(action)

    def render(self) -> str | None:
        """The last observation, if the mode is ``"ansi"``."""
        return self._shown if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Closes the episode. May be called again."""
        episode, self._episode = self._episode, None
        if episode is not None:
            # If it can't be closed, its lease ends it.
            with contextlib.suppress(RuntimeGymError):
                episode.close()


def _introduction(episode: Episode) -> str:
    """What a model should know of a task before it writes code."""
    functions: list[str] = []
    for tool in episode.tools:
        parameters = ", ".join(f"{parameter.name}: {parameter.type}" for parameter in tool.parameters)
        functions.append(f"- {tool.name}({parameters}) -> {tool.returns}: {tool.description}")
    return (
        f"{episode.goal}\n\nPublic data:\n{json.dumps(episode.public)}\n\n"
        "These functions can be called in your code, without an import:\n" + "\n".join(functions) + "\n\n"
        f"One block of code can make at most {episode.limits.tool_calls_per_step} tool calls. Only what it prints is shown."
    )


class _Member(RuntimeGymEnv):
    """An environment of a vector, which takes the steps of all its environments together."""

    taken: Step

    def _take(self, action: str) -> Step:  # noqa: ARG002
        return self.taken


class RuntimeGymVectorEnv(SyncVectorEnv):
    """Many :class:`RuntimeGymEnv`, which take their steps in one call. All else is as in :class:`gymnasium.vector.SyncVectorEnv`.

    An exception says that a step was not taken, but those of other environments may have been: call ``reset`` after it.
    """

    def __init__(self, num_envs: int = 1, *, autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP, **kwargs: Any) -> None:  # noqa: ANN401
        """``kwargs`` are those of :class:`RuntimeGymEnv`."""
        if num_envs < 1:
            raise ValueError(f"num_envs is {num_envs}; it must be 1 or more")
        first = _Member(**kwargs)
        self._client = first.client
        super().__init__([lambda: copy.copy(first)] * num_envs, autoreset_mode=autoreset_mode)
        self._members = cast("list[_Member]", self.envs)

    def step(self, actions: Sequence[str]) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """As :meth:`gymnasium.vector.SyncVectorEnv.step`: the action of an environment that is reset by the step is ignored."""
        if actions not in self.action_space:
            raise InvalidAction(f"actions are {self.num_envs} texts of Python, and not {actions!r}")
        playing = [(member, action) for member, action in zip(self._members, actions, strict=True) if not member.episode.ended]
        if len(playing) < self.num_envs and self.autoreset_mode is not AutoresetMode.NEXT_STEP:
            raise ResetNeeded("an episode has ended: reset its environment first")
        answers = self._client.step_batch((member.episode, action) for member, action in playing)
        for (member, _), answer in zip(playing, answers, strict=True):
            if isinstance(answer, RuntimeGymError):
                raise answer
            member.taken = answer
        return super().step(actions)


for _name, _family in (("Knapsack", "knapsack"), ("Navigation", "navigation"), ("RuleDiagnosis", "rule_diagnosis")):
    gymnasium.register(
        f"runtime_gym/{_name}-v0",
        entry_point="runtime_gym.gymnasium:RuntimeGymEnv",
        vector_entry_point="runtime_gym.gymnasium:RuntimeGymVectorEnv",
        kwargs={"family": _family},
    )
