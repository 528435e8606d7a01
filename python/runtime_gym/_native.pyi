from _typeshed import SupportsGetItem
from os import PathLike
from typing import Any, SupportsFloat, SupportsIndex, final

__all__ = ["Calls", "Conversation", "Hosting", "Interpreter", "Sandbox", "StepStream", "agent", "env_server"]

@final
class Calls:
    """
    Calls to environment servers, of which each method is one. A method waits for the answer; those of an instance for asyncio return
    an awaitable of it.
    """
    def __new__(cls, /, urls: SupportsGetItem[int, str], token: str | None, ca: str | PathLike[str] | None, attempts: SupportsIndex, deadline: SupportsFloat | SupportsIndex, is_async: bool) -> Calls: ...
    def close(self, /, episode_id: str) -> Any:
        """
        Ends an episode.
        """
    def create(self, /, request: "object") -> "Any":
        """
        Begins an episode. If nobody waits for it any more, it is closed once it is there.
        """
    def episode(self, /, episode_id: str) -> Any:
        """
        Where an episode stands.
        """
    def export(self, /, episode_id: str) -> Any:
        """
        An episode as bytes.
        """
    def fork(self, /, episode_id: str, new_ids: SupportsGetItem[int, str], at_step_index: SupportsIndex | None) -> Any:
        """
        Copies an episode.
        """
    def import_episode(self, /, episode: "bytes", episode_id: str) -> "Any":
        """
        Goes on with an exported episode.
        """
    def info(self, /) -> Any:
        """
        What each server is.
        """
    def keep_alive(self, /, episode_ids: SupportsGetItem[int, str]) -> Any:
        """
        Renews leases; returns the ids of episodes that are not there.
        """
    def step(self, /, step: tuple[str, SupportsIndex, str | SupportsGetItem[int, tuple[str, str]]], wall_clock: SupportsFloat | SupportsIndex) -> Any:
        """
        Takes a step.
        """
    def step_batch(self, /, steps: SupportsGetItem[int, tuple[str, SupportsIndex, str | SupportsGetItem[int, tuple[str, str]]]], wall_clock: SupportsFloat | SupportsIndex) -> Any:
        """
        Takes many steps: for each its answer or its exception.
        """
    def step_stream(self, /) -> StepStream:
        """
        Steps over a stream.
        """
    def tasks(self, /, set: str, family: str, limit: SupportsIndex) -> Any:
        """
        The first `limit` tasks.
        """

@final
class Conversation:
    """
    The conversation of an episode.
    """
    def __new__(cls, /, style: str, prompts: str | PathLike[str] | None, goal: str, public: str, tools: "list[Any]", tool_calls_per_step: SupportsIndex) -> Conversation:
        """
        `style` and `public` are JSON; `prompts` is a folder with texts that replace ours.
        """
    def answer(self, /, text: str, calls: SupportsGetItem[int, tuple[str, str, str]], finish_reason: str) -> "str | list[tuple[str, str]] | None":
        """
        Reads the model's answer. Returns the code, or the calls by their names and arguments, that it asks for; `None` if it asks for
        nothing that can be run: then the conversation goes on with what the model is told of that.
        """
    def messages(self, /) -> list[tuple[str, str, list[tuple[str, str, str]], str]]:
        """
        What was said so far.
        """
    def observation(self, /, step_index: SupportsIndex, observation: "object") -> str:
        """
        An observation of code as a model is shown it, wherever the code came from.
        """
    def observe(self, /, step_index: SupportsIndex, observation: "object") -> None:
        """
        Takes the observation of the action that the last answer asked for.
        """
    def request(self, /) -> list[tuple[str, str, list[tuple[str, str, str]], str]]:
        """
        The messages of the next request to the model.
        """
    def shown(self, /) -> list[tuple[str, str, list[tuple[str, str, str]], str]]:
        """
        What the model is shown of its last turn.
        """
    def tools(self, /) -> list[str]:
        """
        The functions that the model can call beside its text: JSON in OpenAI's form.
        """

