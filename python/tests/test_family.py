"""Task families that are written in Python: what holds for the server's own holds for them, also when their hosts go away."""

# ruff: noqa: ARG001 - the methods of a family take more than they use
from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from families import GuessNumber

import runtime_gym as rg

GUESS = "print(guess(10))"


@pytest.fixture(scope="module")
def hosted(tasks: Path) -> Iterator[rg.Server]:
    """A server with a host in this process."""
    with rg.serve(tasks) as server, rg.host(server.url, [GuessNumber]):
        yield server


@pytest.fixture
def own(tasks: Path) -> Iterator[rg.Server]:
    """A server without hosts."""
    with rg.serve(tasks) as server:
        yield server


@pytest.fixture
def hosts() -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts hosts in processes of their own, for one call at a time."""
    started: list[subprocess.Popen[str]] = []

    def start(url: str) -> subprocess.Popen[str]:
        program = [sys.executable, str(Path(__file__).with_name("families.py")), url, "1"]
        host = subprocess.Popen(program, stdout=subprocess.PIPE, text=True)
        started.append(host)
        assert host.stdout is not None
        assert host.stdout.readline() == "ready\n"
        return host

    yield start
    for host in started:
        host.kill()
        host.communicate()


def create(url: str, state: str = "persistent", **options: Any) -> rg.Episode:
    client = rg.Client(url, **options)
    return client.create(client.tasks("guess_number")[0], interpreter_state=state)


def until(condition: Callable[[], object]) -> None:
    """Waits for what must come."""
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def in_background(work: Callable[[], Any]) -> Callable[[], Any]:
    """Begins work on a thread; the result is a function that waits for its end, and returns or raises what it does."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(work())
        except rg.RuntimeGymError as error:
            outcome.append(error)

    thread = threading.Thread(target=run)
    thread.start()

    def end() -> Any:
        thread.join(120)
        assert not thread.is_alive()
        if isinstance(outcome[0], rg.RuntimeGymError):
            raise outcome[0]
        return outcome[0]

    return end


@pytest.mark.parametrize("state", ["persistent", "reset"])
def test_an_episode_is_played_to_its_end(hosted: rg.Server, state: str) -> None:
    with create(hosted.url, state) as episode:
        assert episode.goal == "Find the number between 1 and 100."
        assert episode.public == {"highest": 100}
        assert [tool.name for tool in episode.tools] == ["guess", "echo", "wait", "fail", "finish"]
        assert episode.tools[0].description == 'Guesses a number. Answers "higher", "lower" or "found".'
        step = episode.step("answers = [guess(10), guess(number=90)]\nprint(answers)")
        assert step.observation.output == "['higher', 'lower']\n"
        assert step.info.budget_left == {"guesses": 8}
        assert [call.arguments for call in step.info.tool_calls] == [[10], {"number": 90}]
        step = episode.step("print('answers' in globals(), guess(42), finish())")
        assert step.observation.output == f"{state == 'persistent'} found None\n"
        assert (step.terminated, step.reward) == (True, 0.8)
        assert step.evaluation == rg.Evaluation(True, 0.8, {"guesses": 3})


def test_tools_are_called_without_the_interpreter(hosted: rg.Server) -> None:
    with create(hosted.url) as episode:
        step = episode.step([rg.ToolCall("guess", [42]), rg.ToolCall("guess", {"number": "x"}), rg.ToolCall("steal", [])])
        results = step.observation.tool_results
        assert results[0].result == "found"
        assert results[1].error == "ToolInvocationException:\nArgument number should be of type int. Got str instead."
        assert results[2].error == "ToolInvocationException:\nUnknown tool steal"
        assert step.info.budget_left == {"guesses": 9}
        assert episode.close().evaluation.score == 1.0


def test_a_tool_takes_what_json_holds(hosted: rg.Server) -> None:
    with create(hosted.url) as episode:
        step = episode.step("print(echo(2, True, [1, 2], {'a': None, 'é': [0.5]}))")
        assert step.observation.output == "{'number': 2.0, 'flag': True, 'items': [1, 2], 'table': {'a': None, 'é': [0.5]}}\n"
        step = episode.step("echo(2, 1, [], {})")
        assert "Argument flag should be of type bool. Got int instead." in (step.observation.error or "")


