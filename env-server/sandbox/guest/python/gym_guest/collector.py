"""When cyclic garbage is collected.

A collection of CPython 3.14 may visit all that a new container reaches, however much that is: with a collection
after every 2,000 new objects, building a large structure takes quadratic time. So the number of new objects
between two collections doubles while collections free little, and falls back once one frees much: what is built
to stay costs little, and garbage is still freed within the limit of memory.
"""

import gc

_LEAST = gc.get_threshold()[0]
_MOST = 64_000
_MUCH = 8  # one in so many objects freed

_current = _LEAST
_in_vain = False  # a collection that only marks frees nothing: two in a row are needed


def install() -> None:
    """Adapts the threshold after each collection."""
    gc.callbacks.append(_adapt)


def _adapt(phase: str, info: dict) -> None:
    global _current, _in_vain
    if phase != "stop" or gc.get_threshold()[0] != _current:  # else the agent's code has set it
        return
    if info["collected"] * _MUCH > _current:
        _current, _in_vain = _LEAST, False
    elif _in_vain and _current < _MOST:
        _current, _in_vain = _current * 2, False
    else:
        _in_vain = True
        return
    gc.set_threshold(_current)
