"""Imports of the agent's own files. The library's modules are all loaded; none is found in a file."""

import sys
from importlib import machinery
from zipimport import zipimporter


class _DirectoryFinder(machinery.FileFinder):
    """Finds modules in a directory, and remembers nothing of it: a file may be written at any time."""

    def find_spec(self, fullname, target=None):
        """The module's file, if there is one."""
        self.invalidate_caches()
        return super().find_spec(fullname, target)


def install() -> None:
    """Replaces the finders of files."""
    # Compiled code is kept by the second in which its source was written: here much happens within one.
    sys.dont_write_bytecode = True
    source = (machinery.SourceFileLoader, machinery.SOURCE_SUFFIXES)
    compiled = (machinery.SourcelessFileLoader, machinery.BYTECODE_SUFFIXES)
    sys.path_hooks[:] = [zipimporter, _DirectoryFinder.path_hook(source, compiled)]
