"""Every block of code in the documents is run, parsed by the program that it is for, or named here with the reason why not.

The tools for this that are on PyPI (pytest-examples, mktestdocs, sybil) do not find blocks that are only indented, and run blocks in the
process of the tests. A document here is one program in a process of its own, with warnings as errors.
"""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from documents import NOT_RUN, ROOT, Block, blocks, commands, program, run

import runtime_gym as rg

DOCUMENTS = [
    "README.md",
    "python/README.md",
    "CONTRIBUTING.md",
    *(f"{folder}/README.md" for folder in ("agent_configs", "deploy", "experiments", "task_configs", "train_configs", "typescript")),
    *sorted(str(file.relative_to(ROOT)) for file in ROOT.glob("docs/**/*.md")),
]

BLOCKS = [block for document in DOCUMENTS for block in blocks(document)]

ADAPTERS = {
    "docs/how_to/gymnasium.md": "gymnasium",
    "docs/how_to/inspect_ai.md": "inspect_ai",
    "docs/how_to/mcp.md": "mcp",
    "docs/how_to/nemo_gym.md": "nemo_gym",
    "docs/how_to/openenv.md": "openenv",
    "docs/how_to/own_loop.md": "trl",
    "docs/how_to/ray.md": "ray",
    "docs/how_to/skyrl.md": "skyrl_gym",
    "docs/how_to/smolagents.md": "smolagents",
    "docs/how_to/trl.md": "trl",
    "docs/how_to/verifiers.md": "verifiers",
    "docs/how_to/verl.md": "verl",
}
"""Documents whose code needs a library, and the folder of python/tests_adapters whose tests run them."""

LANGUAGES = {"rust": "tests/end_to_end/documents.rs", "ts": "the tests in typescript"}
"""Languages whose blocks are run elsewhere."""

OURS = {
    "env-server": [sys.executable, "-m", "runtime_gym"],
    **{name: [str(ROOT / "target/release" / name)] for name in ("agent", "analysis", "load", "study", "trainer")},
}
"""Our programs, and how they are started."""

CHECKED = [("agent", "run"), ("env-server", "generate")]
"""Commands that check a config and nothing else with `--check`."""

OTHERS = {
    "claude": "is a program of its own; tests/end_to_end/mcp.rs starts what it is given",
    "cargo": "builds from the sources, and updates the document",
    "curl": "has a test of its own here; that of README.md is in tests/end_to_end/documents.rs",
    "docker": "the image is built where there is Docker; scripts/manifests.sh checks its file",
    "grpcurl": "is not on PyPI or in Debian",
    "inspect": "tests_adapters/inspect_ai runs it",
    "kubectl": "needs a cluster; scripts/manifests.sh checks the files that it is given",
    "npm": "scripts/typescript.sh builds the package",
    "pip": "installs from PyPI; tests_adapters installs the same packages in the versions of their requirements.txt",
    "python": "tests_adapters/ray runs it",
    "python3": "tests/end_to_end/clients.rs runs what README.md has, and tests_adapters/verl what its document has",
    "sbatch": "needs Slurm; scripts/manifests.sh checks the script",
    "sysctl": "changes the machine",
    "vf-eval": "tests_adapters/verifiers runs it",
    "vllm": "needs 3 GB; make test-vllm runs one",
}
"""Programs that are not ours, and why this does not run them."""


