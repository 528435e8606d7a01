"""What a trainer gives for an episode: options that all of its episodes have in common, and a row of its data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from ._client import DEFAULT_URL
from ._conversation import Style
from ._types import Limits, Task

__all__ = ["Row"]

_OPTIONS = ("url", "task", "task_set", "interpreter_state", "semantics", "limits", "seed", "lease", "state_loss", "style")
"""The keys of options and rows."""


@dataclass(frozen=True, slots=True)
class Row:
    """An episode that a trainer asks for."""

    urls: str | tuple[str, ...]
    """The servers."""
    task: Task
    style: Style
    """Tools are called in the text, which is all that the trainer passes on, and the names in an interpreter are not shown, since the
    trainer keeps all that is.
    """
    options: dict[str, Any]
    """The other options of ``create``."""

    @classmethod
    def of(cls, common: Mapping[str, Any], row: Mapping[str, Any], where: str) -> Self:
        """A key that both have is taken from the row; other columns of a row mean nothing here. ``where`` is what the common options are
        called.
        """
        unknown = [key for key in common if key not in _OPTIONS]
        if unknown:
            raise ValueError(f"{where} has unknown keys: {', '.join(unknown)}; known are {', '.join(_OPTIONS)}")
        given: dict[str, Any] = dict(common) | {key: row[key] for key in _OPTIONS if row.get(key) is not None}
        if given.get("interpreter_state") is None:
            raise ValueError(f'interpreter_state is missing: set it to "persistent" or "reset", in {where} or in each row')
        if given.get("task") is None:
            raise ValueError("task is missing: each row names one")
        url: str | Sequence[str] = given.pop("url", None) or DEFAULT_URL
        task = Task(given.pop("task_set", None) or "", given.pop("task"), "")
        style = Style.of(given.pop("style", None) or {})
        style = replace(style, tool_calls="text", prompt=replace(style.prompt, hide_names=True))
        limits: dict[str, Any] = given.pop("limits", None) or {}
        return cls(url if isinstance(url, str) else tuple(url), task, style, given | {"limits": Limits(**limits)})
