"""``python -m runtime_gym evaluate`` as a process, and what there is of it on the machine and in files."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

LONG = 600.0
"""Seconds that are more than enough for anything that must happen."""


def config(folder: Path, agents: Mapping[str, bool], at_once: int = 32) -> Path:
    """A config with the scripted policies of these names, and whether their interpreters persist. Its runs go to the folder `runs`."""
    lines = [
        f"  - {{name: {name}, agent_type: codeact, persistent_state: {str(persists).lower()}, llm: {{model: {name}-habit}}}}"
        for name, persists in agents.items()
    ]
    head = ["output_dir: runs", "run_name: r", "task_families: [knapsack]", f"max_concurrent_runs: {at_once}", "agents:"]
    file = folder / "config.yaml"
    file.write_text("\n".join([*head, *lines]) + "\n")
    return file


def until(condition: Callable[[], object]) -> None:
    """Waits until it holds."""
    deadline = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_running(pid: int) -> bool:
    """Whether the process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def parent(pid: int) -> int:
    """The process that started it."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def processes(*words: str) -> list[int]:
    """The processes that have these words in their command lines."""
    found: list[int] = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if set(words) <= set(line) and is_running(int(file.parent.name)):
            found.append(int(file.parent.name))
    return found


class Evaluation:
    """A process that evaluates, in a folder of its own."""

    def __init__(self, folder: Path, address: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        """Starts it. ``arguments`` are those after the cluster's address."""
        folder.mkdir(exist_ok=True)
        self.folder, self._said = folder, folder / "said"
        command = [sys.executable, "-m", "runtime_gym", "evaluate", "--address", address, *arguments]
        with self._said.open("w") as said:
            self.process = subprocess.Popen(command, cwd=folder, stderr=said, env={**os.environ, **(environment or {})})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Ends it, if a test has failed."""
        if self.process.poll() is None:
            self.process.terminate()
            self.wait()

    @property
    def said(self) -> str:
        """All that it has written on standard error."""
        return self._said.read_text()

    @property
    def servers(self) -> dict[str, str]:
        """The names of the servers that serve or have served, and their URLs."""
        return dict(re.findall(r"^node (\S+) \(.*\) serves at (\S+)$", self.said, re.MULTILINE))

    def server(self, name: str) -> int:
        """The process of the server with this name."""
        [pid] = processes("--server-name", name)
        return pid

    def is_at(self, episodes: int) -> bool:
        """Whether it has played so many."""
        assert self.process.poll() is None, self.said
        return len(results(self.folder)) >= episodes

    def wait(self) -> int:
        """Waits for its end; returns its status."""
        return self.process.wait(LONG)


def results(folder: Path) -> list[Path]:
    """The results of a run."""
    return [path for path in folder.glob("runs/r/results/*/*/*.json") if not path.name.endswith(".trace.json")]


def seconds(folder: Path) -> float:
    """How long a run has played, in seconds."""
    times = [json.loads(path.read_text()) for path in results(folder)]
    return max(result["finished_at"] for result in times) - min(result["started_at"] for result in times)


def episode_ids(folder: Path) -> list[str]:
    """The ids of the episodes in a run's traces."""
    traces = folder.glob("runs/r/results/*/*/*.trace.json")
    return [found for trace in traces for found in re.findall(r'"episode_id": "(.*)"', trace.read_text())]


def stored(state: Path, copy: Path) -> dict[str, set[str]]:
    """The ids of all episodes that servers have begun, by the names of the servers, as their states say it."""
    begun: dict[str, set[str]] = {}
    for folder in state.iterdir():
        shutil.copytree(folder, copy / folder.name)
        with sqlite3.connect(copy / folder.name / "episodes.db") as database:
            begun[folder.name] = {name for (name,) in database.execute("SELECT id FROM episodes UNION SELECT id FROM closed")}
        database.close()
    return begun


TIMES = [
    (r'("(?:started_at|finished_at|timestamp)": )("[^"]*"|[\d.]+)', r"\1T"),
    (r'("(?:run_time_us|average_runtime)": )[\d.]+', r"\1T"),
    # An episode's id begins with its server's name, and ends with the time of the run's start and the number of the attempt.
    (r"(?:[a-z0-9-]+\.)?(r\.[a-z]+\.knapsack-\d+)\.[0-9a-f]+(?:\.\d+)?\b", r"\1.T"),
]
"""What of a file depends on when and where an episode was played."""
PAGE_TIMES = [
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "T"),
    (r"\b[\d.]+ (?:µs|ms|s|min)\b", "T"),
    (r"(?:T )+of", "T of"),
    (r"width:[\d.]+%", "T"),
]
"""The same, in the pages for people."""


def files(folder: Path) -> dict[str, str]:
    """The files of a run, without what depends on when and where it was played."""
    run = folder / "runs/r"
    return {str(path.relative_to(run)): _timeless(path) for path in sorted(run.rglob("*")) if path.is_file() and path.suffix != ".log"}


def _timeless(path: Path) -> str:
    text = path.read_text()
    for pattern, replacement in TIMES + (PAGE_TIMES if path.suffix == ".html" else []):
        text = re.sub(pattern, replacement, text)
    return text


def kill(pid: int) -> None:
    """Ends a process that gets no say in it."""
    os.kill(pid, signal.SIGKILL)
