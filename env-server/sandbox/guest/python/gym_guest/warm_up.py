"""Steps that are run before the snapshot is taken.

CPython rewrites its own code while it runs: instructions specialise, caches fill. Each such write, made anew
by every interpreter, costs it a page fault; made here once, it is part of the snapshot that all share.
Nothing of these steps can be seen later: `Interpreter.start` begins anew.
"""

import builtins
import linecache
import sys

from componentize_py_types import Err
from wit_world import Tool, ToolFailure, ToolFailureKind

from gym_guest import tools

_TOOLS = [Tool("look", ["name: str"], "Looks."), Tool("finish", [], "Ends.")]

_BLOCKS = (
    "import json, math, random\nfrom collections import Counter, defaultdict\n"
    "rows = []\nfor i in range(40):\n    rows.append((f'item_{i}', 'ABC'[i % 3], i * 7 % 20 + 1, i * 13 % 90 + 10))\n"
    "print(rows[:3], len(rows))",
    "def best(rows, room):\n    table = {0: (0, [])}\n    for name, kind, weight, value in rows:\n"
    "        for used, (total, taken) in sorted(table.items(), reverse=True):\n"
    "            new = used + weight\n"
    "            if new <= room and total + value > table.get(new, (-1, []))[0]:\n"
    "                table[new] = (total + value, taken + [name])\n    return max(table.values())\n"
    "print(best([row for row in rows if row[1] in {'A', 'B'}], 40))",
    "seen = {}\nfor name in ('a', 'b', 'c'):\n    row = json.loads(look(name))\n    seen[name] = row\n"
    "    print(name, row['class'], row['weight'], row['value'])\nprint(json.dumps(seen))",
    "try:\n    look(name=3)\nexcept Exception as error:\n    print(type(error).__name__, str(error))",
    "class Row:\n    def __init__(self, name, weight):\n        self.name, self.weight = name, weight\n"
    "    def __repr__(self):\n        return f'{self.name}: {self.weight:.1f}'\n"
    "print(sorted((Row(n, w) for n, _, w, _ in rows[:5]), key=lambda row: -row.weight))\n"
    "print(Counter(kind for _, kind, _, _ in rows).most_common(), sum(i * i for i in range(100)))",
    "while rows:\n    row = rows.pop()\n    if row[2] % 2: continue\n    break\nelse:\n    pass\n"
    "assert math.sqrt(4) == 2.0 and 'x,y'.split(',') == ['x', 'y'] and not set()",
    "print(missing)",
    "def outer():\n    return inner()\ndef inner():\n    raise ValueError('no')\nouter()",
    "x = (1,",
    "list = 3\nprint = 4",
    "finish()",
)

_CELLS = (*_BLOCKS, "len(seen)", "def show(value): return value\nshow(seen)\n")
_ROUNDS = 30  # an instruction specialises after a few runs
_CELL_ROUNDS = 10


def run(interpreter) -> None:
    """Runs the steps, in each way that an interpreter can be started."""
    path, call_tool = sys.path[:], tools.call_tool
    tools.call_tool = _answer
    for round_ in range(_CELL_ROUNDS):
        interpreter.start(round_, True, _TOOLS, round_ % 2 == 0)
        for cell in _CELLS:
            interpreter.run(cell)
    for round_ in range(_ROUNDS):
        interpreter.start(round_, False, _TOOLS, round_ % 2 == 0)
        for block in _BLOCKS:
            interpreter.run(block)
    tools.call_tool = call_tool
    sys.path[:] = path
    linecache.clearcache()
    vars(builtins).pop("_", None)
    sys.modules.pop("__main__", None)


def _answer(_name, arguments):
    if arguments and arguments[0].keyword is not None:
        raise Err(ToolFailure(ToolFailureKind.INVOCATION, "no"))
    return '"{\\"class\\":\\"A\\",\\"value\\":10,\\"weight\\":5}"'
