"""Evaluation on a cluster of Ray with four nodes, which are processes of this machine; servers, actors and nodes are killed."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from evaluation import Evaluation, config, episode_ids, files, is_running, kill, parent, processes, results, seconds, stored, until
from ray.cluster_utils import Cluster

import runtime_gym as rg
import runtime_gym.ray

ROOT = Path(__file__).parents[3]
NODES = 4
BOTH = {"persistent": True, "reset": False}


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 1,000 tasks."""
    return rg.generate(ROOT / "task_configs/tiny.json", tmp_path_factory.mktemp("tasks") / "tiny")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A cluster of four nodes with a processor each, beside the head, which has none."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    try:
        for _ in range(NODES):
            cluster.add_node(num_cpus=1)
        yield cluster
    finally:
        cluster.shutdown()


def play(folder: Path, tasks: Path, *arguments: str) -> None:
    """Plays the folder's config by `agent run`, on one server."""
    command = [sys.executable, "-m", "runtime_gym", "agent", "run", "--config", "config.yaml", "--tasks-root", str(tasks), *arguments]
    with rg.serve(tasks, options=["--any-limits"]) as server:
        subprocess.run([*command, "--env", server.url], cwd=folder, check=True)


def raylet(cluster: Cluster, server: str) -> Any:
    """The raylet of the node with this server."""
    [node] = [node for node in cluster.list_all_nodes() if node.node_id.startswith(server.rpartition("-")[2])]
    return node.all_processes["raylet"][0].process


def test_servers_actors_and_nodes_are_killed_and_no_episode_is_lost_or_doubled(cluster: Cluster, tiny: Path, tmp_path: Path) -> None:
    one, many = tmp_path / "one", tmp_path / "many"
    one.mkdir()
    spec = config(one, BOTH)
    play(one, tiny)
    # 8,500 steps in all: they take 35 seconds at least, on the fastest machine.
    token, line = _token()
    (tmp_path / "tokens").write_text(f"{line}\nquota * steps_per_second=60\n")
    arguments = ["--state-dir", str(tmp_path / "state"), f"--server-option=--tokens={tmp_path / 'tokens'}"]
    command = [cluster.address, str(spec), "--tasks-root", str(tiny), *arguments]
    with Evaluation(many, *command, environment={"RUNTIME_GYM_TOKEN": token}) as evaluation:
        until(lambda: evaluation.is_at(200))
        assert len(evaluation.servers) == NODES
        crashed, orphaned, lost, undisturbed = evaluation.servers
        server, actor = evaluation.server(orphaned), parent(evaluation.server(orphaned))
        kill(evaluation.server(crashed))
        kill(actor)
        until(lambda: not is_running(server))
        until(lambda: evaluation.said.count("serves at") == NODES + 2)
        until(lambda: evaluation.is_at(900))
        dying = evaluation.server(lost)
        node = raylet(cluster, lost)
        node.kill()
        node.wait()
        until(lambda: not is_running(dying))
        assert evaluation.wait() == 0, evaluation.said

    said = evaluation.said
    print(said)
    assert re.search(rf"^node {crashed} .* is started again: its server has ended with the status -9", said, re.MULTILINE)
    assert re.search(rf"^node {orphaned} .* is started again: its actor has died: Actor\w+Error: ", said, re.MULTILINE)
    assert re.search(rf"^node {lost} .* is lost: Actor\w+Error: ", said, re.MULTILINE)
    assert f"1 of {NODES} nodes were lost: node {lost} " in said
    again = re.findall(r"was played again: .*the server `(\S+)` at", said)
    assert lost in again
    assert undisturbed not in again

    assert files(many) == files(one)
    assert len(results(many)) == 2000
    assert seconds(many) >= 30
    # Episodes were begun twice only where the agent says so, and all others once.
    ids, begun = episode_ids(many), stored(tmp_path / "state", tmp_path / "copy")
    assert sorted(begun) == sorted(evaluation.servers)
    assert all(one in begun[one.partition(".")[0]] for one in ids)
    assert len(set(ids)) == 2000
    assert sum(map(len, begun.values())) == 2000 + len(again)


def _token() -> tuple[str, str]:
    """A token, and its line in the file of tokens."""
    said = subprocess.run([sys.executable, "-m", "runtime_gym", "token"], capture_output=True, text=True, check=True).stdout
    [token, line] = [one.partition(": ")[2] for one in said.splitlines()]
    return token, line


