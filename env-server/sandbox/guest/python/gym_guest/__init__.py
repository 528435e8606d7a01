"""The guest: a Python interpreter that runs an agent's code, one block a step.

Everything here is frozen, already imported, into the component's snapshot. What runs per step is kept
small, and trusts nothing that the agent's code can reach: an agent may rebind, break or subclass anything.
"""

import platform

from gym_guest import preload, snapshot  # preload first: the snapshot holds what it imports
from gym_guest import collector, event_loop, imports, locales, long_ranges, notebook, strftime, time_zones

for _changed in (event_loop, imports, locales, long_ranges, notebook, strftime, time_zones):
    _changed.install()
snapshot.plug_holes()  # what is loaded from here on, and used by every step, lies side by side

from gym_guest import warm_up  # noqa: E402
from gym_guest.interpreter import Interpreter  # noqa: E402

_interpreter = Interpreter()


class WitWorld:
    """The exports of the `python` world: see `wit/python.wit`."""

    # Each export gets an instance of this class to itself, so none may hold state.

    def version(self) -> str:
        return platform.python_version()

    def start(self, seed, notebook, tools, record_definitions) -> None:
        _interpreter.start(seed, notebook, tools, record_definitions)

    def run(self, code):
        return _interpreter.run(code)

    def flush(self) -> None:
        _interpreter.flush()


warm_up.run(_interpreter)
snapshot.prepare()
collector.install()  # after the collections of the build
