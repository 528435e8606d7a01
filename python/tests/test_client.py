"""Episodes, by threads."""

from __future__ import annotations

import json
import os
import pickle
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import runtime_gym as rg

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("state", list(rg.InterpreterState))
def test_an_episode(client: rg.Client, task: rg.Task, state: rg.InterpreterState) -> None:
    with client.create(task, interpreter_state=state, seed=7) as episode:
        assert episode.interpreter_state is state
        assert episode.seed == 7
        assert "capacity" in episode.public
        assert {tool.name for tool in episode.tools} >= {"list_items", "inspect", "finish"}
        first = episode.step("import json\nids = json.loads(list_items())\nprint(len(ids))")
        assert first.observation.success
        assert first.index == 0
        assert not first.done
        second = episode.step("print(len(ids))")
        if state is rg.InterpreterState.PERSISTENT:
            assert second.observation.output == first.observation.output
            assert "ids" in first.observation.globals
        else:
            assert second.observation.error_kind is rg.ErrorKind.EXCEPTION
            assert second.observation.exception_type == "NameError"
            assert second.observation.globals == ()
        last = episode.step("finish()")
        assert last.terminated
        assert last.end_reason is rg.EndReason.FINISHED
        assert episode.ended
        assert episode.evaluation == last.evaluation
        assert last.reward == last.evaluation.score if last.evaluation else False
    assert episode.close().steps == 3


def test_tools_are_called_without_the_interpreter(client: rg.Client, task: rg.Task) -> None:
    with client.create(task, interpreter_state="reset") as episode:
        listed = episode.step([rg.ToolCall("list_items", {})]).observation.tool_results[0]
        assert listed.error is None
        assert isinstance(listed.result, str)
        answers = episode.step([rg.ToolCall("inspect", "no json"), rg.ToolCall("inspect", ["x"])]).observation.tool_results
        assert [answer.error_type for answer in answers] == ["ToolInvocationException", "ToolRuntimeException"]


@pytest.mark.parametrize("family", ["knapsack", "navigation", "rule_diagnosis"])
def test_every_family_by_its_config(client: rg.Client, family: str) -> None:
    config: dict[str, Any] = json.loads((ROOT / "task_configs/families.json").read_text())[family]
    del config["num_tasks"]
    task = rg.TaskConfig(family, config, seed=3)
    with client.create(task, interpreter_state="persistent") as one, client.create(task, interpreter_state="reset") as other:
        assert one.public == other.public
        assert one.goal
        assert one.task.family == family


def test_a_task_by_its_id(client: rg.Client, task: rg.Task) -> None:
    with client.create(task.task_id, interpreter_state="reset") as episode:
        assert episode.task == task


def test_limits_are_in_force(client: rg.Client, task: rg.Task) -> None:
    limits = rg.Limits(max_steps=1, wall_clock_per_step=5.5, output_bytes_per_step=10)
    with client.create(task, interpreter_state="reset", limits=limits, lease=120) as episode:
        assert (episode.limits.max_steps, episode.limits.wall_clock_per_step) == (1, 5.5)
        assert episode.limits.memory_bytes
        step = episode.step("print('x' * 1000)")
        assert step.truncated
        assert step.end_reason is rg.EndReason.MAX_STEPS
        assert step.observation.output_bytes_left_out == 991


def test_a_repeated_step_gets_the_stored_answer(client: rg.Client, task: rg.Task) -> None:
    with client.create(task, interpreter_state="persistent", episode_id="repeated") as episode:
        first = episode.step("x = 1; print(x)")
        again = client.attach("repeated")
        assert again.next_step_index == 1
        assert again.goal == episode.goal
        again.next_step_index = 0
        assert again.step("x = 1; print(x)") == first
        again.next_step_index = 0
        with pytest.raises(rg.FailedPrecondition) as conflict:
            again.step("x = 2")
        assert conflict.value.reason == "STEP_CONFLICT"
        assert again.next_step_index == 0


def test_forks_go_their_own_ways(client: rg.Client, task: rg.Task) -> None:
    with client.create(task, interpreter_state="persistent") as episode:
        episode.step("numbers = iter(range(10)); next(numbers)")
        episode.step("next(numbers)")
        now, other = episode.fork(2)
        [before] = episode.fork(at_step_index=1)
        outputs = [copy.step("print(next(numbers))").observation.output for copy in (now, other, before, episode)]
        assert outputs == ["2\n", "2\n", "1\n", "2\n"]
        assert before.task == task
        for copy in (now, other, before):
            copy.close()


def test_a_batch_holds_answers_and_errors(client: rg.Client, task: rg.Task) -> None:
    episodes = [client.create(task, interpreter_state="persistent") for _ in range(5)]
    answers = client.step_batch([(episode, f"x = {number}") for number, episode in enumerate(episodes)])
    assert all(isinstance(answer, rg.Step) for answer in answers)
    episodes[1].close()
    steps = [(episode, "print(x)") for episode in episodes]
    answers = client.step_batch([*steps, (episodes[0], "print(x + 1)")])
    outputs = [answer.observation.output if isinstance(answer, rg.Step) else type(answer) for answer in answers]
    assert outputs == ["0\n", rg.FailedPrecondition, "2\n", "3\n", "4\n", "1\n"]
    assert [episode.next_step_index for episode in episodes] == [3, 1, 2, 2, 2]
    assert client.step_batch([]) == []
    assert client.keep_alive(episodes) == [episodes[1].id]
    for episode in episodes:
        episode.close()


