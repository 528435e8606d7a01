r"""Episodes as an environment of verifiers (verifiers 0.4, ``import verifiers.v1``), for evaluations and for prime-rl.

verifiers imports an environment by its id, which has no dots: the package ``runtime_gym_verifiers``, which is installed with this one,
has the three classes below::

    vf-eval runtime-gym-verifiers -m MODEL --client.base-url http://127.0.0.1:8000/v1 -n 50 -r 4 \
        --env.taskset.url http://127.0.0.1:50051 --env.taskset.interpreter-state reset --env.taskset.style.max-turns 20

In a config, ``env.taskset.id`` is ``"runtime-gym-verifiers"``. A package of your own whose ``__all__`` has the three is an environment
just as well. Servers are started beforehand (``env-server serve``, or :func:`runtime_gym.serve`).
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

import openai
import verifiers.v1 as vf

from . import _types
from ._aio import AsyncClient
from ._client import DEFAULT_URL, Client
from ._conversation import Answer, FunctionCall, Message, Style
from ._play import play_chat
from ._types import InterpreterState

__all__ = ["EpisodeEnv", "EpisodeHarness", "EpisodeTaskset"]


class PromptConfig(vf.BaseConfig):
    """As :class:`runtime_gym.Prompt`."""

    runtime: Literal["stated", "hidden", "misstated"] = "stated"
    detail: Literal["full", "brief"] = "full"
    observation: Literal["full", "compact"] = "full"
    hide_names: bool = False
    hide_error_output: bool = False


class StyleConfig(vf.BaseConfig):
    """As :class:`runtime_gym.Style`."""

    agent_type: Literal["codeact", "react"] = "codeact"
    max_turns: int = 40
    several_blocks: Literal["refuse", "first"] = "refuse"
    tool_calls: Literal["native", "text"] = "native"
    cut_answers: Literal["refuse", "run"] = "refuse"
    prompt: PromptConfig = PromptConfig()


class EpisodeData(vf.TaskData):
    """A task, and how it is played."""

    urls: list[str]
    task_set: str
    task_id: str
    interpreter_state: InterpreterState
    style: StyleConfig


class EpisodesConfig(vf.TasksetConfig):
    """Which tasks are played, and on which servers."""

    interpreter_state: InterpreterState | None = None
    """Required: ``persistent`` or ``reset``. ``vf-eval`` makes a config before it reads the flags, so here it may be missing."""
    url: str | list[str] = DEFAULT_URL
    """A server, or several with the same tasks."""
    family: str = "knapsack"
    """The family of tasks."""
    task_set: str = ""
    """The task set; may be left out where the server has only one."""
    n: int = 1000
    """The most tasks."""
    style: StyleConfig = StyleConfig()
    """How the agent acts."""


class EpisodeTask(vf.Task[EpisodeData]):
    """A task, which its server evaluates."""

    @property
    def key(self) -> str:
        """The task and the interpreter state."""
        return f"{self.data.task_set}/{self.data.task_id}/{self.data.interpreter_state}"

    async def finalize(self, trace: vf.Trace, runtime: vf.Runtime) -> None:  # noqa: ARG002
        """Closes the episode, and notes its evaluation: also of an episode that a limit of verifiers has ended."""
        episode = await _client(*self.data.urls).attach(trace.info["episode_id"])
        closed = await episode.close()
        assert closed.evaluation
        trace.info |= {
            "score": closed.evaluation.score,
            "is_solved": closed.evaluation.is_solved,
            "metrics": dict(closed.evaluation.metrics),
            "end_reason": str(closed.end_reason),
            "interpreter_state": str(episode.interpreter_state),
        }

    @vf.reward
    async def episode_score(self, trace: vf.Trace) -> float:
        """The score of the evaluation, 0 to 1."""
        return trace.info["score"]

    @vf.metric
    async def evaluation(self, trace: vf.Trace) -> dict[str, float]:
        """The numbers of the evaluation."""
        numbers = {name: value for name, value in trace.info["metrics"].items() if isinstance(value, (int, float))}
        return {**numbers, "is_solved": trace.info["is_solved"]}


class EpisodeTaskset(vf.Taskset[EpisodeTask, EpisodesConfig]):
    """The first tasks of a family on a server."""

    def __init__(self, config: EpisodesConfig) -> None:
        """The interpreter state has no default: it is a property of the experiment."""
        if config.interpreter_state is None:
            raise ValueError("taskset.interpreter_state is missing: give --env.taskset.interpreter-state persistent or reset")
        super().__init__(config)

    def load(self) -> Iterator[EpisodeTask]:
        """The tasks, in the server's order."""
        config = self.config
        assert config.interpreter_state
        urls = [config.url] if isinstance(config.url, str) else config.url
        for task in Client(urls).tasks(config.family, set=config.task_set, limit=config.n):
            data = EpisodeData(
                name=task.task_id,
                prompt=task.task_id,
                urls=urls,
                task_set=task.set,
                task_id=task.task_id,
                interpreter_state=config.interpreter_state,
                style=config.style,
            )
            yield EpisodeTask(data, config.task)


