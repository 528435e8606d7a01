"""Whole episodes: the loops that every adapter to a trainer or an evaluator is built on.

An infrastructure failure (a server that is gone, for example) is never a reward of 0, and no model is shown it: the reward is ``None``,
and the failure is there as a value. Leases are renewed while a model thinks, and episodes are closed whatever happens.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, Required, TypedDict, Unpack

from ._aio import AsyncClient, AsyncEpisode
from ._conversation import Answer, Conversation, Message, Style
from ._errors import FAULTS, NotFound, RuntimeGymError
from ._requests import TaskConfig
from ._types import EndReason, Evaluation, InterpreterState, Limits, Semantics, Step, Task

__all__ = ["EpisodeOptions", "Generated", "Played", "PlayedTokens", "Tokenizer", "play_chat", "play_tokens"]


class EpisodeOptions(TypedDict, total=False):
    """The options of :meth:`AsyncClient.create`."""

    interpreter_state: Required[InterpreterState | str]
    semantics: Semantics | str | None
    limits: Limits | None
    seed: int | None
    lease: float | None
    state_loss: float
    record_definitions: bool
    episode_id: str | None


@dataclass(slots=True)
class Played:
    """An episode that was played."""

    episode_id: str = ""
    messages: list[Message] = field(default_factory=list[Message])
    """The conversation."""
    steps: list[Step] = field(default_factory=list[Step])
    turns: int = 0
    """Answers of the model."""
    evaluation: Evaluation | None = None
    end_reason: EndReason | None = None
    fault: RuntimeGymError | None = None
    """The failure of a server that ended it, if one did. The episode says nothing about the model then."""

    @property
    def reward(self) -> float | None:
        """The score; ``None`` after a fault."""
        return None if self.evaluation is None or self.fault else self.evaluation.score


class Tokenizer(Protocol):
    """What :func:`play_tokens` needs of a tokenizer; those of transformers have it."""

    def apply_chat_template(self, conversation: Any, /, *, tokenize: bool, add_generation_prompt: bool, **options: Any) -> Any:  # noqa: ANN401
        """A conversation as text."""
        ...

    def encode(self, text: str, /, *, add_special_tokens: bool) -> list[int]:
        """A text as ids."""
        ...

    def decode(self, ids: list[int], /, *, skip_special_tokens: bool) -> str:
        """Ids as text."""
        ...


@dataclass(frozen=True, slots=True)
class Generated:
    """What a model generates: ids, the end-of-turn token among them if the model has written it."""

    ids: Sequence[int]
    logprobs: Sequence[float] | None = None
    """The log-probability of each id, if the model's server tells it."""
    finish_reason: str = "stop"
    """``"stop"`` or ``"length"``."""

    def first(self, most: int) -> Generated:
        """The first ids of it, cut off where it has more than ``most``."""
        if len(self.ids) <= most:
            return self
        return Generated(self.ids[:most], None if self.logprobs is None else self.logprobs[:most], "length")


@dataclass(slots=True)
class PlayedTokens(Played):
    """An episode that was played in tokens: what the model was shown and what it wrote, each id exactly as it was sent or received."""

    prompt_ids: list[int] = field(default_factory=list[int])
    """Before the model's first answer."""
    response_ids: list[int] = field(default_factory=list[int])
    """Everything after that: answers, and what the model was shown between them."""
    mask: list[int] = field(default_factory=list[int])
    """1 for each response id that the model generated, 0 for the others."""
    logprobs: list[float] | None = None
    """For each response id, 0 where the mask is 0; ``None`` if they are not told of every answer."""


async def play_chat(
    client: AsyncClient,
    task: Task | TaskConfig | Mapping[str, Any] | str,
    chat: Callable[[list[Message], list[dict[str, Any]]], Awaitable[Answer]],
    *,
    style: Style | None = None,
    **options: Unpack[EpisodeOptions],
) -> Played:
    """Plays an episode with a model that takes messages: ``chat`` gets the messages and the functions that the model can call, as
    OpenAI's API has them, and returns the model's answer. What ``chat`` raises ends the episode and is raised.
    """
    style = style or Style()
    played = Played()

    async def turns(episode: AsyncEpisode, conversation: Conversation) -> None:
        while not episode.ended and played.turns < style.max_turns:
            answer = await chat(conversation.request(), conversation.tools)
            await _turn(episode, conversation, answer, played)

    await _play(client, task, style, options, played, turns)
    return played


