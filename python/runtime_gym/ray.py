"""Evaluation on a cluster of Ray (ray 2.60): an environment server on each node, and an ``agent run`` here that plays on all of them.

    import runtime_gym.ray

    result = runtime_gym.ray.evaluate("agent_configs/served/reset.yaml", tasks_root="runs/tasks/easy", inference=["http://gpu:50052"])
    print(result.folder, result.summaries["reset", "knapsack"]["num_tasks_solved"])

or, as a command, ``python -m runtime_gym evaluate SPEC --tasks-root DIR``. Ray starts the servers, and watches them; calls go from the
agent to the servers. ``docs/how_to/ray.md`` says what happens when a node dies.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import ray
import yaml
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ._errors import InvalidArgument, RuntimeGymError, ServerStartError
from ._node import NodeServer, pack
from ._server import PARENT, _command

__all__ = ["Evaluated", "EvaluationError", "Node", "evaluate"]

_TICK = 0.2
"""Seconds between two looks at the agent."""
_PATIENCE = 15.0
"""Seconds after which a start says what it waits for."""
_STOP_SECONDS = 40.0
"""How long servers may take to end."""


@dataclass
class Node:
    """A node of the cluster in an evaluation."""

    name: str
    """The name of its server, with which the ids of its episodes begin: the host's, and the beginning of the node's id."""
    node_id: str
    """Ray's id."""
    address: str
    """Where it is."""
    url: str | None = None
    """The server's URL, once it has served."""
    restarts: int = 0
    """How often the server was started again."""
    lost: str | None = None
    """Why the node's server is gone, if it is."""

    def __str__(self) -> str:
        return f"node {self.name} ({self.address})"


@dataclass(frozen=True)
class Evaluated:
    """What came of an evaluation."""

    folder: Path
    """The run's folder, as ``agent run`` writes it."""
    status: int
    """The exit status of ``agent run``: 0 if every episode has an evaluation."""
    summaries: Mapping[tuple[str, str], Mapping[str, Any]]
    """The contents of the summary files, by agent and family."""
    nodes: Sequence[Node]
    """The nodes that took part."""


class EvaluationError(RuntimeGymError):
    """Episodes have no evaluation. The same call goes on with the run."""

    result: Evaluated
    """What there is."""


