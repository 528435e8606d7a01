"""The standard library, imported before the snapshot: at run time there are no files to import from."""

import gc
import importlib
import sys
import warnings

# Left out: what needs a screen, a terminal or another process, what prints or acts when imported, and
# what is of no use to an agent's computation.
_LEFT_OUT = {
    "antigravity", "compression", "concurrent", "ensurepip", "idlelib", "lib2to3", "msilib", "multiprocessing",
    "pip", "pydoc_data", "this", "tkinter", "turtle", "turtledemo", "venv", "webbrowser",
}

_LARGE = 1 << 20  # bytes: no hole is larger

_SUBMODULES = (
    "collections.abc", "concurrent.futures", "email.message", "encodings.ascii", "encodings.hex_codec",
    "encodings.idna", "encodings.latin_1", "encodings.rot_13", "encodings.utf_16", "encodings.utf_32",
    "html.entities", "html.parser", "importlib.metadata", "importlib.resources", "json.tool", "logging.handlers",
    "os.path", "unittest.mock", "urllib.parse", "urllib.request", "wsgiref.util", "xml.dom.minidom",
    "xml.etree.ElementTree", "xml.sax",
)


def _import_all() -> None:
    public = (name for name in sorted(sys.stdlib_module_names) if not name.startswith("_"))
    for name in (*public, *_SUBMODULES):
        if name in _LEFT_OUT:
            continue
        try:
            importlib.import_module(name)
        except Exception:  # noqa: BLE001  (not every module exists on WebAssembly)
            pass


def freeze() -> None:
    """Makes the snapshot cheap to start from: see `_plug_holes`. Moves all that lives now out of the
    collector's sight too: a collection then touches only new pages."""
    sys.path_importer_cache.clear()  # knows the time stamps of the machine that builds the snapshot
    gc.collect()
    _plug_holes()
    gc.freeze()


_plugs = []


def _plug_holes() -> None:
    """Fills the holes that importing left in the heap, so that what a step allocates lies side by side in new
    memory. In the holes it would touch a page for every few objects, and each page that an interpreter is
    the first to touch costs it a page fault."""
    top = max(id(bytes(_LARGE)) for _ in range(4))
    size = _LARGE
    while size > 0:
        while True:
            plug = bytes(size)
            if id(plug) >= top:
                break
            _plugs.append(plug)
        size = size * 15 // 16 if size > 512 else size - 8


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    _import_all()
