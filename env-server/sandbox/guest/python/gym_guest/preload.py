"""The standard library, imported before the snapshot: at run time there are no files to import from."""

import importlib
import sys
import warnings

# Left out: what needs a screen, a terminal or another process, what prints or acts when imported, and
# what is of no use to an agent's computation.
_LEFT_OUT = {
    "antigravity", "compression", "concurrent", "ensurepip", "idlelib", "lib2to3", "msilib", "multiprocessing",
    "pip", "pydoc_data", "this", "tkinter", "turtle", "turtledemo", "venv", "webbrowser",
}

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


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    _import_all()
