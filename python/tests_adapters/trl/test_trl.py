"""GRPO on the CPU: a small model, which was shown how episodes are played, trains on a real server."""

from __future__ import annotations

import copy
import itertools
import json
import os
import pickle
import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import golden
import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM, TrainerCallback, TrainerState
from trl import GRPOConfig, GRPOTrainer
from trl.chat_template_utils import qwen3_chat_template

import runtime_gym as rg
from runtime_gym.trl import RuntimeGymEnvironment, dataset, environment, reward, rollout_func

# TRL itself sets it.
pytestmark = pytest.mark.filterwarnings("ignore:`.*gradient_checkpointing.* is deprecated:FutureWarning")

STEPS = 10
BATCH = 16

SUBMIT = "print(submit(json.dumps({'a': a, 'b': b})))\nfinish()"
SCRIPTS = [
    ["b = test_input(0)\na = test_input(1) - b\n" + SUBMIT],
    ["b = test_input(0)", "a = test_input(1) - b\n" + SUBMIT],
    ["finish()"],
]
"""How the model plays. Only the last one does not solve a task."""

START, END = "<|im_start|>", "<|im_end|>"
SPECIAL = ["<|endoftext|>", START, END]
TAGS = ["<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]

Parts = list[tuple[str, bool]]
"""Texts, and whether the model writes them."""


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """TRL warns that environments and rollout functions may change."""
    monkeypatch.setenv("TRL_EXPERIMENTAL_SILENCE", "1")


@pytest.fixture(scope="session")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tasks that one script solves."""
    folder = tmp_path_factory.mktemp("tasks")
    config = {"out_dir": "unused", "run_name": "rules", "seed_start": 7, "rule_diagnosis": {"num_tasks": 8, "families": ["linear_int"]}}
    (folder / "rules.json").write_text(json.dumps(config))
    return rg.generate(folder / "rules.json", folder / "rules")


# The model.


def call(code: str) -> str:
    """A call of the tool, as Qwen3 writes it."""
    return f"<tool_call>\n{json.dumps({'name': 'python', 'arguments': {'code': code}})}\n</tool_call>"


def block(code: str) -> str:
    """A block of code in a text."""
    return f"```python\n{code}\n```"


def prompt(messages: list[rg.Message], tools: Sequence[Callable[..., object]] = ()) -> str:
    """Messages as Qwen3's template writes them."""
    renderer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), chat_template=qwen3_chat_template)
    return renderer.apply_chat_template(messages, tools=list(tools) or None, tokenize=False, add_generation_prompt=True)


def with_calls(url: str, row: dict[str, Any], script: list[str]) -> Parts:
    """What a model that calls the tool sees and writes."""
    played = environment(url, interpreter_state="persistent")()
    parts = [(prompt([{"role": "user", "content": played.reset(**row)}], [played.python]), False)]
    for code in script:
        told = f"\n{START}user\n<tool_response>\n{played.python(code)}\n</tool_response>{END}\n{START}assistant\n"
        parts += [(call(code) + END, True), (told, False)]
    played.get_reward()
    return [*parts, ("Done." + END, True)]


def with_blocks(url: str, row: dict[str, Any], script: list[str]) -> Parts:
    """What a model that writes blocks of code sees and writes."""
    with rg.Client(url).create(row["task_id"], interpreter_state="persistent") as episode:
        talk = rg.Conversation(episode)
        parts = [(prompt(talk.messages), False)]
        for code in script:
            action = talk.answer(rg.Answer(block(code)))
            assert action == code
            talk.observe(episode.step(action))
            told = f"\n{START}user\n{talk.shown[0]['content']}{END}\n{START}assistant\n"
            parts += [(block(code) + END, True), (told, False)]
        return parts[:-1]


@dataclass
class Policy:
    """A model and its tokenizer."""

    model: Qwen3ForCausalLM
    tokenizer: PreTrainedTokenizerFast


