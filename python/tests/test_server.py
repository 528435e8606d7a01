"""Servers that are children of a program: they end with it, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

import runtime_gym as rg

PROGRAM = """
import os, sys, time
import runtime_gym as rg
server = rg.serve(sys.argv[1])
print(server.pid, flush=True)
"""


def is_running(pid: int) -> bool:
    """Whether the process is there and has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def assert_ends(pid: int) -> None:
    """Within some seconds."""
    deadline = time.monotonic() + 20
    while is_running(pid):
        assert time.monotonic() < deadline, "the server goes on"
        time.sleep(0.05)


def start(tasks: Path, rest: str) -> tuple[subprocess.Popen[str], int]:
    """A program that starts a server and then does the rest; the server's process."""
    program = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM + rest, str(tasks)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert program.stdout is not None
    return program, int(program.stdout.readline())


@pytest.mark.parametrize(
    ("rest", "status"),
    [("", 0), ("raise SystemExit(3)", 3), ("os._exit(4)", 4), ("os.kill(os.getpid(), 9)", -9)],
)
def test_the_server_ends_with_its_program(tasks: Path, rest: str, status: int) -> None:
    program, server = start(tasks, rest)
    said = program.communicate(timeout=60)[1]
    assert program.returncode == status, said
    assert_ends(server)


def test_ctrl_c_closes_episodes_before_the_server_ends(tasks: Path) -> None:
    rest = """
client = rg.Client(server.url)
with client.create(client.tasks()[0], interpreter_state="persistent") as episode:
    print("ready", flush=True)
    try:
        episode.step("while True: pass")
    finally:
        print(episode.id, flush=True)
print("closed", flush=True)
"""
    program, server = start(tasks, rest)
    assert program.stdout is not None
    assert program.stdout.readline() == "ready\n"
    time.sleep(0.5)
    program.send_signal(signal.SIGINT)
    said = program.communicate(timeout=60)[1]
    assert "KeyboardInterrupt" in said
    assert "Unavailable" not in said
    assert_ends(server)


def test_forked_processes_use_the_server_and_leave_it(server: rg.Server, client: rg.Client, task: rg.Task) -> None:
    rg.Sandbox()  # It is compiled now: the child has not so much time.
    with client.create(task, interpreter_state="persistent") as episode:
        episode.step("x = 1")
        # A program of its own, since this one has threads.
        program = """
import os, sys
import runtime_gym as rg
server, episode_id = sys.argv[1:]
client = rg.Client(server)
episode = client.attach(episode_id)
for _ in range(20):
    child = os.fork()
    if child == 0:
        episode.step("x += 1")
        print(rg.Sandbox().run("print('here')").output, end="", flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    episode.next_step_index += 1
print(episode.step("print(x)").observation.output, end="")
"""
        # Python 3.12 and later warn of every fork in a process that has threads, as the client's has.
        command = [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", program, server.url, episode.id]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.stdout, done.stderr) == ("here\n" * 20 + "21\n", "")


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(rg.ServerStartError, match=r"does not start: error: .*tasks: No such file"):
        rg.serve(tmp_path)
    with pytest.raises(rg.ServerStartError, match=r"not started within 0\.01 s"):
        rg.serve(tmp_path, timeout=0.01)
    with pytest.raises(rg.ServerStartError, match="--no-such-option"):
        rg.serve(options=["--no-such-option"])
    with pytest.raises(rg.ServerStartError, match=r"no_such\.json"):
        rg.generate(tmp_path / "no_such.json", tmp_path / "out")


def test_a_killed_server_is_unavailable_and_with_a_folder_goes_on(tasks: Path, tmp_path: Path) -> None:
    listen = f"unix:{tmp_path}/gym.sock"
    options = ["--state-dir", str(tmp_path / "state")]
    server = rg.serve(tasks, listen=listen, options=options)
    client = rg.Client(server.url, attempts=2, deadline=5)
    assert client.servers()[0].durability is rg.Durability.PROCESS
    episode = client.create(client.tasks()[0], interpreter_state="persistent")
    first = episode.step("numbers = iter(range(9)); print(next(numbers))")
    os.kill(server.pid, signal.SIGKILL)
    assert_ends(server.pid)
    with pytest.raises(rg.Unavailable):
        episode.step("print(next(numbers))")
    server.close()
    with rg.serve(tasks, listen=listen, options=options):
        assert episode.step("print(next(numbers))").observation.output == "1\n"
        episode.next_step_index = 0
        assert episode.step("numbers = iter(range(9)); print(next(numbers))") == first
        episode.close()


def test_the_programs() -> None:
    def say(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "runtime_gym", *arguments], capture_output=True, text=True, check=False)

    assert say("--version").stdout.startswith("env-server ")
    assert say("agent", "--version").stdout.startswith("agent ")
    assert say("agent", "run").returncode == 2
    assert "--tasks-root" in say("evaluate", "--help").stdout
    usage = say("--help").stdout
    assert all(part in usage for part in ("runtime_gym agent", "runtime_gym evaluate", "Usage: env-server"))
    if not find_spec("ray"):
        done = say("evaluate", "agent.yaml", "--tasks-root", "tasks")
        assert (done.returncode, done.stderr) == (1, "error: this needs Ray: pip install 'ray==2.60.*'\n")


def test_the_first_start_says_what_takes_so_long(tasks: Path, tmp_path: Path) -> None:
    def start() -> str:
        program = "import sys, runtime_gym as rg; rg.serve(sys.argv[1]).close()"
        command = [sys.executable, "-W", "error", "-c", program, str(tasks)]
        cache = {**os.environ, "RUNTIME_GYM_CACHE": str(tmp_path)}
        return subprocess.run(command, env=cache, capture_output=True, text=True, check=True, timeout=300).stderr

    assert "compiles Python for this machine" in start()
    assert start() == ""
