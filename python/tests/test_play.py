"""Whole episodes, with models that are written here."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import runtime_gym as rg


def says(*answers: str | rg.Answer) -> Callable[[list[rg.Message], list[dict[str, Any]]], Coroutine[None, None, rg.Answer]]:
    """A model that gives these answers in turn, and then ends the task."""
    left = list(answers)

    async def chat(_messages: list[rg.Message], _tools: list[dict[str, Any]]) -> rg.Answer:
        answer = left.pop(0) if left else code("finish()")
        return answer if isinstance(answer, rg.Answer) else rg.Answer(answer)

    return chat


def code(block: str) -> str:
    """An answer with a block of code."""
    return f"I do this:\n```python\n{block}\n```"


@pytest.fixture
def client(server: rg.Server) -> rg.AsyncClient:
    """A client of the server, for asyncio."""
    return rg.AsyncClient(server.url)


@pytest.fixture
def task(server: rg.Server) -> rg.Task:
    """A task."""
    return rg.Client(server.url).tasks("knapsack", limit=1)[0]


async def test_a_model_that_writes_python(client: rg.AsyncClient, task: rg.Task) -> None:
    chat = says(code("x = 1"), "I think.", code("print(x)"), rg.Answer("cut", finish_reason="length"))
    played = await rg.play_chat(client, task, chat, interpreter_state="persistent")
    assert played.fault is None
    assert (played.turns, len(played.steps)) == (5, 3)
    assert played.end_reason is rg.EndReason.FINISHED
    assert played.evaluation is not None
    assert played.reward == played.evaluation.score == played.steps[-1].reward
    roles = [message["role"] for message in played.messages]
    assert roles == ["system", "user", *["assistant", "user"] * 5]
    said = [message["content"] for message in played.messages]
    assert "keeps its state" in said[0] or "persist" in said[0]
    assert said[3] == '{"success":true,"result":null,"output":"","error":null}'
    assert "no code block" in said[5]
    assert '"output":"1\\n"' in said[7]
    assert "cut off (finish reason: length)" in said[9]
    assert (await client.servers())[0].running_episodes == 0


async def test_names_are_shown_in_requests_and_not_kept(client: rg.AsyncClient, task: rg.Task) -> None:
    requests: list[list[rg.Message]] = []

    async def chat(messages: list[rg.Message], _tools: list[dict[str, Any]]) -> rg.Answer:
        requests.append(messages)
        return rg.Answer(code("tea = 1") if len(requests) == 1 else code("finish()"))

    played = await rg.play_chat(client, task, chat, interpreter_state="persistent")
    assert "tea" in requests[1][-1]["content"]
    assert "tea" not in played.messages[3]["content"]


async def test_a_model_that_calls_tools(client: rg.AsyncClient, task: rg.Task) -> None:
    call = rg.FunctionCall("1", "list_items", "{}")
    chat = says(rg.Answer("", [call]), rg.Answer("", [rg.FunctionCall("2", "finish", "{}")]))
    played = await rg.play_chat(client, task, chat, interpreter_state="reset", style=rg.Style(agent_type="react"))
    assert played.messages[2]["tool_calls"] == [{"id": "1", "type": "function", "function": {"name": "list_items", "arguments": "{}"}}]
    assert played.messages[3]["role"] == "tool"
    assert played.messages[3]["tool_call_id"] == "1"
    assert played.messages[3]["content"] == played.steps[0].observation.tool_results[0].result
    assert played.end_reason is rg.EndReason.FINISHED


async def test_turns_are_bounded(client: rg.AsyncClient, task: rg.Task) -> None:
    endless = says(*[code("pass")] * 9)
    played = await rg.play_chat(client, task, endless, interpreter_state="reset", style=rg.Style(max_turns=3))
    assert (played.turns, played.end_reason) == (3, rg.EndReason.MAX_STEPS)
    idle = says(*["I think."] * 9)
    played = await rg.play_chat(client, task, idle, interpreter_state="reset", style=rg.Style(max_turns=3))
    assert (played.turns, played.end_reason) == (3, rg.EndReason.CLOSED)
    assert played.reward is not None


async def test_what_a_model_raises_is_raised_and_the_episode_closed(client: rg.AsyncClient, task: rg.Task) -> None:
    async def chat(_messages: list[rg.Message], _tools: list[dict[str, Any]]) -> rg.Answer:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await rg.play_chat(client, task, chat, interpreter_state="reset")
    assert (await client.servers())[0].running_episodes == 0


async def test_leases_are_renewed_while_a_model_thinks(client: rg.AsyncClient, task: rg.Task) -> None:
    async def chat(messages: list[rg.Message], _tools: list[dict[str, Any]]) -> rg.Answer:
        if len(messages) == 2:
            await asyncio.sleep(3)
        return rg.Answer(code("finish()"))

    played = await rg.play_chat(client, task, chat, interpreter_state="reset", lease=1)
    assert played.end_reason is rg.EndReason.FINISHED


async def test_a_lost_server_is_no_reward_and_no_model_sees_it(tasks: Path) -> None:
    server = rg.serve(tasks)
    client = rg.AsyncClient(server.url, attempts=2, deadline=2)
    [task] = await client.tasks("knapsack", limit=1)
    seen: list[str] = []

    async def chat(messages: list[rg.Message], _tools: list[dict[str, Any]]) -> rg.Answer:
        seen.append(messages[-1]["content"])
        if len(seen) == 2:
            os.kill(server.pid, signal.SIGKILL)
        return rg.Answer(code("x = 1"))

    played = await rg.play_chat(client, task, chat, interpreter_state="reset")
    assert isinstance(played.fault, rg.Unavailable)
    assert played.reward is None
    assert not any(re.search("unavailable|reached|connect", text, re.IGNORECASE) for text in seen[1:])
    assert len(played.steps) == 1
    again = await rg.play_chat(client, task, chat, interpreter_state="reset")
    assert isinstance(again.fault, rg.Unavailable)
    assert again.turns == 0
    server.close()


async def test_a_caller_is_told_of_its_mistakes(client: rg.AsyncClient, task: rg.Task) -> None:
    with pytest.raises(rg.NotFound):
        await rg.play_chat(client, "no-such-task", says(), interpreter_state="reset")
    wrong = rg.Style(several_blocks="all")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="several_blocks"):
        await rg.play_chat(client, task, says(), interpreter_state="reset", style=wrong)
    with pytest.raises(ValueError, match='tool_calls="text"'):
        await rg.play_tokens(client, task, Letters().model([]), Letters(), interpreter_state="reset", style=rg.Style(agent_type="react"))
    assert (await client.servers())[0].running_episodes == 0


class Letters:
    """A tokenizer of letters, with tokens for some pairs and for the ends of messages: what is decoded and encoded again may have
    other ids.
    """

    SPECIAL = ("<start>", "<end>")
    PAIRS = ("in", "th", "``", "\n\n")

    def __init__(self, end: str = "<end>\n") -> None:
        """``end`` is what the chat template writes after a message."""
        self.end = end

    def apply_chat_template(
        self, conversation: Sequence[rg.Message], /, *, tokenize: bool, add_generation_prompt: bool, **_options: Any
    ) -> str:
        """Each message between the special tokens."""
        assert not tokenize
        text = "".join(f"<start>{message['role']}\n{message['content']}{self.end}" for message in conversation)
        return text + "<start>assistant\n" * add_generation_prompt

    def encode(self, text: str, /, *, add_special_tokens: bool) -> list[int]:
        """The longest tokens first."""
        assert not add_special_tokens
        parts = re.findall("|".join(map(re.escape, [*self.SPECIAL, *self.PAIRS])) + "|.", text, re.DOTALL)
        tokens = [*self.SPECIAL, *self.PAIRS]
        return [tokens.index(part) if part in tokens else ord(part) + 100 for part in parts]

    def decode(self, ids: list[int], /, *, skip_special_tokens: bool) -> str:
        """Without the special tokens."""
        assert skip_special_tokens
        tokens = ["", "", *self.PAIRS]
        return "".join(tokens[one] if one < len(tokens) else chr(one - 100) for one in ids)

    def text(self, ids: Sequence[int]) -> str:
        """With the special tokens."""
        tokens = [*self.SPECIAL, *self.PAIRS]
        return "".join(tokens[one] if one < len(tokens) else chr(one - 100) for one in ids)

    def letters(self, text: str) -> list[int]:
        """The ids of a model that does not know the pairs."""
        return [ord(letter) + 100 for letter in text]

    def model(
        self, answers: Sequence[tuple[list[int], bool]], *, tells_logprobs: bool = True
    ) -> Callable[[list[int]], Coroutine[None, None, rg.Generated]]:
        """A model that gives these answers, whole or cut off, and then ends the task."""
        self.prompts: list[list[int]] = []
        self.generated: list[rg.Generated] = []
        left = list(answers)

        async def generate(ids: list[int]) -> rg.Generated:
            answer, whole = left.pop(0) if left else (self.letters(code("finish()")), True)
            answer = [*answer, self.SPECIAL.index("<end>")] if whole else answer
            logprobs = [-1.0 - len(ids) - at for at in range(len(answer))] if tells_logprobs else None
            self.prompts.append(ids)
            self.generated.append(rg.Generated(answer, logprobs, "stop" if whole else "length"))
            return self.generated[-1]

        return generate


async def test_tokens_are_never_encoded_again(client: rg.AsyncClient, task: rg.Task) -> None:
    tokenizer = Letters()
    answers = [(tokenizer.letters(code("print('thing in')")), True), (tokenizer.letters("cut in th"), False)]
    generate = tokenizer.model(answers)
    played = await rg.play_tokens(client, task, generate, tokenizer, interpreter_state="persistent")
    assert played.reward is not None
    assert [step.observation.output for step in played.steps] == ["thing in\n", ""]
    # Each prompt begins with the one before, and with what the model wrote.
    all_ids = played.prompt_ids + played.response_ids
    assert all(all_ids[: len(prompt)] == prompt for prompt in tokenizer.prompts)
    text = tokenizer.text(all_ids)
    assert text.startswith(tokenizer.apply_chat_template(played.messages[:2], tokenize=False, add_generation_prompt=True))
    assert '<end>\n<start>user\n{"success":true,"result":null,"output":"thing in\\n","error":null}<end>\n<start>assistant\n' in text
    assert "cut in th<end>\n<start>user\n" in text


IDS = st.one_of(st.integers(0, 5), st.sampled_from("in th`<end>\n'x=1é").map(lambda letter: ord(letter) + 100))
"""Those of special tokens and of pairs, and letters that are often a pair or a special token when they are encoded again."""
ANSWERS = st.lists(
    st.tuples(st.one_of(st.lists(IDS, max_size=30), st.just(Letters().letters(code("y = 'in th'\nprint(y)")))), st.booleans()),
    max_size=5,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    answers=ANSWERS,
    end=st.sampled_from(["<end>\n", "<end>", "\n\n", "\n", ""]),
    tells_logprobs=st.booleans(),
    room=st.none() | st.integers(1, 600),
)
def test_every_id_is_as_it_came(
    server: rg.Server, task: rg.Task, answers: list[tuple[list[int], bool]], end: str, tells_logprobs: bool, room: int | None
) -> None:
    tokenizer = Letters(end)
    generate = tokenizer.model(answers, tells_logprobs=tells_logprobs)

    async def play() -> rg.PlayedTokens:
        client = rg.AsyncClient(server.url)
        return await rg.play_tokens(client, task, generate, tokenizer, interpreter_state="persistent", max_response=room)

    played = asyncio.run(play())
    assert played.fault is None
    assert played.turns == len(tokenizer.generated)
    ids: list[int] = []
    mask: list[int] = []
    logprobs: list[float] = []
    for prompt, generated in zip(tokenizer.prompts, tokenizer.generated, strict=True):
        assert prompt[: len(ids)] == ids
        shown = prompt[len(ids) :]
        before = f"{end}<start>user\n" if ids else "<start>system\n"
        first, *rest = tokenizer.encode(before, add_special_tokens=False)
        before = tokenizer.text(rest) if mask[-1:] == [1] and ids[-1] == first else before
        after = f"{end}<start>assistant\n"
        text = tokenizer.text(shown)
        assert text.startswith(before)
        assert text.endswith(after)
        assert shown == tokenizer.encode(text, add_special_tokens=False)
        if ids:
            said = text.removeprefix(before).removesuffix(after)
            assert any(said in message["content"] for message in played.messages if message["role"] == "user")
        kept = generated.first(len(generated.ids) if room is None else len(played.prompt_ids) + room - len(prompt))
        ids = [*prompt, *kept.ids]
        mask += [0] * len(shown) + [1] * len(kept.ids)
        logprobs += [0.0] * len(shown) + list(kept.logprobs or [])
    begin = len(played.prompt_ids)
    assert played.prompt_ids == tokenizer.prompts[0]
    assert played.response_ids == ids[begin:]
    assert played.mask == mask[begin:]
    assert played.logprobs == (logprobs[begin:] if tells_logprobs else None)
    assert room is None or len(played.response_ids) <= room
    if room is None:
        assert played.end_reason is rg.EndReason.FINISHED


async def test_an_answer_past_the_room_is_cut_off(client: rg.AsyncClient, task: rg.Task) -> None:
    tokenizer = Letters()
    generate = tokenizer.model([(tokenizer.letters(code("x = 1")), True)])
    played = await rg.play_tokens(client, task, generate, tokenizer, interpreter_state="reset", max_response=20)
    assert played.response_ids == list(tokenizer.generated[0].ids[:20])
    assert played.logprobs == list(tokenizer.generated[0].logprobs or [])[:20]
    assert (played.turns, played.steps, played.mask) == (1, [], [1] * 20)
    assert "cut off (finish reason: length)" in played.messages[-1]["content"]
    assert played.reward is not None


async def test_log_probabilities_of_every_id_or_none(client: rg.AsyncClient, task: rg.Task) -> None:
    tokenizer = Letters()
    model = tokenizer.model([])

    for untold in range(2):
        turns = itertools.count()

        async def generate(ids: list[int], turns: Iterator[int] = turns, untold: int = untold) -> rg.Generated:
            turn = next(turns)
            return await model(ids) if turn == 2 else rg.Generated([200], None if turn == untold else [-1.0])

        played = await rg.play_tokens(client, task, generate, tokenizer, interpreter_state="reset")
        assert played.turns == 3
        assert played.logprobs is None

    async def wrong(_ids: list[int]) -> rg.Generated:
        return rg.Generated([101, 102], [-1.0])

    with pytest.raises(ValueError, match="1 log-probabilities of 2 ids"):
        await rg.play_tokens(client, task, wrong, tokenizer, interpreter_state="reset")
    assert (await client.servers())[0].running_episodes == 0
