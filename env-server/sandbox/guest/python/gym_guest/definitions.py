"""What a block's top level stored, with a digest of each value, so that a later reader can count the names
that were defined again with an equal value.

Never runs the agent's code: only exact built-in types are looked into.
"""

import marshal
from hashlib import blake2b
from itertools import chain, islice
from opcode import opmap
from sys import getsizeof
from types import CodeType, FunctionType

from wit_world import Definition

from gym_guest.origin import is_own

_STORE_NAME = opmap["STORE_NAME"]
_EXTENDED_ARG = opmap["EXTENDED_ARG"]

_SCALARS = (bool, bytes, complex, float, int, str, type(None), type(Ellipsis))
_SCALAR_IDS = frozenset(map(id, _SCALARS))  # by identity: hashing an agent's class could run its metaclass
_SEQUENCES = frozenset(map(id, (list, tuple, set, frozenset)))

_MAX_NAMES = 1_000  # of one block
_MAX_NAME_LENGTH = 100  # characters
_MAX_LENGTH = 10_000  # elements of one container, and containers in one value
_MAX_BYTES = 4_000_000  # memory of one value, shared parts counted each time
_FORMAT = 2  # marshal's newest format without back-references: those depend on identity, not on value


def of(parts: list[CodeType], bound: dict) -> list[Definition]:
    """The definitions of a block, given its code and the names that are bound after it."""
    found = []
    for name in islice(dict.fromkeys(chain.from_iterable(map(_stored_names, parts))), _MAX_NAMES):
        if name in bound and len(name) <= _MAX_NAME_LENGTH:
            content = _content(bound[name])
            if content is not None:
                found.append(Definition(name, blake2b(content, digest_size=8).hexdigest()))
    return found


def _stored_names(block: CodeType):
    code = block.co_code
    at = code.find(_STORE_NAME)
    while at >= 0:
        if at % 2 == 0:  # an instruction is an opcode byte and an argument byte
            index, shift, before = code[at + 1], 8, at - 2
            while before >= 0 and code[before] == _EXTENDED_ARG:
                index |= code[before + 1] << shift
                shift += 8
                before -= 2
            yield block.co_names[index]
        at = code.find(_STORE_NAME, at + 1)


def _content(value) -> bytes | None:
    """Bytes that equal values share, or None for what is neither data nor a function of the agent's."""
    try:
        if type(value) is FunctionType:
            return _function(value)
        return b"d" + marshal.dumps(value, _FORMAT) if _is_small_data(value) else None
    except (ValueError, MemoryError, RecursionError):
        return None


def _function(function: FunctionType) -> bytes | None:
    if not is_own(function.__code__.co_filename) or function.__closure__ is not None:
        return None
    defaults = (function.__defaults__, function.__kwdefaults__)
    if not _is_small_data(defaults):
        return None
    return b"f" + marshal.dumps((_normalised(function.__code__), defaults), _FORMAT)


def _normalised(constant):
    """A constant with the code objects in it as plain tuples, without names of files or places in them."""
    if type(constant) is CodeType:
        code = constant
        return (
            "code", code.co_name, code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount,
            code.co_flags, code.co_varnames, code.co_cellvars, code.co_freevars, code.co_names,
            code.co_code, code.co_exceptiontable, tuple(map(_normalised, code.co_consts)),
        )
    if type(constant) is tuple:
        return tuple(map(_normalised, constant))
    if type(constant) is slice:
        return ("slice", constant.start, constant.stop, constant.step)
    return constant


def _is_small_data(value) -> bool:
    """Whether a value is made of plain data only, and little of it."""
    left = _MAX_BYTES
    pending = [value]
    for _ in range(_MAX_LENGTH):
        if not pending:
            return True
        current = pending.pop()
        kind = id(type(current))
        if kind in _SCALAR_IDS:
            left -= getsizeof(current)
        elif kind in _SEQUENCES or type(current) is dict:
            if len(current) > _MAX_LENGTH:
                return False
            parts = [*current, *current.values()] if type(current) is dict else current
            left -= getsizeof(current)
            if set(map(id, map(type, parts))) <= _SCALAR_IDS:
                left -= sum(map(getsizeof, parts))  # the usual case, without a Python loop
            else:
                pending.extend(parts)
        else:
            return False
        if left < 0:
            return False
    return not pending
