"""Environments of Gymnasium: its own checks, and vectors against its own vectors."""

from __future__ import annotations

import pickle
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import runtime_gym as rg
from runtime_gym.gymnasium import CodeSpace, RuntimeGymEnv, RuntimeGymVectorEnv, TextSpace

IDS = ["runtime_gym/Knapsack-v0", "runtime_gym/Navigation-v0", "runtime_gym/RuleDiagnosis-v0"]
FAMILIES = {
    "knapsack": "import json\nids = json.loads(list_items())\nprint(inspect(ids[0]))\ntake_item(ids[0])",
    "navigation": "nodes = scan().split(',')\nmove(nodes[-1])\nprint(nodes)",
    "rule_diagnosis": 'print(test_input(3), submit(\'{"a": 1, "b": 2}\'))',
}
"""The families, and some code that calls the tools of each."""


def running(server: rg.Server) -> int:
    """How many episodes run on the server."""
    return rg.Client(server.url).servers()[0].running_episodes


@pytest.mark.parametrize("state", list(rg.InterpreterState))
@pytest.mark.parametrize("env_id", IDS)
def test_gymnasiums_own_checks(server: rg.Server, env_id: str, state: rg.InterpreterState) -> None:
    env = gymnasium.make(env_id, url=server.url, interpreter_state=state)
    check_env(env.unwrapped)
    env.close()
    env.close()
    assert running(server) == 0


@pytest.mark.parametrize("state", list(rg.InterpreterState))
def test_an_episode(server: rg.Server, state: rg.InterpreterState) -> None:
    env = RuntimeGymEnv(url=server.url, family="knapsack", interpreter_state=state, render_mode="ansi")
    observation, info = env.reset(seed=7)
    assert env.episode.goal in observation
    assert "\n- inspect(" in observation
    assert "\n- finish(" in observation
    assert '"capacity"' in observation
    assert (info["interpreter_state"], info["task"], info["seed"]) == (state, env.episode.task, env.episode.seed)
    observation, reward, terminated, truncated, info = env.step("x = 6 * 7\nprint('é', x)")
    assert (observation, reward, terminated, truncated) == ("é 42\n", 0.0, False, False)
    observation, *_, info = env.step("print(x)\nprint('so', end=' ')\nfail()")
    if state is rg.InterpreterState.PERSISTENT:
        assert observation.startswith("42\nso ")
        assert "NameError: name 'fail' is not defined" in observation
    else:
        assert "NameError: name 'x' is not defined" in observation
    assert info["observation"].exception_type == "NameError"
    assert env.render() == observation
    observation, reward, terminated, truncated, info = env.step("finish()")
    assert (terminated, truncated, info["end_reason"]) == (True, False, rg.EndReason.FINISHED)
    assert reward == info["evaluation"].score
    with pytest.raises(rg.FailedPrecondition):
        env.step("print(1)")
    env.close()
    env.close()
    assert running(server) == 0


def test_seeds_choose_tasks_and_all_that_is_random(server: rg.Server) -> None:
    env = RuntimeGymEnv(url=server.url, family="knapsack", interpreter_state="persistent")

    def play(seed: int | None) -> tuple[Any, ...]:
        return env.reset(seed=seed), env.step("import random, uuid, time\nprint(random.random(), uuid.uuid4(), time.time())")

    first = [play(seed) for seed in (1, None, None, 2)]
    assert data_equivalence([play(seed) for seed in (1, None, None, 2)], first, exact=True)
    assert len({step[0] for _, step in first}) == 4
    assert len({env.reset(seed=seed)[1]["task"].task_id for seed in range(40)}) > 10
    env.close()


def test_one_task(server: rg.Server) -> None:
    task = rg.Client(server.url).tasks("navigation")[3]
    by_id = RuntimeGymEnv(url=server.url, task=task.task_id, interpreter_state="reset")
    assert [by_id.reset(seed=seed)[1]["task"] for seed in range(3)] == [task] * 3
    config = rg.TaskConfig("rule_diagnosis", {"families": ["linear_int"]}, seed=3)
    by_config = gymnasium.make(IDS[0], url=server.url, task=config, interpreter_state="reset")
    assert by_config.reset(seed=1)[0] == by_config.reset(seed=2)[0]
    assert "a * x + b" in by_config.reset()[0]
    by_id.close()
    by_config.close()


