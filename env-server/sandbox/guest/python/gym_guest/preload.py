"""The standard library, imported before the snapshot: at run time there are no files to import from."""

import importlib
import pkgutil
import sys
import warnings

# Left out: modules that need a screen, a terminal or another process, that print or act when they are
# imported, or that are of no use to an agent's computation.
_LEFT_OUT = {
    "antigravity", "concurrent.futures.interpreter", "concurrent.futures.process", "concurrent.interpreters",
    "ensurepip", "idlelib", "multiprocessing", "pydoc_data", "this", "tkinter", "turtle", "turtledemo", "venv",
    "webbrowser",
}

# Modules that functions of the library, such as `datetime.strptime` and `ast.unparse`, import when called.
_PRIVATE = ("_ast_unparse", "_pylong", "_strptime")


def _import(name: str) -> None:
    """Imports a module and, of a package, every submodule: codecs, too, are found by their names."""
    if name in _LEFT_OUT or name.endswith(".__main__"):
        return
    try:
        module = importlib.import_module(name)
    except Exception:  # noqa: BLE001  (not every module exists on WebAssembly)
        return
    for submodule in pkgutil.iter_modules(getattr(module, "__path__", ())):
        _import(f"{name}.{submodule.name}")


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    for _name in sorted(sys.stdlib_module_names):
        if not _name.startswith("_") or _name in _PRIVATE:
            _import(_name)
