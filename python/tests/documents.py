"""The blocks of code in our documents, and the programs that they make."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parents[2]

NOT_RUN = {
    'docs/own_families.md: with rg.host("http://127.0.0.1:50051", [GuessNumber]) as host:': "it runs for ever",
    "docs/how_to/nemo_gym.md: from runtime_gym.nemo_gym import RuntimeGymResourcesServer": "a server that NeMo Gym starts",
    "docs/how_to/skyrl.md: import sys": "the trainer of SkyRL needs a GPU",
    "docs/how_to/own_loop.md: from slime.rollout.sglang_rollout import GenerateState": "slime is not on PyPI, and needs a GPU",
    "docs/how_to/own_loop.md: import tinker": "Tinker is a service, and needs a key",
}
"""Blocks of Python that no test runs, by their first lines, and why. They are compiled."""


@dataclass(frozen=True)
class Block:
    """A block of code in a document."""

    document: str
    """Its path in the repository."""
    line: int
    """Its first line in the document, counted from 0."""
    language: str
    """As it is written beside the fence; empty for an indented block."""
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line + 1}"

    @property
    def name(self) -> str:
        """The document and the block's first line."""
        return f"{self.document}: {self.text.lstrip().splitlines()[0]}"


def blocks(document: str) -> list[Block]:
    """All blocks of a document, also those in lists, and those that are only indented."""
    tokens = MarkdownIt().parse((ROOT / document).read_text())
    found: list[Block] = []
    for token in tokens:
        if token.type in ("fence", "code_block") and token.map:
            language, *_ = [*token.info.split(), ""]
            found.append(Block(document, token.map[0] + (token.type == "fence"), language, token.content))
    return found


def program(document: str) -> str:
    """All blocks of Python in a document as one program, for a reader who follows it from above. Its lines have the numbers that they
    have in the document.
    """
    lines: list[str] = []
    for block in blocks(document):
        if block.language == "python" and block.name not in NOT_RUN:
            lines += [""] * (block.line - len(lines)) + block.text.splitlines()
    return "\n".join(lines) + "\n"


def run(document: str, folder: Path, replaced: Mapping[str, str], *, options: Sequence[str] = ()) -> str:
    """Runs the program of a document in a folder, with addresses and models in place of those that it names, each of which it must name.
    Its output must have what the document shows. Returns it.
    """
    text = program(document)
    for name, ours in replaced.items():
        assert name in text, f"{document} does not name {name}"
        text = text.replace(name, ours)
    file = folder / f"program_of_{Path(document).stem}.py"
    file.write_text(text)
    done = subprocess.run([sys.executable, *options, file.name], cwd=folder, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    for block in blocks(document):
        assert block.language != "text" or block.text in done.stdout, f"{block} shows {block.text}, and the program printed {done.stdout}"
    return done.stdout


def commands(block: Block, programs: Iterable[str], folder: Path) -> list[list[str]]:
    """The commands in a block of shell, each in words, as a shell understands them: they run with other programs in place of those that
    the block may name, which only note how they were called.
    """
    (folder / "target/release").mkdir(parents=True)
    (folder / "notes").mkdir()
    for program in programs:
        # By its name, or as a program of a checkout.
        for place in (folder, folder / "target/release"):
            (place / program).write_text(NOTES)
            (place / program).chmod(0o755)
    variables = {"PATH": str(folder), "NOTES": str(folder / "notes"), "HOME": str(folder)}
    done = subprocess.run(["/bin/sh", "-e", "-c", block.text], cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), f"{block}: {done.stderr}"
    notes = sorted((folder / "notes").iterdir(), key=lambda note: note.stat().st_mtime_ns)
    return [note.read_text().split("\0")[:-1] for note in notes]


NOTES = """#!/bin/sh
printf '%s\\0' "${0##*/}" "$@" >"$NOTES/$$"
"""


def execute(words: Sequence[str], folder: Path, replaced: Mapping[str, str]) -> str:
    """Runs a command, with other words in place of some, each of which it must have. Returns its output."""
    assert replaced.keys() <= set(words), f"{words} lacks some of {list(replaced)}"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ours = [replaced.get(word, word) for word in words]
    done = subprocess.run(ours, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
