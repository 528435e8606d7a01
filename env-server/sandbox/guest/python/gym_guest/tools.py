"""The host's tools as plain functions."""

import json

from componentize_py_types import Err
from wit_world import Argument, ToolFailureKind, call_tool

from gym_guest import limit
from gym_guest.failures import clean

_type_name = type.__dict__["__name__"].__get__  # a metaclass may lie about `__name__`
_dumps = json.JSONEncoder(allow_nan=False).encode
_loads = json.loads


class ToolInvocationException(Exception):
    """A tool was called with the wrong arguments."""


class ToolRuntimeException(Exception):
    """A tool refused, or failed."""


EXCEPTIONS = {cls.__name__: cls for cls in (ToolInvocationException, ToolRuntimeException)}
for _cls in EXCEPTIONS.values():
    _cls.__module__ = "builtins"  # so that a traceback shows no module in front of the name


def _argument(keyword, value) -> Argument:
    try:
        text = _dumps(value)
    except Exception:  # noqa: BLE001  (not JSON, too deep, or its methods raised)
        text = None
    return Argument(keyword, clean(_type_name(type(value))), text)


def _call(name, args, kwargs):
    arguments = [_argument(None, value) for value in args]
    arguments += [_argument(clean(keyword), value) for keyword, value in kwargs.items()]
    try:
        return _loads(call_tool(name, arguments)), None
    except Err as error:
        return None, error.value


def function(tool):
    """The function that stands for a tool in the agent's namespace."""
    name = tool.name

    def stub(*args, **kwargs):
        answer, failure = _call(name, args, kwargs)
        if failure is None:
            return answer
        if failure.kind is ToolFailureKind.LIMIT:
            limit.impose()
            raise limit.ToolCallLimit
        if failure.kind is ToolFailureKind.INVOCATION:
            raise ToolInvocationException(failure.message)
        raise ToolRuntimeException(failure.message)

    stub.__name__ = stub.__qualname__ = name
    stub.__module__ = "__main__"
    stub.__doc__ = f"{name}({', '.join(tool.parameters)})\n\n{tool.doc}".rstrip()
    return stub
