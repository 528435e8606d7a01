"""The namespace that an agent's blocks run in, and one step in it."""

import builtins
import io
import json
import random
import sys
from bisect import bisect_right
from importlib.machinery import BuiltinImporter
from itertools import accumulate
from os import get_blocking
from types import ModuleType

from wit_world import Failure, FailureKind, Reply

from gym_guest import chains, definitions, failures, limit, tools
from gym_guest.notebook import Notebook

_MAX_NAME_CHARACTERS = 32_000  # of all the names that a reply lists
_DEFAULT_RECURSION_LIMIT = sys.getrecursionlimit()
_REAL_BUILTINS = vars(builtins)
_BUILTINS = dict(_REAL_BUILTINS)
_BUILTIN_VALUES = list(_BUILTINS.values())
__builtins__ = _BUILTINS  # what the functions below are given: out of reach of what an agent does to `builtins`


def _standard_stream(descriptor: int) -> io.TextIOWrapper:
    """A text stream whose every whole line reaches the host at once, so that a killed step keeps its output: where
    the guest is so broken that `Interpreter.flush` cannot write the rest, whole lines are there."""
    raw = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", newline="\n", line_buffering=True
    )


def _flushed(stream: io.TextIOWrapper, descriptor: int) -> io.TextIOWrapper:
    """The same stream with nothing pending, or a new one where the agent's code closed or detached it."""
    try:
        stream.flush()
        return stream
    except BaseException:  # noqa: BLE001
        return _standard_stream(descriptor)


def _standard_input() -> io.TextIOWrapper:
    """A text stream that is empty."""
    return io.TextIOWrapper(io.BufferedReader(io.BytesIO()), encoding="utf-8")


class Interpreter:
    """The one interpreter of this component."""

    def __init__(self) -> None:
        self.stdout = _standard_stream(1)
        self.stderr = _standard_stream(2)
        self.stdin = sys.__stdin__

    def start(self, seed, notebook, tool_list, record_definitions) -> None:
        """Makes the interpreter ready for its first block."""
        random.seed(seed)
        sys.argv[:] = [""]
        sys.path[:] = [""]  # the working directory: the library is loaded, and is not found in files
        sys.path_importer_cache.clear()
        main = sys.modules["__main__"] = ModuleType("__main__")
        self.namespace = main.__dict__
        self.namespace.clear()
        self.namespace["json"] = json
        # Put back before each step, whatever the code rebound.
        self.reserved = {
            "__name__": "__main__",
            "__doc__": None,
            "__package__": None,
            "__loader__": BuiltinImporter,
            "__spec__": None,
            "__builtins__": builtins,
            **tools.EXCEPTIONS,
            **{tool.name: tools.function(tool) for tool in tool_list},
        }
        self.record_definitions = record_definitions
        self.notebook = Notebook() if notebook else None
        self.own = {}  # for each name seen so far, whether it can be the agent's own

    def run(self, code) -> Reply:
        """Runs one block."""
        self._prepare()
        parts, error, notebook = (), None, self.notebook
        try:
            if notebook is None:
                parts = (compile(code, failures.FILE, "exec", dont_inherit=True),)
                exec(parts[0], self.namespace)  # noqa: S102
            else:
                notebook.begin(code)
                parts = notebook.compile(code)
                for part in parts:
                    notebook.run(part, self.namespace)
        except BaseException as caught:  # noqa: BLE001  (SystemExit too ends the step, not the interpreter)
            error = caught
        # Before any other call: the agent's trace and profile functions would see the guest, and could break
        # it. One that raises is removed by that, and the next try goes through.
        for _ in (1, 2):
            try:
                sys.settrace(None)
                sys.setprofile(None)
            except BaseException:  # noqa: BLE001, PERF203
                pass
        self._restore()
        failure = None if error is None else self._describe(error, compiled=bool(parts))
        del error  # it holds this frame, which would hold it; and with it go objects of the agent's
        limit.lift()
        bound = self._own_names()
        names = _bounded(sorted([name for name in bound if name[0] != "_"]))
        digests = definitions.of(parts, bound) if self.record_definitions and parts else []
        return Reply(failure, names, digests)

    def flush(self) -> None:
        """Writes what a stopped block has left in the standard streams."""
        for stream in (self.stdout, self.stderr):
            try:
                stream.flush()
            except BaseException:  # noqa: BLE001, PERF203  (the block was stopped anywhere, in this stream too)
                pass

    def _prepare(self) -> None:
        sys.stdout = sys.__stdout__ = self.stdout
        sys.stderr = sys.__stderr__ = self.stderr
        try:
            if self.stdin.closed:
                self.stdin = _standard_input()
        except BaseException:  # noqa: BLE001  (the agent's code detached it)
            self.stdin = _standard_input()
        sys.stdin = sys.__stdin__ = self.stdin
        self.namespace.update(self.reserved)

    def _restore(self) -> None:
        """Undoes what would reach into the guest's own code, or into the next step."""
        try:
            values = list(_REAL_BUILTINS.values())  # comparing is much faster than the update
            untouched = values == _BUILTIN_VALUES or (values[:-1] == _BUILTIN_VALUES and "_" in _REAL_BUILTINS)
        except BaseException:  # noqa: BLE001  (what stands there now compares as it likes)
            untouched = False
        if not untouched:
            _REAL_BUILTINS.update(_BUILTINS)
        if sys.getrecursionlimit() < _DEFAULT_RECURSION_LIMIT:
            sys.setrecursionlimit(_DEFAULT_RECURSION_LIMIT)
        get_blocking(1), get_blocking(2)  # raise where they are closed for good: then the step is given up
        self.stdout = _flushed(self.stdout, 1)
        self.stderr = _flushed(self.stderr, 2)

    def _own_names(self) -> dict:
        """The agent's names and their values; of a script, removes the builtins that the block rebound."""
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

    def _describe(self, error: BaseException, compiled: bool) -> Failure:
        if not compiled and issubclass(type(error), SyntaxError):
            kind, text = FailureKind.SYNTAX, failures.syntax_text(error)
        else:
            show = failures.text if self.notebook is None else chains.text
            kind, text = FailureKind.EXCEPTION, show(error)  # may run the agent's code
        limit.lift()  # it would take the code of `Failure`, which Python makes from a string, for the agent's
        return Failure(kind, failures.type_name(error), text)

    def _can_be_own(self, name: str) -> bool:
        if name in self.reserved or not name.isidentifier() or (name in _BUILTINS and self.notebook is None):
            return False
        return not (name.startswith("__") and name.endswith("__"))


def _bounded(names: list[str]) -> list[str]:
    """The first names, as many as anybody would read, and how many are left out."""
    if sum(map(len, names)) <= _MAX_NAME_CHARACTERS:
        return names
    shown = list(accumulate(map(len, names)))
    count = bisect_right(shown, _MAX_NAME_CHARACTERS)
    return [*names[:count], f"... and {len(names) - count} more"]
