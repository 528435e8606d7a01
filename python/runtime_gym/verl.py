"""Episodes as an agent loop of verl (verl 0.9).

verl makes agent loops by name. ``actor_rollout_ref.rollout.agent.agent_loop_config_path`` is a file that says what they have in common::

    - name: runtime_gym
      _target_: runtime_gym.verl.CodeActLoop
      url: http://env:50051
      interpreter_state: persistent
      style:
        max_turns: 20

A row of the data set (Parquet or JSON lines) names the loop, and a task of the server::

    {"agent_name": "runtime_gym", "task": "knapsack-0000000000", "task_set": "train", "data_source": "runtime_gym",
     "prompt": [{"role": "user", "content": ""}], "reward_model": {"ground_truth": ""}}

``rollout.prompt_length`` must have room for what a model is told of a task, and ``rollout.response_length`` for the rest of an episode.
``data.apply_chat_template_kwargs`` and ``rollout.calculate_log_probs`` apply; ``rollout.multi_turn`` is for verl's own loops.
"""

from __future__ import annotations

import functools
import inspect
from typing import Any
from uuid import uuid4

from verl.experimental.agent_loop.agent_loop import AgentLoopBase, AgentLoopMetrics, AgentLoopOutput
from verl.experimental.agent_loop.tool_agent_loop import SPEC_DECODE_EXTRA_KEYS
from verl.utils.profiler import simple_timer
from verl.utils.rollout_trace import rollout_trace_op
from verl.workers.rollout.replica import TokenOutput

from ._aio import AsyncClient
from ._play import Generated, play_tokens
from ._row import Row
from ._types import EndReason

__all__ = ["CodeActLoop"]


# Without verl's `register`: verl imports this module with the first episode, and would forget the options of the file.
class CodeActLoop(AgentLoopBase):
    """Plays episodes by :func:`runtime_gym.play_tokens`, in the words of our own agents. The prompt of the row is not shown.

    The reward is the score. A failure of a server is raised, and so is a generation that verl has aborted. verl's trainer then leaves
    out the trajectory, or its whole group if it trains asynchronously. (The old trainer, ``trainer.use_v1=False``, ends.) A trajectory
    without a reward would not be left out: verl computes a reward by its own function. ``is_solved``, ``finished`` and ``steps`` are
    logged; ``acc`` is not, since verl counts it as 0 where a trajectory is missing.

    No id is encoded twice. What stands between two answers is what the chat template writes there. For models of the families Qwen,
    DeepSeek and Llama these are the ids of verl's own loops too, if the model has ended its answer itself.
    """

    def __init__(self, **given: object) -> None:
        """``given`` holds verl's own objects and the keys of the file. A key that the row has too is taken from the row; other columns
        of a row mean nothing here.

        ``interpreter_state`` and ``task``, the id of one, must be there; ``task_set`` says where several sets have it. ``url`` is one
        server, or a list of several with the same tasks. ``semantics``, ``seed``, ``lease`` and ``state_loss`` are those of
        :meth:`runtime_gym.AsyncClient.create`; ``limits`` and ``style`` hold the fields of :class:`runtime_gym.Limits` and
        :class:`runtime_gym.Style`. Tools are called in the text.
        """
        verls = {*inspect.signature(AgentLoopBase).parameters, "name", "tools"}
        super().__init__(**{key: value for key, value in given.items() if key in verls})
        self._common = {key: value for key, value in given.items() if key not in verls}

    @rollout_trace_op
    async def run(self, sampling_params: dict[str, Any], **row: object) -> AgentLoopOutput:
        """Plays the episode of a row."""
        asked = Row.of(self._common, row, "agent_loop_config_path")
        model = _Model(self, sampling_params)
        with simple_timer("episode", model.seconds):
            played = await play_tokens(
                _client(asked.urls),
                asked.task,
                model.generate,
                self.tokenizer,
                style=asked.style,
                max_response=self.rollout_config.response_length,
                template=self.apply_chat_template_kwargs,
                **asked.options,
            )
        if played.fault:
            raise played.fault
        assert played.evaluation
        logged = {
            "is_solved": float(played.evaluation.is_solved),
            "finished": float(played.end_reason is EndReason.FINISHED),
            "steps": float(len(played.steps)),
        }
        generated = model.seconds["generate_sequences"]
        return AgentLoopOutput(
            prompt_ids=played.prompt_ids,
            response_ids=played.response_ids,
            response_mask=played.mask,
            response_logprobs=played.logprobs,
            routed_experts=model.routed_experts,
            reward_score=played.reward,
            # The task, answers, and what was shown between them.
            num_turns=2 * played.turns,
            metrics=AgentLoopMetrics(
                generate_sequences=generated,
                tool_calls=model.seconds["episode"] - generated,
                num_preempted=model.num_preempted,
            ),
            extra_fields={
                **model.extra_fields,
                "turn_scores": [],
                "tool_rewards": [],
                "reward_extra_info": logged,
                "episode_id": played.episode_id,
            },
        )


class _Model:
    """The model of an episode, on verl's servers."""

    def __init__(self, loop: CodeActLoop, sampling_params: dict[str, Any]) -> None:
        self._loop = loop
        self._sampling_params = sampling_params
        self._request_id = uuid4().hex
        self._prompt_length: int | None = None
        self.seconds: dict[str, float] = {}
        """Of ``generate_sequences``, and others that the loop adds."""
        self.num_preempted = -1
        self.routed_experts: Any = None
        self.extra_fields: dict[str, Any] = {}

    async def generate(self, ids: list[int]) -> Generated:
        """The next answer."""
        limits = self._loop.rollout_config
        if self._prompt_length is None:
            self._prompt_length = len(ids)
        if self._prompt_length > limits.prompt_length:
            raise ValueError(f"the prompt has {self._prompt_length} tokens, more than rollout.prompt_length, {limits.prompt_length}")
        most = limits.response_length - (len(ids) - self._prompt_length)
        with simple_timer("generate_sequences", self.seconds):
            output = await self._loop.server_manager.generate(
                request_id=self._request_id, prompt_ids=ids, sampling_params={**self._sampling_params, "max_tokens": most}
            )
        if output.stop_reason in ("abort", "aborted"):
            raise RuntimeError("verl has aborted a generation")
        self._note(output)
        # verl's servers do not tell an answer that was cut off at the limit from one that has ended.
        is_cut = output.stop_reason == "length" or len(output.token_ids) >= most
        is_whole = not is_cut or output.token_ids[-1] == self._loop.tokenizer.eos_token_id
        return Generated(output.token_ids, output.log_probs or None, "stop" if is_whole else "length")

    def _note(self, output: TokenOutput) -> None:
        """Notes what verl's trainer wants to know of all answers together, as verl's own loops do."""
        self.routed_experts = output.routed_experts
        if output.num_preempted is not None:
            self.num_preempted = max(self.num_preempted, 0) + output.num_preempted
        known, new = self.extra_fields, output.extra_fields
        summed = {key: known[key] + new[key] for key in SPEC_DECODE_EXTRA_KEYS if key in known and key in new}
        latest = {"max_global_steps": new["max_global_steps"]} if new.get("max_global_steps") is not None else {}
        self.extra_fields = {**new, **known, **summed, **latest}


@functools.cache
def _client(urls: str | tuple[str, ...]) -> AsyncClient:
    """One client for all loops of a process, so that they share its connections."""
    return AsyncClient(urls)
