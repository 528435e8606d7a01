"""The namespace that an agent's blocks run in, and one step in it."""

import builtins
import io
import json
import random
import sys
from bisect import bisect_right
from itertools import accumulate
from os import get_blocking
from types import ModuleType

from wit_world import Failure, FailureKind, Reply

from gym_guest import definitions, failures, limit, tools

_MAX_NAME_CHARACTERS = 32_000  # of all the names that a reply lists
_DEFAULT_RECURSION_LIMIT = sys.getrecursionlimit()
_REAL_BUILTINS = vars(builtins)
_BUILTINS = dict(_REAL_BUILTINS)
_BUILTIN_VALUES = list(_BUILTINS.values())
__builtins__ = _BUILTINS  # the builtins of the functions below: an agent's changes of `builtins` do not reach them


def _standard_stream(descriptor: int) -> io.TextIOWrapper:
    """A text stream that passes whole lines to the host immediately, so that a killed step keeps its output."""
    raw = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", newline="\n", line_buffering=True
    )


def _flushed(stream: io.TextIOWrapper, descriptor: int) -> io.TextIOWrapper:
    """The flushed stream, or a new one if the agent's code closed or detached it."""
    try:
        stream.flush()
        return stream
    except BaseException:  # noqa: BLE001
        return _standard_stream(descriptor)


class Interpreter:
    """The one interpreter of this component."""

    def __init__(self) -> None:
        self.stdout = _standard_stream(1)
        self.stderr = _standard_stream(2)

    def start(self, seed, tool_list, record_definitions) -> None:
        """Makes the interpreter ready for its first block."""
        random.seed(seed)
        sys.argv[:] = [""]
        sys.path.clear()  # there are no files: an import of what is not loaded should fail fast
        sys.path_importer_cache.clear()
        main = sys.modules["__main__"] = ModuleType("__main__")
        self.namespace = main.__dict__
        self.namespace.clear()
        self.namespace["json"] = json
        # Restored before each step, in case the code rebound them.
        self.reserved = {
            "__name__": "__main__",
            "__builtins__": builtins,
            **tools.EXCEPTIONS,
            **{tool.name: tools.function(tool) for tool in tool_list},
        }
        self.record_definitions = record_definitions
        self.own = {}  # for each name seen so far, whether it can be one of the agent's

    def run(self, code) -> Reply:
        """Runs one block as a script."""
        self._prepare()
        block = error = None
        try:
            block = compile(code, failures.FILE, "exec", dont_inherit=True)
            exec(block, self.namespace)  # noqa: S102
        except BaseException as caught:  # noqa: BLE001  (SystemExit too ends the step, not the interpreter)
            error = caught
        # Before any other call, because the agent's trace and profile functions would see the guest and could
        # break it. Python removes a function that raises, so the second attempt succeeds.
        for _ in (1, 2):
            try:
                sys.settrace(None)
                sys.setprofile(None)
            except BaseException:  # noqa: BLE001, PERF203
                pass
        self._restore()
        failure = None if error is None else _describe(error, compiled=block is not None)
        del error  # it refers to this frame, so it would never be freed, and with it objects of the agent
        limit.lift()
        bound = self._own_names()
        names = _bounded(sorted(bound))
        digests = definitions.of(block, bound) if self.record_definitions and block is not None else []
        return Reply(failure, names, digests)

    def _prepare(self) -> None:
        sys.stdout = sys.__stdout__ = self.stdout
        sys.stderr = sys.__stderr__ = self.stderr
        sys.stdin = sys.__stdin__
        self.namespace.update(self.reserved)

    def _restore(self) -> None:
        """Undoes changes that would affect the guest's own code or the next step."""
        try:
            untouched = list(_REAL_BUILTINS.values()) == _BUILTIN_VALUES  # much faster than the update
        except BaseException:  # noqa: BLE001  (a value in it may raise when it is compared)
            untouched = False
        if not untouched:
            _REAL_BUILTINS.update(_BUILTINS)
        if sys.getrecursionlimit() < _DEFAULT_RECURSION_LIMIT:
            sys.setrecursionlimit(_DEFAULT_RECURSION_LIMIT)
        get_blocking(1), get_blocking(2)  # raise if they are closed for good, which gives up the step
        self.stdout = _flushed(self.stdout, 1)
        self.stderr = _flushed(self.stderr, 2)

    def _own_names(self) -> dict:
        """The agent's names and their values; removes the builtins that the block rebound."""
        own, namespace, seen = {}, self.namespace, self.own
        for name in list(namespace):
            if type(name) is not str:
                continue
            is_own = seen.get(name)
            if is_own is None:
                is_own = seen[name] = self._can_be_own(name)
            if is_own:
                value = namespace[name]
                if not issubclass(type(value), ModuleType):
                    own[name] = value
            elif name in _BUILTINS and name not in self.reserved:
                del namespace[name]
        return own

    def _can_be_own(self, name: str) -> bool:
        if name in self.reserved or name in _BUILTINS or not name.isidentifier():
            return False
        return not (name.startswith("__") and name.endswith("__"))


def _bounded(names: list[str]) -> list[str]:
    """The names up to a limit, and the number of those left out."""
    if sum(map(len, names)) <= _MAX_NAME_CHARACTERS:
        return names
    shown = list(accumulate(map(len, names)))
    count = bisect_right(shown, _MAX_NAME_CHARACTERS)
    return [*names[:count], f"... and {len(names) - count} more"]


def _describe(error: BaseException, compiled: bool) -> Failure:
    if not compiled and issubclass(type(error), SyntaxError):
        kind, text = FailureKind.SYNTAX, failures.syntax_text(error)
    else:
        kind, text = FailureKind.EXCEPTION, failures.text(error)  # may run the agent's code
    limit.lift()  # it would mistake the code of `Failure`, which Python compiles from a string, for the agent's
    return Failure(kind, failures.type_name(error), text)