def test_limits_truncate(server: rg.Server) -> None:
    limits = rg.Limits(max_steps=2)
    env = gymnasium.make(IDS[0], url=server.url, interpreter_state="reset", limits=limits, semantics="notebook", lease=60)
    env.reset(seed=1)
    assert env.step("1 + 1")[0] == "2\n"
    _, reward, terminated, truncated, info = env.step("pass")
    assert (reward, terminated, truncated, info["steps_left"]) == (info["evaluation"].score, False, True, 0)
    env.close()


def test_a_forgotten_episode_does_not_hinder_a_reset(server: rg.Server) -> None:
    env = RuntimeGymEnv(url=server.url, family="knapsack", interpreter_state="reset")
    env.reset(seed=1)
    rg.Client(server.url).attach(env.episode.id).close()
    with pytest.raises(rg.FailedPrecondition):
        env.step("pass")
    env.reset(seed=1)
    assert env.step("print(1)")[0] == "1\n"
    env.close()


def test_make_by_a_name_with_its_module(server: rg.Server) -> None:
    kwargs: dict[str, Any] = {"url": server.url, "interpreter_state": "reset"}
    env = gymnasium.make("runtime_gym.gymnasium:runtime_gym/Knapsack-v0", **kwargs)
    assert isinstance(env.unwrapped, RuntimeGymEnv)
    env.close()
    envs = gymnasium.make_vec("runtime_gym.gymnasium:runtime_gym/Knapsack-v0", num_envs=3, autoreset_mode="SameStep", **kwargs)
    assert isinstance(envs, RuntimeGymVectorEnv)
    assert (envs.num_envs, envs.metadata["autoreset_mode"]) == (3, AutoresetMode.SAME_STEP)
    observations, _ = envs.reset(seed=1)
    assert observations in envs.observation_space
    again = gymnasium.make_vec(envs.spec) if envs.spec else None
    assert again is not None
    assert again.reset(seed=1)[0] == observations
    for vector in (envs, again):
        vector.close()
        vector.close()
    assert running(server) == 0


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_vector_is_as_gymnasiums_own(server: rg.Server, mode: AutoresetMode, family: str) -> None:
    kwargs: dict[str, Any] = {"url": server.url, "family": family, "interpreter_state": "persistent", "limits": rg.Limits(max_steps=7)}
    ours = RuntimeGymVectorEnv(4, autoreset_mode=mode, **kwargs)
    theirs = SyncVectorEnv([lambda: RuntimeGymEnv(**kwargs)] * 4, autoreset_mode=mode)
    assert data_equivalence(ours.reset(seed=5), theirs.reset(seed=5), exact=True)
    chance = np.random.default_rng(11)
    code = [*CodeSpace.examples, *[FAMILIES[family]] * 4]
    ends = np.zeros(2, dtype=np.int64)
    for _ in range(1_000 // len(FAMILIES) + 1):
        actions = [str(action) for action in chance.choice(code, 4)]
        answer = ours.step(actions)
        assert data_equivalence(answer, theirs.step(actions), exact=True)
        _, _, terminated, truncated, _ = answer
        ends += [terminated.sum(), truncated.sum()]
        ended = terminated | truncated
        if mode is AutoresetMode.DISABLED and ended.any():
            with pytest.raises(gymnasium.error.ResetNeeded):
                ours.step(actions)
            resets = [envs.reset(seed=[None, 3, None, None], options={"reset_mask": ended.copy()}) for envs in (ours, theirs)]
            assert data_equivalence(*resets, exact=True)
    assert (ends > 20).all()
    ours.close()
    theirs.close()
    assert running(server) == 0


def test_a_vectors_step_is_one_call(server: rg.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    envs = RuntimeGymVectorEnv(50, url=server.url, interpreter_state="reset")
    envs.reset(seed=1)
    calls: list[int] = []
    whole = rg.Client.step_batch

    def counted(client: rg.Client, steps: Any) -> Any:
        asked = list(steps)
        calls.append(len(asked))
        return whole(client, asked)

    monkeypatch.setattr(rg.Client, "step_batch", counted)
    monkeypatch.setattr(rg.Episode, "step", None)
    envs.step(["finish()", *["pass"] * 49])
    envs.step(["print(1)"] * 50)
    assert calls == [50, 49]
    envs.close()


def test_a_failed_step_of_a_vector_is_raised(server: rg.Server) -> None:
    envs = RuntimeGymVectorEnv(3, url=server.url, interpreter_state="reset")
    with pytest.raises(gymnasium.error.ResetNeeded):
        envs.step(["pass"] * 3)
    envs.reset(seed=1)
    for actions in (["pass"] * 2, "abc", ["pass", "pass", 5], [5] * 3):
        with pytest.raises(gymnasium.error.InvalidAction, match="actions are 3 texts"):
            envs.step(actions)  # pyright: ignore[reportArgumentType]
    rg.Client(server.url).attach(envs.get_attr("episode")[1].id).close()
    with pytest.raises(rg.FailedPrecondition):
        envs.step(["pass"] * 3)
    envs.reset(seed=1)
    assert envs.step(["print(1)"] * 3)[0] == ("1\n",) * 3
    envs.close()


def test_wrong_arguments(server: rg.Server) -> None:
    with pytest.raises(TypeError, match="interpreter_state"):
        gymnasium.make(IDS[0], url=server.url)
    with pytest.raises(ValueError, match="'half' is not a valid InterpreterState"):
        gymnasium.make(IDS[0], url=server.url, interpreter_state="half")
    with pytest.raises(ValueError, match="is not a valid Semantics"):
        gymnasium.make(IDS[0], url=server.url, interpreter_state="reset", semantics="poem")
    with pytest.raises(ValueError, match="family: must be one of knapsack"):
        RuntimeGymEnv(url=server.url, family="chess", interpreter_state="reset")
    with pytest.raises(rg.NotFound, match="other"):
        RuntimeGymEnv(url=server.url, task_set="other", interpreter_state="reset")
    with pytest.raises(ValueError, match="render_mode is 'human'"):
        RuntimeGymEnv(url=server.url, interpreter_state="reset", render_mode="human")
    with pytest.raises(rg.Unavailable, match="is not a server URL"):
        RuntimeGymEnv(url="127.0.0.1:1", interpreter_state="reset")
    with pytest.raises(ValueError, match="num_envs is 0"):
        RuntimeGymVectorEnv(0, url=server.url, interpreter_state="reset")
    env = RuntimeGymEnv(url=server.url, interpreter_state="reset", limits=rg.Limits(max_steps=10**6))
    with pytest.raises(rg.InvalidArgument) as limits:
        env.reset()
    assert list(limits.value.fields) == ["limits.max_steps"]
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step("pass")
    with pytest.raises(gymnasium.error.InvalidAction, match="not 5"):
        env.step(5)  # pyright: ignore[reportArgumentType]


def test_spaces() -> None:
    code, text = CodeSpace(seed=3), TextSpace()
    assert code == CodeSpace() != text
    assert text == TextSpace() != code
    assert "é\n" in code
    assert 5 not in code
    samples = [code.sample() for _ in range(50)]
    assert {compile(sample, "sample", "exec") for sample in samples}
    assert samples == [CodeSpace(seed=3).sample(), *samples[1:]]
    assert pickle.loads(pickle.dumps(code)) == code
    assert gymnasium.vector.utils.batch_space(code, 2) == gymnasium.spaces.Tuple([code, code])
    with pytest.raises(ValueError, match="no masks"):
        code.sample(mask=1)  # pyright: ignore[reportArgumentType]