def small_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """A tokenizer of these texts, with Qwen3's special tokens."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer, bpe.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bpe.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=2000, initial_alphabet=alphabet, show_progress=False))
    bpe.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    bpe.add_tokens([AddedToken(token, normalized=False) for token in TAGS])
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token=END, pad_token=SPECIAL[0], chat_template=qwen3_chat_template)


def small_model(tokenizer: PreTrainedTokenizerFast) -> Qwen3ForCausalLM:
    """A model with random weights."""
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=16,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    return Qwen3ForCausalLM(config)


def batch_of(episodes: list[Parts], tokenizer: PreTrainedTokenizerFast) -> dict[str, torch.Tensor]:
    """Episodes to learn from. What the model writes are its labels."""
    ids: list[torch.Tensor] = []
    labels: list[torch.Tensor] = []
    for parts in episodes:
        encoded = [(tokenizer.encode(text, add_special_tokens=False), is_models) for text, is_models in parts]
        ids.append(torch.tensor([one for part, _ in encoded for one in part]))
        labels.append(torch.tensor([one if is_models else -100 for part, is_models in encoded for one in part]))
    return {
        "input_ids": torch.nn.utils.rnn.pad_sequence(ids, batch_first=True, padding_value=tokenizer.pad_token_id),
        "labels": torch.nn.utils.rnn.pad_sequence(labels, batch_first=True, padding_value=-100),
    }


@pytest.fixture(scope="session")
def policy(server: rg.Server) -> Policy:
    """A model with random weights, after some steps on scripted episodes: it plays each script now and then."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    rows = list(dataset(rg.Client(server.url), n=2))
    episodes = [of(server.url, row, script) for row in rows for script in SCRIPTS for of in (with_calls, with_blocks)]
    tokenizer = small_tokenizer([text for parts in episodes for text, _ in parts])
    batches = [batch_of(episodes[at::2], tokenizer) for at in range(2)]
    model = small_model(tokenizer)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for step in range(140):
        model(**batches[step % 2]).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return Policy(model, tokenizer)


