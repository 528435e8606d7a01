"""Makes the snapshot cheap to start from.

An interpreter's memory is a copy-on-write view of the snapshot: every page that it is the first to write
costs it a page fault and 4 KiB. Python writes everywhere, above all in reference counts. So all objects are
listed here, for the build to make immortal (see `../../build/immortal.rs`): nobody counts references to an
immortal object. And the heap's holes are filled, so that new objects lie side by side in new memory.
"""

import gc
import sys
from array import array
from types import CodeType

# The build finds the list by this mark, twice: 4 bytes of length follow, then 4 of address for each object.
_MARK = b"runtime-gym: objects to make immortal:"
_LARGE = 1 << 20  # bytes: no hole is larger

_kept = []  # what is listed must live as long as the snapshot
_plugs = []


def prepare() -> None:
    """Call it last: what lives now is what every interpreter starts with."""
    sys.path_importer_cache.clear()  # knows the time stamps of the machine that builds the snapshot
    gc.collect()
    _list_objects()
    gc.collect()
    plug_holes()
    gc.freeze()  # a collection need not look at them either


def _list_objects() -> None:
    """Lists every object that can be reached from what the collector knows."""
    seen = set()
    objects = gc.get_objects()
    found = []
    while objects:
        new = []
        for thing in objects:
            if id(thing) not in seen:
                seen.add(id(thing))
                new.append(thing)
        found += new
        objects = gc.get_referents(*new)
        for thing in new:
            if type(thing) is CodeType:  # the collector does not look into code
                objects += (
                    thing.co_consts, thing.co_names, thing.co_filename, thing.co_name, thing.co_qualname,
                    thing.co_linetable, thing.co_exceptiontable,
                )
    del objects, new, thing, seen
    addresses = array("I", map(id, found))
    _kept.append(found)
    _kept.append(_MARK + _MARK + len(addresses).to_bytes(4, "little") + addresses.tobytes())


def plug_holes() -> None:
    """Fills the heap's holes."""
    top = max(id(bytes(_LARGE)) for _ in range(4))
    size = _LARGE
    while size > 0:
        while True:
            plug = bytes(size)
            if id(plug) >= top:
                break
            _plugs.append(plug)
        size = size * 15 // 16 if size > 512 else size - 8
    for make in (lambda: float(len(_plugs)), object):  # smaller than any bytes
        while id(plug := make()) < top:
            _plugs.append(plug)