def test_what_a_tool_refuses_the_agent_sees(hosted: rg.Server) -> None:
    with create(hosted.url) as episode:
        episode.step("for number in range(10): guess(number)")
        step = episode.step("try:\n    guess(42)\nexcept Exception as error:\n    print(type(error).__name__, error)")
        assert step.observation.output == "ToolRuntimeException ToolRuntimeException: No guesses are left.\n"
        assert step.info.budget_left == {"guesses": 0}
        assert episode.close().evaluation == rg.Evaluation(False, 0.0, {"guesses": 10})


@pytest.mark.parametrize(
    ("how", "says"),
    [("raise", "ZeroDivisionError in fail (families.py"), ("state", "TypeError in fail"), ("answer", "TypeError in fail")],
)
def test_a_fault_of_the_family_undoes_the_step(hosted: rg.Server, caplog: pytest.LogCaptureFixture, how: str, says: str) -> None:
    with create(hosted.url) as episode:
        episode.step("x = guess(10)")
        for action in (
            f"x = guess(11)\ntry:\n    fail('{how}')\nexcept BaseException:\n    x = 'seen'",
            [rg.ToolCall("guess", [1]), rg.ToolCall("fail", [how])],
        ):
            with pytest.raises(rg.InternalError) as raised:
                episode.step(action)
            assert raised.value.reason == "FAMILY_FAULT"
            assert says in str(raised.value)
            assert "hidden" not in str(raised.value)
        step = episode.step("print(x)")
        assert step.observation.output == "higher\n"
        assert step.info.budget_left == {"guesses": 9}
    assert "Traceback" in caplog.text


def test_copies_go_their_own_ways(hosted: rg.Server) -> None:
    with create(hosted.url) as episode:
        episode.step("x = guess(10)")
        episode.step("x = guess(50)")
        [here] = episode.fork()
        [before] = episode.fork(at_step_index=1)
        [first] = episode.fork(at_step_index=0)
        assert here.step("print(x, guess(42))").info.budget_left == {"guesses": 7}
        step = before.step("print(x, guess(7))")
        assert (step.observation.output, step.info.budget_left) == ("higher higher\n", {"guesses": 8})
        assert first.step(GUESS).info.budget_left == {"guesses": 9}
        assert episode.step("print(x)").info.budget_left == {"guesses": 8}
        assert (here.close().evaluation.is_solved, before.close().evaluation.is_solved) == (True, False)
        first.close()