async def play_tokens(
    client: AsyncClient,
    task: Task | TaskConfig | Mapping[str, Any] | str,
    generate: Callable[[list[int]], Awaitable[Generated]],
    tokenizer: Tokenizer,
    *,
    style: Style | None = None,
    max_response: int | None = None,
    template: Mapping[str, Any] | None = None,
    **options: Unpack[EpisodeOptions],
) -> PlayedTokens:
    """Plays an episode with a model that takes ids: ``generate`` gets all ids so far and returns those that the model adds.

    No id is encoded twice: the model's own are kept as they came, and after each answer only the ids of what the model is shown next are
    added. So the names in a persistent interpreter, which a conversation does not keep, are not shown (``Prompt.hide_names``).
    ``max_response`` is the most response ids: an answer that has more is cut off there, and an episode that would have more ends.
    ``template`` holds further arguments of the chat template, such as ``{"enable_thinking": False}``.
    """
    style = style or Style()
    style = replace(style, prompt=replace(style.prompt, hide_names=True))
    if style.agent_type == "react" and style.tool_calls == "native":
        raise ValueError('play_tokens reads calls in the text: use Style(agent_type="react", tool_calls="text")')
    played = PlayedTokens()
    render = _Template(tokenizer, template or {})

    async def turns(episode: AsyncEpisode, conversation: Conversation) -> None:
        played.prompt_ids = render.opening(conversation.messages)
        while True:
            generated = await generate(played.prompt_ids + played.response_ids)
            if max_response is not None:
                generated = generated.first(max_response - len(played.response_ids))
            _add(played, generated, is_models=True)
            text = tokenizer.decode(list(generated.ids), skip_special_tokens=True)
            await _turn(episode, conversation, Answer(text, finish_reason=generated.finish_reason), played)
            if episode.ended or played.turns >= style.max_turns:
                return
            ids = render.following(conversation.shown, generated.ids)
            if max_response is not None and len(played.response_ids) + len(ids) >= max_response:
                return
            _add(played, Generated(ids, [0.0] * len(ids)), is_models=False)

    await _play(client, task, style, options, played, turns)
    return played


async def _play(
    client: AsyncClient,
    task: Task | TaskConfig | Mapping[str, Any] | str,
    style: Style,
    options: EpisodeOptions,
    played: Played,
    turns: Callable[[AsyncEpisode, Conversation], Awaitable[None]],
) -> None:
    """Takes the turns of a new episode, renews its lease meanwhile, and closes and evaluates it at the end, whatever happens."""
    import asyncio  # only here: it takes long

    options["limits"] = style.limits(options.get("limits"))
    try:
        episode = await client.create(task, **options)
    except FAULTS as fault:
        played.fault = fault
        return
    played.episode_id = episode.id
    renewing = asyncio.create_task(_renew(episode))
    try:
        conversation = Conversation(episode, style)
        try:
            await turns(episode, conversation)
        finally:
            played.messages = conversation.messages
    except RuntimeGymError as fault:
        played.fault = fault
    finally:
        renewing.cancel()
        try:
            await episode.close()
        except RuntimeGymError as fault:
            played.fault = played.fault or fault
        played.evaluation, played.end_reason = episode.evaluation, episode.end_reason


async def _renew(episode: AsyncEpisode) -> None:
    """Renews a lease before it ends. Where that fails, the next step says why."""
    import asyncio

    while True:
        await asyncio.sleep(episode.lease / 3)
        try:
            await episode.keep_alive()
        except NotFound:
            return
        except RuntimeGymError:
            continue


async def _turn(episode: AsyncEpisode, conversation: Conversation, answer: Answer, played: Played) -> None:
    """Takes one turn of a model."""
    played.turns += 1
    action = conversation.answer(answer)
    if action is not None:
        step = await episode.step(action)
        conversation.observe(step)
        played.steps.append(step)


def _add(played: PlayedTokens, ids: Generated, *, is_models: bool) -> None:
    """Adds ids to the response."""
    if ids.logprobs is not None and len(ids.logprobs) != len(ids.ids):
        raise ValueError(f"the model's server tells {len(ids.logprobs)} log-probabilities of {len(ids.ids)} ids")
    if not played.response_ids:
        played.logprobs = []
    if ids.logprobs is None or played.logprobs is None:
        played.logprobs = None
    else:
        played.logprobs.extend(ids.logprobs)
    played.response_ids.extend(ids.ids)
    played.mask.extend([int(is_models)] * len(ids.ids))


class _Template:
    """What a chat template writes, in parts."""

    MARK = "\N{SYMBOL FOR START OF TEXT}answer\N{SYMBOL FOR END OF TEXT}"

    def __init__(self, tokenizer: Tokenizer, options: Mapping[str, Any]) -> None:
        self._tokenizer = tokenizer
        self._options = options

    def opening(self, messages: list[Message]) -> list[int]:
        """The ids before the first answer."""
        return self._tokenizer.encode(self._text(messages), add_special_tokens=False)

    def following(self, shown: list[Message], answer: Sequence[int]) -> list[int]:
        """The ids that follow an answer: its end, if the answer lacks it, messages, and the beginning of the next answer. The end of a
        turn is a token of its own, so that no id spans two parts.
        """
        before = [{"role": "user", "content": "task"}, {"role": "assistant", "content": self.MARK}]
        text = self._text([*before, *shown])
        _, mark, rest = text.partition(self.MARK)
        if not mark:
            raise ValueError("the chat template does not write an assistant's content as it is")
        ids = self._tokenizer.encode(rest, add_special_tokens=False)
        ends = bool(answer) and bool(ids) and answer[-1] == ids[0]
        return ids[1:] if ends else ids

    def _text(self, messages: list[Message]) -> str:
        return self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **self._options)
