"""`random` and `bisect` take a range of any length: by `len()`, which has 32 bits here, they would refuse it."""

import bisect
import importlib.util
import random
import sys
from types import FunctionType

_Random = random.Random
_bisect_left, _bisect_right = bisect.bisect_left, bisect.bisect_right


def _length(sequence) -> int:
    """As `len`, and of a range however long."""
    if type(sequence) is not range:
        return len(sequence)
    start, stop, step = sequence.start, sequence.stop, sequence.step
    return max(0, -((start - stop) // step))


def _with_length(method: FunctionType) -> FunctionType:
    """The method, with `_length` in place of `len`."""
    copy = FunctionType(method.__code__, {**method.__globals__, "len": _length}, method.__name__)
    copy.__defaults__, copy.__kwdefaults__ = method.__defaults__, method.__kwdefaults__
    return copy


def _without_c():
    """`bisect` in Python alone."""
    spec = importlib.util.find_spec("bisect")
    module = importlib.util.module_from_spec(spec)
    kept, sys.modules["_bisect"] = sys.modules["_bisect"], None
    spec.loader.exec_module(module)
    sys.modules["_bisect"] = kept
    module.len = _length
    return module


_sample, _choices = _Random.sample, _Random.choices
_long_sample, _long_choices = _with_length(_sample), _with_length(_choices)
_long = _without_c()


def choice(self, seq):
    """Choose a random element from a non-empty sequence."""
    try:
        length = len(seq)
    except OverflowError:
        length = _length(seq)
    if not length:
        raise IndexError("Cannot choose from an empty sequence")
    return seq[self._randbelow(length)]


def sample(self, population, k, *, counts=None):
    """Chooses k unique random elements from a population sequence."""
    chosen = _long_sample if type(population) is range else _sample
    return chosen(self, population, k, counts=counts)


def choices(self, population, weights=None, *, cum_weights=None, k=1):
    """Return a k sized list of population elements chosen with replacement."""
    chosen = _long_choices if type(population) is range else _choices
    return chosen(self, population, weights, cum_weights=cum_weights, k=k)


def bisect_left(a, x, lo=0, hi=None, *, key=None):
    """Return the index where to insert item x in list a, assuming a is sorted."""
    if type(a) is range:
        return _long.bisect_left(a, x, lo, hi, key=key)
    return _bisect_left(a, x, lo, hi, key=key)


def bisect_right(a, x, lo=0, hi=None, *, key=None):
    """Return the index where to insert item x in list a, assuming a is sorted."""
    if type(a) is range:
        return _long.bisect_right(a, x, lo, hi, key=key)
    return _bisect_right(a, x, lo, hi, key=key)


def install() -> None:
    """Replaces the functions of both modules."""
    for method in (choice, sample, choices):
        method.__module__, method.__qualname__ = "random", f"Random.{method.__name__}"
        setattr(_Random, method.__name__, method)
        setattr(random, method.__name__, getattr(random._inst, method.__name__))
    for function in (bisect_left, bisect_right):
        function.__module__ = "_bisect"
        setattr(bisect, function.__name__, function)
    bisect.bisect = bisect_right