class EpisodeHarness(vf.Harness[vf.HarnessConfig]):
    """Plays episodes, in this process: the agent's code runs on the environment server, and nothing in verifiers' runtime."""

    APPENDS_SYSTEM_PROMPT = True
    EXECUTES_CODE = False
    NEEDS_CONTAINER = False

    async def launch(
        self,
        ctx: vf.ModelContext,
        trace: vf.Trace,
        runtime: vf.Runtime,  # noqa: ARG002
        endpoint: str,
        secret: str,
        mcp_urls: dict[str, str],  # noqa: ARG002
        data: vf.TaskData,
    ) -> vf.ProgramResult:
        """Plays an episode. A failure of a server is raised, and verifiers notes it as an error, with no reward."""
        assert isinstance(data, EpisodeData)
        trace.info["episode_id"] = uuid.uuid4().hex
        said: list[dict[str, Any]] = []
        async with openai.AsyncOpenAI(base_url=endpoint, api_key=secret, timeout=None) as model:

            async def chat(messages: list[Message], tools: list[dict[str, Any]]) -> Answer:
                completion = await model.chat.completions.create(
                    model=ctx.model,
                    messages=_messages(messages, said),  # pyright: ignore[reportArgumentType]
                    tools=tools or openai.omit,  # pyright: ignore[reportArgumentType]
                )
                [choice] = completion.choices
                said.append(choice.message.model_dump(exclude_none=True, exclude={"tool_calls"}))
                calls = [
                    FunctionCall(call.id, call.function.name, call.function.arguments)
                    for call in choice.message.tool_calls or ()
                    if call.type == "function"
                ]
                finish_reason = "stop" if choice.finish_reason == "tool_calls" else choice.finish_reason
                return Answer(choice.message.content or "", calls, finish_reason)

            played = await play_chat(
                _client(*data.urls),
                _types.Task(data.task_set, data.task_id, ""),
                chat,
                style=Style.of(data.style.model_dump()),
                interpreter_state=data.interpreter_state,
                episode_id=trace.info["episode_id"],
            )
        if played.fault:
            raise played.fault
        return vf.ProgramResult(exit_code=0, stdout="", stderr="")


class EpisodeEnvConfig(vf.EnvConfig):
    """One agent, for which nothing needs to be started but this process."""

    agent: vf.AgentConfig = vf.AgentConfig(runtime=vf.SubprocessConfig())


class EpisodeEnv(vf.Env[EpisodeEnvConfig]):
    """One agent plays one episode."""

    async def run(self, task: vf.Task, agents: vf.Agents) -> None:
        """Plays the task."""
        await agents.agent.run(task)


@functools.cache
def _client(*urls: str) -> AsyncClient:
    return AsyncClient(urls)


def _messages(messages: Iterable[Message], said: Sequence[dict[str, Any]]) -> list[Message]:
    """A conversation in which the model is shown all that it said, with its thoughts."""
    own = iter(said)
    return [{**next(own), **message} if message["role"] == "assistant" else message for message in messages]
