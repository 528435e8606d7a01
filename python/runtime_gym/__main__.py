"""``python -m runtime_gym`` is the program ``env-server``; with ``agent``, ``evaluate`` or ``host`` as its first
argument, it is that.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from ._evaluate import main as evaluate
from ._family import main as host
from ._native import agent, env_server
from ._server import PARENT

USAGE = """\
python -m runtime_gym agent ...      the program `agent`, which plays tasks: `python -m runtime_gym agent --help`
python -m runtime_gym evaluate ...   `agent run` on a Ray cluster: `python -m runtime_gym evaluate --help`
python -m runtime_gym host ...       hosts task families: `python -m runtime_gym host --help`
python -m runtime_gym ...            the program `env-server`:
"""


def main() -> None:
    """Runs the program that the arguments of this process name."""
    parent = os.environ.pop(PARENT, None)
    if parent is not None:
        threading.Thread(target=_end_with, args=(int(parent),), daemon=True).start()
    arguments = sys.argv[1:]
    if arguments[:1] == ["evaluate"]:
        sys.exit(evaluate(arguments[1:]))
    if arguments[:1] == ["host"]:
        return host(arguments[1:])
    # The programs have their own handlers of signals.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if arguments[:1] == ["agent"]:
        sys.exit(agent(arguments))
    if arguments in (["--help"], ["-h"]):
        print(USAGE, flush=True)
    sys.exit(env_server(["env-server", *arguments]))


def _end_with(parent: int) -> None:
    """Asks this process to end when its parent has."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
