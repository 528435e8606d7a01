"""Families for the tests, and a program that hosts them: ``python families.py URL THREADS``."""

# ruff: noqa: ARG002 - the methods of a family take more than they use
from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import runtime_gym as rg


@dataclass
class State:
    """What is kept of an episode."""

    guesses: int = 0
    found: bool = False
    said: list[str] = field(default_factory=list[str])


class GuessNumber(rg.Family):
    """A hidden number. Some of its tools are there for the tests."""

    def tasks(self) -> Iterator[rg.FamilyTask]:
        """Three of them."""
        for number in (17, 42, 63):
            yield rg.FamilyTask(f"guess-{number % 10}", public={"highest": 100}, private={"number": number})

    def begin(self, task: rg.FamilyTask) -> State:
        """Nothing is guessed."""
        return State()

    def goal(self, task: rg.FamilyTask) -> str:
        """In words."""
        return f"Find the number between 1 and {task.public['highest']}."

    @rg.tool
    def guess(self, task: rg.FamilyTask, state: State, number: int) -> str:
        """Guesses a number. Answers "higher", "lower" or "found"."""
        if state.guesses == 10:
            raise rg.ToolError("No guesses are left.")
        state.guesses += 1
        hidden = task.private["number"]
        state.found = state.found or number == hidden
        return "found" if number == hidden else "higher" if number < hidden else "lower"

    @rg.tool
    def echo(self, task: rg.FamilyTask, state: State, number: float, flag: bool, items: list[int], table: dict[str, Any]) -> dict[str, Any]:
        """Says what it was given."""
        return {"number": number, "flag": flag, "items": items, "table": table}

    @rg.tool
    def wait(self, task: rg.FamilyTask, state: State, folder: str) -> str:
        """Notes in the folder that it was called, and waits until the file `go` is there."""
        state.guesses += 1
        Path(folder, f"called-{os.getpid()}-{task.task_id}").touch()
        while not Path(folder, "go").exists():
            time.sleep(0.02)
        return "went"

    @rg.tool
    def fail(self, task: rg.FamilyTask, state: State, how: str) -> str:
        """Fails in one of the ways that are the family's fault."""
        state.guesses += 1
        if how == "raise":
            raise ZeroDivisionError(f"the number {task.private['number']} is hidden")
        if how == "state":
            state.said = ("a tuple",)  # pyright: ignore[reportAttributeAccessIssue]
        return float("nan") if how == "answer" else ""  # pyright: ignore[reportReturnType]

    def evaluate(self, task: rg.FamilyTask, state: State) -> rg.Evaluation:
        """Fewer guesses are better."""
        return rg.Evaluation(state.found, (11 - state.guesses) / 10 if state.found else 0.0, {"guesses": state.guesses})

    def budget_left(self, task: rg.FamilyTask, state: State) -> Mapping[str, int]:
        """Ten guesses."""
        return {"guesses": 10 - state.guesses}


if __name__ == "__main__":
    with rg.host(sys.argv[1], [GuessNumber()], threads=int(sys.argv[2])) as running:
        print("ready", flush=True)
        running.wait()
