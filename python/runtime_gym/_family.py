"""Task families of one's own, written in Python and served by an environment server.

The server keeps the state of every episode; what is written here only computes. So each method is a function of what it is given: the
same task, state and arguments must give the same answer.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import dataclasses
import hashlib
import importlib
import inspect
import json
import logging
import os
import re
import threading
import traceback
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import GenericAlias
from typing import Any, ClassVar, Self, TypeVar

from ._client import DEFAULT_URL
from ._native import Hosting
from ._types import Evaluation

__all__ = ["Family", "FamilyTask", "ToolError", "ToolHost", "host", "tool"]

_LOG = logging.getLogger("runtime_gym")
_TYPES = ("bool", "dict", "float", "int", "list", "str")
_MARK = "_runtime_gym_tool"
_F = TypeVar("_F", bound=Callable[..., Any])


class ToolError(Exception):
    """Raised by a tool that refuses: the agent sees the words, as a ``ToolRuntimeException``, and the call changes nothing."""


@dataclasses.dataclass(frozen=True, slots=True)
class FamilyTask:
    """A task of a :class:`Family`."""

    task_id: str
    """1 to 128 of ``[A-Za-z0-9._-]``."""
    public: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    """What an agent may see, as JSON has it."""
    private: Mapping[str, Any] = dataclasses.field(default_factory=dict[str, Any])
    """What only the family sees, as JSON has it."""


def tool(function: _F) -> _F:
    """Makes a method of a :class:`Family` a tool: a function that the agent's code can call.

    The method takes the task, the state, and the tool's parameters, which are annotated ``str``, ``int``, ``float``, ``bool``, ``list``
    or ``dict`` and have no defaults. It may change the state, and returns a value that JSON can hold. Its docstring describes it to the
    model. What it raises other than :class:`ToolError` is a fault of the family.
    """
    setattr(function, _MARK, True)
    return function


class Family:
    """A task family. Subclasses say how an episode begins, what its tools do and how it is evaluated.

    A state is a ``dict``, a ``list`` or a dataclass, which :meth:`begin` is then annotated with. JSON must be able to hold it. Every call
    gets a new object, so a family keeps nothing of an episode in ``self``. Several threads may call methods at a time.
    """

    name: ClassVar[str] = ""
    """The family's name, ``[a-z][a-z0-9_]*``. Without one it is the class's: ``GuessNumber`` is ``guess_number``."""
    version: ClassVar[str] = ""
    """Names the code: an episode goes on with the version that it began with. Without one it is a digest of the class's module."""

    _tools: ClassVar[Mapping[str, _Tool]] = {}

    def __init_subclass__(cls) -> None:
        """Names the family, and checks its tools."""
        super().__init_subclass__()
        if "name" not in vars(cls):
            cls.name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()
        cls._tools = {name: _Tool(name, function) for name, function in _marked(cls)}

    def tasks(self) -> Iterable[FamilyTask]:
        """The tasks that the server offers. There may be none: whoever creates an episode can bring a whole task file."""
        return ()

    def begin(self, task: FamilyTask) -> Any:  # noqa: ANN401
        """The first state of an episode."""
        raise NotImplementedError

    def goal(self, task: FamilyTask) -> str:
        """The task in words, for a model to read. Tools describe themselves."""
        raise NotImplementedError

    def evaluate(self, task: FamilyTask, state: Any) -> Evaluation:  # noqa: ANN401
        """How well the task is solved in a state."""
        raise NotImplementedError

    def budget_left(self, task: FamilyTask, state: Any) -> Mapping[str, int]:  # noqa: ANN401, ARG002
        """What is left of the task's own budgets, by name."""
        return {}


class _Tool:
    """A tool of a family."""

    def __init__(self, name: str, function: Callable[..., Any]) -> None:
        hints = typing.get_type_hints(function)
        _self, _task, _state, *parameters = inspect.signature(function).parameters.values()
        self.name = name
        self.description = inspect.getdoc(function) or ""
        self.returns = _annotation(hints.get("return", inspect.Signature.empty), f"the answer of the tool {name}")
        self.parameters = [(parameter.name, _parameter(parameter, hints, name)) for parameter in parameters]

    def declared(self) -> tuple[str, str, list[tuple[str, str]], str]:
        """As ``_native`` takes it."""
        return self.name, self.description, self.parameters, self.returns


