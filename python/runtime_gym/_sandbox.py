"""The interpreter alone, in this process, with the caller's own functions as tools."""

from __future__ import annotations

import inspect
import os
import secrets
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self

from . import _native
from ._types import InterpreterState, Limits, Outcome, Semantics

__all__ = ["Sandbox"]

MAX_INTERPRETERS = 256
"""Interpreters of a process that can be in memory at a time. Each takes 4 GiB of addresses, and half a megabyte of memory."""


class CannotCall(Exception):
    """The arguments of a call do not fit the tool."""


@dataclass(frozen=True, slots=True)
class _Tool:
    """A function as ``_native`` takes it."""

    name: str
    parameters: list[str]
    doc: str
    call: Callable[[list[Any], dict[str, Any]], Any]


def _tool(function: Callable[..., Any]) -> _Tool:
    name = getattr(function, "__name__", type(function).__name__)
    if not name.isidentifier():
        raise ValueError(f"a tool needs a name that Python can call, and {name!r} is none: give the function another __name__")
    signature = inspect.signature(function)

    def call(args: list[Any], kwargs: dict[str, Any]) -> object:
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise CannotCall(f"{name}(): {error}") from None
        return function(*bound.args, **bound.kwargs)

    parameters = [str(parameter) for parameter in signature.parameters.values()]
    return _Tool(name, parameters, inspect.getdoc(function) or "", call)


class Sandbox:
    """A Python interpreter for code that nobody has read: CPython in WebAssembly, in this process.

    The code has no network, no environment and no files but its own in memory; time and randomness are its own, too, so that the same
    seed and code give the same outcome everywhere. What it may do with the world are ``tools``: functions of the caller, which run
    here. Arguments and answers are JSON values. What a tool raises is raised in the sandbox.

    The first sandbox on a machine compiles Python, which takes some ten seconds; the result is kept in ``~/.cache/runtime-gym``
    (``RUNTIME_GYM_CACHE``).
    """

    def __init__(
        self,
        tools: Iterable[Callable[..., Any]] = (),
        *,
        interpreter_state: InterpreterState | str = InterpreterState.PERSISTENT,
        semantics: Semantics | str = Semantics.SCRIPT,
        seed: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        """``interpreter_state``: whether names survive from one :meth:`run` to the next. Without a ``seed`` one is drawn.
        ``limits.max_steps`` has no meaning here.
        """
        state = InterpreterState(interpreter_state)
        self.interpreter_state: InterpreterState = state
        self.semantics: Semantics = Semantics(semantics)
        self.seed: int = secrets.randbits(63) if seed is None else seed
        declared = [_tool(tool) for tool in tools]
        persistent = state is InterpreterState.PERSISTENT
        factory = _factory()
        self._interpreter = factory.interpreter(declared, persistent, str(self.semantics), self.seed, limits or Limits())

    def run(self, code: str) -> Outcome:
        """Runs a block of code. What it does wrong is in the outcome.

        Other threads run meanwhile. Ctrl-C, and a tool's ``KeyboardInterrupt`` or ``SystemExit``, pass to the caller.
        """
        return self._interpreter.run(code)

    def fork(self) -> Self:
        """A copy with the whole state, which goes its own way."""
        copy = self.__class__.__new__(self.__class__)
        copy.interpreter_state, copy.semantics, copy.seed = self.interpreter_state, self.semantics, self.seed
        copy._interpreter = self._interpreter.fork()
        return copy

    def hibernate(self) -> None:
        """Moves it out of memory until its next :meth:`run`, which finds everything as it was."""
        self._interpreter.hibernate()

    @property
    def globals(self) -> list[str]:
        """The names that its code has defined, sorted; always empty under ``reset``."""
        return self._interpreter.globals

    @property
    def memory_bytes(self) -> int:
        """Bytes of its memory, shared pages included; 0 while it hibernates."""
        return self._interpreter.memory_bytes


_lock = threading.Lock()
_of_process: tuple[int, _native.Sandbox] | None = None


def _factory() -> _native.Sandbox:
    """What all sandboxes of this process share."""
    global _of_process
    with _lock:
        if _of_process is None or _of_process[0] != os.getpid():
            _of_process = (os.getpid(), _native.Sandbox(MAX_INTERPRETERS, None))
        return _of_process[1]