def trainer_of(policy: Policy, server: rg.Server, folder: Path, steps: int = STEPS, **plays: Any) -> GRPOTrainer:
    """A trainer of a copy of the model."""
    args = GRPOConfig(
        output_dir=str(folder),
        max_steps=steps,
        per_device_train_batch_size=BATCH,
        num_generations=BATCH // 2,
        max_completion_length=400,
        learning_rate=1e-4,
        logging_steps=1,
        use_cpu=True,
        bf16=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    rows = dataset(rg.Client(server.url), "rule_diagnosis", 2)
    return GRPOTrainer(copy.deepcopy(policy.model), args=args, train_dataset=rows, processing_class=policy.tokenizer, **plays)


def logged(trainer: GRPOTrainer, key: str) -> list[float]:
    """What a trainer has logged, step by step."""
    return [entry[key] for entry in trainer.state.log_history if key in entry]


def score(server: rg.Server, task_id: str, codes: list[str]) -> float:
    """The server's evaluation of an episode in which this code is run, played by itself."""
    with rg.Client(server.url).create(task_id, interpreter_state="persistent") as episode:
        for code in codes:
            if not episode.ended:
                episode.step(code)
        return episode.close().evaluation.score


def running(server: rg.Server) -> int:
    """Episodes that are open."""
    [info] = rg.Client(server.url).servers()
    return info.running_episodes


def finite(trainer: GRPOTrainer) -> bool:
    """Whether all weights are numbers."""
    return all(bool(weight.isfinite().all()) for weight in trainer.model.parameters())


@dataclass
class Rollout:
    """What became of a completion."""

    task_id: str
    codes: list[str]
    text: str
    """All that the model wrote and was shown."""
    reward: float | None


class Environments(list[Rollout]):
    """Notes the rollouts in environments. A function of rewards that gives none."""

    __name__ = "note"

    def __call__(
        self,
        completions: list[list[rg.Message]],
        environments: list[RuntimeGymEnvironment],
        task_id: list[str],
        **_: object,
    ) -> list[None]:
        """Notes those of a batch."""
        for messages, played, task in zip(completions, environments, task_id, strict=True):
            calls = [one["function"] for message in messages for one in message.get("tool_calls") or []]
            codes = [one["arguments"].get("code") for one in calls if one["name"] == "python"]
            self.append(Rollout(task, [code for code in codes if isinstance(code, str)], str(messages), played.get_reward()))
        return [None] * len(completions)


class Rollouts(list[Rollout]):
    """Notes the rollouts of a function, which it calls."""

    def __init__(self, function: Callable[[list[Any], GRPOTrainer], dict[str, Any]]) -> None:
        """The function."""
        super().__init__()
        self.function = function

    def __call__(self, prompts: list[Any], trainer: GRPOTrainer) -> dict[str, Any]:
        """Plays and notes those of a batch."""
        played = self.function(prompts, trainer)
        decode = trainer.processing_class.decode
        for prompt, ids, mask, scored in zip(prompts, played["completion_ids"], played["env_mask"], played["reward"], strict=True):
            assert len(ids) == len(mask) <= trainer.max_completion_length
            codes: list[str] = []
            for is_models, part in itertools.groupby(zip(ids, mask, strict=True), key=lambda one: one[1]):
                text = decode([token for token, _ in part], skip_special_tokens=True)
                codes += re.findall(r"^```python\n(.*)\n```$", text, re.DOTALL) if is_models else []
            self.append(Rollout(prompt[-1]["task_id"], codes, decode(ids), scored))
        return played


def test_training_in_environments(policy: Policy, server: rg.Server, tmp_path: Path) -> None:
    played = Environments()
    trainer = trainer_of(
        policy, server, tmp_path, reward_funcs=[played], environment_factory=environment(server.url, interpreter_state="persistent")
    )
    trainer.train()
    check(trainer, played, server, "rewards/RuntimeGymEnvironment/mean")
    assert sum(frequency > 0 for frequency in logged(trainer, "tools/call_frequency")) == STEPS
    assert any(len(one.codes) > 1 for one in played)


def test_training_in_rollouts(policy: Policy, server: rg.Server, tmp_path: Path) -> None:
    played = Rollouts(rollout_func(server.url, interpreter_state="persistent"))
    trainer = trainer_of(policy, server, tmp_path, reward_funcs=[reward], rollout_func=played)
    trainer.train()
    check(trainer, played, server, "rewards/reward/mean")
    assert any(len(one.codes) > 1 for one in played)


def check(trainer: GRPOTrainer, played: list[Rollout], server: rg.Server, key: str) -> None:
    """Each reward is the server's evaluation, the model has learned, and no episode is left open."""
    assert len(played) == STEPS * BATCH
    scores = [score(server, one.task_id, one.codes) for one in played]
    assert [one.reward for one in played] == scores
    means = [sum(scores[at : at + BATCH]) / BATCH for at in range(0, len(scores), BATCH)]
    assert logged(trainer, key) == pytest.approx(means)
    assert sum(norm > 0 for norm in logged(trainer, "grad_norm")) >= 5
    assert finite(trainer)
    assert running(server) == 0


class Restart(TrainerCallback):
    """Starts a server in place of the one that was killed, after the second step."""

    def __init__(self, server: rg.Server, tasks: Path) -> None:
        """``server`` is there at first."""
        self.server, self.tasks = server, tasks

    def on_step_end(self, _args: object, state: TrainerState, _control: object, **_: object) -> None:
        """Starts it."""
        if state.global_step == 2:
            self.server.close()
            self.server = rg.serve(self.tasks, listen=self.server.url.removeprefix("http://"))


@pytest.mark.parametrize("kind", ["environments", "rollouts"])
def test_a_server_that_is_lost(
    kind: str, policy: Policy, tasks: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = rg.serve(tasks)
    restart = Restart(server, tasks)
    most_lost = 2 * BATCH + 5
    played: Environments | Rollouts
    plays: dict[str, Any]
    if kind == "environments":
        played = Environments()
        factory = environment(server.url, interpreter_state="persistent", most_lost=most_lost, attempts=2)
        plays = {"reward_funcs": [played], "environment_factory": factory}
    else:
        played = Rollouts(rollout_func(server.url, interpreter_state="persistent", most_lost=most_lost, attempts=2))
        plays = {"reward_funcs": [reward], "rollout_func": played}
    trainer = trainer_of(policy, server, tmp_path, callbacks=[restart], **plays)
    generate = trainer._generate_single_turn
    kills = [1, 4]

    def lose(*args: Any, **kwargs: Any) -> Any:
        # The episodes of the batch have begun.
        if kills and len(played) == kills[0] * BATCH:
            kills.pop(0)
            os.kill(restart.server.pid, signal.SIGKILL)
        return generate(*args, **kwargs)

    monkeypatch.setattr(trainer, "_generate_single_turn", lose)
    with caplog.at_level("WARNING", "runtime_gym.trl"), pytest.raises(rg.RuntimeGymError, match=f"the last {most_lost} episodes were lost"):
        trainer.train()
    restart.server.close()
    batches = [played[at : at + BATCH] for at in range(0, len(played), BATCH)]
    lost = [{one.reward is None for one in batch} for batch in batches]
    assert lost == [{False}, {True}, {False}, {False}, {True}, {True}]
    assert len([record for record in caplog.records if record.name == "runtime_gym.trl"]) == BATCH + most_lost
    assert not any(re.search("unavailable|connect|transport|http:|answers at", one.text, re.IGNORECASE) for one in played)
    norms = logged(trainer, "grad_norm")
    assert [norm > 0 for norm in norms] == [True, False, True, True, False, False]
    assert finite(trainer)


@pytest.mark.parametrize("template", [golden.TEMPLATE, qwen3_chat_template], ids=["chatml", "qwen3"])
@pytest.mark.parametrize("state", list(rg.InterpreterState))
def test_the_golden_episode(
    state: rg.InterpreterState, template: str, golden_server: rg.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = golden.recorded()
    tokenizer = golden.tokenizer(made["merges"])
    tokenizer.chat_template = template
    played = rollout_func(golden_server.url, interpreter_state=state)
    trainer = trainer_of(Policy(small_model(tokenizer), tokenizer), golden_server, tmp_path, reward_funcs=[reward], rollout_func=played)
    answers = iter(made["answers"])
    monkeypatch.setattr(trainer, "_generate_single_turn", lambda *_: ([next(answers)], None))
    [row] = dataset(rg.Client(golden_server.url))
    prompt_ids, completion_ids, mask, *_, extra, _images, _tool_images = trainer._generate([row["prompt"]])
    assert prompt_ids == [made[state]["prompt_ids"]]
    assert completion_ids == [made[state]["response_ids"]]
    assert mask == [made[state]["mask"]]
    assert extra["reward"] == [1.0]


def test_a_generation_that_fails(policy: Policy, server: rg.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    played = rollout_func(server.url, interpreter_state="persistent")
    trainer = trainer_of(policy, server, tmp_path, reward_funcs=[reward], rollout_func=played)

    def fail(*_: object) -> None:
        assert running(server) == BATCH
        raise MemoryError("no memory")

    monkeypatch.setattr(trainer, "_generate_single_turn", fail)
    with pytest.raises(MemoryError, match="no memory"):
        trainer.train()
    assert running(server) == 0


def test_a_callers_mistakes_are_raised(policy: Policy, server: rg.Server, tmp_path: Path) -> None:
    unknown = {"set": "rules", "task_id": "unknown"}
    played = rollout_func(server.url, interpreter_state="persistent")
    trainer = trainer_of(policy, server, tmp_path, reward_funcs=[reward], rollout_func=played)
    with pytest.raises(rg.NotFound):
        played([[{"role": "user", "content": "", **unknown}]] * 3, trainer)
    with pytest.raises(KeyError):
        played([[{"role": "user", "content": ""}]], trainer)
    with pytest.raises(rg.NotFound):
        environment(server.url, interpreter_state="persistent")().reset(**unknown)
    assert running(server) == 0


def test_an_environment(server: rg.Server) -> None:
    row, other = dataset(rg.Client(server.url), "rule_diagnosis", 2)
    make = pickle.loads(pickle.dumps(environment(server.url, interpreter_state="reset", max_turns=3)))
    played = make()
    told = played.reset(**row)
    assert "a * x + b" in told
    assert "test_input(x: int) -> int" in told
    assert "You have 3 turns" in told
    assert "is reset after every block" in told
    assert "```" not in told
    assert json.loads(played.python("x = 1\nprint('```é')")) == {"success": True, "result": None, "output": "```é\n", "error": None}
    assert "NameError" in json.loads(played.python("print(x)"))["error"]
    with pytest.raises(TypeError, match="string"):
        played.python([])
    played.python("pass")
    with pytest.raises(ValueError, match="ended"):
        played.python("pass")
    assert (played.get_reward(), played.get_reward()) == (0.0, 0.0)
    played.reset(**other)
    assert running(server) == 1
    played.reset(**row)
    assert running(server) == 1
    for code in SCRIPTS[0]:
        played.python(code)
    assert played.get_reward() == 1.0
    assert running(server) == 0
    hidden = environment(server.url, interpreter_state="reset", runtime="hidden")()
    assert "reset" not in hidden.reset(**row)
    hidden.get_reward()
