"""Agent loops in verl's own workers, on the CPU. Only the servers of the model are written here."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import re
import shutil
import signal
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import golden
import pytest

import runtime_gym as rg

with warnings.catch_warnings():
    # verl tells which of its engines are not installed.
    warnings.simplefilter("ignore")
    import datasets
    import numpy as np
    import ray
    import torch
    import transfer_queue as tq
    import verl
    from hydra import compose, initialize_config_dir
    from omegaconf import DictConfig
    from transformers import Qwen3Config, Qwen3ForCausalLM
    from verl import DataProto
    from verl.experimental.agent_loop import AgentLoopWorker
    from verl.trainer.ppo.v1.agent_loop_tq import AgentLoopManagerTQ
    from verl.trainer.ppo.v1.replay_buffer import ReplayBuffer
    from verl.utils import tensordict_utils
    from verl.utils.dataset.rl_dataset import RLHFDataset, collate_fn
    from verl.utils.tokenizer.continuous_token_wiring import create_continuous_token_builder
    from verl.workers.rollout.llm_server import LLMServerClient
    from verl.workers.rollout.replica import TokenOutput
    from verl.workers.rollout.router import get_router_handle

STATES = list(rg.InterpreterState)
MADE = golden.recorded()
TOKENIZER = golden.tokenizer(MADE["merges"])
END = TOKENIZER.eos_token_id
PROMPT, RESPONSE = 1000, 400
"""Tokens of a prompt and of a response."""


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with random weights, in a folder."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1}
    config = Qwen3Config(vocab_size=len(TOKENIZER), head_dim=16, max_position_embeddings=2 * PROMPT, **sizes)
    folder = tmp_path_factory.mktemp("model")
    Qwen3ForCausalLM(config).save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What verl's data set keeps is kept here."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


Configure = Callable[..., DictConfig]


@pytest.fixture
def configure(model: Path, tmp_path: Path) -> Configure:
    """A config of verl, for a file of agent loops with these options."""

    def configure(options: dict[str, Any], *overrides: str) -> DictConfig:
        # JSON is YAML.
        loop = {"name": "runtime_gym", "_target_": "runtime_gym.verl.CodeActLoop", **options}
        (tmp_path / "loops.yaml").write_text(json.dumps([loop]))
        rollout = {
            "name": "vllm",
            "prompt_length": PROMPT,
            "response_length": RESPONSE,
            "calculate_log_probs": True,
            "agent.agent_loop_config_path": tmp_path / "loops.yaml",
        }
        with initialize_config_dir(str(Path(verl.__file__).parent / "trainer/config"), version_base=None):
            given = [f"actor_rollout_ref.rollout.{key}={value}" for key, value in rollout.items()]
            return compose("ppo_trainer", [f"actor_rollout_ref.model.path={model}", *given, *overrides])

    return configure


def row(server: rg.Server, **columns: Any) -> dict[str, Any]:
    """A row of a data set."""
    return {
        "agent_name": "runtime_gym",
        "task": golden.task(server).task_id,
        "data_source": "runtime_gym",
        "prompt": [{"role": "user", "content": "not shown"}],
        "reward_model": {"ground_truth": ""},
        **columns,
    }


def load(config: DictConfig, folder: Path, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows as verl's data loader gives them."""
    (folder / "rows.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    data = RLHFDataset(str(folder / "rows.jsonl"), TOKENIZER, config.data)
    return collate_fn([data[at] for at in range(len(data))])


class Model:
    """A model that gives these answers in each episode, in the place of verl's client of its servers."""

    def __init__(self, answers: list[list[int]], **fields: Any) -> None:
        """``fields`` are those of each output."""
        self.answers, self.fields = answers, fields
        self.turns: Counter[str] = Counter()
        self.asked: list[dict[str, Any]] = []

    async def generate(self, request_id: str, *, prompt_ids: list[int], sampling_params: dict[str, Any]) -> TokenOutput:
        """The next answer."""
        self.asked.append({"prompt_ids": list(prompt_ids), **sampling_params})
        ids = self.answers[self.turns[request_id]]
        self.turns[request_id] += 1
        log_probs = [-float(at) for at in range(len(ids))] if sampling_params["logprobs"] else None
        return TokenOutput(**{"token_ids": ids, "log_probs": log_probs, "stop_reason": "completed", **self.fields})


def play(config: DictConfig, llm: Any, folder: Path, *rows: dict[str, Any]) -> DataProto:
    """What verl's worker makes of the episodes of these rows, played at once."""

    async def play() -> DataProto:
        worker = AgentLoopWorker(config, llm)
        return await worker.generate_sequences(DataProto.from_single_dict(load(config, folder, list(rows))))

    return asyncio.run(play())


def unpadded(output: DataProto, at: int, key: str) -> list[Any]:
    """An episode's part of a tensor."""
    is_there = output.batch["attention_mask"][at].bool()
    is_there = is_there[:PROMPT] if key == "prompts" else is_there[PROMPT:]
    return output.batch[key][at][is_there].tolist()


def text(output: DataProto, at: int) -> str:
    """All that the model of an episode was shown, and what it wrote."""
    return TOKENIZER.decode(unpadded(output, at, "prompts") + unpadded(output, at, "responses"))


def code(block: str) -> list[int]:
    """An answer with a block of code."""
    return [*TOKENIZER.encode(f"```python\n{block}\n```", add_special_tokens=False), END]


def running(server: rg.Server) -> int:
    """How many episodes run on the server."""
    return rg.Client(server.url).servers()[0].running_episodes


def test_the_golden_episode(golden_server: rg.Server, configure: Configure, tmp_path: Path) -> None:
    llm = Model(MADE["answers"])
    config = configure({"url": golden_server.url})
    output = play(config, llm, tmp_path, *(row(golden_server, interpreter_state=state) for state in STATES * 2))
    told = [-float(at) for answer in MADE["answers"] for at in range(len(answer))]
    for at, state in enumerate(STATES * 2):
        mask = MADE[state]["mask"]
        assert unpadded(output, at, "prompts") == MADE[state]["prompt_ids"]
        assert unpadded(output, at, "responses") == MADE[state]["response_ids"]
        assert unpadded(output, at, "response_mask") == mask
        assert unpadded(output, at, "rm_scores") == [0.0] * (len(mask) - 1) + [1.0]
        logprobs = unpadded(output, at, "rollout_log_probs")
        assert [one for one, is_models in zip(logprobs, mask, strict=True) if is_models] == told
        assert not any(one for one, is_models in zip(logprobs, mask, strict=True) if not is_models)
        episode = rg.Client(golden_server.url).attach(output.non_tensor_batch["episode_id"][at])
        assert (episode.interpreter_state, episode.evaluation.score) == (state, 1.0)
    assert output.non_tensor_batch["__num_turns__"].tolist() == [8] * 4
    assert [output.non_tensor_batch[key].tolist() for key in ("is_solved", "finished", "steps")] == [[1.0] * 4, [1.0] * 4, [3.0] * 4]
    # verl would count it as 0 where an episode is missing.
    assert "acc" not in output.non_tensor_batch
    for metrics in output.meta_info["metrics"]:
        assert 0 < metrics["generate_sequences"] < metrics["tool_calls"]
    assert running(golden_server) == 0


@pytest.mark.parametrize("state", STATES)
def test_verls_own_tokens_are_the_same(golden_server: rg.Server, state: rg.InterpreterState) -> None:
    builder = create_continuous_token_builder(TOKENIZER, hf_model_type="qwen3")
    mask: list[int] = []
    with rg.Client(golden_server.url).create(golden.task(golden_server), interpreter_state=state) as episode:
        talk = rg.Conversation(episode, rg.Style(prompt=rg.Prompt(hide_names=True)))
        messages = talk.messages
        ids = builder.build_initial_tokens(messages)
        for answer in MADE["answers"]:
            merged = builder.merge_assistant_tokens(ids, answer)
            mask, _ = builder.align_response_metadata(merged, mask)
            ids = merged.token_ids
            said = TOKENIZER.decode(answer, skip_special_tokens=True)
            action = talk.answer(rg.Answer(said))
            if action is not None:
                talk.observe(episode.step(action))
            if episode.ended:
                break
            before = [*messages, {"role": "assistant", "content": said}]
            messages = [*before, *talk.shown]
            merged = builder.merge_context_tokens(before, messages, ids)
            mask, _ = builder.align_response_metadata(merged, mask)
            ids = merged.token_ids
    assert ids == MADE[state]["prompt_ids"] + MADE[state]["response_ids"]
    assert mask == MADE[state]["mask"]


class Sampler:
    """The model in the folder, which writes at most 24 tokens at a time."""

    def __init__(self, folder: Path) -> None:
        """In this process."""
        self.model = Qwen3ForCausalLM.from_pretrained(folder)

    @torch.no_grad()
    def logprobs(self, ids: list[int]) -> torch.Tensor:
        """The log-probabilities of every token after each of these."""
        return self.model(torch.tensor([ids])).logits[0].log_softmax(-1)

    async def generate(self, *, prompt_ids: list[int], sampling_params: dict[str, Any], **_: Any) -> TokenOutput:
        """Samples an answer."""
        ids: list[int] = []
        logprobs: list[float] = []
        while len(ids) < min(24, sampling_params["max_tokens"]) and END not in ids:
            next_ones = self.logprobs([*prompt_ids, *ids])[-1]
            ids.append(int(next_ones.exp().multinomial(1)))
            logprobs.append(float(next_ones[ids[-1]]))
        return TokenOutput(token_ids=ids, log_probs=logprobs, stop_reason="completed")


def test_log_probabilities_are_those_of_the_ids(golden_server: rg.Server, configure: Configure, model: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    llm = Sampler(model)
    config = configure({"url": golden_server.url, "interpreter_state": "persistent", "style": {"max_turns": 3}})
    output = play(config, llm, tmp_path, *[row(golden_server)] * 2)
    for at in range(2):
        prompt, response, mask = (unpadded(output, at, key) for key in ("prompts", "responses", "response_mask"))
        assert len(re.findall("1+", "".join(map(str, mask)))) == 3
        again = llm.logprobs([*prompt, *response])[len(prompt) - 1 : -1]
        expected = again.gather(1, torch.tensor(response)[:, None])[:, 0] * torch.tensor(mask)
        assert unpadded(output, at, "rollout_log_probs") == pytest.approx(expected.tolist(), abs=1e-4)
    assert output.batch["rm_scores"].sum() == 0
    assert output.non_tensor_batch["finished"].tolist() == [0.0] * 2


def test_without_log_probabilities(golden_server: rg.Server, configure: Configure, tmp_path: Path) -> None:
    config = configure({"url": golden_server.url}, "actor_rollout_ref.rollout.calculate_log_probs=False")
    output = play(config, Model(MADE["answers"]), tmp_path, row(golden_server, interpreter_state="reset"))
    assert "rollout_log_probs" not in output.batch
    assert unpadded(output, 0, "responses") == MADE["reset"]["response_ids"]


@pytest.mark.parametrize("room", [10, 58, 70, 150, 151, 288])
def test_a_response_is_bounded(golden_server: rg.Server, configure: Configure, tmp_path: Path, room: int) -> None:
    llm = Model(MADE["answers"])
    config = configure({"url": golden_server.url}, f"actor_rollout_ref.rollout.response_length={room}")
    output = play(config, llm, tmp_path, row(golden_server, interpreter_state="persistent"))
    whole, mask = MADE["persistent"]["response_ids"], MADE["persistent"]["mask"]
    response = unpadded(output, 0, "responses")
    assert 0 < len(response) <= room
    assert response == whole[: len(response)]
    assert unpadded(output, 0, "response_mask") == mask[: len(response)]
    assert output.batch["response_mask"].shape == (1, room)
    # It ends with an answer, or a part of one.
    assert mask[len(response) - 1] == 1
    assert len(response) == room or mask[len(response)] == 0
    begin = len(MADE["persistent"]["prompt_ids"])
    assert [asked["max_tokens"] for asked in llm.asked] == [room - (len(asked["prompt_ids"]) - begin) for asked in llm.asked]
    assert all(asked["prompt_ids"][begin:] == whole[: len(asked["prompt_ids"]) - begin] for asked in llm.asked)
    # What an answer that was cut off asks for is not run: the last one solves the task.
    assert output.batch["rm_scores"].sum() == 0
    assert running(golden_server) == 0


def test_a_long_prompt_is_refused(golden_server: rg.Server, configure: Configure, tmp_path: Path) -> None:
    llm = Model(MADE["answers"])
    config = configure({"url": golden_server.url}, "actor_rollout_ref.rollout.prompt_length=489")
    with pytest.raises(ValueError, match=r"the prompt has 490 tokens, more than rollout.prompt_length, 489"):
        play(config, llm, tmp_path, row(golden_server, interpreter_state="persistent"))
    assert llm.asked == []
    assert running(golden_server) == 0


def test_a_generation_that_is_aborted(golden_server: rg.Server, configure: Configure, tmp_path: Path) -> None:
    config = configure({"url": golden_server.url})
    with pytest.raises(RuntimeError, match="verl has aborted a generation"):
        play(config, Model([[]], stop_reason="aborted"), tmp_path, row(golden_server, interpreter_state="reset"))
    assert running(golden_server) == 0


def test_what_a_trainer_wants_to_know(golden_server: rg.Server, configure: Configure, tmp_path: Path) -> None:
    class Counting(Model):
        async def generate(self, request_id: str, **asked: Any) -> TokenOutput:
            turn = self.turns[request_id]
            self.fields = {
                "num_preempted": turn,
                "extra_fields": {"min_global_steps": turn + 5, "max_global_steps": turn + 6, "spec_num_draft_tokens": 10},
            }
            return await super().generate(request_id, **asked)

    config = configure({"url": golden_server.url})
    output = play(config, Counting(MADE["answers"]), tmp_path, row(golden_server, interpreter_state="reset"))
    keys = ("min_global_steps", "max_global_steps", "spec_num_draft_tokens")
    assert [output.non_tensor_batch[key].tolist() for key in keys] == [[5], [9], [40]]
    assert output.meta_info["metrics"][0]["num_preempted"] == 0 + 1 + 2 + 3


def test_options(golden_server: rg.Server, configure: Configure, tmp_path: Path) -> None:
    template = "{{ greeting }}" + golden.TEMPLATE
    config = configure(
        {
            "url": [golden_server.url],
            "interpreter_state": "persistent",
            "semantics": "notebook",
            "limits": {"output_bytes_per_step": 5},
            "lease": 60,
            "style": {"max_turns": 2, "prompt": {"runtime": "hidden", "observation": "compact"}},
        },
        "+data.apply_chat_template_kwargs.greeting=Good-day",
    )
    config.actor_rollout_ref.model.custom_chat_template = template
    columns = {"task_set": golden.task(golden_server).set, "seed": 7, "interpreter_state": "reset"}
    llm = Model([code("'0123456789'"), code("pass")])
    output = play(config, llm, tmp_path, row(golden_server, **columns), row(golden_server))
    for at, state in enumerate([rg.InterpreterState.RESET, rg.InterpreterState.PERSISTENT]):
        episode = rg.Client(golden_server.url).attach(output.non_tensor_batch["episode_id"][at])
        assert (episode.interpreter_state, episode.semantics, episode.lease) == (state, rg.Semantics.NOTEBOOK, 60)
        assert (episode.limits.max_steps, episode.limits.output_bytes_per_step) == (2, 5)
        assert (episode.seed == 7) == (at == 0)
        told = text(output, at)
        assert told.startswith("Good-day<|im_start|>system")
        assert "not shown" not in told
        assert '<|im_start|>user\n{"output":"\'0123' in told
    assert output.non_tensor_batch["__num_turns__"].tolist() == [4, 4]


def test_tools_are_called_in_the_text(golden_server: rg.Server, configure: Configure, tmp_path: Path) -> None:
    calls = ['{"name": "test_input", "arguments": {"x": 0}}', '{"name": "finish", "arguments": {}}']
    answers = [[*TOKENIZER.encode(f"<tool_call>\n{call}\n</tool_call>", add_special_tokens=False), END] for call in calls]
    config = configure({"url": golden_server.url, "style": {"agent_type": "react"}})
    output = play(config, Model(answers), tmp_path, row(golden_server, interpreter_state="reset"))
    assert (output.non_tensor_batch["steps"], output.non_tensor_batch["finished"]) == ([2.0], [1.0])


def test_wrong_options(golden_server: rg.Server, configure: Configure, tmp_path: Path) -> None:
    def wrong(options: dict[str, Any], **columns: Any) -> None:
        config = configure({"url": golden_server.url, **options})
        play(config, Model([]), tmp_path, row(golden_server, **columns))

    with pytest.raises(ValueError, match=r'interpreter_state is missing: set it to "persistent" or "reset", in agent_loop_config_path'):
        wrong({})
    with pytest.raises(ValueError, match="task is missing"):
        wrong({"interpreter_state": "reset"}, task=None)
    with pytest.raises(ValueError, match="unknown keys: lese; known are url"):
        wrong({"interpreter_state": "reset", "lese": 5})
    with pytest.raises(ValueError, match="must be 'persistent' or 'reset'"):
        wrong({"interpreter_state": "half"})
    with pytest.raises(ValueError, match="several_blocks"):
        wrong({"interpreter_state": "reset", "style": {"several_blocks": "all"}})
    with pytest.raises(rg.NotFound):
        wrong({"interpreter_state": "reset"}, task="no-such-task")
    assert running(golden_server) == 0


@pytest.mark.parametrize("turns", [0, 2])
def test_a_lost_server_is_no_reward(configure: Configure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
    client = rg.AsyncClient
    monkeypatch.setattr("runtime_gym.verl.AsyncClient", lambda urls: client(urls, attempts=2, deadline=2))
    with rg.serve(golden.tasks(tmp_path)) as server:

        class Losing(Model):
            async def generate(self, request_id: str, **asked: Any) -> TokenOutput:
                if len(self.asked) == turns:
                    os.kill(server.pid, signal.SIGKILL)
                return await super().generate(request_id, **asked)

        llm = Losing(MADE["answers"])
        with pytest.raises(rg.Unavailable) as raised:
            play(configure({"url": server.url}), llm, tmp_path, row(server, interpreter_state="persistent"))
    # Nothing of it was shown to the model.
    begin = len(MADE["persistent"]["prompt_ids"])
    for asked in llm.asked:
        assert asked["prompt_ids"][begin:] == MADE["persistent"]["response_ids"][: len(asked["prompt_ids"]) - begin]
    # It passes from one process to another.
    again = pickle.loads(pickle.dumps(raised.value))
    assert (type(again), str(again)) == (rg.Unavailable, str(raised.value))


@pytest.fixture
def a_cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cluster of Ray's, of this machine alone."""
    folder = tempfile.mkdtemp(prefix="verl")
    monkeypatch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(address="local", _node_ip_address="127.0.0.1", _temp_dir=folder, num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    tq.close()
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.usefixtures("a_cluster")
def test_verls_trainer_leaves_out_what_was_lost(golden_server: rg.Server, configure: Configure, tmp_path: Path) -> None:
    answers, start = MADE["answers"], TOKENIZER.convert_tokens_to_ids(golden.START)

    # Of a class that is made here, Ray sends the code itself.
    class Replica:
        """A server of the model, as verl has them."""

        async def generate(self, prompt_ids: list[int], **_: Any) -> TokenOutput:
            """The answer that is next in the episode."""
            ids = answers[(prompt_ids.count(start) - 3) // 2]
            return TokenOutput(token_ids=ids, log_probs=[-1.0] * len(ids), stop_reason="completed", extra_fields={"global_steps": 1})

    overrides = ("rollout.n=2", "rollout.agent.num_workers=1")
    config = configure(
        {"url": golden_server.url, "interpreter_state": "persistent"},
        *(f"actor_rollout_ref.{one}" for one in overrides),
        "transfer_queue.backend.SimpleStorage.num_data_storage_units=1",
    )
    tq.init(config.transfer_queue)
    replica = ray.remote(Replica).options(num_cpus=0).remote()
    manager = AgentLoopManagerTQ.create(config, LLMServerClient(config, get_router_handle({"replica": replica})))
    # No server is there.
    lost = "http://127.0.0.1:9"
    data = load(config, tmp_path, [row(golden_server, url=golden_server.url), row(golden_server, url=lost)])
    data["uid"] = np.array(["played", "lost"], dtype=object)
    batch = tensordict_utils.get_tensordict(data)
    tensordict_utils.assign_non_tensor_data(batch, "global_steps", 1)
    waits = {"is_prompt": True, "status": "pending", "global_steps": 1}
    tq.kv_batch_put(keys=["played", "lost"], partition_id="train", tags=[waits] * 2)
    manager.generate_sequences(batch)
    sampled, _ = ReplayBuffer("sync", config.trainer, None, "drop", {}, poll_interval=0.2).sample(1, "train", 2)
    assert sorted(sampled.keys) == ["played_0_0", "played_1_0"]
    played = tq.kv_batch_get(keys=sampled.keys, partition_id="train")
    for at in range(2):
        assert played["prompts"][at].tolist() == MADE["persistent"]["prompt_ids"]
        assert played["responses"][at].tolist() == MADE["persistent"]["response_ids"]
        assert played["response_mask"][at].tolist() == MADE["persistent"]["mask"]
        assert (played["rm_scores"][at].sum(), played["rm_scores"][at][-1]) == (1.0, 1.0)
    assert running(golden_server) == 0
