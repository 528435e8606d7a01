"""An environment server on a node of a cluster, which comes back at the same place. Knows nothing of who runs the cluster."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from ._errors import ServerStartError
from ._server import Server, serve

__all__ = ["NodeServer", "pack"]

_START_SECONDS = 300.0
"""How long a start may take: the first one on a machine compiles Python."""
_DRAIN_SECONDS = 30.0
"""How long the server of an earlier owner may hold port and state; a little more than its shutdown may take."""


def pack(tasks: Path) -> tuple[str, bytes]:
    """A folder of tasks as one file, and the SHA-256 of that. The same tasks give the same bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(path for path in tasks.rglob("*") if path.is_file()):
            # A date of its own would make other bytes.
            packed.writestr(zipfile.ZipInfo(file.relative_to(tasks).as_posix()), file.read_bytes(), zipfile.ZIP_DEFLATED, 1)
    content = archive.getvalue()
    return hashlib.sha256(content).hexdigest(), content


class NodeServer:
    """A server, its tasks and its files on this node.

    The tasks are in the user's cache folder, by their SHA-256. All else is in a folder of the run: the port and the state, so that an
    owner which takes the place of one that has died serves at the same URL and goes on with the same episodes.
    """

    def __init__(
        self,
        run: str,
        name: str,
        address: str,
        tasks: str,
        options: Sequence[str],
        token: str | None,
        state: str | None,
    ) -> None:
        """``run`` is the run's unique id, ``name`` the server's name, and ``address`` the node's. ``tasks`` is the SHA-256 that
        :func:`pack` has given. ``options`` are further options of ``env-server serve``, ``token`` is a line of its file of tokens, and
        ``state`` a folder that keeps the server's state after the run.
        """
        self._folder = Path(tempfile.gettempdir(), f"runtime-gym-{run}", name)
        self._state = Path(state, name) if state else self._folder / "state"
        self._name, self._address, self._tasks, self._options, self._token = name, address, tasks, options, token
        self._lock = threading.Lock()
        self._server: Server | None = None

    def serve(self, packed: Callable[[], bytes]) -> str:
        """Starts the server, unless it runs, and returns its URL. ``packed`` gets what :func:`pack` has made, if it is needed."""
        with self._lock:
            if self._server is not None and self._server._process.poll() is not None:
                self._server.close()
                self._server = None
            if self._server is None:
                self._server = self._start(_unpacked(self._tasks, packed))
            return self._server.url

    def _start(self, tasks: Path) -> Server:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        port = self._folder / "port"
        options = ["--server-name", self._name, "--state-dir", str(self._state), *self._options]
        if self._token is not None:
            tokens = self._folder / "tokens"
            tokens.write_text(f"{self._token}\n")
            options += ["--tokens", str(tokens)]
        host = f"[{self._address}]" if ":" in self._address else self._address
        listen = f"{host}:{port.read_text() if port.exists() else 0}"
        give_up = time.monotonic() + (_DRAIN_SECONDS if self._state.exists() else 0)
        while True:
            try:
                server = serve(tasks, listen=listen, options=options, log=self._log, timeout=_START_SECONDS)
                break
            except ServerStartError:
                if time.monotonic() > give_up:
                    raise
            time.sleep(0.5)
        port.write_text(server.url.rpartition(":")[2])
        return server

    @property
    def _log(self) -> Path:
        return self._folder / "log"

    def ended(self) -> str:
        """Waits until the server ends. Returns a sentence that says how, with the last line of its log."""
        assert self._server is not None
        status = self._server._process.wait()
        lines = self._log.read_text(errors="replace").splitlines()
        return f"its server has ended with the status {status}; the last line of its log: {lines[-1] if lines else ''}"

    def stop(self) -> None:
        """Ends the server, and removes the folder of the run."""
        with self._lock:
            if self._server is not None:
                self._server.close()
            shutil.rmtree(self._folder, ignore_errors=True)
            with suppress(OSError):  # Others of this run may be on this machine.
                self._folder.parent.rmdir()


def _unpacked(sha256: str, packed: Callable[[], bytes]) -> Path:
    """The folder of these tasks, which is made if it is not there."""
    tasks = _cache() / "tasks" / sha256
    if not tasks.is_dir():
        tasks.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Another server on this machine may do the same: the first one that is done has made the folder.
        new = Path(tempfile.mkdtemp(dir=tasks.parent))
        try:
            zipfile.ZipFile(io.BytesIO(packed())).extractall(new)
            new.rename(tasks)
        except OSError:
            if not tasks.is_dir():
                raise
        finally:
            shutil.rmtree(new, ignore_errors=True)
    return tasks


def _cache() -> Path:
    """The user's cache folder, as ``env-server`` finds it."""
    given = os.environ.get("RUNTIME_GYM_CACHE")
    return Path(given) if given else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "runtime-gym")
