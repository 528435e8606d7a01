"""SkyRL's own generator, which counts the tokens of episodes in `runtime_gym.skyrl_gym`. Only the inference engine is written here."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable
from typing import Any

import golden
import pytest
from skyrl.train.config import GeneratorConfig, SkyRLGymConfig
from skyrl.train.generators.skyrl_gym_generator import SkyRLGymGenerator

import runtime_gym as rg
from runtime_gym.skyrl_gym import register

STATES = list(rg.InterpreterState)


class Engine:
    """An inference engine whose model gives the recorded answers in each session."""

    weight_version = None

    def __init__(self, tokenizer: Any, answers: list[list[int]], before: Callable[[int], None]) -> None:
        """``before`` is called before each answer, with the number of those that were given."""
        self.tokenizer, self.answers, self.before = tokenizer, answers, before
        self.turns: Counter[str] = Counter()
        self.prompts: list[tuple[str, list[int]]] = []

    async def generate(self, asked: dict[str, Any], model: str | None) -> dict[str, Any]:
        """The session's next answer."""
        assert model is None
        [session], [prompt] = asked["session_ids"], asked["prompt_token_ids"]
        self.before(self.turns.total())
        ids = list(self.answers[self.turns[session]])
        self.turns[session] += 1
        self.prompts.append((session, list(prompt)))
        text = self.tokenizer.decode(ids, skip_special_tokens=True)
        logprobs = [[-float(at) for at in range(len(ids))]]
        return {"responses": [text], "response_ids": [ids], "stop_reasons": ["stop"], "response_logprobs": logprobs}

    async def finish_session(self, session: str) -> None:
        """The session has ended."""


def generate(server: rg.Server, before: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """What SkyRL makes of two episodes in each state, played at once."""
    register()
    made = golden.recorded()
    tokenizer = golden.tokenizer(made["merges"])
    environment = SkyRLGymConfig()
    environment.runtime_gym = {"url": server.url}
    config = GeneratorConfig(max_turns=rg.Style().max_turns, max_input_length=10_000)
    config.sampling_params.logprobs = 1
    engine = Engine(tokenizer, made["answers"], before)
    rows = [{"task": golden.task(server).task_id, "interpreter_state": state} for state in STATES * 2]
    asked = {
        "prompts": [[{"role": "user", "content": ""}]] * len(rows),
        "env_classes": ["runtime_gym"] * len(rows),
        "env_extras": rows,
    }
    return asyncio.run(SkyRLGymGenerator(config, environment, engine, tokenizer).generate(asked, disable_tqdm=True))


def test_the_golden_episode(golden_server: rg.Server) -> None:
    made = golden.recorded()
    output = generate(golden_server)
    assert output["prompt_token_ids"] == [made[state]["prompt_ids"] for state in STATES * 2]
    assert output["response_ids"] == [made[state]["response_ids"] for state in STATES * 2]
    assert output["loss_masks"] == [made[state]["mask"] for state in STATES * 2]
    # The score, at the last token.
    assert output["rewards"] == [[0.0] * (len(made[state]["mask"]) - 1) + [1.0] for state in STATES * 2]
    told = [-float(at) for answer in made["answers"] for at in range(len(answer))]
    for mask, logprobs in zip(output["loss_masks"], output["rollout_logprobs"], strict=True):
        assert [one for one, is_models in zip(logprobs, mask, strict=True) if is_models] == told
    assert [one["is_solved"] for one in output["env_metrics"]] == [True] * 4
    assert rg.Client(golden_server.url).servers()[0].running_episodes == 0


def test_a_lost_server_is_no_reward(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    client = rg.Client
    monkeypatch.setattr("runtime_gym.skyrl_gym.Client", lambda urls: client(urls, attempts=2, deadline=2))
    with rg.serve(golden.tasks(tmp_path_factory.mktemp("lost"))) as server:

        def lose(turns: int) -> None:
            if turns == 5:
                os.kill(server.pid, signal.SIGKILL)

        with pytest.raises(rg.Unavailable):
            generate(server, lose)