def test_ctrl_c_leaves_nothing_and_the_same_command_goes_on(cluster: Cluster, tiny: Path, tmp_path: Path) -> None:
    one, many = tmp_path / "one", tmp_path / "many"
    one.mkdir()
    spec = config(one, BOTH, at_once=4)
    arguments = ["--max-examples", "400"]
    play(one, tiny, *arguments)
    command = [cluster.address, str(spec), "--tasks-root", str(tiny), *arguments]
    with Evaluation(many, *command) as evaluation:
        until(lambda: evaluation.is_at(50))
        # The servers take calls of this run only.
        with pytest.raises(rg.Unauthenticated):
            rg.Client(list(evaluation.servers.values())).servers()
        ours = ours_of(evaluation)
        evaluation.process.send_signal(signal.SIGINT)
        assert evaluation.wait() == 130, evaluation.said
    assert "stopping: the running episodes are closed" in evaluation.said
    assert re.search(r"stopped with \d+ episodes not played", evaluation.said)
    until(lambda: not any(map(is_running, ours)))
    assert not list(Path(tempfile.gettempdir()).glob("runtime-gym-*/" + next(iter(evaluation.servers))))

    kept = len(results(many))
    assert 50 <= kept < 800
    with Evaluation(many, *command) as evaluation:
        assert evaluation.wait() == 0, evaluation.said
    counts = re.findall(r"(\d+) played now, (\d+) kept", evaluation.said)
    assert (sum(int(now) for now, _ in counts), sum(int(before) for _, before in counts)) == (800 - kept, kept)
    assert files(many) == files(one)


def ours_of(evaluation: Evaluation) -> list[int]:
    """The processes of an evaluation: its agent, its servers and its actors."""
    servers = [evaluation.server(name) for name in evaluation.servers]
    agents = [pid for pid in processes("runtime_gym", "agent", "run") if parent(pid) == evaluation.process.pid]
    assert len(servers) == NODES
    assert len(agents) == 1
    return [*agents, *servers, *map(parent, servers)]


def test_all_ends_with_a_killed_program_and_goes_on_after_it(cluster: Cluster, tiny: Path, tmp_path: Path) -> None:
    command = [cluster.address, str(config(tmp_path, BOTH)), "--tasks-root", str(tiny), "--max-examples", "200"]
    command += ["--state-dir", str(tmp_path / "state")]
    with Evaluation(tmp_path / "run", *command) as evaluation:
        until(lambda: evaluation.is_at(50))
        ours = ours_of(evaluation)
        kill(evaluation.process.pid)
        evaluation.wait()
    # At once, when the servers may still have their states open.
    with Evaluation(tmp_path / "run", *command) as evaluation:
        assert evaluation.wait() == 0, evaluation.said
    until(lambda: not any(map(is_running, ours)))
    assert len(evaluation.servers) == NODES
    assert len(results(tmp_path / "run")) == 400


@pytest.fixture
def connected(cluster: Cluster) -> Iterator[None]:
    """A program that is connected to the cluster."""
    ray.init(address=cluster.address, log_to_driver=False)
    yield
    ray.shutdown()


@pytest.mark.usefixtures("connected")
def test_the_function(tiny: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    agent = {"name": "a", "agent_type": "codeact", "persistent_state": True, "llm": {"model": "persistent-habit"}}
    spec = {"output_dir": str(tmp_path), "run_name": "r", "task_families": ["knapsack"], "agents": [agent]}
    evaluated = runtime_gym.ray.evaluate(spec, tasks_root=tiny, nodes=2, places_per_node=1, max_examples=10)
    assert (evaluated.folder, evaluated.status, len(evaluated.nodes)) == (tmp_path / "r", 0, 2)
    assert evaluated.summaries["a", "knapsack"]["num_tasks_executed"] == 10
    assert all(node.url and not node.lost and not node.restarts for node in evaluated.nodes)
    assert not any(processes("--server-name", node.name) for node in evaluated.nodes)

    with pytest.raises(rg.InvalidArgument, match=r"max_turns.*expected an integer"):
        runtime_gym.ray.evaluate({**spec, "agents": [{**agent, "max_turns": "many"}]}, tasks_root=tiny)
    with pytest.raises(rg.ServerStartError, match=r"(?s)node \S+ \(.*--no-such-option.*node \S+ \(.*--no-such-option"):
        runtime_gym.ray.evaluate(spec, tasks_root=tiny, nodes=2, server_options=["--no-such-option"])
    with pytest.raises(rg.ServerStartError, match="no node of the cluster has 2 processors"):
        runtime_gym.ray.evaluate(spec, tasks_root=tiny, cpus_per_node=2)
    # The servers have the tasks, but no such family.
    with pytest.raises(runtime_gym.ray.EvaluationError) as failed:
        runtime_gym.ray.evaluate({**spec, "run_name": "s", "task_families": ["navigation"]}, tasks_root=tiny)
    assert (failed.value.result.status, dict(failed.value.result.summaries)) == (1, {})
    assert "has no task of the family `navigation`" in capfd.readouterr().err
    assert ray.is_initialized()
    until(lambda: ray.available_resources().get("CPU") == NODES)