def _marked(family: type) -> list[tuple[str, Callable[..., Any]]]:
    """The tools of a class, those of its bases first."""
    found: dict[str, Callable[..., Any]] = {}
    for one in reversed(family.__mro__):
        found |= {name: value for name, value in vars(one).items() if getattr(value, _MARK, False)}
    return list(found.items())


def _parameter(parameter: inspect.Parameter, hints: Mapping[str, Any], tool: str) -> str:
    what = f"the parameter {parameter.name} of the tool {tool}"
    if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD or parameter.default is not parameter.empty:
        raise TypeError(f"{what} must be a plain one, without a default")
    name = _annotation(hints.get(parameter.name, parameter.empty), what)
    if name not in _TYPES:
        raise TypeError(f"{what} is a {name}; it must be one of {', '.join(_TYPES)}")
    return name


def _annotation(annotation: Any, what: str) -> str:  # noqa: ANN401
    """The name of a type: ``list[int]`` is a ``list``."""
    if annotation is inspect.Signature.empty:
        raise TypeError(f"{what} needs an annotation")
    if annotation is None or annotation is type(None):
        return "None"
    annotation = typing.get_origin(annotation) or annotation
    return annotation.__name__ if isinstance(annotation, type | GenericAlias) else str(annotation)


class _Hosted:
    """A family as a host serves it: texts in, texts out."""

    def __init__(self, family: Family) -> None:
        if not isinstance(family, Family):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TypeError(f"{family!r} is no Family")
        self.family = family
        state = typing.get_type_hints(family.begin).get("return")
        self._state_class = state if isinstance(state, type) and dataclasses.is_dataclass(state) else None

    def declared(self, call_timeout: float | None) -> tuple[Any, ...]:
        """As ``_native`` takes it."""
        family = self.family
        tools = [tool.declared() for tool in family._tools.values()]
        tasks = [
            (
                task.task_id,
                _json(task.public, f"the public data of {task.task_id}"),
                _json(task.private, f"the private data of {task.task_id}"),
            )
            for task in family.tasks()
        ]
        return family.name, family.version or _digest(type(family)), call_timeout, tools, tasks

    def open(self, task: FamilyTask) -> tuple[str, Any]:
        """The goal, and the first state as ``_native`` takes it."""
        return self.family.goal(task), self._answered(task, self.family.begin(task))

    def call(self, task: FamilyTask, tool: str, state: str, arguments: str) -> tuple[str, Any]:
        """A tool's answer, and the state after it."""
        before = self._state(json.loads(state))
        result = getattr(self.family, tool)(task, before, **json.loads(arguments))
        return _json(result, f"the answer of {tool}"), self._answered(task, before)

    def _state(self, value: Any) -> Any:  # noqa: ANN401
        return self._state_class(**value) if self._state_class else value

    def _answered(self, task: FamilyTask, state: Any) -> Any:  # noqa: ANN401
        plain = state
        if dataclasses.is_dataclass(state) and not isinstance(state, type):
            plain = dataclasses.asdict(state)
        elif not isinstance(state, dict | list):
            raise TypeError(f"a state is a dict, a list or a dataclass, and not a {type(state).__name__}: tools change it in place")
        evaluation = self.family.evaluate(task, state)
        budgets = dict(self.family.budget_left(task, state))
        metrics = _json(evaluation.metrics, "the metrics of the evaluation")
        return _json(plain, "the state"), bool(evaluation.is_solved), float(evaluation.score), metrics, budgets


def _digest(family: type) -> str:
    """Names the code of a class."""
    try:
        source = inspect.getsource(inspect.getmodule(family) or family)
    except (OSError, TypeError):  # It was typed, and is in no file.
        return ""
    return hashlib.sha256(source.encode()).hexdigest()[:16]


