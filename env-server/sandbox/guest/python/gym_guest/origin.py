"""Which code is the agent's own: what comes neither from the standard library nor from the guest."""

import sys

import componentize_py_types
import wit_world

# Whatever is imported later, no code of the library is: its modules are all loaded before the snapshot.
_LIBRARY = frozenset(
    file for module in [*sys.modules.values(), componentize_py_types, wit_world]
    if type(file := getattr(module, "__file__", None)) is str
)
_GUEST = __file__.rpartition("/")[0] + "/"


def is_own(file: str) -> bool:
    """Whether code with this file name is the agent's: of a block, of its own files, or compiled from text."""
    return type(file) is not str or not (file in _LIBRARY or file.startswith(("<frozen ", _GUEST)))