def test_a_host_that_is_killed_in_a_call_is_no_trouble(
    own: rg.Server, hosts: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    first = hosts(own.url)
    with create(own.url) as episode:
        taken = in_background(lambda: episode.step(f"x = wait({str(tmp_path)!r})\nprint(x, guess(42))"))
        until(lambda: list(tmp_path.glob(f"called-{first.pid}-*")))
        first.kill()
        (tmp_path / "go").touch()
        second = hosts(own.url)
        step = taken()
        assert list(tmp_path.glob(f"called-{second.pid}-*")), "another host made the same call"
        assert (step.observation.output, step.observation.error, step.index) == ("went found\n", None, 0)
        assert len(step.info.tool_calls) == 2
        assert step.info.budget_left == {"guesses": 8}, "it was taken once"


def test_two_hosts_share_the_calls(own: rg.Server, hosts: Callable[[str], subprocess.Popen[str]], tmp_path: Path) -> None:
    both = [hosts(own.url), hosts(own.url)]
    episodes = [create(own.url), create(own.url)]
    code = f"print(wait({str(tmp_path)!r}))"
    taken = [in_background(lambda episode=episode: episode.step(code)) for episode in episodes]
    until(lambda: all(list(tmp_path.glob(f"called-{host.pid}-*")) for host in both))
    (tmp_path / "go").touch()
    assert [end().observation.output for end in taken] == ["went\n"] * 2
    for episode in episodes:
        episode.close()


def test_a_step_that_waits_for_a_host_ends_when_its_episode_is_closed(hosted: rg.Server, tmp_path: Path) -> None:
    episode = create(hosted.url)
    taken = in_background(lambda: episode.step(f"guess(42)\nwait({str(tmp_path)!r})"))
    until(lambda: list(tmp_path.glob("called-*")))
    closed = rg.Client(hosted.url).attach(episode.id).close()
    assert closed.evaluation == rg.Evaluation(False, 0.0, {"guesses": 0}), "nothing of the step is left"
    with pytest.raises(rg.FailedPrecondition, match="ended"):
        taken()
    (tmp_path / "go").touch()


def test_a_host_that_takes_too_long_fails_the_step_and_nothing_else(own: rg.Server, tmp_path: Path) -> None:
    with rg.host(own.url, [GuessNumber], call_timeout=1.0), create(own.url, attempts=1) as episode:
        with pytest.raises(rg.Unavailable) as raised:
            episode.step(f"x = guess(1)\nwait({str(tmp_path)!r})")
        assert raised.value.reason == "TOOL_HOST_GONE"
        assert raised.value.retry_after is not None
        (tmp_path / "go").touch()
        step = episode.step("print('x' in globals(), guess(2))")
        assert (step.observation.output, step.info.budget_left) == ("False higher\n", {"guesses": 9})


def test_an_episode_goes_on_after_a_restart_of_the_server(
    tasks: Path, hosts: Callable[[str], subprocess.Popen[str]], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    options = ["--state-dir", str(tmp_path / "state")]

    def serve() -> rg.Server:
        return rg.serve(tasks, listen=listen, options=options)

    with serve() as server:
        url, host = server.url, hosts(server.url)
        episode, idle = create(url, "persistent"), create(url, "persistent")
        codes = ["numbers = [guess(10)]", "numbers.append(guess(50))\nprint(numbers)"]
        steps = [episode.step(code) for code in codes]
        idle.step("guess(42)")
        os.kill(server.pid, signal.SIGKILL)
    with serve():
        client = rg.Client(url)
        again = [client._calls.step((episode.id, index, code), 60.0) for index, code in enumerate(codes)]
        assert again == steps, "times included"
        step = episode.step("numbers.append(guess(42))\nprint(numbers)")
        assert step.observation.output == "['higher', 'lower', 'found']\n"
        assert step.info.budget_left == {"guesses": 7}
        # Without a host nothing is lost, and everything but its tools works.
        host.kill()
        host.wait()
        patient = rg.Client(url, attempts=1).attach(idle.id)
        with pytest.raises(rg.Unavailable, match="none is connected") as raised:
            patient.step(GUESS)
        assert raised.value.reason == "TOOL_HOST_GONE"
        assert patient.step("print(1)").observation.output == "1\n"
        assert idle.close().evaluation == rg.Evaluation(True, 1.0, {"guesses": 1})
        hosts(url)
        assert episode.step(GUESS).info.budget_left == {"guesses": 6}
        assert episode.close().evaluation.is_solved


def test_an_episode_that_was_moved_goes_on(tasks: Path, tmp_path: Path) -> None:
    lines = [f"{hashlib.sha256(token.encode()).hexdigest()} red {role}" for token, role in [("a" * 43, "agent"), ("b" * 43, "operator")]]
    (tmp_path / "tokens").write_text("\n".join(lines) + "\n")
    options = ["--tokens", str(tmp_path / "tokens")]
    agent, operator = "a" * 43, "b" * 43
    with rg.serve(tasks, options=options) as one, rg.serve(tasks, options=options) as other:
        with pytest.raises(rg.PermissionDenied, match="operator"):
            rg.host(one.url, [GuessNumber], token=agent)
        with rg.host(one.url, [GuessNumber], token=operator), create(one.url, token=operator) as episode:
            episode.step("x = guess(10)")
            exported = episode.export()
        moved = rg.Client(other.url, token=operator).import_episode(exported)
        assert moved.step("print(x)").info.budget_left == {"guesses": 9}
        with rg.host(other.url, [GuessNumber], token=operator):
            assert moved.step("print(guess(42))").observation.output == "found\n"
        assert moved.close().evaluation == rg.Evaluation(True, 0.9, {"guesses": 2})


class Other(GuessNumber):
    """The same family with another version."""

    name = "guess_number"
    version = "other"


def test_an_episode_waits_for_the_version_that_it_began_with(own: rg.Server) -> None:
    with rg.host(own.url, [GuessNumber]):
        episode = create(own.url, attempts=1)
        episode.step(GUESS)
        with pytest.raises(rg.InvalidArgument, match="another version") as raised:
            rg.host(own.url, [Other])
        assert list(raised.value.fields) == ["offer.families[0]"]
    with rg.host(own.url, [Other]):
        with pytest.raises(rg.Unavailable, match="version that the episode began with"):
            episode.step(GUESS)
        with create(own.url) as new:
            assert new.step(GUESS).observation.output == "higher\n"
    with rg.host(own.url, [GuessNumber]), episode:
        assert episode.step(GUESS).info.budget_left == {"guesses": 8}


def named(name: str) -> rg.Family:
    family = GuessNumber()
    family.name = name  # pyright: ignore[reportAttributeAccessIssue]
    return family


@pytest.mark.parametrize(
    ("family", "field"),
    [(named("knapsack"), "offer.families[0].name"), (named("Guess"), "offer.families[0].name"), (named("tiny"), "offer.families[0].name")],
)
def test_what_can_not_be_served_is_refused(hosted: rg.Server, family: rg.Family, field: str) -> None:
    with pytest.raises(rg.InvalidArgument) as raised:
        rg.host(hosted.url, [family])
    assert list(raised.value.fields) == [field]


def test_a_tool_with_a_wrong_name_is_refused(hosted: rg.Server) -> None:
    class Bad(GuessNumber):
        @rg.tool
        def finish(self, task: rg.FamilyTask, state: Any) -> None:
            """The server has it."""

    with pytest.raises(rg.InvalidArgument) as raised:
        rg.host(hosted.url, [Bad])
    assert list(raised.value.fields) == ["offer.families[0].tools[4].name"]


def bare(self: rg.Family, task: rg.FamilyTask, state: Any, number: int):  # noqa: ANN201
    return ""


def default(self: rg.Family, task: rg.FamilyTask, state: Any, number: int = 1) -> str:
    return ""


def of_bytes(self: rg.Family, task: rg.FamilyTask, state: Any, number: bytes) -> str:
    return ""


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (bare, "the answer of the tool guess needs an annotation"),
        (default, "must be a plain one, without a default"),
        (of_bytes, "the parameter number of the tool guess is a bytes; it must be one of bool"),
    ],
)
def test_a_tool_needs_annotations(function: Callable[..., str], why: str) -> None:
    with pytest.raises(TypeError, match=why):
        type("Wrong", (rg.Family,), {"guess": rg.tool(function)})


