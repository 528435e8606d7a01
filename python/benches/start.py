"""How long `import runtime_gym` takes, and how long it is from nothing to the first observation.

    target/python/venv/bin/python python/benches/start.py
    target/python/venv/bin/python python/benches/start.py --python VENV/bin/python      # where the wheel is installed

A cold start compiles Python for WebAssembly, since the cache is empty; a warm one finds it there. Each number is the median of the
rounds, and each run is a process of its own.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from time import perf_counter

ROOT = Path(__file__).parents[2]

IMPORT = """
import sys, time
before, begun, worked = set(sys.modules), time.perf_counter(), time.process_time()
import {module}
taken, worked = time.perf_counter() - begun, time.process_time() - worked
loaded = {{name.partition(".")[0] for name in set(sys.modules) - before}}
print(taken, worked, *sorted(loaded - sys.stdlib_module_names - {{"{package}"}}))
"""

FIRST = """
import runtime_gym as rg

with rg.serve() as server:
    task = rg.TaskConfig("rule_diagnosis", {"families": ["linear_int"]})
    episode = rg.Client(server.url).create(task, interpreter_state="persistent")
    print(episode.step("print('here')").observation.output, end="", flush=True)
"""

PEERS = {"gymnasium": ROOT / "target/python/adapters/gymnasium/bin/python", "openenv.core": ROOT / "target/bench/openenv/bin/python"}
"""Other libraries' modules, and the environments that have them if they were made."""


def import_time(python: str, module: str) -> tuple[float, float, list[str]]:
    """The seconds of an import, those of them on a processor, and the packages that are neither Python's nor its own."""
    code = IMPORT.format(module=module, package=module.partition(".")[0])
    seconds, worked, *packages = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return float(seconds), float(worked), packages


def show_import(python: str, module: str, rounds: int) -> list[str]:
    """Measures an import, and prints it without the end of the line. Returns the packages of others."""
    import_time(python, module)  # reads the files once
    taken, worked, packages = zip(*(import_time(python, module) for _ in range(rounds)), strict=True)
    print(f"import {module}: {statistics.median(taken):.3f} s, {statistics.median(worked):.3f} s on a processor", end="")
    return packages[0]


def first_observation(python: str, cache: Mapping[str, str]) -> tuple[float, float]:
    """The seconds from the start of a process to the first observation, and what it and its server take of processors to their ends."""
    begun, before = perf_counter(), getrusage(RUSAGE_CHILDREN)
    with subprocess.Popen([python, "-c", FIRST], env={**os.environ, **cache}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        line = process.stdout.readline()
        taken = perf_counter() - begun
    if line != "here\n":
        raise RuntimeError(f"no observation came: {line!r}")
    after = getrusage(RUSAGE_CHILDREN)
    return taken, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def show_start(kind: str, aim: str, runs: list[tuple[float, float]]) -> None:
    """Prints what was measured of starts."""
    seconds, worked = (statistics.median(one[at] for one in runs) for at in (0, 1))
    every = ", ".join(f"{one:.2f}" for one, _ in runs)
    print(f"{kind}, to the first observation: {seconds:.2f} s, {worked:.2f} s on processors (aim: {aim} s), of {every}")


def main() -> None:
    """Measures and prints."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--python", default=sys.executable, help="the Python that has runtime_gym")
    arguments.add_argument("--rounds", type=int, default=7)
    arguments.add_argument("--cold-rounds", type=int, default=3)
    given = arguments.parse_args()
    python: str = given.python

    foreign = show_import(python, "runtime_gym", given.rounds)
    print(f" (aim: 0.15 s); packages of others: {', '.join(foreign) or 'none'}")
    for module, peer in PEERS.items():
        if peer.exists():
            show_import(str(peer), module, given.rounds)
            print()

    cold: list[tuple[float, float]] = []
    for _ in range(given.cold_rounds):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(first_observation(python, {"RUNTIME_GYM_CACHE": cache}))
    show_start("cold", "15", cold)
    first_observation(python, {})
    show_start("warm", "1", [first_observation(python, {}) for _ in range(given.rounds)])
    print(f"load of the machine in the last minute: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")


if __name__ == "__main__":
    main()