@final
class Hosting:
    """
    A tool host's stream. It connects again, for ever, when it breaks; whoever waits for its calls does not notice.
    """
    def __new__(cls, /, url: str, token: str | None, ca: str | PathLike[str] | None, families: SupportsGetItem[int, tuple[str, str, SupportsFloat | SupportsIndex | None, SupportsGetItem[int, tuple[str, str, SupportsGetItem[int, tuple[str, str]], str]], SupportsGetItem[int, tuple[str, str, str]]]], calls_at_a_time: SupportsIndex) -> Hosting: ...
    def call(self, /) -> tuple[int, int, str, str, str | None, str, str] | None:
        """
        The next call, or `None` after the end: connection, id, family, task, tool (`None` for the beginning of an episode), state,
        arguments.
        """
    def close(self, /) -> None:
        """
        Ends the stream, and waits until the server knows. May be called again.
        """
    def fail(self, /, connection: SupportsIndex, call_id: SupportsIndex, why: str) -> None:
        """
        Answers that the family has failed.
        """
    def note(self, /) -> tuple[str, bool] | None:
        """
        The next thing to log, and whether it is trouble; `None` after the end.
        """
    def opened(self, /, connection: SupportsIndex, call_id: SupportsIndex, goal: str, state: tuple[str, bool, SupportsFloat | SupportsIndex, str, dict[str, SupportsIndex]]) -> None:
        """
        Answers how an episode begins.
        """
    def ready(self, /) -> None:
        """
        Waits until a server has accepted the families; raises if one refuses them.
        """
    def refuse(self, /, connection: SupportsIndex, call_id: SupportsIndex, words: str) -> None:
        """
        Answers that a tool refuses, in words for the agent.
        """
    def result(self, /, connection: SupportsIndex, call_id: SupportsIndex, result: str, state: tuple[str, bool, SupportsFloat | SupportsIndex, str, dict[str, SupportsIndex]]) -> None:
        """
        Answers what a tool did.
        """

@final
class Interpreter:
    """
    One interpreter.
    """
    def fork(self, /) -> Interpreter:
        """
        A copy that goes its own way.
        """
    @property
    def globals(self, /) -> list[str]:
        """
        The names that its code has defined, sorted.
        """
    def hibernate(self, /) -> None:
        """
        Moves it out of memory until its next step.
        """
    @property
    def memory_bytes(self, /) -> int:
        """
        The bytes of its memory; 0 while it is not in memory.
        """
    def run(self, /, code: str) -> Any:
        """
        Runs a block of code. Other threads of Python run meanwhile, and signals are handled: what their handlers raise ends the
        step, which then has no effect on the interpreter.
        """

@final
class Sandbox:
    """
    Makes interpreters. The first one on a machine compiles Python, which takes some ten seconds.
    """
    def __new__(cls, /, max_interpreters: SupportsIndex, cache_dir: str | PathLike[str] | None) -> Sandbox: ...
    def interpreter(self, /, tools: "list[Any]", persistent: bool, semantics: str, seed: SupportsIndex, limits: Any) -> Interpreter:
        """
        A new interpreter.
        """
    @property
    def python_version(self, /) -> str:
        """
        The version of Python in it.
        """

@final
class StepStream:
    """
    Steps over one stream to each server. Sending waits for nothing; `receive` waits for the oldest step without an answer.
    """
    def receive(self, /) -> Any:
        """
        The answer to the step that was sent first of those without one.
        """
    def send(self, /, step: tuple[str, SupportsIndex, str | SupportsGetItem[int, tuple[str, str]]], wall_clock: SupportsFloat | SupportsIndex) -> None:
        """
        Sends a step.
        """

def agent(arguments: SupportsGetItem[int, str]) -> int:
    """
    Runs the command line `arguments` of `agent`, the program's name first; returns the exit status.
    """

def env_server(arguments: SupportsGetItem[int, str]) -> int:
    """
    Runs the command line `arguments` of `env-server`, the program's name first; returns the exit status.
    """
