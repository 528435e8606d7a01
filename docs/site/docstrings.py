"""Reads docstrings as the sources write them: with roles of Sphinx, which become links."""

from __future__ import annotations

import builtins
import re
from typing import Any

import griffe

ROLE = re.compile(r":(?:attr|class|data|func|meth|mod):`~?([^`]+)`")


class Roles(griffe.Extension):
    """Rewrites the docstring of every object in Markdown."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:  # noqa: ANN401
        """``:meth:`Client.create``` becomes a link, and two backticks one."""
        if obj.docstring:
            text = ROLE.sub(linked, obj.docstring.value)
            text = re.sub(r"``([^`]+)``", r"`\1`", text)
            obj.docstring.value = re.sub(r"::$", ":", text, flags=re.MULTILINE)


def linked(role: re.Match[str]) -> str:
    """What a role names, as a link if it is a public name of ours."""
    name = role[1]
    package, dot, rest = name.partition(".")
    is_foreign = hasattr(builtins, name) or (bool(dot) and package.islower() and package != "runtime_gym")
    return f"`{name}`" if is_foreign or rest.startswith("_") else f"[`{name}`][{name}]"
