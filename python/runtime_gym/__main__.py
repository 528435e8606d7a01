"""``python -m runtime_gym`` is the program ``env-server``; ``python -m runtime_gym host`` hosts task families."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

from ._family import main as host_main
from ._native import env_server
from ._server import PARENT


def main() -> None:
    """Runs ``env-server`` with the arguments of this process."""
    # The server has its own handlers of signals.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = os.environ.pop(PARENT, None)
    if parent is not None:
        threading.Thread(target=_end_with, args=(int(parent),), daemon=True).start()
    sys.exit(env_server(["env-server", *sys.argv[1:]]))


def _end_with(parent: int) -> None:
    """Asks this process to end when its parent has."""
    while os.getppid() == parent:
        time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    if sys.argv[1:2] == ["host"]:
        host_main(sys.argv[2:])
    else:
        main()