def test_steps_of_a_stream_are_sent_ahead_and_answered_in_order(client: rg.Client, task: rg.Task) -> None:
    one, other = (client.create(task, interpreter_state="persistent") for _ in range(2))
    stream = client.step_stream()
    for number in range(20):
        stream.send(one, f"x = {number}" if number == 0 else "x += 1; print(x)")
        stream.send(other, f"print({number})")
    assert len(stream) == 40
    answers = [stream.receive() for _ in range(40)]
    assert len(stream) == 0
    assert [episode for episode, _ in answers] == [one, other] * 20
    assert [step.observation.output for _, step in answers[::2]] == ["", *(f"{number}\n" for number in range(1, 20))]
    assert [step.observation.output for _, step in answers[1::2]] == [f"{number}\n" for number in range(20)]
    assert (one.next_step_index, other.next_step_index) == (20, 20)
    with pytest.raises(IndexError, match="answered"):
        stream.receive()
    other.close()
    for episode in (other, one):
        stream.send(episode, "print(x)")
    with pytest.raises(rg.FailedPrecondition):
        stream.receive()
    assert stream.receive()[1].observation.output == "19\n"
    one.close()


def test_a_stream_outlives_its_server(tasks: Path, tmp_path: Path) -> None:
    options = ["--state-dir", str(tmp_path / "state")]
    server = rg.serve(tasks, options=options)
    client = rg.Client(server.url)
    episode = client.create(client.tasks()[0], interpreter_state="persistent")
    stream = client.step_stream()
    stream.send(episode, "x = 1")
    assert stream.receive()[1].observation.success
    os.kill(server.pid, signal.SIGKILL)
    stream.send(episode, "x += 1")
    stream.send(episode, "print(x)")
    server.close()
    with rg.serve(tasks, listen=server.url.removeprefix("http://"), options=options):
        assert [stream.receive()[1].observation.output for _ in range(2)] == ["", "2\n"]
        episode.close()


def test_wrong_requests_name_their_field(client: rg.Client, task: rg.Task) -> None:
    with pytest.raises(rg.InvalidArgument) as limits:
        client.create(task, interpreter_state="reset", limits=rg.Limits(max_steps=10**6))
    assert list(limits.value.fields) == ["limits.max_steps"]
    with pytest.raises(ValueError, match="interpreter_state is \"half\"; it must be 'persistent' or 'reset'"):
        client.create(task, interpreter_state="half")
    with pytest.raises(ValueError, match="lease is -1; it must be a number of seconds"):
        client.create(task, interpreter_state="reset", lease=-1)
    with pytest.raises(rg.NotFound, match="no-such-task"):
        client.create("no-such-task", interpreter_state="reset")
    with pytest.raises(rg.NotFound):
        client.attach("no-such-episode")
    with pytest.raises(TypeError, match=r"Create\.limits"):
        client.create(task, interpreter_state="reset", limits=rg.Limits(max_steps=-1))
    with pytest.raises(ValueError, match="seed is -1"):
        client.create(task, interpreter_state="reset", seed=-1)


def test_values_can_be_pickled_and_are_immutable(client: rg.Client, task: rg.Task) -> None:
    with client.create(task, interpreter_state="reset") as episode:
        step = episode.step("print(1)")
        assert pickle.loads(pickle.dumps(step)) == step
        with pytest.raises(AttributeError):
            step.reward = 1.0  # pyright: ignore[reportAttributeAccessIssue]
    with pytest.raises(rg.NotFound) as missing:
        client.attach("none")
    copy = pickle.loads(pickle.dumps(missing.value))
    assert (type(copy), copy.args, copy.server) == (rg.NotFound, missing.value.args, missing.value.server)


def test_threads_run_side_by_side(client: rg.Client, task: rg.Task) -> None:
    def play(number: int) -> str:
        with client.create(task, interpreter_state="persistent") as episode:
            episode.step(f"x = {number}")
            return episode.step("print(x)").observation.output

    with ThreadPoolExecutor(32) as threads:
        assert list(threads.map(play, range(64))) == [f"{number}\n" for number in range(64)]
    assert client.servers()[0].running_episodes == 0


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(rg.Unavailable, match="env-server serve"):
        rg.Client(f"unix:{tmp_path}/none").servers()
    with pytest.raises(rg.Unavailable, match="is not a server URL"):
        rg.Client("127.0.0.1:1").servers()
    with pytest.raises(rg.InvalidArgument, match="name a server"):
        rg.Client([]).servers()


def test_several_servers_are_one(tasks: Path) -> None:
    with rg.serve(tasks, options=["--server-name", "a"]) as a, rg.serve(tasks, options=["--server-name", "b"]) as b:
        client = rg.Client([a.url, b.url])
        assert [server.name for server in client.servers()] == ["a", "b"]
        task = client.tasks("knapsack")[0]
        episodes = [client.create(task, interpreter_state="persistent") for _ in range(20)]
        assert {episode.id.split(".")[0] for episode in episodes} == {"a", "b"}
        answers = client.step_batch([(episode, f"print({number})") for number, episode in enumerate(episodes)])
        assert [answer.observation.output for answer in answers if isinstance(answer, rg.Step)] == [f"{number}\n" for number in range(20)]
        assert client.keep_alive(episodes) == []
        for episode in episodes:
            episode.close()
