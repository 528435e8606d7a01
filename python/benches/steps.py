"""Steps a second from Python beside the Rust client's, on one server, in turn; and a step of a sandbox in this process.

    target/python/venv/bin/python python/benches/steps.py

needs `make build` and `cargo build --release --workspace --bins --lib`. Each line is the median of the rounds; ratios are of the same
round.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import runtime_gym as rg

ROOT = Path(__file__).parents[2]
CODE = "n = globals().get('n', 0) + 1\nprint(n)"


def begin(client: rg.Client, sessions: int) -> list[rg.Episode]:
    """New episodes, each of which has taken its first step. They last for 1,000 steps."""
    task = client.tasks("knapsack", limit=1)[0]
    limits = rg.Limits(max_steps=1000)
    episodes = [client.create(task, interpreter_state="persistent", limits=limits) for _ in range(sessions)]
    client.step_batch([(episode, CODE) for episode in episodes])
    return episodes


def batched(client: rg.Client, sessions: int, seconds: float) -> float:
    """Steps a second of all episodes in one call after the other."""
    episodes = begin(client, sessions)
    taken, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds and not episodes[0].ended:
        answers = client.step_batch([(episode, CODE) for episode in episodes])
        assert all(isinstance(answer, rg.Step) for answer in answers)
        taken += len(answers)
    return _close(episodes, taken / (time.perf_counter() - begun))


def threads(client: rg.Client, sessions: int, seconds: float) -> float:
    """Steps a second with a thread for each episode."""
    episodes = begin(client, sessions)
    begun = time.perf_counter()

    def play(episode: rg.Episode) -> int:
        taken = 0
        while time.perf_counter() - begun < seconds and not episode.ended:
            episode.step(CODE)
            taken += 1
        return taken

    with ThreadPoolExecutor(sessions) as pool:
        taken = sum(pool.map(play, episodes))
    return _close(episodes, taken / (time.perf_counter() - begun))


def tasks_of_asyncio(client: rg.Client, url: str, sessions: int, seconds: float) -> float:
    """Steps a second with a task of asyncio for each episode."""
    begun = begin(client, sessions)

    async def play_all() -> float:
        client = rg.AsyncClient(url)
        episodes = [await client.attach(episode.id) for episode in begun]
        end = time.perf_counter() + seconds

        async def play(episode: rg.AsyncEpisode) -> int:
            taken = 0
            while time.perf_counter() < end:
                await episode.step(CODE)
                taken += 1
            return taken

        return sum(await asyncio.gather(*map(play, episodes))) / seconds

    return _close(begun, asyncio.run(play_all()))


def _close(episodes: list[rg.Episode], measured: float) -> float:
    for episode in episodes:
        episode.close()
    return measured


def rust(url: str, sessions: int, batch: int | None, seconds: float) -> float:
    """Steps a second of `load play`."""
    with tempfile.NamedTemporaryFile() as report_file:
        command = [str(ROOT / "target/release/load"), "play", "--url", url, "--sessions", str(sessions), "--json", report_file.name]
        command += ["--seconds", str(seconds), "--warm-up", "1", "--code", CODE]
        command += ["--batch", str(batch)] if batch else []
        subprocess.run(command, check=True, capture_output=True)
        report: dict[str, Any] = json.loads(Path(report_file.name).read_text())
        return report["loads"][0]["steps_per_s"]


def streamed(client: rg.Client, sessions: int, seconds: float) -> float:
    """Steps a second over one stream, on which each episode has a step under way."""
    episodes = begin(client, sessions)
    stream = client.step_stream()
    for episode in episodes:
        stream.send(episode, CODE)
    taken, begun = 0, time.perf_counter()
    while len(stream):
        episode, _ = stream.receive()
        taken += 1
        if time.perf_counter() - begun < seconds and not episode.ended:
            stream.send(episode, CODE)
    return _close(episodes, taken / (time.perf_counter() - begun))


def sandbox(rounds: int) -> tuple[float, float]:
    """Microseconds of a step of a sandbox in this process, and what of it is not the interpreter's own time."""
    python = rg.Sandbox()
    python.run(CODE)
    steps: list[tuple[float, float]] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        outcome = python.run(CODE)
        taken = time.perf_counter() - begun
        steps.append((taken, taken - outcome.run_time))
    whole, beside = (statistics.median(times) * 1e6 for times in zip(*steps, strict=True))
    return whole, beside


def main() -> None:
    """Measures and prints."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sessions", type=int, default=64)
    arguments.add_argument("--seconds", type=float, default=3)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    sessions, seconds = given.sessions, given.seconds

    with tempfile.TemporaryDirectory() as folder, rg.serve(rg.generate(ROOT / "task_configs/tiny.json", folder)) as server:
        client = rg.Client(server.url)
        measures: dict[str, Callable[[], float]] = {
            "batched, Rust": lambda: rust(server.url, sessions, sessions, seconds),
            "batched, Python": lambda: batched(client, sessions, seconds),
            "streamed, Python": lambda: streamed(client, sessions, seconds),
            "single calls, Rust": lambda: rust(server.url, sessions, None, seconds),
            "single calls, Python, 1 thread": lambda: threads(client, 1, seconds),
            "single calls, Python, threads": lambda: threads(client, sessions, seconds),
            "single calls, Python, asyncio": lambda: tasks_of_asyncio(client, server.url, sessions, seconds),
        }
        rounds = [{name: measure() for name, measure in measures.items()} for _ in range(given.rounds)]
    print(f"{sessions} sessions, steps/s, median of {given.rounds} rounds; beside the Rust client in the same round")
    for name in measures:
        peer = "batched, Rust" if name.startswith("batched") else "single calls, Rust"
        ratio = statistics.median(one[name] / one[peer] for one in rounds)
        print(f"  {name:32} {statistics.median(one[name] for one in rounds):8.0f}  {ratio:5.2f}x")
    whole, beside = sandbox(5000)
    print(f"a step of a sandbox in this process: {whole:.0f} us, {beside:.0f} us of which are beside the interpreter; medians")


if __name__ == "__main__":
    main()
