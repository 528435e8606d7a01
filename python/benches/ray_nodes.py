# pyright: basic, reportMissingImports=false
"""How many episodes a second a cluster of Ray plays with one to four nodes, as a table and a plot.

    python -m pip install 'ray==2.60.*' matplotlib
    python python/benches/ray_nodes.py --plot nodes.svg

The nodes are processes of this machine, so each server gets a share of a processor of its own, by a control group (Linux, as root). Then
the servers together need less than the machine has, and the question is whether anything that they share holds them up: the agent, Ray,
the run's files. What a network does is not seen here.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plot
from ray.cluster_utils import Cluster

import runtime_gym as rg

ROOT = Path(__file__).parents[2]
GROUPS = Path("/sys/fs/cgroup")
PERIOD = 100_000
"""Microseconds in which a share of a processor counts."""


@contextlib.contextmanager
def share_of_a_processor(name: str, share: float) -> Iterator[Path]:
    """A control group whose processes get this share of one processor together."""
    is_first_version = (GROUPS / "cpu").is_dir()
    group = GROUPS / ("cpu" if is_first_version else "") / f"runtime-gym-{name}"
    group.mkdir()
    try:
        if is_first_version:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(int(share * PERIOD)))
        else:
            (group / "cpu.max").write_text(f"{int(share * PERIOD)} {PERIOD}")
        yield group
    finally:
        group.rmdir()


def process(server: str) -> int:
    """The process of the server with this name."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if f"--server-name\0{server}\0" in file.read_text(errors="replace"):
                return int(file.parent.name)
    raise LookupError(f"no server {server}")


def play(address: str, tasks: Path, nodes: int, share: float, episodes: int, at_once: int) -> float:
    """Plays a number of episodes on each node. Returns the episodes a second."""
    agent = {"name": "a", "agent_type": "codeact", "persistent_state": True, "llm": {"model": "persistent-habit"}}
    spec = {"output_dir": "runs", "run_name": "r", "task_families": ["knapsack"], "agents": [agent]}
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as groups:
        config = Path(folder, "config.yaml")
        config.write_text(json.dumps({**spec, "max_concurrent_runs": nodes * at_once}))
        command = [sys.executable, "-m", "runtime_gym", "evaluate", config.name, "--address", address, "--tasks-root", str(tasks)]
        command += ["--nodes", str(nodes), "--max-examples", str(nodes * episodes)]
        with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True) as evaluation:
            assert evaluation.stderr
            said: list[str] = []
            for line in evaluation.stderr:
                said.append(line)
                if serves := re.match(r"node (\S+) .* serves at ", line):
                    group = groups.enter_context(share_of_a_processor(serves[1], share))
                    (group / "cgroup.procs").write_text(str(process(serves[1])))
        if evaluation.returncode:
            sys.exit("".join(said))
        files = [path for path in Path(folder).glob("runs/r/results/*/*/*.json") if not path.name.endswith(".trace.json")]
        results = [json.loads(path.read_text()) for path in files]
        assert len(results) == nodes * episodes
        return len(results) / (max(one["finished_at"] for one in results) - min(one["started_at"] for one in results))


def draw(rates: dict[int, float], share: float, file: Path) -> None:
    """Draws the rates beside what they would be in proportion to the nodes."""
    plot.rcParams["svg.hashsalt"] = "nodes"
    figure, axes = plot.subplots(figsize=(5, 3.5), layout="constrained")
    first = rates[1]
    axes.plot(list(rates), [first * nodes for nodes in rates], color="0.7", linestyle="--", label="in proportion")
    axes.plot(list(rates), list(rates.values()), marker="o", label="measured")
    axes.set(xlabel="nodes", ylabel="episodes a second", xticks=list(rates), ylim=(0, None), title=f"{share:g} of a processor a node")
    axes.legend()
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    """Measures, prints and draws."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=4, help="the most nodes")
    parser.add_argument("--share", type=float, default=0.15, help="the share of a processor that each server gets")
    parser.add_argument("--episodes", type=int, default=250, help="episodes a node")
    parser.add_argument("--at-once", type=int, default=16, help="episodes at once, a node")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--plot", type=Path, help="the file that the plot goes to")
    options = parser.parse_args()
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    measured: dict[int, list[float]] = {nodes: [] for nodes in range(1, options.nodes + 1)}
    try:
        for _ in range(options.nodes):
            cluster.add_node(num_cpus=1)
        with tempfile.TemporaryDirectory() as folder:
            tasks = rg.generate(ROOT / "task_configs/tiny.json", Path(folder, "tiny"))
            # In turn, so that what else the machine does meets all of them.
            for _ in range(options.rounds):
                for nodes, rates in measured.items():
                    rates.append(play(cluster.address, tasks, nodes, options.share, options.episodes, options.at_once))
                    print(f"{nodes} nodes: {rates[-1]:.1f} episodes/s", file=sys.stderr, flush=True)
    finally:
        cluster.shutdown()
    rates = {nodes: statistics.median(of) for nodes, of in measured.items()}
    print("| nodes | episodes a second | of each node's share |\n|---|---|---|")
    for nodes, rate in rates.items():
        print(f"| {nodes} | {rate:.1f} | {rate / nodes / rates[1]:.0%} |")
    if options.plot:
        draw(rates, options.share, options.plot)


if __name__ == "__main__":
    main()
