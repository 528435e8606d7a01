"""A block as a cell of a notebook: its last expression is shown, and `await` works at top level."""

import __future__

import ast
import inspect
import linecache
import sys
from types import CodeType

from gym_guest.event_loop import EventLoop
from gym_guest.failures import FILE

_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
_LONG = 10_000  # characters: shorter code is not nested that deep
_FUTURES = 0
for _name in __future__.all_feature_names:
    _FUTURES |= getattr(__future__, _name).compiler_flag
_original_getfile = inspect.getfile


class Notebook:
    """The cells of one interpreter."""

    def __init__(self) -> None:
        self.count = 0
        self.file = FILE
        self.loop = None  # of the cells that await; its tasks outlive a cell

    def begin(self, source: str) -> None:
        """Names the next cell, and lets `inspect`, `linecache` and tracebacks find its source."""
        self.count += 1
        self.file = f"<cell {self.count}>"
        try:
            lines = source.splitlines(keepends=True)
            if lines and not lines[-1].endswith("\n"):
                lines[-1] += "\n"
            linecache.cache[self.file] = (len(source), None, lines, self.file)
            sys.displayhook = sys.__displayhook__
        except BaseException:  # noqa: BLE001  (the agent's code may have broken either)
            pass

    def compile(self, source: str) -> list[CodeType]:
        """The cell's code: the last expression, which is shown, is compiled for itself."""
        if len(source) > _LONG:
            # What is nested too deep raises here. Where a tree is asked for, it would break the interpreter.
            compile(source, self.file, "exec", _FLAGS, dont_inherit=True)
        tree = compile(source, self.file, "exec", _FLAGS | ast.PyCF_ONLY_AST, dont_inherit=True)
        last = None
        if tree.body and type(tree.body[-1]) is ast.Expr and not _ends_in_semicolon(source, tree.body[-1]):
            last = ast.Interactive([tree.body.pop()])
        parts = [compile(tree, self.file, "exec", _FLAGS, dont_inherit=True)]
        if last is not None:
            # With the `from __future__` of the cell.
            flags = _FLAGS | parts[0].co_flags & _FUTURES
            parts.append(compile(last, self.file, "single", flags, dont_inherit=True))
        return parts

    def run(self, part: CodeType, namespace: dict) -> None:
        """Runs a part of a cell; one that awaits, in the notebook's own event loop."""
        if not part.co_flags & inspect.CO_COROUTINE:
            exec(part, namespace)  # noqa: S102
            return
        if self.loop is None or self.loop.is_closed():
            self.loop = EventLoop()
        self.loop.run_until_complete(eval(part, namespace))  # noqa: S307


def _ends_in_semicolon(source: str, last: ast.Expr) -> bool:
    """Whether a semicolon follows the last expression; nothing else can, but brackets and comments."""
    lines = source.encode().splitlines()[last.end_lineno - 1 :]
    lines[0] = lines[0][last.end_col_offset :]
    return any(line.partition(b"#")[0].rstrip().endswith(b";") for line in lines)


def getfile(object):
    """Work out which source or compiled file an object was defined in."""
    if isinstance(object, type) and object.__module__ == "__main__":
        file = _cell_of(object)
        if file is not None:
            return file
    return _original_getfile(object)


def _cell_of(cls: type) -> str | None:
    """The cell that defined a class: that of a method, else the newest one with such a line."""
    for value in vars(cls).values():
        code = getattr(value, "__code__", None)
        if code is not None and code.co_qualname.startswith(cls.__qualname__ + "."):
            return code.co_filename
    first = vars(cls).get("__firstlineno__", 1) - 1
    for file in reversed(linecache.cache):
        if file.startswith("<cell ") and _defines(linecache.getlines(file)[first:], cls.__name__):
            return file
    return None


def _defines(lines: list[str], name: str) -> bool:
    for line in lines:
        line = line.strip()
        if not line.startswith("@"):  # a decorator
            return line.startswith(("class " + name + ":", "class " + name + "(", "class " + name + "["))
    return False


def install() -> None:
    """Lets `inspect` find the source of a class."""
    inspect.getfile = getfile