def say(name: str, *arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Runs one of our programs. Leaves the test out where it is not built, as where only the wheel is tested."""
    if not Path(OURS[name][0]).exists():
        pytest.skip(f"{name} is not built")
    command = [*OURS[name], *arguments]
    return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def accepts(name: str, *arguments: str) -> None:
    """Whether one of our programs does."""
    said = say(name, *arguments)
    assert said.returncode == 0, said.stderr


def config(block: Block, folder: Path) -> str:
    """The block as a file."""
    file = folder / "config.yaml"
    file.write_text(block.text)
    return str(file)


def tasks(block: Block, folder: Path) -> None:
    """A config of tasks."""
    accepts("env-server", "generate", "--check", "--config", config(block, folder))


def run_config(block: Block, folder: Path) -> None:
    """The config of a run."""
    accepts("agent", "run", "--check", "--config", config(block, folder))


def training(block: Block, folder: Path) -> None:
    """The config of a training: it is read before the model that it names is missed."""
    said = say("trainer", "train", "--check", "--config", config(block, folder), folder=folder)
    assert said.stderr == "error: models/base/config.json: No such file or directory (os error 2)\n"


def experiment(block: Block, folder: Path) -> None:
    """An experiment beside those in `experiments`."""
    shutil.copytree(ROOT / "experiments", folder / "experiments")
    accepts("study", "run", "--dry-run", config(block, folder / "experiments/ablations"))


def options(block: Block, folder: Path) -> None:
    """The options of a server: it reads them all before it looks for the files that they name."""
    said = say("env-server", "serve", "--config", config(block, folder))
    assert "options were read" in said.stderr, said.stderr


def by_an_adapter(block: Block, _: Path) -> None:
    """The tests of an adapter give it to the library."""
    assert block.document in ADAPTERS


CONFIGS: dict[str, Callable[[Block, Path], None]] = {
    "agent_configs/README.md: output_dir: runs/example": run_config,
    "docs/OPERATIONS.md: listen: 0.0.0.0:50051": options,
    "docs/how_to/nemo_gym.md: runtime_gym_resources_server:": by_an_adapter,
    "docs/how_to/ray.md: apiVersion: ray.io/v1": by_an_adapter,
    "docs/how_to/verl.md: - name: runtime_gym": by_an_adapter,
    'docs/how_to/verifiers.md: model = "MODEL"': by_an_adapter,
    "docs/task_families.md: {": tasks,
    "experiments/README.md: extends: ../small.yaml": experiment,
    "train_configs/README.md: base_model: models/base            # a Hugging Face folder": training,
}
"""Configs, by their first lines, and what checks them."""

LEFT_OUT = {
    "agent_configs/README.md: <tool_call>": "what a model writes",
    "agent_configs/README.md: error: agent.yaml:": "what a program says; agent/src/config/tests.rs compares it",
    "agent_configs/README.md: llm: {backend: vllm, model: persistent, url: [http://127.0.0.1:8000/v1, http://127.0.0.1:8001/v1]}": (
        "two choices of one key"
    ),
    "deploy/README.md: scrape_configs:": "Prometheus's own, for a cluster",
    "docs/OPERATIONS.md: quota red   episodes=200 steps_per_second=500 fuel_per_second=5000000000": "lines of a file with secrets",
    "docs/STUDY.md: title: Small study": "written by `make study-docs`",
    "docs/STUDY.md: title: Study on SmolLM2-135M-Instruct": "written by `make study-docs`",
    "docs/STUDY.md: title: Reinforcement in a persistent and in a resetting runtime": "written by `make study-docs`",
    "docs/STUDY.md: | Stage                                         |     Kind |        Time | In the last start |          Key |": (
        "written by `make study-docs`"
    ),
    "docs/how_to/verifiers.md: [[orchestrator.train.source]]": "prime-rl is not on PyPI",
    "experiments/README.md: evaluation:": "two choices of one key",
    "experiments/README.md: runs/stages/KIND-KEY/    the output of one stage, with log.txt and stage.json; all studies share them": (
        "a list of files"
    ),
}
"""Other blocks, by their first lines, and why no test reads them."""


def is_shell(block: Block) -> bool:
    """Whether it is a block of commands: indented ones are, if they begin with a program."""
    if block.language or block.name in CONFIGS or block.name in LEFT_OUT:
        return block.language == "sh"
    return True


def test_no_block_is_forgotten() -> None:
    python = [block.name for block in BLOCKS if block.language == "python"]
    texts = [block for block in BLOCKS if block.language == "text" and block.name not in LEFT_OUT]
    read = {block.name for block in BLOCKS if block.language in ("python", "text", *LANGUAGES) or is_shell(block)}
    assert {block.name for block in BLOCKS} - read - CONFIGS.keys() - LEFT_OUT.keys() == set()
    # Texts are outputs of programs.
    assert all(program(block.document).strip() for block in texts)
    # Nothing is named that is not there any more.
    assert (CONFIGS.keys() | LEFT_OUT.keys() | NOT_RUN.keys()) - {block.name for block in BLOCKS} == set()
    assert NOT_RUN.keys() <= set(python)
    shell = "\n".join(block.text for block in BLOCKS if is_shell(block))
    assert [name for name in OTHERS if name not in shell] == []


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "python"], ids=str)
def test_python_compiles(block: Block) -> None:
    ast.parse(block.text)


def test_the_code_in_docstrings_compiles() -> None:
    """It is on the site, too. The adapters' documents have the same code, which is run."""
    others = ("inspect eval", "runtime_gym_resources_server:", "vf-eval", "- name: runtime_gym", '{"')
    found = 0
    for module in (ROOT / "python/runtime_gym").glob("*.py"):
        text = ast.get_docstring(ast.parse(module.read_text())) or ""
        for block in re.findall(r"(?:::|:)\n\n((?: {4}.*\n|\n)+)", text + "\n"):
            code = textwrap.dedent(block)
            found += 1
            if not code.startswith(others):
                ast.parse(code)
    assert found >= 8


@pytest.mark.parametrize("document", [one for one in DOCUMENTS if program(one).strip() and one not in ADAPTERS and one != "README.md"])
def test_a_document_runs(document: str, folder: Path) -> None:
    assert run(document, folder, {}, options=["-W", "error"])


def test_the_readme_runs(folder: Path) -> None:
    """The block of our package; tests/end_to_end/documents.rs runs the others."""
    [block] = [block for block in blocks("README.md") if "import runtime_gym" in block.text]
    done = subprocess.run([sys.executable, "-W", "error", "-c", block.text], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.fixture
def folder(tasks: Path, tmp_path: Path) -> Path:
    """A folder as the documents have it: a checkout of the repository, in which tasks were generated."""
    shutil.copytree(ROOT / "task_configs", tmp_path / "task_configs")
    shutil.copytree(tasks, tmp_path / "runs/tasks/tiny")
    return tmp_path


@pytest.mark.parametrize("document", ADAPTERS)
def test_an_adapter_runs_its_document(document: str) -> None:
    tests = (ROOT / "python/tests_adapters" / ADAPTERS[document]).glob("test_*.py")
    assert any(f'"{document}"' in file.read_text() for file in tests)


@pytest.mark.parametrize("block", [block for block in BLOCKS if is_shell(block)], ids=str)
def test_commands_are_right(block: Block, tmp_path: Path) -> None:
    """Our programs parse the flags and values of their commands: `--help` at the end is looked at only after them."""
    for name, *arguments in commands(block, ("make", "python", *OURS, *OTHERS), tmp_path):
        if name.startswith("python") and arguments[:2] == ["-m", "runtime_gym"]:
            name, arguments = "env-server", arguments[2:]
        if name == "make":
            subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, check=True, capture_output=True)
        elif name in OURS:
            accepts(name, *arguments, "--help")
            if (name, arguments[0]) in CHECKED and (ROOT / arguments[arguments.index("--config") + 1]).exists():
                accepts(name, *arguments, *({"--check"} - set(arguments)))


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.text.startswith("curl")], ids=str)
def test_calls_by_curl(block: Block, server: rg.Server, tasks: Path, tmp_path: Path) -> None:
    if not shutil.which("curl"):
        pytest.skip("there is no curl")
    socket = tmp_path / "gym.sock"
    with rg.serve(tasks, listen=f"unix:{socket}"):
        text = block.text.replace("http://127.0.0.1:50051", server.url).replace("/run/gym.sock", str(socket))
        done = subprocess.run(["sh", "-e", "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(answer) for answer in done.stdout.replace("}{", "}\n{").splitlines()]
    assert len(answers) == block.text.count("curl ")
    assert not any("code" in answer for answer in answers)


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.name in CONFIGS], ids=str)
def test_configs_are_right(block: Block, tmp_path: Path) -> None:
    CONFIGS[block.name](block, tmp_path)


@pytest.mark.parametrize(
    "line", ["env-server serve --taks x", "env-server generate --config a --out", "env-server serve --max-steps many", "env-sever", "x '"]
)
def test_a_wrong_command_is_noticed(line: str, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"error|not found|quote"):
        test_commands_are_right(Block("", 0, "sh", line), tmp_path)