def _integer(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**64:
        raise ValueError(f"the integer {text[:40]} has more than 64 bits")
    return number


def _json(value: Any, what: str) -> str:  # noqa: ANN401
    """A value as JSON, from which exactly this value can be read again."""
    if isinstance(value, Mapping) and not isinstance(value, dict):
        value = dict(typing.cast("Mapping[str, Any]", value))
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        text.encode()
        again = json.loads(text, parse_int=_integer)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{what} is no JSON value: {error}") from error
    if again != value:
        raise TypeError(f"{what} is not what JSON gives back: it has no tuples, and the keys of a dict are texts")
    return text


class ToolHost:
    """Serves families to an environment server, on threads of its own. ``with`` ends it."""

    def __init__(self, native: Hosting, families: Mapping[str, _Hosted], threads: int) -> None:
        """Use :func:`host`."""
        self._native = native
        self._families = families
        self._closed = threading.Event()
        self._owner = os.getpid()
        self._threads = [threading.Thread(target=self._work, name=f"tool-host-{number}", daemon=True) for number in range(threads)]
        self._threads.append(threading.Thread(target=self._log, name="tool-host-log", daemon=True))
        for thread in self._threads:
            thread.start()
        atexit.register(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def wait(self) -> None:
        """Waits until the host is closed, by another thread; Ctrl-C ends the wait."""
        self._closed.wait()

    def close(self) -> None:
        """Ends it. Calls that it has not answered go to other hosts. May be called again."""
        atexit.unregister(self.close)
        # A process that was forked from the owner has none of its threads.
        if os.getpid() != self._owner:
            return
        self._native.close()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(5)
        self._closed.set()

    def _work(self) -> None:
        while (call := self._native.call()) is not None:
            connection, call_id, family, task, tool, state, arguments = call
            where = tool or "begin"
            try:
                hosted, known = self._families[family], _task(task)
                if tool is None:
                    self._native.opened(connection, call_id, *hosted.open(known))
                else:
                    self._native.result(connection, call_id, *hosted.call(known, tool, state, arguments))
            except Exception as error:
                if isinstance(error, ToolError) and tool is not None:
                    self._native.refuse(connection, call_id, str(error))
                else:
                    _LOG.exception("the family %s failed in %s", family, where)
                    self._native.fail(connection, call_id, _fault(error, where))

    def _log(self) -> None:
        while (note := self._native.note()) is not None:
            text, is_trouble = note
            _LOG.log(logging.WARNING if is_trouble else logging.INFO, "tool host: %s", text)


def _fault(fault: Exception, where: str) -> str:
    """What callers are told: not the exception's text, which may hold hidden data."""
    frame = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{type(fault).__name__} in {where} ({os.path.basename(frame.filename)}, line {frame.lineno})"


def _task(text: str) -> FamilyTask:
    """The task of a call."""
    task = json.loads(text)
    return FamilyTask(task["task_id"], task["public"], task["private"])


def host(
    url: str = DEFAULT_URL,
    families: Sequence[Family | type[Family]] = (),
    *,
    token: str | None = None,
    ca: str | os.PathLike[str] | None = None,
    threads: int = 4,
    call_timeout: float | None = None,
) -> ToolHost:
    """Serves families to the server at ``url``, and returns once it has accepted them.

    A connection that breaks is made again, for ever. On a server with tokens, ``token`` is an operator's; it and ``ca`` are taken from
    ``RUNTIME_GYM_TOKEN`` and ``RUNTIME_GYM_CA`` where they are not given. ``threads`` calls are made at a time. A call that takes longer
    than ``call_timeout`` seconds (30, if it is not given) fails the step that made it, which can be taken again.

    Raises :class:`InvalidArgument` for a family that the server does not accept.
    """
    made = [_Hosted(family() if isinstance(family, type) else family) for family in families]
    named = {hosted.family.name: hosted for hosted in made}
    native = Hosting(url, token, ca, [hosted.declared(call_timeout) for hosted in made], threads)
    running = ToolHost(native, named, threads)
    try:
        native.ready()
    except BaseException:
        running.close()
        raise
    return running


def main(arguments: Sequence[str]) -> None:
    """``python -m runtime_gym host``."""
    parser = argparse.ArgumentParser(prog="python -m runtime_gym host", description="Serves task families to an environment server.")
    parser.add_argument("families", nargs="+", metavar="MODULE:CLASS", help="a family, for example my_module:GuessNumber")
    parser.add_argument("--url", default=DEFAULT_URL, help=f"the server (default: {DEFAULT_URL})")
    parser.add_argument("--threads", type=int, default=4, help="calls that are made at a time (default: 4)")
    parser.add_argument("--call-timeout", type=float, help="seconds that a call may take (default: 30)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    names = [name.partition(":") for name in options.families]
    families = [getattr(importlib.import_module(module), name) for module, _, name in names]
    running = host(options.url, families, threads=options.threads, call_timeout=options.call_timeout)
    with running, contextlib.suppress(KeyboardInterrupt):
        running.wait()