def test_a_task_comes_with_the_request(hosted: rg.Server) -> None:
    client = rg.Client(hosted.url)
    file = {
        "task_id": "mine", "family": "guess_number", "public": {"highest": 9}, "private": {"number": 7}, "reference": {}, "difficulty": {},
        "generated_at": "", "run_name": "", "seed": 0, "schema_version": "pythonformer.task.v1",
        "nl": {"instructions": "", "output_format": "", "title": ""},
    }  # fmt: skip
    with client.create(file, interpreter_state="reset") as episode:
        assert episode.goal == "Find the number between 1 and 9."
        assert episode.step("print(guess(7))").observation.output == "found\n"
    with pytest.raises(rg.InvalidArgument, match="unknown family"):
        client.create({**file, "family": "chess"}, interpreter_state="reset")


def test_its_tasks_are_a_set(hosted: rg.Server) -> None:
    client = rg.Client(hosted.url)
    [info] = client.servers()
    assert "guess_number" in info.families
    assert ("guess_number", 3) in [(one.name, one.size) for one in info.task_sets]
    assert [task.task_id for task in client.tasks("guess_number", limit=2)] == ["guess-2", "guess-3"]
    assert len(client.tasks(set="guess_number")) == 3
    assert client.tasks("guess_number", set="tiny") == []
    assert client.tasks(set="tiny", limit=1)[0].set == "tiny"
    assert client.tasks(limit=1)[0].set == "tiny", "the only set of the server's own needs no name"
    with pytest.raises(rg.NotFound):
        client.create("no-such", interpreter_state="reset")


