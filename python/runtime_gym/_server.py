"""An environment server as a child of this process."""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from ._errors import ServerStartError

__all__ = ["Server", "generate", "serve"]

PARENT = "RUNTIME_GYM_PARENT"
"""The variable that tells a child whose end to follow."""


_SLOW = 1.0
"""Seconds after which a start takes long."""


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "runtime_gym", *arguments]


def generate(config: str | os.PathLike[str], out: str | os.PathLike[str]) -> Path:
    """Writes the tasks that a config describes (a JSON file as in task_configs) to a folder for :func:`serve`. What is there already is
    kept.
    """
    done = subprocess.run(
        _command("generate", "--config", os.fspath(config), "--out", os.fspath(out)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServerStartError(f"no tasks were generated: {done.stderr.strip()}")
    return Path(out)


def serve(
    *tasks: str | os.PathLike[str],
    listen: str = "127.0.0.1:0",
    options: Sequence[str] = (),
    log: str | os.PathLike[str] | None = None,
    timeout: float = 120.0,
) -> Server:
    """Starts an environment server with these folders of tasks, and waits until it can be called.

    It ends with this process, however that ends, or when the :class:`Server` is closed. ``listen`` with port 0 takes a free port.
    ``options`` are further options of ``env-server serve`` (``env-server serve --help``). ``log`` is the file that its log goes to;
    without one, the log is shown if the server does not start. The first start on a machine compiles Python, which takes some ten
    seconds.
    """
    folders = [argument for folder in tasks for argument in ("--tasks", os.fspath(folder))]
    command = _command("serve", *folders, "--listen", listen, *options)
    return Server(command, log, timeout)


class Server:
    """A running environment server. ``with`` ends it."""

    url: str
    """Where it can be called."""

    def __init__(self, command: Sequence[str], log: str | os.PathLike[str] | None, timeout: float) -> None:
        """Use :func:`serve`."""
        self._log = tempfile.TemporaryFile("w+b") if log is None else open(log, "w+b")  # noqa: SIM115
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, PARENT: str(os.getpid())},
            # Ctrl-C is for this process, which closes its episodes before it ends the server.
            start_new_session=True,
        )
        self._owner = os.getpid()
        atexit.register(self.close)
        try:
            self.url = self._greeting(timeout)
        except BaseException:
            self._process.kill()
            self.close()
            raise

    def _greeting(self, timeout: float) -> str:
        out = self._process.stdout
        assert out is not None
        late, slow = threading.Timer(timeout, self._process.kill), threading.Timer(_SLOW, self._say_why)
        late.start()
        slow.start()
        line = out.readline().decode()
        in_time = late.is_alive()
        late.cancel()
        slow.cancel()
        slow.join()
        greeting, _, url = line.strip().rpartition(" ")
        if greeting != "listening on":
            self._process.wait()
            said = self._logged().strip()
            problem = "the server does not start" if in_time else f"the server has not started within {timeout} s"
            raise ServerStartError(f"{problem}: {said}")
        return url

    def _say_why(self) -> None:
        """Says what the server does that takes so long, if it is known: it compiles Python."""
        if "compiling Python" in self._logged():
            print("runtime_gym: the server compiles Python for this machine, once, which takes some ten seconds", file=sys.stderr)

    def _logged(self) -> str:
        """The log so far. The server goes on writing where it was: reading moves nothing of it."""
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0).decode(errors="replace")

    def __repr__(self) -> str:
        return f"<Server at {self.url}, process {self._process.pid}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def close(self) -> None:
        """Ends the server; its episodes end with it, unless it stores them. May be called again."""
        atexit.unregister(self.close)
        # A process that was forked from the owner leaves the server alone.
        if os.getpid() != self._owner:
            return
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(30)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._log.close()
