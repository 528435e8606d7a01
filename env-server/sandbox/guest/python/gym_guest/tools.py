"""The host's tools as plain functions."""

import json
from json.encoder import encode_basestring_ascii
from json.scanner import make_scanner

from componentize_py_types import Err
from wit_world import Argument, ToolFailureKind, call_tool

from gym_guest import limit
from gym_guest.failures import clean

_type_name = type.__dict__["__name__"].__get__  # a metaclass may lie about `__name__`
_dumps = json.JSONEncoder(allow_nan=False).encode
_PLAIN = {  # the types of most arguments: converted to JSON directly, without the encoder
    str: encode_basestring_ascii,
    int: int.__repr__,
    bool: {False: "false", True: "true"}.__getitem__,
}
_scan = make_scanner(json.JSONDecoder())


class ToolInvocationException(Exception):
    """A tool was called with the wrong arguments."""


class ToolRuntimeException(Exception):
    """A tool refused, or failed."""


EXCEPTIONS = {cls.__name__: cls for cls in (ToolInvocationException, ToolRuntimeException)}
for _cls in EXCEPTIONS.values():
    _cls.__module__ = "builtins"  # so that a traceback shows the name without a module


def _argument(keyword, value) -> Argument:
    kind = type(value)
    try:
        if kind is str or kind is int or kind is bool:
            return Argument(keyword, kind.__name__, _PLAIN[kind](value))
        text = _dumps(value)
    except Exception:  # noqa: BLE001  (not JSON, too deep, or its methods raised)
        text = None
    return Argument(keyword, clean(_type_name(kind)), text)


def function(tool):
    """The function that stands for a tool in the agent's namespace."""
    name = tool.name

    def stub(*args, **kwargs):
        arguments = [_argument(None, value) for value in args]
        if kwargs:
            arguments += [_argument(clean(keyword), value) for keyword, value in kwargs.items()]
        try:
            return _scan(call_tool(name, arguments), 0)[0]  # the host writes nothing around its JSON
        except Err as error:
            failure = error.value
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