async def test_a_model_plays_it(hosted: rg.Server) -> None:
    answers = ["```python\nprint(guess(42))\n```", "```python\nfinish()\n```"]
    seen: list[rg.Message] = []

    async def chat(messages: list[rg.Message], _tools: list[dict[str, Any]]) -> rg.Answer:
        seen[:] = messages
        return rg.Answer(answers.pop(0))

    client = rg.AsyncClient(hosted.url)
    played = await rg.play_chat(client, (await client.tasks("guess_number"))[0], chat, interpreter_state="persistent")
    assert played.reward == 1.0
    assert "guess(number: int)" in seen[0]["content"] + seen[1]["content"]
    assert "found" in seen[3]["content"]


async def test_a_lost_host_is_no_reward_and_no_model_sees_it(own: rg.Server, hosts: Callable[[str], subprocess.Popen[str]]) -> None:
    host = hosts(own.url)
    client = rg.AsyncClient(own.url, attempts=1)
    [task, *_] = await client.tasks("guess_number")
    requests: list[list[rg.Message]] = []

    async def chat(messages: list[rg.Message], _tools: list[dict[str, Any]]) -> rg.Answer:
        requests.append(messages)
        host.kill()
        host.wait()
        return rg.Answer("```python\nprint(guess(42))\n```")

    played = await rg.play_chat(client, task, chat, interpreter_state="persistent")
    assert isinstance(played.fault, rg.Unavailable)
    assert (played.reward, len(requests)) == (None, 1)


def test_ctrl_c_ends_a_host(hosted: rg.Server) -> None:
    program = [sys.executable, str(Path(__file__).with_name("families.py")), hosted.url, "2"]
    # Of the same version as the one in this process: both come from the same file.
    host = subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert host.stdout is not None
    assert host.stdout.readline() == "ready\n"
    host.send_signal(signal.SIGINT)
    _, said = host.communicate(timeout=60)
    assert "KeyboardInterrupt" in said
    assert host.returncode != 0


def test_the_example_of_the_documentation_runs(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/own_families.md").read_text()
    example, _ = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "example.py").write_text(example)
    done = subprocess.run([sys.executable, "-W", "error", str(tmp_path / "example.py")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "42\n Evaluation(is_solved=True, score=0.65, metrics={'guesses': 7})\n"


def test_a_family_is_hosted_by_a_command(own: rg.Server) -> None:
    program = [sys.executable, "-m", "runtime_gym", "host", "families:GuessNumber", "--url", own.url]
    host = subprocess.Popen(program, cwd=Path(__file__).parent, stderr=subprocess.PIPE, text=True)
    assert host.stderr is not None
    assert "connected to" in host.stderr.readline()
    with create(own.url) as episode:
        assert episode.step(GUESS).observation.output == "higher\n"
    host.send_signal(signal.SIGINT)
    assert host.wait(60) == 0, host.communicate()[1]
    host.stderr.close()


def test_gateways_know_families_that_come_later(tasks: Path) -> None:
    def post(place: str, path: str, **body: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{server.url}/openenv/persistent/{place}/{path}",
            json.dumps(body).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    with rg.serve(tasks, options=["--gateways", "openenv"]) as server:
        with pytest.raises(urllib.error.HTTPError, match="404") as refused:
            post("guess_number", "reset")
        assert "no tasks are named `guess_number`" in refused.value.read().decode()
        refused.value.close()
        with rg.host(server.url, [GuessNumber]):
            told = [post("guess_number", "reset")["observation"]["goal"] for _ in range(2)]
            assert told == ["Find the number between 1 and 100."] * 2
            assert post("guess_number", "guess_number/num_tasks", split="all") == {"num_tasks": 3}
            named = post("guess_number", "reset", task_id="guess-3")
            assert named["metadata"]["task_id"] == "guess-3"
            with pytest.raises(urllib.error.HTTPError) as refused:
                post("guess_number", "reset", task_id="guess-4")
            assert "no task `guess-4` among the 3" in refused.value.read().decode()
            refused.value.close()
