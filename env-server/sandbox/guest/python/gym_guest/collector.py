"""When cyclic garbage is collected.

A collection of CPython 3.14 may visit all that a new container reaches, however much that is: with a collection
after every 2,000 new objects, building a large structure takes quadratic time. So the number of new objects
between two collections doubles while collections free little, and falls back once one frees much: what is built
to stay costs little, and garbage is still freed within the limit of memory.
"""

import gc

_LEAST = gc.get_threshold()[0]
_MOST = 64_000
_MUCH = 8  # a collection frees much if it frees one object in 8 of the threshold

_VAIN = 3  # the threshold doubles after 3 in a row that free little: some only mark, and so free nothing

_current = _LEAST
_in_vain = 0


def install() -> None:
    """Adapts the threshold after each collection."""
    gc.callbacks.append(_adapt)


def _adapt(phase: str, info: dict) -> None:
    global _current, _in_vain
    if phase != "stop" or info["generation"] == 2 or gc.get_threshold()[0] != _current:
        return  # it begins, or the agent's code asked for it, or has set the threshold
    if info["collected"] * _MUCH > _current:
        _in_vain, following = 0, _LEAST
    elif _in_vain + 1 < _VAIN:
        _in_vain, following = _in_vain + 1, _current
    else:
        _in_vain, following = 0, min(2 * _current, _MOST)
    if following != _current:
        _current = following
        gc.set_threshold(_current)