def evaluate(
    spec: str | os.PathLike[str] | Mapping[str, Any],
    *,
    tasks_root: str | os.PathLike[str],
    address: str | None = None,
    nodes: int | None = None,
    cpus_per_node: int | None = None,
    places_per_node: int | None = None,
    inference: Sequence[str] = (),
    prompts: str | os.PathLike[str] | None = None,
    output_dir: str | os.PathLike[str] | None = None,
    max_examples: int | None = None,
    state_dir: str | None = None,
    server_options: Sequence[str] = (),
) -> Evaluated:
    """Plays a config of ``agent run`` on the nodes of a cluster.

    ``spec`` is the config, as a YAML file or as its content; its ``max_concurrent_runs`` says how many episodes are played at once,
    on all nodes together. ``tasks_root`` is a folder of tasks, which every node is sent. ``inference``, ``prompts``, ``output_dir``
    and ``max_examples`` are the options of ``agent run``. What was completed before is kept: the same call goes on with a run.

    ``address`` is that of the cluster, as in ``ray.init``, unless this program is connected to one. ``nodes`` is the most nodes to use;
    without it, all that are there now and have processors. ``cpus_per_node`` is how many of these an actor reserves and its server uses;
    all of them, if not given. ``places_per_node`` is the most episodes that a server plays at once.

    ``state_dir`` is a folder on each node for what its server needs to go on with its episodes; it stays there. Without it, that is in
    the node's folder for temporary files, and goes with the run. ``server_options`` are further options of ``env-server serve``. The
    servers accept a token that is drawn for the run. With ``--tokens FILE`` among the options it is yours, in ``RUNTIME_GYM_TOKEN``.

    Raises :class:`InvalidArgument` if the config is wrong, :class:`ServerStartError` if no server starts, :class:`EvaluationError` if
    episodes have no evaluation, and ``KeyboardInterrupt`` after Ctrl-C, when the running episodes are closed (a second Ctrl-C does not
    wait for them). Afterwards no server and no actor is left.
    """
    with contextlib.ExitStack() as cleanup:
        if isinstance(spec, Mapping):
            config = Path(cleanup.enter_context(tempfile.TemporaryDirectory()), "config.yaml")
            config.write_text(json.dumps(spec))
        else:
            config = Path(spec)
        options = {"--tasks-root": tasks_root, "--prompts": prompts, "--output-dir": output_dir, "--max-examples": max_examples}
        run = ["agent", "run", "--config", str(config), *_flags(options)]
        run += [text for url in inference for text in ("--inference", url)]
        checked = subprocess.run(_command(*run, "--check"), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if checked.returncode:
            raise InvalidArgument(checked.stderr.strip())
        content = yaml.safe_load(config.read_text())
        if not ray.is_initialized():
            ray.init(address=address, log_to_driver=False, logging_level="WARNING")
            cleanup.callback(ray.shutdown)
        cluster = cleanup.enter_context(_Cluster(nodes, cpus_per_node))
        cluster.start(Path(tasks_root), state_dir, {"--max-episodes": places_per_node}, server_options)
        status = cluster.play(run)
    folder = Path(output_dir or content["output_dir"], content["run_name"])
    keys = [(agent["name"], family) for agent in content["agents"] for family in content["task_families"]]
    files = {key: folder / f"summary_{'-'.join(key)}.json" for key in keys}
    summaries = {key: json.loads(file.read_text()) for key, file in files.items() if file.exists()}
    if status == 128 + signal.SIGINT:
        raise KeyboardInterrupt
    result = Evaluated(folder, status, summaries, cluster.nodes)
    if status:
        error = EvaluationError(f"`agent run` ended with the status {status}; what it said is on standard error")
        error.result = result
        raise error
    return result


class _Cluster:
    """The servers on the nodes, and the agent that plays on them."""

    def __init__(self, most: int | None, cpus: int | None) -> None:
        usable = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= (cpus or 1)]
        self.nodes = [Node(_name(node), node["NodeID"], node["NodeManagerAddress"]) for node in usable[:most]]
        self._cpus = {node["NodeID"]: cpus or int(node["Resources"]["CPU"]) for node in usable}
        self._actors: dict[str, Any] = {}
        # What is asked of the nodes, by Ray's references to the answers: to serve, and to say when the server has ended.
        self._asked: dict[Any, tuple[Node, str]] = {}
        self._environment = {**os.environ, PARENT: str(os.getpid())}
        if not self.nodes:
            raise ServerStartError(f"no node of the cluster has {cpus or 1} processors for Ray")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Ends the servers and the actors."""
        try:
            # An actor that Ray has not placed yet would not answer.
            placed = [self._actors[node.node_id].stop.remote() for node in self.nodes if node.url or node.lost]
            if placed:
                ray.wait(placed, num_returns=len(placed), timeout=_STOP_SECONDS)
        finally:
            for actor in self._actors.values():
                ray.kill(actor, no_restart=True)

    def start(self, tasks: Path, state: str | None, options: Mapping[str, Any], given: Sequence[str]) -> None:
        """Starts a server on each node, and waits until all serve or have failed."""
        # What `agent run` gives its own server, and what an address that other machines reach needs.
        options = {**options, "--any-limits": True, "--insecure": True}
        named = {option.partition("=")[0] for option in given}
        token = None
        if "--tokens" not in named:
            self._environment["RUNTIME_GYM_TOKEN"] = secret = f"rgym_{secrets.token_hex(32)}"
            token = f"{hashlib.sha256(secret.encode()).hexdigest()} default agent"
        sha256, content = pack(tasks)
        self._tasks = _Stored(ray.put(content))
        actor, unique = ray.remote(max_restarts=-1, max_concurrency=4)(NodeServer), secrets.token_hex(8)
        for node in self.nodes:
            cpus = self._cpus[node.node_id]
            usual = {flag: value for flag, value in {**options, "--workers": cpus}.items() if flag not in named}
            here = NodeAffinitySchedulingStrategy(node.node_id, soft=False)
            self._actors[node.node_id] = actor.options(num_cpus=cpus, scheduling_strategy=here).remote(
                unique, node.name, node.address, sha256, [*_flags(usual), *given], token, state
            )
            self._ask(node, "serve")
        patience = time.monotonic() + _PATIENCE
        while starting := [node for node in self.nodes if not node.url and not node.lost]:
            self._watch(1)
            if time.monotonic() > patience:
                patience = float("inf")
                names = ", ".join(map(str, starting))
                _say(f"waiting for {names}: other work has the processors, or the first server there compiles Python")
        if all(node.lost for node in self.nodes):
            raise ServerStartError("no server has started:\n" + "\n".join(f"{node}: {node.lost}" for node in self.nodes))

    def play(self, run: Sequence[str]) -> int:
        """Runs the agent. Returns its exit status."""
        urls = [text for node in self.nodes if node.url and not node.lost for text in ("--env", node.url)]
        # Ctrl-C is for this program, which hands it on once.
        agent = subprocess.Popen(_command(*run, *urls), stdin=subprocess.DEVNULL, env=self._environment, start_new_session=True)
        try:
            while agent.poll() is None:
                try:
                    self._watch(_TICK)
                except KeyboardInterrupt:
                    agent.send_signal(signal.SIGINT)
        finally:
            if agent.poll() is None:
                agent.terminate()
                agent.wait()
        lost = [f"{node} ({node.lost})" for node in self.nodes if node.lost]
        if lost:
            _say(f"{len(lost)} of {len(self.nodes)} nodes were lost: {'; '.join(lost)}")
        # As a shell says it, where a signal has ended the agent.
        return agent.returncode if agent.returncode >= 0 else 128 - agent.returncode

    def _ask(self, node: Node, what: str) -> None:
        actor = self._actors[node.node_id]
        # To serve may be asked of an actor that has died: the one that takes its place does it.
        answer = actor.serve.options(max_task_retries=-1).remote(self._tasks) if what == "serve" else actor.ended.remote()
        self._asked[answer] = (node, what)

    def _watch(self, seconds: float) -> None:
        """Takes in the answers of the nodes, and waits for one until this many seconds are over."""
        if not self._asked:
            time.sleep(seconds)
            return
        for answer in ray.wait(list(self._asked), timeout=seconds)[0]:
            node, what = self._asked.pop(answer)
            try:
                said = ray.get(answer)
            except RayError as error:
                if what == "serve":
                    node.lost = _reason(error)
                    _say(f"{node} is lost: {node.lost}")
                    continue
                said = f"its actor has died: {_reason(error)}"
            if what == "serve":
                node.url = said
                _say(f"{node} serves at {said}")
                self._ask(node, "ended")
            else:
                node.restarts += 1
                _say(f"{node} is started again: {said}")
                self._ask(node, "serve")


@dataclass(frozen=True)
class _Stored:
    """What is in Ray's object store, fetched when it is needed."""

    content: Any

    def __call__(self) -> bytes:
        return ray.get(self.content)


def _name(node: Mapping[str, Any]) -> str:
    """The name of the server on a node: 32 characters at most."""
    host = re.sub("[^a-z0-9-]+", "-", node["NodeManagerHostname"].lower())
    return f"{host[:23]}-{node['NodeID'][:8]}"


def _flags(options: Mapping[str, Any]) -> list[str]:
    """Options of a command line: those that are not None, and those that are True without a value."""
    return [str(text) for flag, value in options.items() if value is not None for text in ([flag] if value is True else [flag, value])]


def _reason(error: RayError) -> str:
    cause = getattr(error, "cause", None) or error
    return f"{type(cause).__name__}: {' '.join(str(cause).split())}"


def _say(line: str) -> None:
    # The agent's bars end without a newline.
    print(f"\n{line}" if sys.stderr.isatty() else line, file=sys.stderr, flush=True)
